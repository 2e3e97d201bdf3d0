"""Appending to SQLite, a thousand at once, against bare inserts of the same rows."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

from commands.record import record
from ledger.book import index_tags
from ledger.clock import system_clock, to_us
from ledger.event import encode_body, leaf_hash
from ledger.opening import open_ledger
from ledger.sqlite.book import SqliteBook
from ledger.sqlite.connection import statement
from tests.bench import made
from tests.bench.runner import Comparison, Side

_AT_ONCE = 1_000
_DURABILITY = "both: WAL, synchronous=FULL, a commit a thousand rows"


def comparisons(count: int) -> Iterator[Comparison]:
    """The book's own append, and everything that `record` does before it."""
    yield Comparison(
        what="append to SQLite: deduplicated, tagged, hashed",
        baseline="bare sqlite3 inserts of the same rows",
        durability=_DURABILITY,
        ours=partial(_appending, count),
        theirs=partial(_inserting, count),
    )
    yield Comparison(
        what="record to SQLite: resolved and sealed as well",
        baseline="bare sqlite3 inserts of the same rows",
        durability=_DURABILITY + "; ours also commits the vault once a thousand",
        ours=partial(_recording, count),
        theirs=partial(_inserting, count),
    )


def _appending(count: int, folder: Path) -> Side:
    book = SqliteBook(folder)
    given = list(made.events(count))

    def side() -> int:
        for start in range(0, count, _AT_ONCE):
            book.append(given[start : start + _AT_ONCE])
        book.close()
        return count

    return side


def _recording(count: int, folder: Path) -> Side:
    book = SqliteBook(folder / "book")
    ledger = open_ledger(book, folder / "vault" / "vault.db", folder / "keyring" / "keyring.json")
    given = list(made.touchpoints(count))

    def side() -> int:
        tolerance = timedelta(days=36_500)
        for _ in record(ledger, given, clock=system_clock, future_tolerance=tolerance):
            pass
        ledger.close()
        return count

    return side


def _inserting(count: int, folder: Path) -> Side:
    """The same rows into the same tables and indexes, without triggers, look-ups or hashing."""
    path = folder / "bare.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(statement("book/0001_book"))
    now = to_us(system_clock())
    rows = []
    tags = []
    for position, event in enumerate(made.events(count), start=1):
        body = encode_body(event)
        rows.append((
            position, now, event.id.bytes, event.type, to_us(event.occurred_at),
            body, event.personal, leaf_hash(now, body, event.personal),
        ))  # fmt: skip
        tags.append([(tag, position) for tag in index_tags(event)])

    def side() -> int:
        for start in range(0, count, _AT_ONCE):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(statement("book/insert_event"), rows[start : start + _AT_ONCE])
            tagged = [tag for of_one in tags[start : start + _AT_ONCE] for tag in of_one]
            connection.executemany(statement("book/insert_tag"), sorted(tagged))
            connection.execute("COMMIT")
        connection.close()
        return count

    return side
