"""What every test may ask for."""

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import hypothesis
import psutil
import psycopg
import pytest

from tests.servers import shared

# How long an example takes says nothing here; in CI the same commit gets the same examples.
hypothesis.settings.register_profile(
    "bahi",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("bahi")


for name in ("COLUMNS", "LINES"):
    os.environ.pop(
        name, None
    )  # readline leaves them behind; a page in a test is as wide as it likes


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        atexit.register(_say_no_more)
    else:  # not one of the workers: the process that began the run
        config.add_cleanup(shared.SharedServers().close)
        _keep_files_in_memory(config)


_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system, and the folder in it is our own
_ROOM_BYTES = 6 * 2**30
_FAILED = pytest.StashKey[bool]()


def _keep_files_in_memory(config: pytest.Config) -> None:
    """Have temporary files in memory, where the system offers it, there is room, and no other place was asked for.

    Only a power cut could tell the difference, and every commit of every test would wait for a disk; a long campaign
    does wait for it. They go with the run, unless something failed: then they stay, to be looked at, until the next.
    """
    asked = "TMPDIR" in os.environ or config.option.basetemp or config.option.markexpr == "soak"
    if asked or not _MEMORY.is_dir():
        return
    if min(shutil.disk_usage(_MEMORY).free, psutil.virtual_memory().available) < _ROOM_BYTES:
        return
    for left in _MEMORY.glob("bahi-tests-*-*"):
        if not psutil.pid_exists(int(left.name.split("-")[2])):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"bahi-tests-{os.getpid()}-", dir=_MEMORY)
    os.environ["TMPDIR"] = tempfile.tempdir = folder

    def clear() -> None:
        if not config.stash.get(_FAILED, False):
            shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(clear)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_FAILED] = exitstatus == pytest.ExitCode.TESTS_FAILED


def _say_no_more() -> None:
    """DuckDB's binding complains of itself as a worker exits, when every result has been told."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: a worker that has done its part takes over from the end of the other's."""
    items.sort(key=lambda item: "/system/" not in item.nodeid)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give each worker an empty database of its own on the run's PostgreSQL."""
    server = shared.address("postgres")
    name = f"bahi_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """Give the address of the run's Kafka; all workers share its topics, so a test makes up their names."""
    return shared.address("kafka")
