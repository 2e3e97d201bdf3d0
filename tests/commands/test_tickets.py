"""Tickets and tasks: each step from each state, and what a priority promises."""

from typing import Any

import pytest

from commands.tickets import PROMISED_MINUTES, promised
from ledger import catalogue
from ledger.catalogue.service import TicketOpened
from tests.commands.judging import ALLOWED, Said, judged

STATES: dict[str, list[Said]] = {
    "new": [],
    "open": [(1, "ticket.opened", {}), (2, "ticket.replied", {"author": "agent"})],
    "resolved": [(1, "ticket.opened", {}), (3, "ticket.resolved", {})],
    "reopened": [
        (1, "ticket.opened", {}),
        (3, "ticket.resolved", {}),
        (4, "ticket.reopened", {}),
        (4, "ticket.assigned", {"team": "billing"}),
    ],
    "closed": [(1, "ticket.opened", {}), (3, "ticket.closed", {})],
    "closed, told late": [(3, "ticket.closed", {}), (1, "ticket.opened", {})],
}
CAME = {
    "new": "that is not in the book",
    "open": "that was opened on 2026-03-01 at position 1",
    "resolved": "that was resolved on 2026-03-03 at position 2",
    "reopened": "that was reopened on 2026-03-04 at position 3",
    "closed": "that was closed on 2026-03-03 at position 2",
    "closed, told late": "that was closed on 2026-03-03 at position 1",
}
STEPS: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("ticket.opened", {"priority": "high"}, ["new"], "not in the book"),
    ("ticket.replied", {"author": "bot"}, ["open", "resolved", "reopened"], "open or resolved"),
    ("ticket.assigned", {"team": "billing"}, ["open", "reopened"], "open"),
    ("ticket.escalated", {"priority": "urgent"}, ["open", "reopened"], "open"),
    ("ticket.resolved", {}, ["open", "reopened"], "open"),
    ("ticket.reopened", {}, ["resolved"], "resolved"),
    ("ticket.closed", {}, ["open", "resolved", "reopened"], "open or resolved"),
]
"""A step, from which states it may be taken, and what is said otherwise."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("step", "attributes", "from_", "expected"), STEPS)
def test_a_ticket_goes_its_way(
    step: str, attributes: dict[str, Any], from_: list[str], expected: str, state: str
) -> None:
    refused = f"NotAllowed ticket: expected one that is {expected}, came one {CAME[state]}"
    then = ALLOWED if state in from_ else refused
    assert judged(STATES[state], (5, step, attributes)) == then


def test_a_ticket_is_assigned_to_somebody() -> None:
    assert judged(STATES["open"], (5, "ticket.assigned", {})) == (
        "BadField team: expected a team or an assignee, came neither"
    )


def test_nothing_happens_to_a_ticket_before_what_has_happened_to_it() -> None:
    assert judged(STATES["open"], (1, "ticket.resolved", {})) == (
        "BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC, "
        "came 2026-03-01 00:00:00 UTC"
    )


SCHEDULED: Said = (1, "task.scheduled", {"task_kind": "call", "due_at": "2026-04-01T09:00:00Z"})
PUT_OFF: Said = (2, "task.scheduled", {"task_kind": "call", "due_at": "2026-05-01T09:00:00Z"})
COMPLETED: Said = (3, "task.completed", {})
TASKS: list[tuple[str, list[Said], Said, str]] = [
    ("scheduled", [], SCHEDULED, ALLOWED),
    ("put off", [SCHEDULED], PUT_OFF, ALLOWED),
    ("completed", [SCHEDULED, PUT_OFF], COMPLETED, ALLOWED),
    ("completed, and never scheduled", [], COMPLETED,
     "NotAllowed task: expected one that is scheduled, came one that is not in the book"),
    ("completed twice", [SCHEDULED, COMPLETED], (4, "task.completed", {}),
     "NotAllowed task: expected one that is scheduled, came one that was completed on 2026-03-03 at position 2"),
    ("put off when it is completed", [SCHEDULED, COMPLETED], (3, *PUT_OFF[1:]),
     "NotAllowed task: expected one that is not in the book or scheduled, came one that was completed on 2026-03-03 at position 2"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in TASKS], ids=[row[0] for row in TASKS]
)
def test_a_task_is(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


@pytest.mark.parametrize(
    ("given", "respond", "resolve"),
    [
        ({"priority": "urgent"}, 60, 480),
        ({"priority": "high"}, 240, 1_440),
        ({"priority": "normal"}, 480, 4_320),
        ({"priority": "low"}, 1_440, 10_080),
        ({"priority": "low", "respond_within_minutes": 0}, 0, 10_080),
        ({"priority": "low", "resolve_within_minutes": 5}, 1_440, 5),
        ({"resolve_within_minutes": 5}, None, 5),
        ({}, None, None),
    ],
)
def test_what_is_not_promised_otherwise_is_promised_by_the_priority(
    given: dict[str, Any], respond: int | None, resolve: int | None
) -> None:
    opened = catalogue.parse("ticket.opened", {**given, "topic": "invoice"})
    assert isinstance(opened, TicketOpened)
    promise = promised(opened)
    assert (promise.respond_within_minutes, promise.resolve_within_minutes) == (respond, resolve)
    assert (promise.priority, promise.topic) == (given.get("priority"), "invoice")


def test_the_more_urgent_the_sooner() -> None:
    by_urgency = [PROMISED_MINUTES[priority] for priority in ("urgent", "high", "normal", "low")]
    assert by_urgency == sorted(by_urgency)
