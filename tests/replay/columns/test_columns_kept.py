"""What is kept, when, and for how long; what is not believed; and that one writes while others read."""

import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ledger.book import Book
from ledger.errors import BadUsage, StoreUnavailable
from ledger.sqlite.book import SqliteBook
from projections import scanning
from replay.columns import catalogue as catalogues
from replay.columns import locks
from replay.columns.proving import verify_segments
from tests.replay.columns.samples import (
    LEDGER,
    START,
    as_table,
    begun,
    columns_of,
    history,
    parquet_files,
    ranges,
    scanned,
    small,
)

SOME = ("position", "type", "data")


@contextmanager
def no_room() -> Iterator[None]:
    """No file of this process can be larger than a part of a segment."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def book(tmp_path: Path) -> SqliteBook:
    return SqliteBook(tmp_path / "book")


def test_nothing_is_kept_of_less_than_a_whole_range(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 31))
    assert (columns.keep(), columns.compact(), ranges(columns)) == (0, 0, [])
    assert not folder.exists()
    book.append(history(32, 32))
    assert (columns.keep(), ranges(columns)) == (32, [(1, 32)])


def test_whole_ranges_are_written_once_and_large_where_that_can_be(
    book: Book, folder: Path
) -> None:
    columns = columns_of(folder, begun(book, 300))
    told: list[tuple[int, int]] = []
    assert columns.keep(lambda done, of: told.append((done, of))) == 288
    assert ranges(columns) == [(1, 128), (129, 256), *small(257, 288)]
    assert told == [(at, 288) for at in range(32, 289, 32)]
    files = parquet_files(folder)
    assert (columns.keep(), parquet_files(folder)) == (0, files)
    book.append(history(301, 400))
    assert columns.keep() == 96
    assert ranges(columns) == [(1, 128), (129, 256), *small(257, 384)]
    assert files < parquet_files(folder)


def test_small_ones_become_large_and_go_when_nobody_can_be_reading_them(
    book: Book, folder: Path
) -> None:
    now = [START]

    def clock() -> datetime:
        return now[0]

    columns = columns_of(folder, begun(book, 100), grace_s=60, clock=clock)
    columns.keep()
    book.append(history(101, 200))
    columns.keep()
    assert ranges(columns) == small(1, 192)
    former = parquet_files(folder)
    assert columns.compact() == 128
    assert ranges(columns) == [(1, 128), *small(129, 192)]
    assert former < parquet_files(folder)
    now[0] += timedelta(seconds=59)
    assert (columns.compact(), former < parquet_files(folder)) == (0, True)
    now[0] += timedelta(seconds=1)
    assert columns.compact() == 0
    assert parquet_files(folder) == columns.catalogue().files
    assert len(parquet_files(folder)) == 3
    assert as_table(columns, SOME).equals(as_table(book, SOME))


def test_a_reader_sees_what_it_began_with_while_others_write_and_remove(
    book: Book, folder: Path
) -> None:
    columns, other = (columns_of(folder, book) for _ in range(2))
    begun(book, 100)
    columns.keep()
    reading = columns.batches(0, ["position"], upto=100, size=10)
    first = next(reading)
    with duckdb.connect() as connection, columns.scan(connection, ["position"]) as sql:
        book.append(history(101, 140))
        other.keep()
        other.compact()  # with no grace at all
        assert ranges(columns) == [(1, 128)]
        found = connection.sql(f"SELECT count(*), sum(position) FROM {sql}").fetchall()
        assert found == [(100, 5050)]
    assert [at for b in (first, *reading) for at in b["position"].to_pylist()] == [*range(1, 101)]
    other.compact()
    assert parquet_files(folder) == columns.catalogue().files


def test_whoever_finds_another_one_writing_leaves_it_to_them(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 64))
    folder.mkdir(parents=True)
    with locks.writing(folder) as ours:
        assert ours
        assert columns.keep() == 0
    assert columns.keep() == 64


def test_an_older_book_with_other_events_is_another_one(
    book: Book, folder: Path, tmp_path: Path
) -> None:
    """A book is restored from a copy, and goes on: what was kept of it is not read, and written anew."""
    columns = columns_of(folder, begun(book, 60))
    book.close()
    shutil.copytree(tmp_path / "book", tmp_path / "older")
    with SqliteBook(tmp_path / "book") as once:
        once.append(history(61, 130))
        columns = columns_of(folder, once)
        columns.keep()
        assert ranges(columns) == [(1, 128)]
    for more in (0, 200):
        with SqliteBook(tmp_path / "older") as older:
            if more:
                older.append(history(501, 500 + more))
            columns = columns_of(folder, older)
            assert verify_segments(folder, older).foreign
            assert as_table(columns, SOME).equals(as_table(older, SOME))
            assert scanned(columns, SOME).equals(as_table(older, SOME))
    with SqliteBook(tmp_path / "older") as older:
        former = parquet_files(folder)
        columns = columns_of(folder, older)
        assert columns.keep() == 256
        assert former.isdisjoint(parquet_files(folder))
        assert scanned(columns, SOME).equals(as_table(older, SOME))


def test_a_book_of_another_ledger_is_another_one(book: Book, folder: Path, tmp_path: Path) -> None:
    columns_of(folder, begun(book, 40)).keep()
    with SqliteBook(tmp_path / "other") as other:
        other.append(history(1, 40))
        columns = columns_of(folder, other)
        assert verify_segments(folder, other).foreign
        assert other.ledger_id != LEDGER
        assert as_table(columns, SOME).equals(as_table(other, SOME))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format":2}', b'{"format":1}'])
def test_a_catalogue_that_cannot_be_read_is_written_anew(
    book: Book, folder: Path, content: bytes
) -> None:
    columns = columns_of(folder, begun(book, 40))
    columns.keep()
    former = parquet_files(folder)
    (folder / catalogues.NAME).write_bytes(content)
    assert scanned(columns, SOME).equals(as_table(book, SOME))
    assert columns.keep() == 32
    assert former.isdisjoint(parquet_files(folder))


def test_columns_of_another_day_are_read_from_the_book_and_written_anew_when_asked(
    book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = columns_of(folder, begun(book, 64))
    columns.keep()
    former = parquet_files(folder)
    today = dict(catalogues.read(folder).shapes[columns.catalogue().segments[0].shape])
    today["amount_minor"] = "read otherwise from today on"
    monkeypatch.setattr("replay.columns.shape.definitions", lambda: today)
    assert scanned(columns).equals(as_table(book))
    assert (columns.keep(), parquet_files(folder)) == (0, former)
    assert columns.compact() == 64
    assert former.isdisjoint(
        columns.catalogue().files - {one.file for one in columns.catalogue().retired}
    )
    assert all(columns.catalogue().has(one, today, today) for one in columns.catalogue().segments)


@pytest.mark.parametrize("harm", ["gone", "cut short"])
def test_a_file_that_is_not_there_whole_is_read_from_the_book_and_written_anew(
    book: Book, folder: Path, harm: str
) -> None:
    columns = columns_of(folder, begun(book, 200))
    columns.keep()
    path = folder / columns.catalogue().segments[0].file
    whole = path.read_bytes()
    path.unlink()
    if harm == "cut short":
        path.write_bytes(whole[:-1])
    assert as_table(columns, SOME).equals(as_table(book, SOME))
    assert scanned(columns, SOME).equals(as_table(book, SOME))
    assert columns.keep() == 128
    assert ranges(columns) == [(1, 128), *small(129, 192)]
    assert parquet_files(folder) == columns.catalogue().files
    assert verify_segments(folder, book).events == 192


def test_a_file_that_cannot_be_read_is_named_with_what_to_do(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 200))
    columns.keep()
    path = folder / columns.catalogue().segments[0].file
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(StoreUnavailable, match=f"^the history: {path.name} cannot be read; once"):
        as_table(columns, SOME)
    with (
        pytest.raises(
            StoreUnavailable, match=r"^the history: a file cannot be read; `bahi verify` "
        ),
        scanning.scanned(columns, SOME, 0, 200),
    ):
        pass
    path.unlink()
    assert as_table(columns, SOME).equals(as_table(book, SOME))


def test_what_the_book_says_as_a_long_tail_is_read_is_passed_on(
    book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("replay.columns.reading._HELD", 50)
    columns = columns_of(folder, begun(book, 90))

    def count_of_what_is_lost_meanwhile() -> None:
        with scanning.scanned(columns, SOME, 0, 90) as scan:
            for path in (tmp_path / "book").iterdir():
                path.write_bytes(bytes(path.stat().st_size))
            scan.select("SELECT count(*) FROM events", {})

    with pytest.raises(BadUsage, match="expected a sound SQLite file"):
        count_of_what_is_lost_meanwhile()


def test_a_folder_that_is_not_for_us_is_read_from_the_book(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 64))
    columns.keep()
    lock = folder / "reading.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()
    assert scanned(columns, SOME).equals(as_table(book, SOME))


def test_what_could_not_be_written_leaves_its_room_to_the_book(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 128))
    with no_room(), pytest.raises(OSError, match="File too large"):
        columns.keep()
    assert parquet_files(folder) == set()
    assert columns.keep() == 128


def test_a_catalogue_with_an_event_in_two_files_is_not_believed(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 64))
    columns.keep()
    catalogue = columns.catalogue()
    catalogues.write(
        folder, replace(catalogue, segments=(*catalogue.segments, catalogue.segments[1]))
    )
    assert columns.catalogue().segments == ()
    assert scanned(columns, SOME).equals(as_table(book, SOME))


def test_cleared_nothing_is_left_and_all_is_read_from_the_book(book: Book, folder: Path) -> None:
    columns = columns_of(folder, begun(book, 70))
    columns.clear()
    assert not folder.exists()
    columns.keep()
    columns.clear()
    assert (parquet_files(folder), ranges(columns)) == (set(), [])
    assert scanned(columns, SOME).equals(as_table(book, SOME))


def test_what_a_reader_holds_is_not_removed_and_whoever_must_is_told(
    book: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.columns.locks._PATIENCE_S", 0.01)
    columns = columns_of(folder, begun(book, 64))
    columns.keep()
    with duckdb.connect() as connection:
        with columns.scan(connection, ["position"]) as sql:
            with pytest.raises(StoreUnavailable, match="do the same again"):
                columns.clear()
            count = connection.sql(f"SELECT count(*) FROM {sql}").fetchall()
            assert count == [(64,)]
        columns.clear()
    assert parquet_files(folder) == set()


def test_the_folder_is_ours_alone_and_says_what_it_is(book: Book, folder: Path) -> None:
    columns_of(folder, begun(book, 40)).keep()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert "catalogue.json" in (folder / "README.md").read_text()
