"""How views stand to the book: current, behind, being rebuilt, or stopped at an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ledger.errors import FoldFailed
from projections.definition import Fold
from projections.store import ViewTable


class Kind(StrEnum):
    """A fold is kept, a question is asked."""

    FOLD = "fold"
    QUESTION = "question"


class State(StrEnum):
    """How a view stands."""

    CURRENT = "current"
    BEHIND = "behind"
    REBUILDING = "rebuilding"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of views. A question stands where the slowest fold it asks stands."""

    name: str
    kind: Kind
    purpose: str
    position: int
    lag: int
    """Events of the book that are not in it yet."""
    state: State
    failure: FoldFailed | None


class Reached(NamedTuple):
    """How far a fold has come, and whether it goes on from there."""

    position: int
    going: bool


def reached(folds: Mapping[str, Fold], tables: Sequence[ViewTable]) -> dict[str, Reached]:
    """How far each fold has come; one that has stopped goes on no more, and is not to be waited for."""
    found = dict.fromkeys(folds, Reached(0, going=True))
    stopped = {(table.fold.name, table.fold.hash) for table in tables if table.failure}
    for table in tables:
        name = table.fold.name
        if table.serving and name in folds:
            going = table.failure is None and (name, folds[name].hash) not in stopped
            found[name] = Reached(table.position, going)
    return found


def listed(fold: Fold, tables: Sequence[ViewTable], head: int) -> Listed:
    """How a fold stands, of all tables, to a book whose last position is `head`."""
    own = [table for table in tables if table.fold.name == fold.name]
    serving = next((table for table in own if table.serving), None)
    filling = next((table for table in own if not table.serving), None)
    position = serving.position if serving else 0
    stuck = next((t for t in (filling, serving) if t and t.failure), None)
    state = State.CURRENT if position >= head else State.BEHIND
    if filling or (serving and serving.fold.hash != fold.hash):
        state = State.REBUILDING
    if stuck and not (stuck.serving and filling):
        state = State.FAILED
    failure = failed(stuck) if stuck else None
    return Listed(
        fold.name, Kind.FOLD, fold.purpose, position, max(head - position, 0), state, failure
    )


def failed(table: ViewTable) -> FoldFailed:
    """The error of a table that has stopped."""
    failure = table.failure
    if failure is None:
        raise ValueError("expected a table that failed")
    return FoldFailed(table.fold.name, failure.position, failure.why)
