"""Who looked: `personal_data.opened`, appended before anything is shown.

What one actor opens again of the same person within an hour (of the clock, UTC), for the same purpose
and reason, is one event: all of that is in its id, so whoever comes second finds it in the book. A
reason that is said in other words is another event: why somebody looked is never lost.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from ledger import catalogue
from ledger.book import Condition, Match
from ledger.catalogue import EventType
from ledger.catalogue.audit import PersonalDataExported, PersonalDataOpened
from ledger.catalogue.privacy import CustomerErasing
from ledger.clock import Clock
from ledger.errors import BadUsage, ConditionFailed, Erased, IdReused, Refused
from ledger.event import Event
from ledger.on_record import OnRecord
from ledger.opening import Ledger

_SOURCE = "bahi"
_AT_ONCE = 1_000
_ERASURES = (Match((CustomerErasing.TOPIC,)),)

_Named = Mapping[UUID, UUID | None]


def opened(purpose: str, reason: str) -> PersonalDataOpened:
    """What is to be put on record. Raises `BadUsage` without a reason, or for one that is too long
    and a purpose that is no code.
    """
    if not reason.strip():
        raise BadUsage("expected a reason for opening personal data, came none")
    given = {"purpose": purpose, "reason_given": reason}
    try:
        parsed = catalogue.parse(PersonalDataOpened.TOPIC, given, at_a_door=False)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
    assert isinstance(parsed, PersonalDataOpened)
    return parsed


def put_on_record(
    ledger: Ledger,
    customers: Collection[UUID],
    actor: UUID,
    opening: PersonalDataOpened,
    *,
    clock: Clock,
    about: UUID | None = None,
) -> OnRecord:
    """Append that `actor` opens data of these customers, one event each; durable when this returns.

    The reason is sealed under each one's key. Of what concerns nobody who is known, `customers` is
    empty: then there is no key to seal it under, and purpose and actor stand alone. `about` names what
    is opened, where that is a thing with a key of its own: a dead letter, or a request.

    Raises `Erased` if any of them is erased, or being erased.
    """
    now = clock()
    hour = f"{now.astimezone(UTC):%Y-%m-%dT%H}"
    what = f"{actor} {about} {hour} {opening.purpose} {opening.reason_given}"
    named = _named(ledger, opening, what, dict.fromkeys(customers) or [None])
    _append(ledger, named, actor, opening, now, about)
    return OnRecord(ledger.book, named)


def put_export_on_record(
    ledger: Ledger,
    customers: Collection[UUID],
    actor: UUID,
    exported: PersonalDataExported,
    *,
    clock: Clock,
) -> None:
    """Append that a file with data of these customers leaves, one event each; durable on return.

    Raises `Erased` if any of them is erased, or being erased: then nothing may leave.
    """
    named = _named(ledger, exported, f"{actor} {exported.archive_digest}", customers)
    _append(ledger, named, actor, exported, clock(), None)


def _named(
    ledger: Ledger, payload: EventType, what: str, customers: Iterable[UUID | None]
) -> _Named:
    """Whose data it is, by the id of the event that says so."""
    event_id = ledger.keyring.event_id
    return {event_id(_SOURCE, f"{payload.TOPIC} {one} {what}"): one for one in customers}


def _append(
    ledger: Ledger,
    named: _Named,
    actor: UUID,
    payload: EventType,
    at: datetime,
    about: UUID | None,
) -> None:
    """Append what is not in the book yet."""
    whole = list(named.items())
    for start in range(0, len(whole), _AT_ONCE):
        some = dict(whole[start : start + _AT_ONCE])
        while not _is_appended(ledger, some, actor, payload, at, about):
            pass  # somebody's erasure began, or somebody else said the same, in this very moment


def _is_appended(
    ledger: Ledger,
    named: _Named,
    actor: UUID,
    payload: EventType,
    at: datetime,
    about: UUID | None,
) -> bool:
    """Append those that are not in the book yet; False if others were quicker."""
    head = ledger.book.head()
    _demand_living(ledger, [customer for customer in named.values() if customer is not None])
    known = ledger.book.known(named)
    new = {event_id: customer for event_id, customer in named.items() if event_id not in known}
    if not new:
        return True
    parts = {
        event_id: {(customer, retention): said for retention, said in payload.personal().items()}
        for event_id, customer in new.items()
        if customer is not None
    }
    sealing = ledger.sealer.batch({part for of_event in parts.values() for part in of_event})
    events = []
    for event_id, customer in new.items():
        event = Event(
            id=event_id,
            type=payload.TOPIC,
            version=payload.VERSION,
            domain=payload.DOMAIN,
            occurred_at=at,
            source=_SOURCE,
            data=payload.clear(),
            customer=customer,
            actor=actor,
            correlation=about,
        )
        sealed = sealing.seal(event, parts[event_id]) if event_id in parts else b""
        events.append(replace(event, personal=sealed))
    try:
        ledger.book.append(events, Condition(_ERASURES, after=head))
    except (ConditionFailed, IdReused):
        return False
    sealing.appended(new)
    return True


def _demand_living(ledger: Ledger, customers: Sequence[UUID]) -> None:
    if ledger.gone.now().intersection(customers) or ledger.vault.fenced(customers):
        raise Erased(
            "expected people whose data can be opened, came somebody who is erased, or being erased"
        )
