"""Hearing of appends: one connection and one thread for all who wait in a process."""

import os
import random
import selectors
import threading
from contextlib import suppress

import psycopg
from psycopg import sql

from ledger.errors import BahiError
from ledger.postgres.address import Address
from ledger.postgres.connection import Connection, connect, statement

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 5.0


class Listener:
    """Counts what it hears. It begins to listen when somebody first waits, and comes back by itself.

    A notification may be lost with a connection: whenever it listens anew it counts that as heard, and
    whoever waits looks for themselves.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._changed = threading.Condition()
        self._heard = 0
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._wake, self._waker = os.pipe()

    @property
    def heard(self) -> int:
        """A number that changes when something was appended."""
        return self._heard

    def wait(self, seen: int, timeout_s: float) -> None:
        """Return when `heard` is no longer `seen`, or the time is up."""
        with self._changed:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="bahi-listener", daemon=True)
                self._thread.start()
            self._changed.wait_for(lambda: self._heard != seen, timeout_s)

    def close(self) -> None:
        """Stop listening; whoever still waits is woken."""
        if self._closing.is_set():
            return
        self._closing.set()
        os.write(self._waker, b"\0")
        if self._thread is not None:
            self._thread.join()
        self._tell()
        os.close(self._wake)
        os.close(self._waker)

    def _run(self) -> None:
        pause = _FIRST_PAUSE_S
        while not self._closing.is_set():
            with suppress(BahiError, psycopg.Error), connect(self._address) as connection:
                (channel,) = connection.execute(statement("book/channel")).fetchone() or ("",)
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                pause = _FIRST_PAUSE_S
                self._tell()
                self._listen(connection)
            # Who waits is polling meanwhile.
            self._closing.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def _listen(self, connection: Connection) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while True:
                selector.select()
                if self._closing.is_set():
                    return
                connection.pgconn.consume_input()
                told = [*iter(connection.pgconn.notifies, None)]
                if told:
                    self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._heard += 1
            self._changed.notify_all()
