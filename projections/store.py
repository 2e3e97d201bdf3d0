"""The port to where views are kept: merge rows and move the position; fill beside, switch; take turns.

A view's rows live in tables, one for each definition and each rebuild. One table of a name serves
readers; another may be filled beside it. A table's position is the last event in its rows, and
moves with them in one transaction or not at all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import pyarrow as pa

from projections.definition import Fold

TOO_LARGE = "a total is too large for its column"
"""Why rows do not fit, of all stores alike where a sum is past 64 bits."""


class Overtaken(Exception):
    """Somebody else moved a table meanwhile: nothing of this transaction was kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a fold stopped: the position of the event it could not take, and why, without values."""

    position: int
    why: str


@dataclass(frozen=True, slots=True)
class ViewTable:
    """One table of rows: `id` names it in the store, `generation` counts rebuilds of a name."""

    id: str
    fold: Fold
    generation: int
    serving: bool
    position: int
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What a table is to take in: rows of some events, as `fold.stored` has them, in key order.

    `gone` are the customers whose rows go for good, told by these same events.
    """

    table: ViewTable
    rows: pa.Table
    gone: Collection[UUID] = ()

    @property
    def leaving(self) -> Collection[UUID]:
        """Of those who are gone, whoever may have rows in this table."""
        return () if not self.gone or self.table.fold.of_privacy else self.gone


@dataclass(frozen=True, slots=True)
class Kept:
    """A view as it is kept: the table that served, and its stored rows, read in one snapshot."""

    table: ViewTable
    rows: pa.Table


class Forgotten(Protocol):
    """Who is gone for good, and where the book says so; see `ledger.gone`."""

    def now(self) -> frozenset[UUID]:
        """Everybody who is gone by now."""
        ...

    def between(self, after: int, upto: int) -> frozenset[UUID]:
        """Those of whom it is told at a position in (`after`, `upto`]."""
        ...


class Turn(Protocol):
    """The right to bring the views of a store forward; it ends with the block, or the process."""

    def held(self) -> bool:
        """Whether it still is ours: what dies, hangs or is cut off loses it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class ViewStore(Protocol):
    """Where views are kept. Any number of processes may use one store at once."""

    def tables(self) -> list[ViewTable]:
        """Every table, serving or being filled, by name and generation."""
        ...

    def create(self, fold: Fold) -> ViewTable:
        """An empty table for this definition, at position 0.

        It serves where none of its name does, else is filled beside the one that does; one that is
        being filled already for the same definition is given back, and any other is dropped.
        """
        ...

    def discard(self, table: ViewTable) -> None:
        """Drop a table that is being filled; one that serves, or is gone, is left alone."""
        ...

    def switch(self, table: ViewTable) -> None:
        """Let a filled table serve and drop the former one, in one transaction.

        Does nothing where the table is gone, failed, or behind the one that serves, and where
        somebody reads the former without end: then it is to be tried again.
        """
        ...

    def advance(self, start: int, to: int, moves: Sequence[Move]) -> Mapping[str, str]:
        """Delete rows of who is gone, merge rows and move positions from `start` to `to`, in one transaction.

        A table whose rows do not fit, as when a sum overflows, stays as it was, and the others move
        on: answered is why, by the table's id. Raises `Overtaken`, and keeps nothing, where one of
        them does not stand at `start` any more. So it may be done twice.
        """
        ...

    def forget(self, customers: Collection[UUID]) -> None:
        """Delete the rows of these customers from every table, however it stands; folds of privacy keep them.

        What the store itself keeps beside its tables is as free of them when this returns as the store
        can make it. Raises `StoreUnavailable` where others prevent that.
        """
        ...

    def hide(self, customers: Collection[UUID]) -> None:
        """Show these, and nobody else, no more to whoever reads the views past us, where the store lets them.

        Does nothing where somebody reads without end: then it is to be tried again.
        """
        ...

    def clear(self) -> None:
        """Every table empty and at position 0, none of them stopped: as if nothing had ever been folded.

        For a book that lost events which may be in them. Who reads meanwhile finds them so.
        """
        ...

    def fail(self, table: ViewTable, start: int, failure: Failure) -> None:
        """Mark the table, standing at `start`, as stopped. Raises `Overtaken`."""
        ...

    def take_turn(self, wait_s: float) -> Turn | None:
        """The turn, as soon as nobody has it; None if somebody still has when the time is up.

        Turns spare work that would be done twice; that no event counts twice does not hang on them.
        """
        ...

    def read(self, name: str, where: Sequence[tuple[str, Sequence[Any]]] = ()) -> Kept | None:
        """The rows of the serving table; None where there is none of this name.

        `where` keeps rows whose key column is one of the given values, by index where it leads.
        """
        ...

    def read_after(self, name: str, after: Sequence[Any], most: int) -> Kept | None:
        """The first rows of the serving table whose key comes after these values of its first columns.

        In the order of `Fold.index`; with no values, from the first row on. None as for `read`.
        """
        ...

    def explain(self, fold: Fold) -> str:
        """The SQL by which rows of a fold are kept and merged here, for people."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
