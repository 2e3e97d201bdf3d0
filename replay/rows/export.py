"""Views and events as files for others: a folder that is there whole, or not at all."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from uuid import uuid4

import orjson
import pyarrow as pa

from ledger.errors import BadUsage
from projections import Progress
from replay.cage import events as caged
from replay.clocks import shown
from replay.history import Clocks
from replay.opening import Reading
from replay.rows.formats import FileFormat, encoded

EVENTS = "events"
"""What the events themselves are called beside views."""
ABOUT = "ABOUT.json"
"""The file that says what the others are."""
_UNFINISHED = ".unfinished"
_STEPS = 1_000
"""A view in the progress that is told."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows by view, and bytes in all."""

    rows: dict[str, int]
    size: int


def export(
    reading: Reading,
    names: Sequence[str],
    how: FileFormat,
    folder: Path,
    at: Clocks,
    *,
    purpose: str = "",
    progress: Progress = lambda _done, _total: None,
) -> Exported:
    """Write views, and `events`, as they were at a moment, a file each, and say in `ABOUT.json` what they are.

    Files have the rows and values of `History.view`; events are in order of position. They are made
    beside `folder` under another name, which is taken away from them when all are on the disk: who is killed
    leaves nothing under the name that was asked for, and the next one to ask clears the rest away.
    Memory follows a view's rows, and not the number of events.

    Raises `BadUsage` for a name that is taken, and what `History.view` raises.
    """
    _demand_free(folder)
    rows: dict[str, int] = {}
    with _made_beside(folder) as made:
        for place, name in enumerate(names):
            file = made / f"{name}.{how.value}"
            given = _rows(reading, name, at, purpose)

            def told(part: float, before: int = place) -> None:
                progress(int((before + part) * _STEPS), len(names) * _STEPS)

            rows[name] = _written(given, how, file, told)
            told(1.0)
        about = _about(reading, rows, how, at)
        (made / ABOUT).write_bytes(orjson.dumps(about, option=orjson.OPT_INDENT_2) + b"\n")
        _on_disk(made / ABOUT)
        size = sum(file.stat().st_size for file in made.iterdir())
    return Exported(rows, size)


@dataclass(frozen=True, slots=True)
class _Given:
    """Rows to come, and of how many positions or rows in all."""

    rows: pa.RecordBatchReader
    total: int
    by_position: bool


def _rows(reading: Reading, name: str, at: Clocks, purpose: str) -> _Given:
    if name != EVENTS:
        rows = reading.history_for(purpose).view(name, at)
        return _Given(rows.to_reader(max_chunksize=10_000), rows.num_rows, by_position=False)
    upto = reading.book.head() if at.known_upto is None else at.known_upto
    events = caged.copied(reading.read, at.as_of, upto, reading.hidden(purpose), None)
    return _Given(events, upto, by_position=True)


def _written(given: _Given, how: FileFormat, path: Path, told: Callable[[float], object]) -> int:
    """Write the rows; how many they were."""
    count = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in given.rows:
            count += batch.num_rows
            yield batch
            if batch.num_rows and given.total:
                at = batch.column("position")[-1].as_py() if given.by_position else count
                told(at / given.total)

    with path.open("xb") as file:
        reader = pa.RecordBatchReader.from_batches(given.rows.schema, counted())
        file.writelines(encoded(reader, how))
        file.flush()
        os.fsync(file.fileno())
    return count


def _about(
    reading: Reading, rows: dict[str, int], how: FileFormat, at: Clocks
) -> dict[str, object]:
    return {
        "written_at": reading.clock().isoformat(),
        "as_of": None if at.as_of is None else shown(at.as_of),
        "known_upto": at.known_upto,
        "format": how.value,
        "rows": rows,
    }


def _demand_free(folder: Path) -> None:
    if folder.exists() or folder.is_symlink():
        raise BadUsage(f"--out: {folder}: expected a name that is free, came one that is taken")
    if not folder.parent.is_dir():
        raise BadUsage(f"--out: {folder}: expected a folder that is there to put it in, came none")


@contextmanager
def _made_beside(folder: Path) -> Iterator[Path]:
    """A folder to be filled, which then gets its name; gone if that fails."""
    folder = folder.absolute()
    for left in folder.parent.glob(f".{escape(folder.name)}.*{_UNFINISHED}"):
        _clear(left)
    made = folder.with_name(f".{folder.name}.{uuid4()}{_UNFINISHED}")
    made.mkdir(mode=0o700)
    with _locked(made) as ours:
        assert ours
        try:
            yield made
            _on_disk(made)
            _demand_free(folder)
            made.rename(folder)
            _on_disk(folder.parent)
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _clear(left: Path) -> None:
    """Remove what somebody left who was killed; who is at work holds a lock."""
    with suppress(FileNotFoundError, NotADirectoryError), _locked(left) as ours:
        if ours:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _on_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
