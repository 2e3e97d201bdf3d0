"""The vault in one SQLite file: embedded, one short writer at a time, any number of processes."""

import sqlite3
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from ledger.clock import Ids, random_ids
from ledger.errors import BadUsage, StoreUnavailable
from ledger.keyring import Keyring
from ledger.sqlite.connection import (
    Connection,
    make_private,
    migrate,
    open_connection,
    statement,
    transaction,
    truncate_log,
)
from ledger.vault import Vault
from ledger.vault.rewrap import Progress
from ledger.vault.store import Questions, Row, Rows, Store

T = TypeVar("T")


class SqliteVault(Vault):
    """The vault in the file `path` (mode 0600), made if it is not there."""

    def __init__(self, path: Path, keyring: Keyring, *, ids: Ids = random_ids) -> None:
        self._file = _File(path)
        super().__init__(self._file, keyring, ids=ids)

    def rewrap(self, keyring: Keyring, progress: Progress | None = None) -> int:
        count = super().rewrap(keyring, progress)
        # What the log still holds of the old rows is noise by now; a reader may keep it from going.
        self._file.truncate_log()
        return count


class _File(Store):
    """One connection, lent to one thread at a time. What is deleted is overwritten."""

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(path)
        except OSError as error:
            raise BadUsage(f"{path}: expected a file to read and write, came: {error}") from error
        self._path = path
        self._lock = threading.RLock()
        self._connection = open_connection(path, secure_delete=True)
        self._rows = _Rows(self._connection)
        migrate(self._connection, "vault")

    def ask(self, name: str, *given: object) -> list[Row]:
        with self._lock:
            return self._rows.ask(name, *given)

    def find(self, name: str, wanted: Collection[Row]) -> list[Row]:
        return self.read(lambda rows: rows.find(name, wanted))

    def read(self, work: Callable[[Questions], T]) -> T:
        with self._lock:
            self._connection.execute("BEGIN")
            try:
                return work(self._rows)
            finally:
                self._connection.execute("COMMIT")

    def write(self, work: Callable[[Rows], T]) -> T:
        with self._lock, transaction(self._connection):
            return work(self._rows)

    def truncate_log(self) -> bool:
        """See `connection.truncate_log`."""
        return truncate_log(self._connection, self._lock)

    def scrub(self) -> None:
        # In the file it is overwritten by now; the log may still hold it.
        if not self.truncate_log():
            what = "its log holds what was destroyed for as long as somebody reads the vault"
            raise StoreUnavailable(self._path.name, what)

    def write_anew(self) -> None:
        # SQLite overwrites a row where it stands, and not where it stood before a page was split.
        with self._lock, suppress(sqlite3.OperationalError):
            self._connection.execute("VACUUM")
        self.truncate_log()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


class _Rows(Rows):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, name: str, *given: object) -> list[Row]:
        return self._connection.execute(statement(f"vault/{name}"), given).fetchall()

    def find(self, name: str, wanted: Collection[Row]) -> list[Row]:
        query, execute = statement(f"vault/{name}"), self._connection.cursor().execute
        return [row for given in wanted for row in execute(query, given)]

    def put(self, name: str, rows: Collection[Row]) -> None:
        self._connection.executemany(statement(f"vault/{name}"), rows)
