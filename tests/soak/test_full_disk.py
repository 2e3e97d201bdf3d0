"""A disk that is full stops whoever writes, and nobody else; when there is room again, nothing is missing.

Tried in each way that this machine allows: a file system that is full, and a limit to the size of files.
"""

import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil
import pytest

from ledger.book import Book, Receipt, Status
from ledger.errors import StoreUnavailable
from ledger.stores import open_book
from projections import Views
from replay.verify import verify_book, verify_views
from tests.ledger.samples import an_event
from tests.soak.disk import Ceiling, Disk, Memory, may_mount
from tests.soak.server import Server

BATCH = 100
LONG = {"note": "n" * 2_000, "currency": "EUR", "amount_minor": 1}
ENOUGH = 200
"""More batches than there can be room for."""
Way = Callable[[Path], Disk]


def _this_process(_: Path) -> Disk:
    return Ceiling(lambda: [psutil.Process()], 2)


def _file_system(folder: Path) -> Disk:
    return Memory(folder, 24)


WAYS = [_this_process, _file_system] if may_mount() else [_this_process]


def batch(number: int) -> list[int]:
    return list(range(number * BATCH + 1, (number + 1) * BATCH + 1))


def append(book: Book, number: int) -> list[Receipt]:
    return book.append([an_event(n, about=n % 7, data=LONG) for n in batch(number)])


def until_refused(book: Book, numbers: Iterator[int], refusal: type[Exception]) -> int:
    """Append batches until one is refused, and return which."""
    for number in numbers:
        try:
            append(book, number)
        except refusal:
            return number
        assert number < ENOUGH, "the disk was never full"
    raise AssertionError


def in_embedded_book(way: Way, folder: Path) -> None:
    disk = way(folder)
    try:
        with open_book(f"sqlite:///{folder}") as book:
            views = Views.open(folder / "views.db")
            numbers = count()
            append(book, next(numbers))
            views.catch_up(book)
            for _ in range(2):
                disk.fill()
                refused = until_refused(book, numbers, sqlite3.OperationalError)
                stood = book.head()
                assert stood == refused * BATCH  # whole batches, and all that were acknowledged
                with suppress(sqlite3.OperationalError):
                    views.catch_up(book)
                disk.free()
                assert append(book, refused) == [
                    Receipt(Status.APPENDED, n) for n in batch(refused)
                ]
                views.catch_up(book)
            assert verify_book(book).events == book.head()
            assert set(verify_views(book, views).values()) == {None}
            views.close()
    finally:
        disk.close()


@pytest.mark.parametrize("way", WAYS)
def test_an_embedded_book_gets_over_a_full_disk(way: Way, tmp_path: Path) -> None:
    # In a process of its own, since a limit to files is a limit to all of them.
    forking = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(1, mp_context=forking) as alone:
        alone.submit(in_embedded_book, way, tmp_path).result()


@pytest.mark.parametrize("way", WAYS)
def test_a_server_gets_over_a_full_disk(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.postgres.connection._PATIENCE_S", 2)
    in_memory = way is _file_system
    with Server(160, in_memory=in_memory) as server, open_book(server.url) as book:
        assert server.disk is not None
        numbers = count()
        append(book, next(numbers))
        for _ in range(2):
            server.disk.fill()
            refused = until_refused(book, numbers, StoreUnavailable)
            server.disk.free()
            server.heal()
            # Whether the refused batch is there is not known; half of it is not.
            assert book.head() in {refused * BATCH, (refused + 1) * BATCH}
            assert [receipt.position for receipt in append(book, refused)] == batch(refused)
        assert verify_book(book).events == book.head() == (refused + 1) * BATCH
