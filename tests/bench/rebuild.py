"""Rebuilding `customer_360`, against a bare DuckDB query with the same columns."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.event import encode_body
from ledger.relation import EventSource
from ledger.sqlite.book import SqliteBook
from projections import SqliteViews
from projections.engine import Engine
from projections.sql import fold_sql
from projections.views import load
from tests.bench import made
from tests.bench.runner import Comparison, Side

_FOLD = load()[0]["customer_360"]
_AT_ONCE = 5_000


def comparisons(count: int) -> Iterator[Comparison]:
    """From columns in memory, as history will keep them; and from the rows of an SQLite book."""
    columns = _Columns(count)
    yield Comparison(
        what="rebuild of customer_360 from columns",
        baseline="bare DuckDB query with the same columns, over the same Arrow table",
        durability="ours also writes the rows and the position; the query only answers",
        ours=partial(_rebuilding, columns),
        theirs=partial(_querying, columns),
    )
    yield Comparison(
        what="rebuild of customer_360 from an SQLite book",
        baseline="bare DuckDB query with the same columns, over an Arrow table",
        durability="ours also reads rows, parses envelopes and writes; the query only answers",
        ours=partial(_rebuilding_from_book, count),
        theirs=partial(_querying, columns),
    )


class _Columns(EventSource):
    """The made events as one Arrow table of the columns that the fold reads."""

    def __init__(self, count: int) -> None:
        raw = pa.Table.from_pylist(
            [
                {"position": n, "recorded_at": n, "body": encode_body(event).decode()}
                for n, event in enumerate(made.events(count), start=1)
            ],
            schema=relation.RAW,
        )
        self.table = relation.project(raw, tuple(relation.columns()))

    def head(self) -> int:
        return int(self.table.num_rows)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        end = self.head() if upto is None else upto
        chosen = self.table.select(list(columns)).slice(after, end - after).combine_chunks()
        yield from chosen.to_batches(max_chunksize=size)


def _rebuilding(source: EventSource, folder: Path) -> Side:
    """The engine with this fold alone: fold, merge into the store, move the position."""
    store = SqliteViews(folder / "views.db")
    engine = Engine(store)

    def side() -> int:
        engine.catch_up({_FOLD.name: _FOLD}, source)
        engine.close()
        store.close()
        return source.head()

    return side


def _rebuilding_from_book(count: int, folder: Path) -> Side:
    book = SqliteBook(folder / "book")
    given = list(made.events(count))
    for start in range(0, count, _AT_ONCE):
        book.append(given[start : start + _AT_ONCE])
    fold = _rebuilding(book, folder)

    def side() -> int:
        done = fold()
        book.close()
        return done

    return side


def _querying(columns: _Columns, _folder: Path) -> Side:
    connection = duckdb.connect()
    connection.execute("SET arrow_lossless_conversion = true")
    connection.register("events", columns.table)

    def side() -> int:
        connection.sql(fold_sql(_FOLD)).to_arrow_table()
        connection.close()
        return columns.head()

    return side
