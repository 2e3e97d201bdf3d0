"""Reads every segment again and says whether it is what the book says.

Nothing is shared with whoever wrote it but the definition of the leaf and the list of columns: files are
hashed, leaves computed from the bytes, envelopes parsed here anew and every typed column compared with
them; places, times and leaves are compared with the book's own, which `replay.verify` answers for.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from ledger import catalogue as types
from ledger import relation
from ledger.book import Book
from ledger.errors import BookAltered
from ledger.event import leaf_hash
from replay.columns import locks, shape, standing
from replay.columns.catalogue import Catalogue, Segment, read

_FIRST_DAY = date(1970, 1, 1).toordinal()
_ENVELOPE: tuple[str, ...] = ("id", "type", "version", "domain", "customer", "source", "actor")
_ENVELOPE += ("correlation", "causation")
_BYTES = ("recorded_us", "body", "personal", "leaf")

Value = tuple[int, object]
"""A value of a column that is not null: in which row, and in a form that compares."""


@dataclass(frozen=True, slots=True)
class Proved:
    """What was found in order: how many segments, how many events are in them, and their bytes.

    `foreign` if what is there is of another book, or of what this one was before it was restored: it is
    read by nobody, and written anew.
    """

    segments: int = 0
    events: int = 0
    bytes: int = 0
    foreign: bool = False


def verify_segments(
    folder: Path, book: Book, progress: Callable[[int], None] = lambda _: None
) -> Proved:
    """Verify every byte of every segment in a folder. `progress` hears positions.

    Raises `BookAltered` with the first position at which a segment is not what the book has; where that
    cannot be told, with the first of the events that cannot be read.
    """
    if not folder.exists():
        return Proved()
    with locks.reading(folder):
        catalogue = read(folder)
        if not standing.is_of(catalogue, book, book.head()):
            return Proved(foreign=True)
        checked = []
        for segment in catalogue.segments:
            try:
                if segment not in _untold(catalogue, book):
                    _verify(folder, segment, catalogue, book, progress)
                    checked.append(segment)
            except BookAltered:
                if segment not in _untold(catalogue, book):  # by a redaction amid our reading
                    raise
    events = sum(one.last - one.first + 1 for one in checked)
    return Proved(len(checked), events, sum(one.bytes for one in checked))


def _untold(catalogue: Catalogue, book: Book) -> Sequence[Segment]:
    """Segments that a redaction has touched which they do not follow yet: they are read by nobody."""
    return standing.touched(catalogue, [*standing.redactions(catalogue, book)])


def _verify(
    folder: Path,
    segment: Segment,
    catalogue: Catalogue,
    book: Book,
    progress: Callable[[int], None],
) -> None:
    import pyarrow.parquet as pq

    path = folder / segment.file
    # A column that is read otherwise today is read by nobody from a file that has it as it was.
    then, today = catalogue.shapes[segment.shape], shape.definitions()
    columns = [name for name, how in today.items() if then.get(name) == how]
    whole = f"the history of {segment.first:,} to {segment.last:,}, {segment.file}"
    try:
        with path.open("rb") as file:
            intact = hashlib.file_digest(file, "sha256").hexdigest() == segment.sha256
        parquet = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise BookAltered(segment.first, f"{whole}, cannot be read") from error
    level: list[bytes] = []
    with parquet:
        first = segment.first
        for group in range(parquet.num_row_groups):
            count = parquet.metadata.row_group(group).num_rows
            try:
                rows = parquet.read_row_group(group)
                rows.validate(full=True)
            except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
                what = f"{whole}: the events {first:,} to {first + count - 1:,} cannot be read"
                raise BookAltered(first, what) from error
            if missing := {*columns, *_BYTES} - {*rows.schema.names}:
                raise BookAltered(first, f"{whole}: no column {min(missing)}")
            level += _verify_rows(rows.select([*columns, *_BYTES]), first, book, whole)
            first += count
            progress(first - 1)
    if first != segment.last + 1:
        raise BookAltered(first, f"{whole}: missing")
    if level[-1].hex() != segment.last_leaf or _root(level).hex() != segment.root:
        raise BookAltered(segment.first, f"{whole}: its catalogue has another root")
    if not intact:
        what = f"{whole}: its bytes are not those that were written, though every event can be read"
        raise BookAltered(segment.first, what)


def _verify_rows(rows: pa.Table, first: int, book: Book, whole: str) -> list[bytes]:
    """The leaves of some rows that are what the book has from `first` on. Raises `BookAltered`."""
    last = first + rows.num_rows - 1
    ours = pa.Table.from_batches([*book.stored(first - 1, upto=last)])

    def fail(row: int, what: str) -> None:
        raise BookAltered(first + row, f"{whole}: {what}")

    if ours.num_rows != rows.num_rows:
        fail(ours.num_rows, "the book has no such event")
    for name in ("position", "recorded_us", "leaf"):
        row = _apart(rows[name].to_pylist(), ours[name].to_pylist())
        if row is not None:
            fail(row, f"{name} is not the book's")
    for name in ("body", "personal"):
        row = _apart(rows[name].is_null().to_pylist(), ours[name].is_null().to_pylist())
        if row is not None:
            fail(row, f"{name} is here and not in the book, or the other way round")
    stored = [rows[name].to_pylist() for name in ("recorded_us", "body", "personal", "leaf")]
    for row, (recorded_us, body, personal, leaf) in enumerate(zip(*stored, strict=True)):
        if (
            body is not None
            and personal is not None
            and leaf_hash(recorded_us, body, personal) != leaf
        ):
            fail(row, "its bytes are not those of its leaf")
    told = zip(stored[1], ours["remains"].to_pylist(), strict=True)
    envelopes = [orjson.loads(body if body is not None else remains) for body, remains in told]
    for name, expected in _expected(envelopes, stored[0], first).items():
        if name in rows.schema.names:
            row = _apart_sparse(_found(rows[name], relation.columns()[name].type), expected)
            if row is not None:
                fail(row, f"the column {name} differs from the envelope")
    leaves: list[bytes] = stored[3]
    return leaves


def _expected(
    envelopes: Sequence[Mapping[str, Any]], recorded_us: Sequence[int], first: int
) -> Mapping[str, list[Value]]:
    """The values that each column must have, read from the envelopes by other means than the writer's."""
    columns = relation.columns()
    kinds = {name: column.type for name, column in columns.items()}
    attributes = {name for name, column in columns.items() if column.json_path[:1] == ("data",)}
    found: dict[str, list[Value]] = {name: [] for name in columns}
    found["position"] = [*enumerate(range(first, first + len(envelopes)))]
    found["recorded_at"] = [*enumerate(recorded_us)]
    for row, envelope in enumerate(envelopes):
        for name in _ENVELOPE:
            if name in envelope:
                found[name].append((row, _comparable(envelope[name], kinds[name])))
        occurred_us = _us(envelope["occurred_at"])
        found["occurred_at"].append((row, occurred_us))
        moment = (occurred_us + 2**63).to_bytes(8, "big") + (first + row).to_bytes(8, "big")
        found["moment"].append((row, moment))
        for kind, value in _tags(envelope.get("tags", ())).items():
            found[kind].append((row, value))
        data = envelope["data"]
        found["data"].append((row, _comparable(data, "JSON")))
        for name in data.keys() & attributes:
            if data[name] is not None:
                found[name].append((row, _comparable(data[name], kinds[name])))
    return found


def _tags(tags: Sequence[str]) -> Mapping[str, str]:
    """The first tag of each kind that has a column."""
    of: dict[str, str] = {}
    for tag in tags:
        kind, _, value = tag.partition(":")
        if kind in types.TAG_KINDS:
            of.setdefault(kind, value)
    return of


def _comparable(value: Any, kind: str) -> object:
    if kind == "UUID":
        return bytes.fromhex(value.replace("-", ""))
    if kind == "TIMESTAMP":
        return _us(value)
    if kind == "DATE":
        return date.fromisoformat(value).toordinal() - _FIRST_DAY
    if kind == "JSON":
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return value


def _us(text: str) -> int:
    moment = datetime.fromisoformat(text).astimezone(UTC)
    whole_seconds = int(moment.replace(microsecond=0).timestamp())
    return whole_seconds * 1_000_000 + moment.microsecond


def _found(column: pa.ChunkedArray, kind: str) -> list[Value]:
    """The values that a column has."""
    if column.null_count == len(column):
        return []
    plain = column.combine_chunks()
    if isinstance(plain.type, pa.BaseExtensionType):
        plain = plain.storage
    if kind in {"TIMESTAMP", "DATE"}:
        plain = plain.cast(pa.int64() if kind == "TIMESTAMP" else pa.int32())
    values = enumerate(plain.to_pylist())
    if kind == "JSON":
        return [(row, _comparable(orjson.loads(v), kind)) for row, v in values if v is not None]
    return [(row, value) for row, value in values if value is not None]


def _apart(one: Sequence[object], other: Sequence[object]) -> int | None:
    """The first row in which two columns differ."""
    if one == other:
        return None
    return next(row for row, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])


def _apart_sparse(found: list[Value], expected: list[Value]) -> int | None:
    if found == expected:
        return None
    told: defaultdict[int, list[object]] = defaultdict(list)
    for row, value in found:
        told[row].append(value)
    for row, value in expected:
        told[row].append(value)
    return min(row for row, pair in told.items() if len(pair) == 1 or pair[0] != pair[1])


def _root(level: Sequence[bytes]) -> bytes:
    """The RFC 6962 root over a number of leaves that is a power of two."""
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]
