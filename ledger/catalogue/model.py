"""The mechanism of the catalogue: how an event type is declared, loaded and described.

A type is a frozen pydantic model that is also a `Decision` of the eventsourcing library, declared
with `@event(...)`. Each field is either clear (kept readable in `data`, a column of the `events`
relation) or personal (marked with its retention class, sealed before it is stored). Personal fields
are always optional: after an erasure, or for a reader who may not open them, they are simply absent.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar, get_args
from uuid import UUID

from eventsourcing.dcb.domain import Decision
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ledger.errors import (
    BadField,
    Refused,
    ReservedType,
    TooLarge,
    UnknownType,
    came,
    came_safely,
)
from ledger.event import MAX_DEPTH


class Domain(StrEnum):
    """What part of the business an event belongs to; customer views fold touchpoints."""

    TOUCHPOINT = "touchpoint"
    SALES = "sales"
    SERVICE = "service"
    CONSENT = "consent"
    PRIVACY = "privacy"
    AUDIT = "audit"
    REFERENCE = "reference"


class Retention(StrEnum):
    """Why personal data is kept, and so what may be erased alone. Each class has keys of its own."""

    IDENTITY = "identity"
    BEHAVIOUR = "behaviour"
    CONTENT = "content"
    LEGAL = "legal"


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field as personal: `Annotated[str, Personal(Retention.IDENTITY)]`."""

    retention: Retention
    another: bool = False
    """Whether it tells of somebody else than whom the event is about: it is not theirs to be given."""


class About(StrEnum):
    """Whether an event happens to a person; without one, what is sealed in it has no key."""

    PERSON = "person"
    MAYBE = "maybe"
    NOBODY = "nobody"


TAG_KINDS = ("account", "deal", "ticket", "order", "task", "campaign", "market")
"""What an event can be about besides its customer; one of a kind, each a column of `events`."""

REFERENCE_KINDS = ("account", "deal", "ticket", "order", "task")
"""Tags whose value is a random id, because the number that others use could point at a person."""


class EventType(BaseModel, Decision):
    """Base of every type in the catalogue. Declare with `@event(...)`, never by itself."""

    # A process meets few types, and to build how all are validated takes half of the catalogue's loading.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    TOPIC: ClassVar[str]
    """Stored name such as `email.opened`; the eventsourcing library reads it as the topic."""
    VERSION: ClassVar[int]
    DOMAIN: ClassVar[Domain]
    RESERVED: ClassVar[bool]
    """Only commands may append it."""
    ABOUT: ClassVar[About]
    """Whether it happens to a person."""
    PASSIVE: ClassVar[bool]
    """Whether it may happen without the person turning to us: by our doing or a machine's, or as what
    follows from dealings of before. Such a thing brings nobody back who was erased."""
    NEEDS: ClassVar[tuple[str, ...]]
    """Kinds of tag without which it says nothing: a deal won is some deal."""
    RETENTIONS: ClassVar[Mapping[str, Retention]]
    """Personal field → retention class."""
    OTHERS: ClassVar[frozenset[str]]
    """Personal fields that tell of somebody else than the person."""
    SEALED_UNDER: ClassVar[str]
    """The field whose id has keys of its own, under which what is personal is sealed; empty where those
    of the person are used."""

    @model_validator(mode="before")
    @classmethod
    def _normalise_text(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        fields = cls.model_fields
        return {
            name: _clean(value, name if name in fields else cls.TOPIC, MAX_DEPTH)
            for name, value in values.items()
        }

    def clear(self) -> dict[str, Any]:
        """The clear attributes as JSON values, absent ones left out."""
        return self.model_dump(mode="json", exclude=set(self.RETENTIONS), exclude_none=True)

    def personal(self) -> dict[Retention, dict[str, Any]]:
        """The personal attributes as JSON values, by retention class, absent ones left out."""
        present = self.model_dump(mode="json", include=set(self.RETENTIONS), exclude_none=True)
        by_class: dict[Retention, dict[str, Any]] = {}
        for name, value in present.items():
            by_class.setdefault(self.RETENTIONS[name], {})[name] = value
        return by_class

    @property
    def sealed_for(self) -> UUID | None:
        """Under whose keys what is personal is sealed, where they are not the person's."""
        return getattr(self, self.SEALED_UNDER) if self.SEALED_UNDER else None


TEvent = TypeVar("TEvent", bound=EventType)

_TOPIC = re.compile(r"[a-z_]{1,30}\.[a-z_]{1,30}")
_CATALOGUE: dict[str, type[EventType]] = {}


def event(
    topic: str,
    *,
    domain: Domain,
    version: int = 1,
    reserved: bool = False,
    about: About = About.PERSON,
    needs: tuple[str, ...] = (),
    sealed_under: str = "",
    passive: bool = False,
) -> Callable[[type[TEvent]], type[TEvent]]:
    """Enter a model into the catalogue under its stored name."""

    def enter(model: type[TEvent]) -> type[TEvent]:
        model.TOPIC = topic
        model.VERSION = version
        model.DOMAIN = domain
        model.RESERVED = reserved
        model.ABOUT = about
        model.NEEDS = needs
        model.PASSIVE = passive
        model.SEALED_UNDER = sealed_under
        model.RETENTIONS = {
            name: mark.retention
            for name, info in model.model_fields.items()
            for mark in _marks(info.metadata, info.annotation)
        }
        model.OTHERS = frozenset(
            name
            for name, info in model.model_fields.items()
            if any(mark.another for mark in _marks(info.metadata, info.annotation))
        )
        if topic in _CATALOGUE:
            raise RuntimeError(f"two models for {topic}")
        _CATALOGUE[topic] = model
        return model

    return enter


def _marks(metadata: Iterable[object], annotation: object) -> Iterator[Personal]:
    """Every mark of a field, also one inside a union such as `IdentityText | None`."""
    yield from (mark for mark in metadata if isinstance(mark, Personal))
    for inner in get_args(annotation):
        yield from _marks(getattr(inner, "__metadata__", ()), inner)


def types() -> Iterator[type[EventType]]:
    """Every type of the catalogue, in order of its name."""
    return (_CATALOGUE[topic] for topic in sorted(_CATALOGUE))


STORED: Mapping[str, bool] = {"stored": True}
"""The context in which stored events are validated."""


def find(topic: str) -> type[EventType]:
    """The model of a stored name. Raises `UnknownType`, naming what is near."""
    try:
        return _CATALOGUE[topic]
    except KeyError:
        group = topic.partition(".")[0]
        near = sorted(t for t in _CATALOGUE if t.startswith(group + "."))
        if near:
            raise UnknownType("type", "one of " + ", ".join(near), _named_safely(topic)) from None
        groups = sorted({t.partition(".")[0] + ".…" for t in _CATALOGUE})
        raise UnknownType("type", "one of " + ", ".join(groups), came(topic)) from None


def _named_safely(topic: str) -> str:
    """A type that there is not, quoted only if it is made like one: senders write anything there."""
    return came_safely(topic) if _TOPIC.fullmatch(topic) else came(topic)


def parse(topic: str, attributes: Mapping[str, Any], *, at_a_door: bool = True) -> EventType:
    """An event of that type from untrusted attributes.

    Raises `UnknownType`, `ReservedType` (at a door), or `BadField` naming the first field that is
    wrong, what was expected and what came; a value is never quoted.
    """
    model = find(topic)
    if at_a_door and model.RESERVED:
        raise ReservedType("type", "a type that a door may append", came_safely(topic))
    try:
        return model.model_validate(dict(attributes))
    except ValidationError as error:
        raise first_problem(error, model, model.TOPIC) from None


def load(topic: str, data: Mapping[str, Any]) -> EventType:
    """A stored event of any past version; personal fields are absent until they are opened.

    What was taken once is taken for ever: lists that others publish (currencies, countries, zones)
    change, and are asked only of what is new.
    """
    return find(topic).model_validate(dict(data), context=STORED)


def first_problem(error: ValidationError, model: type[BaseModel], whole: str) -> Refused:
    """The first field that is wrong, what was expected and what came; `whole` names what has the fields."""
    problem = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in problem["loc"]) or whole
    if problem["type"] == "missing":
        return BadField(path, "a value", "nothing")
    if problem["type"] == "extra_forbidden":
        # Its name is not quoted: whoever sends e-mail addresses as names would find them in a log.
        *within, name = problem["loc"]
        path = ".".join(str(part) for part in within) or whole
        return BadField(path, "no other fields than " + _fields(model, within), came(name))
    return BadField(path, _expectation(problem), _came(problem))


def _fields(model: type[BaseModel], within: Sequence[int | str]) -> str:
    """The fields of the model that stands at that place in another, named for people."""
    for part in within:
        if isinstance(part, str):
            model = next(_models(model.model_fields[part].annotation))
    return ", ".join(model.model_fields)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _came(problem: Mapping[str, Any]) -> str:
    """What came; a number out of range is named if it is too short to be anybody's telephone."""
    value, kind = problem["input"], str(problem["type"])
    named = type(value) is int and abs(value) < _NAMED_BELOW
    return str(value) if named and kind.startswith(("greater_than", "less_than")) else came(value)


_NAMED_BELOW = 100_000

PATTERNS: dict[str, str] = {}
"""What a pattern of ours means, in words for people; others are shown as they are."""

_EXPECTATIONS = {
    "date": "a day such as 2026-01-31",
    "datetime": "a time such as 2026-01-31T12:00:00Z",
    "bool": "true or false",
    "dict": "an object",
    "enum": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "int": "a whole number",
    "less_than_equal": "at most {le}",
    "literal": "{expected}",
    "model": "an object",
    "string": "text in Unicode",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "at most {max_length} characters",
    "timezone_aware": "a time with a zone",
    "too_long": "at most {max_length} items",
    "too_short": "at least {min_length} items",
    "tuple": "a list",
    "uuid": "a UUID",
}
"""Pydantic's error types, whole or up to their first `_`, in words that quote nothing that came."""


def _expectation(problem: Mapping[str, Any]) -> str:
    kind, context = str(problem["type"]), problem.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])  # a validator of our own
    if context.get("pattern") in PATTERNS:
        return PATTERNS[context["pattern"]]
    phrase = _EXPECTATIONS.get(kind) or _EXPECTATIONS.get(kind.partition("_")[0])
    return phrase.format(**context) if phrase else kind.replace("_", " ")


def _clean(value: Any, field: str, depth: int) -> Any:
    """NFC, and no U+0000, in every text however deep it stands, names included."""
    if isinstance(value, str):
        if "\x00" in value:
            raise BadField(field, "text without U+0000", came(value))
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth == 0:
        raise TooLarge(field, f"at most {MAX_DEPTH} lists and objects in one another", "more")
    if isinstance(value, dict):
        cleaned = {
            _clean(name, field, depth - 1): _clean(inner, field, depth - 1)
            for name, inner in value.items()
        }
        if len(cleaned) < len(value):
            raise BadField(field, "each name once, in NFC", "one spelled twice")
        return cleaned
    return [_clean(inner, field, depth - 1) for inner in value]
