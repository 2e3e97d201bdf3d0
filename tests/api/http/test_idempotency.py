"""Said again under the same name, a command is the same event; under another it is said twice."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.http.clerks import Office, office, problem

NEWS = {"purpose": "marketing/news", "channel": "email"}
STAGES = [{"stage": "lead", "win_percent": 10}, {"stage": "offer", "win_percent": 40}]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shop(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with office(tmp_path_factory.mktemp("again"), url) as shop:
        pipeline = {"pipeline": "p", "stages": STAGES, "occurred_at": "2026-01-01T00:00:00Z"}
        shop.done("/v1/pipelines", pipeline)
        shop.meet(user="u1")
        yield shop


def opening() -> dict[str, Any]:
    return {"reference": uuid4().hex, "pipeline": "p"}


def test_the_same_again_is_answered_with_the_position_that_it_has(shop: Office) -> None:
    key, body = uuid4().hex, opening()
    first = shop.done("/v1/deals", body, key=key)
    head = shop.bahi.ledger.book.head()
    assert shop.done("/v1/deals", body, key=key) == {**first, "new": False}
    win = f"/v1/deals/{first['deal']}/win"
    won = shop.done(win, {}, key=f"{key} won")
    assert shop.done(win, {}, key=f"{key} won") == {**won, "new": False}, "though it is won already"
    assert shop.done("/v1/deals", body, key=key)["position"] == first["position"]
    assert shop.bahi.ledger.book.head() == head + 1


def test_a_stage_that_was_not_said_is_the_one_that_was_the_first_then(shop: Office) -> None:
    pipeline = {"pipeline": uuid4().hex, "stages": STAGES}
    shop.done("/v1/pipelines", {**pipeline, "occurred_at": "2026-01-01T00:00:00Z"})
    key, body = uuid4().hex, {**opening(), "pipeline": pipeline["pipeline"]}
    first = shop.done("/v1/deals", body, key=key)
    late = {**pipeline, "stages": STAGES[1:], "occurred_at": "2026-02-01T00:00:00Z"}
    shop.done("/v1/pipelines", late)
    assert shop.done("/v1/deals", body, key=key) == {**first, "new": False}


def test_the_same_name_for_something_else_is_refused(shop: Office) -> None:
    key = uuid4().hex
    first = shop.done("/v1/consents/give", {"identifiers": {"user": "u1"}, **NEWS}, key=key)
    other = {"identifiers": {"user": "u1"}, **NEWS, "channel": "sms"}
    answer = shop.post("/v1/consents/give", other, key=key)
    assert problem(answer)[:2] == (409, "id-reused")
    assert answer.json()["position"] == first["position"]
    shop.meet(user="u2")
    somebody = {"identifiers": {"user": "u2"}, **NEWS}
    assert shop.refused("/v1/consents/give", somebody, key=key)[:2] == (409, "id-reused")
    assert shop.refused("/v1/deals", opening(), key=key)[:2] == (409, "id-reused")


def test_without_a_name_it_is_said_twice(shop: Office) -> None:
    body = {"identifiers": {"user": "u1"}, **NEWS}
    one, other = (shop.done("/v1/consents/give", body) for _ in range(2))
    assert (one["new"], other["new"]) == (True, True)
    assert other["position"] == one["position"] + 1


def test_every_source_has_names_of_its_own(shop: Office) -> None:
    key, body = uuid4().hex, {"identifiers": {"user": "u1"}, **NEWS}
    told = []
    for source in ("crm", "shop"):
        clerk = shop.clerk("service", source)
        heads = {"Idempotency-Key": key}
        told.append(clerk.post("/v1/consents/give", json=body, headers=heads).json())
    assert [one["new"] for one in told] == [True, True]
    assert [shop.event(one["position"]).source for one in told] == ["crm", "shop"]


@pytest.mark.parametrize("key", [b"x" * 256, b"", b"caf\xc3\xa9", b"a\tb"])
def test_a_name_is_255_printable_characters_at_the_most(shop: Office, key: bytes) -> None:
    heads = httpx.Headers([(b"Idempotency-Key", key)])
    answer = shop.clerk("agent").post("/v1/deals", json=opening(), headers=heads)
    assert problem(answer)[:2] == (422, "bad-field")
    assert answer.json()["field"] == "Idempotency-Key"
    assert shop.done("/v1/deals", opening(), key="x" * 255 if len(key) > 255 else uuid4().hex)


def test_said_by_many_at_once_it_is_one_event(shop: Office) -> None:
    key, body = uuid4().hex, opening()
    answers = shop.at_once([("/v1/deals", body, key)] * 8)
    assert {answer.status_code for answer in answers} == {201}
    told = [answer.json() for answer in answers]
    assert len({(one["position"], one["deal"]) for one in told}) == 1
    assert sorted(one["new"] for one in told) == [False] * 7 + [True]
