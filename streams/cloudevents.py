"""CloudEvents read into touchpoints, whatever brought them.

Source: CloudEvents 1.0.2, its JSON event format 1.0.2, §2 and §3, and its HTTP and Kafka protocol bindings
1.0.2. `type` is a type of the catalogue and `time` when it happened. `source` and `id` together tell it from all
others of its sender; the source of the touchpoint they are not, since that is for the door to say. The
extensions `correlation` and `causation` tie it to others; the rest is for others. Its data:

    {"identifiers": {"user": "u17", "email": "anna@example.com"},    who it is about, most trusted first
     "references": {"order": "A-1042"},                              account, deal, ticket, order, task
     "tags": {"campaign": "spring", "market": "DE"},
     "data": {"amount_minor": 1250, "currency": "EUR"}}              attributes of the type, clear and personal
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from commands.touchpoint import Touchpoint
from ledger.errors import BadField, came
from streams import events
from streams.files.rows import parse_json
from streams.parts import Json, is_json, moment_of, object_of

VERSION = "1.0"
REQUIRED = ("specversion", "id", "source", "type")
MAY_BE_NAMED = frozenset((*REQUIRED, "time", "correlation", "causation"))
"""Attributes that a message may name: as any other, a sender may have named a person."""

named_in = events.named_in

_DATA = ("data", "data_base64")
"""What an event has one of, besides its attributes."""
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
    at = events.demanded(moment_of(attributes, "time", "time") or otherwise, "time")
    message_id = orjson.dumps([attributes["source"], attributes["id"]]).decode()
    return events.made_of(parts, attributes, attributes["type"], at, source, message_id, actor)


def in_headers(
    headers: Iterable[tuple[str, bytes]], prefix: str, also: Iterable[str] = ()
) -> dict[str, str]:
    """Of the headers those that begin with `prefix` or are one of `also`, their names in small letters.

    Raises `BadField` for one that comes several times, or is no UTF-8.
    """
    found: dict[str, str] = {}
    for given, value in headers:
        name = given.lower()
        if not name.startswith(prefix) and name not in also:
            continue
        known = name in also or name.removeprefix(prefix) in MAY_BE_NAMED
        shown = name if known else "headers"
        if name in found:
            raise BadField(shown, "one header of this name", "several")
        try:
            found[name] = value.decode()
        except UnicodeDecodeError as error:
            raise BadField(shown, "text in UTF-8", f"another byte at {error.start:,}") from None
    return found


def taken_apart(event: Json) -> tuple[dict[str, str], Any]:
    """Context attributes and data of an event in structured mode. Raises `BadField`."""
    attributes = {
        name: _attribute(name, value)
        for name, value in event.items()
        if name not in _DATA and value is not None
    }
    return attributes, _data_of(event)


def put_together(attributes: Mapping[str, str], data: Any) -> dict[str, Any]:
    """An event in structured mode, as `taken_apart` reads it. No attribute is called as data are."""
    named = {name: text for name, text in attributes.items() if name not in _DATA}
    return {**named, "data": data}


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
        raise BadField("data", "an object of " + ", ".join(events.PARTS), came(data))
    for name in data:
        if name not in events.PARTS:  # a sender may have put anything there: it is not quoted
            raise BadField("data", "no other than " + ", ".join(events.PARTS), came(name))
    return {name: object_of(data, name, name) for name in events.PARTS}


def _attribute(name: str, value: Any) -> str:
    """A context attribute as text, as headers would have it: whole numbers and truths are written out."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    raise BadField(name if name in REQUIRED else "attributes", "text", came(value))


def _data_of(event: Json) -> Any:
    kind = str(event.get("datacontenttype") or "").partition(";")[0].strip().lower()
    if kind and not is_json(kind):
        raise BadField("datacontenttype", "application/json", came(kind))
    if "data_base64" not in event:
        return event.get("data")
    if event.get("data") is not None:
        raise BadField("data_base64", "data, or data_base64", "both")
    try:
        text = b64decode(event["data_base64"], validate=True).decode()
    except (NotBase64, UnicodeDecodeError, ValueError, TypeError):
        raise BadField("data_base64", "JSON in base64", came(event["data_base64"])) from None
    return parse_json(text, "data_base64")
