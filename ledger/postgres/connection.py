"""Connections to PostgreSQL: a pool that gets over a server's restart, its errors in our words."""

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from ledger.errors import BadUsage, BahiError, StoreUnavailable
from ledger.postgres.address import Address

Connection = psycopg.Connection[tuple[Any, ...]]
Answer = TypeVar("Answer")

_MOST_CONNECTIONS = 8
_PATIENCE_S = 30.0
_IN_POOL_S = 3.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_OLDEST = 140_000  # multirange, SQL-standard function bodies
_SESSION: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0}

# SQLSTATEs that tell of the server or the way to it, and not of what was asked: of classes by two
# characters, others whole. A connection that broke has none.
_PASSING = ("08", "25P03", "57P01", "57P02", "57P03", "53300")
_OF_THE_CONNECTION = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)
_OF_THE_CALLER = ("28", "3D", "3F", "42501")


# What the pool would say of each failed attempt, our own errors say in our words.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


@cache
def statement(name: str, package: str = "ledger.postgres") -> LiteralString:
    """The text of `sql/<name>.sql` in a package."""
    text: LiteralString = (  # a file of ours, and no string that anybody glued
        files(package).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
    )
    return text


def connect(address: Address) -> Connection:
    """One connection in autocommit, so that every transaction stands in our own code.

    Raises `StoreUnavailable` if there is no way in.
    """
    try:
        return psycopg.connect(address.conninfo, **_SESSION)
    except psycopg.Error as error:
        raise in_our_words(error, address) from None


class Connections:
    """A pool of them, for any number of threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._pool = ConnectionPool(
            address.conninfo,
            kwargs=_SESSION,
            min_size=0,
            max_size=_MOST_CONNECTIONS,
            num_workers=1,
            # The patience is ours: the pool's own attempts lie further and further apart, and while
            # it waits for the next one it begins no other.
            reconnect_timeout=0,
            open=True,
        )

    def patiently(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work on a connection; on another one, after a pause, if the server went away.

        So `work` must be something that may be done twice. Raises `StoreUnavailable` when the server
        has not come back after half a minute, or cannot do it now.
        """
        pauses = patience()
        while True:
            try:
                with self._pool.connection(timeout=_IN_POOL_S) as connection:
                    return work(connection)
            except PoolTimeout:
                self._look_why(last=not next(pauses))
            except _OF_THE_CONNECTION as error:
                if not is_passing(error.sqlstate) or not next(pauses):
                    raise in_our_words(error, self._address) from error
                self._pool.check()  # the others of the same server are as dead
            except psycopg.Error as error:
                raise in_our_words(error, self._address) from error

    def _look_why(self, *, last: bool) -> None:
        """The pool had none to give and keeps the reason to itself: raise it, unless it may pass."""
        try:
            connect(self._address).close()
        except StoreUnavailable:
            if last:
                raise
        else:
            if last:
                raise StoreUnavailable(self._address.name, "no connection in time: all are at work")

    def close(self) -> None:
        """Close every connection that is not at work, and the others when they are done."""
        self._pool.close()


def patience() -> Iterator[bool]:
    """Pauses that grow, until patience is at an end: True after each, False then."""
    deadline = time.monotonic() + _PATIENCE_S
    pause = _FIRST_PAUSE_S
    while time.monotonic() + pause < deadline:
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- so that not all come back at once
        pause = min(2 * pause, _LONGEST_PAUSE_S)
        yield True
    while True:
        yield False


def is_passing(sqlstate: str | None) -> bool:
    """Whether it tells of the connection alone, and another one may do."""
    return sqlstate is None or sqlstate.startswith(_PASSING)


def in_our_words(error: psycopg.Error, address: Address) -> BahiError:
    """The error of our tree for one of PostgreSQL's: its state and headline, no detail and no password.

    Details may quote what was in a row.
    """
    headline = error.diag.message_primary or (str(error) if error.sqlstate is None else "")
    what = address.without_secrets(f"{headline or type(error).__name__}")
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    if error.sqlstate and error.sqlstate.startswith(_OF_THE_CALLER):
        return BadUsage(f"{address.name}: {what}{state}")
    return StoreUnavailable(address.name, what + state)


def migrate(address: Address, folder: str, package: str = "ledger.postgres") -> None:
    """Run the migrations `sql/<folder>/NNNN_*.sql` of a package that have not run yet, each once, in order.

    All of them run under a lock and in one transaction: a second process waits and finds nothing left
    to do, and a crash leaves either the old schema or the new one.

    Raises `BadUsage`, and changes nothing, if the schema holds something else, or was written by a
    later version; `StoreUnavailable` if there is no way in.
    """
    names = _migrations(folder, package)
    with connect(address) as connection, _said_in_our_words(address):
        _demand_fitness(connection, address)
        if _migrated(connection, address) == set(names):
            return
        with connection.transaction():
            connection.execute(statement("migration_lock"), {"schema": address.schema})
            done = _migrated(connection, address)
            foreign = done - set(names) or (_tables(connection, address) if not done else set())
            if foreign:
                raise BadUsage(
                    f"{address.name}: expected a {folder} of this version or an empty schema, "
                    f"came one with {', '.join(sorted(foreign)[:5])}"
                )
            there = connection.execute(statement("schema"), {"schema": address.schema})
            if there.fetchone() is None:
                # IF NOT EXISTS would ask for a right that who was given a schema need not have.
                schema = psycopg.sql.Identifier(address.schema)
                connection.execute(psycopg.sql.SQL("CREATE SCHEMA {}").format(schema))
            connection.execute("CREATE TABLE IF NOT EXISTS migration (name text PRIMARY KEY)")
            for name in names:
                if name not in done:
                    script = statement(f"{folder}/{name.removesuffix('.sql')}", package)
                    connection.execute(script, prepare=False)  # several statements in one
                    connection.execute("INSERT INTO migration VALUES (%s)", (name,))


def is_migrated(address: Address, folder: str) -> bool:
    """Whether a `folder` has been begun at this address."""
    with connect(address) as connection, _said_in_our_words(address):
        return not _migrated(connection, address).isdisjoint(_migrations(folder))


def _migrations(folder: str, package: str = "ledger.postgres") -> list[str]:
    return sorted(
        entry.name
        for entry in files(package).joinpath("sql", folder).iterdir()
        if entry.name[:4].isdigit() and entry.name.endswith(".sql")
    )


@contextmanager
def _said_in_our_words(address: Address) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise in_our_words(error, address) from error


def _demand_fitness(connection: Connection, address: Address) -> None:
    version = connection.info.server_version
    if version < _OLDEST:
        raise BadUsage(f"{address.name}: expected PostgreSQL 14 or newer, came {version // 10_000}")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise BadUsage(f"{address.name}: expected a database in UTF8, came one in {encoding}")


def _migrated(connection: Connection, address: Address) -> set[str]:
    if "migration" not in _tables(connection, address):
        return set()
    return {name for (name,) in connection.execute("SELECT name FROM migration")}


def _tables(connection: Connection, address: Address) -> set[str]:
    found = connection.execute(statement("tables"), {"schema": address.schema})
    return {name for (name,) in found}
