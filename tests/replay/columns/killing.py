"""A process that keeps history and dies on the way: at the n-th thing that it does to the disk."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ledger import relation
from ledger.sqlite.book import SqliteBook
from tests.replay.columns.samples import NAMES, columns_of

# Done once by the server of whom such processes are forks: it takes longer than they live.
relation.schema(NAMES)

TOUCHING: list[tuple[Any, str]] = [
    (os, "fsync"),
    (Path, "rename"),
    (Path, "replace"),
    (Path, "unlink"),
    (pq.ParquetWriter, "write_table"),
    (pq.ParquetWriter, "close"),
]


def work(place: Path, folder: Path, what: str, dies_at: int) -> None:
    """Do `what` with the columns of a book; whoever has done it all leaves the name of the next step."""
    with SqliteBook(place) as book:
        columns = columns_of(folder, book)
        columns.head()
        done = 0

        def dying(touch: Callable[..., Any]) -> Callable[..., Any]:
            def touched(*given: Any, **named: Any) -> Any:
                nonlocal done
                done += 1
                if done == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return touch(*given, **named)

            return touched

        for owner, name in TOUCHING:
            setattr(owner, name, dying(getattr(owner, name)))
        getattr(columns, what)()
    sys.exit(0)
