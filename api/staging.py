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
_BESIDE = ".beside"
"""What a note is called that says where on another disk a file is being copied to."""


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
                if path.suffix == _BESIDE and not _cleared(file.read()):
                    continue
                path.unlink()
                left += 1
        return left

    def forget(self, customers: Collection[UUID]) -> None:
        """Remove whatever is being made for any of these; whoever makes it fails then."""
        named = {str(customer) for customer in customers}
        for path in self._files():
            if path.name.partition(".")[0] in named:
                with suppress(FileNotFoundError):  # done with meanwhile
                    if path.suffix == _BESIDE and (noted := path.read_bytes()):
                        Path(os.fsdecode(noted)).unlink()
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
        file = _new(path)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # cleared away before we had the lock


def deliver(made: Path, target: Path) -> None:
    """Put a file where it was asked for, whole or not at all, readable by us alone.

    Raises `Erased` if it was removed meanwhile, since the person is being erased, and `BadUsage` if the
    name was taken meanwhile. What a process leaves beside the target when it dies, `clear` finds. The file
    that was made is `Staging.file`'s to remove.
    """
    demand_free(target)
    try:
        try:
            os.link(made, target)  # which, unlike renaming, takes a name from nobody
        except (FileNotFoundError, FileExistsError):
            raise
        except OSError:  # on another disk
            _copy(made, target)
    except FileExistsError:
        demand_free(target)
        raise
    except FileNotFoundError:
        demand_free(target)
        raise Erased("expected a person who is not being erased, came one who is") from None


def demand_free(target: Path) -> None:
    """Raises `BadUsage` unless a new file can stand there."""
    if target.exists() or target.is_symlink():
        raise BadUsage(f"--out: {target}: expected a name that is free, came one that is taken")
    if not target.parent.is_dir():
        raise BadUsage(f"--out: {target}: expected a folder that is there, came none")


def _copy(made: Path, target: Path) -> None:
    """Copy a file beside the target, noted before, and give it the name when it is whole."""
    beside = target.absolute().with_name(f".{target.name}.{uuid4()}")
    note = made.with_name(f"{made.name}{_BESIDE}")
    with _held(note) as noted:
        try:
            noted.write(os.fsencode(beside))
            noted.flush()
            os.fsync(noted.fileno())
            with made.open("rb") as source, _new(beside) as copy:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
            made.stat()  # it is gone if whom it is about was forgotten meanwhile
            _name(beside, target)
        finally:
            beside.unlink(missing_ok=True)
            note.unlink(missing_ok=True)


def _name(beside: Path, target: Path) -> None:
    try:
        os.link(beside, target)
    except (FileNotFoundError, FileExistsError):
        raise
    except OSError:  # a disk that knows one name a file, as memory sticks do
        demand_free(target)
        beside.rename(target)


def _new(path: Path) -> BufferedRandom:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
    return os.fdopen(descriptor, "w+b")


def _cleared(noted: bytes) -> bool:
    """Whether nothing is left of what a note speaks of. A disk that is away may come back."""
    if not noted:  # its process died before it had begun
        return True
    beside = Path(os.fsdecode(noted))
    with suppress(OSError):
        beside.unlink(missing_ok=True)
        return beside.parent.is_dir()
    return False
