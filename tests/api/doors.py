"""A small shop's book for tests of the command line, and two ways to run a command on it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.cli import main
from tests.system.nursery import bahi

MAPPING = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
user = "who"
email = "mail"
[references]
order = "no"
[fields]
amount_minor = { column = "total", money = {} }
currency = "currency"
note = "note"
"""
ROWS = """no,who,mail,when,total,currency,note
1,u1,zoe@example.com,2026-01-02T03:04:05Z,12.50,EUR,hello
2,u2,,2026-01-03T03:04:05Z,7.00,EUR,zanna
3,u1,,soon,12.50,EUR,zanna
4,u1,bad-mail,2026-01-02T03:04:05Z,12.50,EUR,zanna
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def shop(folder: Path) -> Path:
    """The files of the shop, in a folder."""
    (folder / "shop.toml").write_text(MAPPING)
    (folder / "shop.csv").write_text(ROWS)
    (folder / "names.txt").write_text("not TOML\n")
    return folder


def process(folder: Path, *command: str, **env: str) -> Ended:
    """Run a command in a process of its own, its output piped."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.api", *command],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2]), **env},
        capture_output=True,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def newborn(folder: Path, *command: str, **env: str) -> Ended:
    """The same by a process that has it all loaded; its pages are a hundred columns wide."""
    ended = subprocess.run(
        [bahi(), *command], cwd=folder, env={**clean(), **env}, capture_output=True, check=False
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def clean() -> dict[str, str]:
    """The environment, without what changes where and how a command works."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("BAHI_") and name not in {"COLUMNS", "FORCE_COLOR", "TERM"}
    }


def here(
    capsys: pytest.CaptureFixture[str],
    patch: pytest.MonkeyPatch,
    folder: Path,
    *command: str,
    by: str | None = None,
) -> Ended:
    """Run a command in this process, in that folder; as somebody, or as whoever runs the tests."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["bahi", *command])
    with pytest.raises(SystemExit) as ended:
        main(by)
    printed = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return Ended(ended.value.code, printed.out, printed.err)
