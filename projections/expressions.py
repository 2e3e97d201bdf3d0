"""What folds say of one event, as Python that answers as DuckDB does: the common part of it.

Truth has three values, None is NULL, and no value is turned into another type: what is not sure to be the
same here and there is `Unclear`, when it is read or when it comes.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlglot
from sqlglot import exp

LEAST, MOST = -(2**63), 2**63 - 1
"""The bounds of a BIGINT."""

OF_A_TYPE = frozenset({"type", "domain"})
"""The columns that all events of a type have alike."""

Value = Callable[[Mapping[str, Any]], Any]


class Unclear(Exception):
    """To be asked of DuckDB."""


class Expression(NamedTuple):
    """An expression over columns of one event."""

    value: Value
    columns: frozenset[str]


@cache
def compiled(text: str) -> Expression:
    """DuckDB's SQL of an expression as Python. Raises `Unclear`."""
    tree = sqlglot.parse_one(text, read="duckdb")
    names = frozenset(column.name for column in tree.find_all(exp.Column))
    return Expression(_made(tree), names)


def _made(node: exp.Expr) -> Value:
    for kind, make in _MAKERS:
        if type(node) is kind:
            value = make(node)
            if kind is exp.Column:
                return value
            names = {column.name for column in node.find_all(exp.Column)}
            return _once_a_type(value) if names and names <= OF_A_TYPE else value
    raise Unclear


def _once_a_type(value: Value) -> Value:
    """The same, worked out once for all events of a type."""
    known: dict[tuple[str, str], Any] = {}

    def of_type(row: Mapping[str, Any]) -> Any:
        kind = (row["type"], row["domain"])
        if kind not in known:
            known[kind] = value(row)
        return known[kind]

    return of_type


def _column(node: Any) -> Value:
    if node.table:
        raise Unclear
    return operator.itemgetter(node.name)


def _literal(node: Any) -> Value:
    if not node.is_string and not re.fullmatch("[0-9]+", node.this):
        raise Unclear
    value = node.this if node.is_string else int(node.this)
    return lambda _: value


def _boolean(node: Any) -> Value:
    value = bool(node.this)
    return lambda _: value


def _null(_: Any) -> Value:
    return lambda _: None


def _not(node: Any) -> Value:
    inner = _made(node.this)

    def value(row: Mapping[str, Any]) -> bool | None:
        given = _truth(inner(row))
        return None if given is None else not given

    return value


def _junction(node: Any) -> Value:
    """AND and OR: the one value that settles it, whatever the other is; else None if one is unknown."""
    left, right, settles = _made(node.left), _made(node.right), isinstance(node, exp.Or)

    def value(row: Mapping[str, Any]) -> bool | None:
        one = _truth(left(row))
        if one is settles:
            return settles
        other = _truth(right(row))
        if other is settles:
            return settles
        return None if one is None or other is None else not settles

    return value


def _truth(value: Any) -> bool | None:
    if value is None or value is True or value is False:
        return value
    raise Unclear


def _comparison(node: Any) -> Value:
    left, right, holds = _made(node.left), _made(node.right), _HOLDS[type(node)]

    def value(row: Mapping[str, Any]) -> bool | None:
        return _compared(left(row), right(row), holds)

    return value


def _compared(one: Any, other: Any, holds: Callable[[Any, Any], bool]) -> bool | None:
    if one is None or other is None:
        return None
    if type(one) is not type(other):
        raise Unclear
    return holds(one, other)


def _in(node: Any) -> Value:
    if not node.expressions:
        raise Unclear
    given, among = _made(node.this), [_made(one) for one in node.expressions]

    def value(row: Mapping[str, Any]) -> bool | None:
        found = [_compared(given(row), one(row), operator.eq) for one in among]
        return True if True in found else None if None in found else False

    return value


def _between(node: Any) -> Value:
    given, low, high = (_made(node.args[part]) for part in ("this", "low", "high"))

    def value(row: Mapping[str, Any]) -> bool | None:
        above = _compared(given(row), low(row), operator.ge)
        below = _compared(given(row), high(row), operator.le)
        return False if False in (above, below) else None if None in (above, below) else True

    return value


def _is(node: Any) -> Value:
    if not isinstance(node.expression, exp.Null):
        raise Unclear
    given = _made(node.this)
    return lambda row: given(row) is None


def _like(node: Any) -> Value:
    pattern = node.expression
    if not (isinstance(pattern, exp.Literal) and pattern.is_string) or "\\" in pattern.this:
        raise Unclear
    given = _made(node.this)
    parts = {"%": ".*", "_": "."}
    like = re.compile("".join(parts.get(c, re.escape(c)) for c in pattern.this), re.DOTALL)

    def value(row: Mapping[str, Any]) -> bool | None:
        text = given(row)
        if text is None:
            return None
        if type(text) is not str:
            raise Unclear
        return like.fullmatch(text) is not None

    return value


def _case(node: Any) -> Value:
    if node.this is not None:
        raise Unclear
    branches = [(_made(one.this), _made(one.args["true"])) for one in node.args["ifs"]]
    otherwise = _made(node.args["default"]) if node.args.get("default") else _null(None)

    def value(row: Mapping[str, Any]) -> Any:
        for condition, then in branches:
            if _truth(condition(row)):
                return then(row)
        return otherwise(row)

    return value


def _coalesce(node: Any) -> Value:
    parts = [_made(one) for one in (node.this, *node.expressions)]

    def value(row: Mapping[str, Any]) -> Any:
        return next((found for part in parts if (found := part(row)) is not None), None)

    return value


def _cast(node: Any) -> Value:
    given, kind = _made(node.this), node.to.sql(dialect="duckdb")
    if kind not in _CASTS:
        raise Unclear

    def value(row: Mapping[str, Any]) -> Any:
        found = given(row)
        return None if found is None else _CASTS[kind](found)

    return value


def _as_date(value: Any) -> date:
    if type(value) is datetime:
        return value.date()
    if type(value) is date:
        return value
    raise Unclear


def _as_time(value: Any) -> datetime:
    if type(value) is datetime:
        return value
    if type(value) is str and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{6})?", value):
        return datetime.fromisoformat(value)
    raise Unclear


def _as_is(kind: type) -> Callable[[Any], Any]:
    def value(given: Any) -> Any:
        if type(given) is not kind:
            raise Unclear
        return given

    return value


def _truncated(node: Any) -> Value:
    given, unit = _made(node.this), str(node.args["unit"].name).lower()
    if unit not in _BEGINS:
        raise Unclear

    def value(row: Mapping[str, Any]) -> datetime | None:
        moment = given(row)
        if moment is None:
            return None
        if type(moment) is not datetime:
            raise Unclear
        return moment.replace(**_BEGINS[unit], minute=0, second=0, microsecond=0)

    return value


_BEGINS: Mapping[str, Mapping[str, Any]] = {
    "year": {"month": 1, "day": 1, "hour": 0},
    "month": {"day": 1, "hour": 0},
    "day": {"hour": 0},
}

_CASTS: Mapping[str, Callable[[Any], Any]] = {
    "DATE": _as_date,
    "TIMESTAMP": _as_time,
    "TEXT": _as_is(str),
    "BIGINT": _as_is(int),
    "UUID": _as_is(UUID),
}

_HOLDS: Mapping[type, Callable[[Any, Any], bool]] = {
    exp.EQ: operator.eq,
    exp.NEQ: operator.ne,
    exp.LT: operator.lt,
    exp.LTE: operator.le,
    exp.GT: operator.gt,
    exp.GTE: operator.ge,
}

_MAKERS: Sequence[tuple[type, Callable[[Any], Value]]] = (
    (exp.Column, _column),
    (exp.Literal, _literal),
    (exp.Boolean, _boolean),
    (exp.Null, _null),
    (exp.Paren, lambda node: _made(node.this)),
    (exp.Not, _not),
    (exp.And, _junction),
    (exp.Or, _junction),
    *((kind, _comparison) for kind in _HOLDS),
    (exp.In, _in),
    (exp.Between, _between),
    (exp.Is, _is),
    (exp.Like, _like),
    (exp.Case, _case),
    (exp.Coalesce, _coalesce),
    (exp.Cast, _cast),
    (exp.DateTrunc, _truncated),
    (exp.TimestampTrunc, _truncated),
)
