"""What a process of a round is: its notes, and its way back after a lost database."""

import json
import multiprocessing
import os
import random
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Any

from ledger.book import Book
from ledger.errors import StoreUnavailable
from ledger.stores import open_book

END = "round.ended"
"""Type of the last event of a round: whoever has seen it has seen everything."""
STOP = "stop"
"""A file of this name in the round's folder tells the writers that it is enough."""
DRAIN = "drain"
"""And this one the fold workers that nothing comes any more."""
UNAVAILABLE = (StoreUnavailable, sqlite3.OperationalError)
"""What a database that is away, or full, is told by."""
_AGAIN_S = (0.3, 1.0)
"""Too many who knock at once keep a server of PostgreSQL 15 from shutting down."""


class Notes:
    """Lines in a file that is only added to; each is the system's as soon as `write` returns.

    A line that was cut off when its writer died is not there for anybody.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        kept = path.read_bytes()
        os.ftruncate(self._file, kept.rfind(b"\n") + 1)
        os.lseek(self._file, 0, os.SEEK_END)
        self.path = path

    def write(self, *lines: Mapping[str, Any]) -> None:
        text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        while text:
            text = text[os.write(self._file, text) :]

    def read(self) -> Iterator[dict[str, Any]]:
        for line in self.path.read_bytes().splitlines():
            yield json.loads(line)


@dataclass(frozen=True)
class Part:
    """One process of a round: who it is and where it finds what it works on.

    `life` counts how often it has been started: its choices differ from those of the last time.
    """

    kind: str
    name: str
    folder: Path
    address: str
    vault: str
    seed: int
    life: int = 0

    @cached_property
    def notes(self) -> Notes:
        return Notes(self.folder / f"{self.name}.notes")

    @cached_property
    def chance(self) -> random.Random:
        return random.Random(f"{self.seed}:{self.name}:{self.life}")

    def open_book(self) -> Book:
        return open_book(self.address)

    def told(self, sign: str) -> bool:
        """Whether the round has put up this sign."""
        return (self.folder / sign).exists()


def run(part: Part, work: Callable[[Part], None]) -> None:
    """Be the process: do the work, and do it again from its own notes if the database went away.

    What it did not expect ends it with its last words in a file, which is a finding.
    """
    os.environ.update(
        BAHI_HOME=str(part.folder / "home"),
        BAHI_LEDGER=part.address,
        BAHI_VAULT=part.vault,
        TZ="Asia/Kolkata",
    )
    time.tzset()
    for stream, file in ((sys.stdout, "said"), (sys.stderr, "words")):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(part.folder / f"{part.name}.{file}", flags), stream.fileno())
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        persist(part, work)
    except SystemExit as end:  # the command line always ends so
        sys.stdout.flush()
        os._exit(int(end.code or 0))
    except BaseException:  # noqa: BLE001 -- it is told, whatever it is
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def persist(part: Part, work: Callable[[Part], None]) -> None:
    """Do the work, and do it again from the notes if the database went away meanwhile."""
    while True:
        try:
            return work(part)
        except UNAVAILABLE as error:
            part.notes.write({"unavailable": str(error)})
            time.sleep(random.uniform(*_AGAIN_S))


def _end_with_parent() -> None:
    """Nobody is left behind, in whatever way the run ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
