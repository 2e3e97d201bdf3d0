"""Rows for people and for programs: cells as text, tables that a terminal shows, and JSON values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
from rich import box
from rich.cells import cell_len
from rich.table import Table

from ledger.errors import BadUsage

_FOLDED_AT = 40
"""Cells of a table; a text that is longer may be folded."""

_BETWEEN = 3

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def rich_table(rows: pa.Table, title: str | None = None) -> Table:
    """Rows as a table for people; numbers to the right, only long texts are folded."""
    table = Table(
        title=title, title_justify="left", header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
    )
    cells = _cells(rows)
    for field in rows.schema:
        long = max(map(cell_len, cells[field.name]), default=0) > _FOLDED_AT
        table.add_column(
            field.name,
            justify="right" if is_number(field.type) else "left",
            overflow="fold",
            no_wrap=not long,
        )
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def is_number(kind: pa.DataType) -> bool:
    """Whether values of a type are aligned by their digits."""
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def _cells(rows: pa.Table) -> dict[str, list[str]]:
    """What is shown of each column."""
    return {name: [readable(v) for v in in_python(rows.column(name))] for name in rows.column_names}


def fitting(rows: pa.Table, width: int) -> list[str]:
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
    return visible(plain_text(value) or "")


def visible(text: str) -> str:
    """The text with what a terminal would obey, not show, written as escapes; line breaks stay."""
    return _CONTROL.sub(
        lambda found: "\n" if found[0] == "\n" else found[0].encode("unicode_escape").decode(), text
    )


def json_rows(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON values: times in UTC with a Z, ids and dates as text, decimals exact."""
    return [{name: json_value(value) for name, value in row.items()} for row in in_python(rows)]


def in_python(rows: pa.Table | pa.RecordBatch | pa.ChunkedArray | pa.Array) -> list[Any]:
    """Rows, or a column, as values of Python. Raises `BadUsage` for days and times that it has not."""
    try:
        found: list[Any] = rows.to_pylist()
    except (OverflowError, ValueError):
        raise BadUsage(
            "expected days and times of the years 1 to 9999, came others; cast to VARCHAR they are text"
        ) from None
    return found


def json_value(value: object) -> object:
    """A value as JSON has it; see `json_rows`."""
    if isinstance(value, datetime):
        if value.utcoffset() is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        return value.isoformat() + "Z"
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def plain_text(value: object) -> str | None:
    """The JSON form of a value as plain text; NaN is nothing, as in JSON."""
    plain = json_value(value)
    if plain is None or isinstance(plain, str):
        return plain
    text = orjson.dumps(plain).decode()
    return None if text == "null" else text
