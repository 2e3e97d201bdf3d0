"""`bahi consume`: messages of others in the book, and what was refused of them tried again."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.doors import Ended, clean, here
from tests.streams.kafka.sender import Sent, event, headers, send, topic

SIGNS = (signal.SIGINT, signal.SIGTERM)
MAPPING = """
source = "till"
[event]
type = "order.placed"
occurred_at = "when"
[identifiers]
user = "who"
[fields]
amount_minor = "minor"
currency = { value = "EUR" }
"""


@pytest.fixture(autouse=True)
def _signs_as_they_were() -> Iterator[None]:
    before = {sign: signal.getsignal(sign) for sign in SIGNS}
    yield
    for sign, handler in before.items():
        signal.signal(sign, handler)


def test_messages_are_consumed_and_the_refused_tried_again(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kafka_bootstrap: str,
) -> None:
    given = {"BAHI_KAFKA": kafka_bootstrap, "BAHI_KAFKA_PREFIX": f"t-{uuid4().hex[:12]}"}
    for name in (*given, "BAHI_HOME", "BAHI_KAFKA_SECURITY", "BAHI_KAFKA_PARTITIONS"):
        monkeypatch.delenv(name, raising=False)

    def run(*command: str) -> Ended:
        return here(capsys, monkeypatch, tmp_path, *command)

    (tmp_path / "till.toml").write_text(MAPPING)
    assert "BAHI_KAFKA: expected the brokers" in run("consume", "orders").err
    assert not (tmp_path / ".bahi").exists()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    other = run("consume", "orders", "--mapping", "till.toml", "--source", "shop")
    assert (other.code, "--source: expected till" in other.err) == (2, True)
    assert run("consume", "orders", "--format", "mapping").code == 2

    late = headers("2", ce_time="2099-01-01T00:00:00Z")
    row = {"when": "2026-01-02T03:04:05Z", "who": "u9", "minor": "12,5"}
    with topic(kafka_bootstrap) as events, topic(kafka_bootstrap) as rows:
        send(kafka_bootstrap, events, [event(1, "u1"), Sent(event(2).value, late)])
        send(kafka_bootstrap, rows, [Sent(json.dumps(row).encode())])
        taken = run("consume", events, "--source", "shop", "--once", "--json")
        counts = {"read": 2, "appended": 1, "duplicates": 0, "refused": 1}
        assert (taken.code, json.loads(taken.out)) == (3, {**counts, "waiting": {f"{events}/0": 0}})
        said = run("consume", rows, "--mapping", "till.toml", "--once")
        assert said.code == 3
        assert said.out == (
            "1 read, 0 appended, 0 known before, 1 refused: `bahi dead list` says why\n"
        )
        assert run("consume", events, "--source", "shop", "--once").code == 0

        dead = json.loads(run("dead", "list", "--json").out)
        assert [(one["door"], one["topic"], one["offset"]) for one in dead] == [
            ("kafka:shop", events, 1),
            ("kafka:till", rows, 0),
        ]
        assert f"{events}/0/1" in run("dead", "list").out
        late_one, row_one = (one["id"] for one in dead)
        shown = run("dead", "show", late_one, "--reason", "mending").out
        assert shown.startswith('{"topic":')
        assert shown.splitlines()[1].encode() == event(2).value

        assert json.loads(run("dead", "replay", "--json").out) == {
            "tried": 1, "taken": 0, "refused": 1,
        }  # fmt: skip
        assert run("dead", "replay", row_one).code == 2
        at = "ce_time=2026-01-02T03:04:05Z"
        assert run("dead", "replay", late_one, "--set", at).code == 0
        assert run("dead", "replay", row_one, "-m", "till.toml", "--set", "minor=1250").code == 0
        assert json.loads(run("dead", "list", "--json").out) == []
        orders = "SELECT count(*) FROM events WHERE type = 'order.placed'"
        assert "3" in run("sql", orders).out

        consumer = subprocess.Popen(
            [sys.executable, "-m", "tests.api", "consume", events],
            cwd=tmp_path,
            env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2]), **given},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert consumer.stderr is not None
            assert consumer.stderr.readline().endswith("; Ctrl-C stops\n")
            consumer.send_signal(signal.SIGTERM)
            out, err = consumer.communicate(timeout=60)
        finally:
            consumer.kill()
            consumer.communicate()
        assert (consumer.returncode, out, err) == (
            0, "0 read, 0 appended, 0 known before\n", "",
        )  # fmt: skip
