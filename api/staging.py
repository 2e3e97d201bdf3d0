"""Where archives are made, before they are handed over: a folder that keeps nothing."""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from uuid import UUID, uuid4

from ledger.errors import BadUsage, Erased

_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


class Staging:
    """A private folder for files that are being made. What a process leaves there when it dies is
    removed when the next one begins; what is made for somebody who is erased, at once.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def clear(self) -> int:
        """Remove what nobody is making any longer; how many files that were."""
        left = 0
        for path in self._files():
            with suppress(FileNotFoundError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue  # somebody is making it
                path.unlink()
                left += 1
        return left

    def forget(self, customers: Collection[UUID]) -> None:
        """Remove whatever is being made for any of these; whoever makes it fails then."""
        for path in self._files():
            if path.name.partition(".")[0] in {str(customer) for customer in customers}:
                path.unlink(missing_ok=True)

    @contextmanager
    def file(self, customer: UUID) -> Iterator[tuple[Path, BufferedRandom]]:
        """A file to be made for a customer, readable by us alone. It is gone at the end, unless it was
        delivered.
        """
        path = self.folder / f"{customer}.{uuid4()}"
        try:
            with _held(path) as file:
                yield path, file
        finally:
            path.unlink(missing_ok=True)

    @property
    def folder(self) -> Path:
        """Where it is; made if it is not there."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
        return self._folder

    def _files(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []


def _held(path: Path) -> BufferedRandom:
    """A new file that says by a lock that somebody is making it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        file = os.fdopen(descriptor, "w+b")
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return file
        file.close()  # cleared away before we had the lock


def deliver(made: Path, target: Path) -> None:
    """Put a file where it was asked for, whole or not at all, readable by us alone.

    Raises `Erased` if it was removed meanwhile, since the person is being erased.
    """
    demand_free(target)
    beside = target.with_name(f".{target.name}.{uuid4()}")
    try:
        try:
            made.rename(beside)
        except FileNotFoundError:
            raise Erased("expected a person who is not being erased, came one who is") from None
        except OSError:  # on another disk
            _copy(made, beside)
        demand_free(target)
        beside.rename(target)
    finally:
        beside.unlink(missing_ok=True)


def demand_free(target: Path) -> None:
    """Raises `BadUsage` unless a new file can stand there."""
    if target.exists() or target.is_symlink():
        raise BadUsage(f"--out: {target}: expected a name that is free, came one that is taken")
    if not target.parent.is_dir():
        raise BadUsage(f"--out: {target}: expected a folder that is there, came none")


def _copy(made: Path, beside: Path) -> None:
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
    with made.open("rb") as source, os.fdopen(descriptor, "wb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.fsync(copy.fileno())
