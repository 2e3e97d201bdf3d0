"""What a provider of webhooks is: how it signs, and what its messages mean. One small file each.

A signature is over the bytes as they came, so it is judged before anything is read. Comparing takes as long for a
wrong one as for the right one.
"""

import hmac
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import BadField, BadSignature, came
from ledger.identifiers import Identifier
from streams.parts import Json, text_of

WINDOW = timedelta(minutes=5)
"""How far from our clock the moment may be at which it was signed, either way."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook as it came. Names of headers are in small letters; `url` is what the sender called."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    at: datetime


class Provider(ABC):
    """Who sends webhooks."""

    NAME: ClassVar[str]

    def demand_secret(self, secret: str) -> None:  # noqa: B027 - most can be anything
        """Whether that can be a secret of theirs. Raises `BadUsage`."""

    @abstractmethod
    def demand_signed(self, delivery: Delivery, secrets: Sequence[str]) -> None:
        """Whether one of these secrets signed it, lately. Raises `BadSignature`."""

    @abstractmethod
    def items(self, delivery: Delivery) -> Iterator[Json]:
        """What it tells of, each with all that `meaning` needs. Raises `BadField`."""

    @abstractmethod
    def meaning(self, item: Json, source: str) -> Touchpoint | None:
        """What one of them means; None for what means nothing to us. Raises `Refused`."""

    @abstractmethod
    def named(self, item: Json) -> tuple[Identifier, ...]:
        """Whom a refused one names, as far as it can be read: an erasure must find its letter."""


def header(delivery: Delivery, name: str) -> str:
    """A header that a signature needs."""
    found = delivery.headers.get(name)
    if not found:
        raise BadSignature(f"expected the header {name}, came none")
    return found


def demand_lately(delivery: Delivery, signed: str, unit: timedelta = _SECOND) -> None:
    """Whether it was signed at about the time at which it came; `signed` counts units since 1970."""
    try:
        at = datetime(1970, 1, 1, tzinfo=UTC) + int(signed) * unit
    except (ValueError, OverflowError):
        raise BadSignature("expected the moment of signing, came something else") from None
    if abs(delivery.at - at) > WINDOW:
        raise BadSignature(
            f"expected a signature of the last {WINDOW.seconds // 60} minutes, came an older or later one"
        )


def demand_one_of(given: Sequence[bytes], expected: Sequence[bytes]) -> None:
    """Whether any signature that came is one that we would make."""
    found = False
    for ours in expected:
        for theirs in given:
            found |= hmac.compare_digest(ours, theirs)
    if not found:
        raise BadSignature("expected a signature by the secret of this source, came another")


def an_object(value: object, field: str) -> Json:
    """A value that is to be an object."""
    if not isinstance(value, Mapping):
        raise BadField(field, "an object", came(value))
    return value


def id_of(item: Json, name: str = "id") -> str:
    """The provider's id of one item: by it, what is sent again is known."""
    found = text_of(item, name, name)
    if found is None:
        raise BadField(name, "the id of the message", "nothing")
    return found


def happened_at(item: Json, name: str, unit: timedelta = _SECOND) -> datetime:
    """A moment that is a whole number of units since 1970."""
    value = item.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadField(name, "a whole number", came(value))
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + value * unit
    except OverflowError:
        raise BadField(name, "a moment since 1970", "another number") from None


def identifiers(*pairs: tuple[str, str | None]) -> tuple[Identifier, ...]:
    """Those that are there, most trusted first."""
    return tuple(Identifier(kind, value) for kind, value in pairs if value)


def touchpoint(
    topic: str,
    data: Mapping[str, Any],
    at: datetime,
    source: str,
    message_id: str,
    named: tuple[Identifier, ...],
    references: tuple[Identifier, ...] = (),
) -> Touchpoint:
    """What it means, in our words; what is None is left out. Raises `Refused`."""
    given = {name: value for name, value in data.items() if value is not None}
    return Touchpoint(catalogue.parse(topic, given), at, source, message_id, named, references)
