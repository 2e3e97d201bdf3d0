"""What was removed from an SQLite book is in no byte of its files, whatever moved while it was there."""

import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from ledger.errors import StoreUnavailable
from ledger.sqlite.book import FILE_NAME, SqliteBook
from ledger.sqlite.connection import migrate, open_connection, statement
from tests.ledger.book_contract.redacting import redacted
from tests.ledger.processes import run_until_killed
from tests.ledger.samples import an_event, some_events

CLEAR, TAGGED, SEALED = "4111-1111-1111-1111", "campaign:zoe-ames-of-ulm", b"under the wrong key"
OF = 20


def holds(folder: Path) -> set[str]:
    """Tell which of the three are in any byte of any file of the book."""
    files = [file for file in folder.rglob("*") if file.is_file() and file.name != "book.db-shm"]
    found = b"".join(file.read_bytes() for file in files)
    wanted = {"clear": CLEAR.encode(), "tagged": TAGGED.encode(), "sealed": SEALED}
    return {name for name, needle in wanted.items() if needle in found}


def written(folder: Path) -> SqliteBook:
    """A book whose pages of tags were split around the planted one, which leaves copies behind."""
    chance = random.Random(7)
    book = SqliteBook(folder)
    for n in range(1, 200):
        tag = f"campaign:z{chance.randrange(10**9):x}" + "x" * 60
        event = an_event(n, tags=(tag,), data={"note": "x" * len(CLEAR)})
        if n == OF:
            event = an_event(n, tags=(TAGGED,), data={"note": CLEAR}, personal=SEALED * 400)
        book.append([event])
    book.append([redacted(4_000, OF, OF)])
    book._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return book


def test_nothing_of_it_is_left_in_the_file_or_its_log(tmp_path: Path) -> None:
    with written(tmp_path) as book:
        assert holds(tmp_path) == {"clear", "tagged", "sealed"}
        file = (tmp_path / FILE_NAME).read_bytes()
        assert (
            file.count(TAGGED.encode()) > 2
        )  # its envelope, its tag, and what a split left behind
        book.redact(OF, ("personal",))
        assert holds(tmp_path) == {"clear", "tagged"}
        book.redact(OF, ("body", "personal"))
        assert holds(tmp_path) == set()
        assert book.append(some_events(5_000, 5_009))[-1].position == 210


def test_a_reader_who_holds_on_to_it_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with written(tmp_path) as book, closing(sqlite3.connect(tmp_path / FILE_NAME)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM event").fetchone()
        monkeypatch.setattr("ledger.sqlite.connection._BUSY_MS", 50)
        with pytest.raises(StoreUnavailable, match=r"until nobody reads there: do the same again$"):
            book.redact(OF, ("body", "personal"))
        assert [r.event.version for r in book.read(OF - 1, upto=OF)] == [0]
        monkeypatch.undo()
        done = threading.Thread(target=book.redact, args=(OF, ("body", "personal")))
        done.start()
        reader.rollback()
        done.join()
        assert holds(tmp_path) == set()


KILLED = """
import sys
from pathlib import Path
from ledger.sqlite.book import SqliteBook
import os, signal
book = SqliteBook(Path(sys.argv[1]))
book._writer.set_trace_callback(
    lambda told: os.kill(os.getpid(), signal.SIGKILL) if told.startswith(sys.argv[2]) else None
)
book.redact(int(sys.argv[3]), ("body", "personal"))
"""


@pytest.mark.parametrize("at", ["VACUUM", "PRAGMA wal_checkpoint"])
def test_killed_before_all_is_cleared_away_it_is_known_and_done_again(
    tmp_path: Path, at: str
) -> None:
    written(tmp_path).close()
    run_until_killed(KILLED, tmp_path, at, OF)
    with SqliteBook(tmp_path) as book:
        assert next(book.rows(OF - 1)).body is None
        assert holds(tmp_path) != set()
        assert book.redacting() == [OF]
        book.redact(OF, ("body", "personal"))
        assert holds(tmp_path) == set()
        book.redacted(OF)
        assert book.redacting() == []


def test_a_book_from_before_is_read_on_and_may_be_redacted(tmp_path: Path) -> None:
    """The first two migrations, and rows as that version wrote them."""
    with SqliteBook(tmp_path / "new") as new:
        new.append([an_event(1, tags=("market:IN",), about=1), an_event(2, personal=b"x")])
        rows = list(new.rows())
        order = "position, recorded_at, id, type, occurred_at, body, personal, leaf"
        stored = new._writer.execute(f"SELECT {order} FROM event").fetchall()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as old:
        for name in ("0001_book", "0002_append_only"):
            old.executescript(statement(f"book/{name}"))
        old.execute("CREATE TABLE migration (name TEXT PRIMARY KEY) STRICT")
        done = [("0001_book.sql",), ("0002_append_only.sql",)]
        old.executemany("INSERT INTO migration VALUES (?)", done)
        old.executemany(statement("book/insert_event"), stored)
        tags = [(tag, row.position) for row in rows for tag in row.tags]
        old.executemany(statement("book/insert_tag"), tags)
        old.commit()
    with SqliteBook(tmp_path) as book:
        assert list(book.rows()) == rows
        book.append([redacted(3, 1, 1)])
        book.redact(1, ("body", "personal"))
        assert [row.body is None for row in book.rows()] == [True, False, False]
        assert book._writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_schema_is_as_if_it_had_been_written_so(tmp_path: Path) -> None:
    """Two connections, one of which was open all the while, and a table that is no less strict."""
    with closing(open_connection(tmp_path / FILE_NAME)) as early:
        early.execute("PRAGMA schema_version").fetchone()
        with SqliteBook(tmp_path) as book:
            migrate(early, "book")
            for connection in (early, book._writer):
                columns = connection.execute("PRAGMA table_info(event)").fetchall()
                assert {name for _, name, _, needed, *_ in columns if not needed} == {
                    "position",
                    "body",
                    "personal",
                }
            assert early.execute("PRAGMA table_list(event)").fetchone()[5] == 1
            assert early.execute("PRAGMA writable_schema").fetchone() == (0,)
