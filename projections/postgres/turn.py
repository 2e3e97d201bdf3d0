"""Whose turn it is, by a lock of a session on the server: it ends with the session, whatever ended that.

Who has the turn gives a sign of life every few seconds. Whoever waits ends the sessions of one that
has fallen silent: a process that hangs or was stopped, a machine that vanished. If it wakes up after
all, its turn and its transactions are gone, and the positions have moved on.
"""

import threading
from types import TracebackType
from typing import Self

import psycopg

from ledger.postgres.address import Address
from ledger.postgres.connection import Connection, in_our_words, is_passing, patience
from projections.postgres.sql import statement

_BEAT_S = 5.0
_SILENT_S = 30.0
_SHORTEST_WAIT_S = 0.001  # zero would be without end


class ServerTurn:
    """Holds the turn until the block ends, or the session is lost."""

    def __init__(self, turns: "Turns", connection: Connection) -> None:
        self._turns = turns
        self._connection = connection
        self._over = threading.Event()
        self._lost = False
        self._heart = threading.Thread(target=self._beat, name="bahi-turn", daemon=True)
        self._heart.start()

    def held(self) -> bool:
        return not self._lost

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._heart.join()
        self._turns.end()

    def _beat(self) -> None:
        while not self._over.wait(_BEAT_S):
            try:
                self._connection.execute("SELECT")
            except psycopg.Error:
                self._lost = True
                return


class Turns:
    """Takes turns for one process, through a session of its own that lasts."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None
        self._guard = threading.Lock()  # a session would be given its own lock a second time

    def take(self, wait_s: float) -> ServerTurn | None:
        """The turn, or None if somebody still has it when the time is up."""
        if not self._guard.acquire(timeout=wait_s):
            return None
        try:
            connection = self._locked(wait_s)
        except BaseException:
            self._guard.release()
            raise
        if connection is None:
            self._guard.release()
            return None
        return ServerTurn(self, connection)

    def end(self) -> None:
        """Give the turn back; a session that is lost has done so."""
        try:
            if self._connection is not None:
                self._connection.execute(statement("give_turn"))
        except psycopg.Error:
            self._forget()
        finally:
            self._guard.release()

    def close(self) -> None:
        """End the session."""
        self._forget()

    def _locked(self, wait_s: float) -> Connection | None:
        pauses = patience()
        while True:
            try:
                if self._connection is None:
                    self._connection = psycopg.connect(self._address.conninfo, autocommit=True)
                return self._connection if _lock(self._connection, wait_s) else None
            except psycopg.Error as error:
                self._forget()
                if not is_passing(error.sqlstate) or not next(pauses):
                    raise in_our_words(error, self._address) from error

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _lock(connection: Connection, wait_s: float) -> bool:
    if connection.execute(statement("try_turn")).fetchone() == (True,):
        return True
    if wait_s <= 0:
        return False
    wait_ms = f"{max(wait_s, _SHORTEST_WAIT_S) * 1_000:.0f}"
    connection.execute("SELECT set_config('lock_timeout', %s, false)", (wait_ms,))
    try:
        connection.execute(statement("take_turn"))
    except psycopg.errors.LockNotAvailable:
        connection.execute(statement("evict"), {"silent_s": _SILENT_S})
        return False
    return True
