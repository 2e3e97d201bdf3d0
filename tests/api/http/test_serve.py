"""`bahi serve`: what it has answered is in the book, however it ends; what stops, stops alone."""

import http.server
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from confluent_kafka import Consumer

from api.wiring import Bahi
from ledger.settings import Settings
from tests.api.http.door import Callers, key_of, opened

_CALLERS = 8
_ENOUGH = 300


def until(true: Callable[[], object]) -> None:
    """Wait for something that is about to be."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "SQLite":
        return Settings(home=tmp_path)
    url = f"{request.getfixturevalue('postgres_url')}?schema=served_{uuid4().hex}"
    return Settings(home=tmp_path, ledger=url, vault=f"{url}_vault")


def demand_in_the_book(settings: Settings, callers: Callers) -> None:
    """Each event that was answered is there once, at the position that was told."""
    with Bahi.open(settings) as bahi:
        event_id = bahi.ledger.keyring.event_id
        found = {one.event.id: one.position for one in bahi.ledger.book.read()}
        assert len(found) == bahi.ledger.book.head()
    told = {event_id("shop", message): at for message, at in callers.answered.items()}
    assert told.items() <= found.items()


def test_what_was_answered_is_in_the_book_after_a_kill(settings: Settings) -> None:
    key = key_of(settings, "service")
    with opened(settings) as door:
        callers = Callers(door.address, key, _CALLERS)
        until(lambda: len(callers.answered) > _ENOUGH)
        door.end(signal.SIGKILL)
        callers.join()
    assert not callers.otherwise
    demand_in_the_book(settings, callers)


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Where spans can be sent."""
    came: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


def test_told_to_stop_it_ends_what_it_has_begun(
    tmp_path: Path, kafka_bootstrap: str, collector: tuple[str, list[bytes]]
) -> None:
    settings, prefix = Settings(home=tmp_path), f"served-{uuid4().hex}"
    key = key_of(settings, "service")
    at, spans = collector
    env = {
        "BAHI_KAFKA": kafka_bootstrap,
        "BAHI_KAFKA_PREFIX": prefix,
        "BAHI_KAFKA_PARTITIONS": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": at,
    }
    with opened(settings, **env) as door:
        callers = Callers(door.address, key, _CALLERS)
        until(lambda: len(callers.answered) > _ENOUGH)
        until(lambda: _published(kafka_bootstrap, f"{prefix}.events"))
        assert httpx.get(f"{door.address}/readyz").json()["amiss"] == []

        assert door.end() == 0, "".join(door.said)

        callers.join()
        assert not callers.otherwise
    demand_in_the_book(settings, callers)
    lines = [json.loads(line) for line in door.said if line.startswith("{")]
    assert {line["level"] for line in lines} == {"info"}, lines[-5:]
    assert sum(line.get("status") == 201 for line in lines) >= len(callers.answered)
    assert any(b"POST /v1/events" in one for one in spans)
    with Bahi.open(settings) as bahi:
        assert bahi.ledger.keyring.high_water.size == bahi.ledger.book.head()


def _published(bootstrap: str, topic: str) -> bool:
    given = {"bootstrap.servers": bootstrap, "group.id": uuid4().hex}
    consumer = Consumer({**given, "auto.offset.reset": "earliest", "log_level": 0})
    try:
        consumer.subscribe([topic])
        message = consumer.poll(5)
        return message is not None and message.error() is None
    finally:
        consumer.close()


def test_what_cannot_go_on_stops_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"
    settings = Settings(home=tmp_path)
    key = key_of(settings, "service")
    with opened(settings, BAHI_KAFKA=nobody) as door:
        until(lambda: httpx.get(f"{door.address}/readyz").json()["amiss"])
        assert httpx.get(f"{door.address}/readyz").json()["amiss"] == ["publishing has stopped"]
        callers = Callers(door.address, key, 1)
        until(lambda: callers.answered)
        assert door.end(signal.SIGINT) == 0
        callers.join()
    assert any('"part":"publishing"' in line for line in door.said)


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with (
            pytest.raises(AssertionError, match=f"127.0.0.1:{port}: cannot be listened on"),
            opened(Settings(home=tmp_path), "--port", port),
        ):
            pass
