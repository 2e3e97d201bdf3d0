"""The real command line, run as a child process in a scratch folder of its own."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.system.nursery import bahi

ROOT = Path(__file__).parents[2]
CDNOW = ROOT / "tests" / "data" / "CDNOW_master.txt.gz"
CDNOW_MAPPING = ROOT / "tests" / "data" / "cdnow.toml"
BAHI = Path(sys.executable).with_name("bahi")


@dataclass(frozen=True)
class Done:
    """How a run ended: its exit code (negative: the signal), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Scratch:
    """A folder where runs find their ledger (`home`), their temporary files and nothing of ours."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def book(self) -> Path:
        return self.home / "book" / "book.db"

    @property
    def vault(self) -> Path:
        return self.home / "vault" / "vault.db"

    @property
    def keyring(self) -> Path:
        return self.home / "keyring" / "keyring.json"

    def environment(self) -> dict[str, str]:
        """Return what a run sees: a user far from UTC, and warnings that are errors."""
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "TZ": "Asia/Kolkata",
            "COLUMNS": "100",
            "TMPDIR": str(temporary),
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "error",
            "BAHI_HOME": str(self.home),
        }

    def run(self, *given: object, code: int = 0, stdin: str = "") -> Done:
        """Run `bahi` to its end, which has to be the exit code `code`."""
        done = self.run_command([str(bahi()), *map(str, given)], stdin=stdin)
        assert done.code == code, f"bahi {given[0]}: exit {done.code}\n{done.out}\n{done.err}"
        return done

    def run_command(self, command: Sequence[str], stdin: str = "", cwd: Path | None = None) -> Done:
        ended = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=self.environment(),
            input=stdin.encode(),
            capture_output=True,
            check=False,
        )
        return Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def start(self, *given: object) -> "subprocess.Popen[bytes]":
        """Start `bahi`, to be watched and killed; what it writes goes to `out` in the folder."""
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen(
                [str(BAHI), *map(str, given)],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def die_in(self, method: str, *given: object, call: int = 1) -> None:
        """Run `bahi` with one method that ends the process with SIGKILL when it is called.

        `method` is `module:name` or `module:Class.name`; the calls before number `call` go through.
        """
        command = [str(bahi()), "-c", _DEADLY, method, str(call), *map(str, given)]
        done = self.run_command(command)
        assert done.code == -signal.SIGKILL, f"{method}: {done}"
        assert done.err.endswith(_LAST_WORD), f"{method} was not reached: {done}"

    def run_python(self, code: str, *given: object, stdin: str = "") -> Done:
        return self.run_command([sys.executable, "-c", dedent(code), *map(str, given)], stdin)


_LAST_WORD = "it ends here\n"
_DEADLY = f"""
import importlib, os, signal, sys
module, name = sys.argv[1].split(":")
calls = int(sys.argv[2])
*path, method = name.split(".")
owner = importlib.import_module(module)
for part in path:
    owner = getattr(owner, part)
original = getattr(owner, method)

def deadly(*given, **named):
    global calls
    calls -= 1
    if calls == 0:
        os.write(2, {_LAST_WORD.encode()!r})
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*given, **named)

setattr(owner, method, deadly)
sys.argv = ["bahi", *sys.argv[3:]]
from api.cli import main
main()
"""


def first_purchases(folder: Path, count: int) -> Path:
    """Write the first purchases of the CDNOW file as a file of their own."""
    path = folder / "purchases.txt"
    path.write_bytes(b"\n".join(gzip.decompress(CDNOW.read_bytes()).splitlines()[: count + 1]))
    return path


def bytes_of(folder: Path) -> Mapping[Path, bytes]:
    """Return every file under a folder with its content."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
