"""Stories told by `bahi` once in a run of the tests, for all who ask something of them."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.once import once
from tests.system.cli import BAHI, Done, Scratch
from tests.system.pages import README, run_page

_WEIGHED = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
sys.exit(done.returncode)
"""


def first_run(factory: pytest.TempPathFactory) -> Done:
    """How the demo went, through a pipe; the last line of stderr is its peak of memory in MB."""
    return _said(_told(factory, "the-demo", _demo))["demo"]


def copied(factory: pytest.TempPathFactory, name: str) -> Scratch:
    """A copy of what the demo left behind, to be looked at and gone on with."""
    return _copied(factory, name, _told(factory, "the-demo", _demo))


def readme(factory: pytest.TempPathFactory) -> Mapping[str, Done]:
    """What each line of the README said."""
    return _said(_told(factory, "the-readme", _readme))


def purchases(factory: pytest.TempPathFactory, name: str) -> Scratch:
    """A copy of what the README leaves behind: the purchases of CDNOW and nothing else."""
    return _copied(factory, name, _told(factory, "the-readme", _readme))


def _demo(scratch: Scratch) -> Mapping[str, Done]:
    return {"demo": scratch.run_python(_WEIGHED, BAHI, "demo", "--home", scratch.home)}


def _readme(scratch: Scratch) -> Mapping[str, Done]:
    ran = run_page(README, scratch)
    assert [*(scratch.folder / "tmp").iterdir()] == []
    return ran


def _copied(factory: pytest.TempPathFactory, name: str, told: Path) -> Scratch:
    scratch = Scratch(factory.mktemp(name))
    shutil.copytree(Scratch(told).home, scratch.home)
    return scratch


def _said(told: Path) -> Mapping[str, Done]:
    lines = json.loads((told / "done.json").read_text(encoding="utf-8"))
    return {line: Done(**done) for line, done in lines.items()}


def _told(
    factory: pytest.TempPathFactory, name: str, tell: Callable[[Scratch], Mapping[str, Done]]
) -> Path:
    """Where it was told."""

    def make(folder: Path) -> None:
        said = {line: vars(done) for line, done in tell(Scratch(folder)).items()}
        (folder / "done.json").write_text(json.dumps(said), encoding="utf-8")

    return once(factory, name, make)
