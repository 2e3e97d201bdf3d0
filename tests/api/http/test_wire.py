"""A connection: nobody keeps one, or fills it, without a request, and nobody leaves their answer in it."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import orjson
import pytest

from api.http.running import wire
from api.wiring import Bahi
from ledger.settings import Settings
from tests.api.http.test_headers import SAID, running

_LONGEST_S = 20
_SOON_S = 0.3


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    home: Path = tmp_path_factory.mktemp("wire")
    with pytest.MonkeyPatch.context() as patched, Bahi.open(Settings(home=home)) as bahi:
        patched.setattr(wire, "HEAD_S", _SOON_S)
        patched.setattr(wire, "STUCK_S", _SOON_S)
        with running(bahi) as address:
            yield int(address.rpartition(":")[2])


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), _LONGEST_S)


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side hangs up, which it does, or the test fails."""
    came = b""
    while some := connection.recv(65_536):
        came += some
    return came


def go_on(connection: socket.socket, begun: bytes, piece: bytes, pause_s: float = 0) -> None:
    """Send without taking anything, until the other side hangs up. Raises `ConnectionError` then."""
    connection.sendall(begun)
    for _ in range(1_000):
        time.sleep(pause_s)
        connection.sendall(piece)


@pytest.mark.parametrize(
    "begun",
    [b"", b"\r\n", b"GET /healthz HTTP/1.1\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: "],
)
def test_who_sends_no_head_is_not_waited_for(port: int, begun: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(begun)
        assert rest(connection) == b""


def test_who_drips_is_not_waited_for_nor_who_goes_on_when_they_were_answered(port: int) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
    for begun, drop in ((b"GET /", b"a"), (b"", b"\r\n"), (head, b"a")):
        with connected(port) as connection, pytest.raises(ConnectionError):
            go_on(connection, begun, drop, _SOON_S / 10)


def test_an_answer_that_takes_its_time_is_not_cut_and_a_connection_is_kept(port: int) -> None:
    whole = b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n"
    with connected(port) as connection:
        for _ in range(3):
            connection.sendall(whole)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 200 OK\r\n")
            connection.settimeout(2 * _SOON_S)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(_LONGEST_S)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 1_000_000,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 200_000,
        b"GET /" + b"a" * 1_000_000,
        b"POST /v1/track HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nx: "
        + b"a" * 1_000_000,
    ],
    ids=["long", "many", "path", "behind the body"],
)
def test_what_has_no_end_is_not_kept(port: int, head: bytes) -> None:
    with connected(port) as connection, pytest.raises(ConnectionError):
        go_on(connection, head, b"a" * 20_000)


def test_what_is_no_request_is_told_so_as_everybody_is(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n")
        head, _, body = rest(connection).partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    assert status == "HTTP/1.1 400 Bad Request"
    heads = dict(line.split(": ", 1) for line in lines)
    assert heads.items() >= SAID.items()
    assert (heads["content-type"], heads["connection"]) == ("application/problem+json", "close")
    assert orjson.loads(body)["type"] == "/problems/malformed"


def test_who_takes_nothing_of_an_answer_is_gone(port: int) -> None:
    with connected(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asking = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n"
        with pytest.raises(ConnectionError):
            go_on(connection, asking, asking * 1_000)


def test_there_are_never_more_than_some(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "most_connections", lambda: 0)
    with connected(port) as connection, suppress(ConnectionError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert rest(connection) == b""
