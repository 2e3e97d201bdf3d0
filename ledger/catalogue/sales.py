"""Pipelines, leads, deals and tasks: how somebody becomes a buyer."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ledger.catalogue.fields import Code, ContentText, Count, Currency, Day, MinorUnits, Moment
from ledger.catalogue.model import About, Domain, EventType, event
from ledger.errors import BadField, came_safely


class Stage(BaseModel):
    """One stage of a pipeline, and how many of a hundred deals in it are won in the end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Code
    win_percent: Annotated[int, Field(strict=True, ge=0, le=100)]


@event("pipeline.defined", domain=Domain.SALES, reserved=True, about=About.NOBODY)
class PipelineDefined(EventType):
    """A way of selling was laid down, or changed: its stages, in their order."""

    pipeline: Code
    currency: Currency | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _each_stage_once(self) -> Self:
        names = [stage.stage for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise BadField("stages", "each stage once", f"{came_safely(name)} twice")
        return self


@event("lead.captured", domain=Domain.SALES, passive=True)
class LeadCaptured(EventType):
    """A person showed interest in buying, or was found to."""

    lead_source: Code | None = None
    note: ContentText | None = None


@event("lead.qualified", domain=Domain.SALES, passive=True)
class LeadQualified(EventType):
    """Somebody judged a lead to be worth the work."""

    reason: Code | None = None
    note: ContentText | None = None


@event("lead.disqualified", domain=Domain.SALES, passive=True)
class LeadDisqualified(EventType):
    """Somebody judged that a lead will not buy."""

    reason: Code | None = None
    note: ContentText | None = None


@event("deal.opened", domain=Domain.SALES, about=About.MAYBE, needs=("deal",))
class DealOpened(EventType):
    """A chance to sell something to somebody, with what it may be worth."""

    pipeline: Code
    stage: Code
    currency: Currency | None = None
    amount_minor: MinorUnits | None = None
    expected_close: Day | None = None
    subject: ContentText | None = None


@event("deal.moved", domain=Domain.SALES, about=About.MAYBE, needs=("deal",), passive=True)
class DealMoved(EventType):
    """A deal went to another stage, onwards or back."""

    stage: Code
    expected_close: Day | None = None


@event("deal.amount_changed", domain=Domain.SALES, about=About.MAYBE, needs=("deal",), passive=True)
class DealAmountChanged(EventType):
    """A deal is worth more or less than was thought."""

    currency: Currency
    amount_minor: MinorUnits
    expected_close: Day | None = None


@event("deal.won", domain=Domain.SALES, about=About.MAYBE, needs=("deal",), passive=True)
class DealWon(EventType):
    """They said yes, and mean to buy."""

    reason: Code | None = None
    note: ContentText | None = None


@event("deal.lost", domain=Domain.SALES, about=About.MAYBE, needs=("deal",), passive=True)
class DealLost(EventType):
    """They said no, or nothing any more."""

    reason: Code | None = None
    competitor: Code | None = None
    note: ContentText | None = None


@event("deal.reopened", domain=Domain.SALES, about=About.MAYBE, needs=("deal",), passive=True)
class DealReopened(EventType):
    """A deal that was won or lost is open again, in a stage of its pipeline."""

    stage: Code
    reason: Code | None = None
    note: ContentText | None = None


@event("task.scheduled", domain=Domain.SALES, about=About.MAYBE, needs=("task",), passive=True)
class TaskScheduled(EventType):
    """Something is to be done by a moment; scheduled again, it is due at another."""

    task_kind: Code
    due_at: Moment
    assignee: UUID | None = None
    subject: ContentText | None = None


@event("task.completed", domain=Domain.SALES, about=About.MAYBE, needs=("task",), passive=True)
class TaskCompleted(EventType):
    """What was to be done was done, in time or late."""

    outcome: Code | None = None
    note: ContentText | None = None


@event("score.recorded", domain=Domain.SALES, passive=True)
class ScoreRecorded(EventType):
    """A model judged a person: how likely they are to buy, or to leave."""

    score_model: Code
    score_version: Code
    score_value: Count


Metric = Literal["orders", "revenue", "leads", "deals_won", "new_customers", "tickets_resolved"]
"""What a goal can be set for. `revenue` is ordered less refunded, in minor units of the goal's currency;
the others are how many: orders placed, leads captured, deals that stand won, customers first heard of
in the period, resolutions of tickets."""


@event("goal.set", domain=Domain.SALES, about=About.NOBODY)
class GoalSet(EventType):
    """The company wants to reach a figure within a period, its last day included.

    Set again under the same name, it is changed. Its market is in the tag; without one it is for all.
    """

    goal: Code
    metric: Metric
    target: Count
    currency: Currency | None = None
    period_start: Day
    period_end: Day

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.period_end < self.period_start:
            raise BadField("period_end", "a day not before period_start", "an earlier one")
        if (self.metric == "revenue") != (self.currency is not None):
            raise BadField(
                "currency",
                "one for revenue, and none for what is counted",
                "none" if self.currency is None else came_safely(self.currency),
            )
        return self
