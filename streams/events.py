"""An event in the form that is our own, and the parts that every form of one is made of.

    {"id": "A-1042",                                                 the sender's own id of this message
     "type": "order.placed",                                         a type of the catalogue
     "occurred_at": "2026-01-31T12:00:00Z",
     "identifiers": {"user": "u17", "email": "anna@example.com"},    who it is about, most trusted first
     "references": {"order": "A-1042"},                              account, deal, ticket, order, task
     "tags": {"campaign": "spring", "market": "DE"},
     "data": {"amount_minor": 1250, "currency": "EUR"},              attributes of the type, clear and personal
     "correlation": "…", "causation": "…"}                           UUIDs that tie it to others

`identifiers`, `references`, `tags` and `data` are also the data of a CloudEvent.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.errors import BadField, TooLarge, UnknownType, came
from ledger.identifiers import MAX_IDENTIFIER, Identifier
from ledger.identifiers import named_in as identifiers_named_in
from streams.parts import Json, moment_of, object_of, text_of

PARTS = ("identifiers", "references", "tags", "data")

_FIELDS = ("id", "type", "occurred_at", *PARTS, "correlation", "causation")
_TAGS = tuple(kind for kind in catalogue.TAG_KINDS if kind not in catalogue.REFERENCE_KINDS)


def touchpoint_of(
    event: Json,
    source: str,
    *,
    otherwise: datetime | None = None,
    actor: UUID | None = None,
) -> Touchpoint:
    """The touchpoint of an event in our form; `otherwise` is when it happened if it does not say.

    Raises `Refused`.
    """
    for name in event:
        if name not in _FIELDS:  # a sender may have put anything there: it is not quoted
            raise BadField("event", "no other than " + ", ".join(_FIELDS), came(name))
    topic, message_id = (text_of(event, name, name) for name in ("type", "id"))
    for name, value in (("id", message_id), ("type", topic)):
        if value is None:
            raise BadField(name, "text", "nothing")
    assert topic is not None
    assert message_id is not None
    at = demanded(moment_of(event, "occurred_at", "occurred_at") or otherwise, "occurred_at")
    return made_of(event, event, topic, at, source, message_id, actor)


def made_of(
    parts: Json,
    ties: Json,
    topic: str,
    at: datetime,
    source: str,
    message_id: str,
    actor: UUID | None,
) -> Touchpoint:
    """The touchpoint of the four parts, tied to others as `ties` has it. Raises `Refused`."""
    found = {name: object_of(parts, name, name) for name in PARTS}
    return Touchpoint(
        _payload(topic, found["data"]),
        at,
        source,
        message_id,
        tuple(_identifiers(found["identifiers"], "identifiers")),
        tuple(_identifiers(found["references"], "references", catalogue.REFERENCE_KINDS)),
        {tag.kind: tag.value for tag in _identifiers(found["tags"], "tags", _TAGS)},
        actor=actor,
        correlation=_uuid(ties, "correlation"),
        causation=_uuid(ties, "causation"),
    )


def demanded(at: datetime | None, field: str) -> datetime:
    """When it happened. Raises `BadField` where that is not said."""
    if at is None:
        raise BadField(field, "a time such as 2026-01-31T12:00:00Z", "nothing")
    return at


def named_in(parts: Any) -> tuple[tuple[Identifier, ...], str | None]:
    """Whom the parts of a refused event name, and as of whom it tells, and in which market, as far as it can be
    read.
    """
    if not isinstance(parts, Mapping):
        return (), None
    named, tags, said = (parts.get(name) for name in ("identifiers", "tags", "data"))
    market = tags.get("market") if isinstance(tags, Mapping) else None
    region = market if isinstance(market, str) else None
    found = named.items() if isinstance(named, Mapping) else ()
    identifiers = [Identifier(kind, str(value)) for kind, value in found if value is not None]
    told = [said.get(name) for name in _others()] if isinstance(said, Mapping) else ()
    others = [identifiers_named_in(text, region) for text in told if isinstance(text, str)]
    return (*identifiers, *(other for other in others if other is not None)), region


@cache
def _others() -> tuple[str, ...]:
    """The fields of any type that tell of somebody else than the person."""
    return tuple(sorted({name for model in catalogue.types() for name in model.OTHERS}))


def _payload(topic: str, data: Json) -> EventType:
    """What happened; a type that there is not is not quoted, since senders write anything there."""
    try:
        return catalogue.parse(topic, data)
    except UnknownType as refusal:
        raise UnknownType(refusal.field, refusal.expected, came(topic)) from None


def _identifiers(
    given: Json, field: str, kinds: Collection[str] | None = None
) -> Iterator[Identifier]:
    """Kind and value of each; nor is a kind quoted, for the same reason."""
    for kind in given:
        if kinds is not None and kind not in kinds:
            raise BadField(field, "one of " + ", ".join(kinds), came(kind))
        text = text_of(given, kind, field)
        if text is None:
            continue
        if len(text) > MAX_IDENTIFIER:
            raise TooLarge(field, f"at most {MAX_IDENTIFIER:,} characters", came(text))
        yield Identifier(kind, text)


def _uuid(within: Json, name: str) -> UUID | None:
    value = within.get(name)
    if value is None:
        return None
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise BadField(name, "a UUID", came(value)) from None
