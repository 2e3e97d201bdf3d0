"""SQLite's SQL for a fold: its table, the upsert that is ⊕, and reading its rows back.

Values are kept as what compares the way DuckDB compares them: times as µs and days since 1970,
UUIDs as their 16 bytes, text bytewise.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.resources import files

from projections.definition import Aggregate, Fold
from projections.sql import quoted
from projections.value_types import ValueType

_KINDS = {
    ValueType.BOOLEAN: "INTEGER",
    ValueType.BIGINT: "INTEGER",
    ValueType.VARCHAR: "TEXT",
    ValueType.UUID: "BLOB",
    ValueType.TIMESTAMP: "INTEGER",
    ValueType.DATE: "INTEGER",
    ValueType.JSON: "TEXT",
}

# A sum past 64 bits becomes REAL in SQLite, which a STRICT column of integers does not take: the
# statement fails, and nothing is rounded.
_ADD = "coalesce(t.{0} + excluded.{0}, t.{0}, excluded.{0})"
_LEAST = "coalesce(min(t.{0}, excluded.{0}), t.{0}, excluded.{0})"
_GREATEST = "coalesce(max(t.{0}, excluded.{0}), t.{0}, excluded.{0})"
# Equal moments are the same event, so either side may stand.
_LATER = "CASE WHEN t.{1} IS NULL OR excluded.{1} > t.{1} THEN excluded.{0} ELSE t.{0} END"
_EARLIER = "CASE WHEN t.{1} IS NULL OR excluded.{1} < t.{1} THEN excluded.{0} ELSE t.{0} END"

MERGES = {
    Aggregate.COUNT: _ADD,
    Aggregate.SUM: _ADD,
    Aggregate.MIN: _LEAST,
    Aggregate.MAX: _GREATEST,
    Aggregate.ARG_MIN: _EARLIER,
    Aggregate.ARG_MAX: _LATER,
    Aggregate.BOOL_OR: _GREATEST,
    Aggregate.BOOL_AND: _LEAST,
}
"""⊕ of the stored value t and the new one, given the column and its companion."""


@cache
def template(name: str) -> str:
    """A template of this package, by file name."""
    return files("projections.sqlite").joinpath("templates", name).read_text(encoding="utf-8")


def table_sql(fold: Fold, table: str) -> str:
    """The table of a fold's rows, clustered by key, the customer first."""
    columns = [f"{quoted([key.name])} {_KINDS[key.type]} NOT NULL" for key in fold.keys]
    columns += [f"{quoted([m.name])} {_KINDS[m.type]}" for m in fold.measures]
    columns += [f"{quoted([m.companion])} BLOB" for m in fold.measures if m.companion]
    return template("table.sql").format(
        table=quoted([table]), columns=",\n    ".join(columns), keys=quoted(_key_order(fold))
    )


def upsert_sql(fold: Fold, table: str) -> str:
    """Merges one row of `fold.stored` into the table."""
    sets = []
    for measure in fold.measures:
        name = quoted([measure.name])
        companion = quoted([measure.companion]) if measure.companion else ""
        sets.append(f"{name} = {MERGES[measure.aggregate].format(name, companion)}")
        if measure.companion:
            extreme = _GREATEST if measure.aggregate is Aggregate.ARG_MAX else _LEAST
            sets.append(f"{companion} = {extreme.format(companion)}")
    names = fold.stored.names
    return template("upsert.sql").format(
        table=f"{quoted([table])} AS t",
        columns=quoted(names),
        marks=", ".join("?" * len(names)),
        keys=quoted(_key_order(fold)),
        action="DO UPDATE SET " + ",\n    ".join(sets) if sets else "DO NOTHING",
    )


def forget_sql(fold: Fold, table: str) -> Sequence[str]:
    """Statements that delete the rows of one customer, each with that customer as its only parameter."""
    return [
        template("forget.sql").format(table=quoted([table]), key=quoted([name]))
        for name in fold.person_keys
    ]


@lru_cache(maxsize=500)
def rows_sql(fold: Fold, table: str, where: tuple[tuple[str, int], ...] = ()) -> str:
    """The stored rows in key order; `where` is (key column, number of values) a condition."""
    conditions = [f"{quoted([name])} IN ({', '.join('?' * count)})" for name, count in where]
    return template("rows.sql").format(
        columns=quoted(fold.stored.names),
        table=quoted([table]),
        where=" AND ".join(conditions) or "true",
        keys=quoted([key.name for key in fold.keys]),
    )


def rows_after_sql(fold: Fold, table: str, given: int) -> str:
    """The first stored rows, in the order of the index, after so many values of its first columns; how
    many is the last parameter.
    """
    names = _key_order(fold)
    return template("rows_after.sql").format(
        columns=quoted(fold.stored.names),
        table=quoted([table]),
        after=f"({quoted(names[:given])}) > ({', '.join('?' * given)})" if given else "true",
        keys=quoted(names),
    )


def _key_order(fold: Fold) -> list[str]:
    return [key.name for key in fold.index]
