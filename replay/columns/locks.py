"""Who may do what in a folder of segments: one writes, any number read, and nothing is removed under a reader."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.errors import StoreUnavailable

_WRITING, _READING = "writing.lock", "reading.lock"
_PATIENCE_S = 30.0
_AGAIN_S = 0.005
_PRIVATE_FILE = 0o600


@contextmanager
def writing(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """One process at a time, and one thread of it; False, and at once, if others are and we do not wait.

    A process that dies lets go.
    """
    descriptor = _opened(folder / _WRITING)
    try:
        if wait:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield wait or _taken(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """As long as this lasts, no file that the catalogue names now is removed."""
    descriptor = _opened(folder / _READING)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def removing(folder: Path, *, wait: bool) -> Iterator[bool]:
    """As long as this lasts, nobody reads; False, and at once, if somebody does and we do not wait.

    Raises `StoreUnavailable` if somebody does for half a minute.
    """
    descriptor = _opened(folder / _READING)
    deadline = time.monotonic() + _PATIENCE_S
    try:
        while not (alone := _taken(descriptor)) and wait:
            if time.monotonic() > deadline:
                what = "somebody reads what is to be removed: do the same again"
                raise StoreUnavailable("the history", what)
            time.sleep(_AGAIN_S)
        yield alone
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)
