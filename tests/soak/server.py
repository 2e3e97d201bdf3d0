"""A PostgreSQL of a round's own, that is killed and comes back, on a disk that may be full."""

import os
import signal
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import psycopg

from tests.servers import Postgres
from tests.soak.disk import Ceiling, Disk, Memory

_OURS = "application_name = 'bahi'"
_BACK_WITHIN_S = 60


class Server:
    """PostgreSQL with the durability of production, and what may happen to it.

    With `disk_mb` its data lies on a disk of that size, where a file system may be mounted; elsewhere
    none of its files grows past a megabyte while the disk is full.
    """

    def __init__(self, disk_mb: int | None = None, *, in_memory: bool = True) -> None:
        self.postgres = Postgres({"max_wal_size": "64MB", "min_wal_size": "32MB"})
        self.done: Counter[str] = Counter()
        self.disk: Disk | None = None
        if disk_mb is not None:
            self.disk = self._on(disk_mb, in_memory=in_memory)

    def _on(self, disk_mb: int, *, in_memory: bool) -> Disk:
        if in_memory:
            with suppress(OSError):
                return Memory(self.postgres.folder, disk_mb)
        return Ceiling(self._family, 1, self.postgres.account)

    @property
    def url(self) -> str:
        return self.postgres.url

    def kill(self) -> None:
        """End it and all its processes with SIGKILL, and start it again."""
        self.postgres.kill()
        self.done["server killed"] += 1
        self.postgres.start()

    def quit(self) -> None:
        """Stop it as `pg_ctl stop -m immediate` does: nothing is written any more, and it recovers."""
        self._signal(signal.SIGQUIT)
        self.done["server stopped at once"] += 1
        self.postgres.restart()

    def restart(self) -> None:
        """Stop it in good order, under whoever is at work, and start it again."""
        self.postgres.restart()
        self.done["server restarted"] += 1

    def kill_backend(self, chance: float) -> None:
        """Kill one of the processes that serve us, as a system without memory does; all others go too."""
        backends = self._backends()
        if backends:
            os.kill(backends[int(chance * len(backends))], signal.SIGKILL)
            self.done["backends killed"] += 1

    def terminate(self, chance: float) -> None:
        """End about this share of the connections, from the server's side."""
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self.url, autocommit=True) as admin,
        ):
            ended = admin.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE {_OURS} AND random() < %s".encode(),
                (chance,),
            )
            self.done["connections ended"] += ended.rowcount

    def hold(self, for_s: float) -> None:
        """Stop all its processes in the middle of whatever they do, for so long."""
        family = self._family()
        for process in family:
            process.suspend()
        time.sleep(for_s)
        for process in family:
            process.resume()
        self.done["server held"] += 1

    def heal(self) -> None:
        """Have it serve again, whatever has happened to it."""
        if self.disk is not None:
            self.disk.free()
        deadline = time.monotonic() + _BACK_WITHIN_S
        while True:
            try:
                self.postgres.connect()
            except psycopg.OperationalError:
                if self._pid() is None:
                    self.postgres.restart()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _backends(self) -> list[int]:
        with (
            suppress(psycopg.OperationalError),
            psycopg.connect(self.url, autocommit=True) as admin,
        ):
            found = admin.execute(f"SELECT pid FROM pg_stat_activity WHERE {_OURS}".encode())
            return [pid for (pid,) in found]
        return []

    def _pid(self) -> int | None:
        process = self.postgres._process
        return None if process is None or process.poll() is not None else process.pid

    def _family(self) -> list[psutil.Process]:
        pid = self._pid()
        if pid is None:
            return []
        postmaster = psutil.Process(pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def _signal(self, number: signal.Signals) -> None:
        pid = self._pid()
        if pid is not None:
            os.kill(pid, number)

    def forget(self, schema: str) -> None:
        """Make room for the next round: drop the schema, and those that are called after it."""
        with psycopg.connect(self.url, autocommit=True) as admin:
            named = "SELECT nspname FROM pg_namespace WHERE nspname ~ %s"
            for (name,) in admin.execute(named, (f"^{schema}(_|$)",)).fetchall():
                admin.execute(f'DROP SCHEMA "{name}" CASCADE'.encode())

    def keep(self, schema: str, folder: Path) -> None:
        """Keep its log, and the book in a schema, for whoever looks into a failed round."""
        (folder / "postgres.log").write_bytes(self.postgres.log.read_bytes())
        with psycopg.connect(self.url) as admin, admin.cursor() as cursor:
            for table in ("event", "event_tag", "checkpoint"):
                copy = f'COPY "{schema}".{table} TO STDOUT'.encode()
                with cursor.copy(copy) as rows, (folder / f"{table}.copy").open("wb") as kept:
                    for row in rows:
                        kept.write(row)

    def __enter__(self) -> Self:
        self.postgres.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with ExitStack() as stack:
            stack.callback(self.postgres.close)
            if self.disk is not None:
                stack.callback(self.disk.close)
            stack.callback(self.postgres.stop)
            if self.disk is not None:
                stack.callback(self.disk.free)
