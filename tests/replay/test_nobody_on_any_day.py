"""Who is erased or restricted is read on no day, by either clock, though every segment holds their events."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from ledger.book import Book
from ledger.event import Event
from ledger.gone import Gone
from ledger.people import People
from ledger.restricted import Restricted
from ledger.stores import open_book
from projections.questions import asked_by
from replay.columns import Columns
from replay.columns.proving import verify_segments
from replay.columns.writing import Sizes
from replay.history import NOW as LIVE
from replay.history import Clocks, Past
from tests.projections.business import NOW, PEOPLE
from tests.replay import test_withheld as withheld
from tests.replay.test_withheld import (
    ALIAS,
    ERASED,
    HIDDEN,
    PROOFS,
    RESTRICTED,
    a_story,
    say,
    views_at,
)

SIZES = Sizes(group=32, small=32, large=128)
STAFF = UUID(int=1)
QUERIES = (
    "SELECT * FROM events WHERE domain <> 'privacy'",
    "SELECT customer, other, count(*) AS n FROM events WHERE domain <> 'privacy' GROUP BY ALL",
    "SELECT * FROM merged",
    "SELECT * FROM joined",
    "SELECT contact FROM deal UNION ALL SELECT contact FROM ticket",
)

address = withheld.address


def staffed(event: Event) -> Event:
    """The same with staff who are nobody's customers, since who acts is named for good."""
    data = {
        name: str(STAFF) if name != "other" and value in map(str, PEOPLE) else value
        for name, value in event.data.items()
    }
    return replace(event, actor=STAFF, data=data)


@contextmanager
def kept(address: str, tmp_path: Path) -> Iterator[tuple[Book, Columns]]:
    """A book of some people, nearly all of it in segments of either size."""
    with open_book(address) as book:
        book.append([staffed(event) for event in a_story()])
        columns = Columns(tmp_path / "history", book, sizes=SIZES, grace_s=0)
        columns.keep()
        assert {one.rows for one in columns.catalogue().segments} == {SIZES.small, SIZES.large}
        yield book, columns


def read(history: Past, names: Sequence[str], at: Clocks) -> str:
    """All that a reader gets to see on a day, as text."""
    seen = [repr(history.view(name, at).to_pylist()) for name in names]
    seen += [repr(history.sql(query, at).to_pylist()) for query in QUERIES]
    return "\n".join(seen)


def named(text: str) -> set[object]:
    return {one for one in HIDDEN if str(one) in text}


def test_on_no_day_is_anybody_read_who_is_erased_or_restricted(
    address: str, tmp_path: Path
) -> None:
    with kept(address, tmp_path) as (book, columns):
        people, before = People(book), book.head()
        gone, restricted = Gone(book), Restricted(book, people)
        then = NOW - timedelta(days=30)
        days = [Clocks(then), Clocks(then, before - 40)]
        with closing(views_at(address, tmp_path, gone)) as views:
            views.catch_up(columns)
            every = [*views.folds, *views.questions]
            proofs = {n for n in every if {*PROOFS} & asked_by(n, views.questions)} | {*PROOFS}
            folds = [name for name in views.folds if name not in proofs]
            questions = [name for name in views.questions if name not in proofs]
            past = Past(book, views, people, lambda: gone.now() | restricted.now(), columns)
            assert named(read(past, folds, days[1])) == HIDDEN, "or nothing could be found"
            say(book, "customer.restricted", RESTRICTED, ground="accuracy")
            say(book, "customer.erasing", ERASED, ALIAS, legal_basis="art17")
            columns.keep()
            views.catch_up(columns)
            for at in (*days, LIVE):
                # What a question says of the past it has from the folds of then.
                names = [*folds, *questions] if at is LIVE else folds
                assert named(read(past, names, at)) == set(), at
                for one in HIDDEN:
                    assert {*past.customer(one, at)} <= proofs
                    assert past.timeline(one, at) == []
        # The files are as the book has them all the while: who is erased is there by a random id alone.
        assert verify_segments(columns.folder, book).events > before - SIZES.small
