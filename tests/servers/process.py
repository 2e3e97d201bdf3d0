"""One server process: started, made ready, stopped, killed, restarted, and never left behind."""

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self, TypedDict

import psutil

# Waits beside each server with a pipe of ours as its input. When nobody holds the other end any more, because the run
# ended in whatever way, it ends the server and takes its folder away. ($0 signal, $1 process, $2 folder)
_WATCH = """
read -r _
kill -s "$0" "$1"
tries=0
while kill -0 "$1" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
kill -s KILL "$1"
rm -rf "$2"
"""
_READY_WITHIN_S = 60
_STOPPED_WITHIN_S = 20


class _Identity(TypedDict, total=False):
    """The part of a process's arguments that says as whom it runs."""

    user: int
    group: int
    extra_groups: list[int]


class ServerError(RuntimeError):
    """A test server did not do as it was told; the message ends with the tail of its log."""


class MissingServerError(ServerError):
    """This machine has no such server. A test that needs one fails; it never passes by in silence."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}; this line installs it:\n"
            "  python -m pip install --require-hashes -r tests/servers/wheels.lock"
        )


def free_port() -> int:
    """Return a port nobody listens on, from below the range that systems give to outgoing connections.

    So no client takes it while the server behind it restarts.
    """
    for port in random.SystemRandom().sample(range(15_000, 32_000), 100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerError("of 100 ports tried on 127.0.0.1 none is free")


def _alive(process: psutil.Process) -> bool:
    try:
        return (
            process.status() != psutil.STATUS_ZOMBIE
        )  # a dead one that its parent has yet to notice
    except psutil.NoSuchProcess:
        return False


class Server(ABC):
    """A server with a folder and a port of its own, both kept over restarts, until ``close``."""

    name: ClassVar[str]
    quit_signal: ClassVar[signal.Signals]  # stops it in good order, without waiting for clients

    def __init__(self) -> None:
        # Not TMPDIR, which may lie where a server that runs as another user cannot reach it.
        self.folder = Path(tempfile.mkdtemp(prefix=f"bahi-{self.name}-", dir="/tmp"))
        self.log = self.folder / "server.log"
        self.port = free_port()
        self.account: pwd.struct_passwd | None = None  # run it as this user instead of ours
        self._prepared = False
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Lay out the data folder; called once, before the first start."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the server's command line; it must stay in the foreground."""

    @abstractmethod
    def connect(self) -> None:
        """Do what a client does first; raise while the server is not ready."""

    def start(self) -> Self:
        """Start it, and return when a client has really connected."""
        if not self._prepared:
            self.prepare()
            self._prepared = True
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment(),
                **self._identity(),
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        last_will = [self.quit_signal.name.removeprefix("SIG"), self._process.pid, self.folder]
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, *map(str, last_will)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_ready(self._process)
        return self

    def stop(self) -> None:
        """Stop it in good order; data and port stay."""
        if self._process is None:
            return
        self._process.send_signal(self.quit_signal)
        try:
            self._process.wait(_STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._forget()

    def kill(self) -> None:
        """End it and every process that it started with SIGKILL, as a crash would."""
        if self._process is None:
            return
        if self._process.poll() is None:
            server = psutil.Process(self._process.pid)
            server.suspend()  # or it might start one more between the look and the blow
            family = [server, *server.children(recursive=True)]
            for member in family:
                member.kill()
            while any(_alive(member) for member in family):
                time.sleep(0.005)
        self._process.wait()
        self._forget()

    def restart(self) -> Self:
        """Stop it if it runs, and start it again with the same data on the same port."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop it and take its folder away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self) -> dict[str, str]:
        """Return ours, less what would point its programs at another server, with English messages."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        return ours | {"HOME": str(self.folder), "LC_ALL": "C"}

    def run(self, command: list[str]) -> None:
        """Run one of its programs to the end, as it would run itself."""
        with self.log.open("ab") as log:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment(),
                **self._identity(),
                check=False,
            )
        if done.returncode:
            raise self._failed(f"{command[0]} ended with {done.returncode}")

    def _identity(self) -> _Identity:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + _READY_WITHIN_S
        while True:
            if process.poll() is not None:
                self.stop()
                raise self._failed(f"ended with {process.returncode} instead of getting ready")
            try:
                return self.connect()
            except Exception as refusal:
                if time.monotonic() > give_up:
                    self.kill()
                    raise self._failed(f"not ready after {_READY_WITHIN_S} s") from refusal
            time.sleep(0.05)

    def _failed(self, how: str) -> ServerError:
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return ServerError("\n  ".join([f"{self.name}: {how}; its log ends with", *lines]))

    def _forget(self) -> None:
        self._process = None
        if self._watch is not None:
            self._watch.kill()
            self._watch.communicate()
            self._watch = None
