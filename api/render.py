"""Rows for people and for programs: a table, JSON, CSV or Parquet."""

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from io import StringIO
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from rich.console import Console

from ledger.errors import BadUsage
from replay.rows.formats import FileFormat, defused, encoded
from replay.rows.shown import (
    fitting,
    json_rows,
    readable,
    rich_table,
    visible,
)

__all__ = [
    "Format",
    "defused",
    "err",
    "json_rows",
    "out",
    "readable",
    "rich_table",
    "say",
    "visible",
    "write_json",
    "write_parts",
    "write_rows",
]

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
    write_parts(_encoded(rows, how), target)
    if target is not None:
        say(f"{rows.num_rows:,} rows written to {target}")


def write_parts(parts: Iterator[bytes], target: Path | None = None) -> None:
    """Write what comes in parts to a file, or to stdout; to a file only if the first part comes."""
    first = next(parts, b"")
    if target is None:
        try:
            sys.stdout.buffer.writelines(chain([first], parts))
            sys.stdout.buffer.flush()
        except BrokenPipeError:  # whoever read our pipe has seen enough: the rest goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        with target.open("wb") as file:
            file.writelines(chain([first], parts))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise BadUsage(f"--out: {target}: {error.strerror}") from None


def write_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.buffer.flush()


def _show(rows: pa.Table) -> None:
    shown = rows.slice(0, _SHOWN)
    names = fitting(shown, out.width)
    if len(names) < shown.num_columns:  # then what says nothing goes first
        told = [n for n in shown.column_names if shown.column(n).null_count < shown.num_rows]
        names = fitting(shown.select(told or names), out.width)
    out.print(rich_table(shown.select(names)))
    missing = []
    if rows.num_rows > _SHOWN:
        missing.append(f"{_SHOWN} of {rows.num_rows:,} rows")
    if len(names) < rows.num_columns:
        missing.append(f"{len(names)} of {rows.num_columns} columns")
    if missing:
        say(f"{' and '.join(missing)}; --format json, csv or parquet has them all")


def _encoded(rows: pa.Table, how: Format) -> Iterator[bytes]:
    if how is not Format.TABLE:
        return encoded(rows.to_reader(), FileFormat(how.value))
    drawn = StringIO()
    console = Console(file=drawn, width=_ENDLESS, highlight=False, markup=False, emoji=False)
    console.print(rich_table(rows))
    return iter([drawn.getvalue().encode()])
