"""An engine in a process of its own, which SIGKILLs itself at a given statement, wherever that is.

Usage: python -m tests.projections.worker VIEWS EVENTS {catch_up|rebuild} [STATEMENT]
"""

import itertools
import os
import signal
import sys
from pathlib import Path

import pyarrow.parquet as pq

from ledger import relation
from projections.engine import Engine
from projections.sqlite import SqliteViews
from projections.views import load
from tests.projections.source import MemorySource


def die_at(store: SqliteViews, statement: int) -> None:
    """SQLite tells of each statement before it runs it: rows, positions, commits."""
    counted = itertools.count(1)

    def trace(_: str) -> None:
        if next(counted) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection().set_trace_callback(trace)


def main() -> None:
    views, events, task = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    source = MemorySource(pq.read_table(events).cast(relation.RAW))
    folds, _ = load()
    store = SqliteViews(views)
    if task == "rebuild":
        for fold in folds.values():
            store.create(fold)
    engine = Engine(store, max_batch=60, stride=120, deep=60 if task == "rebuild" else 10**9)
    print("ready", flush=True)
    sys.stdin.readline()
    if len(sys.argv) > 4:
        die_at(store, int(sys.argv[4]))
    engine.catch_up(folds, source)


if __name__ == "__main__":
    main()
