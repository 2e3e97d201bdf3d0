"""One item on its way into the book: what is known of it so far, and what speaks against it.

Both ways in, batches that no rule guards and commands that one does, take the same steps with it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger.catalogue import REFERENCE_KINDS, About, EventType, Retention
from ledger.catalogue.fields import check_code, check_country
from ledger.errors import BadField, TooLarge, came, came_safely
from ledger.event import MAX_EVENT_BYTES, Event, encode_body
from ledger.identifiers import Identifier, named_in, normalise
from ledger.sealing import Part, sealed_size
from ledger.vault import Arrival

MAX_MESSAGE_ID = 1_024
"""Longest message id of a source, in characters."""

_CLEAR_TAGS = {"campaign": check_code, "market": check_country}

_TORN = re.compile("[\ud800-\udfff]")
_NOBODY_YET = UUID(int=0)
_ID_BYTES = 80
"""More than a customer or a reference adds to an envelope: its id, its name and the quotes."""


@dataclass(slots=True)
class Draft:
    """One item on its way: what is known of it so far."""

    index: int
    touchpoint: Touchpoint
    id: UUID = _NOBODY_YET
    identifiers: tuple[Identifier, ...] = ()
    references: tuple[Identifier, ...] = ()
    customer: UUID | None = None
    merges: tuple[UUID, ...] = ()
    """Customers whom it shows to be the same person."""
    reference_tags: tuple[str, ...] = ()
    tells_of: Identifier | None = None
    """What names somebody else of whom it tells, if anything does."""
    another: UUID | None = None
    """Who that is."""
    silent: bool = False
    """Nothing is to be said of them."""
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
            tags=tuple(sorted([*clear_tags, *self.reference_tags, *self.thing_tags])),
            actor=given.actor,
            correlation=given.correlation,
            causation=given.causation,
            personal=personal,
            another=self.another,
        )

    def arrival(self, now: datetime) -> Arrival:
        """How it comes in, for whoever asks whether it may still come. What only commands say of a person
        is said on purpose, and comes.
        """
        payload, occurred_at = self.touchpoint.payload, self.touchpoint.occurred_at
        return Arrival(now, now if payload.RESERVED else occurred_at, payload.PASSIVE)

    def say(self, payload: EventType) -> None:
        """Say the same in other fields: what turned out to be safe in the clear, and what not."""
        self.touchpoint = replace(self.touchpoint, payload=payload)
        self.data = payload.clear()

    @property
    def thing_tags(self) -> list[str]:
        """Tags of what was named by its id and not by a number."""
        return [f"{kind}:{thing}" for kind, thing in self.touchpoint.things.items()]

    def personal(
        self, another: UUID | None = None
    ) -> dict[tuple[UUID | None, Retention], dict[str, Any]]:
        """What is to be sealed: the marked fields, and by what the person was named. Under whose keys:
        None for those of the customer, who need not be known yet; of `another`, what tells of them.
        """
        payload = self.touchpoint.payload
        if payload.ABOUT is About.NOBODY:
            return {}
        sealed = {(payload.sealed_for, kept): fields for kept, fields in payload.personal().items()}
        if another or self.silent:
            for (_, kept), fields in [*sealed.items()]:
                theirs = {name: fields.pop(name) for name in payload.OTHERS & fields.keys()}
                if another and theirs:
                    sealed[another, kept] = theirs
        if another and self.tells_of:
            names = [(self.tells_of.kind, self.tells_of.value)]
            sealed.setdefault((another, Retention.IDENTITY), {})["identifiers"] = names
        named = sealed.setdefault((None, Retention.IDENTITY), {})
        for name, given in (("identifiers", self.identifiers), ("references", self.references)):
            if given:
                named[name] = [(identifier.kind, identifier.value) for identifier in given]
        if self.touchpoint.claimed:
            content = sealed.setdefault((None, Retention.CONTENT), {})
            content["claimed"] = dict(self.touchpoint.claimed)
        return {part: fields for part, fields in sealed.items() if fields}

    def parts(self) -> dict[Part, dict[str, Any]]:
        """The same; their customer is known by now."""
        if self.customer is None:
            return {}
        return {
            (subject or self.customer, kept): fields
            for (subject, kept), fields in self.personal(self.another).items()
        }


def check_message(draft: Draft) -> None:
    """What the id is made of. Raises `Refused`."""
    given = draft.touchpoint
    check_code("source", given.source)
    if not 0 < len(given.message_id) <= MAX_MESSAGE_ID:
        raise TooLarge(
            "message_id", f"1 to {MAX_MESSAGE_ID} characters", f"{len(given.message_id)} characters"
        )
    if _TORN.search(given.message_id):
        raise BadField("message_id", "text in Unicode", "half of a surrogate pair")


def check_fact(draft: Draft) -> None:
    """What makes it this event and no other, its clear envelope. Raises `Refused`."""
    given = draft.touchpoint
    if given.occurred_at.utcoffset() is None:
        raise BadField("occurred_at", "a time with a zone", "a time without one")
    for kind, value in given.tags.items():
        if kind not in _CLEAR_TAGS:
            raise BadField("tags", "one of " + ", ".join(_CLEAR_TAGS), came_safely(kind))
        _CLEAR_TAGS[kind](f"tags.{kind}", value)
    draft.references = tuple(_reference(reference) for reference in given.references)
    kinds = [*(reference.kind for reference in draft.references), *given.things]
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise BadField(f"references.{kind}", "one", f"{kinds.count(kind)}")
    for kind in given.payload.NEEDS:
        if kind not in (*kinds, *given.tags):
            part = "references" if kind in REFERENCE_KINDS else "tags"
            raise BadField(f"{part}.{kind}", f"the {kind} that it is about", "none")
    draft.clear_bytes = len(encode_body(draft.event()))


def check_new(draft: Draft, latest: datetime, region: str | None) -> None:
    """When it happened, whom it names, and its size when sealed. Raises `Refused`."""
    given = draft.touchpoint
    if given.occurred_at > latest:
        raise BadField(
            "occurred_at", f"at the latest {latest:%Y-%m-%d %H:%M:%S %Z}", "a later time"
        )
    if given.payload.ABOUT is About.NOBODY:
        if given.identifiers or given.customer:
            raise BadField(
                "identifiers", f"none, since {given.payload.TOPIC} is about nobody", "some"
            )
    else:
        draft.customer = given.customer
        draft.identifiers = tuple(check_names(given, region))
        named = draft.identifiers or given.customer
        if given.payload.ABOUT is About.PERSON and not named:
            raise BadField("identifiers", "at least one that names a person", "none")
        other = somebody_else(given, region)
        draft.tells_of = None if other in draft.identifiers else other
    another = _NOBODY_YET if draft.tells_of else None
    sealed = sealed_size(draft.personal(another).values())
    to_come = _ID_BYTES * (2 + len(draft.references))
    if draft.clear_bytes + to_come + sealed <= MAX_EVENT_BYTES:
        return
    # Customer and references are not known yet, but as long as any others.
    placed = Draft(
        draft.index,
        given,
        customer=None if given.payload.ABOUT is About.NOBODY else _NOBODY_YET,
        reference_tags=tuple(f"{r.kind}:{_NOBODY_YET}" for r in draft.references),
        another=another,
    )
    encode_body(placed.event(bytes(sealed)))


def check_sealable(draft: Draft) -> None:
    """What is personal needs a person whose key can seal it. Raises `BadField`."""
    if draft.customer is None:
        for field_name in draft.touchpoint.payload.RETENTIONS:
            if getattr(draft.touchpoint.payload, field_name) is not None:
                raise BadField(field_name, "a person under whose key it can be sealed", "nobody")


def check_names(given: Touchpoint, region: str | None) -> Iterable[Identifier]:
    """The normalised identifiers, each once; those that identify nobody are left out."""
    region = given.tags.get("market", region)
    for identifier in given.identifiers:
        if identifier.kind in REFERENCE_KINDS:
            raise BadField("identifiers", "what names a person", came_safely(identifier.kind))
    found = [normalise(identifier, region) for identifier in given.identifiers]
    return dict.fromkeys(identifier for identifier in found if identifier is not None)


def somebody_else(given: Touchpoint, region: str | None) -> Identifier | None:
    """The normalised identifier of whom it tells besides the person that it is about, if it names them."""
    payload, region = given.payload, given.tags.get("market", region)
    told = (getattr(payload, name) for name in sorted(payload.OTHERS))
    named = (named_in(text, region) for text in told if text is not None)
    return next((one for one in named if one and one.kind not in REFERENCE_KINDS), None)


def _reference(given: Identifier) -> Identifier:
    if given.kind not in REFERENCE_KINDS:
        raise BadField(
            "references", "one of " + ", ".join(REFERENCE_KINDS), came_safely(given.kind)
        )
    normal = normalise(given)
    if normal is None:
        raise BadField(f"references.{given.kind}", "the number of one thing", came(given.value))
    return normal
