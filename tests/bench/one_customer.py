"""One customer as of a day: every view of theirs, beside a plain read of their events by the same index."""

import atexit
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from uuid import UUID

from ledger.book import CUSTOMER_TAG, Book, Match
from ledger.gone import Gone
from ledger.people import People
from ledger.restricted import Restricted
from ledger.stores import open_book
from projections import Views
from replay.history import Clocks, Past
from tests.bench import catch_up
from tests.bench.runner import Comparison, Side

_STORES = ("SQLite", "PostgreSQL")
_MOST = 1_000_000
_AT_ONCE = 5_000
_CUSTOMERS = 200
_USUAL = range(20, 51)
"""Events of a customer who is asked about."""
_DAY = Clocks(as_of=datetime(2026, 3, 31, tzinfo=UTC))
"""When three quarters of the story have been told."""


def comparisons(count: int) -> Iterator[Comparison]:
    """In a process that has asked before, as a door's has; of people who have many kinds of events."""
    events = min(count, _MOST)
    for store in _STORES:
        yield Comparison(
            what=f"every view of one customer as of a day, {events:,} events in a book on {store}",
            baseline="a plain indexed read of the same customer's events",
            durability="customers a second: nothing is written",
            ours=partial(_viewing, store, events),
            theirs=partial(_reading, store, events),
            must=0.1,
        )


def _viewing(store: str, events: int, folder: Path) -> Side:
    book = open_book(_address(store, events))
    views = Views.open(folder / "views.db")
    people, gone = People(book), Gone(book)
    restricted = Restricted(book, people)
    history = Past(book, views, people, lambda: gone.now() | restricted.now())
    chosen = _customers(store, events)
    for customer in chosen:
        history.customer(customer, _DAY)

    def side() -> int:
        for customer in chosen:
            assert history.customer(customer, _DAY)
        views.close()
        book.close()
        return len(chosen)

    return side


def _reading(store: str, events: int, _folder: Path) -> Side:
    book = open_book(_address(store, events))
    chosen = _customers(store, events)

    def side() -> int:
        for customer in chosen:
            assert list(book.read(matching=[_tagged(customer)]))
        book.close()
        return len(chosen)

    return side


def _tagged(customer: UUID) -> Match:
    return Match(tags=(f"{CUSTOMER_TAG}{customer}",))


@cache
def _customers(store: str, events: int) -> Sequence[UUID]:
    """Some who have as many events as is usual, from all over the book."""
    with open_book(_address(store, events)) as book:
        counted = Counter(_of_whom(book))
    usual = sorted(who for who, of in counted.items() if of in _USUAL)
    return usual[:: max(1, len(usual) // _CUSTOMERS)][:_CUSTOMERS]


def _of_whom(book: Book) -> Iterator[UUID]:
    for batch in book.batches(0, ["customer", "occurred_at"]):
        for customer, at in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if customer is not None and at.replace(tzinfo=UTC) <= _DAY.as_of:
                yield customer


@cache
def _address(store: str, events: int) -> str:
    """Where a book of the story is, written once for all rounds."""
    if store == "PostgreSQL":
        return catch_up.book(events)
    folder = Path(tempfile.mkdtemp(prefix="bahi-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = f"sqlite:///{folder / 'book'}"
    given = catch_up.history(events)
    with open_book(address) as book:
        while batch := list(itertools.islice(given, _AT_ONCE)):
            book.append(batch)
    return address
