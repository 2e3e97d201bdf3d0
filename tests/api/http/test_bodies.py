"""Bodies that are packed, too long, cut or not what they say: bounded, answered, and nothing of them kept."""

import asyncio
import gzip
import resource
import socket
import time
import zlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from fastapi import Request

from api.http.bodies import body_of
from api.http.limits import Room
from api.http.problems import Problem
from ledger.settings import Settings
from tests.api.http.posting import Server, event, server_over

MIB = 1024 * 1024
NDJSON = {"content-type": "application/x-ndjson"}
BLANKS = b"\n" * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server over files: of what is not read, no store hears."""
    with server_over(Settings(home=tmp_path_factory.mktemp("server"))) as server:
        yield server


def status(server: Server, body: bytes, path: str = "/v1/events", **headers: str) -> int:
    answer = server.post(path, body, source="bodies", headers=NDJSON | headers)
    if answer.is_error:
        assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code


def test_a_body_may_be_as_long_as_it_may_be_and_no_longer(server: Server) -> None:
    assert status(server, BLANKS * 10) == 200
    assert status(server, BLANKS * 10 + b"\n") == 413
    assert status(server, BLANKS * 20) == 413
    packed = {"content-encoding": "gzip"}
    assert status(server, gzip.compress(BLANKS * 10), **packed) == 200
    assert status(server, gzip.compress(BLANKS * 10 + b"\n"), **packed) == 413


def test_of_a_body_without_an_end_no_more_is_read_than_it_may_have() -> None:
    read = 0

    async def endless() -> dict[str, Any]:
        nonlocal read
        read += 1
        return {"type": "http.request", "body": BLANKS, "more_body": True}

    app = SimpleNamespace(state=SimpleNamespace(serving=SimpleNamespace(room=Room())))
    request = Request({"type": "http", "headers": [], "app": app}, endless)
    request.state.whose = "somebody"
    with pytest.raises(Problem, match="at most 3,145,728 bytes"):
        asyncio.run(body_of(request, 3 * MIB))
    assert read == 4


def test_nobody_has_more_bodies_in_here_at_once_than_there_is_room_for(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.http.limits.Room.most", 3 * MIB)
    split = urlsplit(server.address)
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key('bodies')}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {2 * MIB}\r\n\r\n"
    )
    with socket.create_connection((split.hostname or "", split.port or 0), 30) as half:
        half.sendall(head.encode() + BLANKS)
        until = time.monotonic() + 30
        while (told := status(server, BLANKS * 2 + b"\n")) == 200:
            assert time.monotonic() < until
        assert told == 429
        assert status(server, BLANKS * 2) == 200  # there is room for that
        other = server.post("/v1/events", BLANKS * 3, source="another", headers=NDJSON)
        assert other.status_code == 200
        half.sendall(BLANKS)
        assert half.recv(12) == b"HTTP/1.1 200"
    assert status(server, BLANKS * 3) == 200


def test_a_bomb_is_unpacked_as_far_as_it_may_go(server: Server) -> None:
    packed = {"content-encoding": "gzip"}
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join([*(packer.compress(BLANKS) for _ in range(256)), packer.flush()])
    assert len(bomb) < MIB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert status(server, bomb, **packed) == 413
    assert status(server, bomb, "/v1/batch", **packed) == 400
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1_024
    twice = gzip.compress(gzip.compress(BLANKS))
    assert status(server, twice, **packed) == 207  # one line that is no JSON
    assert len(server.letters("bodies")) == 1


def test_what_is_not_packed_as_it_says_is_refused(server: Server) -> None:
    line = orjson.dumps(event("1"))
    whole = gzip.compress(line)
    packed = {"content-encoding": "gzip"}
    assert status(server, whole, **packed) == 200
    assert status(server, whole + gzip.compress(b"\n" + line), **packed) == 200  # of two members
    assert len(server.recorded("bodies")) == 1
    assert status(server, whole[:-1], **packed) == 400
    assert status(server, whole + b"more", **packed) == 400
    assert status(server, line, **packed) == 400
    assert status(server, b"", **packed) == 400
    for coding in ("br", "deflate", "gzip, gzip", "zstd"):
        assert status(server, whole, **{"content-encoding": coding}) == 415
    assert status(server, line, **{"content-encoding": "identity"}) == 200


@pytest.mark.parametrize("length", ["content-length: 500", "transfer-encoding: chunked"])
def test_a_body_that_is_cut_is_nothing(server: Server, length: str) -> None:
    line = orjson.dumps(event("cut"))
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname or "", address.port or 0)) as client:
        heads = [
            "POST /v1/events HTTP/1.1",
            "host: door",
            f"authorization: Bearer {server.key('cut')}",
            "content-type: application/x-ndjson",
            length,
        ]
        begun = line + b"\n" if "length" in length else b"%x\r\n%b\n\r\n" % (len(line) + 1, line)
        client.sendall("\r\n".join([*heads, "", ""]).encode() + begun)
    assert server.client.get(f"{server.address}/healthz").status_code == 200
    assert server.post("/v1/events", event("whole"), source="cut").is_success
    assert len(server.recorded("cut")) == 1
    assert not server.letters("cut")
