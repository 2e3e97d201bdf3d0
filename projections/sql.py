"""DuckDB's SQL for a fold: folding events, merging folded rows, asking why. Templates beside it."""

from collections.abc import Sequence

from projections.definition import Aggregate, Fold, Key, Measure
from projections.functions import template
from projections.sources import Source

_MERGES = {
    Aggregate.COUNT: "sum({0})::BIGINT",
    Aggregate.SUM: "sum({0})::BIGINT",
    Aggregate.MIN: "min({0})",
    Aggregate.MAX: "max({0})",
    Aggregate.ARG_MIN: "arg_min({0}, {1})",
    Aggregate.ARG_MAX: "arg_max({0}, {1})",
    Aggregate.BOOL_OR: "bool_or({0})",
    Aggregate.BOOL_AND: "bool_and({0})",
}
"""⊕ over rows of one key, given the column and its companion. All of them pass over NULL."""


def quoted(names: Sequence[str]) -> str:
    """Names as SQL identifiers, with commas."""
    return ", ".join(f'"{name}"' for name in names)


def fold_sql(fold: Fold) -> str:
    """Rows of `fold.stored` from a relation `events`, in key order, rows with a null key dropped."""
    columns = [
        f"({column.sql})::{column.type} AS {quoted([column.name])}" for column in fold.keys
    ] + [f"{_aggregated(measure)} AS {quoted([measure.name])}" for measure in fold.measures]
    columns += [
        f"{_companion(measure)} AS {quoted([measure.companion])}"
        for measure in fold.measures
        if measure.companion
    ]
    names = [key.name for key in fold.keys]
    return template("fold.sql").format(
        columns=",\n           ".join(columns),
        relation=fold.source.sql,
        where=fold.where or "true",
        ordinals=_ordinals(fold),
        present=" AND ".join(f"{quoted([name])} IS NOT NULL" for name in names),
        keys=quoted(names),
    )


def touched_sql(folds: Sequence[Fold]) -> str:
    """One row: for each fold, whether any of the `events` may have a part in one of its rows."""
    return template("touched.sql").format(
        touched=",\n       ".join(f"bool_or({_takes_part(fold)})" for fold in folds)
    )


def seen_sql(fold: Fold) -> str:
    """What is seen of shown rows `merged`: no rows of `hidden` customers, and none of them in a row."""
    columns = [quoted([key.name]) for key in fold.keys]
    for measure in fold.measures:
        name = quoted([measure.name])
        hides = measure.name in fold.person_measures
        columns.append(visible(name) + f" AS {name}" if hides else name)
    return template("seen.sql").format(
        columns=",\n       ".join(columns),
        living=" AND ".join(living(quoted([name])) for name in fold.person_keys) or "true",
        keys=quoted([key.name for key in fold.keys]),
    )


def living(customer: str) -> str:
    """That a customer is not one of those who are `hidden`."""
    return template("living.sql").format(customer=customer).rstrip()


def visible(customer: str) -> str:
    """The customer, or NULL for one of those who are `hidden`."""
    return f"CASE WHEN {living(customer)} THEN {customer} END"


def merge_sql(fold: Fold) -> str:
    """The shown rows of customers merged by `aliases`, without `hidden` ones, from `folded` rows."""
    columns = [quoted([key.name]) for key in fold.keys]
    for measure in fold.measures:
        companion = quoted([measure.companion]) if measure.companion else ""
        merged = _MERGES[measure.aggregate].format(quoted([measure.name]), companion)
        columns.append(f"{merged} AS {quoted([measure.name])}")
    return template("merge.sql").format(
        columns=",\n       ".join(columns),
        ordinals=_ordinals(fold),
        keys=quoted([key.name for key in fold.keys]),
    )


def why_sql(fold: Fold, measure: Measure, keys: Sequence[str]) -> str:
    """The events behind one cell; `keys` holds one condition a key column."""
    counted = measure.sql == "*"
    conditions = [f"({measure.filter})"] if measure.filter else []
    if not counted:
        conditions.append(f"({measure.sql}) IS NOT NULL")
    return template("why.sql").format(
        value="NULL" if counted else f"({measure.sql})",
        relation=fold.source.sql,
        where=f"({fold.where})" if fold.where else "true",
        key=" AND ".join(keys),
        filter=" AND ".join(conditions) or "true",
    )


def key_condition(key: Key, values: Sequence[str]) -> str:
    """That a key column is one of these values, written as SQL literals."""
    return f"({key.sql})::{key.type} IN ({', '.join(f'{value}::{key.type}' for value in values)})"


def _takes_part(fold: Fold) -> str:
    if fold.source is Source.ORDER_LINES:
        return "type = 'order.placed'"
    conditions = [f"({fold.where})"] if fold.where else []
    return " AND ".join([*conditions, *(f"({key.sql}) IS NOT NULL" for key in fold.keys)])


def _aggregated(measure: Measure) -> str:
    inner = measure.sql
    if measure.aggregate in {Aggregate.ARG_MIN, Aggregate.ARG_MAX}:
        inner = f"({inner})::{measure.type}, moment"
    called = f"{measure.aggregate}({inner}){_filter(measure.filter)}"
    return f"({called})::{measure.type}"


def _companion(measure: Measure) -> str:
    """The moment that decided: only events that have a value can decide."""
    present = f"({measure.sql}) IS NOT NULL"
    condition = f"({measure.filter}) AND {present}" if measure.filter else present
    extreme = "max" if measure.aggregate is Aggregate.ARG_MAX else "min"
    return f"{extreme}(moment){_filter(condition)}"


def _filter(condition: str) -> str:
    return f" FILTER (WHERE {condition})" if condition else ""


def _ordinals(fold: Fold) -> str:
    return ", ".join(str(n) for n in range(1, len(fold.keys) + 1))
