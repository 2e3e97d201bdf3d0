"""CloudEvents read into touchpoints, whatever brought them.

Source: CloudEvents 1.0.2. `type` is a type of the catalogue and `time` when it happened. `source` and `id`
together tell it from all others of its sender; the source of the touchpoint they are not, since that is for
the door to say. The extensions `correlation` and `causation` tie it to others; the rest is for others. Its data:

    {"identifiers": {"user": "u17", "email": "anna@example.com"},    who it is about, most trusted first
     "references": {"order": "A-1042"},                              account, deal, ticket, order, task
     "tags": {"campaign": "spring", "market": "DE"},
     "data": {"amount_minor": 1250, "currency": "EUR"}}              attributes of the type, clear and personal
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.errors import BadField, TooLarge, UnknownType, came
from ledger.identifiers import MAX_IDENTIFIER, Identifier
from streams.parts import Json, moment_of, object_of, text_of

VERSION = "1.0"
REQUIRED = ("specversion", "id", "source", "type")

_PARTS = ("identifiers", "references", "tags", "data")
_TAGS = tuple(kind for kind in catalogue.TAG_KINDS if kind not in catalogue.REFERENCE_KINDS)
_OURS = "/bahi/"
"""How the sources begin of what a ledger like this one publishes."""


def touchpoint_of(
    attributes: Mapping[str, str],
    data: Any,
    source: str,
    *,
    otherwise: datetime | None = None,
    actor: UUID | None = None,
) -> Touchpoint:
    """The touchpoint of an event of these context attributes; `otherwise` is when it happened if it does
    not say. Raises `Refused`.
    """
    _demand_attributes(attributes)
    parts = _parts(data)
    at = moment_of(attributes, "time", "time") or otherwise
    if at is None:
        raise BadField("time", "a time such as 2026-01-31T12:00:00Z", "nothing")
    payload = _payload(attributes["type"], parts["data"])
    return Touchpoint(
        payload,
        at,
        source,
        orjson.dumps([attributes["source"], attributes["id"]]).decode(),
        tuple(_identifiers(parts["identifiers"], "identifiers")),
        tuple(_identifiers(parts["references"], "references", catalogue.REFERENCE_KINDS)),
        {tag.kind: tag.value for tag in _identifiers(parts["tags"], "tags", _TAGS)},
        actor=actor,
        correlation=_uuid(attributes, "correlation"),
        causation=_uuid(attributes, "causation"),
    )


def named_in(data: Any) -> tuple[tuple[Identifier, ...], str | None]:
    """Whom the data of a refused event names, and in which market, as far as it can be read."""
    if not isinstance(data, Mapping):
        return (), None
    named, market = data.get("identifiers"), data.get("tags")
    found = named.items() if isinstance(named, Mapping) else ()
    identifiers = tuple(Identifier(kind, str(value)) for kind, value in found if value is not None)
    region = market.get("market") if isinstance(market, Mapping) else None
    return identifiers, region if isinstance(region, str) else None


def _demand_attributes(attributes: Mapping[str, str]) -> None:
    for name in REQUIRED:
        if not attributes.get(name):
            raise BadField(name, "text", "nothing")
    if attributes["specversion"] != VERSION:
        raise BadField("specversion", VERSION, came(attributes["specversion"]))
    if attributes["source"].startswith(_OURS):
        raise BadField("source", "a sender's own", "one of a ledger, which has it already")


def _parts(data: Any) -> dict[str, Json]:
    if not isinstance(data, Mapping):
        raise BadField("data", "an object of " + ", ".join(_PARTS), came(data))
    for name in data:
        if name not in _PARTS:  # a sender may have put anything there: it is not quoted
            raise BadField("data", "no other than " + ", ".join(_PARTS), came(name))
    return {name: object_of(data, name, name) for name in _PARTS}


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


def _uuid(attributes: Mapping[str, str], name: str) -> UUID | None:
    text = attributes.get(name)
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise BadField(name, "a UUID", came(text)) from None
