"""What the views of requests and holds must say, worked out again from the events, in plain Python.

Nothing of `projections/` or `commands/` is imported: this is the other opinion. Customers are named as
they are read.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.projections import model
from tests.projections.model import Column, Seen, Take, View

Rows = list[dict[str, Any]]


def seen(position: int, body: str) -> dict[str, Any]:
    """An event as flat columns, as `model.seen` has them, with the columns of these views."""
    flat = model.seen(position, body)
    flat["request"] = UUID(flat["request"]) if flat.get("request") else None
    for name in ("due_on", "confirm_by"):
        flat[name] = date.fromisoformat(flat[name]) if flat.get(name) else None
    return flat


def _when(*types: str) -> Take:
    return lambda event: event["type"] in types


def _latest(name: str, *types: str) -> Column:
    return Column("arg_max", lambda e: e.get(name), _when(*types) if types else lambda _: True)


def _last(*types: str) -> Column:
    return Column("max", lambda e: e["occurred_at"], _when(*types))


_MOVES = (
    "privacy.requested", "privacy.challenged", "privacy.verified", "privacy.refused",
    "privacy.fulfilled", "customer.erasing", "customer.erased",
)  # fmt: skip
_ENDS = ("privacy.refused", "privacy.fulfilled", "customer.erased")

VIEWS: Mapping[str, View] = {
    "privacy_request": View(
        {"request": lambda e: e.get("request")},
        {
            name: _latest(name)
            for name in ("right", "law", "jurisdiction", "time_zone", "due_on", "confirm_by", "verified_by")
        }
        | {
            "person": _latest("customer"),
            "received_at": Column("min", lambda e: e["occurred_at"], _when("privacy.requested")),
            "state": _latest("type", *_MOVES),
            "since": _last(*_MOVES),
            "confirmed_at": _last("privacy.confirmed"),
            "challenged_at": _last("privacy.challenged"),
            "verified_at": _last("privacy.verified"),
            "verifier": _latest("actor", "privacy.verified"),
            "extended_at": _last("privacy.extended"),
            "extension_ground": _latest("ground", "privacy.extended"),
            "erasing_at": _last("customer.erasing"),
            "refusal_ground": _latest("ground", "privacy.refused"),
            "answered_at": _last(*_ENDS),
        },
        _when(*_MOVES, "privacy.confirmed", "privacy.extended"),
    ),
    "hold": View(
        {
            "customer": lambda e: e["read_as"],
            "member": lambda e: e["customer"],
            "hold": lambda e: e.get("hold"),
        },
        {
            "state": _latest("type"),
            "ground": _latest("ground", "hold.placed"),
            "placed_at": _last("hold.placed"),
            "released_at": _last("hold.released"),
        },
        _when("hold.placed", "hold.released"),
    ),
}  # fmt: skip


def privacy_due(events: Sequence[Seen], now: datetime) -> Rows:
    """What is owed, by walking through each request's events in order of moment."""
    in_order = sorted(events, key=lambda e: e["moment"])
    held: dict[tuple[UUID, UUID, str], bool] = {}
    for event in in_order:
        if event["type"] in {"hold.placed", "hold.released"} and event["customer"]:
            one = (event["read_as"], event["customer"], event["hold"])
            held[one] = event["type"] == "hold.placed"
    rows = []
    named = {e["request"]: None for e in in_order if e.get("request")}
    for request in named:
        own = [e for e in in_order if e.get("request") == request and _concerns(e)]
        rows += _owed(request, own, held, now)
    return sorted(
        rows, key=lambda r: (r["due_on"] is None, r["due_on"], r["received_at"], r["request"].int, r["duty"])
    )  # fmt: skip


def _concerns(event: Seen) -> bool:
    return event["type"].startswith("privacy.") or event["type"] in {
        "customer.erasing",
        "customer.erased",
    }


def _owed(
    request: UUID, own: Sequence[Seen], held: Mapping[tuple[UUID, UUID, str], bool], now: datetime
) -> Rows:
    received = [e["occurred_at"] for e in own if e["type"] == "privacy.requested"]
    moved = [e for e in own if e["type"] in _MOVES]
    if not received or moved[-1]["type"] in _ENDS:
        return []
    told = {name: value for e in own for name, value in e.items() if value is not None}
    state = moved[-1]["type"]
    waits = told.get("law") == "gdpr" and state == "privacy.challenged"
    zone = ZoneInfo(told.get("time_zone") or "UTC")
    holds = sorted(
        {hold for (who, _, hold), on in held.items() if on and who == told.get("read_as")}
    )
    shared = {
        "request": request,
        "right": told.get("right"),
        "law": told.get("law"),
        "state": {
            "privacy.requested": "received", "privacy.challenged": "challenged",
            "privacy.verified": "verified", "customer.erasing": "executing",
        }[state],
        "extended": any(e["type"] == "privacy.extended" for e in own),
        "holds": ", ".join(holds) or None if told.get("right") == "erasure" else None,
        "customer": told.get("read_as"),
        "received_at": min(received),
    }  # fmt: skip
    asked_at = max(
        (e["occurred_at"] for e in own if e["type"] == "privacy.challenged"), default=now
    )
    rows = [
        _duty("answer", told.get("due_on"), asked_at if waits else now, zone) | {"waits": waits}
    ]
    if told.get("confirm_by") and not any(e["type"] == "privacy.confirmed" for e in own):
        rows.append(_duty("confirm", told["confirm_by"], now, zone) | {"waits": False})
    return [shared | row for row in rows]


def _duty(duty: str, due: date | None, at: datetime, zone: ZoneInfo) -> dict[str, Any]:
    today = at.replace(tzinfo=UTC).astimezone(zone).date()
    left = None if due is None else (due - today).days
    return {
        "duty": duty,
        "due_on": due,
        "days_left": left,
        "overdue": None if left is None else left < 0,
    }
