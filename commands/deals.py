"""Deals: opened in a pipeline, moved along it or back, priced anew, won or lost, and opened again."""

from datetime import datetime
from typing import ClassVar

from eventsourcing.dcb.domain import Selector
from eventsourcing.domain import event as happened

from commands.deciding import Proposed
from commands.pipelines import Pipelines
from commands.things import NEW, Step, Thing
from ledger.catalogue.sales import (
    DealAmountChanged,
    DealLost,
    DealMoved,
    DealOpened,
    DealReopened,
    DealWon,
    PipelineDefined,
    Stage,
)
from ledger.errors import BadField, NotAllowed, came_safely
from ledger.event import Recorded

_OPEN, _WON, _LOST = "open", "won", "lost"


class Deal(Thing):
    """A deal, and where it stands. By itself the rule for winning and losing one."""

    KIND = "deal"
    LIFE: ClassVar = {
        DealOpened: Step((NEW,), then=_OPEN),
        DealMoved: Step((_OPEN,)),
        DealAmountChanged: Step((_OPEN,)),
        DealWon: Step((_OPEN,), then=_WON),
        DealLost: Step((_OPEN,), then=_LOST),
        DealReopened: Step((_WON, _LOST), then=_OPEN),
    }

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.pipeline = ""
        self.stage = ""
        self.currency: str | None = None
        self.pipelines = Pipelines(proposed.occurred_at)

    @happened(DealOpened)
    def _(self, pipeline: str, stage: str, currency: str | None) -> None:
        self.pipeline, self.stage = pipeline, stage
        self.currency = currency or self.currency

    @happened(DealMoved)
    def _(self, stage: str) -> None:
        self.stage = stage

    @happened(DealReopened)
    def _(self, stage: str) -> None:
        self.stage = stage

    @happened(DealAmountChanged)
    def _(self, currency: str) -> None:
        self.currency = currency

    @happened(PipelineDefined)
    def _(self, pipeline: str, stages: tuple[Stage, ...], occurred_at: datetime) -> None:
        self.pipelines.define(pipeline, stages, occurred_at)


class PriceDeal(Deal):
    """It is worth more or less, in the currency that it has; the first amount gives it one."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealAmountChanged)
        if self.currency not in {None, payload.currency}:
            its = f"{self.currency}, which the deal is in"
            raise NotAllowed("currency", its, came_safely(payload.currency))


class _InPipeline(Deal):
    """A deal on its way to a stage, which its pipeline has to have by then.

    A stage may have gone since a deal came into it: then it can only leave it.
    """

    def consistency_boundary(self) -> list[Selector]:
        return [*super().consistency_boundary(), Selector(types=[PipelineDefined])]

    def counts(self, recorded: Recorded) -> bool:
        """A pipeline may change after the moment that this is about."""
        return recorded.event.type != PipelineDefined.TOPIC


class OpenDeal(_InPipeline):
    """A new deal."""

    CREATES = True

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealOpened)
        if payload.amount_minor is not None and payload.currency is None:
            raise BadField("currency", "one, since there is an amount", "none")
        self.pipelines.check(payload.pipeline, payload.stage)


class MoveDeal(_InPipeline):
    """To any other stage of its pipeline."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealMoved)
        self.pipelines.check(self.pipeline, payload.stage, leaving=self.stage)


class ReopenDeal(_InPipeline):
    """To any stage of its pipeline, the one it was in among them."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealReopened)
        self.pipelines.check(self.pipeline, payload.stage)
