"""Files read into rows, each a touchpoint or a refusal, in memory that does not grow with the file."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger.errors import BadUsage, DefinitionRefused, Refused
from streams.files.delimited import Delimited
from streams.files.jsonlines import JsonLines
from streams.files.mapping import Mapping
from streams.files.parquet import Parquet
from streams.files.rows import Row
from streams.files.shape import Shape, shape_of
from streams.files.source import Progress, Source, in_lines
from streams.files.touchpoints import Mapper

BY_PLACE = (
    "rows have no id of their own and are known by the file's digest and their number: this file "
    "again adds nothing, but edited or grown it would be taken for new from the first row on; name "
    "the columns that tell a row from all others, with --id-columns or message_id in the mapping"
)
"""The warning for a file whose rows have no message id."""

_ROWS_A_REPORT = 1_000

Records = Delimited | JsonLines | Parquet
Warn = Callable[[str], None]


def read_file(
    path: Path,
    mapping: Mapping,
    *,
    id_columns: Sequence[str] = (),
    actor: UUID | None = None,
    progress: Progress | None = None,
    warn: Warn | None = None,
) -> Iterator[Row]:
    """The rows of a file, in order, each a touchpoint or the refusal of that row alone.

    Format, delimiter, encoding and gzip are found in the file where the mapping does not say. The
    message id of a row is that of the mapping's `message_id`, else of `id_columns`, else SHA-256 of
    the decompressed file and the row's number; then the file is read twice, and `warn` is told
    `BY_PLACE`. `progress` is told bytes done and in all, on disk.

    Raises before the first row `NotFound` or `BadUsage` for what is no readable file, and
    `DefinitionRefused` where the mapping names a column that the file does not have. A file found
    broken on the way raises `BadUsage`, naming the last row, after all rows before were given;
    where rows are known by place, nothing is given of such a file, since the whole one would have
    other ids.
    """
    source = Source(path, mapping.file.compression)
    mapper = Mapper(mapping, id_columns=id_columns, actor=actor)
    shape = shape_of(source, mapping.file)
    with source.readable(), records(source, shape, frozenset(mapping.columns())) as found:
        _demand_columns(found.columns, mapping, mapper.id_columns, path)
    if warn is not None and not mapper.id_columns:
        warn(BY_PLACE)
    return _rows(source, shape, mapping, mapper, progress)


@contextmanager
def records(source: Source, shape: Shape, known: frozenset[str]) -> Iterator[Records]:
    """The records of an open file, whatever its format. `known` names may be quoted in errors."""
    with source.open() as stream:
        try:
            found = _opened(stream, shape, known)
        except BadUsage as error:
            raise BadUsage(f"{source.path}: {error}") from None
        yield found


def _opened(stream: IO[bytes], shape: Shape, known: frozenset[str]) -> Records:
    if shape.format == "parquet":
        return Parquet(stream, known)
    stream, encoding = in_lines(stream, shape.encoding)
    if shape.format == "jsonl":
        return JsonLines(stream, encoding)
    return Delimited(stream, encoding, shape.delimiter, header=shape.header, known=known)


def _demand_columns(
    columns: Sequence[str] | None, mapping: Mapping, id_columns: Sequence[str], path: Path
) -> None:
    """Of JSON Lines nothing is demanded: its objects say their keys one by one. Nor of no rows."""
    if not columns:
        return
    named = mapping.columns() | dict.fromkeys(id_columns, "message_id")
    for name, where in named.items():
        if name not in columns:
            why = f"{path.name} has no column {name!r}"
            raise DefinitionRefused(
                mapping.name, where, why, f"`bahi mapping {path.name}` drafts from those it has"
            )


def _rows(
    source: Source, shape: Shape, mapping: Mapping, mapper: Mapper, progress: Progress | None
) -> Iterator[Row]:
    passes = 1 if mapper.id_columns else 2
    told = progress or (lambda _done, _total: None)
    total = source.size * passes
    digest = ""
    if passes == 2:
        digest = source.digest(lambda done: told(done, total))
    read_before = source.size * (passes - 1)
    row = 0
    known = frozenset(mapping.columns())
    with source.readable(lambda: row), records(source, shape, known) as found:
        rows = found.rows if isinstance(found, Parquet) else 0  # its columns are not read in order
        for row, record in enumerate(found, 1):
            row_id = f"{digest}:{row}" if digest else None
            item: Touchpoint | Refused
            if record.refusal is not None:
                item = record.refusal
            else:
                try:
                    item = mapper.touchpoint(record.raw, row_id)
                except Refused as refusal:
                    item = refusal.with_traceback(None)
                    item.__context__ = None  # a library's own words: they quote the cell
            whom = mapper.named_in(record.raw) if isinstance(item, Refused) else ((), None)
            yield Row(row, record.line, item, row_id, record.raw, record.verbatim, *whom)
            if row % _ROWS_A_REPORT == 0:
                here = source.size * row // rows if rows else source.position()
                told(read_before + here, total)
    told(total, total)
