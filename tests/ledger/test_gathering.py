"""Callers who arrive together: who goes with whom, who is told what, and who is left out."""

import asyncio
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain

import pytest

from ledger.errors import BadUsage, StoreUnavailable
from ledger.gathering import Bounds, Gathering, Load

A_WHILE_S = 60


@dataclass
class Desk:
    """A writer who writes when told: each group waits for `go`, and is answered with tens."""

    groups: list[list[int]] = field(default_factory=list)
    begun: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    answer: Callable[[int], int | BaseException] = lambda item: 10 * item

    def write(self, items: Sequence[int]) -> list[int | BaseException]:
        self.groups.append([*items])
        self.begun.release()
        assert self.go.acquire(timeout=A_WHILE_S)
        return [self.answer(item) for item in items]

    def has_begun(self) -> None:
        """Return when one more group is being written."""
        assert self.begun.acquire(timeout=A_WHILE_S)

    def open(self) -> None:
        """Write whatever comes from now on."""
        self.go.release(1_000_000)


@contextmanager
def gathering(desk: Desk, bounds: Bounds | None = None) -> Iterator[Gathering[int, int]]:
    """Return one whose items weigh an event each, and a thousand bytes if they are a hundred."""
    gathering = Gathering("test", desk.write, lambda n: Load(1, 1_000 if n == 100 else 1), bounds)
    try:
        yield gathering
    finally:
        desk.open()
        gathering.close()


def asked(
    threads: ThreadPoolExecutor, gathering: Gathering[int, int], items: Sequence[int]
) -> "list[Future[int]]":
    """Return what each is told, having seen them come one after the other."""
    told = []
    for item in items:
        before = gathering.waiting
        told.append(threads.submit(gathering.ask, item))
        while gathering.waiting == before:
            time.sleep(0)
    return told


def test_who_comes_alone_is_written_alone_and_at_once() -> None:
    desk = Desk()
    desk.open()
    with gathering(desk) as one:
        assert [one.ask(n) for n in (1, 2, 3)] == [10, 20, 30]
    assert desk.groups == [[1], [2], [3]]


def test_who_comes_while_a_group_is_written_goes_with_the_next_in_order() -> None:
    desk = Desk()
    with gathering(desk) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 1)
        desk.has_begun()
        others = asked(threads, one, [2, 3, 4, 5])
        assert not any(told.done() for told in (first, *others))
        desk.go.release()
        assert first.result(A_WHILE_S) == 10
        desk.has_begun()
        assert not any(told.done() for told in others)  # nobody before the write is over
        desk.open()
        assert [told.result(A_WHILE_S) for told in others] == [20, 30, 40, 50]
    assert desk.groups == [[1], [2, 3, 4, 5]]


@pytest.mark.parametrize(
    ("bounds", "groups"),
    [
        (Bounds(events=2), [[1], [2, 3], [4, 100], [5]]),
        (Bounds(bytes=3), [[1], [2, 3, 4], [100], [5]]),
        (Bounds(bytes=1_001), [[1], [2, 3, 4], [100, 5]]),
        (Bounds(events=1), [[1], [2], [3], [4], [100], [5]]),
    ],
)
def test_a_group_has_bounds_and_what_is_beyond_them_goes_alone(
    bounds: Bounds, groups: list[list[int]]
) -> None:
    desk = Desk()
    with gathering(desk, bounds) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 1)
        desk.has_begun()
        others = asked(threads, one, [2, 3, 4, 100, 5])
        desk.open()
        assert [told.result(A_WHILE_S) for told in (first, *others)] == [10, 20, 30, 40, 1_000, 50]
    assert desk.groups == groups


def test_an_answer_that_is_an_exception_is_raised_for_its_caller_alone() -> None:
    desk = Desk(answer=lambda item: BadUsage(f"{item}") if item % 2 else item)
    with gathering(desk) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 0)
        desk.has_begun()
        others = asked(threads, one, [1, 2, 3])
        desk.open()
        assert (first.result(A_WHILE_S), others[1].result(A_WHILE_S)) == (0, 2)
        for n in (1, 3):
            with pytest.raises(BadUsage, match=f"^{n}$"):
                others[n - 1].result(A_WHILE_S)


def test_an_error_of_the_write_is_everybodys_and_the_next_group_is_written() -> None:
    def answer(item: int) -> int:
        if item == 3:
            raise OSError("disk full")
        return item

    desk = Desk(answer=answer)
    with gathering(desk) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 1)
        desk.has_begun()
        others = asked(threads, one, [2, 3])
        desk.open()
        assert first.result(A_WHILE_S) == 1
        for told in others:
            with pytest.raises(OSError, match="disk full"):
                told.result(A_WHILE_S)
        assert one.ask(4) == 4


def test_a_write_that_answers_too_few_leaves_nobody_waiting() -> None:
    with gathering(Desk()) as one:
        one._write = lambda items: []
        with pytest.raises(ValueError, match="shorter"):
            one.ask(1)


def test_when_too_many_wait_the_next_is_told_to_come_again() -> None:
    desk = Desk()
    with gathering(desk, Bounds(waiting=2)) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 1)
        desk.has_begun()
        others = asked(threads, one, [2, 3])
        with pytest.raises(StoreUnavailable, match=r"^test: 2 are waiting already$"):
            one.ask(4)
        with pytest.raises(StoreUnavailable, match=r"^test: 2 are waiting already$"):
            asyncio.run(one.ask_from_task(5))
        desk.open()
        assert [told.result(A_WHILE_S) for told in (first, *others)] == [10, 20, 30]
        assert one.ask(4) == 40
    assert desk.groups == [[1], [2, 3], [4]]


def test_closing_answers_who_has_come_and_refuses_who_comes() -> None:
    desk = Desk()
    with gathering(desk) as one, ThreadPoolExecutor(8) as threads:
        first = threads.submit(one.ask, 1)
        desk.has_begun()
        others = asked(threads, one, [2, 3])
        closing = threads.submit(one.close)
        while not one._closing:
            time.sleep(0)
        with pytest.raises(StoreUnavailable, match=r"^test: closed: nothing more is taken in$"):
            one.ask(4)
        assert not closing.done()
        desk.open()
        closing.result(A_WHILE_S)
        assert desk.groups == [[1], [2, 3]]
        assert [told.result(A_WHILE_S) for told in (first, *others)] == [10, 20, 30]
        one.close()  # once more does no harm
        with pytest.raises(StoreUnavailable, match="closed"):
            asyncio.run(one.ask_from_task(5))
    assert desk.groups == [[1], [2, 3]]


# ---- tasks


async def waited(gathering: Gathering[int, int], many: int) -> None:
    while gathering.waiting < many:
        await asyncio.sleep(0)


def test_tasks_and_threads_go_together() -> None:
    desk = Desk()

    async def work(one: Gathering[int, int], threads: ThreadPoolExecutor) -> None:
        first = asyncio.create_task(one.ask_from_task(1))
        await asyncio.to_thread(desk.has_begun)
        tasks = [asyncio.create_task(one.ask_from_task(n)) for n in (2, 3)]
        await waited(one, 2)
        (thread,) = asked(threads, one, [4])
        desk.open()
        assert await asyncio.gather(first, *tasks) == [10, 20, 30]
        assert await asyncio.wrap_future(thread) == 40

    with gathering(desk) as one, ThreadPoolExecutor(1) as threads:
        asyncio.run(work(one, threads))
    assert desk.groups == [[1], [2, 3, 4]]


def test_a_task_that_is_cancelled_takes_nobody_along() -> None:
    desk = Desk(answer=lambda item: BadUsage("no") if item == 4 else item)

    async def work(one: Gathering[int, int]) -> None:
        first = asyncio.create_task(one.ask_from_task(1))
        await asyncio.to_thread(desk.has_begun)
        tasks = [asyncio.create_task(one.ask_from_task(n)) for n in (2, 3, 4, 5)]
        await waited(one, 4)
        first.cancel()  # while it is being written
        tasks[1].cancel()  # while it waits
        desk.open()
        told = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [type(one) for one in told] == [
            asyncio.CancelledError,
            int,
            asyncio.CancelledError,
            BadUsage,
            int,
        ]
        assert [told[1], told[4]] == [2, 5]
        assert await one.ask_from_task(6) == 6

    with gathering(desk) as one:
        asyncio.run(work(one))
    # What was handed in was written, each once.
    assert desk.groups == [[1], [2, 3, 4, 5], [6]]


def test_a_loop_that_has_ended_holds_nobody_up() -> None:
    desk = Desk()

    async def leave(one: Gathering[int, int]) -> None:
        asyncio.get_running_loop().create_task(one.ask_from_task(1))
        await asyncio.to_thread(desk.has_begun)

    with gathering(desk) as one, ThreadPoolExecutor(1) as threads:
        asyncio.run(leave(one))
        told = asked(threads, one, [2])
        desk.open()
        assert told[0].result(A_WHILE_S) == 20


def test_many_of_both_are_each_answered_their_own_once() -> None:
    desk = Desk()
    desk.open()

    async def work(one: Gathering[int, int]) -> list[int]:
        async def caller(number: int) -> list[int]:
            return [await one.ask_from_task(n) for n in range(number, 800, 40)]

        return [*chain.from_iterable(await asyncio.gather(*map(caller, range(40))))]

    with gathering(desk, Bounds(events=7)) as one, ThreadPoolExecutor(8) as threads:
        from_tasks = threads.submit(asyncio.run, work(one))
        from_threads = [*threads.map(one.ask, range(800, 1_600))]
        told = from_threads + from_tasks.result(A_WHILE_S)
    assert sorted(told) == [10 * n for n in range(1_600)]
    assert sorted(chain.from_iterable(desk.groups)) == [*range(1_600)]
    assert max(map(len, desk.groups)) <= 7


def ask_after_the_fork(one: Gathering[int, int], said: "multiprocessing.Queue[str]") -> None:
    try:
        one.ask(1)
    except StoreUnavailable as error:
        said.put(str(error))
    one.close()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # that it is unwise is the point
def test_on_the_other_side_of_a_fork_it_refuses_instead_of_waiting_for_ever() -> None:
    desk = Desk()
    context = multiprocessing.get_context("fork")
    said: multiprocessing.Queue[str] = context.Queue()
    with gathering(desk) as one:
        child = context.Process(target=ask_after_the_fork, args=(one, said))
        with one._changed:  # as by somebody who was just handing in
            child.start()
        assert said.get(timeout=A_WHILE_S) == "test: closed: its thread is in another process"
        child.join(A_WHILE_S)
        assert child.exitcode == 0
