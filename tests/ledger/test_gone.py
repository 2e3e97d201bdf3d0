"""Who is gone and whose data is restricted: as a walk through the book by hand has it, at any time."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Book
from ledger.event import MERGED, SPLIT, Event
from ledger.gone import HIDDEN, Gone, hidden_table
from ledger.people import NOBODY_MERGED, People
from ledger.restricted import Restricted
from ledger.sqlite.book import SqliteBook
from ledger.stores import open_book
from tests.ledger.samples import BEGIN, customer, event_id

PEOPLE = 4
Told = tuple[str, int, int]
"""A type of event, the number of its customer, and the hour it is said to be of."""

ERASING, PART = "customer.erasing", "customer.erasing of a class"
ON, OFF = "customer.restricted", "customer.unrestricted"


def an_event(number: int, told: Told) -> Event:
    what, about, hour = told
    kind = ERASING if what == PART else what
    data: dict[str, object] = {"classes": ["content"]} if what == PART else {}
    if kind in (MERGED, SPLIT):
        data = {"other": str(customer((about + 1) % PEOPLE))}
    when = BEGIN + timedelta(hours=hour)
    return Event(event_id(number), kind, 1, "privacy", when, "bahi", data, customer(about))


@pytest.fixture(params=["sqlite", "postgres"])
def book(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Book]:
    url = f"sqlite:///{tmp_path}"
    if request.param == "postgres":
        url = f"{request.getfixturevalue('postgres_url')}?schema=gone_{uuid4().hex}"
    with open_book(url) as opened:
        yield opened


def write(book: Book, *stories: Told) -> None:
    first = book.head() + 1
    book.append([an_event(number, told) for number, told in enumerate(stories, first)])


def test_a_whole_erasing_counts_from_where_it_stands_and_a_part_never(book: Book) -> None:
    gone = Gone(book)
    assert gone.now() == frozenset()
    write(book, ("order.placed", 0, 0), (PART, 0, 0), (ERASING, 1, 0))
    assert gone.now() == {customer(1)}
    write(book, (ERASING, 2, 9), ("customer.erased", 2, 9), (ERASING, 2, 9))
    assert gone.now() == {customer(1), customer(2)}
    assert [gone.between(n - 1, n) for n in range(1, 8)] == [
        set(), set(), {customer(1)}, {customer(2)}, set(), {customer(2)}, set(),
    ]  # fmt: skip
    assert gone.between(0, 6) == gone.now()
    assert gone.between(3, 5) == {customer(2)}
    table = hidden_table(gone.now())
    assert table.schema.equals(HIDDEN)
    assert {row["customer"] for row in table.to_pylist()} == gone.now()
    assert Gone(book).now() == gone.now()


def test_whoever_the_keyring_buried_is_gone_though_the_book_has_not_heard(book: Book) -> None:
    buried: set[UUID] = set()
    gone = Gone(book, lambda: frozenset(buried))
    write(book, (ERASING, 1, 0))
    assert gone.now() == {customer(1)}
    buried.add(customer(3))
    assert gone.now() == {customer(1), customer(3)}
    assert gone.between(0, 99) == {customer(1)}, "only what the book tells has a place in it"


def test_a_restriction_is_lifted_by_a_later_word_and_not_by_one_that_is_told_later(
    book: Book,
) -> None:
    restricted = Restricted(book, People(book))
    write(book, ("order.placed", 0, 0), (ON, 0, 5))
    assert restricted.now() == {customer(0)}
    write(book, (OFF, 0, 4))
    assert restricted.now() == {customer(0)}
    write(book, (OFF, 0, 5))
    assert restricted.now() == frozenset()
    write(book, (ON, 1, 1))
    assert restricted.now() == {customer(1)}


WORDS = st.lists(
    st.tuples(
        st.sampled_from([ERASING, PART, ON, ON, OFF, MERGED, MERGED, SPLIT, "order.placed"]),
        st.integers(0, PEOPLE - 1),
        st.integers(0, 3),
    ),
    max_size=14,
)


@settings(max_examples=30)
@given(WORDS, st.integers(0, 14))
def test_read_in_two_sittings_they_are_who_a_walk_by_hand_finds(
    told: list[Told], pause: int
) -> None:
    with TemporaryDirectory() as folder, SqliteBook(Path(folder)) as book:
        gone, restricted = Gone(book), Restricted(book, People(book))
        for part in (told[:pause], told[pause:]):
            write(book, *part)
            sofar = told[: book.head()]
            assert gone.now() == {customer(n) for what, n, _ in sofar if what == ERASING}
            assert restricted.now() == {customer(n) for n in restricted_by_hand(sofar)}


def restricted_by_hand(told: list[Told]) -> set[int]:
    """Whoever is reached over links that stand, from whoever is restricted by the latest word on them."""
    in_order = sorted(enumerate(told), key=lambda one: (one[1][2], one[0]))
    on: dict[int, bool] = {}
    links: dict[frozenset[int], bool] = {}
    for _, (what, about, _) in in_order:
        if what in (ON, OFF):
            on[about] = what == ON
        if what in (MERGED, SPLIT):
            links[frozenset({about, (about + 1) % PEOPLE})] = what == MERGED
    reached = {number for number, restricted in on.items() if restricted}
    for _ in range(PEOPLE):
        reached |= {n for pair, stands in links.items() if stands and pair & reached for n in pair}
    return reached


def test_people_without_somebody_are_who_the_others_are(tmp_path: Path) -> None:
    with SqliteBook(tmp_path) as book:
        write(book, *[("order.placed", n, 0) for n in range(PEOPLE)])
        write(book, (MERGED, 0, 1), (MERGED, 1, 2))
        persons = People(book).now()
    a, b, c, d = map(customer, range(PEOPLE))
    assert persons.members(c) == (a, b, c)
    left = persons.without({a, d})
    assert [left.members(one) for one in (a, b, c, d)] == [(a,), (b, c), (b, c), (d,)]
    assert left.aliases().to_pylist() == [{"customer": c, "canonical": b}]
    assert left.joined.keys() == {frozenset({b, c})}
    assert left.links == {frozenset({b, c})}
    alone = persons.without({a, b})
    assert (alone.groups, alone.joined, alone.links) == ({}, {}, frozenset())
    between = persons.without({b})  # who alone had bound the two others
    assert (between.groups, between.joined, between.links) == ({}, {}, frozenset())
    assert persons.without({d}) is persons
    assert NOBODY_MERGED.without({a}) is NOBODY_MERGED
    assert isinstance(left.togetherness(), pa.Table)
