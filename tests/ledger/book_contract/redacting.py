"""What was removed is gone, and nothing else: by the database, where an event of this very book says so."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from ledger.book import Book, Condition, Match, Receipt, Status
from ledger.catalogue import types
from ledger.catalogue.removing import removable
from ledger.errors import ConditionFailed, NotAllowed
from ledger.event import Event
from ledger.stores import open_book
from tests.ledger.book_contract.base import DEAL_1, Store
from tests.ledger.book_contract.base import HISTORY as OF_ALL
from tests.ledger.samples import BEGIN, an_event, customer, event_id

ONE, OTHER = (str(customer(n)) for n in (101, 102))
BOTH = ("body", "personal")
MISTAKEN = an_event(4, "order.placed", ("deal:1", "ticket:1"), about=1)
HISTORY = [*OF_ALL[:3], MISTAKEN, *OF_ALL[4:]]
"""The fourth is one whose envelope nothing is decided by."""


def redacted(n: int, of: int, id_of: int, **said: Any) -> Event:
    """Return event `n`, which says that two approved of removing both parts of an event."""
    data = {
        "redacted_position": of,
        "redacted_id": str(event_id(id_of)),
        "ground": "mistaken",
        "approvers": [ONE, OTHER],
        **said,
    }
    return replace(an_event(n, "event.redacted", data=data), domain="privacy")


def rows(book: Book) -> list[tuple[Any, ...]]:
    return [
        (r.position, r.recorded_us, r.id, r.type, r.occurred_us, r.body, r.personal, r.leaf, r.tags)
        for r in book.rows()
    ]


class Redacting(Store):
    @pytest.fixture
    def written(self, book: Book) -> Book:
        """A book with six events, the third and fourth of which may be redacted."""
        book.append([replace(event, personal=b"sealed") for event in HISTORY])
        book.append([redacted(7, 4, 4), redacted(8, 3, 3, removed=["personal"])])
        return book

    def test_exactly_these_bytes_are_gone_and_the_tree_is_what_it_was(self, written: Book) -> None:
        before, root = rows(written), written.root_at(8)
        written.redact(4, BOTH)
        written.redact(3, ("personal",))
        after = rows(written)
        assert after[3] == (*before[3][:5], None, None, before[3][7], frozenset())
        assert after[2] == (*before[2][:6], None, *before[2][7:])
        assert after[:2] + after[4:] == before[:2] + before[4:]
        assert written.root_at(8) == written.checkpoint()[1] == root

    def test_removed_once_more_changes_nothing(self, address: str, written: Book) -> None:
        written.redact(4, BOTH)
        before = rows(written)
        written.redact(4, BOTH)
        written.redact(4, ("personal",))
        with open_book(address) as again:
            assert rows(again) == before

    def test_whoever_reads_all_of_it_is_given_every_position(self, written: Book) -> None:
        written.redact(4, BOTH)
        written.redact(3, ("personal",))
        told = list(written.read())
        assert [recorded.position for recorded in told] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert told[3].event == Event(
            id=event_id(4),
            type="order.placed",
            version=0,
            domain="",
            occurred_at=HISTORY[3].occurred_at,
            source="",
        )
        assert told[2].event == HISTORY[2]
        columns = (
            "position",
            "id",
            "type",
            "domain",
            "customer",
            "occurred_at",
            "source",
            "ticket",
        )
        (batch,) = written.batches(3, columns, upto=4)
        assert list(batch.to_pylist()[0].values()) == [
            4, event_id(4), "order.placed", None, None, HISTORY[3].occurred_at.replace(tzinfo=None),
            None, None,
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("matching", "positions"),
        [
            ((DEAL_1,), [1, 2]),
            ((Match(tags=("ticket:1",)),), []),
            ((Match(types=("order.placed",)),), []),
            ((Match(types=("order.placed", "deal.won")),), [6]),
            ((Match(tags=(f"customer:{customer(1)}",)),), [1, 2]),
        ],
    )
    def test_it_matches_nothing_any_more(
        self, written: Book, matching: Sequence[Match], positions: list[int]
    ) -> None:
        written.redact(4, BOTH)
        assert [r.position for r in written.read(matching=matching)] == positions
        found = [r.position for r in written.read(matching=matching, limit=1)]
        assert found == positions[:1]
        assert written.timeline([customer(1)]) == list(written.read(upto=2))

    def test_its_id_stays_taken_whatever_comes_under_it(self, written: Book) -> None:
        written.redact(4, BOTH)
        other = an_event(4, "page.viewed", ("market:DE",), about=9, data={"amount_minor": 1})
        known = [Receipt(Status.DUPLICATE, 4)]
        assert written.append([HISTORY[3]]) == written.append([other]) == known
        assert written.append([other], Condition((DEAL_1,), after=8)) == known
        assert written.known([event_id(4)])[event_id(4)][0] == 4
        assert written.append([an_event(9)]) == [Receipt(Status.APPENDED, 9)]

    def test_a_condition_sees_no_more_of_it(self, written: Book) -> None:
        met = Condition((Match(tags=("ticket:1",)),), after=0)
        with pytest.raises(ConditionFailed):
            written.append([an_event(9)], met)
        written.redact(4, BOTH)
        assert written.append([an_event(9)], met) == [Receipt(Status.APPENDED, 9)]

    @pytest.mark.parametrize(
        ("saying", "position", "removed"),
        [
            ([], 4, BOTH),
            ([redacted(7, 3, 4)], 4, BOTH),
            ([redacted(7, 4, 3)], 4, BOTH),
            ([redacted(7, 4, 4, approvers=[ONE, ONE])], 4, BOTH),
            ([redacted(7, 4, 4, approvers=[ONE])], 4, BOTH),
            ([redacted(7, 4, 4, approvers=[])], 4, BOTH),
            ([redacted(7, 4, 4, removed=["personal"])], 4, BOTH),
            ([redacted(7, 4, 4, removed=["body"])], 4, ("personal",)),
            ([replace(redacted(7, 4, 4), type="event.retracted")], 4, BOTH),
            ([redacted(7, 8, 8), redacted(8, 4, 4)], 8, BOTH),
            ([replace(an_event(7), domain="privacy"), redacted(8, 7, 7)], 7, ("body",)),
            ([replace(an_event(7, personal=b"x"), domain="privacy"), redacted(8, 7, 7)], 7, ("personal",)),
            ([replace(an_event(7, "customers.merged", data={"other": ONE}, about=1), domain="audit"),
              redacted(8, 7, 7)], 7, ("body",)),
        ],
        ids=[
            "nobody says so", "another position", "another id", "one approver, twice", "one approver",
            "no approver", "what is sealed alone", "the envelope alone", "another type", "a redaction",
            "a proof of privacy", "what is sealed in one", "a merge",
        ],
    )  # fmt: skip
    def test_the_database_lets_go_of_nothing_else(
        self, book: Book, saying: Sequence[Event], position: int, removed: Collection[str]
    ) -> None:
        book.append([replace(event, personal=b"sealed") for event in HISTORY])
        book.append(saying)
        before = rows(book)
        with pytest.raises(NotAllowed, match=f"came {position}$"):
            book.redact(position, removed)
        assert rows(book) == before

    def test_of_each_type_goes_what_the_catalogue_says(self, book: Book) -> None:
        """And where it says that nothing goes, nothing does, whoever has approved."""
        models = list(types())
        for n, model in enumerate(models):
            event = an_event(n, model.TOPIC, personal=b"sealed")
            book.append([replace(event, domain=model.DOMAIN.value)])
        book.append([redacted(500 + n, n + 1, n) for n, _ in enumerate(models)])
        went = {}
        for at, model in enumerate(models, 1):
            gone = set()
            for part in ("personal", "body"):
                with suppress(NotAllowed):
                    book.redact(at, (part,))
                    gone.add(part)
            went[model.TOPIC] = gone
        assert went == {m.TOPIC: removable(m.TOPIC, m.DOMAIN.value) for m in models}
        assert [len(row.tags) for row in book.rows()] == [0] * (2 * len(models))

    def test_until_all_is_said_to_be_done_it_is_named(self, address: str, written: Book) -> None:
        assert written.redacting() == []
        written.redact(4, BOTH)
        written.redact(3, ("personal",))
        with open_book(address) as again:
            assert again.redacting() == [3, 4]
            again.redacted(4)
        written.redact(3, ("personal",))
        assert written.redacting() == [3]
        written.redacted(3)
        written.redacted(3)
        assert written.redacting() == []

    def test_a_position_that_nothing_stands_at_changes_nothing(self, written: Book) -> None:
        before = rows(written)
        with suppress(NotAllowed):
            written.redact(77, BOTH)
        with suppress(NotAllowed):
            written.redact(1, ())
        assert (rows(written), written.redacting()) == (before, [])

    def test_appends_go_on_after_it(self, written: Book) -> None:
        written.redact(4, BOTH)
        assert written.append([an_event(n) for n in range(9, 200)])[-1].position == 199
        assert next(written.read(198)).recorded_at >= BEGIN
