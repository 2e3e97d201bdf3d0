"""A part of a timeline: of a long one no more is held than was asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from weakref import WeakSet

import pytest

from replay.history import Stretch

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(eq=False)
class Happened:
    """As much of a recorded event as says when it happened, and whether anybody still holds it."""

    position: int

    @property
    def event(self) -> Any:
        return self

    @property
    def occurred_at(self) -> datetime:
        return BEGIN + timedelta(days=self.position)


@pytest.mark.parametrize("newest", [False, True])
def test_no_more_is_held_than_is_asked_for(newest: bool) -> None:
    held: WeakSet[Happened] = WeakSet()
    most = 0

    def happened() -> Iterator[Any]:
        nonlocal most
        days = [*range(1_000)]
        Random(1).shuffle(days)
        for day in days:
            one = Happened(day)
            held.add(one)
            yield one
            del one
            most = max(most, len(held))

    found = Stretch(10, (BEGIN + timedelta(days=500), 500), newest).of(happened())
    wanted = range(499, 489, -1) if newest else range(501, 511)
    assert [one.position for one in found] == [*wanted]
    assert most <= 12
