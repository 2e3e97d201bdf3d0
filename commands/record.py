"""Touchpoints that no rule guards, recorded in batches: an outcome for each item.

The order is fixed, and each step is safe to repeat after a crash:

1. the id is made from source and message id, and what is recorded already is answered at once,
   whatever its identifiers would say by now;
2. what cannot be taken is refused, alone, before the vault hears of it;
3. the vault says who it is about, and commits that;
4. personal data is sealed under keys that the vault has committed;
5. the book appends, and only then is anything acknowledged: on condition that no erasure has begun
   since it was asked who is being erased. Before a touchpoint that shows customers to be one person
   stands their merge, in the same append, on condition that nobody has merged or parted them since.
   Else the items are named anew.

A crash between vault and book leaves identifiers and keys that the next attempt finds and uses.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID

from commands.custom import (
    NONE_REGISTERED,
    REGISTRATION,
    Registered,
    as_sent,
    schemas_of,
    split,
)
from commands.draft import Draft, check_fact, check_message, check_new, check_sealable
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import CUSTOMER_TAG, Condition, Match, Receipt, Status
from ledger.catalogue import find
from ledger.catalogue.privacy import CustomerErasing
from ledger.catalogue.reference import CustomTracked
from ledger.clock import Clock
from ledger.errors import (
    BadField,
    ConditionFailed,
    Erased,
    IdReused,
    NamesErased,
    Refused,
    ReservedType,
    came_safely,
)
from ledger.event import MERGED, SPLIT, Event, different_fields
from ledger.identifiers import Identifier
from ledger.naming import LIMITS, Limits, Named
from ledger.opening import Ledger
from ledger.people import Persons
from ledger.vault import Arrival

BATCH = 1_000
"""Events an append; a thousand share one lock and one flush to the disk."""

BY_RULE = "bahi:identity"
"""The source of merges that follow from what a touchpoint says, and not from anybody's judgement."""


ERASURES = Match((CustomerErasing.TOPIC,))
"""Any erasure at all, also one of classes: they are few, and cheap to ask for."""

OURS = re.compile(r"bahi(:.*)?")
"""Sources that only commands speak for."""

_Named = tuple[str, str]
"""A source, and an id of its own: no two messages have the same."""


def record(
    ledger: Ledger,
    touchpoints: Iterable[Touchpoint],
    *,
    clock: Clock,
    future_tolerance: timedelta,
    region: str | None = None,
    limits: Limits = LIMITS,
) -> Iterator[Outcome]:
    """Record touchpoints in batches of `BATCH`; yields an outcome an item, in their order.

    An outcome is yielded after the append that it reports is durable. Where batches begin and end
    changes no outcome. `region` (ISO country) reads phone numbers written without one, where the
    touchpoint has no market; `limits` keep customers from becoming one person.
    """
    remaining = iter(touchpoints)
    while batch := list(islice(remaining, BATCH)):
        now, in_book = clock(), set[_Named]()
        while batch:
            run = _run(batch, in_book)
            outcomes = _record_run(ledger, run, now, future_tolerance, region, limits)
            yield from outcomes
            found = zip(run, outcomes, strict=True)
            in_book |= {_named(item) for item, outcome in found if _is_in_book(outcome)}
            batch = batch[len(run) :]


def check(
    touchpoint: Touchpoint, *, latest: datetime, region: str | None = None
) -> tuple[Identifier, ...]:
    """Everything that can be refused by looking at one item; its normalised identifiers.

    Nothing is read or written, so that a dry run may ask. Raises `Refused`.
    """
    draft = Draft(0, touchpoint)
    _check_door(draft)
    if isinstance(touchpoint.payload, CustomTracked):
        draft.say(split(*as_sent(touchpoint.payload), NONE_REGISTERED))
    check_fact(draft)
    check_new(draft, latest, region)
    return draft.identifiers


def _check_door(draft: Draft) -> None:
    payload = draft.touchpoint.payload
    if payload.RESERVED:
        raise ReservedType("type", "a type that a door may append", came_safely(payload.TOPIC))
    if OURS.fullmatch(draft.touchpoint.source):
        raise BadField("source", "one that is not ours, as bahi is", came_safely("bahi"))
    check_message(draft)


def _run(batch: Sequence[Touchpoint], in_book: Collection[_Named]) -> Sequence[Touchpoint]:
    """The beginning of a batch in which one message id is one message, word for word, but for ids that are in
    the book.

    What comes again in other words has to find the first one recorded: then it is answered, and
    nobody is named by it. Within a run, both would be resolved before either is in the book.
    """
    first: dict[_Named, Touchpoint] = {}
    for place, touchpoint in enumerate(batch):
        named = _named(touchpoint)
        before = touchpoint if named in in_book else first.setdefault(named, touchpoint)
        if not before.says_the_same(touchpoint):
            return batch[:place]
    return batch


def _named(touchpoint: Touchpoint) -> _Named:
    return touchpoint.source, touchpoint.message_id


def _is_in_book(outcome: Outcome) -> bool:
    return outcome.fate is not Fate.REFUSED or isinstance(outcome.refusal, IdReused)


def _record_run(
    ledger: Ledger,
    run: Sequence[Touchpoint],
    now: datetime,
    future_tolerance: timedelta,
    region: str | None,
    limits: Limits,
) -> list[Outcome]:
    while True:
        try:
            return _try_run(ledger, run, now, future_tolerance, region, limits)
        except (ConditionFailed, IdReused, Erased):
            # Who is who, who is being erased, or what custom events are split by, has changed: nothing
            # was written.
            continue


def _try_run(
    ledger: Ledger,
    run: Sequence[Touchpoint],
    now: datetime,
    future_tolerance: timedelta,
    region: str | None,
    limits: Limits,
) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}
    judged = judge(ledger, run, now, future_tolerance, region, limits, outcomes)
    append_judged(ledger, judged, now, outcomes)
    return [outcomes[index] for index in range(len(run))]


@dataclass(frozen=True, slots=True)
class Judged:
    """What may be appended: nothing speaks against it, as things were known then."""

    drafts: Sequence[Draft]
    persons: Persons
    registered: Registered


def judge(
    ledger: Ledger,
    run: Sequence[Touchpoint],
    now: datetime,
    future_tolerance: timedelta,
    region: str | None,
    limits: Limits,
    outcomes: dict[int, Outcome],
) -> Judged:
    """What of a run is new and can be taken. `outcomes` is told the rest: what is refused or recorded
    already, by its place in the run.
    """

    def taken(drafts: Iterable[Draft], check: Callable[[Draft], None]) -> list[Draft]:
        """Those that pass; each of the others is refused, alone."""
        passed = []
        for draft in drafts:
            try:
                check(draft)
                passed.append(draft)
            except Refused as refusal:
                outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=refusal)
        return passed

    drafts = taken((Draft(index, item) for index, item in enumerate(run)), _check_door)
    for draft in drafts:
        draft.id = ledger.keyring.event_id(draft.touchpoint.source, draft.touchpoint.message_id)
    known = ledger.book.known(draft.id for draft in drafts)
    registered = NONE_REGISTERED
    if any(isinstance(draft.touchpoint.payload, CustomTracked) for draft in drafts):
        registered = schemas_of(ledger.book).now()
        drafts = taken(drafts, lambda draft: _say_custom(ledger, draft, known, registered))
    drafts = taken(drafts, check_fact)
    new = _answer_known(ledger, drafts, known, outcomes)
    latest = now + future_tolerance
    new = taken(new, lambda draft: check_new(draft, latest, region))
    _tag(ledger, new)
    persons = ledger.living.now()
    new = taken(_resolve(ledger, new, now, persons, limits, outcomes), check_sealable)
    return Judged(new, persons, registered)


def _say_custom(
    ledger: Ledger, draft: Draft, known: Mapping[UUID, tuple[int, bytes]], registered: Registered
) -> None:
    """Split a custom event by what is registered, or was when it was recorded. Raises `BadField`."""
    payload = draft.touchpoint.payload
    if isinstance(payload, CustomTracked):
        if draft.id in known:
            registered = schemas_of(ledger.book).upto(known[draft.id][0])
        draft.say(split(*as_sent(payload), registered))


def append_judged(
    ledger: Ledger,
    judged: Judged,
    now: datetime,
    outcomes: dict[int, Outcome],
    *,
    whole: bool = False,
) -> None:
    """Seal and append; what can be refused has been refused before.

    Raises `ConditionFailed`, `IdReused` or `Erased` where others were quicker; nothing is written then.
    Of what names nobody, one whose id others were quicker with is refused alone, but for `whole`.
    """
    drafts, persons = judged.drafts, judged.persons
    parts = [draft.parts() for draft in drafts]
    sealing = ledger.sealer.batch({key for part in parts for key in part})
    events: list[Event] = []
    places = []
    merged: set[UUID] = set()
    for draft, part in zip(drafts, parts, strict=True):
        bare = draft.event()
        for other in draft.merges:
            assert bare.customer is not None
            events.append(_merge(ledger, draft, other, now))
            merged |= {*persons.members(bare.customer), *persons.members(other)}
        places.append(len(events))
        events.append(replace(bare, personal=sealing.seal(bare, part)) if part else bare)
    if not events:
        return
    unless = [Match((MERGED, SPLIT), (f"{CUSTOMER_TAG}{one}",)) for one in sorted(merged)]
    if any(event.customer for event in events):
        unless.append(ERASURES)
    after = persons.upto
    if any(isinstance(draft.touchpoint.payload, CustomTracked) for draft in drafts):
        unless.append(REGISTRATION)
        after = min(after, judged.registered.position)
    conditional = whole or bool(unless)
    receipts = ledger.book.append(events, Condition(tuple(unless), after) if conditional else None)
    answered = [(draft, receipts[place]) for draft, place in zip(drafts, places, strict=True)]
    for draft, receipt in answered:
        outcomes[draft.index] = _outcome(draft.id, receipt)
    sealing.appended(d.id for d, receipt in answered if receipt.status is Status.APPENDED)


def _answer_known(
    ledger: Ledger,
    drafts: Sequence[Draft],
    known: Mapping[UUID, tuple[int, bytes]],
    outcomes: dict[int, Outcome],
) -> list[Draft]:
    """Answer what is recorded already; the rest is returned."""
    again = [draft for draft in drafts if draft.id in known]
    _tag(ledger, again)
    for draft in again:
        position, body = known[draft.id]
        fields = different_fields(draft.event(), body)
        status = Status.REUSED if fields else Status.DUPLICATE
        outcomes[draft.index] = _outcome(draft.id, Receipt(status, position, fields))
    return [draft for draft in drafts if draft.id not in known]


def _tag(ledger: Ledger, drafts: Sequence[Draft]) -> None:
    """Give each the random ids that stand for the numbers it refers to."""
    found = iter(ledger.vault.references([r for draft in drafts for r in draft.references]))
    for draft in drafts:
        draft.reference_tags = tuple(f"{r.kind}:{next(found)}" for r in draft.references)


def _resolve(
    ledger: Ledger,
    drafts: Sequence[Draft],
    now: datetime,
    persons: Persons,
    limits: Limits,
    outcomes: dict[int, Outcome],
) -> list[Draft]:
    """Who each item is about, and which customers it shows to be one person.

    An item about somebody who is erased, or being erased, is refused, and nobody is merged with them;
    for a while also what is still on its way about them, see `ledger.vault.suppression`.
    """
    unknown = [() if draft.touchpoint.customer else draft.identifiers for draft in drafts]
    arrivals = [draft.arrival(now) for draft in drafts]
    gone = (
        ledger.gone.now()
    )  # as of `persons` at least; what begins later meets the append's condition
    found = ledger.vault.resolve(unknown, persons, limits, arrivals=arrivals, gone=gone)
    rest = []
    for draft, named in zip(drafts, found, strict=True):
        if isinstance(named, Refused):
            outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=named)
            continue
        draft.customer = draft.touchpoint.customer if named is None else named.customer
        draft.merges = () if named is None else named.merges
        rest.append(draft)
    fenced = ledger.fenced(draft.customer for draft in rest if draft.customer)
    being_erased = NamesErased("identifiers", "a person who is not being erased", "one who is")
    for draft in rest:
        if draft.customer in fenced:
            outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=being_erased)
    rest = [draft for draft in rest if draft.customer not in fenced]
    _resolve_others(ledger, [draft for draft in rest if draft.tells_of], now, persons, limits)
    return rest


def _resolve_others(
    ledger: Ledger, drafts: Sequence[Draft], now: datetime, persons: Persons, limits: Limits
) -> None:
    """Who else each item tells of: somebody known, or somebody new. It is no act of theirs.

    So of whom is erased, or was lately and has not turned to us since, it says nothing; the item is
    somebody else's, and is recorded all the same.
    """
    if not drafts:
        return
    names = [(draft.tells_of,) for draft in drafts if draft.tells_of]
    arrivals = [Arrival(now, draft.touchpoint.occurred_at, passive=True) for draft in drafts]
    gone = ledger.gone.now()
    found = ledger.vault.resolve(names, persons, limits, arrivals=arrivals, gone=gone)
    fenced = ledger.fenced(named.customer for named in found if isinstance(named, Named))
    for draft, named in zip(drafts, found, strict=True):
        draft.silent = not isinstance(named, Named) or named.customer in fenced
        if isinstance(named, Named) and not draft.silent and named.customer != draft.customer:
            draft.another = named.customer


def _merge(ledger: Ledger, draft: Draft, other: UUID, now: datetime) -> Event:
    """That two customers are one person, as of the item that showed it, and never ahead of us:
    whoever knows better is to be able to part them at once.
    """
    merged = find(MERGED)
    given = draft.touchpoint
    return Event(
        id=ledger.keyring.event_id(BY_RULE, f"{draft.id}:{other}"),
        type=MERGED,
        version=merged.VERSION,
        domain=merged.DOMAIN,
        occurred_at=min(given.occurred_at, now),
        source=BY_RULE,
        data={"other": str(other)},
        customer=draft.customer,
        actor=given.actor,
        correlation=given.correlation,
        causation=draft.id,
    )


def _outcome(event_id: UUID, receipt: Receipt) -> Outcome:
    if receipt.status is Status.REUSED:
        reused = IdReused(event_id, receipt.position, receipt.fields)
        return Outcome(Fate.REFUSED, refusal=reused)
    fate = Fate.APPENDED if receipt.status is Status.APPENDED else Fate.DUPLICATE
    return Outcome(fate, receipt.position)
