"""Merging rows into their tables: a few in two round trips, many by COPY, position and all together."""

from collections.abc import Sequence
from typing import Any

import adbc_driver_manager
import orjson
import psycopg
import pyarrow as pa

from ledger.postgres.columns import Connection as ColumnConnection
from ledger.postgres.connection import Connection
from projections.postgres import sql
from projections.store import TOO_LARGE, Move, Overtaken

_DATA = "22"  # the class of SQLSTATEs that tell of a value
_WHY = {
    "22003": TOO_LARGE,
    "22007": "a time is out of range",
    "22008": "a time is out of range",
    "22021": "a text has a character that PostgreSQL does not keep",  # U+0000
    "22P05": "a text has a character that PostgreSQL does not keep",
}
_OTHERWISE = "a value does not fit its column"
_OVERTAKEN = ("BHOVT", "40P01", "55P03")
"""Our own, and those of waiting too long for whoever is moving the same tables."""


class DoesNotFit(Exception):
    """Some row of these does not fit; nothing was kept."""


def few(connection: Connection, start: int, to: int, moves: Sequence[Move]) -> None:
    """Merge and move in one transaction, told in one breath. Raises `Overtaken`, `DoesNotFit`."""
    try:
        given = [orjson.dumps(move.rows.to_pylist()).decode() for move in moves]
    except (ValueError, OverflowError, orjson.JSONEncodeError):
        raise DoesNotFit from None  # a time that Python does not know, but PostgreSQL may
    ids = [move.table.id for move in moves]
    try:
        with connection.pipeline(), connection.transaction():
            connection.execute(sql.statement("move"), {"ids": ids, "start": start, "to": to})
            for move, rows in zip(moves, given, strict=True):
                for forget in sql.forget_sql(move.table.fold, move.table.id, move.leaving):
                    connection.execute(forget)
                if move.rows.num_rows:
                    upsert = sql.upsert_json_sql(move.table.fold, move.table.id)
                    connection.execute(upsert, (rows,))
    except psycopg.Error as error:
        raise _told(error, error.sqlstate) from None


def many(
    connection: ColumnConnection, start: int, to: int, moves: Sequence[Move]
) -> dict[str, str]:
    """Merge and move in one transaction, each fold behind a savepoint; why some could not, by id.

    Raises `Overtaken`.
    """
    refused: dict[str, str] = {}
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        try:
            _move(cursor, [move.table.id for move in moves], start, to)
            for move in moves:
                if move.rows.num_rows or move.leaving:
                    cursor.execute("SAVEPOINT fold")
                    try:
                        _merge(cursor, move, empty=start == 0)
                        cursor.execute("RELEASE fold")
                    except adbc_driver_manager.Error as error:
                        refused[move.table.id] = _why(error)
                        cursor.execute("ROLLBACK TO fold")
            if refused:
                _move(cursor, [*refused], to, start)
        except adbc_driver_manager.Error as error:
            raise _told(error, error.sqlstate) from None
        cursor.execute("COMMIT")
    return refused


def _move(cursor: Any, ids: Sequence[str], start: int, to: int) -> None:
    listed = sql.literal([*ids])
    cursor.execute(f"CALL move({listed}::text[], {start:d}, {to:d})")


def _merge(cursor: Any, move: Move, *, empty: bool) -> None:
    """Delete who is gone; COPY the rows into a table of the session's and merge them from there.

    Straight into an empty one.
    """
    table = move.table
    for forget in sql.forget_sql(table.fold, table.id, move.leaving):
        cursor.execute(forget)
    if not move.rows.num_rows:
        return
    rows = _storage(move.rows)
    if empty:
        cursor.adbc_ingest(table.id, rows, mode="append")
        return
    stage = f"stage{table.id}"
    cursor.execute(sql.stage_sql(table.id, stage))
    cursor.adbc_ingest(stage, rows, mode="append", temporary=True)
    cursor.execute(sql.upsert_sql(table.fold, table.id, f'pg_temp."{stage}"'))


def _storage(rows: pa.Table) -> pa.Table:
    """The rows with UUIDs as their 16 bytes, which is what goes over the wire."""
    columns = [
        column.cast(column.type.storage_type)
        if isinstance(column.type, pa.BaseExtensionType)
        else column
        for column in rows.columns
    ]
    return pa.table(columns, names=rows.column_names)


def _why(error: adbc_driver_manager.Error) -> str:
    """Why rows do not fit; any other error is raised."""
    sqlstate = error.sqlstate or ""
    if not sqlstate.startswith(_DATA):
        raise error
    return _WHY.get(sqlstate, _OTHERWISE)


def _told(error: Exception, sqlstate: str | None) -> Exception:
    if sqlstate in _OVERTAKEN:
        return Overtaken()
    if sqlstate and sqlstate.startswith(_DATA):
        return DoesNotFit()
    return error
