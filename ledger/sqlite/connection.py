"""Opening an SQLite file the one way that Bahi trusts, and its numbered migrations."""

import sqlite3
from functools import cache
from importlib.resources import files
from pathlib import Path

from ledger.errors import BadUsage

_OLDEST = (3, 37, 0)  # STRICT tables
_BUSY_MS = 30_000


def open_connection(path: Path, *, secure_delete: bool = False) -> sqlite3.Connection:
    """A connection in autocommit, so that every BEGIN and COMMIT stands in our own code.

    Write-ahead log; each commit is on the disk before it returns; a second writer waits up to 30 s.
    With `secure_delete`, what is deleted is overwritten with zeros.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise BadUsage(f"expected SQLite 3.37 or newer, came {sqlite3.sqlite_version}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}")
    return connection


@cache
def statement(name: str) -> str:
    """The text of `ledger/sqlite/sql/<name>.sql`."""
    return files("ledger.sqlite").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def migrate(connection: sqlite3.Connection, folder: str) -> None:
    """Run the migrations `sql/<folder>/NNNN_*.sql` that have not run yet, each once, in order.

    All of them run under the write lock and in one transaction: a second process waits and finds
    nothing left to do, and a crash leaves either the old schema or the new one.
    """
    names = sorted(
        entry.name
        for entry in files("ledger.sqlite").joinpath("sql", folder).iterdir()
        if entry.name[:4].isdigit() and entry.name.endswith(".sql")
    )
    if _migrated(connection) >= set(names):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY) STRICT")
        done = _migrated(connection)
        for name in names:
            if name not in done:
                for part in _statements(statement(f"{folder}/{name.removesuffix('.sql')}")):
                    connection.execute(part)
                connection.execute("INSERT INTO migration VALUES (?)", (name,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _migrated(connection: sqlite3.Connection) -> set[str]:
    try:
        return {name for (name,) in connection.execute("SELECT name FROM migration")}
    except sqlite3.OperationalError:
        return set()


def _statements(script: str) -> list[str]:
    """The statements of a script, triggers whole; `executescript` would commit on its own."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
