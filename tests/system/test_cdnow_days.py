"""The purchases of CDNOW as of twenty days, from the book and from columns, against a few lines that know nothing of Bahi."""

import gzip
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from api.wiring import Bahi
from ledger.identifiers import Identifier
from ledger.settings import Settings
from replay.columns import Columns
from replay.history import Clocks, Past
from tests.system.cli import CDNOW
from tests.system.told import purchases as imported

DAYS = [
    date(1996, 12, 31),  # the day before the first purchase; between it and the last, no day is without one
    date(1997, 1, 1), date(1997, 1, 2), date(1997, 1, 31), date(1997, 2, 28), date(1997, 3, 1),
    date(1997, 3, 31), date(1997, 4, 30), date(1997, 6, 15), date(1997, 6, 30), date(1997, 9, 30),
    date(1997, 11, 27),  # Thanksgiving
    date(1997, 12, 24), date(1997, 12, 31), date(1998, 1, 1), date(1998, 2, 28), date(1998, 3, 31),
    date(1998, 6, 29),
    date(1998, 6, 30),  # the last
    date(2001, 1, 1),
]  # fmt: skip
NAMED = ("00001", "00003", "00004", "00095", "01234", "07592", "14048", "23570")

FROM_THE_BOOK = DAYS[::4]
"""Straight from the book takes longer, and all days are read by the same code."""

Figures = tuple[int, int, int, int, date, date]
"""Orders, cents, the largest one in cents, items, and the days of the first and the last."""
MONEY = ["orders", "ordered", "largest_order", "items", "first_order", "last_order"]


@dataclass(frozen=True)
class Purchase:
    """One line of the file."""

    user: str
    day: date
    items: int
    cents: int


@cache
def purchases() -> Sequence[Purchase]:
    lines = gzip.decompress(CDNOW.read_bytes()).decode("ascii").splitlines()
    cells = [line.split() for line in lines[1:] if line.strip()]
    return [
        Purchase(
            user,
            date(int(day[:4]), int(day[4:6]), int(day[6:])),
            int(items),
            int(dollars.replace(".", "")),
        )
        for user, day, items, dollars in cells
    ]


def plainly(day: date) -> dict[str, Figures]:
    """By user, what they had bought by the end of a day."""
    bought: dict[str, list[Purchase]] = defaultdict(list)
    for purchase in purchases():
        if purchase.day <= day:
            bought[purchase.user].append(purchase)
    return {
        user: (
            len(one), sum(p.cents for p in one), max(p.cents for p in one), sum(p.items for p in one),
            min(p.day for p in one), max(p.day for p in one),
        )
        for user, one in bought.items()
    }  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """The file, imported: read from the book, and from columns with a tail that is in no segment."""

    sources: Mapping[str, Past]
    customers: Mapping[str, UUID]
    """Some of them, by the number that the file has for them."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home = imported(tmp_path_factory, "days").home
    with Bahi.open(Settings(home=home, ledger="", vault="", keyring=None)) as bahi:
        book, views, people = bahi.ledger.book, bahi.views, bahi.ledger.people
        columns = Columns(home / "columns", book)
        columns.keep()
        segments = columns.catalogue().segments
        assert segments
        assert segments[-1].last < book.head()
        sources = {
            "the book": Past(book, views, people),
            "columns": Past(book, views, people, events=columns),
        }
        found = {user: bahi.ledger.vault.look_up(Identifier("user", user)) for user in NAMED}
        yield Shop(sources, {user: one for user, one in found.items() if one is not None})


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_every_customer_is_as_the_file_says(shop: Shop, day: date) -> None:
    expected = plainly(day)
    at = Clocks(as_of=datetime.combine(day, time.max, UTC))
    by_user = {shop.customers[user]: expected[user] for user in shop.customers if user in expected}
    for source, history in shop.sources.items():
        if source == "columns" or day in FROM_THE_BOOK:
            rows = history.view("customer_money", at)
            found = dict(zip(rows["customer"].to_pylist(), figures(rows, MONEY), strict=True))
            assert len(found) == rows.num_rows
            assert sorted(found.values()) == sorted(expected.values()), source
            assert {one: found[one] for one in by_user} == by_user, source
            assert set(rows["currency"].to_pylist()) <= {"USD"}
    whole = shop.sources["columns"].view("customer_360", at)
    seen = figures(whole, ["touchpoints", "orders", "last_seen"])
    assert sorted(seen) == sorted((one[0], one[0], one[5]) for one in expected.values())


def figures(rows: pa.Table, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """These columns, a tuple a row; of a moment its day."""
    kinds = [
        (rows[name].cast(pa.date32()) if pa.types.is_timestamp(rows[name].type) else rows[name])
        for name in names
    ]
    return list(zip(*(column.to_pylist() for column in kinds), strict=True))


def test_the_days_are_twenty_and_the_file_has_something_between_them(shop: Shop) -> None:
    counted = [sum(purchase.day <= day for purchase in purchases()) for day in DAYS]
    assert len(DAYS) == 20
    assert counted == sorted(counted)
    assert (counted[0], counted[-2], counted[-1]) == (0, 69_659, 69_659)
    assert len(shop.customers) == len(NAMED)
