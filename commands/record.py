"""Touchpoints that no rule guards, recorded in batches: an outcome for each item.

The order is fixed, and each step is safe to repeat after a crash:

1. the id is made from source and message id, and what is recorded already is answered at once,
   whatever its identifiers would say by now;
2. what cannot be taken is refused, alone, before the vault hears of it;
3. the vault says who it is about, and commits that;
4. personal data is sealed under keys that the vault has committed;
5. the book appends, and only then is anything acknowledged.

A crash between vault and book leaves identifiers and keys that the next attempt finds and uses.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.book import Receipt, Status
from ledger.catalogue import REFERENCE_KINDS, Retention
from ledger.catalogue.fields import check_code, check_country
from ledger.clock import Clock
from ledger.errors import BadField, IdReused, Refused, ReservedType, TooLarge, came, came_safely
from ledger.event import MAX_EVENT_BYTES, Event, different_fields, encode_body
from ledger.identifiers import Identifier, normalise
from ledger.opening import Ledger
from ledger.sealing import Part, sealed_size

BATCH = 1_000
"""Events an append; a thousand share one lock and one flush to the disk."""

MAX_MESSAGE_ID = 1_024
"""Longest message id of a source, in characters."""

_CLEAR_TAGS = {"campaign": check_code, "market": check_country}

_TORN = re.compile("[\ud800-\udfff]")
_NOBODY_YET = UUID(int=0)
_ID_BYTES = 80
"""More than a customer or a reference adds to an envelope: its id, its name and the quotes."""


@dataclass(slots=True)
class _Draft:
    """One item on its way: what is known of it so far."""

    index: int
    touchpoint: Touchpoint
    id: UUID = _NOBODY_YET
    identifiers: tuple[Identifier, ...] = ()
    references: tuple[Identifier, ...] = ()
    customer: UUID | None = None
    reference_tags: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(init=False)
    """The clear attributes; asked for several times on the way, and made once."""
    clear_bytes: int = 0
    """Length of its clear envelope before customer and references are known."""

    def __post_init__(self) -> None:
        self.data = self.touchpoint.payload.clear()

    def event(self, personal: bytes = b"") -> Event:
        given = self.touchpoint
        clear_tags = [f"{kind}:{value}" for kind, value in given.tags.items()]
        return Event(
            id=self.id,
            type=given.payload.TOPIC,
            version=given.payload.VERSION,
            domain=given.payload.DOMAIN,
            occurred_at=given.occurred_at,
            source=given.source,
            data=self.data,
            customer=self.customer,
            tags=tuple(sorted([*clear_tags, *self.reference_tags])),
            actor=given.actor,
            correlation=given.correlation,
            causation=given.causation,
            personal=personal,
        )

    def personal(self) -> dict[Retention, dict[str, Any]]:
        """What is to be sealed: the marked fields, and by what the person was named."""
        if not self.touchpoint.payload.ABOUT_CUSTOMER:
            return {}
        sealed = self.touchpoint.payload.personal()
        named = sealed.setdefault(Retention.IDENTITY, {})
        for name, given in (("identifiers", self.identifiers), ("references", self.references)):
            if given:
                named[name] = [(identifier.kind, identifier.value) for identifier in given]
        return {retention: fields for retention, fields in sealed.items() if fields}

    def parts(self) -> dict[Part, dict[str, Any]]:
        """The same, under whose keys; their customer is known by now."""
        if self.customer is None:
            return {}
        return {(self.customer, retention): fields for retention, fields in self.personal().items()}


def record(
    ledger: Ledger,
    touchpoints: Iterable[Touchpoint],
    *,
    clock: Clock,
    future_tolerance: timedelta,
    region: str | None = None,
) -> Iterator[Outcome]:
    """Record touchpoints in batches of `BATCH`; yields an outcome an item, in their order.

    An outcome is yielded after the append that it reports is durable. Where batches begin and end
    changes no outcome. `region` (ISO country) reads phone numbers written without one, where the
    touchpoint has no market.
    """
    remaining = iter(touchpoints)
    while batch := list(islice(remaining, BATCH)):
        latest = clock() + future_tolerance
        for run in _runs(batch):
            yield from _record_run(ledger, run, latest, region)


def check(
    touchpoint: Touchpoint, *, latest: datetime, region: str | None = None
) -> tuple[Identifier, ...]:
    """Everything that can be refused by looking at one item; its normalised identifiers.

    Nothing is read or written, so that a dry run may ask. Raises `Refused`.
    """
    draft = _Draft(0, touchpoint)
    _check_fact(draft)
    _check_new(draft, latest, region)
    return draft.identifiers


def _runs(batch: Sequence[Touchpoint]) -> Iterator[list[Touchpoint]]:
    """The batch in pieces within which one message id is one message, word for word.

    What comes again in other words has to find the first one recorded: then it is answered, and
    nobody is named by it. Within a piece, both would be resolved before either is in the book.
    """
    run: list[Touchpoint] = []
    first: dict[tuple[str, str], Touchpoint] = {}
    for touchpoint in batch:
        named = (touchpoint.source, touchpoint.message_id)
        if first.setdefault(named, touchpoint) != touchpoint:
            yield run
            run, first = [], {named: touchpoint}
        run.append(touchpoint)
    yield run


def _record_run(
    ledger: Ledger, run: Sequence[Touchpoint], latest: datetime, region: str | None
) -> list[Outcome]:
    outcomes: dict[int, Outcome] = {}

    def taken(drafts: Iterable[_Draft], check: Callable[[_Draft], None]) -> list[_Draft]:
        """Those that pass; each of the others is refused, alone."""
        passed = []
        for draft in drafts:
            try:
                check(draft)
                passed.append(draft)
            except Refused as refusal:
                outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=refusal)
        return passed

    drafts = taken((_Draft(index, item) for index, item in enumerate(run)), _check_fact)
    new = _answer_known(ledger, drafts, outcomes)
    new = taken(new, lambda draft: _check_new(draft, latest, region))
    _tag(ledger, new)
    new = _resolve(ledger, new, outcomes)
    _append(ledger, new, outcomes)
    return [outcomes[index] for index in range(len(run))]


def _append(ledger: Ledger, drafts: Sequence[_Draft], outcomes: dict[int, Outcome]) -> None:
    """Seal and append; what can be refused has been refused before."""
    parts = [draft.parts() for draft in drafts]
    sealing = ledger.sealer.batch({key for part in parts for key in part})
    events = []
    for draft, part in zip(drafts, parts, strict=True):
        bare = draft.event()
        events.append(replace(bare, personal=sealing.seal(bare, part)) if part else bare)
    if not events:
        return
    receipts = ledger.book.append(events)
    for draft, receipt in zip(drafts, receipts, strict=True):
        outcomes[draft.index] = _outcome(draft.id, receipt)
    sealing.appended(
        draft.id
        for draft, receipt in zip(drafts, receipts, strict=True)
        if receipt.status is Status.APPENDED
    )


def _check_fact(draft: _Draft) -> None:
    """What makes it this event and no other, its clear envelope. Raises `Refused`."""
    given = draft.touchpoint
    if given.payload.RESERVED:
        raise ReservedType(
            "type", "a type that a door may append", came_safely(given.payload.TOPIC)
        )
    if given.occurred_at.utcoffset() is None:
        raise BadField("occurred_at", "a time with a zone", "a time without one")
    check_code("source", given.source)
    if not 0 < len(given.message_id) <= MAX_MESSAGE_ID:
        raise TooLarge(
            "message_id", f"1 to {MAX_MESSAGE_ID} characters", f"{len(given.message_id)} characters"
        )
    if _TORN.search(given.message_id):
        raise BadField("message_id", "text in Unicode", "half of a surrogate pair")
    for kind, value in given.tags.items():
        if kind not in _CLEAR_TAGS:
            raise BadField("tags", "one of " + ", ".join(_CLEAR_TAGS), came_safely(kind))
        _CLEAR_TAGS[kind](f"tags.{kind}", value)
    draft.references = tuple(_reference(reference) for reference in given.references)
    kinds = [reference.kind for reference in draft.references]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise BadField(f"references.{kind}", "one", f"{kinds.count(kind)}")
    draft.clear_bytes = len(encode_body(draft.event()))


def _check_new(draft: _Draft, latest: datetime, region: str | None) -> None:
    """When it happened, whom it names, and its size when sealed. Raises `Refused`."""
    given = draft.touchpoint
    if given.occurred_at > latest:
        raise BadField(
            "occurred_at", f"at the latest {latest:%Y-%m-%d %H:%M:%S %Z}", "a later time"
        )
    if given.payload.ABOUT_CUSTOMER:
        draft.identifiers = tuple(_names(given, region))
        if not draft.identifiers:
            raise BadField("identifiers", "at least one that names a person", "none")
    elif given.identifiers:
        raise BadField("identifiers", f"none, since {given.payload.TOPIC} is about nobody", "some")
    sealed = sealed_size(draft.personal().values())
    to_come = _ID_BYTES * (1 + len(draft.references))
    if draft.clear_bytes + to_come + sealed <= MAX_EVENT_BYTES:
        return
    # Customer and references are not known yet, but as long as any others.
    placed = _Draft(
        draft.index,
        given,
        customer=_NOBODY_YET if given.payload.ABOUT_CUSTOMER else None,
        reference_tags=tuple(f"{r.kind}:{_NOBODY_YET}" for r in draft.references),
    )
    encode_body(placed.event(bytes(sealed)))


def _names(given: Touchpoint, region: str | None) -> Iterable[Identifier]:
    """The normalised identifiers, each once; those that identify nobody are left out."""
    region = given.tags.get("market", region)
    for identifier in given.identifiers:
        if identifier.kind in REFERENCE_KINDS:
            raise BadField("identifiers", "what names a person", came_safely(identifier.kind))
    found = [normalise(identifier, region) for identifier in given.identifiers]
    return dict.fromkeys(identifier for identifier in found if identifier is not None)


def _reference(given: Identifier) -> Identifier:
    if given.kind not in REFERENCE_KINDS:
        raise BadField(
            "references", "one of " + ", ".join(REFERENCE_KINDS), came_safely(given.kind)
        )
    normal = normalise(given)
    if normal is None:
        raise BadField(f"references.{given.kind}", "the number of one thing", came(given.value))
    return normal


def _answer_known(
    ledger: Ledger, drafts: Sequence[_Draft], outcomes: dict[int, Outcome]
) -> list[_Draft]:
    """Answer what is recorded already; the rest is returned, its ids made."""
    for draft in drafts:
        draft.id = ledger.keyring.event_id(draft.touchpoint.source, draft.touchpoint.message_id)
    known = ledger.book.known(draft.id for draft in drafts)
    again = [draft for draft in drafts if draft.id in known]
    _tag(ledger, again)
    for draft in again:
        position, body = known[draft.id]
        fields = different_fields(draft.event(), body)
        status = Status.REUSED if fields else Status.DUPLICATE
        outcomes[draft.index] = _outcome(draft.id, Receipt(status, position, fields))
    return [draft for draft in drafts if draft.id not in known]


def _tag(ledger: Ledger, drafts: Sequence[_Draft]) -> None:
    """Give each the random ids that stand for the numbers it refers to."""
    found = iter(ledger.vault.references([r for draft in drafts for r in draft.references]))
    for draft in drafts:
        draft.reference_tags = tuple(f"{r.kind}:{next(found)}" for r in draft.references)


def _resolve(
    ledger: Ledger, drafts: Sequence[_Draft], outcomes: dict[int, Outcome]
) -> list[_Draft]:
    """Who each item is about; those that name two customers, or one being erased, are refused."""
    found = ledger.vault.customers([draft.identifiers for draft in drafts])
    fenced = ledger.vault.fenced({customer for customer in found if isinstance(customer, UUID)})
    being_erased = BadField("identifiers", "a person who is not being erased", "one who is")
    rest = []
    for draft, customer in zip(drafts, found, strict=True):
        if isinstance(customer, Refused):
            outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=customer)
        elif customer in fenced:
            outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=being_erased)
        else:
            draft.customer = customer
            rest.append(draft)
    return rest


def _outcome(event_id: UUID, receipt: Receipt) -> Outcome:
    if receipt.status is Status.REUSED:
        reused = IdReused(event_id, receipt.position, receipt.fields)
        return Outcome(Fate.REFUSED, refusal=reused)
    fate = Fate.APPENDED if receipt.status is Status.APPENDED else Fate.DUPLICATE
    return Outcome(fate, receipt.position)
