"""What the suites share: how a store presents itself, a history, and questions put to it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from ledger.book import Book, Match, Receipt, Status
from ledger.clock import Clock
from ledger.event import Event
from ledger.stores import open_book
from tests.ledger.samples import BEGIN, an_event, customer

A_WHILE_S = 60
"""Long enough to be sure that something which has not happened by then never will."""

HISTORY = [
    an_event(1, "deal.opened", ("deal:1", "market:IN"), about=1),
    an_event(2, "deal.moved", ("deal:1",), about=1),
    an_event(3, "deal.opened", ("deal:2", "market:IN"), about=2),
    an_event(4, "ticket.opened", ("deal:1", "ticket:1"), about=1),
    an_event(5, "rate.published"),
    an_event(6, "deal.won", ("deal:2",), about=2),
]

OPENED_OR_WON = Match(types=("deal.opened", "deal.won"))
DEAL_1 = Match(tags=("deal:1",))
QUESTIONS: list[tuple[str, tuple[Match, ...], list[int]]] = [
    ("everything", (), [1, 2, 3, 4, 5, 6]),
    ("everything, said with a match", (Match(),), [1, 2, 3, 4, 5, 6]),
    ("one type", (Match(types=("deal.moved",)),), [2]),
    ("either of two types", (OPENED_OR_WON,), [1, 3, 6]),
    ("a tag", (DEAL_1,), [1, 2, 4]),
    ("both tags", (Match(tags=("deal:1", "market:IN")),), [1]),
    ("both tags, the other way round", (Match(tags=("market:IN", "deal:1")),), [1]),
    ("tags that nothing carries together", (Match(tags=("deal:2", "ticket:1")),), []),
    ("types and a tag", (Match(("deal.opened", "ticket.opened"), ("deal:1",)),), [1, 4]),
    ("a customer", (Match(tags=(f"customer:{customer(2)}",)),), [3, 6]),
    ("the type of one and the tag of another", (Match(("deal.won",), ("deal:1",)),), []),
    ("any of several, each event once", (DEAL_1, OPENED_OR_WON), [1, 2, 3, 4, 6]),
    ("an unknown type and an unknown tag", (Match(("x.y",)), Match((), ("x:y",))), []),
    ("the beginning of a tag is not the tag", (Match(tags=("deal:",)),), []),
]
ASKED = pytest.mark.parametrize(
    ("matching", "positions"), [q[1:] for q in QUESTIONS], ids=[q[0] for q in QUESTIONS]
)


def ticking(*seconds: int) -> Clock:
    """Return a clock that shows these seconds after `BEGIN`, one each time it is read."""
    shown = iter(seconds)
    return lambda: BEGIN + timedelta(seconds=next(shown))


def appended(first: int, last: int) -> list[Receipt]:
    return [Receipt(Status.APPENDED, position) for position in range(first, last + 1)]


def stored(book: Book) -> list[Event]:
    return [recorded.event for recorded in book.read()]


class Store:
    """What a suite needs of a store: an empty one, and ways to deafen or blind a waiting reader."""

    @pytest.fixture
    def address(self) -> str:
        """Return the address of a book that is not there yet."""
        raise NotImplementedError

    @pytest.fixture
    def book(self, address: str) -> Iterator[Book]:
        with open_book(address) as book:
            yield book

    def only_poll(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the signal from every waiting reader."""
        raise NotImplementedError

    def only_listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the poll from every waiting reader."""
        raise NotImplementedError
