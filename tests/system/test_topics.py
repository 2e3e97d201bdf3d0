"""The demo and the purchases of CDNOW on topics: each event once, in order of its key, and as the book has it."""

import shutil
from pathlib import Path

import pytest

from tests.soak.streams.published import Ledger, audit
from tests.system.cli import CDNOW, CDNOW_MAPPING
from tests.system.told import copied
from tests.system.topics import Streaming


def _types(ledger: Ledger) -> set[str]:
    return {record.said["ce_type"] for record in ledger.topics["events"].records}


def test_the_demo_is_published(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str
) -> None:
    scratch = Streaming(tmp_path / "scratch", kafka_bootstrap)
    shutil.copytree(copied(tmp_path_factory, "published").home, scratch.home)
    told = scratch.publish()
    ledger = scratch.ledger()
    assert told["head"] == told["position"] == told["rows"] == len(ledger.rows)
    assert audit(ledger) == []
    assert len(ledger.topics["events"].records) > 50_000
    assert len({record.partition for record in ledger.topics["events"].records}) == 12
    assert len(_types(ledger)) > 40
    assert min(len(ledger.topics[name].latest) for name in ("customers", "consents", "deals")) > 50

    before = {name: len(topic.records) for name, topic in ledger.topics.items()}
    scratch.publish()  # says again who publishes, and nothing else
    again = {name: len(topic.records) for name, topic in scratch.ledger().topics.items()}
    assert again == {**before, "publisher": again["publisher"]}


@pytest.mark.soak
def test_the_purchases_of_cdnow_are_published(tmp_path: Path, kafka_bootstrap: str) -> None:
    scratch = Streaming(tmp_path, kafka_bootstrap)
    scratch.run("import", CDNOW, "--mapping", CDNOW_MAPPING)
    scratch.publish()
    ledger = scratch.ledger()
    assert audit(ledger) == []
    orders = ledger.topics["events"].records
    assert len(orders) == 69_659
    assert sum(record.json["data"]["amount_minor"] for record in orders) == 250_031_563
    assert len({record.key for record in orders}) == 23_570
    assert len(ledger.topics["customers"].latest) == 23_570
