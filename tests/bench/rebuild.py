"""Rebuilding `customer_360` from history: against the library's runner, and against a bare query."""

import atexit
import itertools
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path

import duckdb

from ledger.sqlite.book import SqliteBook
from projections.engine import Engine
from projections.sql import fold_sql
from projections.stores import open_views
from projections.views import load
from replay.columns import Columns
from tests.bench import catch_up, made, server
from tests.bench.runner import Comparison, Side

_FOLD = load()[0]["customer_360"]
_STORES = ("SQLite", "PostgreSQL")
_AT_ONCE = 10_000
_FULL = 10_000_000


def comparisons(count: int) -> Iterator[Comparison]:
    """From segments, twenty events a customer, into an empty table of either store.

    What must be reached is said of the full size: of fewer events, beginning takes most of the time.
    """
    full = count >= _FULL
    for store in _STORES:
        ours = partial(_rebuilding, store, count)
        yield Comparison(
            what=f"rebuild of customer_360 on {store}, from history",
            baseline="the library's ProjectionRunner with one projection, events by customer",
            durability="both: rows and position in one transaction, theirs one an event, ours one in all",
            ours=ours,
            theirs=partial(catch_up.running, min(count, catch_up.THEIRS)),
            must=500.0 if full else None,
            aim=1500.0 if full else None,
        )
        yield Comparison(
            what=f"rebuild of customer_360 on {store}, from history, beside a query",
            baseline="a bare DuckDB query with the same columns over the same Parquet files",
            durability="ours also demands that no event is missing, and writes; the query only answers",
            ours=ours,
            theirs=partial(_querying, count),
            must=0.5 if full else None,
            aim=1 / 1.3 if full else None,
        )


def _rebuilding(store: str, count: int, folder: Path) -> Side:
    """The engine with this fold alone: fold, write the rows, move the position."""
    book = SqliteBook(_filled(count) / "book")
    history = Columns(_filled(count) / "history", book)
    views = open_views(folder / "views.db" if store == "SQLite" else server.an_empty_database())

    def side() -> int:
        engine = Engine(views)
        assert engine.catch_up({_FOLD.name: _FOLD}, history) == {_FOLD.name: count}
        engine.close()
        views.close()
        book.close()
        return count

    return side


def _querying(count: int, _folder: Path) -> Side:
    connection = duckdb.connect()
    connection.execute("SET arrow_lossless_conversion = true")
    connection.execute("SET preserve_insertion_order = false")
    files = _filled(count) / "history" / "**" / "*.parquet"
    connection.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{files}')")

    def side() -> int:
        connection.sql(fold_sql(_FOLD)).to_arrow_table()
        connection.close()
        return count

    return side


@cache
def _filled(count: int) -> Path:
    """A book of so many events and its history in whole ranges; written once for all rounds.

    What is left over, ours reads from the book, and the bare query not at all.
    """
    folder = Path(tempfile.mkdtemp(prefix="bahi-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    given = made.events(count)
    with SqliteBook(folder / "book") as book:
        while batch := list(itertools.islice(given, _AT_ONCE)):
            book.append(batch)
        Columns(folder / "history", book).keep()
    return folder
