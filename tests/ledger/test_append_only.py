"""The database itself refuses to change or remove anything, whoever asks and however."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from ledger.sqlite.book import FILE_NAME, SqliteBook
from tests.ledger.samples import an_event, customer

CHANGED = "the book is append-only: an event cannot be changed"
REMOVED = "the book is append-only: an event cannot be removed"
MISPLACED = "the book is append-only: an event goes to the next position"
RECORDED = "the book is append-only: this id is recorded already"
TAG_CHANGED = "the book is append-only: a tag cannot be changed"
TAG_REMOVED = "the book is append-only: a tag cannot be removed"
HEAD_CHANGED = "the book is append-only: a checkpoint cannot be changed"
HEAD_REMOVED = "the book is append-only: a checkpoint cannot be removed"
HEAD_STANDS = "the book is append-only: this size has a checkpoint already"
OWNED = "a book belongs to one ledger"

EVENT = "(position, recorded_at, id, type, occurred_at, body, personal, leaf)"
AT = "VALUES ({0}, 0, {1}, 'x.y', 0, x'7b7d', x'', x'00')"
FIRST = "(SELECT id FROM event WHERE position = 1)"


def at(position: object, event_id: str = "x'99'") -> str:
    return f"{EVENT} {AT.format(position, event_id)}"


REFUSED = [
    # event
    ("UPDATE event SET body = x'7b7d' WHERE position = 2", CHANGED),
    ("UPDATE event SET position = 7 WHERE position = 3", CHANGED),
    ("UPDATE OR REPLACE event SET position = 2 WHERE position = 3", CHANGED),
    ("UPDATE OR IGNORE event SET recorded_at = 0", CHANGED),
    ("DELETE FROM event WHERE position = 3", REMOVED),
    ("DELETE FROM event", REMOVED),
    (f"INSERT INTO event {at(3)}", MISPLACED),
    (f"INSERT INTO event {at(5)}", MISPLACED),
    (f"INSERT INTO event {at(0)}", MISPLACED),
    (f"INSERT INTO event {at(-1)}", MISPLACED),
    (f"INSERT INTO event {at('NULL')}", MISPLACED),
    (f"INSERT OR REPLACE INTO event {at(2)}", MISPLACED),
    (f"REPLACE INTO event {at(2)}", MISPLACED),
    (f"INSERT OR IGNORE INTO event {at(2)}", MISPLACED),
    (f"INSERT INTO event {at(2)} ON CONFLICT (position) DO UPDATE SET body = x'00'", MISPLACED),
    (f"INSERT INTO event {at(4, FIRST)}", RECORDED),
    (f"INSERT OR REPLACE INTO event {at(4, FIRST)}", RECORDED),
    (f"REPLACE INTO event {at(4, FIRST)}", RECORDED),
    (f"INSERT INTO event {at(4, FIRST)} ON CONFLICT (id) DO UPDATE SET body = x'00'", RECORDED),
    # event_tag
    ("UPDATE event_tag SET tag = 'market:DE'", TAG_CHANGED),
    ("UPDATE OR REPLACE event_tag SET position = 1", TAG_CHANGED),
    ("DELETE FROM event_tag WHERE position = 1", TAG_REMOVED),
    ("DELETE FROM event_tag", TAG_REMOVED),
    (
        "INSERT INTO event_tag VALUES ('market:IN', 1)",
        "UNIQUE constraint failed: event_tag.tag, event_tag.position",
    ),
    (
        "INSERT INTO event_tag VALUES ('market:IN', 1) ON CONFLICT (tag, position) DO UPDATE SET tag = 'market:DE'",
        TAG_CHANGED,
    ),
    # checkpoint
    ("UPDATE checkpoint SET root = x'00'", HEAD_CHANGED),
    ("DELETE FROM checkpoint", HEAD_REMOVED),
    ("INSERT INTO checkpoint VALUES (3, x'00', x'00')", HEAD_STANDS),
    ("INSERT OR REPLACE INTO checkpoint VALUES (3, x'00', x'00')", HEAD_STANDS),
    ("REPLACE INTO checkpoint VALUES (3, x'00', x'00')", HEAD_STANDS),
    (
        "INSERT INTO checkpoint VALUES (3, x'00', x'00') ON CONFLICT (size) DO UPDATE SET root = x'00'",
        HEAD_STANDS,
    ),
    # identity
    ("UPDATE identity SET ledger_id = x'00'", OWNED),
    ("DELETE FROM identity", OWNED),
    ("INSERT INTO identity VALUES (1, x'00')", OWNED),
    ("INSERT OR REPLACE INTO identity VALUES (1, x'00')", OWNED),
    ("REPLACE INTO identity VALUES (1, x'00')", OWNED),
    (
        "INSERT INTO identity VALUES (1, x'00') ON CONFLICT (one) DO UPDATE SET ledger_id = x'00'",
        OWNED,
    ),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a book of three events, a tag, a tree head and an identity; refusals leave it as it is."""
    folder = tmp_path_factory.mktemp("book")
    with SqliteBook(folder) as book:
        book.append([an_event(1, tags=("market:IN",)), an_event(2, about=1), an_event(3)])
        book.checkpoint()
        book.adopt(UUID(int=1))
        yield folder / FILE_NAME
        assert [r.event for r in book.read()][1].customer == customer(1)


@pytest.fixture
def plain(book: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as anybody could, with nothing of ours set."""
    connection = sqlite3.connect(book)
    yield connection
    connection.close()


def everything(connection: sqlite3.Connection) -> list[list[tuple[object, ...]]]:
    tables = ("event", "event_tag", "checkpoint", "identity", "migration")
    return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables]


@pytest.mark.parametrize(("statement", "message"), REFUSED, ids=[s for s, _ in REFUSED])
def test_it_is_refused_in_these_words_and_nothing_has_changed(
    plain: sqlite3.Connection, statement: str, message: str
) -> None:
    before = everything(plain)
    with pytest.raises(sqlite3.IntegrityError, match=f"^{re.escape(message)}$"):
        plain.execute(statement)
    plain.commit()
    assert everything(plain) == before
    assert [len(rows) for rows in before] == [3, 2, 1, 1, 3]


def test_a_tag_is_its_whole_row_so_replacing_it_changes_nothing(plain: sqlite3.Connection) -> None:
    before = everything(plain)
    plain.execute("INSERT OR REPLACE INTO event_tag VALUES ('market:IN', 1)")
    assert everything(plain) == before
    plain.rollback()


def test_what_comes_next_may_be_appended(plain: sqlite3.Connection) -> None:
    plain.execute(f"INSERT INTO event {at(4)}")
    plain.execute("INSERT INTO event_tag VALUES ('market:IN', 4)")
    plain.execute("INSERT INTO checkpoint VALUES (4, x'00', x'00')")
    assert [len(rows) for rows in everything(plain)] == [4, 3, 2, 1, 3]
    plain.rollback()
