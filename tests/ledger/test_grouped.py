"""A grouped book keeps the promises of the book beneath it, whoever shares a commit with whom."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.book import Book, Condition, Status
from ledger.errors import BadField, ConditionFailed, StoreUnavailable
from ledger.grouped import GroupedBook
from ledger.stores import open_book
from tests.ledger.book_contract.appending import Appending
from tests.ledger.book_contract.base import DEAL_1, appended
from tests.ledger.book_contract.reading import Reading
from tests.ledger.samples import an_event, some_events

CALLERS = 64


class TestGroupedBook(Appending, Reading):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path / 'book'}"

    @pytest.fixture
    def book(self, address: str) -> Iterator[Book]:
        with GroupedBook(open_book(address)) as book:
            yield book


@pytest.fixture(params=["sqlite", "postgresql"])
def book(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str
) -> Iterator[GroupedBook]:
    address = f"sqlite:///{tmp_path}"
    if request.param == "postgresql":
        address = f"{postgres_url}?schema=book_{uuid4().hex}"
    with GroupedBook(open_book(address)) as book:
        yield book


def test_threads_are_each_told_where_their_own_stands(book: GroupedBook) -> None:
    def caller(number: int) -> list[tuple[int, int]]:
        mine = range(number, 640, CALLERS)
        return [(n, book.append([an_event(n)])[0].position) for n in mine]

    with ThreadPoolExecutor(CALLERS) as threads:
        told = [one for mine in threads.map(caller, range(CALLERS)) for one in mine]
    assert sorted(position for _, position in told) == [*range(1, 641)]
    assert {r.position: r.event for r in book.read()} == {at: an_event(n) for n, at in told}


def test_tasks_are_each_told_where_their_own_stands(book: GroupedBook) -> None:
    async def caller(number: int) -> list[tuple[int, int]]:
        mine = range(number, 640, CALLERS)
        return [(n, (await book.append_from_task([an_event(n)]))[0].position) for n in mine]

    async def all_of_them() -> list[list[tuple[int, int]]]:
        return await asyncio.gather(*map(caller, range(CALLERS)))

    told = [one for mine in asyncio.run(all_of_them()) for one in mine]
    assert {r.position: r.event for r in book.read()} == {at: an_event(n) for n, at in told}
    assert book.head() == 640


def test_of_those_who_share_a_condition_one_wins_and_the_others_are_told_where(
    book: GroupedBook,
) -> None:
    async def caller(n: int) -> int:
        event = an_event(n, "deal.opened", ("deal:1",))
        return (await book.append_from_task([event], Condition((DEAL_1,))))[0].position

    async def all_of_them() -> list[int | BaseException]:
        return await asyncio.gather(*map(caller, range(CALLERS)), return_exceptions=True)

    told = asyncio.run(all_of_them())
    refused = [one for one in told if isinstance(one, ConditionFailed)]
    assert [one for one in told if isinstance(one, int)] == [1]
    assert [failure.position for failure in refused] == [1] * (CALLERS - 1)
    assert book.head() == 1


def test_who_brings_the_same_is_told_the_same(book: GroupedBook) -> None:
    with ThreadPoolExecutor(CALLERS) as threads:
        told = [*threads.map(lambda _: book.append(some_events(1, 2)), range(CALLERS))]
    assert {tuple(r.position for r in receipts) for receipts in told} == {(1, 2)}
    assert [r[0].status for r in told].count(Status.APPENDED) == 1
    assert book.head() == 2


def test_an_event_without_a_stored_form_is_refused_before_it_meets_others(
    book: GroupedBook,
) -> None:
    bad = an_event(1, data={"amount": 1.5})
    with pytest.raises(BadField, match=r"^data\.amount: "):
        book.append([bad])
    with pytest.raises(BadField, match=r"^data\.amount: "):
        asyncio.run(book.append_from_task([bad]))
    assert book.append([an_event(1)]) == appended(1, 1)


def test_a_closed_book_takes_nothing(tmp_path: Path) -> None:
    book = GroupedBook(open_book(f"sqlite:///{tmp_path}"))
    assert book.append(some_events(1, 1)) == appended(1, 1)
    assert book.waiting == 0
    book.close()
    with pytest.raises(StoreUnavailable, match=r"^appends: closed: nothing more is taken in$"):
        book.append(some_events(2, 2))
