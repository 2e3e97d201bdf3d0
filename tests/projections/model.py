"""What views must say, worked out again in plain Python, one event at a time.

Nothing of `projections/` is imported: this is the other opinion.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

Seen = Mapping[str, Any]
Take = Callable[[Seen], Any]

_TAGS = ("account", "deal", "ticket", "order", "task", "campaign", "market")
_UUIDS = ("id", "customer", "actor", "other")
_TIMES = ("occurred_at", "trial_until")
_DATES = ("rate_date",)


@dataclass(frozen=True)
class Column:
    """One aggregate: how it is worked out, of what, over which events."""

    how: str
    of: Take
    only: Take = lambda _: True


@dataclass(frozen=True)
class View:
    """The keys by name, the aggregates by name, and which events count at all."""

    keys: Mapping[str, Take]
    columns: Mapping[str, Column]
    only: Take = lambda _: True


def seen(position: int, body: str) -> dict[str, Any]:
    """An event as flat columns: envelope, tags, attributes; absent is None."""
    stored = orjson.loads(body)
    flat: dict[str, Any] = dict.fromkeys(_TAGS)
    for tag in stored.get("tags", ()):
        kind, _, value = tag.partition(":")
        flat[kind] = value
    flat |= {key: value for key, value in stored.items() if key not in {"data", "tags"}}
    flat |= stored["data"]
    for name in _UUIDS:
        flat[name] = UUID(flat[name]) if flat.get(name) else None
    for name in _TIMES:
        text = flat.get(name)
        flat[name] = datetime.fromisoformat(text).replace(tzinfo=None) if text else None
    for name in _DATES:
        flat[name] = date.fromisoformat(flat[name]) if flat.get(name) else None
    if flat.get("lines") is not None:
        flat["lines"] = orjson.dumps(flat["lines"]).decode()
    return flat | {"position": position, "moment": (flat["occurred_at"], position)}


def rows(view: View, events: Iterable[Seen]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The view's rows by key."""
    groups: dict[tuple[Any, ...], list[Seen]] = {}
    for event in events:
        if view.only(event) is True:
            key = tuple(take(event) for take in view.keys.values())
            if None not in key:
                groups.setdefault(key, []).append(event)
    return {
        key: {name: _value(column, group) for name, column in view.columns.items()}
        for key, group in groups.items()
    }


def _value(column: Column, group: list[Seen]) -> Any:
    counted = [event for event in group if column.only(event) is True]
    pairs = [(event["moment"], column.of(event)) for event in counted]
    given = [(moment, value) for moment, value in pairs if value is not None]
    values = [value for _, value in given]
    match column.how:
        case "count":
            return len(values)
        case _ if not values:
            return None
        case "sum":
            return sum(values)
        case "min":
            return min(values, key=_by_bytes)
        case "max":
            return max(values, key=_by_bytes)
        case "arg_min":
            return min(given, key=lambda pair: pair[0])[1]
        case "arg_max":
            return max(given, key=lambda pair: pair[0])[1]
        case "bool_or":
            return any(values)
        case "bool_and":
            return all(values)
        case other:
            raise AssertionError(other)


def _by_bytes(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode()
    return value.int if isinstance(value, UUID) else value


def _take(name: str) -> Take:
    return lambda event: event.get(name)


def _is(*types: str) -> Take:
    return lambda event: event["type"] in types


def _count(*types: str) -> Column:
    return Column("count", _take("position"), _is(*types))


def _begins(prefix: str) -> Take:
    return lambda event: event["type"].startswith(prefix)


def _always(_: Seen) -> Any:
    return True


def _of(how: str, name: str, only: Take = _always) -> Column:
    return Column(how, _take(name), only)


_placed, _refunded, _renewed = (
    _is("order.placed"),
    _is("order.refunded"),
    _is("subscription.renewed"),
)
_PAID_FOR = {"order.placed", "order.refunded", "subscription.started", "subscription.renewed"}


def on_trial(event: Seen) -> bool:
    """A subscription that is tried first: nothing is paid yet."""
    until: datetime | None = event.get("trial_until")
    return until is not None and until > event["occurred_at"]


_MEETS_US = _is(
    "email.opened", "email.clicked", "page.viewed", "form.submitted", "feature.used", "ad.clicked",
    "message.received", "chat.started", "social.engaged", "meeting.held", "event.attended",
)  # fmt: skip


def engages(event: Seen) -> Any:
    """They did something that they need not have done: opened, visited, wrote, called, came."""
    return _MEETS_US(event) or event.get("direction") == "inbound"


def _reaches_out(event: Seen) -> Any:
    said_by_us = event["type"] == "chat.messaged" and event.get("author") in {"agent", "bot"}
    return (
        event["type"] in {"email.sent", "message.sent"}
        or event.get("direction") == "outbound"
        or said_by_us
    )


def _tells_us(event: Seen) -> Any:
    said_by_them = event["type"] == "chat.messaged" and event.get("author") == "customer"
    return (
        event["type"] in {"message.received", "form.submitted"}
        or event.get("direction") == "inbound"
        or said_by_them
    )


_SET = _is("preference.set")

CUSTOMER_360 = View(
    {"customer": _take("customer")},
    {
        "touchpoints": _of("count", "position"),
        "first_seen": _of("min", "occurred_at"),
        "last_seen": _of("max", "occurred_at"),
        "first_source": _of("arg_min", "source"),
        "last_touch": _of("arg_max", "type"),
        "market": _of("arg_max", "market"),
        "language": _of("arg_max", "language", _SET),
        "time_zone": _of("arg_max", "time_zone", _SET),
        "preferred_currency": _of("arg_max", "preferred_currency", _SET),
        "preferred_channel": _of("arg_max", "preferred_channel", _SET),
        "identified": Column("bool_or", _is("customer.identified")),
        "pages_viewed": _count("page.viewed"),
        "features_used": _count("feature.used"),
        "carts_abandoned": _count("cart.abandoned"),
        "conversations": _count("message.received", "chat.started", "call.logged", "meeting.held"),
        "orders": _count("order.placed"),
        "first_order": _of("min", "occurred_at", _placed),
        "last_order": _of("max", "occurred_at", _placed),
        "refunds": _count("order.refunded"),
        "cancelled_orders": _count("order.cancelled"),
        "subscriptions": _count("subscription.started"),
        "cancelled_subscriptions": _count("subscription.cancelled"),
        "last_plan": _of("arg_max", "plan", _begins("subscription.")),
        "last_subscription_event": _of("arg_max", "type", _begins("subscription.")),
        "points_earned": _of("sum", "points", _is("loyalty.earned")),
        "points_redeemed": _of("sum", "points", _is("loyalty.redeemed")),
        "referrals": _count("referral.made"),
        "last_engaged": _of("max", "occurred_at", engages),
        "last_campaign": _of("arg_max", "campaign"),
    },
    lambda event: event["domain"] == "touchpoint",
)

CUSTOMER_MONEY = View(
    {"customer": _take("customer"), "currency": _take("currency")},
    {
        "orders": _count("order.placed"),
        "ordered": _of("sum", "amount_minor", _placed),
        "largest_order": _of("max", "amount_minor", _placed),
        "items": _of("sum", "quantity", _placed),
        "first_order": _of("min", "occurred_at", _placed),
        "last_order": _of("max", "occurred_at", _placed),
        "refunds": _count("order.refunded"),
        "refunded": _of("sum", "amount_minor", _refunded),
        "started": _of("sum", "amount_minor", _is("subscription.started")),
        "renewals": _count("subscription.renewed"),
        "renewed": _of("sum", "amount_minor", _renewed),
    },
    lambda event: event["type"] in _PAID_FOR and not on_trial(event),
)

_BY_GROUP = {"email": "email", "chat": "chat", "social": "social"}
_BY_TYPE = {
    "call.logged": "phone", "ad.clicked": "ad", "meeting.held": "in_person", "event.attended": "in_person",
    "page.viewed": "web", "form.submitted": "web", "feature.used": "web", "cart.abandoned": "web",
}  # fmt: skip


def _channel(event: Seen) -> Any:
    if event["type"] == "event.attended" and event.get("attendance") == "online":
        return "web"
    group = event["type"].split(".")[0] if "." in event["type"] else ""
    if group == "message":
        return event.get("channel")
    return _BY_GROUP.get(group, _BY_TYPE.get(event["type"]))


CUSTOMER_CHANNEL = View(
    {"customer": _take("customer"), "channel": _channel},
    {
        "touchpoints": _of("count", "position"),
        "sent": _of("count", "position", _reaches_out),
        "received": _of("count", "position", _tells_us),
        "engaged": _of("count", "position", engages),
        "delivered": _count("email.delivered"),
        "opened": _count("email.opened"),
        "clicked": _count("email.clicked"),
        "bounced": _count("email.bounced"),
        "bounced_for_good": Column(
            "bool_or",
            lambda event: None if event.get("bounce") is None else event["bounce"] == "hard",
            _is("email.bounced"),
        ),
        "complained": _count("email.complained"),
        "unsubscribed": _count("email.unsubscribed"),
        "last_sent": _of("max", "occurred_at", _reaches_out),
        "last_engaged": _of("max", "occurred_at", engages),
        "last_unsubscribed": _of("max", "occurred_at", _is("email.unsubscribed")),
        "last_campaign": _of("arg_max", "campaign"),
        "last_touch": _of("arg_max", "type"),
        "last_seen": _of("max", "occurred_at"),
    },
    lambda event: event["domain"] == "touchpoint",
)

DAILY = View(
    {
        "day": lambda event: event["occurred_at"].date(),
        "type": _take("type"),
        "market": lambda event: event["market"] or "",
        "currency": lambda event: event.get("currency") or "",
    },
    {
        "events": _of("count", "position"),
        "amount_minor": _of("sum", "amount_minor"),
        "promoters": _of("count", "position", lambda e: e.get("survey") == "nps" and e.get("score", 0) > 8),
        "passives": _of("count", "position", lambda e: e.get("survey") == "nps" and e.get("score") in {7, 8}),
        "detractors": _of("count", "position", lambda e: e.get("survey") == "nps" and e.get("score", 9) < 7),
        "csat_answers": _of("count", "position", lambda e: e.get("survey") == "csat"),
        "csat_satisfied": _of("count", "position", lambda e: e.get("survey") == "csat" and e["score"] in {4, 5}),
        "ces_answers": _of("count", "position", lambda e: e.get("survey") == "ces"),
        "ces_total": _of("sum", "score", lambda e: e.get("survey") == "ces"),
    },
)  # fmt: skip

MADE_TYPES = {
    "number": ("quantity", _take("quantity")),
    "word": ("plan", _take("plan")),
    "person": ("other", _take("other")),
    "moment": ("trial_until", _take("trial_until")),
    "day": ("rate_date", _take("rate_date")),
    "json": ("lines", _take("lines")),
    "truth": ("quantity > 3", lambda e: None if e.get("quantity") is None else e["quantity"] > 3),
}
_MADE_FILTERS: dict[str, tuple[str, Take]] = {
    "": ("", lambda _: True),
    "_b": (
        " FILTER (WHERE type = 'b' OR campaign = 'x')",
        lambda e: e["type"] == "b" or e["campaign"] == "x",
    ),
}


def _rest(event: Seen) -> int | None:
    """SQL's remainder has the sign of what is divided; Python's has the divisor's."""
    number = event.get("quantity")
    return None if number is None else int(math.fmod(number, 3))


def made() -> tuple[str, View]:
    """A fold's text with every aggregate of every type, with and without FILTER, and its model."""
    lines = ["SELECT campaign, quantity % 3 AS rest, count(*) AS events"]
    columns = {"events": _of("count", "position")}
    for suffix, (condition, only) in _MADE_FILTERS.items():
        for name, (sql, take) in MADE_TYPES.items():
            for how in ("min", "max", "arg_min", "arg_max", "count")[:: 3 if suffix else 1]:
                second = ", moment" if how.startswith("arg_") else ""
                column = f"{how}_{name}{suffix}"
                lines.append(f"{how}({sql}{second}){condition} AS {column}")
                columns[column] = Column(how, take, only)
        lines.append(f"sum(quantity){condition} AS total{suffix}")
        columns[f"total{suffix}"] = _of("sum", "quantity", only)
        for how in ("bool_or", "bool_and"):
            lines.append(f"{how}(quantity > 3){condition} AS {how}{suffix}")
            columns[f"{how}{suffix}"] = Column(how, MADE_TYPES["truth"][1], only)
    text = "-- made: every aggregate of every type.\n" + ",\n".join(lines)
    return text + "\nFROM events GROUP BY campaign, rest", View(
        {"campaign": _take("campaign"), "rest": _rest}, columns
    )
