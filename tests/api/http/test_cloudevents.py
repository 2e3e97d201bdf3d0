"""CloudEvents over HTTP, in each mode, and what others would smuggle in by their headers."""

import socket
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

import orjson

from tests.api.http.posting import DAY, Server, event

CE = {
    "ce-specversion": "1.0",
    "ce-id": "7",
    "ce-source": "/shop",
    "ce-type": "order.placed",
    "ce-time": "2026-01-31T12:00:00Z",
}
DATA = {name: event()[name] for name in ("identifiers", "data")}


def structured(**given: Any) -> dict[str, Any]:
    return {name.removeprefix("ce-"): text for name, text in CE.items()} | {"data": DATA} | given


def test_all_modes_are_the_same_event(server: Server) -> None:
    assert server.post("/v1/events", DATA, source="modes", headers=CE).status_code == 201
    kind = {"content-type": "application/cloudevents+json; charset=utf-8"}
    assert server.post("/v1/events", structured(), source="modes", headers=kind).status_code == 200
    batch = {"content-type": "application/cloudevents-batch+json"}
    others = [structured(), structured(id="8"), structured(id="9", type="nothing")]
    answer = server.post("/v1/events", others, source="modes", headers=batch)
    assert answer.status_code == 207
    assert [one["status"] for one in answer.json()["outcomes"]] == [
        "duplicate",
        "appended",
        "refused",
    ]
    first, second = server.recorded("modes")
    assert (first.event.occurred_at, first.event.data) == (DAY, second.event.data)
    assert first.event.customer == second.event.customer == server.customer("user", "u1")
    (letter,) = server.letters("modes")
    assert (letter.coordinates["format"], letter.coordinates["index"]) == ("cloudevent", 2)


def test_text_in_headers_is_what_stands_after_the_percent(server: Server) -> None:
    heads = CE | {"ce-id": "%C3%BC%20%22%25%22"}
    assert server.post("/v1/events", DATA, source="percent", headers=heads).status_code == 201
    kind = {"content-type": "application/cloudevents+json"}
    body = structured(id='ü "%"')
    assert server.post("/v1/events", body, source="percent", headers=kind).status_code == 200
    for quoted in ('"%C3%BC \\"%25\\""', r'"\%C3%BC%20\%22%25%22"'):
        heads = CE | {"ce-id": quoted}
        assert server.post("/v1/events", DATA, source="percent", headers=heads).status_code == 200
    assert len(server.recorded("percent")) == 1


def test_data_come_from_one_place(server: Server) -> None:
    other = b64encode(orjson.dumps({**DATA, "identifiers": {"user": "other"}})).decode()
    heads = CE | {"ce-data_base64": other, "ce-data": "{}"}
    assert server.post("/v1/events", DATA, source="place", headers=heads).status_code == 201
    assert server.recorded("place")[0].event.customer == server.customer("user", "u1")
    kind = {"content-type": "application/cloudevents+json"}
    body = structured(id="8", data_base64=other)
    answer = server.post("/v1/events", body, source="place", headers=kind)
    assert (answer.status_code, answer.json()["came"]) == (422, "both")
    body = structured(id="8", data_base64=other, data=None)
    assert server.post("/v1/events", body, source="place", headers=kind).status_code == 201
    assert server.recorded("place")[1].event.customer == server.customer("user", "other")


def test_odd_headers_are_refused(server: Server) -> None:
    odd: list[tuple[list[bytes], int]] = [
        ([b"ce-id: \xff\xfe"], 400),
        ([b"ce-id: %ff"], 400),
        ([b"ce-id: 8", b"ce-id: 9"], 400),
        ([b"ce-id:"], 422),
        ([b"ce-id: a\x00b"], 400),
        ([b"ce-id: a%00b"], 201),  # it goes into a digest, and nowhere else
        ([b"ce-id: a\r\n b"], 400),
        ([b"ce-\xff: 8"], 400),
        ([b"ce-id: 8", b"ce-specversion: 0.3"], 422),
        ([b"ce-id: " + b"x" * 2_000], 413),
        ([b"ce-id: 8", b"ce-correlation: nobody"], 422),
        ([b"ce-id: 8", b"ce-time: soon"], 422),
        ([b"ce-id: 8", b"ce-source: /bahi/events"], 422),
        ([b"ce-id: 8", b"ce-type: customer.erased"], 403),
    ]
    for lines, status in odd:
        assert _answered(server, lines) == status, lines
    assert len(server.recorded("odd")) == 1


def _answered(server: Server, lines: list[bytes]) -> int:
    """The status for an event with these lines for its headers of the same names; no client sends such."""
    names = {"ce-id", *(line.partition(b":")[0].decode("latin-1") for line in lines)}
    body = orjson.dumps(DATA)
    heads = {
        "host": "door",
        "authorization": f"Bearer {server.key('odd')}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "connection": "close",
        **{name: text for name, text in CE.items() if name not in names},
    }
    whole = [
        b"POST /v1/events HTTP/1.1",
        *(f"{name}: {text}".encode() for name, text in heads.items()),
    ]
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname or "", address.port or 0)) as client:
        client.sendall(b"\r\n".join([*whole, *lines, b"", body]))
        return int(client.makefile("rb").readline().split()[1])
