"""Writes one segment: row group by row group, and given its name when every byte is on the disk."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pyarrow as pa

from ledger import relation
from ledger.book import Book
from ledger.errors import StoreUnavailable
from replay.columns import shape
from replay.columns.catalogue import Segment

UNFINISHED = ".new"
_READERS = 2
"""Row groups that are parsed at once, while another is written."""
_PRIVATE_FILE = 0o600
_LOOKED_UP = ("customer", "id")
"""Columns by which one looks for few rows, and whose values are anywhere: they get a Bloom filter."""
_DENSE = ("position", "recorded_us", "recorded_at")
"""Columns that hardly repeat and hardly differ from row to row: they are stored as differences."""
_NOISE = ("personal", "leaf", "id", "moment")
"""Columns of which no dictionary is worth trying."""

Given = TypeVar("Given")
Made = TypeVar("Made")
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many positions a segment spans, and a row group: powers of two, each the next one's multiple."""

    group: int = 32_768
    small: int = 65_536
    large: int = 1_048_576


def write_segment(
    book: Book, folder: Path, first: int, last: int, sizes: Sizes, told: Told
) -> Segment:
    """Write the events `first` to `last`, an aligned range that the book has, to a new file.

    It has its name when it is complete and on the disk. Memory is that of a few row groups, whatever
    the range is. `told` hears how many events are written.
    """
    name = f"{first:012}-{last:012}.{uuid4().hex[:8]}.parquet"
    beside = folder / (name + UNFINISHED)
    try:
        segment = _written(book, beside, name, (first, last), sizes, told)
        beside.rename(folder / name)
    except BaseException:  # where the disk is full, that is to be room for the book
        beside.unlink(missing_ok=True)
        raise
    sync(folder)
    return segment


def _written(
    book: Book, beside: Path, name: str, span: tuple[int, int], sizes: Sizes, told: Told
) -> Segment:
    import pyarrow.parquet as pq  # slow to load, and most commands write no segment

    first, last = span
    roots: list[bytes] = []
    last_leaf = b""
    descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w+b") as file:
        with pq.ParquetWriter(file, shape.schema(), **_options(sizes)) as writer:
            groups = _regrouped(book.stored(first - 1, upto=last, size=sizes.group), sizes.group)
            for rows, leaves in _ahead(_typed, groups):
                writer.write_table(rows, row_group_size=sizes.group)
                roots.append(_root(leaves))
                last_leaf = leaves[-1]
                told(rows.num_rows)
        if len(roots) * sizes.group != last - first + 1:
            raise StoreUnavailable("the book", f"expected all events from {first:,} to {last:,}")
        file.flush()
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
        os.fsync(file.fileno())
    return Segment(
        name, first, last, size, digest, _root(roots).hex(), last_leaf.hex(), shape_name()
    )


def shape_name() -> str:
    """What the shape of today's segments is called."""
    told = "\n".join(f"{name} {how}" for name, how in shape.definitions().items())
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def sync(folder: Path) -> None:
    """Have the folder's entries on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _options(sizes: Sizes) -> dict[str, object]:
    names = shape.schema().names
    return {
        "compression": "zstd",
        "use_dictionary": [n for n in names if n not in _DENSE and n not in _NOISE and n != "body"],
        "column_encoding": dict.fromkeys(_DENSE, "DELTA_BINARY_PACKED"),
        "write_statistics": [n for n in names if n not in ("body", "personal", "leaf")],
        "write_page_index": True,
        "bloom_filter_options": {n: {"ndv": sizes.group, "fpp": 0.05} for n in _LOOKED_UP},
    }


def _regrouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly so many each, but for the last."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, rows - count)
            held.append(part)
            start += part.num_rows
            count += part.num_rows
            if count == rows:
                yield pa.Table.from_batches(held)
                held, count = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _typed(rows: pa.Table) -> tuple[pa.Table, Sequence[bytes]]:
    """The columns of a segment for rows as the book stores them, and their leaves."""
    import pyarrow.compute as pc

    raw = pa.table(
        [
            rows["position"],
            rows["recorded_us"].cast(pa.timestamp("us")),
            pc.coalesce(rows["body"], rows["remains"]).cast(pa.string()),
        ],
        schema=relation.RAW,
    )
    typed = relation.project(raw, tuple(relation.columns()))
    columns = [*map(shape.in_file, typed.columns), *(rows[name] for name in shape.BYTES)]
    return pa.table(columns, schema=shape.schema()), rows["leaf"].to_pylist()


def _ahead(work: Callable[[Given], Made], given: Iterable[Given]) -> Iterator[Made]:
    """What comes of each, in order, a few of them being worked on ahead of whoever asks."""
    with ThreadPoolExecutor(_READERS) as workers:
        begun: deque[Future[Made]] = deque()
        for one in given:
            begun.append(workers.submit(work, one))
            if len(begun) == _READERS:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def _root(leaves: Sequence[bytes]) -> bytes:
    """The RFC 6962 root of a perfect tree, over 1, 2, 4, 8 … nodes."""
    level = list(leaves)
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]
