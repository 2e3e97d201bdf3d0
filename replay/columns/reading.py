"""Reading history: each event from the segment that holds it, and from the book where none does."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.book import Book
from ledger.errors import StoreUnavailable
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
        catalogue = standing() if _held(folder, stack) else Catalogue()
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


def _held(folder: Path, stack: ExitStack) -> bool:
    """Whether nothing is removed from a folder until the stack ends; not if none is there, or not for us."""
    try:
        stack.enter_context(locks.reading(folder))
    except OSError:
        return False
    return True


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
    """The events of a piece of the book, under a name on a connection.

    Raises what the book raised where DuckDB could not read them for that.
    """
    name = f"beside_{uuid4().hex}"
    stream = _Stream(book, kind, piece)
    held = piece.upto - piece.after <= _HELD
    connection.register(name, pa.Table.from_batches(stream.batches(), kind) if held else stream)
    try:
        yield name
    except duckdb.Error as error:
        if stream.failed:
            raise stream.failed[0] from error
        raise
    finally:
        connection.unregister(name)


@dataclass(frozen=True, slots=True)
class _Stream:
    """Events of the book for DuckDB, read anew for each query; so many are never held at once."""

    book: Book
    kind: pa.Schema
    piece: Piece
    failed: list[Exception] = field(default_factory=list)
    """Why the book could not be read: DuckDB would say that of its own, and as text."""

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Those events, in order."""
        try:
            yield from self.book.batches(self.piece.after, self.kind.names, upto=self.piece.upto)
        except Exception as error:
            self.failed.append(error)
            raise

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

    A file that was removed since the catalogue was read is looked for in the new one. Raises
    `StoreUnavailable` for one that cannot be read.
    """
    kind = relation.schema(tuple(columns))
    while after < upto:
        piece = next(pieces(standing(), columns, after, upto))
        if piece.segment is None:
            yield from book.batches(after, columns, upto=piece.upto, size=size)
        else:
            try:
                for rows in _of_segment(folder / piece.segment.file, piece.segment, piece, kind):
                    yield from rows.to_batches(size)
            except FileNotFoundError:
                continue
        after = piece.upto


def _of_segment(path: Path, segment: Segment, piece: Piece, kind: pa.Schema) -> Iterator[pa.Table]:
    """The columns of a piece, a group of rows after the other."""
    import pyarrow.parquet as pq  # slow to load

    start = segment.first
    with _told(path), pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            begin, end = max(0, piece.after + 1 - start), min(rows, piece.upto + 1 - start)
            if begin < end:
                found = file.read_row_group(group, columns=kind.names)
                fields = ((found[field.name], field.type) for field in kind)
                read = pa.table([shape.in_relation(*one) for one in fields], schema=kind)
                yield read.slice(begin, end - begin).combine_chunks()
            start += rows


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What is wrong with a file of ours, in our words."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        what = f"{path.name} cannot be read; once it is deleted, it is written anew"
        raise StoreUnavailable("the history", what) from error


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@cache
def _statement(name: str) -> str:
    return files("replay.columns").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
