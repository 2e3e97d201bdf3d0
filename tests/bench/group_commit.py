"""Single events of 64 callers at once, their commits shared, against the library's recorder."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TypeVar

from commands.recording import Recorder
from ledger.clock import system_clock
from ledger.grouped import GroupedBook
from ledger.opening import open_ledger
from ledger.stores import open_book
from tests.bench import made, server
from tests.bench.postgres_append import as_theirs
from tests.bench.runner import Comparison, Side

_CALLERS = 64
_THEIR_THREADS = 8
_MOST, _THEIR_MOST = 20_000, 2_000
"""Events of a side: each waits for a commit, and they tell enough."""

One = TypeVar("One")


def comparisons(count: int) -> Iterator[Comparison]:
    """Callers in threads and callers in tasks; and the whole way of a touchpoint."""
    ours, theirs = min(count, _MOST), min(count, _THEIR_MOST)
    durability = f"both: answered after the commit; {server.settings()}"
    for what, prepare in (
        ("64 threads, an event each, to PostgreSQL: group commit", _threads),
        ("64 tasks of asyncio, an event each, to PostgreSQL: group commit", _tasks),
    ):
        yield Comparison(
            what=what,
            baseline=f"the library's PostgreSQL DCB recorder, {_THEIR_THREADS} threads",
            durability=durability,
            ours=partial(prepare, ours),
            theirs=partial(_recording, theirs),
            must=5.0,
            aim=8.0,
        )
    yield Comparison(
        what="64 tasks of asyncio, a touchpoint each, to PostgreSQL: resolved and sealed as well",
        baseline=f"the library's PostgreSQL DCB recorder, {_THEIR_THREADS} threads, of bare events",
        durability=durability + "; ours also commits the vault, in the same server",
        ours=partial(_touchpoints, ours),
        theirs=partial(_recording, theirs),
    )


def _threads(count: int, _folder: Path) -> Side:
    book = GroupedBook(open_book(server.an_empty_database()))
    given = list(made.events(count))
    book.head()  # connects

    def side() -> int:
        _in_threads(given, _CALLERS, lambda event: book.append([event]))
        book.close()
        return count

    return side


def _tasks(count: int, _folder: Path) -> Side:
    book = GroupedBook(open_book(server.an_empty_database()))
    given = list(made.events(count))
    book.head()

    async def work() -> None:
        async def caller(number: int) -> None:
            for event in given[number::_CALLERS]:
                await book.append_from_task([event])

        await asyncio.gather(*map(caller, range(_CALLERS)))

    def side() -> int:
        asyncio.run(work())
        book.close()
        return count

    return side


def _touchpoints(count: int, folder: Path) -> Side:
    address = server.an_empty_database()
    ledger = open_ledger(open_book(address), address, folder / "keyring.json")
    recorder = Recorder(ledger, clock=system_clock, future_tolerance=timedelta(days=36_500))
    given = list(made.touchpoints(count))

    async def work() -> None:
        async def caller(number: int) -> None:
            for touchpoint in given[number::_CALLERS]:
                await recorder.record(touchpoint)

        await asyncio.gather(*map(caller, range(_CALLERS)))

    def side() -> int:
        asyncio.run(work())
        recorder.close()
        ledger.close()
        return count

    return side


def _recording(count: int, _folder: Path) -> Side:
    recorder = server.librarys_recorder(_THEIR_THREADS)
    given = [as_theirs(event) for event in made.events(count)]
    recorder.read(limit=1)

    def side() -> int:
        _in_threads(given, _THEIR_THREADS, lambda event: recorder.append([event]))
        recorder.datastore.close()
        return count

    return side


def _in_threads(given: Sequence[One], callers: int, append: Callable[[One], object]) -> None:
    def caller(number: int) -> None:
        for one in given[number::callers]:
            append(one)

    threads = [Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
