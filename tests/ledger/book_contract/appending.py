"""What is appended: once, whole, in order, and only if its condition holds."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from ledger.book import Book, Condition, Match, Receipt, Status
from ledger.errors import BadField, ConditionFailed, IdReused
from ledger.event import Event, encode_body
from ledger.stores import open_book
from tests.ledger.book_contract.base import ASKED, DEAL_1, HISTORY, Store, appended, stored, ticking
from tests.ledger.samples import BEGIN, an_event, customer, event_id, some_events


class Appending(Store):
    def test_an_empty_book(self, book: Book) -> None:
        assert (book.head(), list(book.read()), list(book.rows())) == (0, [], [])
        assert book.append([]) == []
        assert book.known_at(datetime.max.replace(tzinfo=UTC)) == 0
        assert book.head() == 0

    def test_positions_are_1_2_3_whatever_the_batches(self, book: Book) -> None:
        assert book.append(some_events(1, 1)) == appended(1, 1)
        assert book.append(some_events(2, 1_400)) == appended(2, 1_400)
        assert book.append(some_events(1_401, 1_403)) == appended(1_401, 1_403)
        assert book.head() == 1_403
        assert [r.position for r in book.read()] == list(range(1, 1_404))
        assert stored(book) == some_events(1, 1_403)

    def test_an_event_is_read_as_it_was_given(self, address: str) -> None:
        event = Event(
            id=event_id(1),
            type="message.received",
            version=3,
            domain="touchpoint",
            occurred_at=datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=UTC),
            source="chat:web",
            data={"language": "gu", "lines": [{"quantity": 1}], "seen": True, "text": "ચોપડો"},
            customer=customer(1),
            tags=("market:IN", "campaign:દિવાળી"),
            actor=UUID(int=2),
            correlation=UUID(int=3),
            causation=UUID(int=4),
            personal=bytes(range(256)),
        )
        with open_book(address, ticking(7)) as book:
            book.append([event])
        with open_book(address) as book:
            (recorded,) = book.read()
        assert recorded.event == event
        assert recorded.body == encode_body(event)
        assert (recorded.position, recorded.recorded_at) == (1, BEGIN + timedelta(seconds=7))

    def test_a_tag_given_twice_is_one_tag(self, book: Book) -> None:
        twice = an_event(1, tags=("market:IN", "market:IN", f"customer:{customer(1)}"), about=1)
        book.append([twice])
        assert [row.tags for row in book.rows()] == [{"market:IN", f"customer:{customer(1)}"}]
        assert stored(book) == [twice]

    def test_one_event_without_a_stored_form_refuses_its_batch(self, book: Book) -> None:
        bad = replace(an_event(2), data={"amount": 1.5})
        with pytest.raises(BadField, match=r"^data\.amount: expected text, whole numbers"):
            book.append([an_event(1), bad, an_event(3)])
        assert (book.head(), list(book.rows())) == (0, [])
        assert book.append(some_events(4, 5)) == appended(1, 2)

    # ---- the same event twice

    def test_the_same_event_again_is_answered_with_its_position(self, book: Book) -> None:
        book.append(some_events(1, 3))
        again = replace(an_event(2), customer=customer(9), actor=UUID(int=9), personal=b"anew")
        duplicate = Receipt(Status.DUPLICATE, 2)
        assert book.append([again]) == [duplicate]
        assert book.append([an_event(4), again, an_event(5)]) == [
            Receipt(Status.APPENDED, 4),
            duplicate,
            Receipt(Status.APPENDED, 5),
        ]
        assert stored(book) == some_events(1, 5)

    def test_the_same_event_twice_in_one_batch_is_one_event(self, book: Book) -> None:
        book.append(some_events(1, 1))
        one, two, three = some_events(1, 3)
        assert book.append([two, two, one, three, two, one]) == [
            Receipt(Status.APPENDED, 2),
            Receipt(Status.DUPLICATE, 2),
            Receipt(Status.DUPLICATE, 1),
            Receipt(Status.APPENDED, 3),
            Receipt(Status.DUPLICATE, 2),
            Receipt(Status.DUPLICATE, 1),
        ]
        assert stored(book) == some_events(1, 3)

    def test_the_same_id_with_another_fact_is_not_written(self, book: Book) -> None:
        book.append(some_events(1, 2))
        other = replace(an_event(1), data={"currency": "INR"}, source="till", customer=customer(1))
        third = replace(an_event(3), tags=("market:IN",))
        assert book.append([other, an_event(3), third, an_event(4)]) == [
            Receipt(Status.REUSED, 1, ("source", "data")),
            Receipt(Status.APPENDED, 3),
            Receipt(Status.REUSED, 3, ("tags",)),
            Receipt(Status.APPENDED, 4),
        ]
        assert stored(book) == some_events(1, 4)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                [an_event(3), an_event(1, "order.refunded")],
                f"id: expected the event already recorded at position 1, came the same id {event_id(1)} with another type",
            ),
            (
                [an_event(3), an_event(3, "order.refunded", ("market:IN",))],
                f"id: expected the event given just before, came the same id {event_id(3)} with another type, tags",
            ),
        ],
    )
    def test_with_a_condition_a_reused_id_refuses_the_whole(
        self, book: Book, given: list[Event], message: str
    ) -> None:
        book.append(some_events(1, 2))
        with pytest.raises(IdReused, match=f"^{re.escape(message)}$"):
            book.append(given, Condition((Match(tags=("deal:1",)),)))
        assert stored(book) == some_events(1, 2)

    def test_known_ids_are_told_with_position_and_body(self, book: Book) -> None:
        book.append(some_events(1, 3))
        found = book.known(event_id(n) for n in (3, 1, 9))
        assert found == {event_id(n): (n, encode_body(an_event(n))) for n in (1, 3)}
        assert book.known([]) == {}

    # ---- conditions

    @ASKED
    def test_a_condition_fails_on_the_first_event_that_it_names(
        self, book: Book, matching: tuple[Match, ...], positions: list[int]
    ) -> None:
        book.append(HISTORY)
        for after in range(7):
            met = [position for position in positions if position > after]
            condition = Condition(matching or (Match(),), after)
            event = an_event(100 + after)
            if met:
                # Which of several is named first is the store's to say.
                with pytest.raises(ConditionFailed) as failure:
                    book.append([event], condition)
                assert failure.value.position in met
                assert str(failure.value) == (
                    "expected no matching event since the decision was read, "
                    f"found one at position {failure.value.position}"
                )
                assert book.known([event.id]) == {}
            elif matching != (Match(),):
                assert book.append([event], condition)[0].status is Status.APPENDED
        assert stored(book)[:6] == HISTORY

    def test_a_condition_without_matches_asks_nothing(self, book: Book) -> None:
        book.append(HISTORY)
        assert book.append([an_event(7)], Condition(())) == appended(7, 7)

    def test_a_condition_does_not_see_the_events_that_it_guards(self, book: Book) -> None:
        opening = [an_event(n, "deal.opened", ("deal:1",)) for n in (1, 2)]
        assert book.append(opening, Condition((DEAL_1,))) == appended(1, 2)

    def test_a_failed_condition_writes_nothing_of_the_batch(self, book: Book) -> None:
        book.append(HISTORY)
        with pytest.raises(ConditionFailed):
            book.append(some_events(7, 9), Condition((DEAL_1,), after=2))
        assert stored(book) == HISTORY
        assert book.append(some_events(7, 9), Condition((DEAL_1,), after=4)) == appended(7, 9)

    def test_ids_are_looked_up_before_the_condition_is_judged(self, book: Book) -> None:
        never = Condition((Match(),))
        book.append(HISTORY[:2])
        assert book.append(HISTORY[:2], never) == [
            Receipt(Status.DUPLICATE, 1),
            Receipt(Status.DUPLICATE, 2),
        ]
        with pytest.raises(ConditionFailed):
            book.append(HISTORY[:3], never)
        assert stored(book) == HISTORY[:2]
