"""Threads that share a book, readers that wait for it, and what it keeps beside the events."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import psutil
import pytest

from ledger.book import Book
from ledger.clock import to_us
from ledger.errors import BadUsage, KeyringForeign
from ledger.event import encode_body, leaf_hash
from ledger.stores import open_book
from ledger.tree import Tree
from tests.ledger.book_contract.base import A_WHILE_S, HISTORY, Store
from tests.ledger.samples import an_event, customer, some_events


class Keeping(Store):
    def test_threads_share_a_book(self, book: Book) -> None:
        def write(thread: int) -> list[int]:
            mine = range(1_000 * thread, 1_000 * thread + 40)
            positions = [book.append([an_event(n, about=thread)])[0].position for n in mine]
            told = [r.position for r in book.timeline([customer(thread)])]
            assert told == positions == sorted(positions)
            return positions

        with ThreadPoolExecutor(8) as threads:
            placed = [position for mine in threads.map(write, range(1, 9)) for position in mine]
        assert sorted(placed) == list(range(1, 321))

    def test_threads_that_have_ended_leave_nothing_open(self, book: Book) -> None:
        def read_in_a_thread() -> int:
            thread = threading.Thread(target=lambda: list(book.read()))
            thread.start()
            thread.join()
            gc.collect()
            return psutil.Process().num_fds()

        read_in_a_thread()
        assert [read_in_a_thread() for _ in range(5)] == [read_in_a_thread()] * 5

    def test_waiting_for_what_is_there_answers_at_once(self, book: Book) -> None:
        book.append(some_events(1, 3))
        assert [book.wait(after, 600) for after in (0, 2)] == [3, 3]

    def test_waiting_ends_with_its_time(self, book: Book) -> None:
        book.append(some_events(1, 3))
        assert [book.wait(after, 0.01) for after in (3, 7)] == [3, 3]

    def test_a_waiting_reader_is_woken(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.only_listen(monkeypatch)
        assert waited_for(address) == [1, 2, 3]

    def test_a_lost_signal_only_delays(self, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.only_poll(monkeypatch)
        assert waited_for(address) == [1, 2, 3]

    # ---- tree heads, rows, identity

    def test_rows_are_what_verification_would_compute(self, book: Book) -> None:
        book.append([replace(event, personal=b"sealed") for event in HISTORY])
        for row, recorded in zip(book.rows(), book.read(), strict=True):
            event = recorded.event
            assert (row.position, row.recorded_us) == (
                recorded.position,
                to_us(recorded.recorded_at),
            )
            assert (row.id, row.type) == (event.id.bytes, event.type)
            assert (row.occurred_us, row.personal) == (to_us(event.occurred_at), b"sealed")
            assert row.body == encode_body(event)
            assert row.leaf == leaf_hash(row.recorded_us, row.body, b"sealed")
            about = {f"customer:{event.customer}"} if event.customer else set()
            assert row.tags == {*event.tags, *about}
        assert [row.position for row in book.rows(4)] == [5, 6]
        for after in range(7):
            for upto in range(8):
                found = [row.position for row in book.rows(after, upto=upto)]
                assert found == [p for p in range(1, 7) if after < p <= upto]

    def test_tree_heads_are_those_over_the_leaves(self, book: Book) -> None:
        heads = [book.checkpoint()]
        for first, last in ((1, 1), (2, 7), (8, 8), (9, 100)):
            book.append(some_events(first, last))
            heads += [book.checkpoint(), book.checkpoint()]
        tree = Tree()
        roots = [tree.root()]
        for row in book.rows():
            tree.add(row.leaf)
            roots.append(tree.root())
        assert heads == [(size, roots[size]) for size in (0, 1, 1, 7, 7, 8, 8, 100, 100)]
        assert list(book.checkpoints()) == [(size, roots[size]) for size in (1, 7, 8, 100)]
        assert [book.root_at(size) for size in range(101)] == roots
        with pytest.raises(BadUsage, match=r"^expected a book of at least 101 events, came 100$"):
            book.root_at(101)

    def test_a_book_belongs_to_one_ledger(self, address: str) -> None:
        with open_book(address) as book:
            assert book.ledger_id is None
            book.adopt(UUID(int=1))
            book.adopt(UUID(int=1))
            with pytest.raises(
                KeyringForeign,
                match=f"^expected a book of ledger {UUID(int=2)}, came one of another$",
            ):
                book.adopt(UUID(int=2))
        with open_book(address) as book:
            assert book.ledger_id == UUID(int=1)


def waited_for(address: str) -> list[int]:
    """Return the heads that a reader was given who waits for each of three appends in turn."""
    heads: list[int] = []
    waiting = [threading.Event() for _ in range(3)]

    def follow() -> None:
        with open_book(address) as reader:
            for after, about_to_wait in enumerate(waiting):
                about_to_wait.set()
                heads.append(reader.wait(after, 10 * A_WHILE_S))

    follower = threading.Thread(target=follow, daemon=True)
    with open_book(address) as writer:
        follower.start()
        for n, about_to_wait in enumerate(waiting, start=1):
            assert about_to_wait.wait(A_WHILE_S)
            writer.append([an_event(n)])
        follower.join(A_WHILE_S)
    assert not follower.is_alive(), "still waiting, long after the append"
    return heads
