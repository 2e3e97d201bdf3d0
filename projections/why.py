"""Why a cell says what it says: the events behind it, from the fold's own WHERE, key and FILTER."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.errors import BadUsage, NotFound
from ledger.gone import HIDDEN
from ledger.relation import EventSource, Scannable
from projections import functions, sql
from projections.definition import Aggregate, Fold, Measure
from projections.folding import CannotFold, told_apart
from projections.ordered import in_order
from projections.scanning import scanned

_ALWAYS = ("position", "id", "type", "occurred_at", "moment")
_FIRST_WITH = (
    "value = (SELECT {0}(value) FROM found)"
    " AND moment = (SELECT min(moment) FROM found WHERE value = (SELECT {0}(value) FROM found))"
)
_DECIDES = {
    Aggregate.COUNT: "NULL::BOOLEAN",
    Aggregate.SUM: "NULL::BOOLEAN",
    Aggregate.MIN: _FIRST_WITH.format("min"),
    Aggregate.MAX: _FIRST_WITH.format("max"),
    Aggregate.BOOL_OR: _FIRST_WITH.format("bool_or"),
    Aggregate.BOOL_AND: _FIRST_WITH.format("bool_and"),
    Aggregate.ARG_MIN: "moment = (SELECT min(moment) FROM found)",
    Aggregate.ARG_MAX: "moment = (SELECT max(moment) FROM found)",
}
"""Which of the found events the cell's value is from: of equals the earliest. In a count or sum
every event has its part, and none decides. Lines of one order have its moment: equal ones decide
together."""


@dataclass(frozen=True, slots=True)
class Why:
    """The events behind one cell, in order of moment.

    `events` has position, occurred_at, type, id, value (what the event brought to the cell) and
    decides (true for the event the cell's value is from; null in counts and sums). An order comes
    once for each of its lines where the fold reads those.
    """

    view: str
    column: str
    sql: str
    events: pa.Table


def why(
    fold: Fold,
    column: str,
    key: Sequence[Sequence[Any]],
    source: EventSource,
    upto: int | None = None,
    hidden: pa.Table | None = None,
) -> Why:
    """The events behind `column` in the row of `key`: for each key column, the values it may have.

    None behind a row of a `hidden` customer, whom no value names either.
    Reads the source once; memory follows the events found. Raises `NotFound`, `BadUsage`.
    """
    measure = _measure(fold, column)
    if len(key) != len(fold.keys):
        names = ", ".join(k.name for k in fold.keys)
        raise BadUsage(f"{fold.name}: expected a value each for {names}, came {len(key)}")
    literals = [[_literal(value) for value in values] for values in key]
    conditions = [
        sql.key_condition(part, values) for part, values in zip(fold.keys, literals, strict=True)
    ]
    if hidden is None or fold.of_privacy:
        hidden = HIDDEN.empty_table()
    if hidden.num_rows:
        whose = [part for part in fold.keys if part.name in fold.person_keys]
        conditions += [sql.living(part.sql) for part in whose]
    select = sql.why_sql(fold, measure, conditions)
    needs = tuple(c for c in relation.columns() if c in {*_ALWAYS, *fold.needs})
    upto = source.head() if upto is None else min(upto, source.head())
    shown = sql.visible("value") if column in fold.person_measures else "value"
    with closing(functions.cursor()) as connection:
        connection.register("hidden", hidden)
        _demand_values(connection, fold, literals)
        found = _found(connection, select, source, needs, upto, hidden)
        if isinstance(found, CannotFold):
            raise BadUsage(f"{fold.name}.{column}: cannot be read: {found}") from found
        if found is None:
            return Why(fold.name, column, select, _EMPTY.empty_table())
        connection.register("found", found)
        decides = functions.template("decide.sql").format(
            shown=shown, decides=_DECIDES[measure.aggregate]
        )
        return Why(fold.name, column, select, connection.sql(decides).to_arrow_table())


def _demand_values(
    connection: duckdb.DuckDBPyConnection, fold: Fold, literals: Sequence[Sequence[str]]
) -> None:
    """Raises `BadUsage` for a value that is none of its key column's."""
    typed = [
        f"{value}::{part.type}"
        for part, values in zip(fold.keys, literals, strict=True)
        for value in values
    ]
    try:
        connection.execute(
            functions.template("values.sql").format(values=", ".join(typed))
        ).fetchall()
    except duckdb.ConversionException:  # its message quotes what was given, whoever that names
        raise BadUsage("key: expected values of the types of its columns") from None


def _found(
    connection: duckdb.DuckDBPyConnection,
    select: str,
    source: EventSource,
    needs: tuple[str, ...],
    upto: int,
    hidden: pa.Table,
) -> pa.Table | CannotFold | None:
    """What the SELECT finds among all events up to a position; None if there are none."""
    if isinstance(source, Scannable):
        with scanned(source, needs, 0, upto) as scan:
            return scan.select(select, {"hidden": hidden})
    parts: list[pa.Table] = []
    try:
        for batch in in_order(source.batches(0, needs, upto=upto), 0, upto):
            connection.register("events", batch)
            with told_apart():
                parts.append(connection.sql(select).to_arrow_table())
    except CannotFold as error:
        return error
    return pa.concat_tables(parts) if parts else None


_EMPTY = pa.schema(
    [
        ("position", pa.int64()),
        ("occurred_at", pa.timestamp("us")),
        ("type", pa.string()),
        ("id", pa.uuid()),
        ("value", pa.null()),
        ("decides", pa.bool_()),
    ]
)


def _measure(fold: Fold, column: str) -> Measure:
    for measure in fold.measures:
        if measure.name == column:
            return measure
    known = ", ".join(measure.name for measure in fold.measures)
    raise NotFound("column", f"{fold.name}.{column}", f"there are {known}")


def _literal(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"
