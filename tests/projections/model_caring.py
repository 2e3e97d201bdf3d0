"""What `goal` and `attention` must answer, in plain Python, from the events themselves.

Nothing of `projections/` is imported. As in `model_selling`, customers are named as they are read.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from tests.projections.model_sales import ours, theirs
from tests.projections.model_selling import History, Rows, deals, happened, ticket_sla

_COUNTED = {
    "orders": "order.placed",
    "leads": "lead.captured",
    "tickets_resolved": "ticket.resolved",
}


def goal(events: History, now: datetime) -> Rows:
    goals: dict[str, dict[str, Any]] = {}
    for event in happened(events, "goal.set"):
        names = ("goal", "metric", "target", "period_start", "period_end")
        goals[event["goal"]] = {name: event[name] for name in names} | {
            "market": event["market"] or "",
            "currency": event["currency"] or "",
        }
    return [
        _far(row, events, now)
        for row in sorted(goals.values(), key=lambda row: (row["period_start"], row["goal"]))
    ]


def _far(row: dict[str, Any], events: History, now: datetime) -> dict[str, Any]:
    start, end, today = row["period_start"], row["period_end"], now.date()
    reached = sum(
        value
        for day, market, value in _figures(row["metric"], row["currency"], events)
        if start <= day <= end and day <= today and row["market"] in {"", market}
    )
    begun = max((min(today, end) - start).days + 1, 0)
    expected = row["target"] * begun // ((end - start).days + 1)
    if today < start:
        state = "to_come"
    elif reached >= row["target"]:
        state = "reached"
    elif today > end:
        state = "missed"
    else:
        state = "ahead" if reached >= expected else "behind"
    share = None
    if row["target"]:
        share = abs(10_000 * reached) // row["target"] * (1 if reached >= 0 else -1)
        share = share if abs(share) < 2**63 else None
    return row | {"reached": reached, "reached_bp": share, "expected": expected, "state": state}


def _figures(metric: str, currency: str, events: History) -> list[tuple[date, str, int]]:
    """Day, market and value of whatever counts for a metric."""
    if metric == "deals_won":
        return [(d.won.date(), d.market, 1) for d in deals(events) if d.life == "won" and d.won]
    if metric == "new_customers":
        first: dict[UUID, date] = {}
        market: dict[UUID, str] = defaultdict(str)
        for event in happened(events):
            if event["domain"] not in {"privacy", "audit"} and event["customer"]:
                first.setdefault(event["customer"], event["occurred_at"].date())
                market[event["customer"]] = event["market"] or market[event["customer"]]
        return [(day, market[person], 1) for person, day in first.items()]
    if metric == "revenue":
        sign = {"order.placed": 1, "order.refunded": -1}
        return [
            (e["occurred_at"].date(), e["market"] or "", sign[e["type"]] * e["amount_minor"])
            for e in events
            if e["type"] in sign and e["currency"] == currency
        ]
    return [
        (e["occurred_at"].date(), e["market"] or "", 1)
        for e in events
        if e["type"] == _COUNTED[metric]
    ]


WEIGHT = {
    "sla_breached": 100, "sla_at_risk": 90, "unhappy_survey": 80, "overdue_task": 70,
    "deal_overdue": 60, "silent_after_buying": 40, "anniversary": 20,
}  # fmt: skip
"""How pressing each reason is."""


def attention(events: History, now: datetime) -> Rows:
    rows = [*_tickets(events, now), *_tasks(events, now), *_deals(events, now)]
    people: dict[UUID, list[Any]] = defaultdict(list)
    for event in happened(events):
        if event["customer"]:
            people[event["customer"]].append(event)
    for person, own in people.items():
        for reason, since, due in (
            ("unhappy_survey", _unhappy(own, now), None),
            ("silent_after_buying", _silent(own, now), None),
            ("anniversary", *_anniversary(own, now)),
        ):
            if since is not None:
                rows.append(_row(reason, person, None, since, due))
    return sorted(
        rows,
        key=lambda r: (
            -r["weight"],
            r["due"] or r["since"],
            (r["customer"] is None, r["customer"] and r["customer"].int),
            *((r[name] is None, r[name] or "") for name in ("deal", "ticket", "task")),
        ),
    )


def _row(
    reason: str,
    person: UUID | None,
    account: str | None,
    since: datetime,
    due: datetime | None,
    **what: Any,
) -> dict[str, Any]:
    return {
        "customer": person, "account": account, "reason": reason, "since": since, "due": due,
        "weight": WEIGHT[reason], "deal": None, "ticket": None, "task": None,
    } | what  # fmt: skip


def _tickets(events: History, now: datetime) -> Rows:
    rows = []
    for t in ticket_sla(events, now):
        waiting = [(t["resolution_state"], t["resolve_by"])] if t["open"] else []
        if waiting and t["answered_at"] is None:
            waiting.append((t["response_state"], t["respond_by"]))
        for state, reason in (("breached", "sla_breached"), ("at_risk", "sla_at_risk")):
            dues = [due for found, due in waiting if found == state]
            if dues:
                person, account, since = t["customer"], t["account"], t["opened_at"]
                rows.append(_row(reason, person, account, since, min(dues), ticket=t["ticket"]))
                break
    return rows


def _tasks(events: History, now: datetime) -> Rows:
    tasks: dict[str, dict[str, Any]] = {}
    for event in happened(events, "task.scheduled", "task.completed"):
        if event["task"]:
            task = tasks.setdefault(event["task"], defaultdict(lambda: None))
            task["type"] = event["type"]
            for name in ("due_at", "customer", "account", "deal"):
                task[name] = event[name] or task[name]
    rows = []
    for name, task in tasks.items():
        due = task["due_at"]
        if task["type"] == "task.scheduled" and due and due < now:
            who = (task["customer"], task["account"])
            rows.append(_row("overdue_task", *who, due, due, deal=task["deal"], task=name))
    return rows


def _deals(events: History, now: datetime) -> Rows:
    rows = []
    for deal in deals(events):
        if deal.is_open and deal.closes is not None and deal.closes < now.date():
            due = datetime.combine(deal.closes, datetime.min.time())
            since = due + timedelta(days=1)
            rows.append(
                _row("deal_overdue", deal.contact, deal.account, since, due, deal=deal.deal)
            )
    return rows


def _unhappy(own: History, now: datetime) -> datetime | None:
    """When a person last gave a bad answer that still stands and that nobody has seen to."""
    turned_to = [e["occurred_at"] for e in own if ours(e)]
    bad = []
    for survey, worst in (("nps", 6), ("csat", 2)):
        answers = [e for e in own if e["survey"] == survey]
        if answers and answers[-1]["score"] <= worst:
            bad.append(answers[-1]["occurred_at"])
    standing = [at for at in bad if now - timedelta(days=30) <= at]
    return max((at for at in standing if not any(t > at for t in turned_to)), default=None)


def _silent(own: History, now: datetime) -> datetime | None:
    orders = sum(e["type"] == "order.placed" for e in own)
    plans = [e["type"] for e in own if e["type"].startswith("subscription.")]
    subscribes = bool(plans) and plans[-1] != "subscription.cancelled"
    heard = max((e["occurred_at"] for e in own if theirs(e)), default=None)
    if heard is None or not (orders >= 3 or subscribes):
        return None
    return heard if timedelta(days=90) < now - heard < timedelta(days=365) else None


def _anniversary(own: History, now: datetime) -> tuple[datetime | None, datetime | None]:
    """The first order, and the day of the coming week on which it comes round."""
    first = min((e["occurred_at"] for e in own if e["type"] == "order.placed"), default=None)
    for ahead in range(8):
        day = now.date() + timedelta(days=ahead)
        if first is not None and day.year > first.year and _same_day(first.date(), day):
            return first, datetime.combine(day, datetime.min.time())
    return None, None


def _same_day(first: date, day: date) -> bool:
    if (first.month, first.day) == (2, 29):
        tomorrow = day + timedelta(days=1)
        return day.month == 2 and tomorrow.month == 3
    return (first.month, first.day) == (day.month, day.day)
