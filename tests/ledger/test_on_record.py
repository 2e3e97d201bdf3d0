"""The proof that an opening is on record: read off the book, and none without it."""

from pathlib import Path
from uuid import uuid4

import pytest

from ledger.errors import BadUsage
from ledger.on_record import OnRecord
from ledger.sqlite.book import SqliteBook
from tests.ledger.openings import CLERK, opening

ANNA, PRIYA, LETTER = uuid4(), uuid4(), uuid4()


def test_it_says_who_opens_whose_data_and_what_for(tmp_path: Path) -> None:
    events = [opening(ANNA, about=LETTER), opening(PRIYA)]
    with SqliteBook(tmp_path) as book:
        book.append([*events, opening(uuid4())])
        proof = OnRecord(book, [event.id for event in events])
    assert (proof.actor, proof.purpose) == (CLERK, "service")
    assert proof.subjects == {ANNA, PRIYA, LETTER}
    assert proof.openings == {event.id for event in events}


def test_what_concerns_nobody_who_is_known_opens_what_it_is_about(tmp_path: Path) -> None:
    with SqliteBook(tmp_path) as book:
        book.append([event := opening(about=LETTER)])
        assert OnRecord(book, [event.id]).subjects == {LETTER}


def test_there_is_none_for_what_does_not_stand_in_the_book(tmp_path: Path) -> None:
    here, absent = opening(ANNA), opening(PRIYA)
    others = [
        opening(PRIYA, actor=uuid4()),
        opening(PRIYA, actor=None),
        opening(PRIYA, purpose="marketing"),
        opening(PRIYA, type="personal_data.exported"),
    ]
    with SqliteBook(tmp_path) as book:
        book.append([here, *others])
        for wrong in ([], [absent.id], [here.id, absent.id], *([here.id, o.id] for o in others)):
            with pytest.raises(
                BadUsage, match=r"^expected openings for one purpose that are in the"
            ):
                OnRecord(book, wrong)
        for other in others[1], others[3]:
            with pytest.raises(BadUsage):
                OnRecord(book, [other.id])
