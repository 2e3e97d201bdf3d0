"""Views in one SQLite file: WAL, strict tables, rows and position in one transaction.

`synchronous` is NORMAL: after a loss of power the last commits may be gone, rows and position
together, and are folded again from the book.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa

from ledger.errors import StoreUnavailable
from ledger.sqlite.connection import insist, make_private
from projections.definition import Fold
from projections.sql import quoted
from projections.sqlite import sql
from projections.sqlite.turn import FileTurn
from projections.store import TOO_LARGE, Failure, Kept, Move, Overtaken, Turn, ViewTable
from projections.value_types import arrow_column

_BUSY_TIMEOUT_S = 60.0
_AGAIN_S = 0.01
_READ_ROWS = 50_000


class SqliteViews:
    """The store of views in the file at `path`; each thread has a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        make_private(path)
        with self._immediate() as connection:
            connection.execute(sql.template("schema.sql"))

    def tables(self) -> list[ViewTable]:
        rows = self._connection().execute(sql.template("tables.sql")).fetchall()
        return [_view_table(row) for row in rows]

    def create(self, fold: Fold) -> ViewTable:
        with self._immediate() as connection:
            former = [_view_table(row) for row in _of_name(connection, fold.name)]
            serving = next((table for table in former if table.serving), None)
            filling = next((table for table in former if not table.serving), None)
            if filling and filling.fold.hash == fold.hash and not filling.failure:
                return filling
            if filling:
                _drop(connection, filling)
            generation = 1 + max((table.generation for table in former), default=0)
            table = ViewTable(
                f"{fold.name}_{fold.hash[:12]}_{generation}", fold, generation, serving is None, 0
            )
            connection.execute(sql.table_sql(fold, table.id))
            connection.execute(
                sql.template("insert_table.sql"),
                (table.id, fold.name, fold.hash, generation, fold.to_json(), table.serving),
            )
        return table

    def discard(self, table: ViewTable) -> None:
        with self._immediate() as connection:
            found = _of_id(connection, table.id)
            if found and not found.serving:
                _drop(connection, found)

    def switch(self, table: ViewTable) -> None:
        with self._immediate() as connection:
            filled = _of_id(connection, table.id)
            if filled is None or filled.serving or filled.failure:
                return
            for row in _of_name(connection, filled.fold.name):
                former = _view_table(row)
                if former.serving:
                    if former.position > filled.position:
                        return
                    _drop(connection, former)
            connection.execute(sql.template("serve.sql"), (filled.id,))

    def advance(self, start: int, to: int, moves: Sequence[Move]) -> Mapping[str, str]:
        with self._immediate() as connection:
            refused = {}
            for move in moves:
                if not _merged(connection, move, start, to):
                    refused[move.table.id] = TOO_LARGE
            return refused

    def forget(self, customers: Collection[UUID]) -> None:
        with self._immediate() as connection:
            for table in self.tables():
                if not table.fold.of_privacy:
                    _forget(connection, table, customers)
        self._empty_the_log()

    def hide(self, customers: Collection[UUID]) -> None:
        """Nobody reads the file past us."""

    def clear(self) -> None:
        with self._immediate() as connection:
            for table in self.tables():
                connection.execute(sql.template("empty.sql").format(table=quoted([table.id])))
                connection.execute(sql.template("restart.sql"), (table.id,))
        self._empty_the_log()

    def fail(self, table: ViewTable, start: int, failure: Failure) -> None:
        given = (failure.position, failure.why, table.id, start)
        with self._immediate() as connection:
            if connection.execute(sql.template("fail.sql"), given).rowcount != 1:
                raise Overtaken(table.id)

    def take_turn(self, wait_s: float) -> Turn | None:
        return FileTurn.take(self._path.with_suffix(".turn"), wait_s)

    def read(self, name: str, where: Sequence[tuple[str, Sequence[Any]]] = ()) -> Kept | None:
        def asked(table: ViewTable) -> tuple[str, list[Any]]:
            kinds = {key.name: key.type.arrow for key in table.fold.keys}
            values = [v for key, given in where for v in _values(given, kinds[key])]
            counts = tuple((key, len(given)) for key, given in where)
            return sql.rows_sql(table.fold, table.id, counts), values

        return self._read(name, asked)

    def read_after(self, name: str, after: Sequence[Any], most: int) -> Kept | None:
        def asked(table: ViewTable) -> tuple[str, list[Any]]:
            given = zip(after, table.fold.index, strict=False)
            values = [_stored(pa.array([value], key.type.arrow))[0] for value, key in given]
            return sql.rows_after_sql(table.fold, table.id, len(values)), [*values, most]

        return self._read(name, asked)

    def _read(
        self, name: str, asked: Callable[[ViewTable], tuple[str, Sequence[Any]]]
    ) -> Kept | None:
        connection = self._connection()
        connection.execute("BEGIN")  # one snapshot for the pointer and the rows it points to
        try:
            found = connection.execute(sql.template("serving_table.sql"), (name,)).fetchone()
            if found is None:
                return None
            table = _view_table(found)
            rows = connection.execute(*asked(table))
            return Kept(table, _arrow(rows, table.fold))
        finally:
            connection.execute("COMMIT")

    def explain(self, fold: Fold) -> str:
        kept, merged = sql.table_sql(fold, fold.name), sql.upsert_sql(fold, fold.name)
        return f"-- kept in (SQLite)\n{kept}\n-- and merged by (SQLite)\n{merged}"

    def close(self) -> None:
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            insist(connection, "PRAGMA journal_mode = WAL")  # which waits for nobody by itself
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # what is deleted becomes zeros
            connection.execute("PRAGMA cache_size = -65536")  # KiB: the upper pages of a large view
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _empty_the_log(self) -> None:
        """Write the log into the file and cut it to nothing: it has pages as they were before."""
        connection = self._connection()
        until = time.monotonic() + _BUSY_TIMEOUT_S
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() > until:
                raise StoreUnavailable(str(self._path), "somebody has been reading it without end")
            time.sleep(_AGAIN_S)

    @contextmanager
    def _immediate(self) -> Iterator[sqlite3.Connection]:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _merged(connection: sqlite3.Connection, move: Move, start: int, to: int) -> bool:
    """Take one move; whether its rows fit, else the table is as it was."""
    table, rows = move.table, move.rows
    connection.execute("SAVEPOINT fold")
    try:
        if connection.execute(sql.template("advance.sql"), (to, table.id, start)).rowcount != 1:
            raise Overtaken(table.id)
        _forget(connection, table, move.leaving)
        columns = [_stored(rows.column(name)) for name in rows.column_names]
        connection.executemany(sql.upsert_sql(table.fold, table.id), zip(*columns, strict=True))
    except sqlite3.IntegrityError:
        connection.execute("ROLLBACK TO fold")
        return False
    finally:
        connection.execute("RELEASE fold")
    return True


def _forget(connection: sqlite3.Connection, table: ViewTable, customers: Collection[UUID]) -> None:
    if customers:
        given = [(customer.bytes,) for customer in customers]
        for statement in sql.forget_sql(table.fold, table.id):
            connection.executemany(statement, given)


def _of_name(connection: sqlite3.Connection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql.template("tables_of_name.sql"), (name,)).fetchall()


def _of_id(connection: sqlite3.Connection, table_id: str) -> ViewTable | None:
    row = connection.execute(sql.template("table_of_id.sql"), (table_id,)).fetchone()
    return None if row is None else _view_table(row)


def _drop(connection: sqlite3.Connection, table: ViewTable) -> None:
    connection.execute(sql.template("delete_table.sql"), (table.id,))
    connection.execute(sql.template("drop.sql").format(table=quoted([table.id])))


def _view_table(row: tuple[Any, ...]) -> ViewTable:
    table_id, definition, generation, serving, position, failed_position, why = row
    failure = None if failed_position is None else Failure(failed_position, why)
    return ViewTable(table_id, _fold(definition), generation, bool(serving), position, failure)


@lru_cache(maxsize=500)
def _fold(definition: str) -> Fold:
    return Fold.from_json(definition)


def _values(given: Sequence[Any], kind: pa.DataType) -> Sequence[Any]:
    """Values of a key as SQLite keeps them; UUIDs are given as bytes already."""
    return given if isinstance(kind, pa.UuidType) else _stored(pa.array(given, kind))


def _stored(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """A column as SQLite keeps it: UUIDs as bytes, times and days as integers."""
    kind = column.type
    if column.null_count == len(column):
        return [None] * len(column)
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
        column = column.cast(kind)
    if pa.types.is_fixed_size_binary(kind) and column.null_count == 0:
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        return [value for chunk in chunks for value in _cut(chunk, kind.byte_width)]
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_date32(kind):
        column = column.cast(pa.int32())
    values: list[Any] = column.to_pylist()
    return values


def _cut(chunk: pa.Array, width: int) -> list[bytes]:
    """Values of one width, none of them null, cut from the buffer they lie in: a fifth of the time."""
    buffer = chunk.buffers()[1]
    start = chunk.offset * width
    lying = buffer[start : start + len(chunk) * width].to_pybytes()
    return [lying[place : place + width] for place in range(0, len(lying), width)]


def _arrow(cursor: sqlite3.Cursor, fold: Fold) -> pa.Table:
    """Rows as Arrow, typed by what the fold stores and never by guessing."""
    schema, batches = fold.stored, []
    while rows := cursor.fetchmany(_READ_ROWS):
        columns = [
            arrow_column(values, field.type)
            for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        batches.append(pa.record_batch(columns, schema=schema))
    return pa.Table.from_batches(batches, schema=schema) if batches else fold.nothing_stored
