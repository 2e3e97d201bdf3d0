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
from ledger.errors import Erased
from ledger.event import Moment, Recorded, end_of, moment_of
from ledger.opening import Ledger
from ledger.people import Persons

_ANSWERING = tuple(kind.TOPIC for kind in (*DECIDING, PreferenceSet))
_TELLING = tuple(kind.TOPIC for kind in (*DECIDING, CustomersMerged, CustomersSplit))


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a person's history, and the answer as of its moment."""

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

    Without `as_of` everything counts that the book has, as in the views, but a yes that lies ahead: a
    source whose clock is a little ahead must not delay a withdrawal. Raises `Erased`.
    """
    _demand_there(ledger, customer)
    asked = customer, purpose, channel
    until = None if as_of is None else end_of(as_of)
    return _answer(ledger, asked, as_of or now, until, known_upto, hours)


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

    The answer is that for the customer of the event, as of its own moment. Raises `Erased`.
    """
    _demand_there(ledger, customer)
    until = None if as_of is None else end_of(as_of)
    members = _persons(ledger, until, known_upto).members(customer)
    steps = []
    for recorded in _of(ledger, members, _TELLING, until, known_upto):
        asked = recorded.event.customer or customer, purpose, channel
        at, own = recorded.event.occurred_at, moment_of(recorded)
        steps.append(Step(recorded, _answer(ledger, asked, at, own, known_upto)))
    return steps


def _answer(
    ledger: Ledger,
    asked: tuple[UUID, str, str],
    now: datetime,
    until: Moment | None,
    known_upto: int | None,
    hours: Hours = SENDING_HOURS,
) -> Permission:
    persons = _persons(ledger, until, known_upto)
    members = persons.members(asked[0])
    events = _of(ledger, members, _ANSWERING, until, known_upto, notices=True)
    return permission(events, persons, *asked, now, hours)


def _demand_there(ledger: Ledger, customer: UUID) -> None:
    if customer in ledger.gone.now():
        raise Erased(f"customer {customer} is erased: nothing may be sent")


def _persons(ledger: Ledger, until: Moment | None, known_upto: int | None) -> Persons:
    """Who was one person by then, of those who are not gone."""
    return ledger.people.by(until, known_upto).without(ledger.gone.now())


def _of(
    ledger: Ledger,
    members: Sequence[UUID],
    types: tuple[str, ...],
    until: Moment | None,
    known_upto: int | None,
    *,
    notices: bool = False,
) -> list[Recorded]:
    matching = [Match(types, (f"{CUSTOMER_TAG}{member}",)) for member in members]
    if notices:
        matching.append(Match((NoticePublished.TOPIC,)))
    found = ledger.book.read(matching=matching, upto=known_upto)
    return sorted((r for r in found if until is None or moment_of(r) <= until), key=moment_of)
