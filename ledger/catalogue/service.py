"""Tickets, from the question to the answer, and what people say of it afterwards."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from ledger.catalogue.fields import Author, Channel, Code, ContentText, Count
from ledger.catalogue.model import About, Domain, EventType, event
from ledger.errors import BadField, came_safely

Priority = Literal["low", "normal", "high", "urgent"]

_SCALE = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""Lowest and highest answer. NPS: Reichheld, The One Number You Need to Grow, HBR, 2003; CES:
Dixon, Freeman, Toman, Stop Trying to Delight Your Customers, HBR, 2010, on its later seven steps."""


@event("ticket.opened", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",))
class TicketOpened(EventType):
    """Somebody needs something; the limits are what was promised, counted from now."""

    priority: Priority | None = None
    channel: Channel | None = None
    topic: Code | None = None
    respond_within_minutes: Count | None = None
    resolve_within_minutes: Count | None = None
    subject: ContentText | None = None
    message: ContentText | None = None


@event("ticket.replied", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",))
class TicketReplied(EventType):
    """Something was said on a ticket, by either side; the agent's first is the first response."""

    author: Author
    message: ContentText | None = None


@event("ticket.assigned", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",), passive=True)
class TicketAssigned(EventType):
    """A ticket became the work of a team, or of one of its members."""

    team: Code | None = None
    assignee: UUID | None = None


@event(
    "ticket.escalated", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",), passive=True
)
class TicketEscalated(EventType):
    """A ticket was passed on to those who can do more, or made more urgent."""

    priority: Priority | None = None
    team: Code | None = None
    reason: Code | None = None


@event("ticket.resolved", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",), passive=True)
class TicketResolved(EventType):
    """What was asked for is done, as far as we know."""

    resolution: Code | None = None
    note: ContentText | None = None


@event("ticket.reopened", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",))
class TicketReopened(EventType):
    """It was not done after all."""

    reason: Code | None = None
    note: ContentText | None = None


@event("ticket.closed", domain=Domain.SERVICE, about=About.MAYBE, needs=("ticket",), passive=True)
class TicketClosed(EventType):
    """Nothing more will happen on a ticket."""

    reason: Code | None = None


@event("survey.answered", domain=Domain.SERVICE)
class SurveyAnswered(EventType):
    """A person said how likely they are to recommend us (nps, 0 to 10), how satisfied they are (csat,
    1 to 5), or how easy it was (ces, 1 to 7).
    """

    survey: Literal["nps", "csat", "ces"]
    score: Annotated[int, Field(strict=True, ge=0, le=10)]
    note: ContentText | None = None

    @model_validator(mode="after")
    def _on_its_scale(self) -> Self:
        lowest, highest = _SCALE[self.survey]
        if not lowest <= self.score <= highest:
            raise BadField(
                "score", f"{lowest} to {highest} for {self.survey}", came_safely(self.score)
            )
        return self
