"""An answer of history, in whichever form its reader works: Arrow, pandas, Polars, DuckDB or Python.

Times carry their zone, UTC, wherever the form has zones: everywhere but in DuckDB, where they are as in
`bahi sql`. What pandas and Polars do not know, a UUID first of all, they have as text. Nothing becomes another number: what is
whole stays whole beside nulls.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from importlib import import_module
from io import StringIO
from types import ModuleType
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from rich.console import Console

from ledger.errors import BadUsage
from replay.clocks import shown
from replay.history import NOW, Clocks
from replay.rows.kinds import with_truth
from replay.rows.shown import fitting, in_python, is_number, readable, rich_table

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

SHOWN = 20
"""Rows that a notebook shows of an answer."""

_RIGHT = ' style="text-align:right"'
_LEFT = ' style="text-align:left"'


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """Rows, what they are of, and by which clocks."""

    inside: pa.Table
    """The rows as doors are given them: UTC without a zone."""
    name: str
    at: Clocks = NOW

    def arrow(self) -> pa.Table:
        """The rows as an Arrow table."""
        columns = [_known_to_all(column) for column in self.inside.columns]
        return pa.table(columns, names=self.inside.column_names)

    def df(self) -> "pd.DataFrame":
        """The rows as a pandas frame of nullable columns; a day is its midnight, a UUID its text.

        Raises `BadUsage` where pandas is not installed.
        """
        pandas = extra("pandas")
        nullable = {
            pa.int8(): pandas.Int8Dtype(),
            pa.int16(): pandas.Int16Dtype(),
            pa.int32(): pandas.Int32Dtype(),
            pa.int64(): pandas.Int64Dtype(),
            pa.uint8(): pandas.UInt8Dtype(),
            pa.uint16(): pandas.UInt16Dtype(),
            pa.uint32(): pandas.UInt32Dtype(),
            pa.uint64(): pandas.UInt64Dtype(),
            pa.bool_(): pandas.BooleanDtype(),
            pa.string(): pandas.StringDtype(),
        }
        frame: pd.DataFrame = self._plain().to_pandas(
            types_mapper=nullable.get, date_as_object=False
        )
        return frame

    def pl(self) -> "pl.DataFrame":
        """The rows as a Polars frame; a UUID is its text. Raises `BadUsage` where Polars is not installed."""
        frame: pl.DataFrame = extra("polars").from_arrow(self._plain())
        return frame

    def relation(
        self, connection: duckdb.DuckDBPyConnection | None = None
    ) -> duckdb.DuckDBPyRelation:
        """The rows as a relation of this connection, else of DuckDB's own default one."""
        return (connection or duckdb.default_connection()).from_arrow(self.inside)

    def rows(self) -> list[dict[str, Any]]:
        """The rows as Python values by column: aware datetimes, UUIDs, whole numbers, None."""
        return in_python(self.arrow())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows())

    def __len__(self) -> int:
        return int(self.inside.num_rows)

    def __repr__(self) -> str:
        width = shutil.get_terminal_size().columns
        rows = self.inside.slice(0, SHOWN)
        names = fitting(rows, width)
        text = StringIO()
        console = Console(
            file=text,
            width=width,
            color_system=None,
            force_jupyter=False,
            markup=False,
            emoji=False,
        )
        console.print(rich_table(rows.select(names)))
        return f"{text.getvalue().rstrip()}\n{self._said(len(names))}"

    def _repr_html_(self) -> str:
        sides = [_RIGHT if is_number(field.type) else _LEFT for field in self.inside.schema]
        head = _cells("th", self.inside.column_names, sides)
        rows = (row.values() for row in in_python(self.inside.slice(0, SHOWN)))
        body = "\n".join(_cells("td", map(readable, row), sides) for row in rows)
        said = escape(self._said(self.inside.num_columns))
        return f"<table>\n<thead>\n{head}\n</thead>\n<tbody>\n{body}\n</tbody>\n</table>\n<p>{said}</p>"

    def _said(self, columns: int) -> str:
        """What stands below: of what, by which clocks, and how much of it is shown."""
        count, wide = self.inside.num_rows, self.inside.num_columns
        said = [self.name, *said_of(self.at)]
        said.append(f"{count:,} row{'' if count == 1 else 's'}")
        if count > SHOWN:
            said.append(f"the first {SHOWN} shown")
        if columns < wide:
            said.append(f"{columns} of {wide} columns shown")
        return " · ".join(said)

    def _plain(self) -> pa.Table:
        """The same without types that only Arrow and DuckDB have, which are text then."""
        whole = self.arrow()
        odd = [place for place, field in enumerate(whole.schema) if _is_odd(field.type)]
        if not odd:
            return whole
        with duckdb.connect() as connection:  # keeps no type that Arrow has as an extension
            found = connection.from_arrow(whole.select(odd)).to_arrow_table()
        for place, column in zip(odd, found.columns, strict=True):
            whole = whole.set_column(place, whole.field(place).name, column)
        return whole


class Answers(dict[str, Answer]):
    """Answers of several views, by name, one below the other."""

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.values()))

    def _repr_html_(self) -> str:
        parts = (f"<h4>{escape(name)}</h4>\n{one._repr_html_()}" for name, one in self.items())
        return "\n".join(parts)


def said_of(at: Clocks) -> list[str]:
    """The clocks of an answer, for people."""
    said = [] if at.as_of is None else [f"as of {shown(at.as_of)}"]
    if at.known_upto is not None:
        said.append(f"known up to position {at.known_upto:,}")
    return said or ["now"]


def extra(name: str) -> ModuleType:
    """A library that only notebooks and plots need. Raises `BadUsage` saying how to install it."""
    try:
        return import_module(name)
    except ModuleNotFoundError:
        package = name.partition(".")[0]
        raise BadUsage(
            f"expected {package} to be installed, came none: pip install 'bahi[notebook]'"
        ) from None


def _known_to_all(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times with their zone, and truth values as everybody has them."""
    kind = with_truth(column.type)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        kind = pa.timestamp(kind.unit, "UTC")
    return column if kind == column.type else column.cast(kind)


def _is_odd(kind: pa.DataType) -> bool:
    """Whether it has in it what only Arrow and DuckDB have."""
    if isinstance(kind, pa.BaseExtensionType):
        return True
    return any(_is_odd(kind.field(place).type) for place in range(kind.num_fields))


def _cells(tag: str, texts: "Iterator[str] | list[str]", sides: list[str]) -> str:
    cells = (
        f"<{tag}{side}>{escape(text)}</{tag}>" for text, side in zip(texts, sides, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"
