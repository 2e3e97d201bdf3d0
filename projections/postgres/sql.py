"""PostgreSQL's SQL for a fold: its table, the upsert that is ⊕, reading its rows back, its face.

Text is kept `COLLATE "C"`, which compares bytewise as DuckDB does; UUIDs, times, days and numbers
compare alike in both.
"""

from collections.abc import Collection, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import LiteralString
from uuid import UUID

from psycopg.sql import Literal

from ledger.postgres.connection import statement as statement_of
from projections.definition import Aggregate, Fold
from projections.sql import quoted
from projections.value_types import ValueType
from projections.words import in_words

_TEXT = 'text COLLATE "C"'
_KINDS = {
    ValueType.BOOLEAN: "boolean",
    ValueType.BIGINT: "bigint",
    ValueType.VARCHAR: _TEXT,
    ValueType.UUID: "uuid",
    ValueType.TIMESTAMP: "timestamp",
    ValueType.DATE: "date",
    ValueType.JSON: _TEXT,  # `json` does not compare, and could be neither key nor extreme
}
_PLAIN = {
    ValueType.BOOLEAN: "{0}::int",
    ValueType.UUID: "uuid_send({0})",
    ValueType.TIMESTAMP: "(extract(epoch FROM {0} - timestamp 'epoch') * 1000000)::bigint",
    ValueType.DATE: "{0} - date '1970-01-01'",
}
"""As `value_types.arrow_column` takes them; Python's times end before PostgreSQL's do."""

# A sum past 64 bits is an error of bigint's, and nothing is rounded. `least` and `greatest` pass over
# NULL, which is the identity of each ⊕.
_ADD = "coalesce(t.{0} + excluded.{0}, t.{0}, excluded.{0})"
_LEAST = "least(t.{0}, excluded.{0})"
_GREATEST = "greatest(t.{0}, excluded.{0})"
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


def statement(name: str) -> LiteralString:
    """A statement of the store, which is the same for every fold."""
    return statement_of(f"views/{name}", "projections.postgres")


@cache
def template(name: str) -> str:
    """A template of this package, by file name."""
    return files("projections.postgres").joinpath("templates", name).read_text(encoding="utf-8")


def table_sql(fold: Fold, table: str) -> LiteralString:
    """The table of a fold's rows, its key's index with the customer first."""
    columns = [f"{quoted([key.name])} {_KINDS[key.type]} NOT NULL" for key in fold.keys]
    columns += [f"{quoted([m.name])} {_KINDS[m.type]}" for m in fold.measures]
    columns += [f"{quoted([m.companion])} uuid" for m in fold.measures if m.companion]
    return _ours(
        template("table.sql").format(
            table=quoted([table]), columns=",\n    ".join(columns), keys=quoted(_key_order(fold))
        )
    )


def table_comments(fold: Fold, table: str, generation: int) -> Iterator[LiteralString]:
    """What a table is, and what its hidden columns are, for whoever meets it with a SQL prompt."""
    what = f"Rows of {fold.name}, built {generation} times, by definition {fold.hash[:12]}"
    yield _comment("TABLE", [table], what)
    for measure in fold.measures:
        if measure.companion:
            moment = f"The moment that {measure.name} is from"
            yield _comment("COLUMN", [table, measure.companion], moment)


def view_sql(fold: Fold, table: str) -> LiteralString:
    """The view that people read: named like the fold, what is shown of the table that serves.

    Without those who are hidden: of their rows, and as the value of a column.
    """
    keys, held = ((), ()) if fold.of_privacy else (fold.person_keys, fold.person_measures)
    columns = [
        template("person.sql").format(column=quoted([name]), seen=_seen(name)).rstrip()
        if name in held
        else quoted([name])
        for name in fold.shown.names
    ]
    return _ours(
        template("view.sql").format(
            view=quoted([fold.name]),
            columns=", ".join(columns),
            table=quoted([table]),
            seen=" AND ".join(map(_seen, keys)) or "true",
        )
    )


def _seen(name: str) -> str:
    return template("seen.sql").format(column=quoted([name])).rstrip()


def view_comments(fold: Fold) -> Iterator[LiteralString]:
    """What the view is for, and what each column says; and whoever may enter the schema may read it."""
    yield _comment("VIEW", [fold.name], fold.purpose)
    for key in fold.keys:
        yield _comment("COLUMN", [fold.name, key.name], f"key: {key.sql}")
    for measure in fold.measures:
        yield _comment("COLUMN", [fold.name, measure.name], in_words(measure))
    yield _ours(f"GRANT SELECT ON {quoted([fold.name])} TO PUBLIC")


def upsert_sql(fold: Fold, table: str, rows: str) -> LiteralString:
    """Merges the rows of another relation, shaped as `fold.stored`, into the table."""
    sets = []
    for measure in fold.measures:
        name = quoted([measure.name])
        companion = quoted([measure.companion]) if measure.companion else ""
        sets.append(f"{name} = {MERGES[measure.aggregate].format(name, companion)}")
        if measure.companion:
            extreme = _GREATEST if measure.aggregate is Aggregate.ARG_MAX else _LEAST
            sets.append(f"{companion} = {extreme.format(companion)}")
    return _ours(
        template("upsert.sql").format(
            table=quoted([table]),
            columns=quoted(fold.stored.names),
            rows=rows,
            keys=quoted(_key_order(fold)),
            action="DO UPDATE SET " + ",\n    ".join(sets) if sets else "DO NOTHING",
        )
    )


def upsert_json_sql(fold: Fold, table: str) -> LiteralString:
    """The same for rows in one JSON array, which is its only parameter."""
    return upsert_sql(fold, table, f"json_populate_recordset(NULL::{quoted([table])}, %s)")


def stage_sql(table: str, stage: str) -> LiteralString:
    """A table of this session's own to bring rows to."""
    return _ours(template("stage.sql").format(stage=quoted([stage]), table=quoted([table])))


def forget_sql(fold: Fold, table: str, customers: Collection[UUID]) -> Sequence[LiteralString]:
    """Statements that delete the rows of these customers."""
    if not customers:
        return []
    listed = literal([*customers])
    return [
        _ours(
            template("forget.sql").format(
                table=quoted([table]), key=quoted([name]), customers=listed
            )
        )
        for name in fold.person_keys
    ]


def rows_sql(fold: Fold, table: str) -> LiteralString:
    """The stored rows in key order."""
    return _ours(
        template("rows.sql").format(
            columns=quoted(fold.stored.names),
            table=quoted([table]),
            keys=quoted([key.name for key in fold.keys]),
        )
    )


def rows_after_sql(fold: Fold, table: str, after: Sequence[object], most: int) -> LiteralString:
    """The first stored rows, in the order of the index, after these values of its first columns."""
    names = _key_order(fold)
    kinds = [_KINDS[key.type].split()[0] for key in fold.index]
    given = [f"{literal(one)}::{kind}" for one, kind in zip(after, kinds, strict=False)]
    return _ours(
        template("rows_after.sql").format(
            columns=quoted(fold.stored.names),
            table=quoted([table]),
            after=f"({quoted(names[: len(given)])}) > ({', '.join(given)})" if given else "true",
            keys=quoted(names),
            most=most,
        )
    )


@lru_cache(maxsize=500)
def rows_of_key_sql(fold: Fold, table: str, where: tuple[str, ...]) -> LiteralString:
    """Where the table stands, if it serves, and the rows of which each named key is in a list.

    After position, failed position and why comes whether there is a row, and the row.
    """
    kinds = {key.name: key.type for key in fold.keys} | {m.name: m.type for m in fold.measures}
    columns = [
        _PLAIN.get(kinds.get(name, ValueType.UUID), "{0}").format(quoted([name]))
        + f" AS {quoted([name])}"
        for name in fold.stored.names
    ]
    listed = [f"{quoted([name])} = ANY (%s::{_KINDS[kinds[name]].split()[0]}[])" for name in where]
    return _ours(
        template("rows_of_key.sql").format(
            columns=", ".join(columns),
            table=quoted([table]),
            where=" AND ".join(listed) or "true",
            ordinals=", ".join(str(n) for n in range(5, 5 + len(fold.keys))),
        )
    )


def literal(value: object) -> str:
    """A value as PostgreSQL reads it in a text, where no parameter can be."""
    return Literal(value).as_string(None)


def _comment(kind: str, name: Sequence[str], what: str) -> LiteralString:
    place = ".".join(quoted([part]) for part in name)
    return _ours(f"COMMENT ON {kind} {place} IS {literal(what)}")


def _ours(text: str) -> LiteralString:
    """SQL made of templates and of names that `shape.NAME` lets through."""
    return text


def _key_order(fold: Fold) -> list[str]:
    return [key.name for key in fold.index]
