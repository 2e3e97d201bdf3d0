"""Views in a schema of a PostgreSQL database: rows and position in one transaction.

A connection that is lost is made anew, and what it was doing done again: a move that had been made
is found to be, as if somebody else had.
"""

import hashlib
import os
import secrets
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

import adbc_driver_manager
import psycopg
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.errors import StoreUnavailable
from ledger.postgres.address import Address
from ledger.postgres.columns import ColumnConnections
from ledger.postgres.columns import Connection as ColumnConnection
from ledger.postgres.connection import Connection, Connections, migrate
from projections.definition import Fold
from projections.postgres import merging, sql
from projections.postgres.turn import Turns
from projections.store import Failure, Kept, Move, Overtaken, Turn, ViewTable
from projections.value_types import arrow_column

BOOK, SUFFIX = "book", "_views"
"""The views of the book in a schema stand in the one that is called like it, with this at its end."""

_FEW = 2_000
"""Rows that go as parameters, and not by COPY: two round trips in all, and not several a fold."""
_SWITCH_WAIT = "5s"  # all who come to read a view wait behind a switch that waits
_NAME_OF_ID = 24  # of 63 bytes; beside it stand a digest, a number, and what PostgreSQL adds
_GIVEN_NAME = 20  # of 63 bytes too; what is cut off at the end says which process it is
_GONE = "42P01"


class PostgresViews:
    """The store of views beside the book at `postgresql://…?schema=book`, for any number of threads."""

    def __init__(self, book: str) -> None:
        self._address = _at_work(Address.parse(book, BOOK).beside(SUFFIX))
        migrate(self._address, "views", "projections.postgres")
        self._connections = Connections(self._address)
        self._columns = ColumnConnections(_for_columns(self._address))
        self._turns = Turns(self._address)
        self._hidden: frozenset[UUID] | None = None
        """Whom we had hidden when we last looked: to hide one more is not to take longer with every year."""
        self._serving: dict[str, ViewTable] = {}
        """Where views were when they were last looked at; a look finds out if they still are."""

    def tables(self) -> list[ViewTable]:
        rows = self._connections.patiently(lambda c: c.execute(sql.statement("tables")).fetchall())
        return [_view_table(row) for row in rows]

    def create(self, fold: Fold) -> ViewTable:
        return self._connections.patiently(lambda connection: _create(connection, fold))

    def discard(self, table: ViewTable) -> None:
        def work(connection: Connection) -> None:
            with connection.transaction():
                found = {t.id: t for t in _of_name(connection, table.fold.name)}.get(table.id)
                if found and not found.serving:
                    _drop(connection, found)

        self._connections.patiently(work)

    def switch(self, table: ViewTable) -> None:
        try:
            self._connections.patiently(lambda connection: _switch(connection, table))
        except _StandsInTheWay as error:
            with suppress(Overtaken):
                self.fail(table, table.position, Failure(table.position, str(error)))

    def advance(self, start: int, to: int, moves: Sequence[Move]) -> Mapping[str, str]:
        if sum(move.rows.num_rows for move in moves) <= _FEW:
            try:
                self._connections.patiently(lambda c: merging.few(c, start, to, moves))
            except merging.DoesNotFit:
                pass  # which of them, the longer way tells
            else:
                return {}
        return self._columns.patiently(lambda c: merging.many(c, start, to, moves))

    def forget(self, customers: Collection[UUID]) -> None:
        # A table at a time: whoever merges holds rows of several, and would wait for us as we for them.
        for table in self.tables():
            if not table.fold.of_privacy:
                self._connections.patiently(partial(_forget, table, customers))

    def hide(self, customers: Collection[UUID]) -> None:
        hidden = frozenset(customers)
        known = self._hidden
        if hidden != known and self._connections.patiently(partial(_hide, hidden, known)):
            self._hidden = hidden

    def clear(self) -> None:
        for table in self.tables():
            self._connections.patiently(partial(_clear, table))

    def fail(self, table: ViewTable, start: int, failure: Failure) -> None:
        given = {"id": table.id, "position": start, "failed": failure.position, "why": failure.why}

        def work(connection: Connection) -> None:
            if connection.execute(sql.statement("fail"), given).rowcount != 1:
                raise Overtaken(table.id)

        self._connections.patiently(work)

    def take_turn(self, wait_s: float) -> Turn | None:
        return self._turns.take(wait_s)

    def read(self, name: str, where: Sequence[tuple[str, Sequence[Any]]] = ()) -> Kept | None:
        if not where:
            return self._read(name, lambda table: sql.rows_sql(table.fold, table.id))

        def look() -> tuple[ViewTable | None, Kept | None]:
            table = self._serving.get(name) or self._found(name)
            if table is None:
                return None, None
            return table, self._connections.patiently(partial(_read_keys, table, where))

        return self._there(name, look)

    def read_after(self, name: str, after: Sequence[Any], most: int) -> Kept | None:
        return self._read(name, lambda t: sql.rows_after_sql(t.fold, t.id, after, most))

    def _read(self, name: str, select: Callable[[ViewTable], str]) -> Kept | None:
        return self._there(name, lambda: self._columns.patiently(lambda c: _read(c, name, select)))

    def _there(
        self, name: str, look: Callable[[], tuple[ViewTable | None, Kept | None]]
    ) -> Kept | None:
        missed = ""
        while True:
            table, kept = look()
            if table is None or kept is not None:
                return kept
            # It was replaced between the look at where it is and the look at it.
            self._serving.pop(name, None)
            if table.id == missed:  # where it still is said to be: no replacement
                raise StoreUnavailable(
                    self._address.name, f"{name}: expected its table {table.id}, found none"
                )
            missed = table.id

    def _found(self, name: str) -> ViewTable | None:
        query = sql.statement("serving_table").format(name=sql.literal(name))
        row = self._connections.patiently(lambda c: c.execute(query, prepare=False).fetchone())
        if row is None:
            return None
        return self._serving.setdefault(name, _view_table(row))

    def explain(self, fold: Fold) -> str:
        kept = sql.table_sql(fold, fold.name)
        merged = sql.upsert_sql(fold, fold.name, "batch")
        return f"-- kept in (PostgreSQL)\n{kept}\n-- and merged by (PostgreSQL)\n{merged}"

    def close(self) -> None:
        self._turns.close()
        self._columns.close()
        self._connections.close()


class _StandsInTheWay(Exception):
    """Somebody's own view is made from columns that are to go."""


def _at_work(address: Address) -> Address:
    """The same, with a name that says which process this is: `bahi views host:4711.a1b2`."""
    given = str(conninfo_to_dict(address.conninfo)["application_name"])[:_GIVEN_NAME]
    host = socket.gethostname()[:20]
    name = f"{given} views {host}:{os.getpid()}.{secrets.token_hex(2)}"
    return replace(address, conninfo=make_conninfo(address.conninfo, application_name=name))


def _for_columns(address: Address) -> Address:
    """For reading and writing in bulk: whole tables, read as they lie and sorted, and no notices."""
    options = conninfo_to_dict(address.conninfo)["options"]
    options = f"{options} -c enable_seqscan=on -c client_min_messages=warning"
    return replace(address, conninfo=make_conninfo(address.conninfo, options=options))


def _create(connection: Connection, fold: Fold) -> ViewTable:
    with connection.transaction():
        connection.execute(sql.statement("creating_lock"), {"name": fold.name})
        former = _of_name(connection, fold.name)
        serving = next((table for table in former if table.serving), None)
        filling = next((table for table in former if not table.serving), None)
        if filling and filling.fold.hash == fold.hash and not filling.failure:
            return filling
        if filling:
            _drop(connection, filling)
        generation = 1 + max((table.generation for table in former), default=0)
        table = ViewTable(_id(fold, generation), fold, generation, serving is None, 0)
        connection.execute(sql.table_sql(fold, table.id))
        for comment in sql.table_comments(fold, table.id, generation):
            connection.execute(comment)
        given = {
            "id": table.id, "name": fold.name, "hash": fold.hash, "generation": generation,
            "definition": fold.to_json(), "serving": table.serving,
        }  # fmt: skip
        connection.execute(sql.statement("insert_table"), given)
        if table.serving:
            _show(connection, table)
    return table


def _forget(table: ViewTable, customers: Collection[UUID], connection: Connection) -> None:
    with suppress(psycopg.errors.UndefinedTable), connection.transaction():
        for statement in sql.forget_sql(table.fold, table.id, customers):
            connection.execute(statement)


def _hide(hidden: frozenset[UUID], known: frozenset[UUID] | None, connection: Connection) -> bool:
    """Whether they are hidden now; from the first one on, each view looks at who is."""
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_SWITCH_WAIT}'")
            former = known
            if former is None:
                found = connection.execute(sql.statement("hidden"))
                former = frozenset(customer for (customer,) in found)
            for word, changed in (("hide", hidden - former), ("unhide", former - hidden)):
                if changed:
                    connection.execute(sql.statement(word), {"customers": [*changed]})
            if known or hidden == former:
                return True
            hiding = {name for (name,) in connection.execute(sql.statement("hiding"))}
            for row in connection.execute(sql.statement("tables")).fetchall():
                table = _view_table(row)
                names_people = table.fold.person_keys or table.fold.person_measures
                hides = not names_people or table.fold.of_privacy or table.fold.name in hiding
                if table.serving and not hides:
                    _show(connection, table)
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _clear(table: ViewTable, connection: Connection) -> None:
    with suppress(psycopg.errors.UndefinedTable), connection.transaction():
        connection.execute(sql.statement("restart"), {"id": table.id})
        connection.execute(psycopg.sql.SQL("DELETE FROM {}").format(_named(table.id)))


def _id(fold: Fold, generation: int) -> str:
    """A name for a table; it begins as no view's does, since both stand in one schema."""
    digest = hashlib.sha256(f"{fold.name} {fold.hash}".encode()).hexdigest()
    return f"_{fold.name[:_NAME_OF_ID]}_{digest[:12]}_{generation}"


def _switch(connection: Connection, table: ViewTable) -> None:
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout = '{_SWITCH_WAIT}'")
            tables = _of_name(connection, table.fold.name)
            filled = next((t for t in tables if t.id == table.id), None)
            former = next((t for t in tables if t.serving), None)
            if filled is None or filled.serving or filled.failure:
                return
            if former and former.position > filled.position:
                return
            _show(connection, filled)
            if former:
                _drop(connection, former)
            connection.execute(sql.statement("serve"), {"id": filled.id})
    except psycopg.errors.LockNotAvailable:
        return  # somebody reads the former; it serves until they are done
    except psycopg.errors.DependentObjectsStillExist as error:
        what = (error.diag.message_detail or "").partition("\n")[0]
        raise _StandsInTheWay(f"its columns change, and others stand on them: {what}") from None


def _show(connection: Connection, table: ViewTable) -> None:
    """Let the view of the fold's name show this table, and keep what was granted and built on it.

    Only if columns went or changed it is made anew, with what was granted on it gone.
    """
    view = sql.view_sql(table.fold, table.id)
    try:
        with connection.transaction():
            connection.execute(view)
    except psycopg.errors.InvalidTableDefinition:
        connection.execute(psycopg.sql.SQL("DROP VIEW {}").format(_named(table.fold.name)))
        connection.execute(view)
    for comment in sql.view_comments(table.fold):
        connection.execute(comment)


def _drop(connection: Connection, table: ViewTable) -> None:
    connection.execute(sql.statement("delete_table"), {"id": table.id})
    connection.execute(psycopg.sql.SQL("DROP TABLE {}").format(_named(table.id)))


def _named(name: str) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(name)


def _of_name(connection: Connection, name: str) -> list[ViewTable]:
    found = connection.execute(sql.statement("tables_of_name"), {"name": name})
    return [_view_table(row) for row in found]


def _view_table(row: Sequence[Any]) -> ViewTable:
    table_id, definition, generation, serving, position, failed_position, why = row
    failure = None if failed_position is None else Failure(failed_position, why)
    return ViewTable(table_id, _fold(definition), generation, serving, position, failure)


@lru_cache(maxsize=500)
def _fold(definition: str) -> Fold:
    return Fold.from_json(definition)


def _read(
    connection: ColumnConnection, name: str, select: Callable[[ViewTable], str]
) -> tuple[ViewTable | None, Kept | None]:
    """The pointer and the rows that are selected, from one snapshot; no rows if they are gone by now."""
    table = kept = None
    with connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(sql.statement("serving_table").format(name=sql.literal(name)))
        found = cursor.fetch_arrow_table().to_pylist()
        if found:
            table = _view_table([*found[0].values()])
            try:
                cursor.execute(select(table))
            except adbc_driver_manager.Error as error:
                if error.sqlstate != _GONE:
                    raise
                cursor.execute("ROLLBACK")
                return table, None
            kept = Kept(table, cursor.fetch_arrow_table().cast(table.fold.stored))
        cursor.execute("COMMIT")
    return table, kept


def _read_keys(
    table: ViewTable, where: Sequence[tuple[str, Sequence[Any]]], connection: Connection
) -> Kept | None:
    """The rows of some keys and where they stand, by one statement; None where it no longer serves."""
    fold = table.fold
    kinds = {key.name: key.type.arrow for key in fold.keys}
    given = [pa.array(values, kinds[name]).to_pylist() for name, values in where]
    statement = sql.rows_of_key_sql(fold, table.id, tuple(name for name, _ in where))
    try:
        found = connection.execute(statement, [*given, table.id], binary=True).fetchall()
    except psycopg.errors.UndefinedTable:
        return None
    if not found:
        return None
    position, failed_position, why = found[0][:3]
    failure = None if failed_position is None else Failure(failed_position, why)
    rows = [row[4:] for row in found if row[3]]
    kept = replace(table, position=position, failure=failure)
    if not rows:
        return Kept(kept, fold.nothing_stored)
    columns = [
        arrow_column(values, field.type)
        for values, field in zip(zip(*rows, strict=True), fold.stored, strict=True)
    ]
    return Kept(kept, pa.table(columns, schema=fold.stored))
