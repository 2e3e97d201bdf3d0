"""What holds between processes, and when one of them is killed."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate, islice
from typing import Any

from ledger.book import Match
from ledger.stores import open_book
from tests.ledger.book_contract import worker
from tests.ledger.book_contract.base import Store, stored
from tests.ledger.book_contract.worker import TAGS, batch_sizes
from tests.ledger.processes import Born
from tests.ledger.samples import customer, some_events

WRITERS = 4
_IN_A_ROW = 20


class Worker(Born):
    """A process that obeys: one line in, one line out."""

    def __init__(self, *arguments: str) -> None:
        super().__init__(worker.main, *arguments)
        assert self.heard() == "ready"

    def order(self, *given: object) -> None:
        self.tell(json.dumps(given))

    def answer(self) -> Any:
        return json.loads(self.heard())

    def killed(self) -> list[str]:
        """Kill it with SIGKILL; what it had said and nobody had read yet."""
        self.kill()
        _, said = self.end()
        return [line for line in said.splitlines(keepends=True) if line.endswith("\n")]


@contextmanager
def workers(number: int, task: str) -> Iterator[list[Worker]]:
    started = [Worker(task) for _ in range(number)]
    try:
        yield started
    finally:
        for one in started:
            one.end()


def race(racers: list[Worker], address: str, rounds: int) -> Iterator[tuple[int, list[Any]]]:
    """Let all of them run through the same rounds at once; each round, and their answers in it."""
    for first in range(0, rounds, _IN_A_ROW):
        numbers = range(first, min(first + _IN_A_ROW, rounds))
        for racer in racers:
            racer.order(address, *numbers)
        answers = [racer.answer() for racer in racers]
        yield from zip(numbers, map(list, zip(*answers, strict=True)), strict=True)


class Processes(Store):
    def test_what_was_acknowledged_survives_sigkill_and_nothing_is_half(self, address: str) -> None:
        chance = random.Random(2026)
        stands = 0
        for round_ in range(6):
            writer = Worker("append", address, str(round_), str(stands))
            acknowledged = [writer.heard() for _ in range(chance.randrange(1, 9))]
            time.sleep(chance.random() / 50)
            acknowledged += writer.killed()
            with open_book(address) as book:
                head = book.head()
                new = [(r.position, r.event) for r in book.read(after=stands)]
                wanted = some_events(stands + 1, head, TAGS)
                assert new == list(enumerate(wanted, start=stands + 1))
                assert all(row.tags == {*TAGS} for row in book.rows(stands))
                # Every batch that was acknowledged is there, and perhaps one that was about to be.
                ends = islice(
                    accumulate(batch_sizes(round_), initial=stands), len(acknowledged) + 2
                )
                *reached, next_end = ends
                assert [int(line) for line in acknowledged] == reached[1:]
                assert head in {reached[-1], next_end}
            stands = head

    def test_writers_that_race_with_the_same_events_append_them_once(self, address: str) -> None:
        rounds = 100
        with workers(WRITERS, "same") as racers:
            for _, answers in race(racers, address, rounds):
                # Each event was appended by exactly one; all name the same position for it.
                for told in zip(*answers, strict=True):
                    assert sorted(status for status, _ in told) == [
                        "appended",
                        *["duplicate"] * (WRITERS - 1),
                    ]
                    assert len({position for _, position in told}) == 1
        with open_book(address) as book:
            assert [r.position for r in book.read()] == list(range(1, 3 * rounds + 1))
            assert {e.id for e in stored(book)} == {e.id for e in some_events(1, 3 * rounds)}

    def test_writers_that_race_with_one_id_for_several_facts_append_one(self, address: str) -> None:
        rounds = 60
        with workers(WRITERS, "other") as racers:
            for _, answers in race(racers, address, rounds):
                position = answers[0][1]
                assert sorted(answers) == [
                    ["appended", position, []],
                    *[["reused", position, ["data"]]] * (WRITERS - 1),
                ]
        with open_book(address) as book:
            assert book.head() == rounds

    def test_of_those_who_race_under_one_condition_exactly_one_wins(self, address: str) -> None:
        rounds = 100
        with workers(WRITERS, "condition") as racers:
            won_at = []
            for _, answers in race(racers, address, rounds):
                # The losers are told the position of the event that won.
                assert sorted(won for won, _ in answers) == [False] * (WRITERS - 1) + [True]
                assert len({position for _, position in answers}) == 1
                won_at.append(answers[0][1])
        assert won_at == list(range(1, rounds + 1))
        with open_book(address) as book:
            assert book.head() == rounds
            for round_, position in enumerate(won_at):
                deal = Match(tags=(f"deal:{round_}",))
                assert [r.position for r in book.read(matching=[deal])] == [position]

    def test_processes_that_start_at_once_make_one_schema(self, address: str) -> None:
        rounds = 10
        with workers(WRITERS, "start") as racers:
            for round_, positions in race(racers, address, rounds):
                assert sorted(positions) == list(range(1, WRITERS + 1))
                with open_book(f"{address}-{round_}") as book:
                    assert {e.customer for e in stored(book)} == {
                        customer(racer.pid) for racer in racers
                    }

    def test_a_reader_in_another_process_is_woken(self, address: str) -> None:
        with open_book(address) as book, workers(1, "wait") as (reader,):
            for n in range(1, 6):
                reader.order(address, n - 1)
                book.append(some_events(n, n))
                assert reader.answer() == [n]
