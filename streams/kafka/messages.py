"""Messages of Kafka read into touchpoints, whatever is in them: a touchpoint, or the refusal of that one alone.

A CloudEvent is one in binary mode, its attributes in the headers, or in structured mode, all of it in the value
(CloudEvents' Kafka protocol binding 1.0.2, §3); there is no batch. Else it is JSON: as Segment's libraries send
it, or anything that a mapping reads, which then names the columns that tell a message from all others.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Any, Self
from uuid import UUID

import orjson

from commands.record import OURS
from commands.touchpoint import Touchpoint
from ledger.catalogue.fields import check_code
from ledger.clock import from_us
from ledger.errors import BadField, BadUsage, Refused, TooLarge, came
from ledger.identifiers import Identifier
from streams import cloudevents, segment
from streams.files import MAX_ROW_BYTES
from streams.files import Mapping as FileMapping
from streams.files.touchpoints import Mapper
from streams.kafka.tolerance import MAX_UNPACKED_BYTES, TOO_LONG
from streams.named import Whom, leniently, named_anyhow
from streams.parts import CONTENT_TYPE, demand_json, is_json, json_of

MAX_MESSAGE_BYTES = MAX_ROW_BYTES
"""Longest message, with its key and headers. Of a longer one the dead letter keeps nothing but where it is."""

_CE = "ce_"
_STRUCTURED = "application/cloudevents"


class Format(StrEnum):
    """How messages are to be read."""

    AUTO = "auto"
    """Each by what it is: a CloudEvent; else by the mapping, if there is one; else as Segment's."""
    CLOUDEVENTS = "cloudevents"
    SEGMENT = "segment"
    MAPPING = "mapping"


Header = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Message:
    """A message and where it is. Its repr shows where alone."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    """When it was sent, or taken by the broker, as the topic has it."""
    key: bytes | None = field(repr=False)
    headers: tuple[Header, ...] = field(repr=False)
    value: bytes | None = field(repr=False)

    @classmethod
    def of(cls, record: Any) -> Self:
        """A record of the client's."""
        return cls(
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            tuple((name, value or b"") for name, value in record.headers),
            record.value,
        )

    @classmethod
    def again(cls, content: bytes) -> Self:
        """The message that a dead letter keeps, as `content` has written it.

        Raises `TooLarge` for one of which nothing was kept.
        """
        head, _, value = content.partition(b"\n")
        if not head:
            raise TooLarge("message", f"one of at most {MAX_MESSAGE_BYTES:,} bytes", "a longer one")
        told = orjson.loads(head)
        return cls(
            told["topic"],
            told["partition"],
            told["offset"],
            told["timestamp_ms"],
            None if told["key"] is None else _bytes(told["key"]),
            tuple((name, _bytes(text)) for name, text in told["headers"]),
            value if told["value"] else None,
        )

    @property
    def size(self) -> int:
        """Bytes, with key and headers."""
        names = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.value or b"") + len(self.key or b"") + names

    @property
    def content(self) -> bytes:
        """For a dead letter: a line of JSON with where it is, key and headers, and the value as it came.

        Empty for one over the limit: its refusal tells the length. Personal: to be sealed.
        """
        if self.size > MAX_MESSAGE_BYTES:
            return b""
        told = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp_ms": self.timestamp_ms,
            "key": None if self.key is None else _text(self.key),
            "headers": [(name, _text(value)) for name, value in self.headers],
            "value": self.value is not None,
        }
        return orjson.dumps(told) + b"\n" + (self.value or b"")

    @property
    def where(self) -> str:
        """Its place in words."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def id(self) -> str:
        """An id for one that has none of its own: its place, and its time, since a topic that is made
        anew begins at offset 0 again.
        """
        return f"{self.where}/{self.timestamp_ms}"

    @property
    def sent_at(self) -> datetime | None:
        """When it was sent, if that is told."""
        try:
            return from_us(self.timestamp_ms * 1_000) if self.timestamp_ms >= 0 else None
        except OverflowError:
            return None


@dataclass(frozen=True, slots=True)
class Read:
    """What a message says. `format` is how it was read; of a refused one, `named` and `market` are what could be
    read of whom it names.
    """

    item: Touchpoint | Refused
    format: Format
    named: tuple[Identifier, ...] = ()
    market: str | None = None


class Reader:
    """Reads messages of one source in one format."""

    def __init__(
        self,
        source: str,
        form: Format = Format.AUTO,
        mapping: FileMapping | None = None,
        actor: UUID | None = None,
    ) -> None:
        """Raises `BadUsage` for a source that no message could have, and for a mapping's format without one."""
        _demand_source(source)
        if form is Format.MAPPING and mapping is None:
            raise BadUsage("expected a mapping for messages that a mapping reads, came none")
        self._source = source
        self._format = form
        self._actor = actor
        self._mapper = None if mapping is None else Mapper(mapping, actor=actor)

    def read(self, message: Message) -> Read:
        """A touchpoint or a refusal; never raises for what is in a message."""
        found: _Found | None = None
        try:
            found = self._found(message)
            return Read(found.touchpoint(), found.format)
        except Refused as refusal:
            refusal.with_traceback(None).__context__ = None  # a library's own words: they quote
            named, market = self._whom(message) if found is None else found.whom()
            return Read(refusal, self._format if found is None else found.format, named, market)

    def _found(self, message: Message) -> "_Found":
        """What kind of message it is, and its value taken apart. Raises `Refused`."""
        if message.size > MAX_MESSAGE_BYTES:
            limit = f"at most {MAX_MESSAGE_BYTES:,} bytes"
            raise TooLarge("message", limit, f"{message.size:,} bytes")
        if message.value is None and (TOO_LONG, b"") in message.headers:
            raise TooLarge(
                "batch", f"at most {MAX_UNPACKED_BYTES:,} bytes unpacked", "more of them"
            )
        headers = _headers(message)
        said = headers.get(CONTENT_TYPE, "")
        kind = said.partition(";")[0].strip().lower()
        auto = self._format is Format.AUTO
        if self._format is Format.CLOUDEVENTS or (auto and _is_cloudevent(headers, kind)):
            return self._cloudevent(message, headers, said, kind)
        demand_json(said, as_said=is_json(kind) or not kind)
        raw = json_of(message.value, "value")
        if self._mapper and self._format in (Format.AUTO, Format.MAPPING):
            return self._mapped(message, raw, self._mapper)
        if self._format is Format.SEGMENT or segment.is_call(raw):
            return self._call(message, raw)
        raise BadField("value", "a CloudEvent or one of Segment's calls", came(raw))

    def _cloudevent(
        self, message: Message, headers: Mapping[str, str], said: str, kind: str
    ) -> "_Found":
        if kind.startswith(_STRUCTURED):
            demand_json(said, as_said=kind == f"{_STRUCTURED}+json")
            event = _object(json_of(message.value, "value"))
            attributes, data = cloudevents.taken_apart(event)
        else:
            attributes = {
                name.removeprefix(_CE): text
                for name, text in headers.items()
                if name.startswith(_CE)
            }
            if not attributes:
                raise BadField("headers", "those of a CloudEvent", "none")
            demand_json(said, as_said=is_json(kind) or not kind)
            data = json_of(message.value, "value")
        make = partial(
            cloudevents.touchpoint_of,
            attributes,
            data,
            self._source,
            otherwise=message.sent_at,
            actor=self._actor,
        )
        return _Found(Format.CLOUDEVENTS, make, partial(cloudevents.named_in, data))

    def _call(self, message: Message, raw: Any) -> "_Found":
        make = partial(
            segment.touchpoint_of,
            _object(raw),
            self._source,
            message_id=message.id,
            otherwise=message.sent_at,
            actor=self._actor,
        )
        return _Found(Format.SEGMENT, make, lambda: (segment.named_in(raw), None))

    def _mapped(self, message: Message, raw: Any, mapper: Mapper) -> "_Found":
        row = _object(raw)
        row_id = None if mapper.id_columns else message.id
        make = partial(mapper.touchpoint, row, row_id)
        return _Found(Format.MAPPING, make, partial(mapper.named_in, row))

    def _whom(self, message: Message) -> Whom:
        """Whom a message names that could not be taken for anything, in whatever way it may name them."""
        if message.size > MAX_MESSAGE_BYTES:
            return (), None
        raw = leniently(message.value)
        return named_anyhow(raw, *([self._mapper.named_in(raw)] if self._mapper else []))


@dataclass(frozen=True, slots=True)
class _Found:
    format: Format
    touchpoint: Callable[[], Touchpoint]
    whom: Callable[[], Whom]


def _demand_source(source: str) -> None:
    try:
        check_code("source", source)
    except BadField as refusal:
        raise BadUsage(str(refusal)) from None
    if OURS.fullmatch(source):
        raise BadUsage("source: expected one that is not ours, as bahi is")


def _headers(message: Message) -> dict[str, str]:
    """The headers that say what a message is, their names in small letters. Raises `BadField`."""
    return cloudevents.in_headers(message.headers, _CE, (CONTENT_TYPE,))


def _is_cloudevent(headers: Mapping[str, str], kind: str) -> bool:
    return f"{_CE}specversion" in headers or kind.startswith(_STRUCTURED)


def _object(raw: Any) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BadField("value", "a JSON object", came(raw))
    return raw


def _text(given: bytes) -> str | dict[str, str]:
    """Bytes in JSON: as text where they are one."""
    try:
        return given.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(given).decode()}


def _bytes(told: str | dict[str, str]) -> bytes:
    return told.encode() if isinstance(told, str) else b64decode(told["base64"])
