"""The types of a view's columns, and what is refused since it would not be the same everywhere."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import duckdb
import pyarrow as pa

from ledger.errors import DefinitionRefused

_FITS_BIGINT = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
_INTEGERS = _FITS_BIGINT | {"HUGEINT", "UBIGINT", "UHUGEINT"}
_STORABLE = frozenset({"BOOLEAN", "VARCHAR", "UUID", "TIMESTAMP", "DATE", "JSON"})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})


class ValueType(StrEnum):
    """The types a view's column may have: those that compare alike in every store."""

    BOOLEAN = "BOOLEAN"
    BIGINT = "BIGINT"
    VARCHAR = "VARCHAR"
    UUID = "UUID"
    TIMESTAMP = "TIMESTAMP"
    DATE = "DATE"
    JSON = "JSON"

    @property
    def arrow(self) -> pa.DataType:
        """Its Arrow type, the same as DuckDB's lossless conversion gives."""
        return _ARROW[self]


_ARROW = {
    ValueType.BOOLEAN: pa.bool_(),
    ValueType.BIGINT: pa.int64(),
    ValueType.VARCHAR: pa.string(),
    ValueType.UUID: pa.uuid(),
    ValueType.TIMESTAMP: pa.timestamp("us"),
    ValueType.DATE: pa.date32(),
    ValueType.JSON: pa.json_(),
}


def arrow_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """A column from plain values: UUIDs as bytes, times as µs and days since 1970, truth as 0 and 1."""
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).view(kind)  # as it lies: to cast a few takes longer
    if pa.types.is_date32(kind):
        return pa.array(values, pa.int32()).view(kind)
    if pa.types.is_boolean(kind):
        return pa.array([None if value is None else value != 0 for value in values], kind)
    return pa.array(values, kind)


def storable(name: str, column: str, kind: str) -> ValueType:
    """The type a column is kept in: whole numbers widen to BIGINT; floats and the like are refused."""
    if kind in _FITS_BIGINT:
        return ValueType.BIGINT
    if kind in _STORABLE:
        return ValueType(kind)
    if kind in _FLOATS:
        raise DefinitionRefused(
            name,
            column,
            f"it is {kind}, and floats are not equal in every order and store",
            "write whole numbers: minor units, or // in place of /",
        )
    remedy = {
        "TIMESTAMP WITH TIME ZONE": "write x::TIMESTAMP, times are UTC already",
        "HUGEINT": "write x::BIGINT",
        "UBIGINT": "write x::BIGINT",
        "UHUGEINT": "write x::BIGINT",
    }.get(kind, "write it as BIGINT, VARCHAR, BOOLEAN, UUID, TIMESTAMP, DATE or JSON")
    raise DefinitionRefused(name, column, f"a view does not keep {kind}", remedy)


def demand_integer(name: str, column: str, kind: str) -> None:
    """Only sums of whole numbers are the same in every order."""
    if kind not in _INTEGERS:
        raise DefinitionRefused(
            name,
            column,
            f"sum of {kind}: only whole numbers add up alike in every order",
            "sum minor units, or count(*) with a FILTER",
        )


def demand_boolean(name: str, column: str, kind: str) -> None:
    """A condition is true, false or unknown."""
    if kind not in {"BOOLEAN", '"NULL"'}:
        raise DefinitionRefused(
            name, column, f"{kind} is no condition", "compare it with something"
        )


def not_understood(name: str, column: str, error: duckdb.Error) -> DefinitionRefused:
    """DuckDB's first line: a definition holds nobody's data, so it may be shown."""
    return DefinitionRefused(name, column, str(error).splitlines()[0], "try it with `bahi sql`")
