"""What is read: everything that was asked for, in order, by position, by time and as columns."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from ledger import relation
from ledger.book import STORED, Book, Match, Receipt, Status
from ledger.errors import NotFound
from ledger.stores import open_book
from tests.ledger.book_contract.base import ASKED, HISTORY, Store, stored, ticking
from tests.ledger.samples import BEGIN, an_event, customer, some_events


class Reading(Store):
    @ASKED
    def test_reading_finds_what_is_asked_in_order(
        self, book: Book, matching: tuple[Match, ...], positions: list[int]
    ) -> None:
        book.append(HISTORY)
        for after in range(7):
            for upto in (None, *range(7)):
                for limit in (None, 0, 1, 2, 99):
                    wanted = [p for p in positions if after < p <= (6 if upto is None else upto)]
                    found = book.read(after, matching=matching, upto=upto, limit=limit)
                    assert [r.position for r in found] == wanted[:limit]

    def test_reading_goes_on_from_page_to_page(self, book: Book) -> None:
        last = 4_321
        history = [an_event(n, tags=("market:IN",) if n % 2 else ()) for n in range(1, last + 1)]
        book.append(history)
        odd = Match(tags=("market:IN",))
        ways: list[tuple[Sequence[Match], range]] = [
            ((), range(1, last + 1)),
            ((odd,), range(1, last + 1, 2)),
            ((odd, Match()), range(1, last + 1)),
        ]
        for matching, positions in ways:
            for limit in (None, 1, 1_999, 2_000, 2_001, 4_000):
                found = book.read(matching=matching, limit=limit)
                assert [r.position for r in found] == list(positions)[:limit]
        assert [r.event for r in book.read(2_000, upto=4_000)] == history[2_000:4_000]

    def test_a_reading_ends_at_the_head_it_began_with(self, book: Book) -> None:
        book.append(some_events(1, 3_000))  # more than is read at once
        reading, batches = book.read(), book.batches(0, ["position"], size=1_000)
        copying = book.stored(0, size=1_000)
        event, batch, copied = next(reading), next(batches), next(copying)
        book.append(some_events(3_001, 3_009))
        assert sum(rows.num_rows for rows in (copied, *copying)) == 3_000
        columns = pa.Table.from_batches([batch, *batches])
        assert [event.position, *(r.position for r in reading)] == list(range(1, 3_001))
        assert columns["position"].to_pylist() == list(range(1, 3_001))

    def test_a_timeline_is_in_the_order_of_happening(self, book: Book) -> None:
        late = replace(an_event(7, about=1), occurred_at=BEGIN)
        book.append([*HISTORY, late])
        assert [r.position for r in book.timeline([customer(1)])] == [7, 1, 2, 4]
        assert [r.position for r in book.timeline([customer(1), customer(2)])] == [7, 1, 2, 3, 4, 6]

    @pytest.mark.parametrize("size", [1, 4, 20_000])
    def test_batches_have_the_rows_that_reading_has(self, book: Book, size: int) -> None:
        book.append(HISTORY)
        names = ("position", "recorded_at", "id", "type", "occurred_at", "customer", "deal", "data")
        for after, upto in ((0, None), (2, None), (0, 5), (3, 4), (6, None), (4, 4)):
            batches = list(book.batches(after, names, upto=upto, size=size))
            assert all(batch.schema == relation.schema(names) for batch in batches)
            assert all(0 < batch.num_rows <= size for batch in batches)
            table = pa.Table.from_batches(batches, relation.schema(names))
            assert table.to_pylist() == [_as_row(r) for r in book.read(after, upto=upto)]

    def test_batches_of_an_unknown_column_are_refused(self, book: Book) -> None:
        book.append(HISTORY)
        with pytest.raises(NotFound, match=r"^no column of events nickname; "):
            list(book.batches(0, ["nickname"]))

    @pytest.mark.parametrize("size", [1, 4, 20_000])
    def test_stored_rows_are_those_that_stand_in_the_book(self, book: Book, size: int) -> None:
        book.append([replace(event, personal=bytes([n])) for n, event in enumerate(HISTORY)])
        rows = [*book.rows()]
        for after, upto in ((0, None), (2, None), (0, 5), (3, 4), (6, None), (4, 4)):
            batches = list(book.stored(after, upto=upto, size=size))
            assert all(batch.schema == STORED for batch in batches)
            assert all(0 < batch.num_rows <= size for batch in batches)
            assert pa.Table.from_batches(batches, STORED).to_pylist() == [
                {
                    "position": row.position,
                    "recorded_us": row.recorded_us,
                    "body": row.body,
                    "personal": row.personal,
                    "leaf": row.leaf,
                    "remains": None,
                }
                for row in rows[after:upto]
            ]

    def test_two_handles_see_one_book(self, address: str) -> None:
        with open_book(address) as one, open_book(address) as other:
            one.append(some_events(1, 2))
            assert other.append(some_events(2, 3))[0] == Receipt(Status.DUPLICATE, 2)
            assert stored(one) == stored(other) == some_events(1, 3)

    def test_recorded_at_never_decreases_when_the_clock_goes_back(self, address: str) -> None:
        with open_book(address, ticking(10, 4, 30, 29)) as book:
            for n in (1, 3, 5, 7):
                book.append(some_events(n, n + 1))
            seconds = [(r.recorded_at - BEGIN) // timedelta(seconds=1) for r in book.read()]
        assert seconds == [10, 10, 10, 10, 30, 30, 30, 30]

    def test_what_was_known_by_a_moment_is_a_prefix(self, address: str) -> None:
        with open_book(address, ticking(10, 4, 30, 50)) as book:
            for first, last in ((1, 1), (2, 4), (5, 9), (10, 10)):
                book.append(some_events(first, last))
            tick = timedelta(microseconds=1)
            for second, position in ((10, 4), (30, 9), (50, 10)):
                moment = BEGIN + timedelta(seconds=second)
                before = [r.position for r in book.read() if r.recorded_at < moment]
                assert book.known_at(moment) == position
                assert book.known_at(moment + tick) == position
                assert book.known_at(moment - tick) == len(before)


def _as_row(recorded: Any) -> dict[str, Any]:
    """Return the columns of an event, spelled out by hand."""
    event = recorded.event
    deals = [tag.removeprefix("deal:") for tag in event.tags if tag.startswith("deal:")]
    return {
        "position": recorded.position,
        "recorded_at": recorded.recorded_at.replace(tzinfo=None),
        "id": event.id,
        "type": event.type,
        "occurred_at": event.occurred_at.replace(tzinfo=None),
        "customer": event.customer,
        "deal": deals[0] if deals else None,
        "data": f'{{"amount_minor":{event.data["amount_minor"]},"currency":"EUR"}}',
    }
