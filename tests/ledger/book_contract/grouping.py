"""What several callers append together is as if one had come after the other."""

import random
import time
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.book import Answer, Book, Condition, Match, Member, Receipt, Status
from ledger.errors import ConditionFailed, IdReused
from ledger.event import Event
from ledger.stores import open_book
from tests.ledger.book_contract.base import DEAL_1, HISTORY, Store, appended, stored
from tests.ledger.book_contract.model_book import ModelBook
from tests.ledger.book_contract.processes import Worker
from tests.ledger.samples import an_event, some_events

UNOPENED = Condition((DEAL_1,))
NEVER = Condition((Match(),))
CALLERS = 64


def opening(n: int) -> Event:
    return an_event(n, "deal.opened", ("deal:1",))


def a_duplicate(position: int) -> Receipt:
    return Receipt(Status.DUPLICATE, position)


def told(answers: Sequence[Answer]) -> list[object]:
    """Return the answers so that they compare: of a refusal its type and where it points."""
    return [
        answer if isinstance(answer, list) else (type(answer), getattr(answer, "position", None))
        for answer in answers
    ]


# ---- any groups

Drawn = tuple[int, str, tuple[str, ...], int]
"""Number, type, tags and amount of an event."""
Asked = tuple[list[tuple[tuple[str, ...], tuple[str, ...]]], int]
"""Matches, and how far was read."""

types = st.sampled_from(["deal.opened", "deal.won"])
tags = st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True).map(tuple)
events = st.tuples(st.integers(1, 7), types, tags, st.integers(0, 1))
matches = st.lists(st.tuples(st.lists(types, max_size=2).map(tuple), tags), max_size=2)
conditions = st.tuples(matches, st.integers(0, 8))
members = st.tuples(st.lists(events, max_size=3), st.none() | conditions)
groups: st.SearchStrategy[Any] = st.lists(st.lists(members, max_size=6), max_size=3)


def made(round_: int, drawn: Drawn) -> Event:
    n, type_, tags, amount = drawn
    tags = tuple(f"deal:{round_}{tag}" for tag in tags)
    return an_event(100 * round_ + n, type_, tags, data={"amount_minor": amount})


def made_condition(round_: int, base: int, asked: Asked) -> Condition:
    unless = [
        Match(types, tuple(f"deal:{round_}{tag}" for tag in tags)) for types, tags in asked[0]
    ]
    return Condition(tuple(unless), base + asked[1])


class Grouping(Store):
    def test_a_group_of_nobody_and_members_with_nothing(self, book: Book) -> None:
        assert book.append_group([]) == []
        assert book.append_group([Member([]), Member([], NEVER)]) == [[], []]
        assert book.head() == 0

    def test_members_are_placed_as_they_came(self, book: Book) -> None:
        members = [
            Member(some_events(1, 2)),
            Member([]),
            Member(some_events(3, 3), UNOPENED),
            Member(some_events(4, 5)),
            Member(some_events(6, 6)),
        ]
        answers = [appended(1, 2), [], appended(3, 3), appended(4, 5), appended(6, 6)]
        assert book.append_group(members) == answers
        assert stored(book) == some_events(1, 6)
        assert [row.tags for row in book.rows()] == [set()] * 6

    def test_tags_stay_with_their_events(self, book: Book) -> None:
        book.append_group([Member([event], Condition(())) for event in HISTORY[:3]])
        book.append_group([Member([event]) for event in HISTORY[3:]])
        found = {row.position: {t for t in row.tags if "customer" not in t} for row in book.rows()}
        assert found == {n: {*event.tags} for n, event in enumerate(HISTORY, 1)}
        assert [r.position for r in book.read(matching=[DEAL_1])] == [1, 2, 4]

    def test_a_condition_sees_the_members_before_it(self, book: Book) -> None:
        members = [
            Member([an_event(1)], UNOPENED),
            Member([opening(2)], UNOPENED),
            Member([opening(3)], UNOPENED),
            Member([opening(4)]),
            Member([opening(5)], Condition((DEAL_1,), after=3)),
            Member([an_event(6)], Condition((DEAL_1,), after=3)),
            Member([an_event(7), an_event(8)], Condition((DEAL_1,), after=4)),
        ]
        assert told(book.append_group(members)) == [
            appended(1, 1),
            appended(2, 2),
            (ConditionFailed, 2),
            appended(3, 3),
            appended(4, 4),
            (ConditionFailed, 4),
            appended(5, 6),
        ]
        assert stored(book) == [an_event(1), *map(opening, (2, 4, 5)), *some_events(7, 8)]

    def test_when_everybody_is_refused_nothing_is_written(self, book: Book) -> None:
        book.append(HISTORY)
        answers = book.append_group([Member([an_event(n)], NEVER) for n in (11, 12)])
        assert [type(answer) for answer in answers] == [ConditionFailed] * 2
        assert stored(book) == HISTORY

    def test_an_id_that_an_earlier_member_brought_is_known(self, book: Book) -> None:
        members = [
            Member(some_events(1, 2)),
            Member(some_events(2, 3)),
            Member([an_event(3, "order.refunded"), an_event(4)]),
            Member([an_event(1)], NEVER),
            Member([an_event(1, "order.refunded"), an_event(5)], Condition(())),
        ]
        assert told(book.append_group(members)) == [
            appended(1, 2),
            [a_duplicate(2), *appended(3, 3)],
            [Receipt(Status.REUSED, 3, ("type",)), *appended(4, 4)],
            [a_duplicate(1)],
            (IdReused, 1),
        ]
        assert stored(book) == some_events(1, 4)

    def test_an_id_of_a_member_who_was_refused_is_still_free(self, book: Book) -> None:
        members = [
            Member([opening(1)]),
            Member([an_event(2), an_event(3)], UNOPENED),
            Member([an_event(3, "order.refunded")]),
            Member([an_event(2)], NEVER),
            Member([an_event(2)]),
        ]
        first, refused, second, refused_too, third = book.append_group(members)
        assert [first, second, third] == [appended(1, 1), appended(2, 2), appended(3, 3)]
        assert [type(refused), type(refused_too)] == [ConditionFailed] * 2

    def test_known_ids_are_answered_though_the_condition_would_fail(self, book: Book) -> None:
        book.append(HISTORY)
        members = [
            Member([an_event(11)]),
            Member(HISTORY[:2], NEVER),
            Member([an_event(12)], NEVER),
            Member([HISTORY[2], an_event(13)]),
        ]
        answers = book.append_group(members)
        assert answers[:2] == [appended(7, 7), [a_duplicate(1), a_duplicate(2)]]
        assert isinstance(answers[2], ConditionFailed)
        assert answers[3] == [a_duplicate(3), *appended(8, 8)]

    def test_a_group_given_again_is_answered_as_recorded(self, book: Book) -> None:
        members = [
            Member([opening(1)], UNOPENED),
            Member([opening(2)], UNOPENED),
            Member(some_events(3, 4)),
        ]
        first, refused, last = book.append_group(members)
        assert (first, last) == (appended(1, 1), appended(2, 3))
        assert told(book.append_group(members)) == [
            [a_duplicate(1)],
            told([refused])[0],
            [a_duplicate(2), a_duplicate(3)],
        ]

    def test_any_groups_are_as_if_each_had_come_alone(self, address: str) -> None:
        with open_book(address) as book:
            rounds = 0

            @settings(max_examples=60)
            @given(groups)
            def check(drawn: list[list[tuple[list[Drawn], Asked | None]]]) -> None:
                # One book for all examples: each has ids and tags of its own, after those before.
                nonlocal rounds
                rounds += 1
                base = book.head()
                model = ModelBook(base)
                for group in drawn:
                    members = [
                        Member(
                            [made(rounds, one) for one in events],
                            None if asked is None else made_condition(rounds, base, asked),
                        )
                        for events, asked in group
                    ]
                    answers = book.append_group(members)
                    for member, answer in zip(members, answers, strict=True):
                        model.expect(member.events, member.condition, answer)
                assert [r.event for r in book.read(base)] == model.events

            check()

    def test_64_callers_are_killed_and_what_they_were_told_is_there_once(
        self, address: str
    ) -> None:
        chance = random.Random(2026)
        acknowledged: dict[int, int] = {}
        for round_ in range(3):
            writer = Worker("callers", address, str(round_), str(CALLERS))
            lines = [writer.heard() for _ in range(chance.randrange(100, 400))]
            time.sleep(chance.random() / 50)
            lines += writer.killed()
            acknowledged |= {int(n): int(position) for n, position in map(str.split, lines)}
        with open_book(address) as book:
            recorded = {r.position: r.event for r in book.read()}
        assert list(recorded) == list(range(1, len(recorded) + 1))
        for n, position in acknowledged.items():
            assert recorded[position] == an_event(n)
        assert len({event.id for event in recorded.values()}) == len(recorded)
        # Of what was under way when they were killed, each of them brought one.
        assert len(acknowledged) <= len(recorded) <= len(acknowledged) + 3 * CALLERS
