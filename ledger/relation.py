"""The `events` relation: what folds, questions and analysts read. A contract, column by column.

It is the envelope, one column for each kind of tag, one for each clear attribute of the catalogue
(one name, one type), `data` for whatever else an event carries in the clear, and `moment`. Nothing
personal is in it, sealed or not. Timestamps are naive UTC. Every source of events, be it a store
or segments of history, presents exactly these columns.
"""

import atexit
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin, runtime_checkable
from uuid import UUID

import duckdb
import orjson
import pyarrow as pa
from pydantic import AwareDatetime

from ledger import catalogue
from ledger.errors import NotFound

RAW = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("recorded_at", pa.timestamp("us"), nullable=False),
        pa.field("body", pa.string(), nullable=False),
    ]
)
"""What a store hands over: place, time and the stored envelope; the rest is read from the body."""


CUSTOMERS = ("customer", "other")
"""The columns that name a customer."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, DuckDB type, what it means, and its SQL over the parsed body `e`."""

    name: str
    type: str
    meaning: str
    sql: str
    json_path: tuple[str, ...] = ()
    json_type: str = ""


class EventSource(Protocol):
    """History as columns: the seam between whoever keeps events and whoever folds them."""

    def head(self) -> int:
        """The last position, 0 for an empty book."""
        ...

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """Events after a position, in order of position, as record batches of at most `size` rows.

        Each batch has exactly `columns` of the `events` relation, typed by `schema(columns)`.
        Reads up to and including `upto`, else to the head as it was when reading began.
        """
        ...


@runtime_checkable
class Scannable(EventSource, Protocol):
    """A source that DuckDB reads by itself, with as many threads as it has."""

    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> AbstractContextManager[str]:
        """SQL of a relation, for a `FROM` on `connection`: `columns` of the events after a position.

        Up to and including `upto`, else the head as it is when the block begins. Each position once, in
        no promised order; only what a query wants of it is read. It lives as long as the block.
        """
        ...


_MOMENT = (
    "(((epoch_us(e.occurred_at)::HUGEINT + 9223372036854775808::HUGEINT)::UHUGEINT << 64)"
    " | raw.position::UHUGEINT)::UUID"
)
"""`occurred_at`, then `position`, in one sortable value: a UUID, since structs are several times slower."""


def _envelope() -> Iterator[Column]:
    def parsed(name: str, kind: str, meaning: str) -> Column:
        return Column(name, kind, meaning, f"e.{name}", (name,), kind)

    yield Column("position", "BIGINT", "place in the book: 1, 2, 3 … without gaps", "raw.position")
    yield Column(
        "recorded_at", "TIMESTAMP", "when the book took it; never decreases", "raw.recorded_at"
    )
    yield parsed("id", "UUID", "the event's own id")
    yield parsed("type", "VARCHAR", "stored name, such as email.opened")
    yield parsed("version", "BIGINT", "version of the type's schema")
    yield parsed(
        "domain", "VARCHAR", "touchpoint, sales, service, consent, privacy, audit or reference"
    )
    yield parsed(
        "customer", "UUID", "random id of the person; null where it is about nobody who may be seen"
    )
    yield parsed("occurred_at", "TIMESTAMP", "when it happened, by the source; may be late")
    yield parsed("source", "VARCHAR", "the system it came through")
    yield parsed("actor", "UUID", "random id of the staff member or key behind it")
    yield parsed("correlation", "UUID", "ties a chain of events together")
    yield parsed("causation", "UUID", "the event that led to this one")
    yield Column(
        "moment", "UUID", "occurred_at, then position: the order of happening", _MOMENT,
        ("occurred_at",), "TIMESTAMP",
    )  # fmt: skip


def _tags() -> Iterator[Column]:
    for kind in catalogue.TAG_KINDS:
        meaning = (
            f"random id of the {kind} it is about"
            if kind in catalogue.REFERENCE_KINDS
            else f"{kind} it is about"
        )
        sql = f"list_filter(e.tags, lambda t: starts_with(t, '{kind}:'))[1][{len(kind) + 2}:]"
        yield Column(kind, "VARCHAR", meaning, sql, ("tags",), "VARCHAR[]")


def _attributes() -> Iterator[Column]:
    carriers: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for model in catalogue.types():
        for name, info in model.model_fields.items():
            if name in model.RETENTIONS:
                continue
            kind = duckdb_type(info.annotation)
            if kinds.setdefault(name, kind) != kind:
                raise TypeError(
                    f"attribute {name} is {kinds[name]} elsewhere, {kind} in {model.TOPIC}"
                )
            carriers.setdefault(name, []).append(model.TOPIC)
    for name in sorted(carriers):
        meaning = "of " + ", ".join(carriers[name])
        yield Column(name, kinds[name], meaning, f"e.data.{name}", ("data", name), kinds[name])


@cache
def columns() -> dict[str, Column]:
    """Every column of the relation by name, in order: envelope, tags, attributes, `data`."""
    listed = [*_envelope(), *_tags(), *_attributes()]
    listed.append(
        Column("data", "JSON", "all clear attributes as they are stored", "raw.body->'$.data'")
    )
    found = {column.name: column for column in listed}
    if len(found) != len(listed):
        raise TypeError("two columns of the events relation have one name")
    return found


def duckdb_type(annotation: Any) -> str:
    """The column type of a field's annotation; lists and objects are JSON."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return duckdb_type(get_args(annotation)[0])
    if origin in (Union, UnionType):
        kinds = {duckdb_type(a) for a in get_args(annotation) if a is not NoneType}
        return kinds.pop() if len(kinds) == 1 else "JSON"
    if origin is Literal:
        return "VARCHAR"
    simple = {
        bool: "BOOLEAN",
        int: "BIGINT",
        str: "VARCHAR",
        datetime: "TIMESTAMP",
        AwareDatetime: "TIMESTAMP",
        date: "DATE",
        UUID: "UUID",
    }
    return simple.get(annotation, "JSON")


def select(names: Sequence[str]) -> str:
    """SQL that presents these columns of the relation over a relation `raw` shaped as `RAW`.

    The body is parsed once, and only for the fields that are asked for.
    Raises `NotFound` for a column that the relation does not have.
    """
    known = columns()
    for name in names:
        if name not in known:
            raise NotFound("column of events", name, "`bahi view events` lists them")
    shape: dict[str, Any] = {"id": "VARCHAR"}  # never empty, which from_json would refuse
    for name in names:
        column = known[name]
        if column.json_path == ():
            continue
        inner = shape
        for step in column.json_path[:-1]:
            inner = inner.setdefault(step, {})
        kind: Any = column.json_type
        inner[column.json_path[-1]] = ["VARCHAR"] if kind == "VARCHAR[]" else kind
    chosen = ", ".join(f'{known[name].sql} AS "{name}"' for name in names)
    return _template().format(columns=chosen, shape=orjson.dumps(shape).decode())


@cache
def _template() -> str:
    return files("ledger").joinpath("sql", "events.sql").read_text(encoding="utf-8")


class Feed:
    """What DuckDB reads under a name that was registered once: always the `table` of the moment.

    A name that is registered anew would have every statement over it planned again.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.table = pa.Table.from_batches([], schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


class _Parser:
    """Reads envelopes in DuckDB, each choice of columns planned once."""

    def __init__(self) -> None:
        self._raw = Feed(RAW)
        self._prepared: dict[tuple[str, ...], str] = {}
        self._connection = duckdb.connect()
        self._connection.execute("SET arrow_lossless_conversion = true; SET threads = 1")
        self._connection.register("raw", self._raw)

    def project(self, raw: pa.Table, names: tuple[str, ...]) -> pa.Table:
        if names not in self._prepared:
            name = f"columns_{len(self._prepared)}"
            self._connection.execute(f"PREPARE {name} AS {select(names)}")
            self._prepared[names] = name
        self._raw.table = raw
        try:
            return self._connection.sql(f"EXECUTE {self._prepared[names]}").to_arrow_table()
        finally:
            self._raw.table = RAW.empty_table()


_idle: list[_Parser] = []
"""Lent to one thread at a time. Not bound to threads: those of a database that calls us back, as it
reads what we are asked to project, begin and end with each call."""
atexit.register(_idle.clear)  # DuckDB complains of connections that outlive it


def project(raw: pa.Table, names: Sequence[str]) -> pa.Table:
    """The named columns of the relation for rows shaped as `RAW`, in the order of the rows."""
    try:
        parser = _idle.pop()
    except IndexError:
        parser = _Parser()  # when first needed: most commands never parse an envelope
    try:
        return parser.project(raw, tuple(names))
    finally:
        _idle.append(parser)


@cache
def schema(names: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of these columns."""
    return project(RAW.empty_table(), names).schema
