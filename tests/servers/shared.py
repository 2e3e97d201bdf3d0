"""One PostgreSQL and one Kafka for a whole test run, however many workers it has.

They live in the process that began the run: the first worker that asks gets one started there, and both stop with the
run. ``BAHI_TEST_POSTGRES`` (a URL) and ``BAHI_TEST_KAFKA`` (host:port) name servers that run already.
"""

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from multiprocessing.connection import Client, Listener
from threading import Thread

from tests.servers.kafka import Kafka
from tests.servers.postgres import Postgres
from tests.servers.process import ServerError

DOOR = "BAHI_TEST_SERVERS"  # the workers inherit it: where the run's first process listens

Starter = Callable[[ExitStack], str]
"""Starts a server that the stack will stop, and returns its address."""


def _postgres(running: ExitStack) -> str:
    # Only a power cut could tell the difference, and every commit of every test would pay for it.
    return running.enter_context(Postgres({"fsync": "off", "full_page_writes": "off"})).url


def _kafka(running: ExitStack) -> str:
    return running.enter_context(Kafka()).bootstrap


STARTERS: Mapping[str, Starter] = {"postgres": _postgres, "kafka": _kafka}


def address(name: str) -> str:
    """Return where the server of that name is, started if need be; raise what kept it from starting."""
    if given := os.environ.get(f"BAHI_TEST_{name.upper()}"):
        return given
    with Client(os.environ[DOOR]) as run:
        run.send(name)
        answer: str | ServerError = run.recv()
    if isinstance(answer, ServerError):
        raise answer
    return answer


class SharedServers:
    """The servers of one run, kept by its first process, which must ``close`` them.

    Callers are answered one at a time: so each server starts once, and there is nothing to lock.
    """

    def __init__(self, starters: Mapping[str, Starter] = STARTERS) -> None:
        self._starters = starters
        self._answers: dict[str, str | ServerError] = {}
        self._running = ExitStack()
        self._listener = Listener(family="AF_UNIX")
        os.environ[DOOR] = str(self._listener.address)
        self._doorkeeper = Thread(target=self._answer_callers, daemon=True)
        self._doorkeeper.start()

    def close(self) -> None:
        """Stop what was started."""
        with Client(str(self._listener.address)) as door:
            door.send(None)
        self._doorkeeper.join()
        self._listener.close()
        self._running.close()

    def _answer_callers(self) -> None:
        while True:
            with self._listener.accept() as caller, suppress(EOFError, OSError):  # it may have died
                name = caller.recv()
                if name is None:
                    return
                if name not in self._answers:
                    self._answers[name] = self._start(name)
                caller.send(self._answers[name])

    def _start(self, name: str) -> str | ServerError:
        try:
            return self._starters[name](self._running)
        except Exception as failure:  # noqa: BLE001 - whoever asked shall hear of it
            return failure if isinstance(failure, ServerError) else ServerError(repr(failure))
