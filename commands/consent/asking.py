"""Asking: just the events that an answer can hang on, found by index, under both clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commands.consent.hours import SENDING_HOURS, Hours
from commands.consent.permission import DECIDING, Permission, permission
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue.consent import NoticePublished
from ledger.catalogue.profile import CustomersMerged, CustomersSplit, PreferenceSet
from ledger.event import Recorded, moment_of
from ledger.opening import Ledger

_ANSWERING = tuple(kind.TOPIC for kind in (*DECIDING, PreferenceSet))
_TELLING = tuple(kind.TOPIC for kind in (*DECIDING, CustomersMerged, CustomersSplit))


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a person's history, and the answer as of its time."""

    recorded: Recorded
    then: Permission


def may_send(
    ledger: Ledger,
    customer: UUID,
    purpose: str,
    channel: str,
    *,
    now: datetime,
    as_of: datetime | None = None,
    known_upto: int | None = None,
    hours: Hours = SENDING_HOURS,
) -> Permission:
    """The answer for a person: as of `as_of` (None: `now`), by the book up to `known_upto`.

    Without `as_of` everything counts that the book has, as in the views: a source whose clock is a
    little ahead must not delay a withdrawal.
    """
    persons = ledger.people.at(as_of, known_upto)
    events = _of(ledger, persons.members(customer), _ANSWERING, as_of, known_upto, notices=True)
    return permission(events, persons, customer, purpose, channel, as_of or now, hours)


def history(
    ledger: Ledger,
    customer: UUID,
    purpose: str,
    channel: str,
    *,
    as_of: datetime | None = None,
    known_upto: int | None = None,
) -> list[Step]:
    """What the members of a person allowed and forbade, in order of moment, and the answer after each.

    The answer is that of `may_send` for the customer of the event, as of its own time.
    """
    members = ledger.people.at(as_of, known_upto).members(customer)
    steps = []
    for recorded in _of(ledger, members, _TELLING, as_of, known_upto):
        about, at = recorded.event.customer or customer, recorded.event.occurred_at
        then = may_send(ledger, about, purpose, channel, now=at, as_of=at, known_upto=known_upto)
        steps.append(Step(recorded, then))
    return steps


def _of(
    ledger: Ledger,
    members: Sequence[UUID],
    types: tuple[str, ...],
    as_of: datetime | None,
    known_upto: int | None,
    *,
    notices: bool = False,
) -> list[Recorded]:
    matching = [Match(types, (f"{CUSTOMER_TAG}{member}",)) for member in members]
    if notices:
        matching.append(Match((NoticePublished.TOPIC,)))
    found = ledger.book.read(matching=matching, upto=known_upto)
    return sorted(
        (r for r in found if as_of is None or r.event.occurred_at <= as_of), key=moment_of
    )
