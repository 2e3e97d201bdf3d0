"""Verification: the first position that is not as it was written, whatever was done to the book."""

import ast
import hashlib
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

import replay.verify
from ledger.errors import BookAltered
from ledger.sqlite.book import SqliteBook
from projections import Listed, Views
from projections.sqlite import SqliteViews
from replay.verify import verify_book, verify_views
from tests.ledger.samples import an_event, some_events

DEFINED = {"leaf_hash", "kept_hash"}
ALLOWED = {*DEFINED, "BookAltered", "Book", "Row", "Tree", "Kind", "State", "Views"}
"""What verification has from us: the leaf, the hash of what a redaction leaves of one, the tree over
leaves, and the ports that it reads.
"""


def book_of(folder: Path) -> tuple[int, bytes]:
    """Ten events with tree heads at 4 and 10; the second head."""
    with SqliteBook(folder) as book:
        book.append([an_event(n, about=1, personal=bytes([n]) * 9) for n in range(1, 5)])
        book.checkpoint()
        of_two = replace(an_event(6, about=1), another=UUID(int=99))
        some = [*some_events(5, 5), of_two, *some_events(7, 9)]
        book.append([*some, an_event(10, tags=("market:DE",))])
        return book.checkpoint()


def forge(folder: Path, *statements: str) -> None:
    """Change the file as its owner can: without the triggers."""
    with closing(sqlite3.connect(folder / "book.db")) as owner, owner:
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        for (name,) in owner.execute(triggers).fetchall():
            owner.execute(f'DROP TRIGGER "{name}"')
        owner.create_function("leaf", 3, leaf)
        for statement in statements:
            owner.execute(statement)


def leaf(recorded_us: int, body: bytes, personal: bytes) -> bytes:
    """As the design has it, and not as the project computes it."""
    head = bytes(1) + struct.pack(">Q", recorded_us) + struct.pack(">I", len(body))
    return hashlib.sha256(head + body + personal).digest()


def verified(folder: Path, remembered: tuple[int, bytes] | None = None) -> tuple[int, str] | None:
    with SqliteBook(folder) as book:
        try:
            found = verify_book(book, remembered=remembered)
        except BookAltered as error:
            return error.position, error.what
        assert found.root == book.root_at(found.events)
        return None


RESEALED = "UPDATE event SET leaf = leaf(recorded_at, body, personal) WHERE position = 7"
NO_HEADS = "DELETE FROM checkpoint"
HEAD_OF_5_TO_10 = "the events 5 to 10 are not those of the tree head written at 10"

FORGERIES: list[tuple[tuple[str, ...], tuple[int, str]]] = [
    (
        ("UPDATE event SET body = CAST(replace(CAST(body AS TEXT), 'shop', 'shoq') AS BLOB) WHERE position = 7",),
        (7, "its bytes are not those of its leaf"),
    ),
    (
        ("UPDATE event SET personal = x'00' WHERE position = 3",),
        (3, "its bytes are not those of its leaf"),
    ),
    (
        ("UPDATE event SET leaf = zeroblob(32) WHERE position = 7",),
        (7, "its bytes are not those of its leaf"),
    ),
    (
        ("UPDATE event SET recorded_at = recorded_at + 1 WHERE position = 7",),
        (7, "its bytes are not those of its leaf"),
    ),
    (
        ("UPDATE event SET recorded_at = 5 WHERE position = 7", RESEALED),
        (7, "recorded before the event at the position before it"),
    ),
    (
        ("UPDATE event SET type = 'order.refunded' WHERE position = 7",),
        (7, "the column type differs from the envelope"),
    ),
    (
        ("UPDATE event SET occurred_at = occurred_at + 1 WHERE position = 7",),
        (7, "the column occurred_us differs from the envelope"),
    ),
    (
        ("UPDATE event SET id = zeroblob(16) WHERE position = 7",),
        (7, "the column id differs from the envelope"),
    ),
    (
        ("DELETE FROM event_tag WHERE tag = 'market:DE'",),
        (10, "the column tags differs from the envelope"),
    ),
    (
        ("INSERT INTO event_tag (tag, position) VALUES ('deal:x', 7)",),
        (7, "the column tags differs from the envelope"),
    ),
    (
        (f"DELETE FROM event_tag WHERE tag = 'customer:{UUID(int=99)}'",),
        (6, "the column tags differs from the envelope"),
    ),
    (("DELETE FROM event WHERE position = 7",), (7, "missing; the next event is at 8")),
    (("DELETE FROM event WHERE position = 1",), (1, "missing; the next event is at 2")),
    (
        ("DELETE FROM event WHERE position > 8", "DELETE FROM event_tag WHERE position > 8"),
        (9, "missing; a tree head was written over 10 events"),
    ),
    (
        ("UPDATE event SET personal = x'00' WHERE position = 7", RESEALED),
        (5, HEAD_OF_5_TO_10),
    ),
    (
        ("UPDATE event SET body = CAST('[]' AS BLOB) WHERE position = 7", RESEALED),
        (7, "its envelope cannot be read"),
    ),
    (
        ("UPDATE event SET body = CAST('{\"id\":7}' AS BLOB) WHERE position = 7", RESEALED),
        (7, "its envelope cannot be read"),
    ),
    (
        ("UPDATE event SET body = x'ff' WHERE position = 7", RESEALED),
        (7, "its envelope cannot be read"),
    ),
]  # fmt: skip


def test_a_book_that_nobody_touched_is_in_order(tmp_path: Path) -> None:
    head = book_of(tmp_path)
    told: list[int] = []
    with SqliteBook(tmp_path) as book:
        found = verify_book(book, remembered=head, progress=told.append)
    assert (found.events, found.checkpoints, (found.events, found.root)) == (10, 3, head)
    assert told == [10]


def test_an_empty_book_is_in_order(tmp_path: Path) -> None:
    assert verified(tmp_path) is None


@pytest.mark.parametrize(
    ("statements", "expected"), FORGERIES, ids=[str(n) for n in range(len(FORGERIES))]
)
def test_the_first_wrong_position_is_named(
    tmp_path: Path, statements: tuple[str, ...], expected: tuple[int, str]
) -> None:
    book_of(tmp_path)
    assert verified(tmp_path) is None
    forge(tmp_path, *statements)
    assert verified(tmp_path) == expected


@pytest.mark.parametrize(
    ("forgery", "expected"),
    [
        (
            ("UPDATE event SET personal = x'00' WHERE position = 7", RESEALED),
            (1, "the events 1 to 10 are not those of the tree head written at 10"),
        ),
        (
            ("DELETE FROM event WHERE position > 8", "DELETE FROM event_tag WHERE position > 8"),
            (9, "missing; a tree head was written over 10 events"),
        ),
    ],
)
def test_forged_with_its_own_heads_it_fails_against_the_one_remembered_elsewhere(
    tmp_path: Path, forgery: tuple[str, ...], expected: tuple[int, str]
) -> None:
    remembered = book_of(tmp_path)
    forge(tmp_path, *forgery, NO_HEADS)
    assert verified(tmp_path) is None
    assert verified(tmp_path, remembered) == expected


def test_nothing_is_shared_with_the_writer_but_the_leaf() -> None:
    tree = ast.parse(Path(replay.verify.__file__).read_text(encoding="utf-8"))
    ours = ("ledger", "commands", "projections", "streams", "replay", "api")
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ours:
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.Import):
            assert not [alias.name for alias in node.names if alias.name.split(".")[0] in ours]
    assert names == ALLOWED


def test_each_fold_is_compared_with_a_fresh_one(tmp_path: Path) -> None:
    book_of(tmp_path)
    with SqliteBook(tmp_path) as book, closing(Views.open(tmp_path / "views.db")) as views:
        views.catch_up(book)
        assert set(verify_views(book, views).values()) == {None}
        book.append([an_event(11, about=1)])  # not folded yet, and not held against it
        assert set(verify_views(book, views).values()) == {None}
        assert set(verify_views(book, views)) == set(views.folds)
        one_more = change_of("customer_money", "SET orders = orders + 1")
        gone = change_of("daily", "DELETE")
        for change in (one_more, gone):
            change(tmp_path / "views.db")
        assert {n: what for n, what in verify_views(book, views).items() if what} == {
            "customer_money": "1 kept rows differ from a fresh fold",
            "daily": "0 rows are kept, a fresh fold has 2",
        }


def test_a_fold_kept_by_an_older_definition_is_said_to_be(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "folds").mkdir(parents=True)
    file = own / "folds" / "mine.sql"
    begin = "-- mine: one row a type; how many.\nSELECT type, count(*) AS n"
    book_of(tmp_path)
    with SqliteBook(tmp_path) as book:
        file.write_text(f"{begin} FROM events GROUP BY type;")
        with closing(Views.open(tmp_path / "views.db", [own])) as views:
            views.catch_up(book)
        file.write_text(f"{begin}, max(position) AS last FROM events GROUP BY type;")
        with closing(Views.open(tmp_path / "views.db", [own])) as views:
            assert verify_views(book, views)["mine"] == "it is kept as an older definition has it"


class Imported(Views):
    """Views that somebody brings up to the book whenever how they stand has been asked for."""

    def list(self, head: int) -> list[Listed]:
        lines = super().list(head)
        with SqliteBook(self.folder) as book:
            book.append([an_event(head + 1, about=1)])
            self.catch_up(book)
        return lines

    folder: Path


def test_an_import_meanwhile_makes_no_fold_wrong(tmp_path: Path) -> None:
    book_of(tmp_path)
    store = SqliteViews(tmp_path / "views.db")
    with SqliteBook(tmp_path) as book, closing(Imported(store)) as views:
        views.folder = tmp_path
        views.catch_up(book)
        assert set(verify_views(book, views).values()) == {None}
        assert book.head() == 11


def test_a_fold_that_stopped_is_not_said_to_be_equal(tmp_path: Path) -> None:
    own = tmp_path / "own"
    (own / "folds").mkdir(parents=True)
    text = "-- mine: n.\nSELECT type, sum(position * 1000000000000000000) AS n FROM events GROUP BY type"
    (own / "folds" / "mine.sql").write_text(text)
    book_of(tmp_path)
    with SqliteBook(tmp_path) as book, closing(Views.open(tmp_path / "views.db", [own])) as views:
        views.catch_up(book)
        assert {n: what for n, what in verify_views(book, views).items() if what} == {
            "mine": "stopped before position 4: a total is too large for its column"
        }


def change_of(view: str, what: str) -> Callable[[Path], None]:
    """A change behind the back of the views, in the table that serves this one."""

    def change(file: Path) -> None:
        with closing(sqlite3.connect(file)) as owner, owner:
            query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE ? || '!_%' ESCAPE '!'"
            ((table,),) = owner.execute(query, (view,)).fetchall()
            verb = f'DELETE FROM "{table}"' if what == "DELETE" else f'UPDATE "{table}" {what}'
            owner.execute(verb)

    return change
