"""Rows for people and for programs: a table, JSON, CSV or Parquet."""

import sys
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich.console import Console
from rich.table import Table

out = Console(highlight=False, soft_wrap=False)
"""Data and pages; plain when piped."""

err = Console(stderr=True, highlight=False)
"""Everything else: progress, warnings, errors."""

_SHOWN = 50


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def write_rows(rows: pa.Table, how: Format, target: Path | None = None) -> None:
    """Write rows to a file, or to stdout. A table on stdout shows the first rows and says so."""
    if how is Format.TABLE and target is None:
        out.print(rich_table(rows.slice(0, _SHOWN)))
        if rows.num_rows > _SHOWN:
            err.print(
                f"{_SHOWN} of {rows.num_rows:,} rows; --format json, csv or parquet has them all"
            )
        return
    data = _encoded(rows, how)
    if target is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        target.write_bytes(data)
        err.print(f"{rows.num_rows:,} rows written to {target}")


def write_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def rich_table(rows: pa.Table, title: str | None = None) -> Table:
    """Rows as a table for people; numbers to the right."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for field in rows.schema:
        number = pa.types.is_integer(field.type)
        table.add_column(field.name, justify="right" if number else "left", overflow="fold")
    for row in rows.to_pylist():
        table.add_row(*(readable(value) for value in row.values()))
    return table


def readable(value: object) -> str:
    """A value for people: dates without a midnight, numbers with separators, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return f"{value:%Y-%m-%d}" if midnight else f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def json_rows(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON values: times in UTC with a Z, ids and dates as text."""
    return [{name: _json_value(value) for name, value in row.items()} for row in rows.to_pylist()]


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat() + ("Z" if value.utcoffset() is None else "")
    if isinstance(value, date | UUID):
        return str(value)
    return value


def _encoded(rows: pa.Table, how: Format) -> bytes:
    if how is Format.JSON:
        return orjson.dumps(json_rows(rows)) + b"\n"
    sink = BytesIO()
    if how is Format.PARQUET:
        pa.parquet.write_table(rows, sink, compression="zstd")
    elif how is Format.CSV:
        pa.csv.write_csv(_plain(rows), sink)
    else:
        console = Console(file=None, width=200, record=True, quiet=True)
        console.print(rich_table(rows))
        return console.export_text().encode()
    return sink.getvalue()


def _plain(rows: pa.Table) -> pa.Table:
    """Columns that CSV can hold: everything that is not a number becomes text."""
    columns: Sequence[pa.Array] = [
        column
        if pa.types.is_integer(column.type)
        else pa.array([readable_json(value) for value in column.to_pylist()], pa.string())
        for column in rows.columns
    ]
    return pa.table(dict(zip(rows.column_names, columns, strict=True)))


def readable_json(value: object) -> str | None:
    """The JSON form of a value as plain text, for a CSV cell."""
    plain = _json_value(value)
    if plain is None or isinstance(plain, str):
        return plain
    return orjson.dumps(plain).decode()
