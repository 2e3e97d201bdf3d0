"""Rows written as they come, a batch after the other: Parquet, CSV, JSON and JSON Lines."""

import io
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum

import duckdb
import orjson
import pyarrow as pa

from ledger.errors import BadUsage
from ledger.relation import Feed
from replay.rows.kinds import schema_with_truth
from replay.rows.shown import in_python, json_rows, plain_text

_GROUP = 100_000
"""Rows of a Parquet row group; smaller ones are slow to read."""
_EXECUTED = r"[=+\-@＝＋－＠]"  # the wide ones of East Asia as well
_BEGINS_BADLY = re.compile(rf"\s*{_EXECUTED}|[\t\r\n]")
_GOES_ON_BADLY = re.compile(rf"(?<=[;\t\r\n\v\f\x1c-\x1e\x85\u2028\u2029])(?=[\"\s]*{_EXECUTED})")
_MAY_BE_BAD = rf"{_EXECUTED}|^[\t\r\n]"
"""What a text has in it that `defused` would change."""
_ISO = "replace(strftime(\"{0}\", '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z')"


class FileFormat(StrEnum):
    """How rows are kept in a file."""

    PARQUET = "parquet"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


def encoded(rows: pa.RecordBatchReader, how: FileFormat) -> Iterator[bytes]:
    """The bytes of a file, in parts, as the rows come; memory does not follow their number.

    CSV and JSON have the values of `replay.rows.shown`: times in UTC with a Z, ids and dates as text, decimals
    exact; in JSON Lines null is left out. Parquet (zstd) keeps types. No cell of the CSV is executed by a
    spreadsheet.
    Raises `BadUsage` for a type that the format does not hold.
    """
    rows = rows.cast(schema_with_truth(rows.schema))
    try:
        match how:
            case FileFormat.PARQUET:
                yield from _parquet(rows)
            case FileFormat.CSV:
                yield from _csv(rows)
            case FileFormat.JSON:
                yield from _json(rows)
            case FileFormat.JSONL:
                for batch in rows:
                    yield b"".join(orjson.dumps(row) + b"\n" for row in _present(batch))
    except pa.ArrowException as error:
        raise BadUsage(f"--format {how.value}: {error}") from None


def defused(text: str) -> str:
    """A text that a spreadsheet would execute, made a text there by an apostrophe.

    Where lists are written with semicolons or tabs, a spreadsheet takes our file apart at those too, and
    at line breaks in a text, whether we put it in quotes or not: what follows begins a cell there.
    """
    whole = _GOES_ON_BADLY.sub("'", text)
    return f"'{whole}" if _BEGINS_BADLY.match(text) else whole


def _present(batch: pa.RecordBatch) -> Iterator[Mapping[str, object]]:
    """Rows as JSON values, without what is null: most of the columns of an event are."""
    names = batch.schema.names
    told = [name for name in names if batch.column(name).null_count < batch.num_rows]
    for row in json_rows(batch.select(told)):
        yield {name: value for name, value in row.items() if value is not None}


def _json(rows: pa.RecordBatchReader) -> Iterator[bytes]:
    between = b"["
    for batch in rows:
        if batch.num_rows:
            yield between + orjson.dumps(json_rows(batch))[1:-1]
            between = b","
    yield b"[]\n" if between == b"[" else b"]\n"


def _parquet(rows: pa.RecordBatchReader) -> Iterator[bytes]:
    import pyarrow.parquet as pq  # slow to load

    sink = _Sink()
    with pq.ParquetWriter(pa.PythonFile(sink, "w"), rows.schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in rows:
            waiting.append(batch)
            if sum(one.num_rows for one in waiting) >= _GROUP:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting = []
                yield sink.taken()
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    yield sink.taken()


class _Sink(io.RawIOBase):
    """What is written, until it is taken. It knows how far it is, as Parquet's footer has to."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type] # whatever has a buffer, as Arrow's has
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _csv(rows: pa.RecordBatchReader) -> Iterator[bytes]:
    from pyarrow import csv  # slow to load

    def lines(part: pa.Table, *, headed: bool) -> bytes:
        sink = io.BytesIO()
        csv.write_csv(part, sink, csv.WriteOptions(include_header=headed))
        return sink.getvalue()

    cells = _Cells(rows.schema)
    try:
        header = pa.schema([(name, pa.string()) for name in cells.names])
        yield lines(header.empty_table(), headed=True)
        for batch in rows:
            yield lines(cells.of(pa.Table.from_batches([batch])), headed=False)
    finally:
        cells.close()


class _Cells:
    """Batches of one schema as columns that CSV can hold: what is not a whole number becomes text.

    As `plain_text` has it, and texts defused; most types by the column, since a value at a time takes a
    hundred times as long.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self.names = [defused(name) for name in schema.names]
        self._batch = Feed(schema)
        self._by_duckdb = dict(_by_duckdb(schema))
        self._connection = duckdb.connect()
        self._connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        self._connection.register("batch", self._batch)

    def close(self) -> None:
        self._connection.close()

    def of(self, rows: pa.Table) -> pa.Table:
        told = self._told(rows)
        columns = [
            told[name] if name in told else _cells_of(rows.column(place).combine_chunks())
            for place, name in enumerate(self._schema.names)
        ]
        return pa.table(columns, names=self.names)

    def _told(self, rows: pa.Table) -> Mapping[str, pa.ChunkedArray]:
        if not self._by_duckdb:
            return {}
        self._batch.table = rows
        told = self._connection.table("batch").project(", ".join(self._by_duckdb.values()))
        answer = told.to_arrow_table()
        return dict(zip(self._by_duckdb, answer.columns, strict=True))


def _by_duckdb(schema: pa.Schema) -> Iterator[tuple[str, str]]:
    """Columns that DuckDB tells as `plain_text` does, each with its SQL."""
    for field in schema:
        quoted = field.name.replace('"', '""')
        if isinstance(field.type, pa.UuidType) or pa.types.is_boolean(field.type):
            yield field.name, f'"{quoted}"::VARCHAR'
        elif pa.types.is_timestamp(field.type) and field.type.unit == "us":
            yield field.name, _ISO.format(quoted)


def _cells_of(column: pa.Array) -> pa.Array:
    if pa.types.is_integer(column.type):
        return column
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and pa.types.is_string(kind.storage_type):
        column = column.storage
    if pa.types.is_string(column.type):
        return _defused_texts(column)
    return pa.array([_cell(value) for value in in_python(column)], pa.string())


def _defused_texts(column: pa.Array) -> pa.Array:
    import pyarrow.compute as pc  # slow to load

    may_be = pc.fill_null(pc.match_substring_regex(column, _MAY_BE_BAD), False)
    if not pc.any(may_be).as_py():
        return column
    defused_ = [defused(text) for text in column.filter(may_be).to_pylist()]
    return pc.replace_with_mask(column, may_be, pa.array(defused_, column.type))


def _cell(value: object) -> str | None:
    text = plain_text(value)
    if text is None or isinstance(value, bool | int | float | Decimal):
        return text
    return defused(text)
