"""Opening an SQLite file the one way that Bahi trusts, and its numbered migrations."""

import os
import sqlite3
import time
from contextlib import AbstractContextManager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path

from ledger.errors import BadUsage, StoreUnavailable

_OLDEST = (3, 37, 0)  # STRICT tables
_BUSY_MS = 30_000
_AGAIN_S = 0.000_5
_MODE = 0o600


class Connection(sqlite3.Connection):
    """Closes itself when nobody holds it any longer, as when the thread that had it is gone."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was never opened
            self.close()


def open_connection(path: Path, *, secure_delete: bool = False) -> Connection:
    """A connection in autocommit, so that every BEGIN and COMMIT stands in our own code.

    Write-ahead log; each commit is on the disk before it returns; a second writer waits up to 30 s.
    With `secure_delete`, what is deleted is overwritten with zeros.

    Raises `BadUsage` for a path that cannot be opened, or is not an SQLite file; `StoreUnavailable` for
    one that is damaged.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise BadUsage(f"expected SQLite 3.37 or newer, came {sqlite3.sqlite_version}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_private(path)
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=Connection
        )
    except (OSError, sqlite3.OperationalError) as error:
        raise BadUsage(f"{path}: expected a file to read and write, came: {error}") from error
    try:
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        # Set once in the life of a file. SQLite does not wait where two connections would both raise
        # their lock, as two processes do that open a new file in the same moment.
        insist(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}")
    except sqlite3.DatabaseError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CORRUPT:  # it is one, and was damaged
            raise StoreUnavailable(str(path), str(error)) from error
        raise BadUsage(f"{path}: expected a sound SQLite file, came: {error}") from error
    return connection


def make_private(path: Path) -> None:
    """Make an empty file that nobody else can open, unless there is one; SQLite would ask the umask.

    Its log and index files take after it. A file that is there is not even opened: to close it
    again would let go of every lock that this process holds on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))


def insist(connection: sqlite3.Connection, wanted: str) -> None:
    """Execute what needs a lock that others may hold, trying again for up to `_BUSY_MS`."""
    deadline = time.monotonic() + _BUSY_MS / 1_000
    while True:
        try:
            connection.execute(wanted)
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN_S)
        else:
            return


class transaction:  # noqa: N801 -- reads as a keyword does
    """BEGIN IMMEDIATE … COMMIT: the write lock first, then everything that is decided under it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        # SQLite would sleep longer and longer, up to a tenth of a second, while whoever has just
        # committed takes the lock again and again: others would wait for seconds, or in vain.
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            insist(self._connection, "BEGIN IMMEDIATE")
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        return self._connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if error is None:
                self._connection.execute("COMMIT")
        finally:
            # Also after a COMMIT that failed; a full disk may have rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def truncate_log(connection: sqlite3.Connection, lock: AbstractContextManager[object]) -> bool:
    """Move the write-ahead log into the file and cut it to nothing, as soon as nobody reads or writes;
    False if somebody still does after half a minute. `lock` is held for each attempt alone.

    SQLite would wait for readers, and never for somebody else who is about the same.
    """
    deadline = time.monotonic() + _BUSY_MS / 1_000
    while True:
        with lock:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if not busy:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_AGAIN_S)


@cache
def statement(name: str) -> str:
    """The text of `ledger/sqlite/sql/<name>.sql`."""
    return files("ledger.sqlite").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def migrate(connection: sqlite3.Connection, folder: str) -> None:
    """Run the migrations `sql/<folder>/NNNN_*.sql` that have not run yet, each once, in order.

    All of them run under the write lock and in one transaction: a second process waits and finds
    nothing left to do, and a crash leaves either the old schema or the new one.

    Raises `BadUsage`, and changes nothing, if the file holds something else, or was written by a
    later version.
    """
    names = sorted(
        entry.name
        for entry in files("ledger.sqlite").joinpath("sql", folder).iterdir()
        if entry.name[:4].isdigit() and entry.name.endswith(".sql")
    )
    if _migrated(connection) == set(names):
        return
    with transaction(connection):
        done = _migrated(connection)
        foreign = done - set(names) or (_tables(connection) if not done else set())
        if foreign:
            file = connection.execute("PRAGMA database_list").fetchone()[2]
            raise BadUsage(
                f"{file}: expected a {folder} of this version or an empty file, "
                f"came one with {', '.join(sorted(foreign)[:5])}"
            )
        connection.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY) STRICT")
        for name in names:
            if name not in done:
                for part in _statements(statement(f"{folder}/{name.removesuffix('.sql')}")):
                    connection.execute(part)
                connection.execute("INSERT INTO migration VALUES (?)", (name,))


def _migrated(connection: sqlite3.Connection) -> set[str]:
    if "migration" not in _tables(connection):
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM migration")}


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}


def _statements(script: str) -> list[str]:
    """The statements of a script, triggers whole; `executescript` would commit on its own."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    if pending.strip():
        raise ValueError("a script ends in the middle of a statement")
    return found
