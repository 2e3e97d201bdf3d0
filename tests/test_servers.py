"""The test servers are real, keep what they acknowledged, are never left behind, and are never silently absent."""

import importlib.util
import shutil
import subprocess
import sys
import textwrap
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

from tests.servers import MissingServerError, Postgres, ServerError, postgres, shared
from tests.servers.node import find_node

INSTALL_LINE = "python -m pip install --require-hashes -r tests/servers/wheels.lock"
ROOT = Path(__file__).parents[1]


def test_postgres_gives_back_the_row_it_took(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as writer:
        writer.execute("CREATE TABLE touchpoint (position bigint PRIMARY KEY, body bytea)")
        writer.execute("INSERT INTO touchpoint VALUES (1, %s)", [b"\x00\xff"])
    with psycopg.connect(postgres_url) as reader:
        assert reader.execute("SELECT * FROM touchpoint").fetchall() == [(1, b"\x00\xff")]
        reader.execute("DROP TABLE touchpoint")


def test_kafka_gives_committed_records_once_and_aborted_ones_never(kafka_bootstrap: str) -> None:
    topic = f"smoke-{uuid4()}"
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    admin.create_topics([NewTopic(name=topic, num_partitions=1, replication_factor=1)])
    admin.close()

    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=topic)
    producer.init_transactions()
    for values, finish in [
        (range(10), producer.commit_transaction),
        (range(10, 15), producer.abort_transaction),
        (range(15, 20), producer.commit_transaction),
    ]:
        producer.begin_transaction()
        for value in values:
            producer.send(topic, str(value).encode())
        finish()
    producer.close()

    assert _committed(kafka_bootstrap, topic) == [*range(10), *range(15, 20)]


def _committed(bootstrap: str, topic: str) -> list[int]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    values: list[int] = []
    while consumer.position(partition) < end:
        for records in consumer.poll(timeout_ms=1000).values():
            values += [int(record.value) for record in records]
    consumer.close()
    return values


def test_a_killed_postgres_comes_back_with_its_data_on_its_port() -> None:
    with Postgres() as server:
        with psycopg.connect(server.url) as writer:
            writer.execute("CREATE TABLE kept AS SELECT 1 AS position")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url)
        server.restart()
        with psycopg.connect(server.url) as reader:
            assert reader.execute("SELECT position FROM kept").fetchall() == [(1,)]
    assert not server.folder.exists()


def test_a_server_does_not_outlive_the_process_that_started_it() -> None:
    owner = """
        import os, signal
        from tests.servers import Postgres
        server = Postgres().start()
        print(server._process.pid, server.folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", textwrap.dedent(owner)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    pid, folder = told.split()
    while psutil.pid_exists(int(pid)) or Path(folder).exists():
        time.sleep(0.05)


def test_a_run_has_one_server_of_each_kind_and_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []

    def start(running: ExitStack) -> str:
        happened.append("started")
        running.callback(happened.append, "stopped")
        return "127.0.0.1:1"

    monkeypatch.setenv(shared.DOOR, "set anew by the next line, and back by monkeypatch")
    run = shared.SharedServers({"sample": start})
    assert [shared.address("sample"), shared.address("sample")] == ["127.0.0.1:1"] * 2
    run.close()
    assert happened == ["started", "stopped"]


def test_a_server_given_by_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAHI_TEST_KAFKA", "127.0.0.1:9092")
    assert shared.address("kafka") == "127.0.0.1:9092"


@pytest.mark.parametrize("name", ["postgres", "kafka"])
def test_a_missing_server_fails_and_says_what_installs_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(f"BAHI_TEST_{name.upper()}", raising=False)
    monkeypatch.setenv(shared.DOOR, "set anew by the next line, and back by monkeypatch")
    monkeypatch.setattr(postgres, "_folders", lambda: iter(()))
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    run = shared.SharedServers()
    try:
        with pytest.raises(MissingServerError) as failure:
            shared.address(name)
    finally:
        run.close()
    assert INSTALL_LINE in str(failure.value)


def test_a_missing_node_fails_and_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda program: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(MissingServerError) as failure:
        find_node()
    assert INSTALL_LINE in str(failure.value)


def test_a_server_that_ends_at_once_says_what_its_log_says() -> None:
    with (
        pytest.raises(ServerError, match="unrecognized configuration parameter"),
        Postgres({"no_such_setting": "1"}),
    ):
        pass
