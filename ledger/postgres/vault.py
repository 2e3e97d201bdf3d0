"""The vault in a schema of a PostgreSQL database: many processes, one short writer at a time."""

from collections.abc import Callable, Collection
from typing import TypeVar

from ledger.clock import Ids, random_ids
from ledger.keyring import Keyring
from ledger.postgres.address import Address
from ledger.postgres.connection import Connection, Connections, migrate, statement
from ledger.vault import Vault
from ledger.vault.store import Questions, Row, Rows, Store

T = TypeVar("T")


class PostgresVault(Vault):
    """The vault at `address`, its schema made if it is not there.

    A connection that is lost is made anew, for up to half a minute, and what was under way is done
    again.
    """

    def __init__(self, address: Address, keyring: Keyring, *, ids: Ids = random_ids) -> None:
        super().__init__(_Schema(address), keyring, ids=ids)


class _Schema(Store):
    """A pool of connections. No pipelines: on one machine they cost more than they save."""

    def __init__(self, address: Address) -> None:
        migrate(address, "vault")
        self._connections = Connections(address)

    def ask(self, name: str, *given: object) -> list[Row]:
        return self._connections.patiently(lambda connection: _Rows(connection).ask(name, *given))

    def find(self, name: str, wanted: Collection[Row]) -> list[Row]:
        return self._connections.patiently(lambda connection: _Rows(connection).find(name, wanted))

    def read(self, work: Callable[[Questions], T]) -> T:
        def attempt(connection: Connection) -> T:
            _execute(connection, "begin_read")
            answer = work(_Rows(connection))
            connection.execute("COMMIT", prepare=False)
            return answer

        return self._connections.patiently(attempt)

    def write(self, work: Callable[[Rows], T]) -> T:
        def attempt(connection: Connection) -> T:
            _execute(connection, "begin_write")
            answer = work(_Rows(connection))
            connection.execute("COMMIT", prepare=False)
            return answer

        return self._connections.patiently(attempt)

    def scrub(self) -> None:
        """Do nothing: old rows stay in their pages and in the log, and are noise after their epoch."""

    def write_anew(self) -> None:
        """Do nothing: whoever runs the server vacuums it."""

    def close(self) -> None:
        self._connections.close()


def _execute(connection: Connection, name: str) -> None:
    connection.execute(statement(f"vault/{name}"), prepare=False)


class _Rows(Rows):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self, name: str, *given: object) -> list[Row]:
        cursor = self._connection.execute(statement(f"vault/{name}"), given, binary=True)
        return [] if cursor.description is None else cursor.fetchall()

    def find(self, name: str, wanted: Collection[Row]) -> list[Row]:
        # One statement for all of them, told in columns.
        return self.ask(name, *map(list, zip(*wanted, strict=True))) if wanted else []

    def put(self, name: str, rows: Collection[Row]) -> None:
        self.find(name, rows)
