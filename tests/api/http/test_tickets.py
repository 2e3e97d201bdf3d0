"""Serving over HTTP: tickets, tasks and companies, as they are asked for and answered."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests.api.http.clerks import Office, office


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("tickets")) as shop:
        yield shop


def walked(shop: Office, path: str, steps: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """The types of the events that these steps of one thing append, one after the other."""
    found = []
    for verb, body in steps:
        before = shop.bahi.ledger.book.head()
        told = shop.done(f"{path}/{verb}", body)
        assert (told["position"], told["new"]) == (before + 1, True)
        found.append(shop.event(told["position"]).type)
    return found


def test_a_ticket_from_the_question_to_the_answer(shop: Office) -> None:
    anna = shop.meet(email="anna@example.com")
    opened = shop.done(
        "/v1/tickets",
        {
            "reference": "T-1",
            "priority": "high",
            "channel": "email",
            "topic": "invoice",
            "identifiers": {"email": "ANNA@example.com", "user": "whoever"},
            "subject": "My invoice",
            "message": "It is wrong",
            "market": "DE",
        },
    )
    event = shop.event(opened["position"])
    assert opened["customer"] == str(event.customer) == str(anna)
    assert event.data == {
        "priority": "high", "channel": "email", "topic": "invoice",
        "respond_within_minutes": 240, "resolve_within_minutes": 1440,
    }  # fmt: skip
    path = f"/v1/tickets/{opened['ticket']}"
    steps: list[tuple[str, dict[str, Any]]] = [
        ("reply", {"author": "agent", "message": "We look into it"}),
        ("assign", {"team": "billing", "assignee": str(uuid4())}),
        ("escalate", {"priority": "urgent", "reason": "deadline"}),
        ("resolve", {"resolution": "refunded", "note": "All of it"}),
        ("reopen", {"reason": "not-refunded"}),
        ("close", {"reason": "done"}),
    ]
    verbs = ["replied", "assigned", "escalated", "resolved", "reopened", "closed"]
    assert walked(shop, path, steps) == [f"ticket.{verb}" for verb in verbs]
    assert shop.refused(f"{path}/reply", {"author": "bot"})[:2] == (409, "not-allowed")
    assert shop.post("/v1/tickets/search", {"reference": "T-1"}).json() == {
        "ticket": opened["ticket"]
    }
    head = shop.bahi.ledger.book.head()
    shown = shop.clerk("auditor").get(path, params={"min_position": head}).json()
    assert [event["type"] for event in shown["events"]] == [
        "ticket.opened",
        *(f"ticket.{verb}" for verb in verbs),
    ]
    assert shown["views"]["ticket"][0]["ticket"] == opened["ticket"]


def test_nobody_is_learned_from_a_command(shop: Office) -> None:
    shop.meet(email="ben@example.com")
    named = {"email": "ben@example.com", "user": "b-77"}
    shop.done("/v1/tickets", {"reference": "T-2", "identifiers": named})
    status, _, detail = shop.refused(
        "/v1/tickets", {"reference": "T-3", "identifiers": {"user": "b-77"}}
    )
    assert (status, detail) == (404, "no customer with that user")


def test_what_is_promised_goes_by_priority_unless_it_is_said(shop: Office) -> None:
    plain = shop.done("/v1/tickets", {"reference": "T-4"})
    assert shop.event(plain["position"]).data == {
        "priority": "normal", "respond_within_minutes": 480, "resolve_within_minutes": 4320,
    }  # fmt: skip
    said = shop.done("/v1/tickets", {"reference": "T-5", "respond_within_minutes": 5})
    assert shop.event(said["position"]).data["respond_within_minutes"] == 5


def test_a_task_is_scheduled_put_off_and_done(shop: Office) -> None:
    firm = shop.done("/v1/accounts", {"reference": "A-7"})["account"]
    due = {"task_kind": "call", "due_at": "2026-03-02T09:00:00+01:00"}
    scheduled = shop.done("/v1/tasks", {"reference": "K-1", **due, "account": firm})
    assert scheduled["account"] == firm
    assert shop.event(scheduled["position"]).data["due_at"] == "2026-03-02T08:00:00Z"
    path = f"/v1/tasks/{scheduled['task']}"
    later = {**due, "due_at": "2026-03-03T09:00:00Z"}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("schedule", later),
        ("complete", {"outcome": "reached"}),
    ]
    assert walked(shop, path, steps) == ["task.scheduled", "task.completed"]
    assert shop.refused(f"{path}/schedule", later)[:2] == (409, "not-allowed")
    shown = shop.clerk("agent").get(path).json()
    assert len(shown["events"]) == 3


def test_a_company_and_who_belongs_to_it(shop: Office) -> None:
    zoe = shop.meet(email="zoe@example.com")
    made = shop.done(
        "/v1/accounts",
        {"reference": "A-1", "account_name": "Acme", "sole_trader": False, "market": "DE"},
    )
    path = f"/v1/accounts/{made['account']}"
    who = {"identifiers": {"email": "zoe@example.com"}}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("identify", {"employees": 12}),
        ("join", {**who, "role": "buyer", "job_title": "Head buyer"}),
        ("leave", {**who, "reason": "moved-on"}),
    ]
    assert walked(shop, path, steps) == ["account.identified", "member.joined", "member.left"]
    joined = shop.event(shop.done(f"{path}/join", {"customer": str(zoe)})["position"])
    assert (joined.customer, joined.tags) == (zoe, (f"account:{made['account']}",))
    assert shop.refused(f"{path}/join", {"customer": str(zoe)})[:2] == (409, "not-allowed")
    assert shop.refused(f"{path}/join", {}) == (
        422,
        "bad-field",
        "customer: expected an id, or identifiers, came neither",
    )
    trader = {"reference": "A-2", "account_name": "Anna Adler", "sole_trader": True}
    status, kind, detail = shop.refused("/v1/accounts", trader)
    assert (status, kind) == (422, "bad-field")
    assert "Adler" not in detail
