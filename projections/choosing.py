"""Choosing among the rows of a view: conditions on its columns, an order, a place to go on from.

No SQL comes from outside: a condition is a column, one of `Op` and values of that column's type, and becomes
an expression that DuckDB runs. Nulls come last in any order, and answer no comparison but that with null.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import reduce
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
from sqlglot import exp

from ledger.errors import BadField, BadUsage, came
from projections import functions

ROWS = "rows_given"
_BIGINT = (-(2**63), 2**63 - 1)


class Op(StrEnum):
    """How a column is compared."""

    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    NULL = "null"


_COMPARED: dict[Op, type[exp.Binary]] = {
    Op.EQ: exp.EQ,
    Op.NE: exp.NEQ,
    Op.LT: exp.LT,
    Op.LTE: exp.LTE,
    Op.GT: exp.GT,
    Op.GTE: exp.GTE,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """That a column compares so with a value; with one of several for IN; or is null, or is not, for NULL."""

    column: str
    op: Op
    values: tuple[Any, ...]

    @property
    def sql(self) -> exp.Expr:
        column = _column(self.column)
        if self.op is Op.NULL:
            empty = exp.Is(this=column, expression=exp.Null())
            return empty if self.values[0] else exp.Not(this=empty)
        if self.op is Op.IN:
            return exp.In(this=column, expressions=[_literal(value) for value in self.values])
        return _COMPARED[self.op](this=column, expression=_literal(self.values[0]))


@dataclass(frozen=True, slots=True)
class By:
    """A column that rows are put in order by."""

    column: str
    descending: bool = False


def condition_of(column: str, op: Op, text: str, kind: pa.DataType) -> Condition:
    """The condition that is written so, its values read as the column's type. Raises `BadField`."""
    if op is Op.NULL:
        if text not in ("true", "false"):
            raise BadField(f"{column}[null]", "true or false", came(text))
        return Condition(column, op, (text == "true",))
    texts = text.split(",") if op is Op.IN else [text]
    return Condition(column, op, tuple(value_of(column, one, kind) for one in texts))


def value_of(column: str, text: str, kind: pa.DataType) -> Any:
    """A value of a column's type. Raises `BadField`, naming the type and not quoting the value."""
    for fits, _, expected, read in _READ:
        if fits(kind):
            try:
                return read(text)
            except (ValueError, OverflowError, InvalidOperation):
                raise BadField(column, expected, came(text)) from None
    raise BadField(column, "no comparison but `null`: it holds lists or objects", "another")


def named_type(kind: pa.DataType) -> str:
    """What a column's type is called to whoever asks for its values."""
    return next((name for fits, name, _, _ in _READ if fits(kind)), "object")


def plain(value: Any) -> str | None:
    """A value as `value_of` reads it again; None stays None."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return str(value)


def choose(
    rows: pa.Table,
    where: Sequence[exp.Expr],
    order: Sequence[By],
    most: int | None = None,
) -> pa.Table:
    """The rows that meet every condition, in order, the first so many. Raises `BadUsage` where they do not fit."""
    select = exp.select("*").from_(exp.table_(ROWS, quoted=True))
    if where:
        select = select.where(reduce(lambda one, other: exp.And(this=one, expression=other), where))
    if order:
        select = select.order_by(
            *(
                exp.Ordered(this=_column(by.column), desc=by.descending, nulls_first=False)
                for by in order
            )
        )
    if most is not None:
        select = select.limit(most)
    cursor = functions.cursor()
    try:
        cursor.register(ROWS, rows)
        found = cursor.sql(select.sql(dialect="duckdb")).to_arrow_table()
        return found if found.schema.equals(rows.schema) else found.cast(rows.schema)
    except duckdb.Error as error:
        raise BadUsage(f"{type(error).__name__}: the rows do not fit what was asked") from error
    finally:
        cursor.close()


def beyond(order: Sequence[By], values: Sequence[Any]) -> exp.Expr:
    """That a row comes after the one with these values of the columns it is ordered by."""
    ways: list[exp.Expr] = []
    same: list[exp.Expr] = []
    for by, value in zip(order, values, strict=True):
        column = _column(by.column)
        empty = exp.Is(this=column, expression=exp.Null())
        if value is not None:
            compared = exp.LT if by.descending else exp.GT
            after = exp.Or(this=compared(this=column, expression=_literal(value)), expression=empty)
            ways.append(_all([*same, exp.Paren(this=after)]))
            same.append(exp.EQ(this=column.copy(), expression=_literal(value)))
        else:  # nothing comes after null but null
            same.append(empty)
    if not ways:
        return exp.false()
    return exp.Paren(this=reduce(lambda one, other: exp.Or(this=one, expression=other), ways))


def _all(parts: Sequence[exp.Expr]) -> exp.Expr:
    joined = reduce(
        lambda one, other: exp.And(this=one, expression=other), [p.copy() for p in parts]
    )
    return exp.Paren(this=joined)


def _column(name: str) -> exp.Column:
    return exp.column(name, quoted=True)


def _literal(value: Any) -> exp.Expr:
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, int | Decimal):
        number = exp.Literal.number(str(abs(value)))
        return exp.Paren(this=exp.Neg(this=number)) if value < 0 else number
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat(" ")), "timestamp")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "date")
    if isinstance(value, UUID):
        return exp.cast(exp.Literal.string(str(value)), "uuid")
    return exp.Literal.string(str(value))


def _whole(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,20}", text):
        raise ValueError
    value = int(text)
    if not _BIGINT[0] <= value <= _BIGINT[1]:
        raise OverflowError
    return value


def _number(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or len(value.as_tuple().digits) > 38 or abs(value.adjusted()) > 38:
        raise OverflowError
    return value


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _text(text: str) -> str:
    if "\x00" in text:
        raise ValueError
    text.encode()
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError
    return moment.astimezone(UTC).replace(tzinfo=None)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.json_())


def _is_truth(kind: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(kind) or kind == pa.bool8())


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


_READ: Sequence[tuple[Callable[[pa.DataType], bool], str, str, Callable[[str], Any]]] = (
    (_is_truth, "boolean", "true or false", _truth),
    (pa.types.is_integer, "integer", "a whole number", _whole),
    (_is_number, "number", "a number", _number),
    (_is_text, "text", "text", _text),
    (lambda kind: isinstance(kind, pa.UuidType), "uuid", "a UUID", UUID),
    (pa.types.is_timestamp, "time", "a time with a zone, such as 2026-01-31T12:00:00Z", _moment),
    (pa.types.is_date, "date", "a date, such as 2026-01-31", date.fromisoformat),
)
"""Of each type of column: what it is called, what is expected, and how its values are read."""
