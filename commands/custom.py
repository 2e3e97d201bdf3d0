"""Events that nobody foresaw: what a registered schema calls safe is clear, all else is sealed.

A sender names such an event and its properties as he likes, and is not trusted with saying what may
be read for ever. The company is: `schema.registered` lists, for the name of an event, properties
that name nobody, each with a JSON Schema that its values have to meet.

An event is split once, by what is registered when it is recorded. One that comes again is split as
of its position, so that a registration in between makes no other event of it:

    fresh = split(*as_sent(payload), schemas.now())
    again = split(*as_sent(payload), schemas.upto(position))

Who appends what `now()` has split makes the append conditional on `REGISTRATION` after its position:
else an event could come to stand behind a schema that it was not split by.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID
from weakref import WeakKeyDictionary

from ledger.book import Book, Match
from ledger.catalogue import parse
from ledger.catalogue.fields import check_code
from ledger.catalogue.reference import CustomTracked, SchemaRegistered
from ledger.errors import BadField, Refused, came, came_safely
from ledger.event import Event, encode_body

if TYPE_CHECKING:  # slow to load, and few events are custom
    from jsonschema.protocols import Validator

REGISTRATION = Match(types=(SchemaRegistered.TOPIC,))
"""Finds every registration of a schema."""

_FIELD = "safe_properties"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_ELSEWHERE = ("$ref", "$dynamicRef", "$recursiveRef")
_OF_ALL_PROPERTIES = {
    "$schema", "$id", "$comment", "title", "description", "examples",
    "type", "properties", "required", "additionalProperties",
}  # fmt: skip
"""What may stand beside `properties`: nothing that would judge one property by another."""

_ENVELOPE = Event(
    UUID(int=0), CustomTracked.TOPIC, CustomTracked.VERSION, CustomTracked.DOMAIN,
    datetime(1970, 1, 1, tzinfo=UTC), "bahi",
)  # fmt: skip
"""An envelope to try values in: what it cannot carry is sealed."""

Safe = Mapping[str, "Validator"]
"""The properties of one custom event that may be clear, and what their values have to meet."""


@dataclass(frozen=True, slots=True)
class Registered:
    """The schemas as of a position of the book, that one included."""

    position: int
    _versions: Mapping[str, Sequence[tuple[int, Safe]]]

    def safe(self, event_name: str) -> Safe | None:
        """What may be clear of events of this name; None where no schema is registered for it."""
        versions = self._versions.get(event_name, ())
        until = bisect_right(versions, self.position, key=lambda version: version[0])
        return versions[until - 1][1] if until else None


class Schemas:
    """The registered schemas of a book, read once each. Safe to share between threads."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lock = Lock()
        self._read_to = 0
        self._versions: dict[str, list[tuple[int, Safe]]] = {}

    def now(self) -> Registered:
        """What is registered up to the head of the book."""
        return self.upto(self._book.head())

    def upto(self, position: int) -> Registered:
        """What was registered up to and including `position`; of a name, the newest."""
        with self._lock:
            if position > self._read_to:
                self._read()
        return Registered(position, self._versions)

    def _read(self) -> None:
        head = self._book.head()
        for recorded in self._book.read(self._read_to, matching=[REGISTRATION], upto=head):
            named, safe = recorded.event.data["event_name"], recorded.event.data[_FIELD]
            self._versions.setdefault(named, []).append((recorded.position, _compiled(safe)))
        self._read_to = head


_OF_BOOKS: WeakKeyDictionary[Book, Schemas] = WeakKeyDictionary()


def schemas_of(book: Book) -> Schemas:
    """The schemas of this book, read once for all who ask."""
    return _OF_BOOKS.setdefault(book, Schemas(book))


NONE_REGISTERED = Registered(0, {})


def as_sent(event: CustomTracked) -> tuple[str | None, dict[str, Any]]:
    """Name and properties that a sender gave, in whichever of the fields: none is trusted.

    Raises `BadField` where two fields say different things, or the same property twice.
    """
    name = event.event_name if event.tracked_name is None else event.tracked_name
    if event.event_name not in (None, name):
        raise BadField("event_name", "the same as tracked_name, or none", came(event.event_name))
    sealed, clear = event.tracked_properties or {}, event.properties or {}
    if not sealed.keys().isdisjoint(clear):
        raise BadField("properties", "none that tracked_properties has too", came(clear))
    return name, {**sealed, **clear}


def split(name: str | None, properties: Mapping[str, Any], registered: Registered) -> CustomTracked:
    """The event with what is safe in the clear: nothing is lost, and each property is in one place.

    A property is clear if the schema of that name lists it, its value is valid by it, and the clear
    envelope can carry the value. Of a name without a schema, the name is sealed as well.
    Raises `BadField` for an event without a name.
    """
    if not name:
        raise BadField("tracked_name", "a name", "nothing")
    safe = registered.safe(name)
    clear: dict[str, Any] = {}
    sealed: dict[str, Any] = {}
    for key, value in properties.items():
        validator = safe.get(key) if safe else None
        fit = validator is not None and _carried(key, value) and validator.is_valid(value)
        (clear if fit else sealed)[key] = value
    event = parse(
        CustomTracked.TOPIC,
        {
            "tracked_name" if safe is None else "event_name": name,
            "properties": clear or None,
            "tracked_properties": sealed or None,
        },
    )
    assert isinstance(event, CustomTracked)
    return event


def check_schema(event_name: str, safe_properties: Mapping[str, Any]) -> None:
    """Everything that can be wrong with a schema before it is registered. Raises `BadField`.

    It is an object schema of JSON Schema 2020-12 that needs no other document, whose `properties`
    are judged one by one, and which the clear envelope can carry. A `format` has to be one that is
    checked here: one that is not would let anything pass.
    """
    check_code("event_name", event_name)
    given = {"event_name": event_name, _FIELD: safe_properties}
    try:
        encode_body(replace(_ENVELOPE, data=given))
    except Refused as refusal:
        raise BadField(_FIELD, refusal.expected, refusal.came) from None
    if safe_properties.get("type") != "object":
        raise BadField(f"{_FIELD}.type", "object", came(safe_properties.get("type")))
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    formats = Draft202012Validator.FORMAT_CHECKER.checkers
    if safe_properties.get("$schema", _DIALECT) != _DIALECT:
        raise BadField(
            f"{_FIELD}.$schema", f"{_DIALECT}, or none", came(safe_properties["$schema"])
        )
    for keyword in safe_properties:
        if keyword not in _OF_ALL_PROPERTIES:
            only = "properties, each judged by itself"
            raise BadField(_FIELD, only, came_safely(keyword))
    for keyword, value in _keywords(safe_properties):
        if keyword in _ELSEWHERE:
            raise BadField(_FIELD, "a schema that needs no other", came_safely(keyword))
        if keyword == "format" and isinstance(value, str) and value not in formats:
            known = "one of " + ", ".join(sorted(formats))
            raise BadField(f"{_FIELD}.format", known, came_safely(value))
    try:
        Draft202012Validator.check_schema(safe_properties)
    except SchemaError as error:
        where = ".".join([_FIELD, *map(str, error.absolute_path)])
        raise BadField(where, "JSON Schema of 2020-12", came(error.instance)) from None


def _keywords(schema: object) -> Iterator[tuple[str, object]]:
    """Every name in it and what stands there, however deep; those that are data are looked at too."""
    if isinstance(schema, Mapping):
        for name, inner in schema.items():
            yield name, inner
            yield from _keywords(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from _keywords(inner)


def _compiled(schema: Mapping[str, Any]) -> Safe:
    from jsonschema import Draft202012Validator

    formats = Draft202012Validator.FORMAT_CHECKER
    return {
        name: Draft202012Validator(inner, format_checker=formats)
        for name, inner in schema.get("properties", {}).items()
    }


def _carried(name: str, value: object) -> bool:
    try:
        encode_body(replace(_ENVELOPE, data={"properties": {name: value}}))
    except Refused:
        return False
    return True
