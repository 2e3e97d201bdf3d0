"""What is not alike in two looks at a view: rows that came, rows that went, and what changed in the rest.

Rows are told apart by a key; where none is known, whole rows are counted. Null is a value like any other:
equal to itself, in a key too. So is NaN; and 0.0 is -0.0.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files

import duckdb
import pyarrow as pa

from ledger.errors import BadUsage
from projections import Views, functions, questions

_PAGE = 10_000
_WHAT = (
    "CASE WHEN was_there IS NULL THEN 'added' WHEN is_there IS NULL THEN 'gone' ELSE 'changed' END"
)
_COLUMNS = (
    "CASE WHEN was_there AND is_there"
    " THEN list_filter([{0}]::VARCHAR[], lambda name: name IS NOT NULL) END"
)
_NUMBERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL",
}  # fmt: skip
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"}


class Change(StrEnum):
    """What became of a row."""

    ADDED = "added"
    GONE = "gone"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """What two looks do not have alike.

    `key` tells rows apart; () where whole rows were compared, and then none is changed. `by_column` counts
    the changed rows in which a column is another, those in which none is left out. Columns that one
    look alone has are not compared: `only_before`, `only_after`.
    """

    key: tuple[str, ...]
    rows_before: int
    rows_after: int
    added: int
    gone: int
    changed: int
    by_column: Mapping[str, int]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    pairs: tuple["Pair", ...]
    """What `rows` has of each column that is no part of the key."""
    _sql: str
    _before: pa.Table
    _after: pa.Table

    @property
    def nothing(self) -> bool:
        """Whether the two looks are alike, row for row."""
        return not self.added and not self.gone and not self.changed

    def rows(self) -> pa.RecordBatchReader:
        """The rows that are not alike, in batches, by key.

        By key: `change`, the key, `columns` (the names of those that are another, in changed rows), and of
        each other column `<name>_before` and `<name>_after`. Whole rows: `change` (never `changed`)
        and the columns that both looks have, as often as there is one more of it.
        """
        connection = _connected(self._before, self._after)
        reader = connection.sql(self._sql).to_arrow_reader(_PAGE)

        def batches() -> Iterator[pa.RecordBatch]:
            with connection:
                yield from reader

        return pa.RecordBatchReader.from_batches(reader.schema, batches())


@dataclass(frozen=True, slots=True)
class Pair:
    """A column of a view, and where `Difference.rows` has it before and after; '' where a look lacks it."""

    name: str
    before: str
    after: str


def diff(
    views: Views,
    name: str,
    before: pa.Table,
    after: pa.Table,
    key: Sequence[str] = (),
) -> Difference:
    """What is not alike in two looks at the view `name`.

    Told apart by `key`, else by what is known of the view: the key of a fold; of a question the
    longest key among those of the folds behind it that it shows whole, else its leading columns, as many
    as it takes. What is not given is taken only where it tells the rows of both looks apart; if nothing does, whole
    rows are compared.

    Raises `BadUsage` for a `key` that is not in both looks, or that several rows share.
    """
    with _connected(before, after) as connection:
        return _Comparison(connection, before, after).made(_known_keys(views, name), tuple(key))


def _known_keys(views: Views, name: str) -> list[tuple[str, ...]]:
    behind = questions.asked_by(name, views.questions) & views.folds.keys()
    keys = {tuple(key.name for key in views.folds[fold].keys) for fold in behind}
    return sorted(keys, key=lambda key: (-len(key), key))


def _connected(before: pa.Table, after: pa.Table) -> duckdb.DuckDBPyConnection:
    connection = functions.connect()
    connection.register("rows_before", before)
    connection.register("rows_after", after)
    return connection


class _Comparison:
    """Two looks in DuckDB. A column is b0, b1 … there by its place before, and a0, a1 … after."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, before: pa.Table, after: pa.Table
    ) -> None:
        self._connection = connection
        self._before, self._after = before, after
        self._types = [
            dict(zip(table.columns, map(str, table.types), strict=True))
            for table in (connection.table("rows_before"), connection.table("rows_after"))
        ]
        self._was = {name: f"b{n}" for n, name in enumerate(before.column_names)}
        self._is = {name: f"a{n}" for n, name in enumerate(after.column_names)}
        self._both = [name for name in before.column_names if name in self._is]

    def made(self, known: Sequence[tuple[str, ...]], given: tuple[str, ...]) -> Difference:
        """The difference, by the key that is given or found."""
        if not self._both:
            raise BadUsage(
                "expected looks that can be compared, came two that have no column in common"
            )
        if given:
            self._demand(given)
            return self._by_key(given)
        for key in (*known, *(tuple(self._both[:n]) for n in range(1, len(self._both)))):
            if set(key) <= set(self._both) and not self._repeated(key):
                return self._by_key(key)
        return self._whole()

    def _demand(self, key: tuple[str, ...]) -> None:
        shown = ", ".join(key)
        for name in key:
            if name not in self._both:
                there = ", ".join(self._both)
                raise BadUsage(
                    f"key: expected columns of both looks, came {name}; there are {there}"
                )
        if len(set(key)) != len(key):
            raise BadUsage(f"key: expected each column once, came {shown}")
        if self._repeated(key):
            raise BadUsage(
                f"key: expected one row for each {shown}, came several; name more columns"
            )

    def _repeated(self, key: Collection[str]) -> bool:
        return any(
            self._one("diff_repeated", rows=rows, key=", ".join(map(_quoted, key)))[0]
            for rows in ("rows_before", "rows_after")
        )

    def _by_key(self, key: tuple[str, ...]) -> Difference:
        values = [name for name in self._both if name not in key]
        apart = {name: self._compared(name, "IS DISTINCT FROM") for name in values}
        joined = {
            "before": ", ".join(f"{_quoted(name)} AS {place}" for name, place in self._was.items()),
            "after": ", ".join(f"{_quoted(name)} AS {place}" for name, place in self._is.items()),
            "same_key": " AND ".join(self._compared(name, "IS NOT DISTINCT FROM") for name in key),
            "apart": f"({' OR '.join(apart.values()) or 'false'})",
        }
        counted = [
            f"count(*) FILTER (WHERE was_there AND is_there AND {a})" for a in apart.values()
        ]
        added, gone, changed, *changes = self._one(
            "diff_counts", **joined, by_column=", ".join([*counted, "0"])
        )
        by_column = {name: count for name, count in zip(values, changes, strict=False) if count}
        names = _Names()
        shown = {names.free("change"): _WHAT}
        shown |= {names.free(name): self._either(name) for name in key}
        listed = ", ".join(f"CASE WHEN {sql} THEN {_text(name)} END" for name, sql in apart.items())
        shown[names.free("columns")] = _COLUMNS.format(listed)
        pairs = []
        for name in dict.fromkeys([*self._was, *self._is]):
            if name not in key:
                before = names.free(f"{name}_before") if name in self._was else ""
                after = names.free(f"{name}_after") if name in self._is else ""
                shown |= {before: self._was[name]} if before else {}
                shown |= {after: self._is[name]} if after else {}
                pairs.append(Pair(name, before, after))
        sql = _template("diff_apart").format(
            **joined,
            shown=", ".join(f"{sql} AS {_quoted(name)}" for name, sql in shown.items()),
            order=", ".join(str(2 + place) for place in range(len(key))),
        )
        return self._told(key, (added, gone, changed), by_column, tuple(pairs), sql)

    def _whole(self) -> Difference:
        change = _quoted(_Names(self._both).free("change"))
        columns = ", ".join(map(self._alike, self._both))
        sql = _template("diff_whole").format(columns=columns, change=change)
        found = dict(self._connection.sql(sql).aggregate(f"{change}, count(*)").fetchall())
        counts = (found.get(Change.ADDED, 0), found.get(Change.GONE, 0), 0)
        return self._told((), counts, {}, (), sql)

    def _told(
        self,
        key: tuple[str, ...],
        counts: tuple[int, int, int],
        by_column: Mapping[str, int],
        pairs: tuple[Pair, ...],
        sql: str,
    ) -> Difference:
        return Difference(
            key,
            self._before.num_rows,
            self._after.num_rows,
            *counts,
            by_column=by_column,
            only_before=tuple(name for name in self._was if name not in self._is),
            only_after=tuple(name for name in self._is if name not in self._was),
            pairs=pairs,
            _sql=sql,
            _before=self._before,
            _after=self._after,
        )

    def _compared(self, name: str, how: str) -> str:
        cast = self._cast(name)
        return f"{self._was[name]}{cast} {how} {self._is[name]}{cast}"

    def _either(self, name: str) -> str:
        cast = self._cast(name)
        return f"coalesce({self._was[name]}{cast}, {self._is[name]}{cast})"

    def _alike(self, name: str) -> str:
        return f"{_quoted(name)}{self._cast(name)} AS {_quoted(name)}"

    def _cast(self, name: str) -> str:
        """Columns of kinds that cannot be compared, as the same column defined otherwise, are so as text."""
        was, is_ = (types[name] for types in self._types)
        kinds = {was.partition("(")[0], is_.partition("(")[0]}
        comparable = was == is_ or any(kinds <= family for family in (_NUMBERS, _TIMES))
        return "" if comparable else "::VARCHAR"

    def _one(self, template: str, **parts: str) -> tuple[int, ...]:
        (found,) = self._connection.sql(_template(template).format(**parts)).fetchall()
        return tuple(found)


class _Names:
    """Names of an answer's columns; one that is taken gets a number."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = {name.lower() for name in taken}

    def free(self, name: str) -> str:
        free, number = name, 1
        while free.lower() in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free.lower())
        return free


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


@cache
def _template(name: str) -> str:
    return files("replay.comparing").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
