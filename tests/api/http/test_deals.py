"""Selling over HTTP: pipelines, deals and goals, as they are asked for and answered."""

import gzip
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.http.clerks import AT, Office, office, problem

PIPELINE = {
    "pipeline": "inbound",
    "currency": "EUR",
    "stages": [{"stage": "lead", "win_percent": 10}, {"stage": "offer", "win_percent": 40}],
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("deals")) as shop:
        yield laid_out(shop)


@pytest.fixture(scope="module")
def on_server(tmp_path_factory: pytest.TempPathFactory, postgres_url: str) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("deals"), postgres_url) as shop:
        yield laid_out(shop)


@pytest.fixture(params=["shop", "on_server"])
def either(request: pytest.FixtureRequest) -> Office:
    """The same on both stores."""
    shop: Office = request.getfixturevalue(request.param)
    return shop


def laid_out(shop: Office) -> Office:
    shop.done("/v1/pipelines", {**PIPELINE, "occurred_at": "2026-01-01T00:00:00Z"})
    return shop


def new_deal(shop: Office, **more: Any) -> str:
    body = {"reference": uuid4().hex, "pipeline": "inbound", **more}
    deal: str = shop.done("/v1/deals", body)["deal"]
    return deal


def test_a_deal_from_its_pipeline_to_its_end_and_on(either: Office) -> None:
    shop = either
    anna = shop.meet(email=f"{uuid4().hex}@example.com")
    firm = shop.done("/v1/accounts", {"reference": "A-1", "industry": "retail"})["account"]
    number = uuid4().hex
    opened = shop.done(
        "/v1/deals",
        {
            "reference": number,
            "pipeline": "inbound",
            "amount_minor": 1000,
            "expected_close": "2026-05-01",
            "subject": "Two chairs",
            "customer": str(anna),
            "account": "A-1",
            "campaign": "spring",
            "market": "DE",
            "occurred_at": AT,
        },
    )
    deal = opened["deal"]
    assert opened == {**opened, "new": True, "account": firm, "customer": str(anna)}
    event = shop.event(opened["position"])
    assert (event.type, event.customer, event.source) == ("deal.opened", anna, "crm")
    assert event.occurred_at.isoformat() == "2026-03-01T12:00:00+00:00"
    assert set(event.tags) == {
        f"deal:{deal}", f"account:{firm}", "campaign:spring", "market:DE",
    }  # fmt: skip
    assert event.data == {
        "pipeline": "inbound", "stage": "lead", "currency": "EUR", "amount_minor": 1000,
        "expected_close": "2026-05-01",
    }  # fmt: skip
    walk: list[tuple[str, dict[str, Any]]] = [
        ("move", {"stage": "offer"}),
        ("price", {"amount_minor": 1500, "currency": "EUR"}),
        ("lose", {"reason": "price", "competitor": "other", "note": "Too dear"}),
        ("reopen", {"stage": "lead", "reason": "call"}),
        ("win", {"reason": "price", "note": "After all"}),
    ]
    told = [shop.done(f"/v1/deals/{deal}/{verb}", body) for verb, body in walk]
    assert {one["deal"] for one in told} == {deal}
    types = [shop.event(one["position"]).type for one in told]
    assert types == [
        "deal.moved", "deal.amount_changed", "deal.lost", "deal.reopened", "deal.won",
    ]  # fmt: skip
    assert shop.event(told[2]["position"]).customer == anna, "whose deal it was"
    assert shop.post("/v1/deals/search", {"reference": number}).json() == {"deal": deal}
    shown = shop.clerk("analyst").get(
        f"/v1/deals/{deal}", params={"min_position": told[-1]["position"]}
    )
    (row,) = shown.json()["views"]["deal"]
    assert (row["state"], row["amount_minor"], row["account"]) == ("deal.won", 1500, firm)
    assert [event["type"] for event in shown.json()["events"]] == ["deal.opened", *types]
    assert "Two chairs" not in shown.text
    past = shop.clerk("analyst").get(f"/v1/deals/{deal}", params={"as_of": "2026-03-02"})
    assert [event["type"] for event in past.json()["events"]] == ["deal.opened"]


def test_a_goal_is_set_and_a_pipeline_changed(shop: Office) -> None:
    goal = {
        "goal": "spring", "metric": "leads", "target": 40,
        "period_start": "2026-04-01", "period_end": "2026-06-30", "market": "DE",
    }  # fmt: skip
    assert shop.event(shop.done("/v1/goals", goal)["position"]).type == "goal.set"
    changed = shop.done("/v1/pipelines", {**PIPELINE, "pipeline": "other", "market": "FR"})
    assert shop.event(changed["position"]).tags == ("market:FR",)
    status, kind, detail = shop.refused("/v1/goals", {**goal, "currency": "EUR"})
    assert (status, kind) == (422, "bad-field")
    assert detail == "currency: expected one for revenue, and none for what is counted, came 'EUR'"


def test_what_a_rule_forbids_says_what_it_allows_and_who_came_before(shop: Office) -> None:
    deal = new_deal(shop)
    won = shop.done(f"/v1/deals/{deal}/win", {"occurred_at": None})
    answer = shop.post(f"/v1/deals/{deal}/lose", {})
    told = answer.json()
    assert problem(answer)[:2] == (409, "not-allowed")
    assert told["expected"] == "one that is open"
    event = shop.event(won["position"])
    assert told["latest"] == {
        "position": won["position"],
        "type": "deal.won",
        "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "source": "crm",
        "actor": str(event.actor),
    }
    assert shop.refused(f"/v1/deals/{deal}/reopen", {"stage": "gone"}) == (
        409,
        "not-allowed",
        "stage: expected one of lead, offer, came 'gone'",
    )
    number = {"reference": "D-7", "pipeline": "inbound"}
    shop.done("/v1/deals", number)
    status, _, detail = shop.refused("/v1/deals", number)
    assert (status, detail[:46]) == (409, "deal: expected one that is not in the book, ca")


@pytest.mark.parametrize(
    ("path", "more", "detail"),
    [
        (f"/v1/deals/{UUID(int=7)}/win", {}, f"no deal {UUID(int=7)}"),
        ("/v1/deals/search", {"reference": "nobody's"}, "no deal of that number"),
        ("/v1/deals", {"account": "nobody's"}, "no account of that number"),
        ("/v1/deals", {"customer": str(UUID(int=7))},
         f"no customer {UUID(int=7)}; the book has no event of theirs"),
        ("/v1/deals", {"identifiers": {"email": "no@example.com", "user": "no"}},
         "no customer with that email, user"),
    ],
)  # fmt: skip
def test_what_must_be_there_is_looked_up_first(
    shop: Office, path: str, more: dict[str, Any], detail: str
) -> None:
    head = shop.bahi.ledger.book.head()
    opening = {"reference": "D-9", "pipeline": "inbound"} if path == "/v1/deals" else {}
    assert shop.refused(path, {**opening, **more}) == (404, "not-found", detail)
    assert shop.bahi.ledger.book.head() == head
    assert shop.refused("/v1/deals/search", {"reference": "D-9"})[0] == 404, "nothing was made"


SECRET = "anna@example.com"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/v1/deals", [], 422, "body"),
        ("/v1/deals", {}, 422, "reference"),
        ("/v1/deals", {"reference": SECRET, "pipeline": SECRET}, 422, "pipeline"),
        ("/v1/deals", {"reference": "D", "pipeline": "inbound", SECRET: 1}, 422, "body"),
        ("/v1/deals", {"reference": "D", "pipeline": "p", "market": SECRET}, 422, "market"),
        ("/v1/deals", {"reference": "D", "pipeline": "p", "amount_minor": 1.5}, 422, "amount_minor"),
        ("/v1/deals", {"reference": "D", "pipeline": "p", "identifiers": {SECRET: SECRET}}, 422,
         "identifiers"),
        ("/v1/deals", {"reference": "D", "pipeline": "inbound", "identifiers": {"deal": SECRET}}, 422,
         "identifiers"),
        ("/v1/deals", {"reference": "D", "pipeline": "inbound", "identifiers": {"phone": SECRET}}, 422,
         "identifiers.phone"),
        ("/v1/deals", {"reference": "D", "pipeline": "inbound", "customer": str(UUID(int=1)),
                       "identifiers": {"email": SECRET}}, 422, "customer"),
        ("/v1/deals", {"reference": "-", "pipeline": "inbound"}, 422, "deal"),
        ("/v1/deals", {"reference": "N-1", "pipeline": "inbound", "subject": SECRET}, 422, "subject"),
        ("/v1/deals", {"reference": "N-2", "pipeline": "inbound", "occurred_at": "2026-01-01"}, 422,
         "occurred_at"),
        ("/v1/deals", {"reference": "N-3", "pipeline": "inbound", "occurred_at": "2099-01-01T00:00:00Z"},
         422, "occurred_at"),
        (f"/v1/deals/{SECRET}/win", {}, 422, "deal"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_not_quoted(
    shop: Office, path: str, body: Any, status: int, field: str
) -> None:
    head = shop.bahi.ledger.book.head()
    answer = shop.post(path, body)
    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert "anna" not in answer.text
    assert shop.bahi.ledger.book.head() == head


def test_of_clerks_who_act_at_once_one_wins_and_the_others_learn_who(either: Office) -> None:
    shop = either
    deal = new_deal(shop)
    asked: list[tuple[str, Any, str | None]] = [
        (f"/v1/deals/{deal}/{verb}", {}, None) for verb in ("win", "lose") * 4
    ]
    answers = shop.at_once(asked)
    (won,) = [answer.json() for answer in answers if answer.status_code == 201]
    others = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(others) == 7
    assert {other["latest"]["position"] for other in others} == {won["position"]}
    assert {other["latest"]["type"] for other in others} == {shop.event(won["position"]).type}


def test_a_body_is_bounded_and_may_be_packed(shop: Office) -> None:
    clerk, heads = shop.clerk("agent"), {"content-type": "application/json"}
    huge = clerk.post(
        "/v1/deals", content=b'{"reference":"' + b"x" * 1024**2 + b'"}', headers=heads
    )
    assert problem(huge)[:2] == (413, "too-large")
    deep = clerk.post("/v1/deals", content=b'{"a":' * 10_000 + b"1" + b"}" * 10_000, headers=heads)
    assert problem(deep)[:2] == (400, "malformed")
    packed = gzip.compress(b'{"reference":"packed","pipeline":"inbound"}')
    answer = clerk.post("/v1/deals", content=packed, headers={**heads, "content-encoding": "gzip"})
    assert answer.status_code == 201, answer.text
