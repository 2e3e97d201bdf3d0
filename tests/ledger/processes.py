"""Real processes for tests: each does a task in the project, or runs a few lines of Python and waits for its cue.

They are forked from a process that has read all modules already, so that a start costs no more than it must; each
is a process of its own all the same. Where the start itself is what is tested, an interpreter is started.
"""

import multiprocessing
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from textwrap import dedent
from typing import TextIO

ROOT = Path(__file__).parents[2]
CUE = "import sys; print('ready', flush=True); sys.stdin.readline()\n"
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"

forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(["pytest", "tests.soak.crew", "tests.projections.worker"])


class Born:
    """A process that does a task, with a pipe to it and one from it; it ends with the tests at the latest.

    It has the environment of whoever starts it, and warnings are errors in it.
    """

    def __init__(self, task: Callable[..., object], *given: object) -> None:
        their_in, our_in = forking.Pipe(duplex=False)
        our_out, their_out = forking.Pipe(duplex=False)
        self._process = forking.Process(
            target=_live, args=(their_in, their_out, dict(os.environ), task, given), daemon=True
        )
        self._process.start()
        for theirs in (their_in, their_out):
            theirs.close()
        self.stdin, self.stdout = _file(our_in, "w"), _file(our_out, "r")

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def tell(self, line: str = "") -> None:
        self.stdin.write(f"{line}\n")
        self.stdin.flush()

    def heard(self) -> str:
        """The next line that it says; nothing, if it has ended."""
        return self.stdout.readline().rstrip("\n")

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        self._process.kill()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for its end; its exit code, if it has ended: negative, if a signal ended it."""
        self._process.join(timeout_s)
        return self._process.exitcode

    def end(self) -> tuple[int | None, str]:
        """Tell it that nothing more comes, and wait; its exit code, and what it had still said."""
        with suppress(BrokenPipeError):
            self.stdin.close()
        with self.stdout:
            said = self.stdout.read()
        return self.wait(), said


def _file(end: Connection, mode: str) -> TextIO:
    with end:
        return os.fdopen(os.dup(end.fileno()), mode)  # type: ignore[return-value]


def _live(
    given_in: Connection,
    given_out: Connection,
    environment: dict[str, str],
    task: Callable[..., object],
    given: tuple[object, ...],
) -> None:
    for number, end in enumerate((given_in, given_out)):
        with end:
            os.dup2(end.fileno(), number)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 - for as long as it lives
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(ROOT)
    warnings.simplefilter("error")
    warnings.filterwarnings(
        "ignore", "(open|read)_text is deprecated"
    )  # as for the tests themselves
    task(*given)
    sys.stdout.flush()


def run_lines(code: str, *given: str) -> None:
    """Run code as the interpreter would with `-c`."""
    sys.argv = ["-c", *given]
    exec(compile(code, "<lines>", "exec"), {"__name__": "__main__"})  # noqa: S102 - ours


def _born(code: str, given: tuple[object, ...]) -> Born:
    return Born(run_lines, dedent(code), *map(str, given))


def start(code: str, *given: object) -> Born:
    """Start the code with `sys.argv[1:] = given`; returns when it has printed `ready` (`CUE`)."""
    process = _born(code, given)
    assert process.heard() == "ready"
    return process


def race(*processes: Born) -> list[str]:
    """Give the cue to all at once; what each printed after it, when all have ended well."""
    for process in processes:
        process.tell()
    ended = [process.end() for process in processes]
    assert [code for code, _ in ended] == [0] * len(processes)
    return [said for _, said in ended]


def run_until_killed(code: str, *given: object) -> str:
    """Run code that ends itself with SIGKILL (`DIE`); what it printed before."""
    ended, said = _born(code, given).end()
    assert ended == -signal.SIGKILL
    return said
