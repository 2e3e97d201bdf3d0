"""The port to where views are kept: merge rows and move the position; fill beside, switch.

A view's rows live in tables, one for each definition and each rebuild. One table of a name serves
readers; another may be filled beside it. A table's position is the last event in its rows, and
moves with them in one transaction or not at all.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from projections.definition import Fold


class Overtaken(Exception):
    """Somebody else moved the table meanwhile: nothing of this transaction was kept."""


class CannotMerge(Exception):
    """A fold's rows do not fit its table, as when a sum overflows; none of them was kept."""


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
class Kept:
    """A view as it is kept: the table that served, and its stored rows, read in one snapshot."""

    table: ViewTable
    rows: pa.Table


class Writer(Protocol):
    """Inside one transaction. Each `advance` stands or falls alone; the whole is kept or not."""

    def advance(self, table: ViewTable, start: int, to: int, rows: pa.Table) -> None:
        """Merge rows (`fold.stored`) and move the position from `start` to `to`.

        Raises `Overtaken` where the position is not `start`, `CannotMerge` where a row does not fit.
        """
        ...

    def fail(self, table: ViewTable, start: int, failure: Failure) -> None:
        """Mark the table, standing at `start`, as stopped. Raises `Overtaken`."""
        ...


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

        Does nothing where the table is gone, failed, or behind the one that serves.
        """
        ...

    def transaction(self) -> AbstractContextManager[Writer]:
        """Begin writing; kept when the block ends, undone when it raises."""
        ...

    def read(self, name: str, where: Sequence[tuple[str, Sequence[Any]]] = ()) -> Kept | None:
        """The rows of the serving table; None where there is none of this name.

        `where` keeps rows whose key column is one of the given values, by index where it leads.
        """
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
