"""Who is one person: any links in any order, as of any moment, are what a search by hand finds."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.event import MERGED, SPLIT, Event, Recorded, moment_uuid
from ledger.people import ALIASES, JOINED, NOBODY_MERGED, People, Persons, persons_of
from ledger.sqlite.book import SqliteBook
from tests.ledger.searched import Link, Searched

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = [UUID(int=n) for n in (5, 2, 4, 1, 3, 6)]
"""In the order in which the book heard of them, which is not that of their ids."""


def day(number: int) -> datetime:
    return BEGIN + timedelta(days=number)


def an_event(number: int, kind: str, customer: UUID, when: datetime, **data: str) -> Event:
    event_id = UUID(int=(8 << 76) | (2 << 62) | (number << 80))
    domain = "audit" if data else "touchpoint"
    return Event(event_id, kind, 1, domain, when, "test", data, customer)


def link_event(number: int, link: Link) -> Event:
    kind = MERGED if link.on else SPLIT
    one, other = CUSTOMERS[link.one], CUSTOMERS[link.other]
    return an_event(number, kind, one, day(link.day), other=str(other))


def recorded(links: Sequence[Link]) -> list[Recorded]:
    return [
        Recorded(position, BEGIN, link_event(position, link), b"")
        for position, link in enumerate(links, 1)
    ]


def age(customer: UUID) -> tuple[int, UUID]:
    return CUSTOMERS.index(customer), customer


def same(found: Persons, searched: Searched) -> None:
    for one, customer in enumerate(CUSTOMERS):
        person = sorted(searched.reached(one))
        assert found.members(customer) == tuple(CUSTOMERS[member] for member in person)
        assert found.canonical(customer) == CUSTOMERS[person[0]]
        for other in range(len(CUSTOMERS)):
            since = searched.since(one, other) if one != other else None
            expected = None if since is None else (day(since[0]), since[1])
            assert found.since(customer, CUSTOMERS[other]) == expected
    assert found.links == {frozenset(CUSTOMERS[n] for n in pair) for pair in searched.standing}
    assert found.parted == {frozenset(CUSTOMERS[n] for n in pair) for pair in searched.parted}


@st.composite
def some_links(draw: st.DrawFn) -> list[Link]:
    moment, on = st.integers(0, 4), st.sampled_from([True, True, False])
    pairs = st.sampled_from(
        [(0, 1), (1, 0), (1, 2), (2, 3), (3, 0), (3, 4), (4, 5)]
    )  # a ring, a tail
    made = st.builds(lambda on, two, day: Link(on, two[0], two[1], day), on, pairs, moment)
    return draw(st.lists(made, min_size=draw(st.integers(0, 12)), max_size=12))


@settings(max_examples=150)
@given(some_links(), st.randoms())
def test_people_are_those_whom_a_search_finds(links: list[Link], chance: Random) -> None:
    shuffled = recorded(links)
    chance.shuffle(shuffled)
    same(persons_of(shuffled, age), Searched(list(enumerate(links, 1))))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[SqliteBook]:
    with SqliteBook(tmp_path) as book:
        yield book


@settings(max_examples=25)
@given(
    some_links(),
    st.permutations(range(len(CUSTOMERS))),
    st.lists(st.integers(1, 5), min_size=18, max_size=18),
    st.data(),
)
def test_a_book_tells_who_was_one_person_then_and_as_known_then(
    links: list[Link], heard: list[int], cuts: list[int], data: st.DataObject
) -> None:
    """Half of the customers are heard of before they are linked, and all are by the end."""
    with TemporaryDirectory() as folder, SqliteBook(Path(folder)) as book:
        people = People(book)
        events = [an_event(100 + n, "email.sent", CUSTOMERS[n], day(0)) for n in heard]
        events[3:3] = [link_event(number, link) for number, link in enumerate(links)]
        told = [(n + 4, link) for n, link in enumerate(links)]
        rest = list(events)
        for cut in cuts:
            book.append(rest[:cut])
            del rest[:cut]
            assert people.now() == People(book).now()  # what was read once is not read again
        order = {UUID(int=CUSTOMERS[n].int): place for place, n in enumerate(heard)}
        same_in(order, people.now(), Searched(told))
        as_of = data.draw(st.none() | st.integers(-1, 4))
        known_upto = data.draw(st.none() | st.integers(0, len(events)))
        then = [
            (position, link)
            for position, link in told
            if (as_of is None or link.day <= as_of)
            and (known_upto is None or position <= known_upto)
        ]
        found = people.at(None if as_of is None else day(as_of), known_upto)
        same_in(order, found, Searched(then))
        same_in(order, people.now(), Searched(told))


def same_in(order: dict[UUID, int], found: Persons, searched: Searched) -> None:
    """The same people as were searched for, the oldest by this order."""
    for one, customer in enumerate(CUSTOMERS):
        members = {CUSTOMERS[member] for member in searched.reached(one)}
        assert found.members(customer) == tuple(sorted(members, key=lambda c: order[c]))
    assert found.links == {frozenset(CUSTOMERS[n] for n in pair) for pair in searched.standing}


A, B, C = CUSTOMERS[:3]


def test_a_merge_makes_nobody_older(book: SqliteBook) -> None:
    people = People(book)
    book.append([an_event(1, MERGED, B, day(1), other=str(A))])
    assert people.now().members(A) == (B, A)  # by their ids, as long as nothing is known of them
    book.append([an_event(2, "email.sent", A, day(9)), an_event(3, "email.sent", B, day(0))])
    assert people.now().members(A) == (A, B)
    book.append([an_event(4, SPLIT, A, day(2), other=str(B))])
    assert people.now().members(A) == (A,)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_both_clocks(book: SqliteBook, order: tuple[int, ...]) -> None:
    """Merged on day 1, split on day 3, merged again on day 5, whenever the book is told."""
    three = [Link(True, 0, 1, 1), Link(False, 0, 1, 3), Link(True, 0, 1, 5)]
    book.append([an_event(9, "email.sent", A, day(0)), an_event(10, "email.sent", B, day(0))])
    book.append([link_event(n, three[n]) for n in order])
    people = People(book)
    together = [people.at(day(n)).canonical(B) == A for n in range(7)]
    assert together == [False, True, True, False, False, True, True]
    since = people.now().since(A, B)
    assert since == (day(5), 3 + order.index(2))
    for known in range(6):
        told = [three[n] for n in order[: max(known - 2, 0)]]
        latest = max(told, key=lambda link: link.day, default=None)
        assert (people.at(None, known).canonical(B) == A) == (latest is not None and latest.on)
    assert people.at(day(1) - timedelta(microseconds=1)) == people.at(day(0))


def test_relations_for_views(book: SqliteBook) -> None:
    people = People(book)
    assert people.now().aliases().equals(ALIASES.empty_table())
    assert people.now().togetherness().equals(JOINED.empty_table())
    book.append([an_event(n, "email.sent", c, day(0)) for n, c in enumerate((A, B, C))])
    book.append([link_event(7, Link(True, 1, 0, 2)), link_event(8, Link(True, 1, 2, 1))])
    persons = people.now()
    assert persons.aliases().to_pylist() == [
        {"customer": B, "canonical": A},
        {"customer": C, "canonical": A},
    ]
    first, late = moment_uuid((day(2), 4)), moment_uuid((day(1), 5))
    expected = {(A, B): (first, 4), (A, C): (first, 5), (B, C): (late, 5)}
    assert {
        (row["customer"], row["other"]): (row["since"], row["position"])
        for row in persons.togetherness().to_pylist()
    } == expected | {(other, one): way for (one, other), way in expected.items()}
    assert persons.togetherness().num_rows == 6
    assert persons.links_of(B) == {A, C}
    assert persons.links_of(C) == {B}


def test_nobody_is_merged_with_anybody(book: SqliteBook) -> None:
    book.append([an_event(1, "email.sent", A, day(0))])
    found = People(book).now()
    assert (found.members(A), found.since(A, B), found.links_of(A)) == ((A,), None, frozenset())
    assert not found.were_parted([A], [B])
    assert (found.groups, found.upto) == (NOBODY_MERGED.groups, 1)


def test_threads_share_the_people(book: SqliteBook) -> None:
    people = People(book)
    book.append([an_event(100 + n, "email.sent", c, day(0)) for n, c in enumerate(CUSTOMERS)])
    found: list[tuple[UUID, ...]] = []

    def ask() -> None:
        for _ in range(20):
            persons = people.now()
            found.append(persons.members(CUSTOMERS[0]))

    def tell() -> None:
        for n in range(1, len(CUSTOMERS)):
            book.append([link_event(n, Link(True, 0, n, n))])

    threads = [Thread(target=work) for work in (ask, tell, ask)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert people.now().members(CUSTOMERS[0]) == tuple(CUSTOMERS)
    assert all(members == tuple(CUSTOMERS[: len(members)]) for members in found)
