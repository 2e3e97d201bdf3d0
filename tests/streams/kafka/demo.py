"""The demo's book on topics, published once in a run of the tests, for all who read there."""

from pathlib import Path

import pytest

from tests.once import once
from tests.streams.kafka.shop import opened
from tests.system.told import copied


def published_demo(factory: pytest.TempPathFactory, bootstrap: str) -> str:
    """The prefix of its topics."""

    def make(folder: Path) -> None:
        prefix = _publish(copied(factory, "topics").home, bootstrap)
        (folder / "prefix").write_text(prefix, encoding="utf-8")

    return (once(factory, "the-topics", make) / "prefix").read_text(encoding="utf-8")


def _publish(home: Path, bootstrap: str) -> str:
    with opened(home, bootstrap) as shop:
        assert shop.publish().all_out
        return shop.bahi.settings.kafka_prefix
