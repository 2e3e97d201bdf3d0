"""Rows of an SQLite book as Arrow, each column with the type that it has for good."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ledger import relation
from ledger.book import STORED
from ledger.sqlite.connection import statement
from ledger.sqlite.redaction import whole


def clear(reader: sqlite3.Connection, after: int, upto: int, size: int) -> Iterator[pa.Table]:
    """Rows of a range of positions, shaped as `relation.RAW`."""
    for rows in _pages(reader, "book/read_clear", after, upto, size):
        yield pa.Table.from_arrays(
            [
                pa.array([row[0] for row in rows], pa.int64()),
                pa.array([row[1] for row in rows], pa.int64()).cast(pa.timestamp("us")),
                pa.array([whole(reader, row[0], row[2]) for row in rows], pa.binary()).cast(
                    pa.string()
                ),
            ],
            schema=relation.RAW,
        )


def stored(
    reader: sqlite3.Connection, after: int, upto: int, size: int
) -> Iterator[pa.RecordBatch]:
    """The same byte for byte, shaped as `STORED`."""
    for rows in _pages(reader, "book/read_stored", after, upto, size):
        columns: list[tuple[Any, ...]] = [*zip(*rows, strict=True)]
        positions, bodies = columns[0], columns[2]
        if None in bodies:
            pairs = zip(positions, bodies, strict=True)
            columns.append(tuple(whole(reader, at, None) if b is None else None for at, b in pairs))
        else:
            columns.append((None,) * len(rows))
        arrays = [pa.array(c, field.type) for c, field in zip(columns, STORED, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=STORED)


def _pages(
    reader: sqlite3.Connection, name: str, after: int, upto: int, size: int
) -> Iterator[list[tuple[Any, ...]]]:
    while after < upto:
        bounds = {"after": after, "upto": upto, "limit": size}
        rows = reader.execute(statement(name), bounds).fetchall()
        if not rows:
            return
        yield rows
        after = rows[-1][0]
