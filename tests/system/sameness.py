"""Two ledgers to whom the same was told: all that they say is the same, but for ids that are random.

Compared by SQL over what the ledgers answer, which knows nothing of what it means.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import duckdb
import pyarrow as pa

from api.wiring import Bahi
from replay.history import Clocks

QUARTER = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
_EVENTS = """
SELECT * EXCLUDE recorded_at REPLACE (CASE WHEN other IS NULL THEN data END AS data)
FROM events ORDER BY position
"""
"""Without when it was written down; and `other` has a column of its own."""


def demand_same(one: Bahi, other: Bahi) -> int:
    """Every event and every cell, by the same clock for both; how many rows the views have."""
    with duckdb.connect() as tables:
        names = _names(tables, *(bahi.history.sql(_EVENTS) for bahi in (one, other)))
        tables.register("names", names)
        rows = 0
        for (name, mine), (_, theirs) in zip(_views(one), _views(other), strict=True):
            tables.register("mine", mine)
            tables.register("theirs", theirs)
            assert (mine.schema, mine.num_rows) == (theirs.schema, theirs.num_rows), name
            assert tables.sql(_missing(theirs)).fetchall() == [], name
            rows += mine.num_rows
        return rows


def _views(bahi: Bahi) -> Iterator[tuple[str, pa.Table]]:
    """Every fold as it is kept, every question, and some of the past."""
    history, views = bahi.history, bahi.views
    for name in (*views.folds, *views.questions):
        yield name, history.view(name)
    yield "pipeline then", history.view("pipeline", Clocks(as_of=QUARTER))
    half = Clocks(known_upto=bahi.ledger.book.head() // 2)
    yield "customer_360 half known", history.view("customer_360", half)


def _names(tables: duckdb.DuckDBPyConnection, mine: pa.Table, theirs: pa.Table) -> pa.Table:
    """Which id of the first stands wherever one of the other's does, event by event; nothing else differs."""
    tables.register("mine", mine)
    tables.register("theirs", theirs)
    assert mine.schema == theirs.schema
    named = _may_name(mine)
    rest = [name for name in mine.column_names if name not in named]
    assert mine.select(rest).equals(theirs.select(rest))
    pairs = " UNION ".join(
        f'SELECT mine."{name}"::VARCHAR AS mine, theirs."{name}"::VARCHAR AS theirs'
        f' FROM mine POSITIONAL JOIN theirs WHERE mine."{name}" IS DISTINCT FROM theirs."{name}"'
        for name in named
    )
    found = tables.sql(pairs).to_arrow_table()
    for side in found.columns:
        ids = {UUID(text) for text in side.to_pylist()}
        assert len(ids) == len(side)  # each is one of the other's, and always the same
    return found


def _may_name(table: pa.Table) -> Sequence[str]:
    return [
        field.name
        for field in table.schema
        if pa.types.is_string(field.type) or isinstance(field.type, pa.UuidType)
    ]


def _missing(table: pa.Table) -> str:
    """A query for the rows of theirs that are not among mine, by the names of the first."""
    named = _may_name(table)
    columns = [
        f'coalesce((SELECT mine FROM names WHERE names.theirs = theirs."{name}"::VARCHAR), '
        f'theirs."{name}"::VARCHAR) AS "{name}"'
        if name in named
        else f'"{name}"'
        for name in table.column_names
    ]
    plain = [f'"{n}"::VARCHAR AS "{n}"' if n in named else f'"{n}"' for n in table.column_names]
    return f"SELECT {', '.join(columns)} FROM theirs EXCEPT ALL SELECT {', '.join(plain)} FROM mine"
