"""A store with the commonest fault of event stores, so that the harness is seen to find it.

A position is taken first and the event committed later, as a sequence and its transaction do. Who
reads in between passes over the gap, and never comes back for what is filled in.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from os import environ

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    DCBSubscription,
)

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS taken (one INTEGER PRIMARY KEY, position INTEGER);
CREATE TABLE IF NOT EXISTS event (position INTEGER PRIMARY KEY, type TEXT, data BLOB);
INSERT OR IGNORE INTO taken VALUES (1, 0);
"""
_WORK_S = 0.002
"""What a transaction still does after it took its positions."""
_TAKE = "UPDATE taken SET position = position + ? RETURNING position"


class LeakyRecorder(DCBRecorder):
    """Keeps events in the file that `LEAKY_FILE` names; conditions are not judged."""

    def __init__(self) -> None:
        self._file = environ["LEAKY_FILE"]
        with closing(self._open()) as connection:
            connection.executescript(_SCHEMA)

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=60, isolation_level=None)

    def append(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> int:
        with closing(self._open()) as connection:
            (last,) = connection.execute(_TAKE, (len(events),)).fetchone()
            first = int(last) - len(events) + 1
            rows = [(n, one.type, one.data) for n, one in enumerate(events, start=first)]
            time.sleep(_WORK_S)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
            return int(last)

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        with closing(self._open()) as connection:
            wanted = "SELECT * FROM event WHERE position > ? ORDER BY position"
            return _Response(iter(connection.execute(wanted, (after or 0,)).fetchall()))

    def subscribe(
        self, query: DCBQuery | None = None, *, after: int | None = None
    ) -> "LeakySubscription":
        return LeakySubscription(self, query, after)


class _Response(DCBReadResponse):
    def __init__(self, rows: Iterator[tuple[int, str, bytes]]) -> None:
        self._rows = rows

    @property
    def head(self) -> int | None:
        return None

    def __next__(self) -> DCBSequencedEvent:
        position, kind, data = next(self._rows)
        return DCBSequencedEvent(DCBEvent(kind, data), position)


class LeakySubscription(DCBSubscription[LeakyRecorder]):
    """Hands over what comes after the last position that it has seen."""

    _page: DCBReadResponse | None = None

    def __next__(self) -> DCBSequencedEvent:
        while True:
            if self._page is None:
                self._page = self._recorder.read(after=self._last_position)
            for found in self._page:
                self._last_position = found.position
                return found
            self._page = None
            time.sleep(0.001)
