"""A model of the past: what the views of a few plain facts are, in Python and in memory.

It imports nothing of ours: a fact is a dictionary, a moment a datetime.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

Fact = dict[str, Any]
"""position recorded_at occurred_at type customer currency amount_minor market; a naive UTC time."""


def seen(facts: Iterable[Fact], as_of: datetime | None, known_at: datetime | None) -> list[Fact]:
    return [
        fact
        for fact in facts
        if (as_of is None or fact["occurred_at"] <= as_of)
        and (known_at is None or fact["recorded_at"] <= known_at)
    ]


def total(facts: list[Fact]) -> int | None:
    return sum(fact["amount_minor"] for fact in facts) if facts else None


def customer_money(facts: list[Fact]) -> list[Fact]:
    rows = []
    for customer, currency in sorted({(f["customer"], f["currency"]) for f in facts}):
        own = [f for f in facts if (f["customer"], f["currency"]) == (customer, currency)]
        orders = [f for f in own if f["type"] == "order.placed"]
        refunds = [f for f in own if f["type"] == "order.refunded"]
        times = [f["occurred_at"] for f in orders]
        rows.append({
            "customer": customer,
            "currency": currency,
            "orders": len(orders),
            "ordered": total(orders),
            "largest_order": max((f["amount_minor"] for f in orders), default=None),
            "items": None,
            "first_order": min(times, default=None),
            "last_order": max(times, default=None),
            "refunds": len(refunds),
            "refunded": total(refunds),
            "started": None,
            "renewals": 0,
            "renewed": None,
        })  # fmt: skip
    return rows


def daily(facts: list[Fact]) -> list[Fact]:
    def key(fact: Fact) -> tuple[Any, ...]:
        return (fact["occurred_at"].date(), fact["type"], fact["market"] or "", fact["currency"])

    rows = []
    for found in sorted({key(fact) for fact in facts}):
        own = [fact for fact in facts if key(fact) == found]
        names = ("day", "type", "market", "currency")
        figures = {"events": len(own), "amount_minor": total(own)}
        answers = (
            "promoters",
            "passives",
            "detractors",
            "csat_answers",
            "csat_satisfied",
            "ces_answers",
        )
        nobody_asked = dict.fromkeys(answers, 0) | {"ces_total": None}
        rows.append(dict(zip(names, found, strict=True)) | figures | nobody_asked)
    return rows


def active_buyers(facts: list[Fact], now: datetime) -> int:
    """Whoever ordered last within the 90 days before `now`."""
    last: dict[Any, datetime] = {}
    for fact in facts:
        if fact["type"] == "order.placed":
            who = fact["customer"]
            last[who] = max(last.get(who, fact["occurred_at"]), fact["occurred_at"])
    return sum(now - timedelta(days=90) < moment <= now for moment in last.values())
