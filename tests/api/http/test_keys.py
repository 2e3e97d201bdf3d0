"""Keys: who brings a valid one is let in, nobody else is, and no key is repeated anywhere."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from api.http import callers
from api.http.limits import Buckets
from api.wiring import Bahi
from ledger.settings import Settings
from tests.api.http.little import PAGE, Little, bearing, unread

SOON = timedelta(milliseconds=1)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Little]:
    home: Path = tmp_path_factory.mktemp("keys")
    with Bahi.open(Settings(home=home)) as bahi:
        little = Little(bahi)
        yield little
        little.close()


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(text.encode()).decode()}"}


def test_a_key_comes_as_bearer_or_as_the_user_of_basic(door: Little) -> None:
    key = door.key("ingest", source="pos")
    ways = [bearing(key), {"authorization": f"bearer  {key} "}, basic(f"{key}:"), basic(key)]
    for heads in ways:
        answer = door.ask("POST", "/v1/events", headers=heads, content=b"{}")
        assert answer.json() == {"role": "ingest", "source": "pos", "public": False, "body": 2}


def test_who_brings_no_valid_key_is_told_so_before_anything_is_read(door: Little) -> None:
    key = door.key("ingest")
    wrong: list[Mapping[str, str | bytes]] = [
        {},
        {"authorization": ""},
        {"authorization": key},
        {"authorization": "Bearer"},
        {"authorization": f"Digest {key}"},
        {"authorization": "Basic ***"},
        {"authorization": f"Basic {b64encode(bytes([0xFF, 0xFE])).decode()}"},
        {"authorization": b"Basic \xe9"},
        {"x-api-key": key},
        {"cookie": f"key={key}"},
        bearing(key[:-1]),
        bearing(key + "=") | {"origin": PAGE},
        bearing(key.replace("_sk_", "_pk_")),
        basic(f":{key}"),
        bearing("' OR 1=1 --"),
    ]
    for heads in wrong:
        answer = door.ask("POST", "/v1/events", headers=heads, content=unread())
        assert (answer.status_code, answer.json()["type"]) == (401, "/problems/no-key")
        assert answer.headers["www-authenticate"].startswith("Bearer realm=")
        assert "access-control-allow-origin" not in answer.headers


def test_a_role_that_may_not_is_told_so_before_anything_is_read(door: Little) -> None:
    answer = door.ask("POST", "/v1/events", headers=bearing(door.key("analyst")), content=unread())
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-for-this-role")


def test_a_role_that_nobody_knows_is_none(door: Little) -> None:
    assert door.post(door.key("emperor")).status_code == 401


def test_a_key_ends_when_it_expires_is_revoked_or_was_replaced(
    door: Little, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, now = door.bahi.ledger.vault, door.bahi.clock()
    assert door.post(door.key("ingest", expires_at=now - SOON)).status_code == 401
    key = door.key("ingest", source="ending")
    assert [door.post(key).status_code, door.post(key).status_code] == [200, 200]
    (one,) = (one for one in vault.api_keys() if one.source == "ending")
    new = vault.rotate(one.id, now - SOON, timedelta(0))
    monkeypatch.setattr(callers, "_FRESH_S", -1.0)  # as if a second had gone by
    assert [door.post(key).status_code, door.post(new).status_code] == [401, 200]
    vault.revoke(one.id)
    assert door.post(new).status_code == 401


# client keys


def test_a_client_key_works_from_the_pages_it_is_for_which_see_the_answer(door: Little) -> None:
    key = door.client_key(PAGE, "https://www.shop.example")
    for page in (PAGE, "https://www.shop.example"):
        answer = door.post(key, origin=page)
        assert answer.json() == {"role": "ingest", "source": "web", "public": True, "body": 2}
        assert answer.headers["access-control-allow-origin"] == page
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example", "http://shop.example", "https://shop.example:8443", "null", "*",
        "https://shop.example.evil.example", "https://evil.example/https://shop.example", "",
    ],
)  # fmt: skip
def test_from_any_other_page_it_is_refused_and_the_page_sees_nothing(
    door: Little, page: str
) -> None:
    answer = door.ask(
        "POST",
        "/v1/events",
        headers={**bearing(door.client_key(PAGE)), "origin": page},
        content=unread(),
    )
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/foreign-origin")
    assert "access-control-allow-origin" not in answer.headers


def test_without_a_page_it_is_for_what_is_no_browser(door: Little) -> None:
    pages, app = door.client_key(PAGE), door.client_key()
    assert door.post(pages).status_code == 403
    assert door.post(app).status_code == 200
    assert door.post(app, origin=PAGE).json()["type"] == "/problems/foreign-origin"


def test_a_page_can_read_that_its_visitor_calls_too_often_and_others_go_on(
    door: Little, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = door.client_key(PAGE)
    monkeypatch.setattr(door.callers, "_requests", Buckets(0.001, 1))
    assert door.post(key, origin=PAGE).status_code == 200
    answer = door.post(key, origin=PAGE)
    assert answer.status_code == 429
    assert answer.headers["access-control-allow-origin"] == PAGE
    door.address = "192.0.2.7"
    assert door.post(key, origin=PAGE).status_code == 200


def test_a_server_key_is_not_for_pages(door: Little) -> None:
    answer = door.post(door.key("service"), origin=PAGE)
    assert answer.status_code == 200  # what is on a server may say anything
    assert "access-control-allow-origin" not in answer.headers


def test_a_client_key_hands_in_and_does_nothing_else_whatever_its_role(door: Little) -> None:
    key = door.key("admin", public=True, origins=(PAGE,))
    heads = {**bearing(key), "origin": PAGE}
    answer = door.ask("GET", "/v1/views", headers=heads)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/not-for-this-role")
    assert door.ask("GET", "/v1/views", headers=bearing(door.key("admin"))).status_code == 200


def test_a_browser_that_asks_whether_it_may_is_told_for_the_public_routes(door: Little) -> None:
    asking = {"origin": PAGE, "access-control-request-method": "POST"}
    answer = door.ask("OPTIONS", "/v1/events", headers=asking)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert answer.headers["vary"] == "Origin"
    for path, heads in [
        ("/v1/views", asking),
        ("/v1/events", {"origin": PAGE}),
        ("/v1/events", {**asking, "access-control-request-method": "DELETE"}),
    ]:
        answer = door.ask("OPTIONS", path, headers=heads)
        assert answer.status_code == 405
        assert "access-control-allow-origin" not in answer.headers


# what is said of it


def test_no_key_is_in_any_log_or_answer(door: Little) -> None:
    key = door.key("ingest", source="quiet")
    heads = bearing(key)
    answers = [
        door.ask("POST", "/v1/events", headers=heads, content=b"{}"),
        door.ask("GET", "/v1/views", headers=heads),
        door.ask("GET", f"/v1/views/{key}", headers=heads),
        door.ask("GET", "/v1/views", params={"key": key}),
        door.ask("POST", "/v1/events", headers={"authorization": f"Digest {key}"}),
        door.ask("POST", "/v1/events", headers=bearing(key + "A")),
        door.ask("POST", "/v1/events", headers=basic(f"x{key}")),
    ]
    assert {answer.status_code for answer in answers} == {200, 401, 403, 404}
    told = door.log.getvalue() + "".join(a.text + str(a.headers) for a in answers)
    (known,) = (one for one in door.bahi.ledger.vault.api_keys() if one.source == "quiet")
    assert str(known.id) in told  # the search finds what is there to be found
    assert key[8:] not in told
    assert key[8:28] not in told
