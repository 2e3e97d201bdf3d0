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
    def _(
        self,
        pipeline: str,
        stages: tuple[Stage, ...],
        currency: str | None,
        occurred_at: datetime,
    ) -> None:
        self.pipelines.define(pipeline, stages, currency, occurred_at)


class _InPipeline(Deal):
    """A deal, with its pipeline as it is by then: the stage it goes to has to be there.

    A stage may have gone since a deal came into it: then it can only leave it.
    """

    def consistency_boundary(self) -> list[Selector]:
        return [*super().consistency_boundary(), Selector(types=[PipelineDefined])]

    def counts(self, recorded: Recorded) -> bool:
        """A pipeline may change after the moment that this is about."""
        return recorded.event.type != PipelineDefined.TOPIC

    def check_stage(self, stage: str, *, leaving: str | None = None) -> None:
        """Raises `NotAllowed` unless its pipeline has the stage; what came through a door may never
        have said which pipeline that is.
        """
        if not self.pipeline:
            raise NotAllowed(self.KIND, "one whose opening is in the book", self._standing())
        self.pipelines.check(self.pipeline, stage, leaving=leaving)


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
        if payload.currency is not None:
            self.pipelines.check_currency(payload.pipeline, payload.currency)


class PriceDeal(_InPipeline):
    """It is worth more or less, in the currency that it has; the first amount gives it one.

    A deal keeps its currency, whatever its pipeline has by now.
    """

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealAmountChanged)
        if self.currency is None:
            self.pipelines.check_currency(self.pipeline, payload.currency)
        elif self.currency != payload.currency:
            its = f"{self.currency}, which the deal is in"
            raise NotAllowed("currency", its, came_safely(payload.currency))


class MoveDeal(_InPipeline):
    """To any other stage of its pipeline."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealMoved)
        self.check_stage(payload.stage, leaving=self.stage)


class ReopenDeal(_InPipeline):
    """To any stage of its pipeline, the one it was in among them."""

    def decide(self) -> None:
        super().decide()
        payload = self.proposed.payload
        assert isinstance(payload, DealReopened)
        self.check_stage(payload.stage)
