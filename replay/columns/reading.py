"""Reading history: each event from the segment that holds it, and from the book where none does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.book import Book
from replay.columns import locks, shape
from replay.columns.catalogue import Catalogue, Segment

_HELD = 100_000
"""So many events of the book are held as they are read; of more, they are read each time anew."""


class Piece(NamedTuple):
    """Events after a position up to and including another, from a segment or else from the book."""

    after: int
    upto: int
    segment: Segment | None


def pieces(catalogue: Catalogue, columns: Sequence[str], after: int, upto: int) -> Iterator[Piece]:
    """Where the columns of a range are read from, in order of position."""
    today = shape.definitions()
    known = [name for name in columns if name in today]
    for segment in catalogue.within(after + 1, upto):
        if not catalogue.has(segment, known, today):
            continue
        if segment.first > after + 1:
            yield Piece(after, segment.first - 1, None)
            after = segment.first - 1
        yield Piece(after, min(upto, segment.last), segment)
        after = min(upto, segment.last)
    if after < upto:
        yield Piece(after, upto, None)


@contextmanager
def scan(
    folder: Path,
    book: Book,
    standing: Callable[[], Catalogue],
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[str],
    after: int,
    upto: int | None,
) -> Iterator[str]:
    """See `ledger.relation.Scannable.scan`. `standing` gives what may be believed of the folder."""
    kind = relation.schema(tuple(columns))  # refuses what is no column
    with ExitStack() as stack:
        if folder.is_dir():
            stack.enter_context(locks.reading(folder))
        catalogue = standing()
        last = book.head() if upto is None else upto
        chosen = ", ".join(f'"{name}"' for name in columns)
        parts = []
        for files_shape, some in groupby(
            pieces(catalogue, columns, after, last),
            lambda piece: piece.segment and piece.segment.shape,
        ):
            run = [*some]
            if files_shape is None:
                for piece in run:
                    name = stack.enter_context(_beside(connection, book, kind, piece))
                    parts.append(_statement("beside").format(columns=chosen, table=f'"{name}"'))
            else:
                parts.append(_of_files(folder, chosen, run))
        if not parts:
            name = stack.enter_context(_beside(connection, book, kind, Piece(last, last, None)))
            parts.append(_statement("beside").format(columns=chosen, table=f'"{name}"'))
        yield f"({' UNION ALL '.join(parts)})"


def _of_files(folder: Path, chosen: str, run: Sequence[Piece]) -> str:
    """SQL of neighbouring pieces, all from segments."""
    segments = [piece.segment for piece in run if piece.segment is not None]
    paths = ", ".join(_quoted(folder / one.file) for one in segments)
    after, upto = run[0].after, run[-1].upto
    whole = (after + 1, upto) == (segments[0].first, segments[-1].last)
    # A bound that all rows meet would still be looked at for each of them.
    name = "segments" if whole else "segments_within"
    return _statement(name).format(columns=chosen, files=paths, after=after, upto=upto)


@contextmanager
def _beside(
    connection: duckdb.DuckDBPyConnection, book: Book, kind: pa.Schema, piece: Piece
) -> Iterator[str]:
    """The events of a piece of the book, under a name on a connection."""
    name = f"beside_{uuid4().hex}"
    given: pa.Table | _Stream = _Stream(book, kind, piece)
    if piece.upto - piece.after <= _HELD:
        given = pa.Table.from_batches(given.batches(), kind)
    connection.register(name, given)
    try:
        yield name
    finally:
        connection.unregister(name)


@dataclass(frozen=True, slots=True)
class _Stream:
    """Events of the book for DuckDB, read anew for each query; so many are never held at once."""

    book: Book
    kind: pa.Schema
    piece: Piece

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Those events, in order."""
        return self.book.batches(self.piece.after, self.kind.names, upto=self.piece.upto)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader = pa.RecordBatchReader.from_batches(self.kind, self.batches())
        return reader.__arrow_c_stream__(requested_schema)


def batches(
    folder: Path,
    book: Book,
    standing: Callable[[], Catalogue],
    columns: Sequence[str],
    after: int,
    upto: int,
    size: int,
) -> Iterator[pa.RecordBatch]:
    """See `ledger.relation.EventSource.batches`, up to a position that the book has.

    A file that was removed since the catalogue was read is looked for in the new one.
    """
    kind = relation.schema(tuple(columns))
    while after < upto:
        piece = next(pieces(standing(), columns, after, upto))
        if piece.segment is None:
            yield from book.batches(after, columns, upto=piece.upto, size=size)
        else:
            import pyarrow.parquet as pq  # slow to load

            try:
                file = pq.ParquetFile(folder / piece.segment.file)
            except FileNotFoundError:
                continue
            with file:
                yield from _of_segment(file, piece, kind, size)
        after = piece.upto


def _of_segment(file: Any, piece: Piece, kind: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
    assert piece.segment is not None
    start = piece.segment.first
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        begin, end = max(0, piece.after + 1 - start), min(rows, piece.upto + 1 - start)
        if begin < end:
            found = file.read_row_group(group, columns=kind.names)
            fields = ((found[field.name], field.type) for field in kind)
            read = pa.table([shape.in_relation(*one) for one in fields], schema=kind)
            yield from read.slice(begin, end - begin).combine_chunks().to_batches(size)
        start += rows


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@cache
def _statement(name: str) -> str:
    return files("replay.columns").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
