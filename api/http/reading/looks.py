"""When is looked, and what for: the parameters that every answer about the past or the present takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from api.http.callers import Calling, demand_purpose
from api.http.roles import LOOKING_DESPITE
from api.wiring import Bahi
from ledger import catalogue
from ledger.errors import UnknownType
from ledger.restricted import DESPITE, SERVICE
from replay.clocks import parse_moment
from replay.history import Clocks

AsOf = Annotated[
    str | None,
    Query(
        description="What had happened by then: a time with a zone, or a date for the end of that day, UTC.",
        examples=["2026-01-31"],
        max_length=40,
    ),
]
KnownAt = Annotated[
    str | None,
    Query(description="What the book had taken by then.", examples=["2026-01-31"], max_length=40),
]
Purpose = Annotated[
    str,
    Query(
        description=f"What for; whose data is restricted is shown for {', '.join(sorted(DESPITE))} alone, "
        f"which a key of {', '.join(sorted(LOOKING_DESPITE))} may say.",
        max_length=60,
    ),
]
Types = Annotated[
    str | None,
    Query(
        description="Types with commas between them.",
        examples=["order.placed,ticket.opened"],
        max_length=4_000,
    ),
]


@dataclass(frozen=True, slots=True)
class Look:
    """What was asked for, before the book says which position that is."""

    as_of: datetime | None
    known_at: datetime | None
    purpose: str

    @property
    def past(self) -> bool:
        """Whether it is not the present."""
        return self.as_of is not None or self.known_at is not None

    def clocks(self, bahi: Bahi) -> Clocks:
        """The two clocks; the book is read for `known_at` alone."""
        if self.known_at is None:
            return Clocks(self.as_of)
        return bahi.history.clocks(self.as_of, self.known_at)


async def _look(
    caller: Calling, as_of: AsOf = None, known_at: KnownAt = None, purpose: Purpose = SERVICE
) -> Look:
    demand_purpose(caller, purpose)
    return Look(
        None if as_of is None else parse_moment(as_of, "as_of"),
        None if known_at is None else parse_moment(known_at, "known_at"),
        purpose,
    )


Looking = Annotated[Look, Depends(_look)]
"""A route's argument."""


def types_of(given: str | None) -> tuple[str, ...]:
    """The types that are wanted; none for all. Raises `UnknownType`, which quotes none."""
    kinds = tuple(dict.fromkeys(one.strip() for one in given.split(","))) if given else ()
    for kind in kinds:
        try:
            catalogue.find(kind)
        except UnknownType:
            raise UnknownType("types", "types of the catalogue", "another") from None
    return kinds
