"""Keys that stand in a page: whoever reads one may say what happens in a browser, and nobody believes who it is."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from commands.profile import open_profile
from tests.api.http.posting import Server, event, page

CE = {"content-type": "application/cloudevents+json"}


def claims(server: Server, source: str) -> list[Any]:
    return [server.sealed(one).get("claimed") for one in server.recorded(source)]


def test_a_page_is_known_by_the_id_that_it_made_up_and_by_nothing_else(server: Server) -> None:
    server.post("/v1/events", event("0", identifiers={"email": "anna@example.com"}), source="till")
    anna = server.customer("email", "anna@example.com")
    forged = page(
        "1",
        identifiers={"email": "anna@example.com", "anonymous": "a-7", "user": "u-anna"},
        references={"account": "acme"},
    )
    assert server.post("/v1/events", forged, source="own", public=True).status_code == 201
    (found,) = server.recorded("own")
    assert found.event.customer == server.customer("anonymous", "a-7") != anna
    assert server.customer("user", "u-anna") is None
    assert not [tag for tag in found.event.tags if tag.startswith("account:")]
    sealed = server.sealed(found)
    assert sealed["identifiers"] == [["anonymous", "a-7"]]
    assert sealed["claimed"] == {
        "identifiers": [["email", "anna@example.com"], ["user", "u-anna"]],
        "references": [["account", "acme"]],
    }


@pytest.mark.parametrize(
    ("call", "given", "topic", "claimed"),
    [
        ("track", {"event": "Clicked", "userId": "u1"}, "custom.tracked", {"identifiers": [["user", "u1"]]}),
        ("page", {"name": "pricing"}, "page.viewed", None),
        (
            "identify",
            {"userId": "u1", "traits": {"email": "anna@example.com", "plan": 2}},
            "custom.tracked",
            {
                "identifiers": [["user", "u1"], ["email", "anna@example.com"]],
                "traits": {"email": "anna@example.com", "plan": 2},
            },
        ),
        ("alias", {"userId": "u1", "previousId": "a-9"}, "custom.tracked", {"identifiers": [["user", "u1"], ["anonymous", "a-9"]]}),
        ("group", {"groupId": "acme"}, "custom.tracked", {"references": [["account", "acme"]]}),
    ],
)  # fmt: skip
def test_calls_of_a_page_name_merge_and_join_nobody(
    server: Server, call: str, given: dict[str, Any], topic: str, claimed: dict[str, Any] | None
) -> None:
    source = f"page-{call}"
    body = {
        "messageId": "m",
        "anonymousId": f"a-{call}",
        "timestamp": "2026-01-31T12:00:00Z",
        **given,
    }
    answer = server.post(f"/v1/{call}", body, source=source, public=True)
    assert answer.json() == {"success": True}
    assert "bahi-refused" not in answer.headers, server.letters(source)[0].reason
    (found,) = server.recorded(source)
    assert found.event.type == topic
    assert found.event.customer == server.customer("anonymous", f"a-{call}")
    assert claims(server, source) == [claimed]
    assert server.customer("anonymous", "a-9") is None
    if topic == "custom.tracked" and call != "track":
        assert server.sealed(found)["tracked_name"] == call


def test_what_no_browser_has_to_say_is_refused(server: Server) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        (event("1", identifiers={"anonymous": "a"}), "type"),
        (page("2", type="customer.identified", data={"email": "anna@example.com"}), "type"),
        (page("3", type="email.unsubscribed", data={}), "type"),
        (page("4", identifiers={"email": "anna@example.com"}), "identifiers.anonymous"),
        (page("5", identifiers={"anonymous": "null"}), "identifiers"),
        (page("6", identifiers={"anonymous": "a", "user": "u\0"}), "identifiers"),
    ]  # fmt: skip
    for given, field in cases:
        answer = server.post("/v1/events", given, source="no-browser", public=True)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert "anna" not in answer.text
    call = {"messageId": "m", "userId": "u1", "event": "x", "traits": {}}
    answer = server.post("/v1/track", call, source="no-browser", public=True)
    assert answer.headers["bahi-refused"] == "1"
    call |= {"anonymousId": "a", "traits": {"note": "a\0b"}}
    answer = server.post("/v1/track", call, source="no-browser", public=True)
    assert answer.headers["bahi-refused"] == "1"
    assert not server.recorded("no-browser")


def test_no_page_takes_the_id_of_what_a_server_is_about_to_send(server: Server) -> None:
    early = page("A-1")
    assert server.post("/v1/events", early, source="same", public=True).status_code == 201
    assert server.post("/v1/events", event("A-1"), source="same").status_code == 201
    assert server.post("/v1/events", early, source="same", public=True).status_code == 200
    assert [one.event.type for one in server.recorded("same")] == ["page.viewed", "order.placed"]


def test_a_page_is_not_told_how_much_there_is_in_the_book(server: Server) -> None:
    def told(path: str, body: Any) -> httpx.Response:
        return server.post(path, body, source="untold", public=True)

    call = {"messageId": "m", "anonymousId": "a", "event": "x"}
    answers = [
        told("/v1/events", page("1")),
        told("/v1/events", page("1")),
        told("/v1/events", page("1", data={"page": "home"})),
        told("/v1/events", [page("2"), page("2", data={"page": "home"})]),
        told("/v1/events?atomic=true", [page("3"), page("2", data={"page": "home"})]),
        told("/v1/events?atomic=true", [page("3")]),
        told("/v1/track", call),
    ]
    assert [one.status_code for one in answers] == [201, 200, 409, 207, 409, 200, 200]
    assert answers[0].json() == {"status": "appended"}
    for answer in answers:
        assert not re.search(r"position[^,}]*\d", answer.text), answer.text
        assert "bahi-position" not in answer.headers
    assert server.post("/v1/events", page("4"), source="untold").json()["position"]


def test_cloudevents_of_a_page_are_no_more_than_others(server: Server) -> None:
    told = page("1", identifiers={"anonymous": "a-5", "email": "anna@example.com"})
    data = {name: told[name] for name in ("identifiers", "data")}
    given = {"specversion": "1.0", "id": "1", "source": "/p", "type": "page.viewed", "data": data}
    answer = server.post("/v1/events", given, source="ce-page", public=True, headers=CE)
    assert answer.status_code == 201
    assert claims(server, "ce-page") == [{"identifiers": [["email", "anna@example.com"]]}]


def test_a_claim_is_no_part_of_who_somebody_is(server: Server) -> None:
    given = {
        "messageId": "m",
        "anonymousId": "a-6",
        "userId": "ida",
        "traits": {"email": "ida@example.com", "name": "Ida"},
    }
    server.post("/v1/identify", given, source="profile", public=True)
    visitor = server.customer("anonymous", "a-6")
    assert visitor is not None
    bahi = server.bahi
    profile = open_profile(
        bahi.ledger,
        [visitor],
        actor=uuid4(),
        purpose="service",
        reason="to see",
        clock=bahi.clock,
    )
    assert profile.identifiers == [("anonymous", "a-6")]
    assert not profile.details
