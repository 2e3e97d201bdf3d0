"""Events over HTTP: each form, each answer, and what of it is in the book when it is answered."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from api.http.serving import Serving
from api.http.writing.taking import take_together
from streams.posted import Form, Posted, Sender
from tests.api.http.posting import DAY, Server, event

NDJSON = {"content-type": "application/x-ndjson"}


def test_one_event_is_in_the_book_when_it_is_answered_and_once(server: Server) -> None:
    given = event(
        "A-1",
        identifiers={"user": "u17", "email": "Anna@Example.com"},
        references={"order": "A-1042"},
        tags={"campaign": "spring", "market": "DE"},
        correlation="6c7f1f0e-6d2e-4f53-9d0b-1f6a3c0f5e11",
    )
    first = server.post("/v1/events", given, source="one")
    (found,) = server.recorded("one")
    assert first.status_code == 201
    assert first.json() == {"status": "appended", "position": found.position}
    told = found.event
    assert (told.type, told.occurred_at, told.data) == ("order.placed", DAY, given["data"])
    assert {"campaign:spring", "market:DE"} < set(told.tags)
    assert str(told.correlation) == given["correlation"]
    assert told.customer == server.customer("email", "anna@example.com")
    assert server.sealed(found)["identifiers"] == [["user", "u17"], ["email", "anna@example.com"]]

    again = server.post("/v1/events", given, source="one")
    assert again.status_code == 200
    assert again.json() == {"status": "duplicate", "position": found.position}
    other = server.post("/v1/events", event("A-1"), source="another")
    assert other.status_code == 201
    assert len(server.recorded("one")) == 1


def test_what_came_without_a_time_happened_when_it_first_came(server: Server) -> None:
    given = event("1", occurred_at=None)
    before = server.bahi.clock()
    answers = [server.post("/v1/events", given, source="untimed") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    many = server.post(
        "/v1/events?atomic=true", [given, event("2", occurred_at=None)], source="untimed"
    )
    assert [one["status"] for one in many.json()["outcomes"]] == ["duplicate", "appended"]
    assert all(
        before <= one.event.occurred_at <= server.bahi.clock() for one in server.recorded("untimed")
    )
    reused = server.post(
        "/v1/events",
        event("1", occurred_at=None, data={"amount_minor": 1, "currency": "EUR"}),
        source="untimed",
    )
    assert reused.status_code == 409


@pytest.mark.parametrize("form", ["array", "lines"])
def test_several_are_answered_one_by_one_in_their_order(server: Server, form: str) -> None:
    source = f"several-{form}"
    items: list[Any] = [
        event("1"),
        event("2", type="order.plcaed"),
        "nothing",
        event("1"),
        event("3"),
    ]
    if form == "array":
        answer = server.post("/v1/events", items, source=source)
    else:
        lines = b"\n".join(
            [*map(orjson.dumps, items[:3]), b"", b"  ", *map(orjson.dumps, items[3:])]
        )
        answer = server.post("/v1/events", lines, source=source, headers=NDJSON)
    assert answer.status_code == 207
    told = answer.json()
    positions = [one.position for one in server.recorded(source)]
    assert (told["position"], told["appended"], told["duplicates"], told["refused"]) == (
        positions[-1], 2, 1, 2,
    )  # fmt: skip
    assert [one["status"] for one in told["outcomes"]] == [
        "appended", "refused", "refused", "duplicate", "appended",
    ]  # fmt: skip
    assert [one.get("position") for one in told["outcomes"]] == [
        positions[0], None, None, positions[0], positions[1],
    ]  # fmt: skip
    unknown, no_object = (one["problem"] for one in told["outcomes"][1:3])
    assert (unknown["type"], unknown["status"], unknown["field"]) == (
        "/problems/unknown-type",
        422,
        "type",
    )
    assert no_object["detail"] == "item: expected a JSON object, came text of 7 characters"
    kept = [(one.coordinates["index"], one.field) for one in server.letters(source)]
    assert sorted(kept) == [(1, "type"), (2, "item")]
    assert "plcaed" not in answer.text

    whole = server.post("/v1/events", [event("1"), event("3")], source=source)
    assert (whole.status_code, whole.json()["duplicates"]) == (200, 2)
    assert server.post("/v1/events", [], source=source).json()["outcomes"] == []


@pytest.mark.parametrize("packed", [False, True])
def test_thousands_in_one_request_keep_their_order(server: Server, packed: bool) -> None:
    source = f"thousands-{packed}"
    items = [event(f"{n}", identifiers={"user": f"u{n % 50}"}) for n in range(2_500)]
    body = b"\n".join(map(orjson.dumps, items))
    answer = server.post("/v1/events", body, source=source, headers=NDJSON, packed=packed)
    assert answer.status_code == 200
    positions = [one["position"] for one in answer.json()["outcomes"]]
    assert positions == sorted(positions)
    recorded = {one.position: one.event.id for one in server.recorded(source)}
    ids = [server.bahi.ledger.keyring.event_id(source, one["id"]) for one in items]
    assert [recorded[position] for position in positions] == ids


def test_one_that_is_refused_is_answered_with_its_own_problem_and_kept(server: Server) -> None:
    cases: list[tuple[dict[str, Any], int, str, str]] = [
        (event("1", type="customer.erased", data={}), 403, "reserved-type", "type"),
        (event("2", type="order.plcaed"), 422, "unknown-type", "type"),
        (event("3", data={"currency": "ZZZ", "amount_minor": 1}), 422, "bad-field", "currency"),
        (event("4", identifiers={}), 422, "bad-field", "identifiers"),
        (event("5", occurred_at="2026-01-31T12:00:00"), 422, "bad-field", "occurred_at"),
        (event("6", occurred_at="2999-01-31T12:00:00Z"), 422, "bad-field", "occurred_at"),
        (event("7", data={"currency": "EUR", "amount_minor": 1, "lines": "x" * 300_000}), 422, "bad-field", "lines"),
        (event("8", nobody="knows"), 422, "bad-field", "event"),
        (event("x" * 2_000), 413, "too-large", "message_id"),
    ]  # fmt: skip
    for given, status, kind, field in cases:
        answer = server.post("/v1/events", given, source="refused")
        told = answer.json()
        assert (answer.status_code, told["type"], told["field"]) == (
            status,
            f"/problems/{kind}",
            field,
        ), told
        assert answer.headers["content-type"] == "application/problem+json"
    assert not server.recorded("refused")
    assert sorted(one.field for one in server.letters("refused")) == sorted(
        case[3] for case in cases
    )
    taken = server.post("/v1/events", event("9"), source="refused")
    reused = server.post("/v1/events", event("9", tags={"market": "DE"}), source="refused")
    told = reused.json()
    assert (reused.status_code, told["type"]) == (409, "/problems/id-reused")
    assert told["position"] == taken.json()["position"]


def test_what_nobody_can_read_is_refused_whole_and_nothing_is_kept(server: Server) -> None:
    deep = b"[" * 10_000 + b"]" * 10_000
    cases: list[tuple[bytes, dict[str, str], int, str]] = [
        (b"", {}, 400, "malformed"),
        (b"{", {}, 400, "malformed"),
        (b'{"id": NaN}', {}, 400, "malformed"),
        (b'{"id": 1e9999999999999999999}', {}, 400, "malformed"),
        (b'{"id": "1", "id": "2"}', {}, 400, "malformed"),
        (rb'{"id": "\ud800"}', {}, 400, "malformed"),
        (b'{"id": "\xff"}', {}, 400, "malformed"),
        (b"1", {}, 400, "malformed"),
        (deep, {}, 413, "too-large"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, {}, 413, "too-large"),
        (b"{}", {"content-type": "text/html"}, 415, "unsupported-media-type"),
        (b"{}", {"content-type": "application/json; charset=latin-1"}, 415, "unsupported-media-type"),
        (b"{}", {"content-type": "application/json; a=b; Charset = utf-16; c=d"}, 415, "unsupported-media-type"),
        (b"{}", {"content-type": "application/cloudevents+avro"}, 415, "unsupported-media-type"),
        (b"{}", {"content-type": "application/cloudevents-batch+json"}, 400, "malformed"),
        (b"[]", {"content-type": "application/cloudevents+json"}, 400, "malformed"),
        (orjson.dumps([{}] * 10_001), {}, 413, "too-large"),
        (b"{}\n" * 10_001, NDJSON, 413, "too-large"),
    ]  # fmt: skip
    for body, headers, status, kind in cases:
        answer = server.post("/v1/events", body, source="unread", headers=headers)
        told = answer.json()
        assert (answer.status_code, told["type"]) == (status, f"/problems/{kind}"), (
            body[:20],
            told,
        )
    assert not server.letters("unread")
    assert not server.recorded("unread")


def test_what_a_content_type_says_besides_is_let_be(server: Server) -> None:
    for said in ('Application/JSON; charset="UTF-8"; a=b', 'application/json; a="charset=x";'):
        answer = server.post(
            "/v1/events", event(said), source="said", headers={"content-type": said}
        )
        assert answer.status_code == 201


def test_a_number_that_nobody_can_read_is_no_concern_of_the_others(server: Server) -> None:
    huge = b'{"id": "2", "data": 1e-9999999999999999999}'
    items = b"[%b,%b,%b]" % (orjson.dumps(event("1")), huge, orjson.dumps(event("3")))
    answer = server.post("/v1/events", items, source="number")
    assert [one["status"] for one in answer.json()["outcomes"]] == [
        "appended",
        "refused",
        "appended",
    ]


def test_others_are_heard_while_a_long_item_is_read(server: Server) -> None:
    items = [event(f"{n}", type="nothing", data={"long": "x" * 100_000}) for n in range(2)]
    posted = [Posted(Form.EVENT, DAY, None, orjson.dumps(one), n) for n, one in enumerate(items)]
    heard = 0

    async def listen() -> None:
        nonlocal heard
        while True:
            await asyncio.sleep(0)
            heard += 1

    async def read() -> None:
        listening = asyncio.ensure_future(listen())
        await take_together(serving, Sender("heard", None), posted, 200_000)
        listening.cancel()

    serving = Serving(server.bahi)
    try:
        asyncio.run(read())
    finally:
        serving.close()
    assert heard


def test_zero_is_refused_where_it_stands_and_nothing_of_it_is_told(server: Server) -> None:
    lines = [event("1"), event("2", identifiers={"user": "a\0b"}), event("3")]
    answer = server.post("/v1/events", lines, source="zero")
    assert [one["status"] for one in answer.json()["outcomes"]] == [
        "appended",
        "refused",
        "appended",
    ]
    assert server.letters("zero")[0].field == "identifiers"


def test_an_item_that_is_too_long_is_refused_alone_and_not_kept(server: Server) -> None:
    long = event("2", data={"lines": "x" * (1024 * 1024)})
    answer = server.post("/v1/events", [event("1"), long, event("3")], source="long")
    told = answer.json()["outcomes"]
    assert [one["status"] for one in told] == ["appended", "refused", "appended"]
    assert told[1]["problem"]["status"] == 413
    assert told[1]["problem"]["expected"] == "at most 1,048,576 bytes"
    (letter,) = server.letters("long")
    assert server.bahi.ledger.vault.letter_again(letter.id).content == b""


def test_all_or_none(server: Server) -> None:
    def atomic(*items: Any) -> Any:
        answer = server.post("/v1/events?atomic=true", list(items), source="atomic")
        return answer.status_code, answer.json()

    status, told = atomic(
        event("1"), event("2", type="order.plcaed"), event("3", tags={"market": "XX"})
    )
    assert (status, told["type"], told["field"]) == (422, "/problems/unknown-type", "type")
    assert [one["status"] for one in told["outcomes"]] == [
        "not_recorded",
        "refused",
        "not_recorded",
    ]
    status, told = atomic(
        event("1"), event("2", tags={"market": "XX"}), event("3", tags={"x": "y"})
    )
    assert status == 422
    assert [one["status"] for one in told["outcomes"]] == [
        "not_recorded",
        "not_recorded",
        "refused",
    ]
    assert not server.recorded("atomic")
    assert not server.letters("atomic")

    status, told = atomic(event("1"), event("2"), event("1"))
    assert (status, told["appended"], told["duplicates"]) == (200, 2, 1)
    status, told = atomic(event("1"), event("4"))
    assert (status, [one["status"] for one in told["outcomes"]]) == (200, ["duplicate", "appended"])
    status, told = atomic(event("5"), event("1", tags={"market": "DE"}))
    assert (status, told["type"]) == (409, "/problems/id-reused")
    assert [one["status"] for one in told["outcomes"]] == ["not_recorded", "refused"]
    status, told = atomic(event("5"), event("5", identifiers={"user": "u2"}))
    assert (status, told["came"].partition(" with ")[2]) == (409, "another identifiers")
    assert len(server.recorded("atomic")) == 3
    status, told = atomic(*(event(f"{n}") for n in range(1_001)))
    assert (status, told["expected"].partition(" of ")[0]) == (413, "at most 1,000")
    assert server.post("/v1/events?atomic=perhaps", event(), source="atomic").status_code == 422


def test_nobody_else_learns_of_it(server: Server) -> None:
    assert server.client.post(f"{server.address}/v1/events", json=event()).status_code == 401
    for role in ("analyst", "marketing", "auditor", "privacy_officer"):
        assert server.post("/v1/events", event(), source="who", role=role).status_code == 403
    assert not server.recorded("who")


def test_a_sender_of_many_connections_is_let_in_on_all_of_them_at_once(server: Server) -> None:
    heads = {"authorization": f"Bearer {server.key('crowd')}"}

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(headers=heads, base_url=server.address) as client:
            asked = (client.post("/v1/events", json=event(f"{n}")) for n in range(64))
            return [answer.status_code for answer in await asyncio.gather(*asked)]

    assert asyncio.run(all_at_once()) == [201] * 64
    assert len({one.position for one in server.recorded("crowd")}) == 64
