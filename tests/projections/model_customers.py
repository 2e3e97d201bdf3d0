"""What the views of customers and campaigns must say, worked out again in plain Python.

Nothing of `projections/` is imported: this is the other opinion. Events are given as `model.seen`
makes them, with the customer that each is read under.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson

from tests.projections import model
from tests.projections.model import Column, Seen, Take, View, _count, _is, _of, _take

Rows = dict[tuple[Any, ...], Any]


def month_of(moment: datetime) -> date:
    return moment.date().replace(day=1)


def _ours(event: Seen) -> bool:
    """What happens between us and people, and not to what is kept of them."""
    return event["domain"] not in {"privacy", "audit"}


def lines(events: Iterable[Seen]) -> list[Seen]:
    """One event a line of each order placed, with the line's own product, quantity and amount."""
    of_a_line = ("product", "quantity", "amount_minor")
    return [
        {**event, **{name: line.get(name) for name in of_a_line}}
        for event in events
        if event["type"] == "order.placed" and event.get("lines")
        for line in orjson.loads(event["lines"])
    ]


CUSTOMER_PRODUCT = View(
    {"customer": _take("customer"), "product": _take("product"), "currency": _take("currency")},
    {
        "lines": _of("count", "position"),
        "items": _of("sum", "quantity"),
        "ordered": _of("sum", "amount_minor"),
        "first_ordered": _of("min", "occurred_at"),
        "last_ordered": _of("max", "occurred_at"),
    },
)

_placed = _is("order.placed")

CUSTOMER_MONTH = View(
    {"customer": _take("customer"), "month": lambda event: month_of(event["occurred_at"])},
    {
        "touchpoints": _of("count", "position", lambda event: event["domain"] == "touchpoint"),
        "engaged": _of("count", "position", model.engages),
        "pages_viewed": _count("page.viewed"),
        "features_used": _count("feature.used"),
        "orders": _count("order.placed"),
        "first_order": _of("min", "occurred_at", _placed),
        "last_order": _of("max", "occurred_at", _placed),
        "subscriptions_started": _count("subscription.started"),
        "subscriptions_cancelled": _count("subscription.cancelled"),
        "tickets": _count("ticket.opened"),
        "surveys": _count("survey.answered"),
    },
    _ours,
)


def _survey(kind: str) -> Take:
    return lambda event: event.get("survey") == kind


def _when(how: str, *types: str) -> Column:
    return _of(how, "occurred_at", _is(*types))


CUSTOMER_MILESTONE = View(
    {"customer": _take("customer")},
    {
        "first_seen": _of("min", "occurred_at"),
        "last_seen": _of("max", "occurred_at"),
        "market": _of("arg_max", "market"),
        "first_campaign": _of("arg_min", "campaign"),
        "identified_at": _when("min", "customer.identified"),
        "lead_captured_at": _when("min", "lead.captured"),
        "lead_source": _of("arg_min", "lead_source"),
        "qualified_at": _when("min", "lead.qualified"),
        "disqualified_at": _when("min", "lead.disqualified"),
        "lead_verdict": _of("arg_max", "type", _is("lead.qualified", "lead.disqualified")),
        "lead_verdict_at": _when("max", "lead.qualified", "lead.disqualified"),
        "first_deal_opened_at": _when("min", "deal.opened"),
        "first_deal_won_at": _when("min", "deal.won"),
        "orders": _count("order.placed"),
        "first_order_at": _when("min", "order.placed"),
        "last_order_at": _when("max", "order.placed"),
        "first_subscription_at": _when("min", "subscription.started"),
        "last_subscription_at": _when("max", "subscription.started", "subscription.renewed"),
        "last_cancellation_at": _when("max", "subscription.cancelled"),
        "tickets": _count("ticket.opened"),
        "last_ticket_at": _when("max", "ticket.opened"),
        "last_survey_at": _when("max", "survey.answered"),
        "last_nps": _of("arg_max", "score", _survey("nps")),
        "last_nps_at": _of("max", "occurred_at", _survey("nps")),
        "last_csat": _of("arg_max", "score", _survey("csat")),
        "last_csat_at": _of("max", "occurred_at", _survey("csat")),
        "last_ces": _of("arg_max", "score", _survey("ces")),
        "last_ces_at": _of("max", "occurred_at", _survey("ces")),
        "score_model": _of("arg_max", "score_model"),
        "score_value": _of("arg_max", "score_value"),
    },
    _ours,
)

_WITH_MONEY = {"campaign.cost_recorded", "order.placed", "order.refunded"}
_REACHES = {
    "sent": ("email.sent", "message.sent"),
    "delivered": ("email.delivered",),
    "opened": ("email.opened",),
    "clicked": ("email.clicked",),
    "bounced": ("email.bounced",),
    "complained": ("email.complained",),
    "unsubscribed": ("email.unsubscribed",),
    "ad_clicks": ("ad.clicked",),
    "attended": ("event.attended",),
    "leads": ("lead.captured",),
    "orders": ("order.placed",),
}


def _currency_of_money(event: Seen) -> str:
    return (event.get("currency") or "") if event["type"] in _WITH_MONEY else ""


CAMPAIGN = View(
    {"campaign": _take("campaign"), "currency": _currency_of_money},
    {
        "launched_at": _when("min", "campaign.launched"),
        "channel": _of("arg_max", "channel", _is("campaign.launched")),
        "purpose": _of("arg_max", "purpose", _is("campaign.launched")),
        "cost_minor": _of("sum", "amount_minor", _is("campaign.cost_recorded")),
        **{name: _count(*types) for name, types in _REACHES.items()},
        "ordered_minor": _of("sum", "amount_minor", _placed),
        "refunded_minor": _of("sum", "amount_minor", _is("order.refunded")),
    },
)

CAMPAIGN_CUSTOMER = View(
    {"campaign": _take("campaign"), "customer": _take("customer")},
    {
        "first_touch": _of("min", "occurred_at"),
        "last_touch": _of("max", "occurred_at"),
        **{name: _count(*types) for name, types in _REACHES.items()},
    },
    _ours,
)

VIEWS = {
    "customer_360": model.CUSTOMER_360,
    "customer_money": model.CUSTOMER_MONEY,
    "customer_channel": model.CUSTOMER_CHANNEL,
    "customer_product": CUSTOMER_PRODUCT,
    "customer_month": CUSTOMER_MONTH,
    "customer_milestone": CUSTOMER_MILESTONE,
    "campaign": CAMPAIGN,
    "campaign_customer": CAMPAIGN_CUSTOMER,
    "daily": model.DAILY,
}


def rows(name: str, events: Sequence[Seen]) -> Rows:
    """The rows of one of `VIEWS` by key."""
    return model.rows(VIEWS[name], lines(events) if name == "customer_product" else events)


# --- questions ---------------------------------------------------------------------------------


def share(part: int, whole: int, times: int = 10_000) -> int | None:
    """times · part / whole, rounded towards zero; None of nothing."""
    if whole == 0:
        return None
    size = abs(times * part) // abs(whole)
    return size if (part < 0) == (whole < 0) else -size


def _middle(values: Sequence[int]) -> int | None:
    return sorted(values)[(len(values) - 1) // 2] if values else None


def _by(key: Callable[[Seen], Any], events: Iterable[Seen]) -> dict[Any, list[Seen]]:
    found: dict[Any, list[Seen]] = defaultdict(list)
    for event in events:
        if key(event) is not None:
            found[key(event)].append(event)
    return found


def _times(events: Iterable[Seen], *types: str) -> list[datetime]:
    return sorted(event["occurred_at"] for event in events if event["type"] in types)


def _latest(events: Iterable[Seen], *types: str) -> Seen | None:
    found = [event for event in events if event["type"] in types]
    return max(found, key=lambda event: event["moment"]) if found else None


def _last_given(events: Iterable[Seen], name: str) -> Any:
    given = [event for event in events if event.get(name) is not None]
    return max(given, key=lambda event: event["moment"])[name] if given else None


def _first(moments: Sequence[datetime]) -> datetime | None:
    return moments[0] if moments else None


def _days(begin: datetime | None, end: datetime | None) -> int | None:
    return None if begin is None or end is None else (end.date() - begin.date()).days


def deals(events: Iterable[Seen]) -> Iterator[dict[str, Any]]:
    """Each deal: whose it is, how it stands, when it was opened and closed."""
    touched = [event for event in events if event["type"].startswith("deal.")]
    for own in _by(lambda event: event["deal"], touched).values():
        last = _latest(own, "deal.opened", "deal.won", "deal.lost", "deal.reopened")
        closings = _times(own, "deal.won", "deal.lost")
        yield {
            "contact": _last_given(own, "customer"),
            "market": _last_given(own, "market") or "",
            "state": None if last is None else last["type"],
            "opened_at": _first(_times(own, "deal.opened")),
            "closed_at": closings[-1] if closings else None,
        }


def _repeat_at(orders: Sequence[datetime]) -> datetime | None:
    """The second order; of three or more in the first month of buying, the last one of that month."""
    if len(orders) < 2:
        return None
    at_first = [moment for moment in orders if month_of(moment) == month_of(orders[0])]
    return at_first[-1] if len(at_first) > 1 else orders[1]


def journey(events: Iterable[Seen], now: datetime) -> Rows:
    events = list(events)
    about = _by(lambda event: event["customer"], filter(_ours, events))
    bargains = defaultdict(list)
    for deal in deals(events):
        bargains[deal["contact"]].append(deal)
    return {(who,): _journey_of(own, bargains[who], now) for who, own in about.items()}


def _journey_of(own: list[Seen], bargains: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    open_ones = [d for d in bargains if d["state"] in {"deal.opened", "deal.reopened"}]
    won = sorted(d["closed_at"] for d in bargains if d["state"] == "deal.won")
    orders = _times(own, "order.placed")
    bought = sorted([*orders[:1], *won[:1], *_times(own, "subscription.started")[:1]])
    last = sorted([*orders, *won, *_times(own, "subscription.started", "subscription.renewed")])
    verdict = _latest(own, "lead.qualified", "lead.disqualified")
    seen = _times(own, *{event["type"] for event in own})
    at: dict[str, datetime | None] = {
        "first_seen": seen[0],
        "identified_at": _first(_times(own, "customer.identified")),
        "lead_at": _first(_times(own, "lead.captured")),
        "qualified_at": _first(_times(own, "lead.qualified")),
        "disqualified_at": _first(_times(own, "lead.disqualified")),
        "opportunity_at": _first(sorted(d["opened_at"] for d in bargains if d["opened_at"])),
        "bought_at": _first(bought),
        "repeat_at": _repeat_at(orders),
        "last_bought_at": last[-1] if last else None,
    }
    open_since = _first(sorted(d["opened_at"] for d in open_ones if d["opened_at"]))
    subscription = _latest(
        own, "subscription.started", "subscription.renewed", "subscription.cancelled"
    )
    lapses = None
    if last and (subscription is None or subscription["type"] == "subscription.cancelled"):
        ended = _times(own, "subscription.cancelled")[-1:]
        lapses = max(last[-1] + timedelta(days=365), *ended, datetime.min)  # noqa: DTZ901
    places: list[tuple[str, datetime | None]] = [
        ("lapsed", lapses if lapses and lapses <= now else None),
        ("repeat", at["repeat_at"]),
        ("buyer", at["bought_at"]),
        ("opportunity", open_since),
        (verdict["type"].removeprefix("lead."), verdict["occurred_at"]) if verdict else ("", None),
        ("lead", at["lead_at"]),
        ("known", at["identified_at"]),
        ("stranger", at["first_seen"]),
    ]
    stage, since = next((stage, since) for stage, since in places if since is not None)
    return {
        "market": _last_given(own, "market") or "",
        "stage": stage,
        "since": since,
        **at,
        "days_to_lead": _days(at["first_seen"], at["lead_at"]),
        "days_to_qualify": _days(at["lead_at"], at["qualified_at"]),
        "days_to_opportunity": _days(at["lead_at"], at["opportunity_at"]),
        "days_to_buy": _days(at["first_seen"], at["bought_at"]),
        "days_to_repeat": _days(at["bought_at"], at["repeat_at"]),
        "days_since_bought": _days(at["last_bought_at"], now),
    }


def _markets_of_people(events: Sequence[Seen]) -> dict[Any, str]:
    about = _by(lambda event: event["customer"], filter(_ours, events))
    return {who: _last_given(own, "market") or "" for who, own in about.items()}


def retention(events: Iterable[Seen], now: datetime) -> Rows:
    events = list(events)
    market = _markets_of_people(events)
    months: dict[Any, set[date]] = defaultdict(set)
    for event in filter(_ours, events):
        if event["type"] == "order.placed" and event["customer"] is not None:
            months[event["customer"]].add(month_of(event["occurred_at"]))
    found: Rows = {}
    for cohort in {min(own) for own in months.values()}:
        joined = [who for who, own in months.items() if min(own) == cohort]
        for where in {None, *(market[who] for who in joined)}:
            people = [who for who in joined if where in {None, market[who]}]
            for n in range((now.year - cohort.year) * 12 + now.month - cohort.month + 1):
                then = date(
                    cohort.year + (cohort.month - 1 + n) // 12, (cohort.month - 1 + n) % 12 + 1, 1
                )
                active = sum(then in months[who] for who in people)
                found[cohort, n, where] = {
                    "buyers": len(people), "active": active, "retained": share(active, len(people)),
                }  # fmt: skip
    return found


def campaign_result(events: Iterable[Seen], now: datetime) -> Rows:
    found: Rows = {}
    for campaign, own in _by(lambda event: event["campaign"], events).items():
        own_ = [event for event in own if _ours(event)]
        people = list(_by(lambda event: event["customer"], own_).values())

        def did(*types: str, people: list[list[Seen]] = people) -> int:
            return sum(any(event["type"] in types for event in theirs) for theirs in people)

        reached = sum(
            sum(_is("email.sent", "message.sent")(e) for e in theirs)
            > sum(_is("email.bounced")(e) for e in theirs)
            for theirs in people
        )
        leads = sum(event["type"] == "lead.captured" for event in own)
        launches = [event for event in own if event["type"] == "campaign.launched"]
        currencies = {_currency_of_money(event) for event in own}
        for currency in currencies - {""} or currencies:
            paid = [
                e for e in own if e["type"] in _WITH_MONEY and _currency_of_money(e) == currency
            ]
            total = {
                kind: sum(e.get("amount_minor") or 0 for e in paid if e["type"] == kind)
                for kind in _WITH_MONEY
            }
            cost = total["campaign.cost_recorded"]
            revenue = total["order.placed"] - total["order.refunded"]
            orders = sum(event["type"] == "order.placed" for event in paid)
            found[campaign, currency] = {
                "launched_at": _first(_times(launches, "campaign.launched")),
                "channel": _last_given(launches, "channel"),
                "purpose": _last_given(launches, "purpose"),
                "touched": len(people),
                "reached": reached,
                "opened": did("email.opened"),
                "clicked": did("email.clicked"),
                "clicked_ad": did("ad.clicked"),
                "attended": did("event.attended"),
                "unsubscribed": did("email.unsubscribed"),
                "complained": did("email.complained"),
                "open_rate": share(did("email.opened"), reached),
                "click_rate": share(did("email.clicked"), reached),
                "unsubscribe_rate": share(did("email.unsubscribed"), reached),
                "leads": leads,
                "orders": orders,
                "cost_minor": cost,
                "revenue_minor": revenue,
                "return_on_cost": share(revenue - cost, cost),
                "cost_a_lead": share(cost, leads, 1) if cost else None,
                "cost_an_order": share(cost, orders, 1) if cost else None,
            }
    return found
