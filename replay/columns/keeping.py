"""Keeping a folder of segments: what is missing is written, small ones become large, and what is to go goes.

Everything here is done under the writing lock, and in this order: a new file has every byte on the disk,
then the catalogue names it, then what it replaces is removed. Whoever is killed leaves files that no
catalogue names; the next to come removes them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from ledger.book import Book
from ledger.clock import Clock, to_us
from ledger.whole_file import replace_whole
from replay.columns import catalogue as catalogues
from replay.columns import locks, shape, standing
from replay.columns.catalogue import Catalogue
from replay.columns.writing import UNFINISHED, Sizes, sync, write_segment

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700

Range = tuple[int, int]
"""First and last position."""
Progress = Callable[[int, int], None]
"""Told events written, and how many are to be."""


@dataclass(slots=True)
class Keeper:
    """Whoever has the writing lock of a folder."""

    folder: Path
    book: Book
    sizes: Sizes
    clock: Clock
    grace_s: float
    catalogue: Catalogue

    @classmethod
    def of(cls, folder: Path, book: Book, sizes: Sizes, clock: Clock, grace_s: float) -> "Keeper":
        """The keeper of a folder, which is made if it is not there, and rid of what no catalogue names."""
        told = catalogues.read(folder)
        found = standing.present(told, folder)
        ours = found.segments and standing.is_of(found, book, book.head())
        keeper = cls(folder, book, sizes, clock, grace_s, found if ours else Catalogue())
        if keeper.catalogue != told:
            keeper._settle(keeper.catalogue)
        keeper.tidy(wait=False)
        return keeper

    def clear(self) -> None:
        """Have no segment: none is believed from the first moment on, and when this returns none is there."""
        self._settle(Catalogue())
        self.tidy(wait=True)

    def follow(self) -> int:
        """Write anew what a redaction has touched, as soon as the book is rid of the bytes; how many
        segments. What they replace is named no longer, and is removed unless somebody still reads it.
        """
        told = []
        for one in standing.redactions(self.catalogue, self.book):
            if not _is_done(self.book, one.event.data):
                break
            told.append(one)
        if not told:
            return 0
        gone = standing.touched(self.catalogue, told)
        for segment in gone:
            self._write(segment.first, segment.last, None, lambda _: None)
        # Smaller ones that a large one has replaced may hold the bytes as well.
        rid = replace(self.catalogue, redacted_upto=told[-1].position, retired=())
        self._settle(rid if gone else replace(rid, retired=self.catalogue.retired))
        self.tidy(wait=False)
        return len(gone)

    def keep(self, progress: Progress | None, *, compact: bool) -> int:
        """Write the whole ranges that are in no segment, as large ones where that can be; how many events.

        With `compact`, small ones that fill a large range, and those that have not all of today's
        columns, are written anew too, and those that were replaced longer ago than the grace are removed.
        """
        ranges = {*self._missing()}
        if compact:
            again = {*self._to_compact(ranges)}
            ranges = {one for one in ranges if not any(_within(one, r) for r in again)} | again
        total = sum(last - first + 1 for first, last in ranges)
        written = 0

        def told(rows: int) -> None:
            nonlocal written
            written += rows
            if progress:
                progress(written, total)

        for first, last in sorted(ranges):
            self._write(first, last, to_us(self.clock()), told)
        if compact:
            self._let_go()
        return written

    def _missing(self) -> Iterator[Range]:
        """Aligned ranges that the book has and no segment holds, the largest that will do."""
        for after, upto in self.catalogue.gaps(0, self.book.head()):
            first = after + 1
            while first <= upto:
                large = (first - 1) % self.sizes.large == 0 and first + self.sizes.large - 1 <= upto
                last = first + (self.sizes.large if large else self.sizes.small) - 1
                if last > upto:
                    break
                yield first, last
                first = last + 1

    def _to_compact(self, missing: Collection[Range]) -> Iterator[Range]:
        """Ranges that are to be written anew: as one segment, or with today's columns."""
        today, large = shape.definitions(), self.sizes.large
        there = {
            (one.first, one.last): self.catalogue.has(one, today, today)
            for one in self.catalogue.segments
        } | dict.fromkeys(missing, True)
        held = max((last for _, last in there), default=0)
        for last in range(large, held + 1, large):
            if not there.get((last - large + 1, last)):
                yield last - large + 1, last
        whole = held - held % large
        yield from (one for one, is_current in there.items() if one[0] > whole and not is_current)

    def _write(
        self, first: int, last: int, now_us: int | None, told: Callable[[int], None]
    ) -> None:
        segment = write_segment(self.book, self.folder, first, last, self.sizes, told)
        begun = self.catalogue
        if not begun.segments:
            begun = replace(begun, ledger_id=self.book.ledger_id)
        self._settle(begun.with_segment(segment, shape.definitions(), now_us))

    def _let_go(self) -> None:
        """Remove files that were replaced longer ago than anybody reads."""
        until_us = to_us(self.clock()) - int(self.grace_s * 1_000_000)
        old = [one.file for one in self.catalogue.retired if one.since_us <= until_us]
        if old:
            self._settle(self.catalogue.without_retired(old))
            self.tidy(wait=False)

    def _settle(self, catalogue: Catalogue) -> None:
        catalogues.write(self.folder, catalogue)
        self.catalogue = catalogue

    def tidy(self, *, wait: bool) -> None:
        """Remove what no catalogue names: left by who was killed, or just replaced.

        What somebody may still be reading stays for the next to come, unless we `wait`; raises
        `StoreUnavailable` if that takes too long.
        """
        for path in self.folder.glob(f"*{UNFINISHED}"):
            path.unlink(missing_ok=True)
        if left := left_over(self.folder, self.catalogue):
            with locks.removing(self.folder, wait=wait) as alone:
                for path in left if alone else ():
                    path.unlink(missing_ok=True)
            sync(self.folder)


def _within(one: Range, other: Range) -> bool:
    return other[0] <= one[0] and one[1] <= other[1]


def _is_done(book: Book, said: Mapping[str, Any]) -> bool:
    """Whether the book is rid of what a redaction names; one of another id names nothing."""
    position = said["redacted_position"]
    (named,) = book.read(position - 1, upto=position)
    if str(named.event.id) != said["redacted_id"]:
        return True
    (row,) = book.stored(position - 1, upto=position)
    return all(row[name].null_count for name in said.get("removed") or ("body", "personal"))


def left_over(folder: Path, catalogue: Catalogue) -> list[Path]:
    """The segments in a folder that its catalogue does not name."""
    named = catalogue.files
    return [path for path in folder.glob("*.parquet") if path.name not in named]


def make_folder(folder: Path) -> None:
    """The folder, for nobody but us, with what others need who open it."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
    readme = files("replay.columns").joinpath("README.md").read_bytes()
    told = {"README.md": readme, "columns.ddl": shape.spark_schema().encode()}
    for name, content in told.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            replace_whole(path, content, _PRIVATE_FILE)
