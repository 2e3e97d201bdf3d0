"""The demo's book on topics, published once in a run of the tests, for all who read there."""

import fcntl
import os
from pathlib import Path

import pytest

from tests.streams.kafka.shop import opened
from tests.system.told import copied


def published_demo(factory: pytest.TempPathFactory, bootstrap: str) -> str:
    """The prefix of its topics; by whichever worker came first."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "the-topics"
    folder.mkdir(exist_ok=True)
    prefix = folder / "prefix"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not prefix.exists():
            prefix.write_text(_publish(copied(factory, "topics").home, bootstrap), encoding="utf-8")
    return prefix.read_text(encoding="utf-8")


def _publish(home: Path, bootstrap: str) -> str:
    with opened(home, bootstrap) as shop:
        assert shop.publish().all_out
        return shop.bahi.settings.kafka_prefix
