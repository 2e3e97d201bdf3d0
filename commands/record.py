"""Touchpoints that no rule guards, recorded in batches: an outcome for each item.

The order is fixed, and each step is safe to repeat after a crash:

1. the id is made from source and message id, and what is recorded already is answered at once;
2. what cannot be taken is refused, alone;
3. the vault says who it is about, and commits that;
4. personal data is sealed under keys that the vault has committed;
5. the book appends, and only then is anything acknowledged.

A crash between vault and book leaves identifiers and keys that the next attempt finds and uses.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from ledger.event import Event, different_fields, encode_body
from ledger.identifiers import Identifier, normalise
from ledger.opening import Ledger

BATCH = 1_000
"""Events an append; a thousand share one lock and one flush to the disk."""

MAX_MESSAGE_ID = 1_024
"""Longest message id of a source, in characters."""

_CLEAR_TAGS = {"campaign": check_code, "market": check_country}

Parts = dict[tuple[UUID, Retention], dict[str, Any]]
Refuse = Callable[["_Draft", Refused], None]


@dataclass(slots=True)
class _Draft:
    """One item on its way: what is known of it so far."""

    index: int
    touchpoint: Touchpoint
    id: UUID
    identifiers: tuple[Identifier, ...] = ()
    references: tuple[Identifier, ...] = ()
    customer: UUID | None = None
    reference_tags: tuple[str, ...] = ()

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
            data=given.payload.clear(),
            customer=self.customer,
            tags=tuple(sorted([*clear_tags, *self.reference_tags])),
            actor=given.actor,
            correlation=given.correlation,
            causation=given.causation,
            personal=personal,
        )

    def parts(self) -> Parts:
        """What is to be sealed: the marked fields, and by what the person was named."""
        if self.customer is None:
            return {}
        parts: Parts = {
            (self.customer, retention): dict(fields)
            for retention, fields in self.touchpoint.payload.personal().items()
        }
        named = parts.setdefault((self.customer, Retention.IDENTITY), {})
        for name, given in (("identifiers", self.identifiers), ("references", self.references)):
            if given:
                named[name] = {identifier.kind: identifier.value for identifier in given}
        return {key: fields for key, fields in parts.items() if fields}


def record(
    ledger: Ledger,
    touchpoints: Iterable[Touchpoint],
    *,
    clock: Clock,
    future_tolerance: timedelta,
    region: str | None = None,
) -> Iterator[Outcome]:
    """Record touchpoints in batches of `BATCH`; yields an outcome an item, in their order.

    An outcome is yielded after the append that it reports is durable. `region` (ISO country) reads
    phone numbers written without one, where the touchpoint has no market.
    """
    remaining = iter(touchpoints)
    while batch := list(islice(remaining, BATCH)):
        latest = clock() + future_tolerance
        yield from _record_batch(ledger, batch, latest, region)


def check(
    touchpoint: Touchpoint, *, latest: datetime, region: str | None = None
) -> tuple[Identifier, ...]:
    """Everything that can be refused by looking at one item; its normalised identifiers.

    Nothing is read or written, so that a dry run may ask. Raises `Refused`.
    """
    draft = _Draft(0, touchpoint, UUID(int=0))
    _check(draft, latest, region)
    encode_body(draft.event())
    return draft.identifiers


def _record_batch(
    ledger: Ledger, batch: Sequence[Touchpoint], latest: datetime, region: str | None
) -> list[Outcome]:
    outcomes: list[Outcome | None] = [None] * len(batch)

    def refuse(draft: _Draft, refusal: Refused) -> None:
        outcomes[draft.index] = Outcome(Fate.REFUSED, refusal=refusal)

    drafts = []
    for index, touchpoint in enumerate(batch):
        event_id = ledger.keyring.event_id(touchpoint.source, touchpoint.message_id)
        draft = _Draft(index, touchpoint, event_id)
        try:
            _check(draft, latest, region)
            drafts.append(draft)
        except Refused as refusal:
            refuse(draft, refusal)

    drafts = _answer_known(ledger, drafts, outcomes)
    _resolve(ledger, drafts, refuse)
    drafts = [draft for draft in drafts if outcomes[draft.index] is None]

    parts = [draft.parts() for draft in drafts]
    sealing = ledger.sealer.batch({key for part in parts for key in part})
    events = []
    kept = []
    for draft, part in zip(drafts, parts, strict=True):
        try:
            bare = draft.event()
            event = draft.event(sealing.seal(bare, part)) if part else bare
            encode_body(event)
        except Refused as refusal:
            refuse(draft, refusal)
            continue
        events.append(event)
        kept.append(draft)
    if events:
        receipts = ledger.book.append(events)
        for draft, receipt in zip(kept, receipts, strict=True):
            outcomes[draft.index] = _outcome(draft.id, receipt)
        sealing.appended(
            draft.id
            for draft, receipt in zip(kept, receipts, strict=True)
            if receipt.status is Status.APPENDED
        )
    return [outcome for outcome in outcomes if outcome is not None]


def _check(draft: _Draft, latest: datetime, region: str | None) -> None:
    """Everything that can be refused by looking at one item. Raises `Refused`."""
    given = draft.touchpoint
    payload = given.payload
    if payload.RESERVED:
        raise ReservedType("type", "a type that a door may append", came_safely(payload.TOPIC))
    if given.occurred_at.utcoffset() is None:
        raise BadField("occurred_at", "a time with a zone", "a time without one")
    if given.occurred_at > latest:
        raise BadField(
            "occurred_at", f"at the latest {latest:%Y-%m-%d %H:%M:%S %Z}", "a later time"
        )
    check_code("source", given.source)
    if not 0 < len(given.message_id) <= MAX_MESSAGE_ID:
        raise TooLarge(
            "message_id", f"1 to {MAX_MESSAGE_ID} characters", f"{len(given.message_id)} characters"
        )
    for kind, value in given.tags.items():
        if kind not in _CLEAR_TAGS:
            raise BadField("tags", "one of " + ", ".join(_CLEAR_TAGS), came_safely(kind))
        _CLEAR_TAGS[kind](f"tags.{kind}", value)
    region = given.tags.get("market", region)
    normal = (normalise(identifier, region) for identifier in given.identifiers)
    draft.identifiers = tuple(identifier for identifier in normal if identifier is not None)
    draft.references = tuple(_reference(reference) for reference in given.references)
    if payload.ABOUT_CUSTOMER and not draft.identifiers:
        raise BadField("identifiers", "at least one that names a person", "none")
    if not payload.ABOUT_CUSTOMER and given.identifiers:
        raise BadField("identifiers", f"none, since {payload.TOPIC} is about nobody", "some")


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
    ledger: Ledger, drafts: list[_Draft], outcomes: list[Outcome | None]
) -> list[_Draft]:
    """Answer what is recorded already; the rest is returned, its references resolved as well."""
    references = iter(ledger.vault.references([r for d in drafts for r in d.references]))
    for draft in drafts:
        draft.reference_tags = tuple(f"{r.kind}:{next(references)}" for r in draft.references)
    known = ledger.book.known(draft.id for draft in drafts)
    rest = []
    for draft in drafts:
        if draft.id not in known:
            rest.append(draft)
            continue
        position, body = known[draft.id]
        fields = different_fields(draft.event(), body)
        status = Status.REUSED if fields else Status.DUPLICATE
        outcomes[draft.index] = _outcome(draft.id, Receipt(status, position, fields))
    return rest


def _resolve(ledger: Ledger, drafts: Sequence[_Draft], refuse: Refuse) -> None:
    """Who each item is about; identifiers that name two customers refuse the item."""
    found = ledger.vault.customers([draft.identifiers for draft in drafts])
    for draft, customer in zip(drafts, found, strict=True):
        if isinstance(customer, Refused):
            refuse(draft, customer)
        else:
            draft.customer = customer


def _outcome(event_id: UUID, receipt: Receipt) -> Outcome:
    if receipt.status is Status.REUSED:
        reused = IdReused(event_id, receipt.position, receipt.fields)
        return Outcome(Fate.REFUSED, refusal=reused)
    fate = Fate.APPENDED if receipt.status is Status.APPENDED else Fate.DUPLICATE
    return Outcome(fate, receipt.position)
