"""Work on views in a process of its own, which may SIGKILL itself at a given statement, wherever that is.

`main(VIEWS, EVENTS, "catch_up" or "rebuild", [STATEMENT])`, or `main(VIEWS, BOOK, "run")`.
"""

import itertools
import os
import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
from adbc_driver_postgresql import dbapi

import projections.postgres.store
from ledger import relation
from ledger.stores import open_book
from projections import Views, keeping
from projections.definition import read_fold
from projections.engine import Engine
from projections.postgres import turn
from projections.sqlite import SqliteViews
from projections.store import ViewStore
from projections.stores import open_views
from tests.projections.source import MemorySource

FOLDS = Path(projections.__file__).with_name("folds")
SOME = ("campaign", "customer_360", "customer_channel", "customer_month", "daily")
"""Folds that the shop's events have rows in, and enough of them."""


def die_at(store: ViewStore, statement: int) -> None:
    """Before it is run, or sent: rows, positions, commits."""
    counted = itertools.count(1)

    def count(_: object = None) -> None:
        if next(counted) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    if isinstance(store, SqliteViews):
        store._connection().set_trace_callback(count)
        return
    for owner, name in (
        (psycopg.Connection, "execute"),
        (dbapi.Cursor, "execute"),
        (dbapi.Cursor, "adbc_ingest"),
    ):
        _before(owner, name, count)


def _before(owner: Any, name: str, act: Any) -> None:
    done = getattr(owner, name)

    def instead(*args: Any, **kwargs: Any) -> Any:
        act()
        return done(*args, **kwargs)

    setattr(owner, name, instead)


def run(views: Path | str, book: str) -> None:
    """Keep views until SIGTERM, saying on stdout whose turn it is."""
    turn._BEAT_S, turn._SILENT_S = 0.1, 1.0
    setattr(keeping, "Engine", partial(Engine, stride=150))  # noqa: B010
    to_stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: to_stop.set())
    with open_book(book) as opened:
        kept = Views.open(views)
        print("ready", flush=True)
        kept.run(
            opened,
            to_stop.is_set,
            lambda ours: print("at work" if ours else "waiting", flush=True),
        )
        kept.close()
    print("stopped", flush=True)


def main(views: str, given: str, task: str, dies_at: int | None = None) -> None:
    at = views if "://" in views else Path(views)
    if task == "run":
        run(at, given)
        return
    source = MemorySource(pq.read_table(given).cast(relation.RAW))
    folds = {name: read_fold(FOLDS / f"{name}.sql") for name in SOME}
    store = open_views(at)
    if task == "rebuild":
        projections.postgres.store._FEW = 0
        for fold in folds.values():
            store.create(fold)
    engine = Engine(store, max_batch=60, stride=120, deep=60 if task == "rebuild" else 10**9)
    print("ready", flush=True)
    sys.stdin.readline()
    if dies_at is not None:
        die_at(store, dies_at)
    engine.catch_up(folds, source)
