"""Requests from a door: found by their id, dated by the calendar, carried out, and opened on record."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from commands.deciding import Desk, Rule
from commands.draft import Draft, check_message
from commands.on_record import opened, put_on_record
from commands.privacy.request import OPEN, STEPS, Request, State, dated_request
from commands.touchpoint import Outcome, Touchpoint
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue.privacy import PrivacyFulfilled, PrivacyRefused, PrivacyRequested
from ledger.clock import Clock
from ledger.errors import BadField, Erased, KeysUnavailable, NotAllowed, NotFound
from ledger.event import Recorded, decode_body, moment_of
from ledger.opening import Ledger

_ATTEMPTS = 10
"""How often a due date is reckoned anew because the request has moved on meanwhile."""

_TYPES = tuple(kind.TOPIC for kind in STEPS)


def proceed(desk: Desk, asked: Touchpoint, rule: type[Rule]) -> Outcome:
    """Take a request a step further, or receive one; durable when this returns.

    What is asked for names the request; whose it is and what is due by then is filled in, whatever
    stood there. A request is named by the id of the event that receives it, see `request_id`. Raises
    as `Desk.carry_out` does, and `NotFound` for a request that there is not. Once it was refused or
    fulfilled, which says that they were told, the keys of its contact details are destroyed.
    """
    for _ in range(_ATTEMPTS):
        try:
            outcome = desk.carry_out(_dated(desk.ledger, asked), rule)
        except BadField as refusal:
            if refusal.field != "due_on":
                raise
            late = refusal
            continue
        if isinstance(asked.payload, PrivacyFulfilled | PrivacyRefused):  # and they were told
            desk.ledger.vault.destroy_keys(asked.payload.request)
        return outcome
    raise late


def close_request(ledger: Ledger, request: UUID) -> bool:
    """They were sent their answer: destroy where it went, and what they had written.

    What a request says is sealed under keys of its own, which these are; False if they were gone
    already, as they are once it was refused or fulfilled, since then they were told. Raises `NotFound`,
    and `NotAllowed` for a request that was not answered yet.
    """
    found = find_request(ledger, request)
    if found.state in OPEN:
        expected = f"one that is {State.FULFILLED} or {State.REFUSED}"
        raise NotAllowed("request", expected, found.standing())
    return ledger.vault.destroy_keys(request) > 0


def request_id(ledger: Ledger, source: str, message_id: str) -> UUID:
    """The id of the request that is received under this name."""
    return ledger.keyring.event_id(source, message_id)


def find_request(ledger: Ledger, request: UUID, *, before: UUID | None = None) -> Request:
    """The request as it stands; with `before`, as it stood before the event of that id.

    Raises `NotFound`.
    """
    events = events_of(ledger, request)
    if before is not None:
        ids = [recorded.event.id for recorded in events]
        events = events[: ids.index(before)] if before in ids else events
    found = Request.of(events, request)
    if found is None:
        raise NotFound("request", str(request))
    return found


def events_of(ledger: Ledger, request: UUID) -> list[Recorded]:
    """Everything that happened to a request, in order of moment. Raises `NotFound`."""
    for _, body in ledger.book.known([request]).values():
        event = decode_body(body)
        if event.type == PrivacyRequested.TOPIC and event.customer is not None:
            members = ledger.people.now().members(event.customer)
            return _steps(ledger, request, members)
    raise NotFound("request", str(request))


def _steps(ledger: Ledger, request: UUID, members: Sequence[UUID]) -> list[Recorded]:
    matching = [Match(_TYPES, (f"{CUSTOMER_TAG}{member}",)) for member in members]
    found = ledger.book.read(matching=matching)
    own = (recorded for recorded in found if recorded.event.data.get("request") == str(request))
    return sorted(own, key=moment_of)


def _dated(ledger: Ledger, asked: Touchpoint) -> Touchpoint:
    payload, at = asked.payload, asked.occurred_at
    check_message(Draft(0, asked))
    own = request_id(ledger, asked.source, asked.message_id)
    if isinstance(payload, PrivacyRequested):
        fixed: dict[str, object] = {"request": own}
        for _, body in ledger.book.known([own]).values():
            # A token is drawn by chance: of what is said again, it is the first one that counts.
            fixed["token_digest"] = decode_body(body).data.get("token_digest")
        dated = dated_request(payload.model_copy(update=fixed), at)
        return replace(asked, payload=dated)
    request: UUID = getattr(payload, "request")  # noqa: B009 — every step of a request has one
    # What is said again is dated as it was: by what stood in the book before it.
    found = find_request(ledger, request, before=own)
    return replace(asked, payload=found.dated(payload, at), customer=found.customer)


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What a request says in people's own words: where its answer goes, what they wrote, why it was
    refused. `erased` and `unavailable` count sealed parts that could not be read, and why.
    """

    fields: dict[str, Any]
    erased: int = 0
    unavailable: int = 0


def open_request(
    ledger: Ledger,
    request: UUID,
    *,
    actor: UUID,
    purpose: str,
    reason: str,
    clock: Clock,
) -> Correspondence:
    """Open what is sealed in the events of a request; `personal_data.opened` is appended before.

    Contact details are sealed under keys of the request's own, until it is answered. Raises
    `NotFound`, and `BadUsage` without a reason.
    """
    to_record = opened(purpose, reason)
    events = events_of(ledger, request)
    # Whoever is erased by now has no key to seal a reason under; the request stands for itself then.
    gone = ledger.gone.now()
    whose = [r.event.customer for r in events if r.event.customer and r.event.customer not in gone]
    on_record = put_on_record(ledger, whose, actor, to_record, clock=clock, about=request)
    fields: dict[str, Any] = {}
    erased = unavailable = 0
    with ledger.sealer.opening(on_record) as opening:
        for recorded in events:
            for part in opening.open(recorded.event).values():
                if isinstance(part, Erased):
                    erased += 1
                elif isinstance(part, KeysUnavailable):
                    unavailable += 1
                else:
                    fields |= part
    return Correspondence(fields, erased, unavailable)
