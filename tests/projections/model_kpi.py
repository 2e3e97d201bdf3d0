"""The figures of `kpi`, worked out again in plain Python: one function a part of the business."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from tests.projections import model, model_selling
from tests.projections import model_customers as customers
from tests.projections.model import Seen
from tests.projections.model_customers import _by, _middle, _ours, _times, month_of, share

Place = tuple[date | None, str | None]
"""A month or all time, a market or all of them."""
Figure = tuple[str, Place, str | None, int | None]
"""Metric, where it belongs, currency, value."""


def kpi(events: Iterable[Seen], now: datetime) -> customers.Rows:
    """Value by metric, month, market and currency; a figure that cannot be divided is absent."""
    events = list(events)
    figures: list[Figure] = [
        *_people(events, now),
        *_sales(events),
        *_answers(events),
        *_leads(events, now),
        *_deals(events),
        *_tickets(events, now),
        *_campaigns(events, now),
    ]
    found = {
        (metric, month, market, currency): value
        for metric, (month, market), currency, value in figures
        if value is not None
    }
    assert len(found) == sum(value is not None for *_, value in figures)
    return found


def _places(month: date, market: str) -> list[Place]:
    return [(month, market), (month, None), (None, market), (None, None)]


def _people(events: list[Seen], now: datetime) -> Iterator[Figure]:
    about = _by(lambda event: event["customer"], filter(_ours, events))
    market = customers._markets_of_people(events)
    for where in {None, *market.values()}:
        yield from _people_of(
            where, {who: own for who, own in about.items() if where in {None, market[who]}}, now
        )


def _people_of(where: str | None, about: dict[Any, list[Seen]], now: datetime) -> Iterator[Figure]:
    orders = {who: _times(own, "order.placed") for who, own in about.items()}
    engaged = {
        who: {month_of(e["occurred_at"]) for e in own if model.engages(e)}
        for who, own in about.items()
    }
    first = {who: min(month_of(e["occurred_at"]) for e in own) for who, own in about.items()}
    ever = (None, where)
    buyers, repeat = (sum(len(o) >= n for o in orders.values()) for n in (1, 2))
    yield "customers", ever, None, len(about)
    yield "buyers", ever, None, buyers
    yield "repeat_buyers", ever, None, repeat
    yield "repeat_rate", ever, None, share(repeat, buyers)
    recent = now - timedelta(days=90)
    active = sum(bool(o) and recent < o[-1] <= now for o in orders.values())
    yield "active_buyers_90_days", ever, None, active
    met = {
        who: max((e["occurred_at"] for e in own if model.engages(e)), default=None)
        for who, own in about.items()
    }
    lately = sum(at is not None and recent < at <= now for at in met.values())
    yield "engagement_90_days", ever, None, share(lately, len(about))
    changes = [
        (month_of(event["occurred_at"]), event["type"]) for own in about.values() for event in own
    ]
    for month in {month for month, _ in changes}:
        then = (month, where)
        known = sum(begun <= month for begun in first.values())
        bought = [o for o in orders.values() if any(month_of(moment) == month for moment in o)]
        again = [o for o in bought if sum(month_of(moment) <= month for moment in o) >= 2]
        started = sum(m < month for m, kind in changes if kind == "subscription.started")
        ended = sum(m < month for m, kind in changes if kind == "subscription.cancelled")
        yield "customers", then, None, known
        yield "new_customers", then, None, sum(begun == month for begun in first.values())
        yield "buyers", then, None, len(bought)
        yield "repeat_buyers", then, None, len(again)
        yield "repeat_rate", then, None, share(len(again), len(bought))
        yield "engagement", then, None, share(sum(month in e for e in engaged.values()), known)
        cancelled = Counter(changes)[month, "subscription.cancelled"]
        yield "churn", then, None, share(cancelled, max(started - ended, 0))
    yield from _paid(where, about)


def _paid(where: str | None, about: dict[Any, list[Seen]]) -> Iterator[Figure]:
    sign = {"subscription.started": 1, "subscription.renewed": 1}
    sign |= {"order.placed": 1, "order.refunded": -1}
    paid: dict[str, int] = defaultdict(int)
    payers: dict[str, set[Any]] = defaultdict(set)
    for who, own in about.items():
        for event in own:
            if event["type"] in sign and event.get("currency") and not model.on_trial(event):
                paid[event["currency"]] += sign[event["type"]] * (event.get("amount_minor") or 0)
                if sign[event["type"]] > 0:
                    payers[event["currency"]].add(who)
    for currency, total in paid.items():
        yield "lifetime_value", (None, where), currency, share(total, len(payers[currency]), 1)


def _sales(events: list[Seen]) -> Iterator[Figure]:
    totals: dict[tuple[Place, str], Counter[str]] = defaultdict(Counter)
    for event in events:
        if event["type"] in {"order.placed", "order.refunded"}:
            for place in _places(month_of(event["occurred_at"]), event["market"] or ""):
                total = totals[place, event.get("currency") or ""]
                total[event["type"]] += 1
                total[event["type"] + " for"] += event.get("amount_minor") or 0
    for (place, currency), total in totals.items():
        ordered = total["order.placed for"]
        yield "orders", place, currency, total["order.placed"]
        yield "ordered", place, currency, ordered
        yield "refunded", place, currency, total["order.refunded for"]
        yield "average_order_value", place, currency, share(ordered, total["order.placed"], 1)


def _answers(events: list[Seen]) -> Iterator[Figure]:
    given: dict[tuple[Place, str], list[int]] = defaultdict(list)
    for event in events:
        if event["type"] == "survey.answered":
            for place in _places(month_of(event["occurred_at"]), event["market"] or ""):
                given[place, event["survey"]].append(event["score"])
    for (place, survey), scores in given.items():
        match survey:
            case "nps":
                balance = sum((score >= 9) - (score <= 6) for score in scores)
                yield "net_promoter_score", place, None, share(balance, len(scores))
            case "csat":
                satisfied = sum(score >= 4 for score in scores)
                yield "customer_satisfaction", place, None, share(satisfied, len(scores))
            case _:
                yield "customer_effort_score", place, None, share(sum(scores), len(scores), 100)


def _leads(events: list[Seen], now: datetime) -> Iterator[Figure]:
    found: dict[Place, list[tuple[bool, bool]]] = {(None, None): []}
    for row in customers.journey(events, now).values():
        at = row["lead_at"]
        if at is not None:
            bought = row["last_bought_at"] is not None and row["last_bought_at"] >= at
            for place in _places(month_of(at), row["market"]):
                found.setdefault(place, []).append((row["qualified_at"] is not None, bought))
    for place, leads in found.items():
        yield "leads", place, None, len(leads)
        yield "lead_qualification", place, None, share(sum(q for q, _ in leads), len(leads))
        yield "lead_conversion", place, None, share(sum(b for _, b in leads), len(leads))


def _deals(events: list[Seen]) -> Iterator[Figure]:
    found: dict[Place, list[tuple[bool, int | None]]] = defaultdict(list)
    for deal in customers.deals(events):
        if deal["state"] in {"deal.won", "deal.lost"}:
            won = deal["state"] == "deal.won"
            days = customers._days(deal["opened_at"], deal["closed_at"]) if won else None
            for place in _places(month_of(deal["closed_at"]), deal["market"]):
                found[place].append((won, days))
    for place, closed in found.items():
        taken = [days for _, days in closed if days is not None]
        yield "win_rate", place, None, share(sum(won for won, _ in closed), len(closed))
        yield "cycle_length_median", place, None, _middle(taken)
        yield "cycle_length_mean", place, None, share(sum(taken), len(taken), 1)


def _tickets(events: list[Seen], now: datetime) -> Iterator[Figure]:
    found: dict[Place, list[tuple[int | None, int | None]]] = {(None, None): []}
    whole = [defaultdict(lambda: None, event) for event in events]
    for row in model_selling.ticket_sla(whole, now):
        for place in _places(month_of(row["opened_at"]), row["market"]):
            took = (row["response_minutes"], row["resolution_minutes"])
            found.setdefault(place, []).append(took)
    for place, tickets in found.items():
        yield "tickets", place, None, len(tickets)
        yield "first_response", place, None, _middle([a for a, _ in tickets if a is not None])
        yield "resolution", place, None, _middle([r for _, r in tickets if r is not None])


def _campaigns(events: list[Seen], now: datetime) -> Iterator[Figure]:
    cost: Counter[str] = Counter()
    revenue: Counter[str] = Counter()
    for (_, currency), row in customers.campaign_result(events, now).items():
        if row["cost_minor"]:
            cost[currency] += row["cost_minor"]
            revenue[currency] += row["revenue_minor"]
    for currency, spent in cost.items():
        yield "campaign_return", (None, None), currency, share(revenue[currency] - spent, spent)
