"""`bahi publish`: the topics, how far it came, and a clean end when told to stop."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.doors import Ended, clean, here, shop
from tests.streams.kafka.shop import committed

SIGNS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _signs_as_they_were() -> Iterator[None]:
    before = {sign: signal.getsignal(sign) for sign in SIGNS}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)


def test_a_book_is_published_once_and_the_command_stops_when_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kafka_bootstrap: str,
) -> None:
    folder, prefix = shop(tmp_path), f"t-{uuid4().hex[:12]}"
    given = {
        "BAHI_KAFKA": kafka_bootstrap,
        "BAHI_KAFKA_PREFIX": prefix,
        "BAHI_KAFKA_PARTITIONS": "2",
    }
    for name in (*given, "BAHI_HOME", "BAHI_KAFKA_SECURITY"):
        monkeypatch.delenv(name, raising=False)

    def run(*command: str) -> Ended:
        return here(capsys, monkeypatch, folder, *command)

    assert "no book" in run("publish", "--once").err
    assert run("import", "shop.csv", "--mapping", "shop.toml").code == 3
    unset = run("publish", "--once")
    assert (unset.code, unset.out) == (2, "")
    assert "BAHI_KAFKA: expected the brokers" in unset.err
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    done = run("publish", "--once", "--json")
    assert (done.code, json.loads(done.out)) == (
        0,
        {"head": 2, "position": 2, "rows": 2, "behind_s": 0.0, "held_back": 0},
    )
    assert len(committed(kafka_bootstrap, f"{prefix}.events")) == 2
    assert len(committed(kafka_bootstrap, f"{prefix}.customers")) == 2

    publisher = subprocess.Popen(
        [sys.executable, "-m", "tests.api", "publish"],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2]), **given},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert publisher.stderr is not None
        assert publisher.stderr.readline() == "published up to position 2; Ctrl-C stops\n"
        publisher.send_signal(signal.SIGTERM)
        out, err = publisher.communicate(timeout=60)
    finally:
        publisher.kill()
        publisher.communicate()
    assert (publisher.returncode, out, err) == (0, "", "published up to position 2 of 2\n")
