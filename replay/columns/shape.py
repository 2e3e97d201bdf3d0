"""What a segment holds: the `events` relation, typed, and beside it the stored bytes that it was read from."""

import hashlib
from collections.abc import Mapping
from functools import cache

import pyarrow as pa

from ledger import relation
from ledger.book import STORED

BYTES = ("recorded_us", "body", "personal", "leaf")
"""The columns that are stored bytes, each as `ledger.book.STORED` has it."""

_DIGEST_CHARS = 12
_IN_SPARK = {"VARCHAR": "STRING", "JSON": "STRING", "UUID": "BINARY", "TIMESTAMP": "TIMESTAMP_NTZ"}


@cache
def schema() -> pa.Schema:
    """The columns of a segment that is written today, in order."""
    typed = relation.schema(tuple(relation.columns()))
    both = set(typed.names).intersection(BYTES)
    if both:
        raise TypeError(f"a column of the events relation is called as stored bytes are: {both}")
    typed = [pa.field(f.name, pa.bool_()) if f.type == pa.bool8() else f for f in typed]
    return pa.schema([*typed, *(STORED.field(name) for name in BYTES)])


@cache
def definitions() -> Mapping[str, str]:
    """How each column of the relation is read from a body today, as a digest.

    A segment that was written when a column was read otherwise, or was not there, has none of it.
    """
    template = relation.select(["position"])
    return {
        name: hashlib.sha256(f"{template}\n{column.type}\n{column.sql}".encode()).hexdigest()[
            :_DIGEST_CHARS
        ]
        for name, column in relation.columns().items()
    }


def spark_schema() -> str:
    """The columns of a segment as Spark wants to be told: by itself it refuses UUIDs in Parquet."""
    told = [f"`{n}` {_IN_SPARK.get(c.type, c.type)}" for n, c in relation.columns().items()]
    return ",\n".join([*told, "`recorded_us` BIGINT", *(f"`{n}` BINARY" for n in BYTES[1:])]) + "\n"


def in_file(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of the relation as it is in a file: yes and no in a bit, and not in a byte of DuckDB's."""
    if column.type != pa.bool8():
        return column
    return pa.chunked_array([part.storage.cast(pa.bool_()) for part in column.chunks], pa.bool_())


def in_relation(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The other way round, as the relation's own batches have it."""
    if kind != pa.bool8():
        return column.cast(kind)
    bytes_of = [pa.ExtensionArray.from_storage(kind, c.cast(pa.int8())) for c in column.chunks]
    return pa.chunked_array(bytes_of, kind)
