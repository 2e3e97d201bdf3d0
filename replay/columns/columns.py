"""The book as columns that are kept: a source of events that DuckDB reads by itself."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import duckdb
import pyarrow as pa

from ledger.book import Book
from ledger.clock import Clock, system_clock
from replay.columns import catalogue as catalogues
from replay.columns import keeping, locks, reading, standing
from replay.columns.catalogue import Catalogue
from replay.columns.keeping import Keeper, Progress
from replay.columns.writing import Sizes

SIZES = Sizes()
GRACE_S = 900.0
"""How long a file that a larger one has replaced stays, for whoever reads it without asking us."""


class Columns:
    """The history of `book`, kept in `folder`: whole ranges in segments, the rest read from the book.

    A source of events (`ledger.relation.Scannable`) that says what the book itself would say, whatever
    the folder holds: what is there of another book, or from before this one was restored, is not
    believed. Safe to share between threads, and a folder between processes.
    """

    def __init__(
        self,
        folder: Path,
        book: Book,
        *,
        sizes: Sizes = SIZES,
        clock: Clock = system_clock,
        grace_s: float = GRACE_S,
    ) -> None:
        self._folder = folder
        self._book = book
        self._sizes = sizes
        self._clock = clock
        self._grace_s = grace_s
        self._read: tuple[tuple[int, ...], Catalogue] = ((), Catalogue())

    @property
    def folder(self) -> Path:
        """Where the segments are."""
        return self._folder

    def head(self) -> int:
        """The last position of the book."""
        return self._book.head()

    def wait(self, after: int, timeout_s: float) -> int:
        """The head, as soon as it is past `after`, else when the time is up."""
        return self._book.wait(after, timeout_s)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """See `ledger.relation.EventSource`."""
        head = self.head()
        last = head if upto is None else min(upto, head)
        folder, book = self._folder, self._book
        yield from reading.batches(folder, book, self._standing, columns, after, last, size)

    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> AbstractContextManager[str]:
        """See `ledger.relation.Scannable`. Until the block ends, nothing that it reads is removed."""
        folder, book = self._folder, self._book
        return reading.scan(folder, book, self._standing, connection, columns, after, upto)

    def catalogue(self) -> Catalogue:
        """What is kept, as the folder says; `bahi verify` says whether that is true."""
        try:
            found = (self._folder / catalogues.NAME).stat()
        except OSError:  # it is not there, or not for us to read
            return Catalogue()
        # A file that is replaced whole is another file each time.
        version = (found.st_ino, found.st_mtime_ns, found.st_size)
        known, catalogue = self._read
        if known != version:
            catalogue = catalogues.read(self._folder)
            self._read = (version, catalogue)
        return catalogue

    def _standing(self) -> Catalogue:
        return standing.believed(self.catalogue(), self._book, self._folder)

    def keep(self, progress: Progress | None = None) -> int:
        """Write the whole ranges that are in no segment yet; how many events that were.

        Quick where nothing is missing. If somebody else is writing here, it is left to them.
        """
        if self._is_complete():
            return 0
        keeping.make_folder(self._folder)
        with locks.writing(self._folder, wait=False) as ours:
            if not ours:
                return 0
            keeper = self._keeper()
            keeper.follow()
            return keeper.keep(progress, compact=False)

    def compact(self, progress: Progress | None = None) -> int:
        """The same, and small segments become large ones; how many events were written.

        Waits for whoever else is writing here. What was replaced goes some minutes later, with whoever
        does this next.
        """
        if self.head() < self._sizes.small and not self._folder.exists():
            return 0
        keeping.make_folder(self._folder)
        with locks.writing(self._folder):
            keeper = self._keeper()
            keeper.follow()
            return keeper.keep(progress, compact=True)

    def follow_redactions(self) -> int:
        """Have every segment without what the book was rid of; how many were written anew.

        When this returns no file here holds those bytes. Raises `StoreUnavailable` if somebody goes on
        reading one that does: then the same again does it.
        """
        if not self._folder.exists():
            return 0
        with locks.writing(self._folder):
            keeper = self._keeper()
            written = keeper.follow()
            keeper.tidy(wait=True)
            return written

    def clear(self) -> None:
        """Remove every segment. Raises `StoreUnavailable` if somebody goes on reading."""
        if self._folder.exists():
            with locks.writing(self._folder):
                self._keeper().clear()

    def _keeper(self) -> Keeper:
        return Keeper.of(self._folder, self._book, self._sizes, self._clock, self._grace_s)

    def _is_complete(self) -> bool:
        """Whether no whole range is missing, nothing is left over, and every redaction is followed."""
        head = self.head()
        catalogue = standing.present(self.catalogue(), self._folder)
        whole = head - head % self._sizes.small
        if any(catalogue.gaps(0, whole)) or keeping.left_over(self._folder, catalogue):
            return False
        if not catalogue.segments:
            return True
        with suppress(StopIteration):
            next(standing.redactions(catalogue, self._book))
            return False
        return standing.is_of(catalogue, self._book, head)
