"""Real processes for tests: each runs a few lines of Python in the project, and waits for its cue."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
CUE = "import sys; print('ready', flush=True); sys.stdin.readline()\n"
DIE = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"


def start(code: str, *given: object) -> subprocess.Popen[str]:
    """Start the code with `sys.argv[1:] = given`; returns when it has printed `ready` (`CUE`)."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", dedent(code), *map(str, given)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def race(*processes: subprocess.Popen[str]) -> list[str]:
    """Give the cue to all at once; what each printed after it, when all have ended well."""
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return printed


def run_until_killed(code: str, *given: object) -> str:
    """Run code that ends itself with SIGKILL (`DIE`); what it printed before."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", dedent(code), *map(str, given)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == -9
    return ended.stdout
