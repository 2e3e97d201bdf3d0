"""Opening what is known of a person: put on record first, then read from their own events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from commands.on_record import opened, put_on_record
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.clock import Clock, Ids
from ledger.errors import Erased, KeysUnavailable, NotFound
from ledger.event import Event
from ledger.opening import Ledger

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
    to_record = opened(purpose, reason)
    for customer in customers:
        if not any(
            ledger.book.read(matching=[Match(tags=(f"{CUSTOMER_TAG}{customer}",))], limit=1)
        ):
            raise NotFound("customer", str(customer))
    for customer in customers:
        put_on_record(ledger, customer, actor, to_record, clock=clock, ids=ids)
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
