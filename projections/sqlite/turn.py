"""Whose turn it is, by a lock on a file: the system takes it back from a process that died."""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.sqlite.connection import make_private

_LOOK_S = 0.02


class FileTurn:
    """Holds the lock on a file until the block ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path, wait_s: float) -> Self | None:
        """The turn, or None if somebody still has it when the time is up."""
        make_private(path)
        deadline = time.monotonic() + wait_s
        descriptor = os.open(path, os.O_RDWR)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(_LOOK_S)
            else:
                return cls(descriptor)

    def held(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._descriptor)
