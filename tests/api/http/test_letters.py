"""Dead letters over HTTP: listed for whose they are, tried again with what is corrected, opened on record."""

from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest

from commands.dead_letters import RefusedItem, keep_refused
from ledger.catalogue.audit import PersonalDataOpened
from ledger.errors import BadField
from ledger.identifiers import Identifier
from ledger.settings import Settings
from tests.api.doors import here
from tests.api.http.posting import Server, event, page, server_over


def listed(server: Server, source: str, role: str = "ingest", **asked: Any) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    answer = server.get(f"/v1/dead-letters?{query}", source=source, role=role)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def again(
    server: Server, letter: object, source: str, body: Any = None, **more: Any
) -> tuple[int, Any]:
    answer = server.post(f"/v1/dead-letters/{letter}/replay", body, source=source, **more)
    return answer.status_code, answer.json()


def test_everybody_sees_their_own_a_page_at_a_time(server: Server) -> None:
    items = [
        event(f"{n}", type="nothing", identifiers={"email": "zoe@example.com"}) for n in range(5)
    ]
    server.post("/v1/events", items, source="mine")
    server.post("/v1/events", event(type="nothing"), source="theirs")
    whole = listed(server, "mine")
    assert whole["next"] is None
    assert {one["place"]["index"] for one in whole["letters"]} == set(range(5))
    some = listed(server, "mine", limit=2)
    paged = some["letters"]
    while some["next"] is not None:
        some = listed(server, "mine", limit=2, cursor=some["next"])
        paged += some["letters"]
    assert paged == whole["letters"]
    first = whole["letters"][0]
    assert first.keys() == {"id", "kept_at", "door", "place", "field", "reason"}
    assert (first["door"], first["field"]) == ("http:mine", "type")
    assert "zoe" not in orjson.dumps(whole).decode()
    doors = {one["door"] for one in listed(server, "mine", "admin", limit=500)["letters"]}
    assert {"http:mine", "http:theirs"} <= doors
    for query in ("cursor=nonsense", "cursor=bnVsbA", "cursor=WzEsMl0", "limit=0"):
        assert server.get(f"/v1/dead-letters?{query}", source="mine").status_code == 422


def test_corrected_it_is_taken_and_gone(server: Server) -> None:
    given = event("1", data={"amount_minor": 1250, "currency": "EURO"})
    server.post("/v1/events", given, source="again")
    (letter,) = server.letters("again")
    status, told = again(server, letter.id, "again")
    assert (status, told["field"]) == (422, "currency")
    status, told = again(server, letter.id, "again", {"corrections": {"data.currency.x": 1}})
    assert status == 422
    status, told = again(server, letter.id, "again", {"correction": {}})
    assert status == 422
    for depth in (40, 400, 4_000):
        deep = b'{"corrections": {"data": ' + b"[" * depth + b"]" * depth + b"}}"
        assert again(server, letter.id, "again", deep)[0] in (400, 413)
    inner = ".".join(["data", *"a" * 20])
    corrections = [
        {"data" + ".a" * 5_000: 1},
        {inner: {}, f"{inner}.b": orjson.loads(b"[" * 20 + b"]" * 20)},
    ]
    for corrected in corrections:
        status, told = again(server, letter.id, "again", {"corrections": corrected})
        assert (status, told["type"]) == (413, "/problems/too-large")
    status, told = again(server, letter.id, "another", {"corrections": {"data.currency": "EUR"}})
    assert (status, told["type"]) == (403, "/problems/foreign-scope")
    status, told = again(server, letter.id, "again", {"corrections": {"data.currency": "EUR"}})
    (found,) = server.recorded("again")
    assert (status, told) == (200, {"status": "appended", "position": found.position})
    assert found.event.data == {"amount_minor": 1250, "currency": "EUR"}
    assert not server.letters("again")
    assert again(server, letter.id, "again")[0] == 404
    server.post("/v1/events", given, source="again")
    (letter,) = server.letters("again")
    corrected = {"corrections": {"data.currency": "EUR"}}
    status, told = again(server, letter.id, "nobody", corrected, role="admin")
    assert (status, told["status"]) == (200, "duplicate")


def test_an_erasure_finds_it_however_it_names_somebody(server: Server) -> None:
    anna = b'"identifiers": {"email": "anna@example.com"}'
    inner = b'"type": "nothing", "specversion": "1.0", "id": "6", "source": "/s"'
    lines = [
        b'{"id": "1", "id": "2", %b}' % anna,
        b'{"id": NaN, %b}' % anna,
        rb'{"id": "\ud800", %b}' % anna,
        b'{"id": "\xff", %b}' % anna,
        b'{"data": {%b}, "type": "nothing"}' % anna,
        b'{%b, "data_base64": "%b"}' % (inner, b64encode(b"{%b}" % anna)),
        b'{"type": "identify", "traits": {"email": "anna@example.com"}}',
    ]
    ndjson = {"content-type": "application/x-ndjson"}
    server.post("/v1/events", b"\n".join(lines), source="found", headers=ndjson)
    claim = page("7", identifiers={"anonymous": "a", "email": "anna@example.com"})
    later = {**claim, "occurred_at": "2999-01-31T12:00:00Z"}
    assert server.post("/v1/events", later, source="found", public=True).is_error
    call = {"type": "track", "userId": "u", "messageId": "m", "long": "x" * 40_000}
    call["context"] = {"traits": {"email": "anna@example.com"}}  # type: ignore[assignment]
    server.post("/v1/batch", {"batch": [call]}, source="found")
    vault = server.bahi.ledger.vault
    letters = [vault.letter_again(one.id) for one in server.letters("found")]
    assert len(letters) == 9
    for letter in letters:
        assert Identifier("email", "anna@example.com") in letter.identifiers, letter.content[:80]


def test_each_form_is_read_again_as_it_was_read(server: Server) -> None:
    """Also the time: what came without one happened when it first came; and whom nobody trusted."""
    before = server.bahi.clock()
    track = {"type": "track", "messageId": "m", "userId": "u1"}
    server.post("/v1/batch", {"batch": [track]}, source="forms")
    cloud = {"specversion": "1.0", "id": "1", "source": "/s", "type": "nothing"}
    cloud["data"] = {"identifiers": {"user": "u1"}}  # type: ignore[assignment]
    kind = {"content-type": "application/cloudevents+json"}
    server.post("/v1/events", cloud, source="forms", headers=kind)
    claim = page("7", type="nothing", identifiers={"anonymous": "a", "user": "u1"})
    server.post("/v1/events", claim, source="forms", public=True)
    server.post(
        "/v1/events",
        b'{"id": "8",',
        source="forms",
        headers={"content-type": "application/x-ndjson"},
    )
    after = server.bahi.clock()
    letters = {one.coordinates["format"] + one.field: one.id for one in server.letters("forms")}
    assert len(letters) == 4
    corrections: dict[str, dict[str, Any]] = {
        "segmentevent": {"event": "Clicked"},
        "cloudeventtype": {"type": "page.viewed", "data.data": {"page": "pricing"}},
        "eventtype": {"type": "page.viewed"},
    }
    for name, corrected in corrections.items():
        status, told = again(server, letters[name], "forms", {"corrections": corrected})
        assert status == 200, told
    assert again(server, letters["eventitem"], "forms")[0] == 422
    tracked, viewed, claimed = server.recorded("forms")
    assert before <= tracked.event.occurred_at <= viewed.event.occurred_at <= after
    assert server.sealed(claimed)["claimed"] == {"identifiers": [["user", "u1"]]}
    assert claimed.event.customer == server.customer("anonymous", "a")


def test_what_is_opened_is_on_record_before_it_is_shown(server: Server) -> None:
    given = event("1", type="nothing", identifiers={"email": "ben@example.com"})
    server.post("/v1/events", event("0", identifiers={"email": "ben@example.com"}), source="open")
    server.post("/v1/events", given, source="open")
    (letter,) = server.letters("open")
    path = f"/v1/dead-letters/{letter.id}/open"
    head = server.bahi.ledger.book.head()
    for role in ("ingest", "service", "admin"):
        answer = server.post(path, {"reason": "I am curious"}, source="open", role=role)
        assert answer.status_code == 403
    for unsaid in ({}, {"reason": ""}, {"reason": "   "}):
        answer = server.post(path, unsaid, source="open", role="privacy_officer")
        assert answer.status_code in (400, 422)
    assert server.bahi.ledger.book.head() == head
    answer = server.post(path, {"reason": "the shop asks"}, source="open", role="privacy_officer")
    assert answer.status_code == 200
    assert orjson.loads(answer.json()["content"]) == given
    assert answer.headers["cache-control"] == "no-store"
    (told,) = server.bahi.ledger.book.read(head)
    assert told.event.type == PersonalDataOpened.TOPIC
    assert told.event.customer == server.customer("email", "ben@example.com")
    missing = f"/v1/dead-letters/{uuid4()}/open"
    assert (
        server.post(missing, {"reason": "x"}, source="open", role="privacy_officer").status_code
        == 404
    )


def test_a_row_of_a_file_says_that_it_needs_its_mapping(server: Server) -> None:
    item = RefusedItem(BadField("row", "something", "nothing"), {"row": 1}, b"{}")
    clock, ids = server.bahi.clock, server.bahi.ids
    keep_refused(server.bahi.ledger, "file:doors", [item], clock=clock, ids=ids)
    (letter,) = listed(server, "doors")["letters"]
    status, told = again(server, letter["id"], "doors")
    assert (status, told["type"]) == (400, "/problems/bad-usage")
    assert "mapping" in told["detail"]


def test_the_command_line_tries_them_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAHI_HOME", str(tmp_path / "home"))

    def run(*command: str, code: int = 0) -> Any:
        ended = here(capsys, monkeypatch, tmp_path, "dead", *command, "--json")
        assert ended.code == code, ended
        return orjson.loads(ended.out)

    def money(currency: str) -> dict[str, Any]:
        return {"amount_minor": 1250, "currency": currency}

    with server_over(Settings(home=tmp_path / "home")) as server:
        items = [event("1", data=money("EURO")), event("2", data={"currency": "EUR"})]
        server.post("/v1/events", items, source="shop")
        call = {"messageId": "m", "userId": "u1", "timestamp": "soon", "event": "x"}
        server.post("/v1/track", call, source="shop")
    listed = {one["field"]: one for one in run("list")}
    assert {(one["format"], one["index"]) for one in listed.values()} == {
        ("event", 0), ("event", 1), ("segment", None),
    }  # fmt: skip
    assert run("replay", code=3) == {"tried": 3, "taken": 0, "refused": 3}
    for field, correction in (
        ("currency", "data.currency=EUR"),
        ("amount_minor", "data.amount_minor:=1250"),
        ("timestamp", "timestamp=2026-01-31T12:00:00Z"),
    ):
        taken = run("replay", listed[field]["id"], "--set", correction)
        assert taken == {"tried": 1, "taken": 1, "refused": 0}
    assert run("list") == []
    ended = here(capsys, monkeypatch, tmp_path, "dead", "replay", str(uuid4()), "--set", "a:=b")
    assert (ended.code, "expected JSON" in ended.err) == (2, True)
