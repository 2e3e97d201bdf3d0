"""The mechanism of the catalogue: how an event type is declared, loaded and described.

A type is a frozen pydantic model that is also a `Decision` of the eventsourcing library, declared
with `@event(...)`. Each field is either clear (kept readable in `data`, a column of the `events`
relation) or personal (marked with its retention class, sealed before it is stored). Personal fields
are always optional: after an erasure, or for a reader who may not open them, they are simply absent.
"""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeVar, get_args

from eventsourcing.dcb.domain import Decision
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ledger.errors import BadField, Refused, ReservedType, UnknownType, came, came_safely


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


TAG_KINDS = ("account", "deal", "ticket", "order", "campaign", "market")
"""What an event can be about besides its customer; one of a kind, each a column of `events`."""

REFERENCE_KINDS = ("account", "deal", "ticket", "order")
"""Tags whose value is a random id, because the number that others use could point at a person."""


class EventType(BaseModel, Decision):
    """Base of every type in the catalogue. Declare with `@event(...)`, never by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TOPIC: ClassVar[str]
    """Stored name such as `email.opened`; the eventsourcing library reads it as the topic."""
    VERSION: ClassVar[int]
    DOMAIN: ClassVar[Domain]
    RESERVED: ClassVar[bool]
    """Only commands may append it."""
    ABOUT_CUSTOMER: ClassVar[bool]
    """It happens to a person; without one it is refused."""
    RETENTIONS: ClassVar[Mapping[str, Retention]]
    """Personal field → retention class."""

    @model_validator(mode="before")
    @classmethod
    def _normalise_text(cls, values: Any) -> Any:
        return _clean(values, "")

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


TEvent = TypeVar("TEvent", bound=EventType)

_CATALOGUE: dict[str, type[EventType]] = {}


def event(
    topic: str,
    *,
    domain: Domain,
    version: int = 1,
    reserved: bool = False,
    about_customer: bool = True,
) -> Callable[[type[TEvent]], type[TEvent]]:
    """Enter a model into the catalogue under its stored name."""

    def enter(model: type[TEvent]) -> type[TEvent]:
        model.TOPIC = topic
        model.VERSION = version
        model.DOMAIN = domain
        model.RESERVED = reserved
        model.ABOUT_CUSTOMER = about_customer
        model.RETENTIONS = {
            name: mark.retention
            for name, info in model.model_fields.items()
            for mark in _marks(info.metadata, info.annotation)
        }
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


def find(topic: str) -> type[EventType]:
    """The model of a stored name. Raises `UnknownType`, naming what is near."""
    try:
        return _CATALOGUE[topic]
    except KeyError:
        group = topic.partition(".")[0]
        near = sorted(t for t in _CATALOGUE if t.startswith(group + ".")) or sorted(
            {t.partition(".")[0] + ".…" for t in _CATALOGUE}
        )
        raise UnknownType("type", "one of " + ", ".join(near), came_safely(topic)) from None


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
        raise _first_problem(error, model) from None


def load(topic: str, data: Mapping[str, Any]) -> EventType:
    """A stored event of any past version; personal fields are absent until they are opened."""
    return find(topic).model_validate(dict(data))


def _first_problem(error: ValidationError, model: type[EventType]) -> Refused:
    problem = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in problem["loc"]) or model.TOPIC
    if problem["type"] == "missing":
        return BadField(path, "a value", "nothing")
    if problem["type"] == "extra_forbidden":
        return BadField(path, "one of " + ", ".join(model.model_fields), "another field")
    return BadField(path, _expectation(problem), came(problem["input"]))


def _expectation(problem: Mapping[str, Any]) -> str:
    if isinstance(problem.get("ctx", {}).get("error"), ValueError):
        return str(problem["ctx"]["error"])
    message = str(problem["msg"])
    for prefix in ("Input should be ", "String should ", "Value should "):
        message = message.removeprefix(prefix)
    return message


def _clean(value: Any, path: str) -> Any:
    """NFC, and no U+0000, in every text however deep it stands."""
    if isinstance(value, str):
        if "\x00" in value:
            raise BadField(path, "text without U+0000", came(value))
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: _clean(inner, f"{path}.{key}".lstrip(".")) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(inner, f"{path}.{n}") for n, inner in enumerate(value)]
    return value
