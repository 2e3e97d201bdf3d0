"""A disk that is full, and is not any more.

Where this process may mount, a file system in memory of a few megabytes is filled up to its last
byte: whoever writes is told ENOSPC. Where it may not, files may no longer grow (RLIMIT_FSIZE):
whoever writes past the limit is told EFBIG, by the same system calls.
"""

import pwd
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

_BLOCK = b"\0" * 65_536
_MB = 2**20


class Disk(ABC):
    """A disk that can be filled and freed, again and again."""

    @abstractmethod
    def fill(self) -> None:
        """From now on, whoever wants more of it is refused."""

    @abstractmethod
    def free(self) -> None:
        """There is room again."""

    @abstractmethod
    def close(self) -> None:
        """Give it back."""


class Memory(Disk):
    """A file system in memory over a folder. Raises `OSError` where that may not be mounted."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self._folder = folder
        self._ballast = folder / "ballast"
        owner = folder.stat()
        options = f"size={size_mb}m,mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
        mount = ["mount", "-t", "tmpfs", "-o", options, "soak", str(folder)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            raise PermissionError(f"mounting a file system on {folder} is not allowed here")
        # Waits for the end of what it reads, which is ours, in whatever way: nothing stays mounted.
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; umount --lazy "$0"', str(folder)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def fill(self) -> None:
        with self._ballast.open("ab", buffering=0) as ballast:
            for block in (_BLOCK, _BLOCK[:512]):
                with suppress(OSError):
                    while ballast.write(block) == len(block):
                        pass

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        self._guard.communicate()


class Ceiling(Disk):
    """A limit to the size of every file that some processes write, and their children to come.

    `account` is whose processes they are, if not ours: only as their own are they reached.
    """

    def __init__(
        self,
        processes: Callable[[], Iterable[psutil.Process]],
        size_mb: int,
        account: pwd.struct_passwd | None = None,
    ) -> None:
        self._processes = processes
        self._size = size_mb * _MB
        self._account = account

    def fill(self) -> None:
        self._limit(str(self._size))

    def free(self) -> None:
        self._limit("unlimited")

    def close(self) -> None:
        self.free()

    def _limit(self, size: str) -> None:
        for process in self._processes():
            limit = ["prlimit", f"--pid={process.pid}", f"--fsize={size}:"]
            user, group = (
                (self._account.pw_uid, self._account.pw_gid) if self._account else (None, None)
            )
            done = subprocess.run(limit, user=user, group=group, capture_output=True, check=False)
            if done.returncode and process.is_running():
                raise PermissionError(f"{' '.join(limit)}: {done.stderr.decode()}")


def may_mount() -> bool:
    """Whether a file system may be mounted here."""
    with TemporaryDirectory() as folder, suppress(OSError):
        Memory(Path(folder), 1).close()
        return True
    return False
