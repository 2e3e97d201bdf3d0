"""Events made up for tests: the same number gives the same event, in every process."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.event import Event

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def event_id(n: int) -> UUID:
    return UUID(int=(8 << 76) | (2 << 62) | (n << 80))


def customer(n: int) -> UUID:
    return UUID(int=(0xC << 124) | n)


def an_event(
    n: int,
    type: str = "order.placed",  # noqa: A002 -- named as the field is
    tags: tuple[str, ...] = (),
    *,
    about: int | None = None,
    data: Mapping[str, Any] | None = None,
    personal: bytes = b"",
) -> Event:
    """Return event number `n`, a second after the one before; `about` numbers its customer."""
    return Event(
        id=event_id(n),
        type=type,
        version=1,
        domain="touchpoint",
        occurred_at=BEGIN + timedelta(seconds=n),
        source="shop",
        data={"currency": "EUR", "amount_minor": n} if data is None else data,
        customer=None if about is None else customer(about),
        tags=tags,
        personal=personal,
    )


def some_events(first: int, last: int, tags: tuple[str, ...] = ()) -> list[Event]:
    """Return events `first` up to and including `last`."""
    return [an_event(n, tags=tags) for n in range(first, last + 1)]
