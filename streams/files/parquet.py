"""Parquet: rows of typed columns, a batch at a time.

Values become what JSON would have held, so that a mapping, a dead letter and the other formats see
the same row: times and dates are ISO 8601 text, exact numbers stay numbers, bytes are text.
"""

import datetime
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa

from ledger.errors import BadField, BadUsage, TooLarge
from streams.files.rows import MAX_ROW_BYTES, Record, content_of

_BATCH = 1_024
"""Rows in memory at once; what a column of a row group takes comes on top, as its writer made it."""


class Parquet:
    """The rows of a Parquet file. `columns` is its schema; dotted names of what is nested included.

    Raises `BadUsage` for a file that is not Parquet, or has two columns of one name.
    """

    def __init__(self, stream: IO[bytes], known: frozenset[str]) -> None:
        import pyarrow.parquet as pq  # slow to load

        try:
            self._file = pq.ParquetFile(stream, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise BadUsage(
                f"expected Parquet, came {type(error).__name__} from its reader"
            ) from None
        schema = self._file.schema_arrow
        for name in schema.names:
            if schema.names.count(name) > 1:
                called = f" {name!r}" if name in known else ""
                raise BadUsage(f"expected columns of different names, came two of one name{called}")
        self._known = known
        self.columns = list(_names(schema, ""))
        self.rows = self._file.metadata.num_rows

    def __iter__(self) -> Iterator[Record]:
        for group in range(
            self._file.num_row_groups
        ):  # what is damaged in one spoils none before it
            for batch in self._file.iter_batches(_BATCH, row_groups=[group], use_threads=False):
                yield from self._records(batch)

    def _records(self, batch: Any) -> Iterator[Record]:
        names = batch.schema.names
        columns = [_values(batch.column(at)) for at in range(len(names))]
        large = batch.nbytes > MAX_ROW_BYTES
        for cells in zip(*columns, strict=True):
            yield self._record(dict(zip(names, cells, strict=True)), large=large)

    def _record(self, cells: dict[str, Any], *, large: bool) -> Record:
        for number, (name, value) in enumerate(cells.items(), 1):
            if value is _UNREADABLE:
                called = name if name in self._known else f"column {number}"
                raw = {n: None if v is _UNREADABLE else v for n, v in cells.items()}
                refusal = BadField(called, "a value in the range of its type", "another")
                return Record(0, raw, None, refusal)
        if large and (length := len(content_of(cells))) > MAX_ROW_BYTES:
            limit = f"at most {MAX_ROW_BYTES:,} bytes"
            return Record(0, {}, b"", TooLarge("row", limit, f"{length:,} bytes"))
        return Record(0, cells)


_UNREADABLE = object()
"""Stands for a value that Python has no counterpart of: the year 20000, text that is not UTF-8."""


def _names(fields: Any, prefix: str) -> Iterator[str]:
    for field in fields:
        yield f"{prefix}{field.name}"
        if pa.types.is_struct(field.type):
            yield from _names(field.type, f"{prefix}{field.name}.")


def _values(column: Any) -> list[Any]:
    """A column's values, plain; what cannot be had is `_UNREADABLE`, alone."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":  # datetime ends at microseconds
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_float16(kind) or pa.types.is_float32(kind):  # 12.1, not 12.100000381
        column = column.cast(pa.string()).cast(pa.float64())
    try:
        return [_plain(value) for value in column.to_pylist()]
    except (ValueError, OverflowError):
        return [_one(scalar) for scalar in column]


def _one(scalar: Any) -> Any:
    try:
        return _plain(scalar.as_py())
    except (ValueError, OverflowError):
        return _UNREADABLE


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value)
