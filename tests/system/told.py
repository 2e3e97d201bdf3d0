"""The demo's story, told by `bahi demo` once in a run of the tests, for all who ask something of it."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.system.cli import BAHI, Done, Scratch

_WEIGHED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(done.returncode)
"""


def first_run(factory: pytest.TempPathFactory) -> Done:
    """How it went, through a pipe; the last line of stderr is its peak of memory in MB."""
    folder = _told(factory)
    return Done(**json.loads((folder / "done.json").read_text(encoding="utf-8")))


def copied(factory: pytest.TempPathFactory, name: str) -> Scratch:
    """A copy of what it left behind, to be looked at and gone on with."""
    scratch = Scratch(factory.mktemp(name))
    shutil.copytree(Scratch(_told(factory)).home, scratch.home)
    return scratch


def _told(factory: pytest.TempPathFactory) -> Path:
    """Where it was told, by whichever worker came first."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "the-demo"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done.json").exists():
            scratch = Scratch(folder)
            done = scratch.run_python(_WEIGHED, BAHI, "demo", "--home", scratch.home)
            told = json.dumps({"code": done.code, "out": done.out, "err": done.err})
            (folder / "done.json").write_text(told, encoding="utf-8")
    return folder
