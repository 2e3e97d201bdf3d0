"""The vault's file: who may open it, the two kinds of transaction on it, and what is wrapped where."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from ledger.errors import BadUsage, KeysUnavailable
from ledger.keyring import Keyring, Keys, framed
from ledger.sqlite.connection import (
    make_private,
    migrate,
    open_connection,
    statement,
    transaction,
)

T = TypeVar("T")


class VaultFile:
    """One connection, lent to one thread at a time. What is deleted is overwritten."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_private(path)
        except OSError as error:
            raise BadUsage(f"{path}: expected a file to read and write, came: {error}") from error
        self._lock = threading.RLock()
        self._keyring = keyring
        self.connection = open_connection(path, secure_delete=True)
        migrate(self.connection, "vault")

    def read(self, work: Callable[[Keys], T]) -> T:
        """What `work` reads, all of it from one state of the file, with the keys that open it."""
        with self._lock:
            while True:
                keys = self._keyring.keys()
                self.connection.execute("BEGIN")
                try:
                    return work(keys)
                except KeysUnavailable:
                    # Between the two lines above, everything may have been wrapped anew.
                    if self._keyring.keys() is keys:
                        raise
                finally:
                    self.connection.execute("COMMIT")

    @contextmanager
    def write(self) -> Iterator[Keys]:
        """The write lock, and then the newest keys; committed at the end, or as if never begun.

        In that order, so that whoever wraps everything anew has passed nothing by: a write that
        gets the lock after a new epoch has begun wraps under that one.
        """
        with self._lock, transaction(self.connection):
            yield self._keyring.keys()
            self.connection.execute(statement("vault/next_generation"))

    def truncate_log(self) -> None:
        """Move the write-ahead log into the file and cut it to nothing, if no reader needs it."""
        with self._lock:
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    def close(self) -> None:
        with self._lock:
            self.connection.close()


def link_context(digest: bytes) -> bytes:
    """Where the id behind an identifier is wrapped for."""
    return framed(b"identifier", digest)


def key_context(subject: bytes, retention: str, version: int) -> bytes:
    """Where a subject key is wrapped for."""
    return framed(b"subject_key", subject, retention.encode(), version.to_bytes(2))


def staff_context(actor: bytes) -> bytes:
    """Where the name behind an actor is wrapped for."""
    return framed(b"staff", actor)


def letter_context(letter: bytes) -> bytes:
    """Where a letter's key is wrapped for."""
    return framed(b"dead_letter", letter)
