"""The `events` of a moment as they are laid before somebody's query: by DuckDB's own scan where there is one."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from uuid import UUID

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.clock import to_us
from ledger.gone import hidden_table
from ledger.relation import EventSource, Scannable
from projections.reading import happened_by
from replay import withheld
from replay.cage.asking import Scanned, Table

_HIDDEN = "hidden_from_events"


def events(
    source: EventSource, as_of: datetime | None, known_upto: int | None, hidden: Collection[UUID]
) -> Table | Scanned:
    """What had happened by `as_of`, of what the book had up to a position, without those who are hidden."""
    if isinstance(source, Scannable):
        return Scanned(partial(_scanned, source, as_of, known_upto, hidden))
    return partial(copied, source, as_of, known_upto, hidden)


def _read(
    named: frozenset[str] | None, as_of: datetime | None, hidden: Collection[UUID]
) -> list[str]:
    """The columns to be read: those of the query, and what it takes to choose and to withhold."""
    wanted = [name for name in relation.columns() if named is None or name in named] or ["position"]
    if as_of is not None and "occurred_at" not in wanted:
        wanted.append("occurred_at")
    return withheld.with_needs(wanted) if hidden else wanted


def copied(
    source: EventSource,
    as_of: datetime | None,
    known_upto: int | None,
    hidden: Collection[UUID],
    named: frozenset[str] | None,
) -> pa.RecordBatchReader:
    read = _read(named, as_of, hidden)
    batches = _happened_by(source.batches(0, read, upto=known_upto), as_of)
    return pa.RecordBatchReader.from_batches(
        relation.schema(tuple(read)), withheld.nameless(batches, hidden)
    )


def _happened_by(
    batches: Iterator[pa.RecordBatch], as_of: datetime | None
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if as_of is None:
            yield batch
        else:
            occurred = batch.column("occurred_at").cast(pa.int64())
            import pyarrow.compute as pc  # slow to load, and most questions are of today

            yield batch.filter(pc.less_equal(occurred, to_us(as_of)))


@contextmanager
def _scanned(
    source: Scannable,
    as_of: datetime | None,
    known_upto: int | None,
    hidden: Collection[UUID],
    connection: duckdb.DuckDBPyConnection,
    named: frozenset[str] | None,
) -> Iterator[str]:
    read = _read(named, as_of, hidden)
    head = source.head()
    upto = head if known_upto is None else min(known_upto, head)
    with source.scan(connection, _with_all_that_name(read), upto=upto) as scanned:
        seen = scanned
        if as_of is not None:
            seen = _relation("seen.sql", events=seen, happened=happened_by(as_of))
        if hidden and withheld.NAMING.intersection(read):
            connection.register(_HIDDEN, hidden_table(hidden))
            seen = _relation("nameless.sql", events=seen, hidden=_HIDDEN)
        yield seen


def _with_all_that_name(columns: Sequence[str]) -> list[str]:
    """In SQL, all three that name people are withheld at once; what a query does not want is not read."""
    if set(withheld.NEEDS) <= set(columns):
        return [*columns, *sorted(withheld.NAMING.difference(columns))]
    return [*columns]


def _relation(template: str, **parts: str) -> str:
    return f"({_template(template).format(**parts)})"


@cache
def _template(name: str) -> str:
    return files("replay.cage").joinpath("sql", name).read_text(encoding="utf-8")
