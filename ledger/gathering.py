"""Callers who arrive together share one write: while one group is being written, the next gathers.

A commit takes as long for one event as for hundreds. So nobody waits for a clock: who comes while
nothing is being written is written at once, and who comes meanwhile goes with the next group.
"""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from ledger.errors import StoreUnavailable

Item = TypeVar("Item")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that goes into one group, unless a single item is more; and how many items may wait."""

    events: int = 1_000
    bytes: int = 8 * 1024 * 1024
    waiting: int = 10_000


@dataclass(frozen=True, slots=True)
class Load:
    """What an item weighs."""

    events: int
    bytes: int


@dataclass(slots=True, eq=False)
class _Caller(Generic[Item, Told]):
    """Who waits for an answer: a thread, until `done` is released, or a task, for its future."""

    item: Item
    load: Load
    done: "threading.Lock | None" = None
    future: "asyncio.Future[Told] | None" = None
    answer: Told | BaseException | None = None


class Gathering(Generic[Item, Told]):
    """Hands what callers bring to `write`, group by group, from one thread of its own.

    `write` is given items in the order of arrival and answers each of them. An answer that is an
    exception is raised for its caller alone, an exception of `write` itself for everybody of the group.
    Answers are given when `write` has returned: what is acknowledged is as durable as `write` made it.

    Any number of threads and event loops may call. Whoever calls is held until answered, which holds
    back producers; if there are so many callers that more than `bounds.waiting` wait, the next is told
    to come again. Of no use in a process that was forked off: its thread is in the other one.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[Item]], Sequence[Told | BaseException]],
        weigh: Callable[[Item], Load],
        bounds: Bounds | None = None,
    ) -> None:
        self._name = name
        self._write = write
        self._weigh = weigh
        self._bounds = bounds or Bounds()
        self._queue: deque[_Caller[Item, Told]] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._closing = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name=f"bahi-{name}", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait to be written, besides those that are being written."""
        return len(self._queue)

    def ask(self, item: Item) -> Told:
        """Hand in, and block until it is answered.

        Raises what `write` answered or raised; `StoreUnavailable` if too many wait, or it is closed.
        """
        done = threading.Lock()
        done.acquire()
        caller: _Caller[Item, Told] = _Caller(item, self._weigh(item), done=done)
        self._hand_in(caller)
        done.acquire()
        return _taken(caller.answer)

    async def ask_from_task(self, item: Item) -> Told:
        """The same for a task. Cancelled, it waits no longer: what it brought may still be written."""
        future: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._hand_in(_Caller(item, self._weigh(item), future=future))
        return await future

    def close(self) -> None:
        """Refuse whoever comes from now on; return when everybody who had come is answered."""
        if self._process != os.getpid():  # the lock may have been held as this process was forked
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _hand_in(self, caller: _Caller[Item, Told]) -> None:
        # Asked before the lock, which somebody may have held at the fork.
        if self._process != os.getpid():
            raise StoreUnavailable(self._name, "closed: its thread is in another process")
        with self._changed:
            if self._closing:
                raise StoreUnavailable(self._name, "closed: nothing more is taken in")
            if len(self._queue) >= self._bounds.waiting:
                raise StoreUnavailable(self._name, f"{len(self._queue):,} are waiting already")
            self._queue.append(caller)
            if len(self._queue) == 1:
                self._changed.notify()

    def _run(self) -> None:
        while group := self._next_group():
            try:
                answers = self._write([caller.item for caller in group])
                for caller, answer in zip(group, answers, strict=True):
                    caller.answer = answer
            except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
                for caller in group:
                    caller.answer = error
            self._answer(group)
            del group

    def _next_group(self) -> list[_Caller[Item, Told]]:
        """As many as fit, as soon as there is one; none when it is closed and everybody is answered."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
        self._let_others_come()
        group: list[_Caller[Item, Told]] = []
        with self._changed:
            events = size = 0
            while self._queue:
                load = self._queue[0].load
                events += load.events
                size += load.bytes
                if group and (events > self._bounds.events or size > self._bounds.bytes):
                    break
                group.append(self._queue.popleft())
        return group

    def _let_others_come(self) -> None:
        """Whoever was just answered often has the next at hand: go on when nobody else has come.

        Else the quickest of them would be written alone, and the others wait for that.
        """
        seen = 0
        while seen < len(self._queue) < self._bounds.events:
            seen = len(self._queue)
            time.sleep(0)

    @staticmethod
    def _answer(group: Iterable[_Caller[Item, Told]]) -> None:
        tasks: dict[asyncio.AbstractEventLoop, list[_Caller[Item, Told]]] = {}
        for caller in group:
            if caller.done is not None:
                caller.done.release()
            elif caller.future is not None:
                tasks.setdefault(caller.future.get_loop(), []).append(caller)
        for loop, callers in tasks.items():
            with suppress(RuntimeError):  # the loop is closed, and nobody waits in it any longer
                loop.call_soon_threadsafe(_tell, callers)


def _tell(callers: Iterable[_Caller[Item, Told]]) -> None:
    """Answer tasks, in the thread of their loop."""
    for caller in callers:
        future = caller.future
        if future is None or future.done():  # cancelled meanwhile
            continue
        if isinstance(caller.answer, BaseException):
            future.set_exception(caller.answer)
        else:
            future.set_result(_taken(caller.answer))


def _taken(answer: Told | BaseException | None) -> Told:
    if isinstance(answer, BaseException):
        raise answer
    return answer  # type: ignore[return-value]  # None is an answer only where `Told` has it
