"""Tickets: from the question to the answer."""

from typing import ClassVar

from commands.things import NEW, Step, Thing
from ledger.catalogue.service import (
    TicketAssigned,
    TicketClosed,
    TicketEscalated,
    TicketOpened,
    TicketReopened,
    TicketReplied,
    TicketResolved,
)
from ledger.errors import BadField

_OPEN, _RESOLVED, _CLOSED = "open", "resolved", "closed"

PROMISED_MINUTES = {
    "urgent": (60, 480),
    "high": (240, 1_440),
    "normal": (480, 4_320),
    "low": (1_440, 10_080),
}
"""Minutes to the first response and to the resolution, by priority.

A default of ours, and nobody's standard: hours of a working day for what cannot wait, days for what
can. What was promised is written into the ticket, so another table changes no ticket that is there.
"""


class Ticket(Thing):
    """A ticket, and how it stands. It may be answered while it is resolved; closed is the end."""

    KIND = "ticket"
    LIFE: ClassVar = {
        TicketOpened: Step((NEW,), then=_OPEN),
        TicketReplied: Step((_OPEN, _RESOLVED)),
        TicketAssigned: Step((_OPEN,)),
        TicketEscalated: Step((_OPEN,)),
        TicketResolved: Step((_OPEN,), then=_RESOLVED),
        TicketReopened: Step((_RESOLVED,), then=_OPEN),
        TicketClosed: Step((_OPEN, _RESOLVED), then=_CLOSED),
    }


class OpenTicket(Ticket):
    """A new ticket."""

    CREATES = True


class AssignTicket(Ticket):
    """To a team, to a person, or to both."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, TicketAssigned)
        if payload.team is None and payload.assignee is None:
            raise BadField("team", "a team or an assignee", "neither")


def promised(opened: TicketOpened) -> TicketOpened:
    """The same, with the minutes that its priority promises where none are given."""
    if opened.priority is None:
        return opened
    respond, resolve = PROMISED_MINUTES[opened.priority]
    promise = {"respond_within_minutes": respond, "resolve_within_minutes": resolve}
    missing = {name: by for name, by in promise.items() if getattr(opened, name) is None}
    return opened.model_copy(update=missing)
