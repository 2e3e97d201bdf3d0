"""What the folds of sales and service must say, described again, column by column.

Nothing of `projections/` is imported: this is the other opinion. Their questions are in
`model_selling`.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from tests.projections import model
from tests.projections.model import Column, Seen, Take, View


def seen(position: int, body: str) -> dict[str, Any]:
    """An event as flat columns, as `model.seen` has them, with the columns of these views."""
    flat: dict[str, Any] = defaultdict(lambda: None, model.seen(position, body))
    flat["assignee"] = UUID(flat["assignee"]) if flat["assignee"] else None
    flat["due_at"] = _time(flat["due_at"])
    for name in ("expected_close", "period_start", "period_end", "due_on", "backups_dead_from"):
        flat[name] = date.fromisoformat(flat[name]) if flat[name] else None
    if flat["stages"]:
        flat["stages"] = orjson.dumps(flat["stages"], option=orjson.OPT_SORT_KEYS).decode()
    return flat


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=None) if text else None


# The folds, column by column.


def _if(*types: str) -> Take:
    return lambda event: not types or event["type"] in types


def _latest(name: str, *types: str) -> Column:
    return Column("arg_max", lambda event: event.get(name), _if(*types))


def _known(name: str) -> Column:
    """The latest, where nothing given is '' and counts as well."""
    return Column("arg_max", lambda event: event.get(name) or "")


def _first(name: str, *types: str) -> Column:
    return Column("min", lambda event: event.get(name), _if(*types))


def _last(name: str, *types: str) -> Column:
    return Column("max", lambda event: event.get(name), _if(*types))


def _many(*types: str) -> Column:
    return Column("count", lambda event: event["position"], _if(*types))


def _key(*names: str) -> dict[str, Take]:
    return {name: lambda event, name=name: event.get(name) for name in names}  # type: ignore[misc]


_LIFE = ("deal.opened", "deal.won", "deal.lost", "deal.reopened")
_ENTERS = ("deal.opened", "deal.moved", "deal.reopened")
_TICKETS = ("ticket.opened", "ticket.resolved", "ticket.reopened", "ticket.closed")
_THEIRS = (
    "order.placed", "subscription.started", "loyalty.redeemed", "referral.made", "cart.abandoned",
    "page.viewed", "form.submitted", "feature.used", "email.opened", "email.clicked", "ad.clicked",
    "message.received", "chat.started", "meeting.held", "event.attended", "social.engaged",
    "preference.set", "ticket.opened", "survey.answered",
)  # fmt: skip


def theirs(event: Seen) -> bool:
    """Whether a customer did it themselves."""
    return (
        event["type"] in _THEIRS
        or event.get("author") == "customer"
        or event.get("direction") == "inbound"
    )


def ours(event: Seen) -> bool:
    """Whether a person of ours turned to the customer."""
    return (
        event["type"] == "meeting.held"
        or event.get("author") == "agent"
        or event.get("direction") == "outbound"
    )


VIEWS: Mapping[str, View] = {
    "deal": View(
        _key("deal"),
        {name: _latest(name) for name in ("pipeline", "stage", "market", "account", "competitor")}
        | {
            "currency": Column(
                "arg_max", lambda e: None if e.get("amount_minor") is None else e.get("currency")
            ),
            "amount_minor": _latest("amount_minor"),
            "contact": _latest("customer"),
            "campaign": Column("arg_min", lambda e: e.get("campaign")),
            "owner": _latest("actor"),
            "opened_at": _first("occurred_at", "deal.opened"),
            "state": _latest("type", *_LIFE),
            "closed_at": _last("occurred_at", "deal.won", "deal.lost"),
            "won_at": _last("occurred_at", "deal.won"),
            "lost_at": _last("occurred_at", "deal.lost"),
            "lost_reason": _latest("reason", "deal.lost"),
            "expected_close": _latest("expected_close"),
            "moves": _many("deal.moved"),
            "reopenings": _many("deal.reopened"),
            "last_seen": _last("occurred_at"),
        },
        lambda e: e["type"].startswith("deal."),
    ),
    "deal_stage": View(
        _key("deal", "stage"),
        {
            "entries": _many(),
            "first_entered": _first("occurred_at"),
            "last_entered": _last("occurred_at"),
        },
        _if(*_ENTERS),
    ),
    "pipeline_stages": View(
        _key("pipeline"),
        {
            "stages": _latest("stages"),
            "currency": _known("currency"),
            "market": _known("market"),
            "defined_at": _last("occurred_at"),
        },
        _if("pipeline.defined"),
    ),
    "ticket": View(
        _key("ticket"),
        {name: _latest(name) for name in ("priority", "channel", "topic", "market", "account", "team", "assignee")}
        | {
            "opened_at": _first("occurred_at", "ticket.opened"),
            "contact": _latest("customer"),
            "respond_within_minutes": _latest("respond_within_minutes"),
            "resolve_within_minutes": _latest("resolve_within_minutes"),
            "first_response_at": Column(
                "min", lambda e: e["occurred_at"] if e.get("author") == "agent" else None, _if("ticket.replied")
            ),
            "last_reply_author": _latest("author"),
            "replies": _many("ticket.replied"),
            "assignments": _many("ticket.assigned"),
            "escalations": _many("ticket.escalated"),
            "state": _latest("type", *_TICKETS),
            "resolved_at": _last("occurred_at", "ticket.resolved"),
            "closed_at": _last("occurred_at", "ticket.closed"),
            "reopened_at": _last("occurred_at", "ticket.reopened"),
            "reopenings": _many("ticket.reopened"),
            "last_seen": _last("occurred_at"),
        },
        lambda e: e["type"].startswith("ticket."),
    ),
    "task": View(
        _key("task"),
        {name: _latest(name) for name in ("due_at", "assignee", "account", "deal", "outcome")}
        | {
            "kind": _latest("task_kind"),
            "scheduled_at": _first("occurred_at", "task.scheduled"),
            "contact": _latest("customer"),
            "completed_at": _last("occurred_at", "task.completed"),
            "state": _latest("type"),
        },
        _if("task.scheduled", "task.completed"),
    ),
    "account": View(
        _key("account"),
        {name: _latest(name) for name in ("account_name", "industry", "employees", "sole_trader", "market")}
        | {
            "first_seen": _first("occurred_at"),
            "last_seen": _last("occurred_at"),
            "last_activity": _latest("type"),
            "deals_opened": _many("deal.opened"),
            "wins": _many("deal.won"),
            "losses": _many("deal.lost"),
            "tickets": _many("ticket.opened"),
            "orders": _many("order.placed"),
        },
        lambda e: e["domain"] in {"touchpoint", "sales", "service"},
    ),
    "account_member": View(
        _key("account", "customer"),
        {
            "role": _latest("role"),
            "joined_at": _last("occurred_at", "member.joined"),
            "left_at": _last("occurred_at", "member.left"),
            "state": _latest("type"),
            "times_joined": _many("member.joined"),
        },
        _if("member.joined", "member.left"),
    ),
    "goal_set": View(
        _key("goal"),
        {name: _latest(name) for name in ("metric", "target", "period_start", "period_end")}
        | {"currency": _known("currency"), "market": _known("market"), "set_at": _last("occurred_at")},
        _if("goal.set"),
    ),
    "erasure": View(
        _key("customer"),
        {
            "requested_at": Column(
                "max", lambda e: e["occurred_at"] if e.get("right") == "erasure" else None, _if("privacy.requested")
            ),
            "due_on": Column("arg_max", lambda e: e.get("due_on") if e.get("right") == "erasure" else None),
            "erasing_at": Column("max", lambda e: None if e.get("classes") else e["occurred_at"], _if("customer.erasing")),
            "erased_at": Column("max", lambda e: None if e.get("classes") else e["occurred_at"], _if("customer.erased")),
            "class_erased_at": Column(
                "max", lambda e: e["occurred_at"] if e.get("classes") else None, _if("customer.erased")
            ),
            "legal_basis": _latest("legal_basis"),
            "backups_dead_from": _last("backups_dead_from", "customer.erased"),
            "restriction": _latest("type", "customer.restricted", "customer.unrestricted"),
            "restricted_at": _last("occurred_at", "customer.restricted"),
            "unrestricted_at": _last("occurred_at", "customer.unrestricted"),
            "holds_placed": _many("hold.placed"),
            "holds_released": _many("hold.released"),
            "held_at": _last("occurred_at", "hold.placed"),
        },
        _if(
            "privacy.requested", "customer.erasing", "customer.erased", "customer.restricted",
            "customer.unrestricted", "hold.placed", "hold.released",
        ),
    ),
    "customer_dialogue": View(
        _key("customer"),
        {
            "heard_from_at": Column("max", lambda e: e["occurred_at"], theirs),
            "turned_to_at": Column("max", lambda e: e["occurred_at"], ours),
        },
        lambda e: e["domain"] in {"touchpoint", "service"},
    ),
}  # fmt: skip
