"""Keeping views current where several processes could: one at a time does, and the others wait for it.

That no event counts twice is the store's promise and does not hang on turns; they spare work that
would be done in vain. So whoever has waited long enough for one that does not move works without.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

from ledger.relation import EventSource
from projections.definition import Fold
from projections.engine import Engine, Progress
from projections.store import Forgotten, ViewStore, ViewTable

_LOOK_S = 0.1
"""How long to wait for a turn before looking how far whoever has it has come."""
_STILL_S = 10.0
"""For how long nothing may move before one works without the turn."""
_REST_S = 60.0
"""After how long a rest `at_rest` is told again."""
_WAIT_S = 1.0
"""How soon a worker notices that it is to stop."""


class Waiting(EventSource, Protocol):
    """A source that wakes whoever waits for the next event."""

    def wait(self, after: int, timeout_s: float) -> int:
        """The head, as soon as it is past `after`, else when the time is up."""
        ...


Folds = Mapping[str, Fold]
Enough = Callable[[list[ViewTable]], bool]


def catch_up(
    store: ViewStore,
    folds: Folds,
    source: EventSource,
    progress: Progress | None = None,
    enough: Enough = lambda _: True,
    gone: Forgotten | None = None,
) -> None:
    """Have every fold at the head as it is now, by our own work or by that of whoever has the turn.

    `enough` may ask for more of the tables than that. What is being filled is filled too, unless
    somebody else is at it.
    """
    head = source.head()
    tables = store.tables()
    done = _current(tables, folds, head) and enough(tables)
    if done and all(table.serving or table.failure for table in tables):
        return None
    moved, seen = time.monotonic(), _standing(tables, folds)
    while True:
        turn = store.take_turn(0 if done else _LOOK_S)
        if turn is not None:
            with turn:
                return _work(store, folds, source, progress, gone)
        tables = store.tables()
        done = _current(tables, folds, head) and enough(tables)
        if done:
            return None
        if _standing(tables, folds) != seen:
            moved, seen = time.monotonic(), _standing(tables, folds)
            if progress is not None and seen:
                progress(min(position for _, position in seen), head)
        elif time.monotonic() - moved > _STILL_S:
            return _work(store, folds, source, progress, gone)


def run(
    store: ViewStore,
    folds: Folds,
    source: Waiting,
    stopped: Callable[[], bool],
    at_work: Callable[[bool], object] = lambda _: None,
    at_rest: Callable[[], object] = lambda: None,
    gone: Forgotten | None = None,
) -> None:
    """Keep the views current until `stopped`; while another process does, wait for the turn.

    Views are kept up first; what is being filled goes on a stride at a time in between. `at_work`
    is told whether the turn is ours, at first and whenever that changes; `at_rest` is called when
    something was done and nothing is left to do, and every minute in which nothing comes.
    """
    engine = Engine(store, gone)
    working: bool | None = None
    try:
        while not stopped():
            turn = store.take_turn(_WAIT_S)
            if working is not (turn is not None):
                working = turn is not None
                at_work(working)
            if turn is not None:
                with turn, suppress(_Stopped):
                    told_at: float | None = None
                    while turn.held():
                        head = _round(engine, folds, source, stopped)
                        if head is None:
                            told_at = None
                            continue
                        if told_at is None or time.monotonic() - told_at >= _REST_S:
                            at_rest()
                            told_at = time.monotonic()
                        source.wait(head, _WAIT_S)
    finally:
        engine.close()


class _Stopped(Exception):
    """Told to stop: between two batches, or amid a stride of which nothing is kept then."""


def _round(
    engine: Engine, folds: Folds, source: Waiting, stopped: Callable[[], bool]
) -> int | None:
    """Do a part of what there is to do; where there is nothing, the head that all have reached."""

    def heed(_reached: int, _head: int) -> None:
        if stopped():
            raise _Stopped

    head = source.head()
    heed(0, head)
    went = engine.step(folds, source, head, heed)
    filled = engine.step(folds, source, head, heed, filling=True)
    if filled in {None, head}:
        engine.switch(folds)
    return head if went is filled is None else None


def _work(
    store: ViewStore,
    folds: Folds,
    source: EventSource,
    progress: Progress | None,
    gone: Forgotten | None,
) -> None:
    engine = Engine(store, gone)
    try:
        engine.catch_up(folds, source, progress)
    finally:
        engine.close()


def _current(tables: list[ViewTable], folds: Folds, head: int) -> bool:
    """Whether each of the folds has stopped, or serves by its definition and has all up to `head`."""
    of = {t.fold.name: t for t in tables if t.serving}
    stopped = {(t.fold.name, t.fold.hash) for t in tables if t.failure}
    return all(
        (name, fold.hash) in stopped
        or (name in of and of[name].fold.hash == fold.hash and of[name].position >= head)
        for name, fold in folds.items()
    )


def _standing(tables: list[ViewTable], folds: Folds) -> list[tuple[str, int]]:
    """How far our own definitions have come: whoever has the turn may keep others."""
    ours = {(name, fold.hash) for name, fold in folds.items()}
    return [(t.id, t.position) for t in tables if (t.fold.name, t.fold.hash) in ours]
