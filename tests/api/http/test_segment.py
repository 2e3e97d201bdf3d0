"""Segment's calls over HTTP, as its clients send them and as they may be sent by anybody."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from tests.api.http.posting import DAY, Server

SENT = "2026-01-31T12:00:00.000Z"
CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("identify", {"traits": {"name": "Anna", "email": "anna@example.com"}}, "customer.identified", "email"),
    ("track", {"event": "Clicked", "properties": {"on": "buy", "price": 1.5}}, "custom.tracked", "tracked_name"),
    ("page", {"name": "pricing", "context": {"ip": "192.0.2.7"}}, "page.viewed", "ip"),
    ("screen", {"name": "home", "properties": {"url": "app://home"}}, "page.viewed", "url"),
    ("group", {"groupId": "acme"}, "member.joined", "references"),
    ("alias", {"previousId": "a-9"}, "customer.updated", "identifiers"),
]  # fmt: skip


def call(message_id: str = "m-1", **given: Any) -> dict[str, Any]:
    return {"messageId": message_id, "userId": "u1", "timestamp": SENT, **given}


def basic(key: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}


@pytest.mark.parametrize(("name", "given", "topic", "sealed"), CALLS)
def test_each_call_is_in_the_book_when_it_is_answered_and_once(
    server: Server, name: str, given: dict[str, Any], topic: str, sealed: str
) -> None:
    source = f"segment-{name}"
    headers = basic(server.key(source))
    for path in (name, name[0]):
        answer = server.post(f"/v1/{path}", call(**given), source=source, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert "bahi-refused" not in answer.headers
    (found,) = server.recorded(source)
    assert (found.event.type, found.event.occurred_at) == (topic, DAY)
    assert found.event.customer == server.customer("user", "u1")
    assert sealed in server.sealed(found)
    assert answer.headers["bahi-position"] == str(found.position)


def test_a_batch_is_taken_with_what_it_says_for_all(server: Server) -> None:
    calls = [{"type": name, **call(f"m-{name}"), **given} for name, given, _, _ in CALLS] + [
        {"type": "track", **call("m-own"), "event": "x", "context": {"ip": "198.51.100.1"}},
    ]
    batch = {"batch": calls, "sentAt": SENT, "context": {"ip": "203.0.113.5", "userAgent": "B/1"}}
    for path in ("/v1/batch", "/v1/b"):
        answer = server.post(path, batch, source="batch", packed=True)
        assert answer.json() == {"success": True}
    found = server.recorded("batch")
    assert [one.event.type for one in found] == [*(case[2] for case in CALLS), "custom.tracked"]
    page, screen = server.sealed(found[2]), server.sealed(found[3])
    assert (page["ip"], page["user_agent"]) == ("192.0.2.7", "B/1")
    assert (screen["ip"], screen["user_agent"]) == ("203.0.113.5", "B/1")


def test_the_same_key_may_stand_in_the_body(server: Server) -> None:
    key = server.key("written")
    plain = {"content-type": "text/plain"}  # as browsers send it that ask nobody first
    tracked = call("m-1", event="x", writeKey=key)
    batch = {"writeKey": key, "batch": [{"type": "track", **call("m-2", event="x")}]}
    for path, told in (("track", tracked), ("t", tracked), ("batch", batch), ("b", batch)):
        body = orjson.dumps(told)
        answer = server.client.post(f"{server.address}/v1/{path}", content=body, headers=plain)
        assert answer.json() == {"success": True}
    assert len(server.recorded("written")) == 2
    nobodys: list[Any] = [{"writeKey": "bahi_sk_wrong"}, {"writeKey": 1}, {}, []]
    for wrong in nobodys:
        answer = server.client.post(f"{server.address}/v1/batch", json=wrong)
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/no-key")
    # Of whom nobody knows yet who it is, no more is read than of anybody.
    long = b'{"writeKey": "' + b"x" * 600_000
    answer = server.client.post(f"{server.address}/v1/batch", content=long)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/too-large")
    answer = server.client.post(f"{server.address}/v1/events", json={"writeKey": key})
    assert answer.status_code == 401


def test_whose_clock_is_wrong_is_believed_how_long_it_waited(server: Server) -> None:
    now = server.bahi.clock()

    def at(moment: datetime) -> str:
        return moment.isoformat()

    slow, fast = now - timedelta(days=400), now + timedelta(days=400)
    told: list[dict[str, Any]] = [
        {"timestamp": at(now - timedelta(hours=2)), "sentAt": at(now)},
        {"timestamp": at(slow - timedelta(hours=2)), "sentAt": at(slow)},
        {"originalTimestamp": at(fast - timedelta(hours=2)), "sentAt": at(fast), "timestamp": None},
        {"timestamp": None, "receivedAt": at(fast)},
    ]
    for index, given in enumerate(told):
        body = {**call(f"m-{index}", event="x"), **given}
        for _ in range(2):  # the second time with later clocks, and the same all the same
            answer = server.post("/v1/track", body, source="clocks")
            assert "bahi-refused" not in answer.headers, server.letters("clocks")[0].reason
    found = [one.event.occurred_at for one in server.recorded("clocks")]
    assert found[0] == now - timedelta(hours=2)
    near = timedelta(seconds=60)
    assert all(abs(one - (now - timedelta(hours=2))) < near for one in found[1:3])
    assert now <= found[3] < now + near


def test_sent_again_it_is_the_same_whichever_clock_it_was_told_by(server: Server) -> None:
    now = server.bahi.clock()
    late = {"timestamp": (now - timedelta(hours=2)).isoformat()}
    for waited in (timedelta(minutes=5), timedelta(0), timedelta(minutes=3)):
        body = {**call(event="x"), **late, "sentAt": (now - waited).isoformat()}
        answer = server.post("/v1/track", body, source="delayed")
        assert "bahi-refused" not in answer.headers
    assert len(server.recorded("delayed")) == 1


def test_what_is_refused_is_answered_as_taken_and_kept(server: Server) -> None:
    calls: list[Any] = [
        {"type": "track", **call("m-1", event="x")},
        {"type": "dance", **call("m-2")},
        "nothing",
        {"type": "track", **call("m-4", event="x", properties={"long": "x" * 40_000})},
        {"type": "track", **call("m-5", event="x", userId=None)},
        {"type": "track", **call("m-6", event="x")},
    ]
    answer = server.post("/v1/batch", {"batch": calls}, source="some")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert answer.headers["bahi-refused"] == "4"
    assert len(server.recorded("some")) == 2
    assert answer.headers["bahi-position"] == str(server.recorded("some")[-1].position)
    kept = sorted(
        (one.coordinates["index"], one.field, one.coordinates["format"])
        for one in server.letters("some")
    )
    assert kept == [
        (1, "type", "segment"), (2, "item", "segment"), (3, "item", "segment"),
        (4, "identifiers", "segment"),
    ]  # fmt: skip


def test_what_passes_a_limit_or_is_no_json_is_400(server: Server) -> None:
    tracked = {"type": "track", **call(event="x")}
    cases: list[tuple[str, Any, str]] = [
        ("track", b"{", "malformed"),
        ("track", b"[]", "malformed"),
        ("track", b"\xff", "malformed"),
        ("track", call(event="x" * 33_000), "too-large"),
        ("track", b"[" * 10_000, "too-large"),
        ("batch", {"batch": {}}, "malformed"),
        ("batch", {}, "malformed"),
        ("batch", {"batch": [tracked] * 2_501}, "too-large"),
        ("batch", {"batch": [{**tracked, "properties": {"long": "x" * 20_000}}] * 26}, "too-large"),
    ]
    for path, body, kind in cases:
        answer = server.post(f"/v1/{path}", body, source="limits")
        assert (answer.status_code, answer.json()["type"]) == (400, f"/problems/{kind}"), body[:20]
    assert not server.recorded("limits")
    assert not server.letters("limits")


def test_calls_without_an_id_are_each_another(server: Server) -> None:
    bodies = [{"type": "track", **call(given, event="x")} for given in ("", " ")]
    del bodies[0]["messageId"]
    for _ in range(2):
        server.post("/v1/batch", {"batch": bodies}, source="unnamed")
    assert len(server.recorded("unnamed")) == 4
    assert datetime.now(UTC) > server.recorded("unnamed")[0].recorded_at
