"""A transaction ends whole or not at all, however it fails, and its connection can go on."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.sqlite.connection import open_connection, transaction

_SCHEMA = """
CREATE TABLE customer (n INTEGER PRIMARY KEY);
CREATE TABLE deal (n INTEGER PRIMARY KEY,
                   customer INTEGER REFERENCES customer (n) DEFERRABLE INITIALLY DEFERRED);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_connection(path)
    connection.executescript(_SCHEMA)
    yield connection
    connection.close()


def do(connection: sqlite3.Connection, *statements: str) -> None:
    """Do them all in one transaction."""
    with transaction(connection) as writer:
        for one in statements:
            writer.execute(one)


def goes_on(connection: sqlite3.Connection) -> bool:
    """Tell whether nothing stayed behind, and the next transaction is done."""
    before = connection.execute("SELECT count(*) FROM customer").fetchone()[0]
    do(connection, "INSERT INTO customer VALUES (7)")
    after = connection.execute("SELECT count(*) FROM customer").fetchone()[0]
    return (before, after, connection.in_transaction) == (0, 1, False)


def test_a_statement_that_fails_undoes_those_before_it(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match=r"^no such table: nowhere$"):
        do(connection, "INSERT INTO customer VALUES (1)", "INSERT INTO nowhere VALUES (1)")
    assert goes_on(connection)


def test_a_commit_that_fails_undoes_it(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=r"^FOREIGN KEY constraint failed$"):
        do(connection, "INSERT INTO customer VALUES (1)", "INSERT INTO deal VALUES (1, 404)")
    assert goes_on(connection)


def test_what_sqlite_has_undone_by_itself_is_not_undone_twice(
    connection: sqlite3.Connection,
) -> None:
    first = "INSERT INTO customer VALUES (1)"
    with pytest.raises(sqlite3.IntegrityError, match=r"^UNIQUE constraint failed: customer\.n$"):
        do(connection, first, first.replace("INSERT", "INSERT OR ROLLBACK"))
    assert goes_on(connection)


def test_a_second_writer_waits_for_the_first(connection: sqlite3.Connection, path: Path) -> None:
    begun = threading.Event()

    def write() -> None:
        second = open_connection(path)
        begun.set()
        do(second, "INSERT INTO customer SELECT count(*) + 1 FROM customer")
        second.close()

    waiting = threading.Thread(target=write)
    with transaction(connection) as writer:
        waiting.start()
        assert begun.wait(60)
        writer.execute("INSERT INTO customer VALUES (1)")
    waiting.join(60)
    assert connection.execute("SELECT n FROM customer").fetchall() == [(1,), (2,)]


def test_opening_a_new_file_waits_for_whoever_opens_it_as_well(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # what SQLite itself would answer at once: database is locked
    with ThreadPoolExecutor() as threads:
        opening = threads.submit(open_connection, path)
        with pytest.raises(TimeoutError):
            opening.result(0.05)
        other.execute("COMMIT")
        other.close()
        opened = opening.result(60)
    assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    opened.close()


def test_nobody_else_can_read_a_file_that_is_made(
    connection: sqlite3.Connection, path: Path
) -> None:
    do(connection, "INSERT INTO customer VALUES (1)")
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(("some.db", "some.db-wal", "some.db-shm"), "0o600")
