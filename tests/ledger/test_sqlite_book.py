"""The SQLite store keeps the book's promises, and those that only a file can make."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import BadUsage
from ledger.sqlite.book import FILE_NAME, SqliteBook
from ledger.stores import open_book
from tests.ledger.book_contract import A_WHILE_S, BookContract
from tests.ledger.samples import an_event, some_events


class TestSqliteBook(BookContract):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'book'}"

    def only_poll(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(SqliteBook, "_signal", lambda book: 0)

    def only_listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ledger.sqlite.book._POLL_S", 10 * A_WHILE_S)


# ---- the file


def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    with SqliteBook(tmp_path) as book:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        settings = [book._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
        assert settings == ["wal", 2, 1]


def test_a_full_disk_refuses_an_append_whole_and_is_got_over(tmp_path: Path) -> None:
    with SqliteBook(tmp_path) as book:
        book.append(some_events(1, 10))
        pages = book._writer.execute("PRAGMA page_count").fetchone()[0]
        book._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
        big = [replace(event, personal=bytes(4_096)) for event in some_events(11, 40)]
        for _ in range(2):
            with pytest.raises(sqlite3.OperationalError, match=r"^database or disk is full$"):
                book.append(big)
        book._writer.execute("PRAGMA max_page_count = 1000000")
        assert (book.head(), book.append(big)[-1].position) == (10, 40)


def make_text(path: Path) -> None:
    path.write_text("this is no database, though it is long enough to look at\n" * 40)


def make_other(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript("CREATE TABLE invoice (n INTEGER); CREATE TABLE payment (n INTEGER)")


def make_later(path: Path) -> None:
    SqliteBook(path.parent).close()
    with closing(sqlite3.connect(path)) as later, later:
        later.execute("INSERT INTO migration VALUES ('0009_from_the_future.sql')")


def contents(path: Path) -> object:
    if path.is_dir():
        return list(path.iterdir())
    if not path.read_bytes().startswith(b"SQLite format 3"):
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as plain:
        return list(plain.iterdump())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (make_text, "expected a sound SQLite file, came: file is not a database"),
        (Path.mkdir, "expected a file to read and write, came: unable to open database file"),
        (make_other, "expected a book of this version or an empty file, came one with invoice, payment"),
        (make_later, "expected a book of this version or an empty file, came one with 0009_from_the_future.sql"),
    ],
    ids=["text", "folder", "another database", "a later version"],
)  # fmt: skip
def test_a_file_that_is_no_book_is_refused_and_left_alone(
    tmp_path: Path, make: Callable[[Path], None], why: str
) -> None:
    path = tmp_path / FILE_NAME
    make(path)
    before = contents(path)
    with pytest.raises(BadUsage, match=f"^{re.escape(f'{path}: {why}')}$"):
        SqliteBook(tmp_path)
    assert contents(path) == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    wanted = tmp_path / "file" / "book"
    with pytest.raises(
        BadUsage, match=f"^{re.escape(str(wanted))}/book.db: expected a file to read"
    ):
        SqliteBook(wanted)


def test_an_empty_file_becomes_a_book(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).touch()
    with SqliteBook(tmp_path) as book:
        assert book.append([an_event(1)])[0].position == 1


@pytest.mark.parametrize(
    ("address", "came"),
    [
        ("", "text of 0 characters"),
        ("book", "text of 4 characters"),
        ("sqlite:///", "one of sqlite://"),
        ("sqlite://book", "one of sqlite://"),
        ("mysql://anna:secret@host/book", "one of mysql://"),
    ],
)
def test_an_address_that_names_no_store_is_refused_and_no_password_told(
    address: str, came: str
) -> None:
    expected = f"expected a ledger address such as sqlite:///folder, came {came}"
    with pytest.raises(BadUsage, match=f"^{re.escape(expected)}$"):
        open_book(address)
