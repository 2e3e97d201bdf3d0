"""Types of columns: what only DuckDB has of them, as everybody else has it."""

from collections.abc import Iterator

import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

_NARROWED = {
    "hugeint": "BIGINT",
    "uhugeint": "BIGINT",
    "bignum": "VARCHAR",
    "bit": "VARCHAR",
    "interval": "VARCHAR",
    "time with time zone": "VARCHAR",
    "union": "VARCHAR",
    "variant": "VARCHAR",
}


def narrowed(kind: DuckDBPyType) -> str | None:
    """A type of SQL that others have too, for one that has in it what they have not; None for all else.

    Sums of whole numbers are 128 bits wide in DuckDB; a sum of ours that needs them is an error.
    """
    return _in_sql(kind) if _is_odd(kind) else None


def _is_odd(kind: DuckDBPyType) -> bool:
    return kind.id in _NARROWED or any(_is_odd(inner) for _, inner in _within(kind))


def _in_sql(kind: DuckDBPyType) -> str:
    inner = [(name, _in_sql(one)) for name, one in _within(kind)]
    match kind.id:
        case "list":
            return f"{inner[0][1]}[]"
        case "array":
            return f"{inner[0][1]}[{dict(kind.children)['size']}]"
        case "map":
            return f"MAP({inner[0][1]}, {inner[1][1]})"
        case "struct":
            fields = (f'"{name.replace(chr(34), chr(34) * 2)}" {one}' for name, one in inner)
            return f"STRUCT({', '.join(fields)})"
        case _:
            return _NARROWED.get(kind.id, str(kind))


def _within(kind: DuckDBPyType) -> Iterator[tuple[str, DuckDBPyType]]:
    if kind.id in {"list", "array", "map", "struct"}:
        yield from ((name, one) for name, one in kind.children if isinstance(one, DuckDBPyType))


def with_truth(kind: pa.DataType) -> pa.DataType:
    """The same with truth values as Arrow itself has them, at any depth: DuckDB makes them whole bytes,
    which whoever does not know of that takes for numbers.
    """
    if kind == pa.bool8():
        return pa.bool_()
    if pa.types.is_list(kind):
        return pa.list_(_field_with_truth(kind.value_field))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_field_with_truth(kind.value_field), kind.list_size)
    if pa.types.is_struct(kind):
        return pa.struct([_field_with_truth(kind.field(n)) for n in range(kind.num_fields)])
    if pa.types.is_map(kind):
        return pa.map_(_field_with_truth(kind.key_field), _field_with_truth(kind.item_field))
    return kind


def _field_with_truth(field: pa.Field) -> pa.Field:
    return field.with_type(with_truth(field.type))


def schema_with_truth(schema: pa.Schema) -> pa.Schema:
    """The same of each column."""
    return pa.schema([_field_with_truth(field) for field in schema])
