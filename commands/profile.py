"""Opening what is known of a person: put on record first, then read from their own events."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from commands.on_record import opened, put_on_record
from commands.privacy.corrections import SAYING, Corrections
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.catalogue.privacy import CustomerRectified
from ledger.clock import Clock
from ledger.errors import Erased, KeysUnavailable, NotFound
from ledger.event import Event, Recorded
from ledger.opening import Ledger

_NAMED_BY = ("identifiers", "references")


class Superseded(NamedTuple):
    """A detail, or an identifier by its kind, that was rectified later; `position` is of who said it."""

    position: int
    name: str
    value: str


@dataclass(slots=True)
class Profile:
    """Who a person is, by their own events.

    `details` holds the newest of each profile field, `identifiers` every (kind, value) the person
    was named by; what was rectified is in neither. `superseded` is that, oldest first, for whoever asks
    for it. `erased` and `unavailable` count sealed parts that could not be read, and why.
    """

    details: dict[str, Any] = field(default_factory=dict)
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    erased: int = 0
    unavailable: int = 0
    superseded: list[Superseded] = field(default_factory=list)


def open_profile(
    ledger: Ledger,
    customers: Sequence[UUID],
    *,
    actor: UUID,
    purpose: str,
    reason: str,
    clock: Clock,
    superseded: bool = False,
) -> Profile:
    """Open the identity data of one person: all the customers that are merged into them.

    Details that were rectified are superseded, and come only where `superseded` is asked for.

    `personal_data.opened` is appended before anything is opened. Raises `BadUsage` without a reason
    or with a purpose that is no code, `NotFound` for a customer the book has never heard of.
    """
    to_record = opened(purpose, reason)
    for customer in customers:
        if not any(
            ledger.book.read(matching=[Match(tags=(f"{CUSTOMER_TAG}{customer}",))], limit=1)
        ):
            raise NotFound("customer", str(customer))
    on_record = put_on_record(ledger, customers, actor, to_record, clock=clock)
    profile = Profile()
    opened_parts: list[tuple[Recorded, dict[str, Any]]] = []
    with ledger.sealer.opening(on_record) as opening:
        for recorded in ledger.book.timeline(customers):
            for (_, retention), fields in opening.open(recorded.event).items():
                if retention is not Retention.IDENTITY:
                    continue
                if isinstance(fields, Erased):
                    profile.erased += 1
                elif isinstance(fields, KeysUnavailable):
                    profile.unavailable += 1
                else:
                    opened_parts.append((recorded, fields))
    corrections = Corrections(
        part for part in opened_parts if part[0].event.type == CustomerRectified.TOPIC
    )
    for recorded, fields in opened_parts:
        _take(profile, recorded.event, corrections.standing(recorded, fields))
        if superseded:
            wrong = corrections.superseded(recorded, fields)
            profile.superseded += _listed(recorded.position, wrong)
    return profile


def _take(profile: Profile, event: Event, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name == "identifiers":
            for kind, named in value:
                if (kind, named) not in profile.identifiers:
                    profile.identifiers.append((kind, named))
        elif name not in _NAMED_BY and event.type in SAYING:
            profile.details[name] = value


def _listed(position: int, fields: Mapping[str, Any]) -> Iterator[Superseded]:
    for name, value in fields.items():
        for kind, text in value if name == "identifiers" else [(name, value)]:
            yield Superseded(position, kind, text)
