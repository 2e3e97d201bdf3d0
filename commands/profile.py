"""Opening what is known of a person: put on record first, then read from their own events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ledger import catalogue
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import EventType, Retention
from ledger.clock import Clock, Ids
from ledger.errors import BadUsage, Erased, KeysUnavailable, NotFound, Refused
from ledger.event import Event
from ledger.opening import Ledger

_SOURCE = "bahi"
_NAMED_BY = ("identifiers", "references")


@dataclass(slots=True)
class Profile:
    """Who a person is, by their own events.

    `details` holds the newest of each profile field, `identifiers` every (kind, value) the person
    was named by. `erased` and `unavailable` count sealed parts that could not be read, and why.
    """

    details: dict[str, Any] = field(default_factory=dict)
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    erased: int = 0
    unavailable: int = 0


def open_profile(
    ledger: Ledger,
    customers: Sequence[UUID],
    *,
    actor: UUID,
    purpose: str,
    reason: str,
    clock: Clock,
    ids: Ids,
) -> Profile:
    """Open the identity data of one person: all the customers that are merged into them.

    `personal_data.opened` is appended before anything is opened. Raises `BadUsage` without a reason
    or with a purpose that is no code, `NotFound` for a customer the book has never heard of.
    """
    if not reason.strip():
        raise BadUsage("expected a reason for opening personal data, came none")
    opened = _opened(purpose, reason)
    for customer in customers:
        if not any(
            ledger.book.read(matching=[Match(tags=(f"{CUSTOMER_TAG}{customer}",))], limit=1)
        ):
            raise NotFound("customer", str(customer))
    for customer in customers:
        _put_on_record(ledger, customer, actor, opened, clock, ids)
    profile = Profile()
    with ledger.sealer.opening(actor=actor, reason=reason) as opening:
        for recorded in ledger.book.timeline(customers):
            for (subject, retention), fields in opening.open(recorded.event).items():
                if subject not in customers or retention is not Retention.IDENTITY:
                    continue
                if isinstance(fields, Erased):
                    profile.erased += 1
                elif isinstance(fields, KeysUnavailable):
                    profile.unavailable += 1
                else:
                    _take(profile, recorded.event, fields)
    return profile


def _take(profile: Profile, event: Event, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name == "identifiers":
            for kind, named in value:
                if (kind, named) not in profile.identifiers:
                    profile.identifiers.append((kind, named))
        elif name not in _NAMED_BY and event.type in ("customer.identified", "customer.updated"):
            profile.details[name] = value


def _opened(purpose: str, reason: str) -> EventType:
    given = {"purpose": purpose, "reason_given": reason}
    try:
        return catalogue.parse("personal_data.opened", given, at_a_door=False)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None


def _put_on_record(
    ledger: Ledger, customer: UUID, actor: UUID, opened: EventType, clock: Clock, ids: Ids
) -> None:
    event_id = ledger.keyring.event_id(_SOURCE, str(ids()))

    def event(personal: bytes = b"") -> Event:
        return Event(
            id=event_id,
            type=opened.TOPIC,
            version=opened.VERSION,
            domain=opened.DOMAIN,
            occurred_at=clock(),
            source=_SOURCE,
            data=opened.clear(),
            customer=customer,
            actor=actor,
            personal=personal,
        )

    parts = {(customer, retention): named for retention, named in opened.personal().items()}
    sealing = ledger.sealer.batch(parts)
    ledger.book.append([event(sealing.seal(event(), parts))])
    sealing.appended([event_id])
