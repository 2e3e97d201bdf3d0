"""Serving: tickets, and what is to be done by when."""

from pydantic import Field

from api.http.deciding.routes import Command, Making, add, parsed
from api.http.guard import router as guarded
from commands.tickets import promised
from ledger.catalogue import EventType
from ledger.catalogue.sales import TaskCompleted, TaskScheduled
from ledger.catalogue.service import (
    Priority,
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketReopened,
    TicketReplied,
    TicketResolved,
)

router = guarded()

_TICKET, _TASK = "/v1/tickets/{ticket}", "/v1/tasks/{task}"


def _promised(making: Making) -> EventType:
    """With the minutes that its priority promises where none are given."""
    opened = parsed(making)
    assert isinstance(opened, TicketOpened)
    return promised(opened)


add(
    router,
    "tickets",
    Command(
        "/v1/tickets",
        TicketOpened,
        "open_ticket",
        {
            "reference": "T-7",
            "priority": "high",
            "channel": "email",
            "topic": "invoice",
            "identifiers": {"email": "anna@example.com"},
            "subject": "My invoice",
            "message": "The amount on it is not what I ordered.",
        },
        creates="ticket",
        about=("account",),
        tags=("market",),
        more={"priority": (Priority, Field("normal", description="What is promised goes by it."))},
        made=_promised,
    ),
    Command(
        f"{_TICKET}/reply",
        TicketReplied,
        "reply_to_ticket",
        {"author": "agent", "message": "We are looking into it."},
    ),
    Command(f"{_TICKET}/assign", TicketAssigned, "assign_ticket", {"team": "billing"}),
    Command(
        f"{_TICKET}/escalate",
        TicketEscalated,
        "escalate_ticket",
        {"priority": "urgent", "reason": "deadline"},
    ),
    Command(f"{_TICKET}/resolve", TicketResolved, "resolve_ticket", {"resolution": "refunded"}),
    Command(f"{_TICKET}/reopen", TicketReopened, "reopen_ticket", {"reason": "not-refunded"}),
    Command(f"{_TICKET}/close", TicketClosed, "close_ticket", {"reason": "done"}),
)

_DUE = {"task_kind": "call-back", "due_at": "2026-03-02T09:00:00Z"}

add(
    router,
    "tasks",
    Command(
        "/v1/tasks",
        TaskScheduled,
        "schedule_task",
        {"reference": "K-3", **_DUE, "deal": "D-1042", "subject": "Ask for the address"},
        creates="task",
        about=("account", "deal"),
    ),
    Command(f"{_TASK}/schedule", TaskScheduled, "reschedule_task", _DUE),
    Command(f"{_TASK}/complete", TaskCompleted, "complete_task", {"outcome": "reached"}),
)
