"""Any touchpoints, in any batches, any number of times: the book is that of a model of a few lines."""

from dataclasses import dataclass, field
from itertools import count, cycle, islice
from pathlib import Path
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.touchpoint import Touchpoint
from ledger.event import Recorded
from tests.commands.samples import opened, take, touchpoint

Item = tuple[int, int, tuple[tuple[str, str], ...], int]
"""Message id, amount, identifiers, number of the order."""


@dataclass
class Model:
    """The rules of recording, item by item and in memory; people are numbers."""

    events: list[tuple[int, int, int, int] | frozenset[int]] = field(default_factory=list)
    """Of an item its id, amount, order and who it is about; of a merge the two."""
    people: dict[tuple[str, str], int] = field(default_factory=dict)
    born: int = 0

    def take(self, item: Item) -> tuple[str, int]:
        message_id, amount, named, order = item
        for position, event in enumerate(self.events, 1):
            if isinstance(event, tuple) and event[0] == message_id:
                same = event[1:3] == (amount, order)
                return ("duplicate", position) if same else ("refused", 0)
        if not named:
            return ("refused", 0)
        known = [self.people[name] for name in named if name in self.people]
        if not known:
            self.born += 1
        person = known[0] if known else self.born
        for other in known:
            two = frozenset({person, other})
            if len(two) == 2 and two not in self.events:
                self.events.append(two)
        for name in named:
            self.people.setdefault(name, person)
        self.events.append((message_id, amount, order, person))
        return ("appended", len(self.events))


names = st.tuples(st.sampled_from(["device", "email", "crm"]), st.sampled_from("abc"))
items = st.tuples(
    st.integers(0, 6),
    st.sampled_from([1, 1, 1, 2]),
    st.lists(names, max_size=3, unique=True).map(tuple),
    st.sampled_from([1, 1, 2]),
)
histories = st.tuples(
    st.lists(items, max_size=12),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.integers(1, 2),
)


def touchpoint_of(item: Item, world: int) -> Touchpoint:
    """The item in a world of its own: other worlds have other people, orders and sources."""
    message_id, amount, named, order = item
    return touchpoint(
        str(message_id),
        who=[(kind, f"{letter}{world}@example.com") for kind, letter in named],
        source=f"world-{world}",
        references={"order": f"{order}/{world}"},
        data={"currency": "EUR", "amount_minor": amount},
    )


def test_the_book_is_that_of_the_model(tmp_path: Path) -> None:
    worlds = count()

    with opened(tmp_path) as ledger:

        @settings(max_examples=60)
        @given(histories)
        def holds(history: tuple[list[Item], list[int], int]) -> None:
            given_items, sizes, times = history
            model, world, before = Model(), next(worlds), ledger.book.head()
            for _ in range(times):
                left, size = list(given_items), cycle(sizes)
                while left:
                    batch = list(islice(left, next(size)))
                    del left[: len(batch)]
                    answers = take(ledger, *(touchpoint_of(item, world) for item in batch))
                    assert [
                        (a.fate.value, a.position - before if a.position else 0) for a in answers
                    ] == [model.take(item) for item in batch]
            compare(list(ledger.book.read(before)), model)

        holds()


def compare(found: list[Recorded], model: Model) -> None:
    """The same events in the same order; each person and each order one random id."""
    people: dict[int, UUID | None] = {}
    orders: dict[int, tuple[str, ...]] = {}
    for stored, expected in zip(found, model.events, strict=True):
        if isinstance(expected, frozenset):
            two = {stored.event.customer, UUID(stored.event.data["other"])}
            assert stored.event.type == "customers.merged"
            assert two == {people.get(person) for person in expected}
            continue
        _, amount, order, person = expected
        assert stored.event.data["amount_minor"] == amount
        assert people.setdefault(person, stored.event.customer) == stored.event.customer
        assert orders.setdefault(order, stored.event.tags) == stored.event.tags
    assert None not in people.values()
    assert len(set(people.values())) == len(people)
    assert len(set(orders.values())) == len(orders)
