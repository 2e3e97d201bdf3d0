"""Rows for people and for programs: a table, JSON, CSV or Parquet."""

import os
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from ledger.errors import BadUsage

_ENDLESS = 10_000
"""Width where nobody looks at a screen: whoever reads a pipe wants lines whole."""


def _console(*, stderr: bool = False) -> Console:
    """A console that shows text as it is: no markup, no emoji, no colours of its own choosing."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _ENDLESS
    return console


out = _console()
"""Data and pages; plain when piped."""

err = _console(stderr=True)
"""Everything else: progress, warnings, errors."""

_SHOWN = 50
_FOLDED_AT = 40
_BETWEEN = 3
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_EXECUTED = r"[=+\-@＝＋－＠]"  # the wide ones of East Asia as well
_BEGINS_BADLY = re.compile(rf"\s*{_EXECUTED}|[\t\r\n]")
_GOES_ON_BADLY = re.compile(rf"(?<=[;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029])(?=[\"\s]*{_EXECUTED})")


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def say(text: str, style: str | None = None) -> None:
    """A line on stderr, wrapped by nobody but the terminal."""
    err.print(visible(text), style=style, soft_wrap=True)


def write_rows(rows: pa.Table, how: Format, target: Path | None = None) -> None:
    """Write rows to a file, or to stdout. A table on stdout shows what fits, and says so."""
    if how is Format.TABLE and target is None:
        _show(rows)
        return
    data = _encoded(rows, how)
    if target is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        target.write_bytes(data)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise BadUsage(f"--out: {target}: {error.strerror}") from None
    say(f"{rows.num_rows:,} rows written to {target}")


def write_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def rich_table(rows: pa.Table, title: str | None = None) -> Table:
    """Rows as a table for people; numbers to the right, only long texts are folded."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    cells = _cells(rows)
    for field in rows.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_decimal(field.type)
        long = max(map(cell_len, cells[field.name]), default=0) > _FOLDED_AT
        table.add_column(
            field.name,
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=not long,
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def readable(value: object) -> str:
    """A value for people: dates without a midnight, numbers with separators, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return f"{value:,}"
    if isinstance(value, datetime):
        midnight = (value.hour, value.minute, value.second, value.microsecond) == (0, 0, 0, 0)
        return f"{value:%Y-%m-%d}" if midnight else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:,}"
    return visible(_cell(value) or "")


def defused(text: str) -> str:
    """A text that a spreadsheet would execute, made a text there by an apostrophe.

    Where lists are written with semicolons or tabs, a spreadsheet takes our file apart at those too, and
    at line breaks in a text, whether we put it in quotes or not: what follows begins a cell there.
    """
    whole = _GOES_ON_BADLY.sub("'", text)
    return f"'{whole}" if _BEGINS_BADLY.match(text) else whole


def visible(text: str) -> str:
    """The text with what a terminal would obey, not show, written as escapes; line breaks stay."""
    return _CONTROL.sub(
        lambda found: "\n" if found[0] == "\n" else found[0].encode("unicode_escape").decode(), text
    )


def json_rows(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON values: times in UTC with a Z, ids and dates as text, decimals exact."""
    return [{name: _json_value(value) for name, value in row.items()} for row in rows.to_pylist()]


def _show(rows: pa.Table) -> None:
    shown = rows.slice(0, _SHOWN)
    fitting = _fitting(shown, out.width)
    if len(fitting) < shown.num_columns:  # then what says nothing goes first
        told = [n for n in shown.column_names if shown.column(n).null_count < shown.num_rows]
        fitting = _fitting(shown.select(told or fitting), out.width)
    out.print(rich_table(shown.select(fitting)))
    missing = []
    if rows.num_rows > _SHOWN:
        missing.append(f"{_SHOWN} of {rows.num_rows:,} rows")
    if len(fitting) < rows.num_columns:
        missing.append(f"{len(fitting)} of {rows.num_columns} columns")
    if missing:
        say(f"{' and '.join(missing)}; --format json, csv or parquet has them all")


def _cells(rows: pa.Table) -> dict[str, list[str]]:
    """What is shown of each column."""
    return {
        name: [readable(v) for v in rows.column(name).to_pylist()] for name in rows.column_names
    }


def _fitting(rows: pa.Table, width: int) -> list[str]:
    """The first columns that find room beside one another, one at least."""
    names: list[str] = []
    used = 0
    for name, cells in _cells(rows).items():
        needed = min(max(map(cell_len, cells), default=0), _FOLDED_AT)
        used += max(needed, cell_len(name)) + _BETWEEN
        if names and used > width:
            break
        names.append(name)
    return names


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        if value.utcoffset() is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return value.isoformat() + "Z"
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _encoded(rows: pa.Table, how: Format) -> bytes:
    if how is Format.JSON:
        return orjson.dumps(json_rows(rows)) + b"\n"
    if how is Format.TABLE:
        drawn = StringIO()
        console = Console(file=drawn, width=_ENDLESS, highlight=False, markup=False, emoji=False)
        console.print(rich_table(rows))
        return drawn.getvalue().encode()
    sink = BytesIO()
    try:
        if how is Format.PARQUET:
            pa.parquet.write_table(rows, sink, compression="zstd")
        else:
            pa.csv.write_csv(_plain(rows), sink)
    except pa.ArrowException as error:
        raise BadUsage(f"--format {how.value}: {error}") from None
    return sink.getvalue()


def _plain(rows: pa.Table) -> pa.Table:
    """Columns that CSV can hold: everything that is not a number becomes text."""
    columns: Sequence[pa.Array] = [
        column
        if pa.types.is_integer(column.type)
        else pa.array([_csv_cell(value) for value in column.to_pylist()], pa.string())
        for column in rows.columns
    ]
    return pa.table(columns, names=[defused(name) for name in rows.column_names])


def _csv_cell(value: object) -> str | None:
    text = _cell(value)
    if text is None or isinstance(value, bool | int | float | Decimal):
        return text
    return defused(text)


def _cell(value: object) -> str | None:
    """The JSON form of a value as plain text; NaN is nothing, as in JSON."""
    plain = _json_value(value)
    if plain is None or isinstance(plain, str):
        return plain
    text = orjson.dumps(plain).decode()
    return None if text == "null" else text
