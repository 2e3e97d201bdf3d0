"""Verification of a book from which bytes were removed: what may be gone, and what never may."""

from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ledger.book import Row
from ledger.sqlite.book import SqliteBook
from ledger.stores import open_book
from projections import Views
from replay.verify import Redaction, verify_book, verify_views
from tests.ledger.book_contract.redacting import ONE, redacted
from tests.ledger.samples import an_event, some_events
from tests.replay.test_verify import HEAD_OF_5_TO_10, RESEALED, book_of, forge, verified

NOBODY = "its bytes are gone, and no redaction that two approved of says so"
ALTERED = "what stands of it is not what its redaction left"
GONE_7 = "UPDATE event SET body = NULL, personal = NULL WHERE position = 7"
TAGS_7 = "DELETE FROM event_tag WHERE position = 7"


def kept(row: Row, body: bytes | None) -> str:
    """What proves that the columns, and the envelope where it stays, are as they were left."""
    name = row.type.encode()
    head = row.recorded_us.to_bytes(8) + row.occurred_us.to_bytes(8, signed=True) + row.id
    rest = b"" if body is None else b"\x01" + body
    return sha256(b"\x02" + head + len(name).to_bytes(4) + name + rest).hexdigest()


def redacting(folder: Path, *said: tuple[int, dict[str, Any]]) -> None:
    """Ten events and a head over them, and then those that say what may go of the seventh."""
    book_of(folder)
    with SqliteBook(folder) as book:
        row = next(book.rows(6))
        for n, more in said:
            body = row.body if more.get("removed") == ["personal"] else None
            book.append([redacted(n, 7, 7, **{"kept": kept(row, body), **more})])
        book.append(some_events(20, 22))
        book.checkpoint()


def test_what_is_gone_is_listed_with_who_says_so(tmp_path: Path) -> None:
    redacting(tmp_path, (11, {"removed": ["personal"]}), (12, {}))
    with SqliteBook(tmp_path) as book:
        assert verify_book(book).pending == (7,)
        book.redact(7, ("personal",))
        found = verify_book(book)
        assert (found.redactions, found.pending) == ((Redaction(7, ("personal",), 11),), (7,))
        book.redact(7, ("body",))
        assert verify_book(book).pending == (7,)  # until all that follows is done as well
        book.redacted(7)
        found = verify_book(book)
        assert found.redactions == (Redaction(7, ("body", "personal"), 11),)
        assert (found.pending, found.events, found.checkpoints) == ((), 15, 3)
        assert found.root == book.root_at(15)


@pytest.mark.parametrize(
    ("said", "statements", "expected"),
    [
        ([], (GONE_7, TAGS_7), (7, NOBODY)),
        ([{"redacted_id": ONE}], (GONE_7, TAGS_7), (7, NOBODY)),
        ([{"redacted_position": 8}], (GONE_7, TAGS_7), (7, NOBODY)),
        ([{"removed": ["personal"]}], (GONE_7, TAGS_7), (7, NOBODY)),
        ([{"approvers": [ONE, ONE]}], (GONE_7, TAGS_7), (11, "a redaction that two have not approved of")),
        ([{}], (GONE_7, "INSERT INTO event_tag VALUES ('market:IN', 7)"), (7, "its envelope is gone, and a tag of it is here")),
        ([{}], (GONE_7, TAGS_7, "UPDATE event SET leaf = x'00' WHERE position = 7"), (7, "its leaf is none")),
        ([{}], (GONE_7, TAGS_7, "UPDATE event SET leaf = zeroblob(32) WHERE position = 7"), (5, HEAD_OF_5_TO_10)),
        ([{}], (GONE_7, TAGS_7, "UPDATE event SET recorded_at = 5 WHERE position = 7"), (7, "recorded before the event at the position before it")),
        ([{"removed": ["personal"]}], ("UPDATE event SET personal = NULL, type = 'x.y' WHERE position = 7",), (7, "the column type differs from the envelope")),
        ([{"approvers": 7}], (), (11, "its envelope cannot be read")),
        ([{"removed": ["body"]}], (GONE_7, TAGS_7, "DELETE FROM event WHERE position > 10", "DELETE FROM event_tag WHERE position > 10", "DELETE FROM checkpoint WHERE size > 10"), (7, NOBODY)),
        ([{}], (GONE_7, TAGS_7, "UPDATE event SET type = 'x.y' WHERE position = 7"), (7, ALTERED)),
        ([{}], (GONE_7, TAGS_7, "UPDATE event SET occurred_at = 5 WHERE position = 7"), (7, ALTERED)),
        ([{"removed": ["personal"]}], ("UPDATE event SET personal = NULL, body = CAST(replace(CAST(body AS TEXT), '\"shop\"', '\"shoq\"') AS BLOB) WHERE position = 7",), (7, ALTERED)),
        ([{"kept": None}], (GONE_7, TAGS_7), (7, ALTERED)),
        ([{"kept": "00"}, {}], (GONE_7, TAGS_7), (7, ALTERED)),
        ([{}], ("UPDATE event SET personal = x'00' WHERE position = 7",), (7, "its bytes are not those of its leaf")),
        ([{}], ("UPDATE event SET personal = x'00' WHERE position = 7", RESEALED), (5, HEAD_OF_5_TO_10)),
    ],
    ids=[
        "nobody says so", "of another id", "of another position", "of less", "one of us alone",
        "a tag stays", "no leaf", "another leaf", "another time", "another type", "no list of us",
        "the saying is gone", "another type left", "another time left", "another envelope left",
        "nothing says what is left", "the first word counts", "other bytes instead", "other bytes with their leaf",
    ],
)  # fmt: skip
def test_nothing_else_is_gone_nor_changed_with_it(
    tmp_path: Path,
    said: list[dict[str, Any]],
    statements: tuple[str, ...],
    expected: tuple[int, str],
) -> None:
    redacting(tmp_path, *enumerate(said, 11))
    if expected[0] != 11:
        assert verified(tmp_path) is None
    forge(tmp_path, *statements)
    assert verified(tmp_path) == expected


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_views_that_had_read_it_are_folded_anew_and_then_equal_fresh_ones(
    tmp_path: Path, store: str, request: pytest.FixtureRequest
) -> None:
    address, views_at = f"sqlite:///{tmp_path}", str(tmp_path / "views.db")
    if store == "postgres":
        url = request.getfixturevalue("postgres_url")
        address = views_at = f"{url}?schema=book_{uuid4().hex}"
    with (
        open_book(address) as book,
        closing(Views.open(Path(views_at) if store == "sqlite" else views_at)) as views,
    ):
        book.append([an_event(n, tags=(f"campaign:c{n}",), about=n) for n in range(1, 6)])
        views.catch_up(book)
        book.append([redacted(9, 3, 3)])
        book.redact(3, ("body", "personal"))
        views.catch_up(book)
        wrong = {name for name, what in verify_views(book, views).items() if what is not None}
        assert {"customer_360", "campaign_customer", "daily"} <= wrong
        views.rebuild_all(book)
        assert set(verify_views(book, views).values()) == {None}
        assert views.rows("customer_360").num_rows == 4
