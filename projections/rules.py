"""What the columns of a fold may say: every refusal, with the reason and what to write instead.

The rules keep one promise: that whatever passes them merges. They are checked on the tree that
sqlglot reads, and functions on the tree that DuckDB reads, since DuckDB is who runs them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from ledger import relation
from ledger.errors import DefinitionRefused
from projections import functions
from projections.shape import NAME, place_of
from projections.sources import Source

_RESERVED_COLUMNS = frozenset({"rowid"})
_AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Min: "min",
    exp.Max: "max",
    exp.ArgMin: "arg_min",
    exp.ArgMax: "arg_max",
    exp.LogicalOr: "bool_or",
    exp.LogicalAnd: "bool_and",
}
_ALLOWED = "count, sum, min, max, arg_min, arg_max, bool_or, bool_and"
_DIVIDE = "write sum(x) and count(x) as two columns, and divide them in a question"
_EARLIEST = "write arg_min(x, moment) for the earliest or arg_max(x, moment) for the latest"
_IN_QUESTION = "put the value in the key with a count, and work it out in a question"
_INSTEAD = {
    "avg": _DIVIDE,
    "mean": _DIVIDE,
    "any_value": _EARLIEST,
    "first": _EARLIEST,
    "last": _EARLIEST,
    "string_agg": "put the value in the key, and join the texts in a question",
    "listagg": "put the value in the key, and join the texts in a question",
    "list": "put the value in the key, and collect the list in a question",
    "array_agg": "put the value in the key, and collect the list in a question",
    "arbitrary": _EARLIEST,
}

_TEXTS = frozenset({"VARCHAR", "JSON"})
_COLUMNS = {
    Source.EVENTS: "`bahi view events` lists its columns",
    Source.ORDER_LINES: "it has product, quantity and amount_minor of the line, and the columns of"
    " events but moment, lines and data, which all lines of an order share",
}


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """One column of the SELECT list: its name and what is under it."""

    name: str
    value: exp.Expr


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate of the allowed ones: what it takes (a star for a bare count), and its FILTER."""

    name: str
    value: exp.Expr
    filter: exp.Expr | None


def demand_customers_as_such(name: str, column: str, value: exp.Expr, kind: str) -> None:
    """A customer is kept as the id that they are, so that who is erased can be found and left out."""
    named = {part.name.lower() for part in value.find_all(exp.Column)}
    if kind in _TEXTS and not named.isdisjoint(relation.CUSTOMERS):
        raise DefinitionRefused(
            name,
            column,
            "a text made of a customer would outlive their erasure",
            "write the customer as it is",
        )


def demand_known_columns(name: str, select: exp.Select, source: Source) -> None:
    """Every column is one of the source's; aliases of the SELECT list are not columns."""
    known = source.columns
    group = select.args.get("group")
    grouped = {id(item) for item in group.expressions} if group else set()
    aliases = {item.alias.lower() for item in select.expressions if isinstance(item, exp.Alias)}
    for column in select.find_all(exp.Column):
        bare = column.name.lower()
        if id(column) in grouped and bare in aliases:
            continue
        qualified = column.table and column.table.lower() != source
        if isinstance(column.this, exp.Star) or qualified or bare not in known:
            if bare in functions.BARE:
                raise _clock(name, place_of(column), bare)
            raise DefinitionRefused(
                name,
                place_of(column),
                f"{source} has no column {column.sql(dialect='duckdb')}",
                _COLUMNS[source],
            )


def output_columns(name: str, select: exp.Select) -> Iterator[OutputColumn]:
    """The SELECT list: each item a bare column or an expression with an alias, no name twice."""
    seen: set[str] = set()
    for item in select.expressions:
        if isinstance(item, exp.Alias):
            column = OutputColumn(item.alias.lower(), item.this)
        elif isinstance(item, exp.Column):
            column = OutputColumn(item.name.lower(), item)
        else:
            shown = item.sql(dialect="duckdb")
            raise DefinitionRefused(name, shown, "it has no name", f"write {shown} AS its_name")
        if column.name in seen:
            raise DefinitionRefused(name, column.name, "two columns have this name", "rename one")
        if column.name in _RESERVED_COLUMNS or not NAME.fullmatch(column.name):
            raise DefinitionRefused(
                name,
                column.name,
                "this name is reserved",
                "begin with a letter, and use lower case, digits and _",
            )
        seen.add(column.name)
        _demand_steady(name, column)
        yield column
    where = select.args.get("where")
    if where:
        _demand_steady(name, OutputColumn("WHERE", where.this))
        _demand_no_aggregate(name, "WHERE", where.this)


def aggregate_call(name: str, column: OutputColumn) -> AggregateCall | None:
    """The column's aggregate, or None where it is part of the key."""
    value, condition = column.value, None
    if isinstance(value, exp.Filter):
        condition = value.expression.this
        value = value.this
    inside = [f for f, _ in _read(name, column.name, value).functions if functions.is_aggregate(f)]
    called = _AGGREGATES.get(type(value))
    if called is None:
        if not inside:
            if condition is not None:
                raise DefinitionRefused(
                    name,
                    column.name,
                    "FILTER belongs to an aggregate",
                    "write CASE WHEN … THEN … END",
                )
            return None
        _refuse_aggregate(name, column.name, inside)
    _demand_plain_call(name, column.name, called or "", value)
    inner = value.this
    _demand_no_aggregate(name, column.name, inner)
    if condition is not None:
        _demand_no_aggregate(name, column.name, condition)
    return AggregateCall(called or "", inner, condition)


def demand_grouped_by_keys(name: str, select: exp.Select, keys: Mapping[str, str]) -> None:
    """GROUP BY names each key, by its name or as it is written, and nothing else."""
    if not keys:
        raise DefinitionRefused(
            name, "GROUP BY", "a fold has one row a key, and there is no key", "select a key column"
        )
    group = select.args.get("group")
    plain = group is not None and {k for k, v in group.args.items() if v} <= {"expressions"}
    given = set()
    for item in group.expressions if plain and group else ():
        written = item.sql(dialect="duckdb", comments=False)
        bare = item.name.lower() if isinstance(item, exp.Column) else ""
        found = (
            bare
            if bare in keys
            else next((k for k, sql in keys.items() if sql == written), written)
        )
        given.add(found)
    if given != set(keys):
        raise DefinitionRefused(
            name,
            "GROUP BY",
            "it is not exactly the columns that are no aggregates",
            "write GROUP BY " + ", ".join(keys),
        )


def _demand_plain_call(name: str, column: str, called: str, call: exp.Expr) -> None:
    """`aggregate(x)`, `count(*)` or `arg_max(x, moment)`: nothing more between the brackets."""
    if call.find(exp.Distinct):
        raise DefinitionRefused(
            name,
            column,
            f"{called}(DISTINCT x): distinct values of two runs do not add up",
            "put x in the key, and count the rows in a question",
        )
    if call.find(exp.Order):
        raise DefinitionRefused(
            name, column, f"ORDER BY inside {called}", f"write arg_min or arg_max with {_MOMENT}"
        )
    if called in {"arg_min", "arg_max"}:
        second = call.args.get("expression")
        if not isinstance(second, exp.Column) or second.name.lower() != "moment":
            raise DefinitionRefused(
                name,
                column,
                f"the second argument of {called} is moment, exactly: no other order has no ties",
                f"write {called}(x, moment)",
            )
    extra = [k for k, v in call.args.items() if v and k not in {"this", "expression", "big_int"}]
    if extra or call.this is None or (isinstance(call.this, exp.Star) and called != "count"):
        written = f"{called}(x, moment)" if called.startswith("arg_") else f"{called}(x)"
        raise DefinitionRefused(
            name, column, f"{called} takes one plain expression", f"write {written}"
        )


_MOMENT = "moment as the second argument"


def _demand_no_aggregate(name: str, column: str, value: exp.Expr) -> None:
    inside = [f for f, _ in _read(name, column, value).functions if functions.is_aggregate(f)]
    if inside:
        raise DefinitionRefused(
            name,
            column,
            f"an aggregate inside an expression that is not one: {inside[0]}",
            "aggregate plain expressions, and combine the columns in a question",
        )


def _refuse_aggregate(name: str, column: str, inside: list[str]) -> None:
    allowed = {*_ALLOWED.split(", "), "count_star", "max_by", "min_by"}
    other = next((function for function in inside if function not in allowed), None)
    if other is None:
        raise DefinitionRefused(
            name,
            column,
            "neither a key nor an aggregate, but an expression around aggregates",
            "keep each aggregate in a column of its own, and combine them in a question",
        )
    raise DefinitionRefused(
        name,
        column,
        f"{other} of two runs does not follow from {other} of each; allowed are {_ALLOWED}",
        _INSTEAD.get(other, _IN_QUESTION),
    )


def _demand_steady(name: str, column: OutputColumn) -> None:
    """What DuckDB reads is what sqlglot read: plain expressions, columns, and steady functions."""
    reading = _read(name, column.name, column.value)
    for bare in reading.columns:
        if bare.lower() in functions.BARE:
            raise _clock(name, column.name, bare.lower())
    for kind in sorted(reading.classes - _PLAIN):
        raise DefinitionRefused(
            name, column.name, f"{kind.lower()}: a fold takes plain expressions", "name a column"
        )
    for function, arguments in reading.functions:
        why = functions.unsteady(function, arguments)
        if why is not None:
            unknown = why == functions.UNKNOWN
            remedy = "see DuckDB's list of functions" if unknown else _USE_EVENT_TIME
            raise DefinitionRefused(name, column.name, f"{function}: {why}", remedy)


_PLAIN = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "FUNCTION",
        "LAMBDA",  # how DuckDB parses data->'$.x'; real lambdas were refused by their shape
        "OPERATOR",
        "STAR",
        "TYPE",
    }
)
_USE_EVENT_TIME = "fold what the event says (occurred_at), and ask for :now in a question"


def _clock(name: str, column: str, function: str) -> DefinitionRefused:
    return DefinitionRefused(
        name, column, f"{function}: it is another value each time", _USE_EVENT_TIME
    )


def _read(name: str, column: str, value: exp.Expr) -> functions.Reading:
    sql = "*" if isinstance(value, exp.Star) else value.sql(dialect="duckdb", comments=False)
    try:
        return functions.read(f"SELECT {sql} FROM events")  # noqa: S608 — parsed, not run
    except functions.NotOneSelect as error:
        raise DefinitionRefused(name, column, str(error), "see DuckDB's SQL") from error
