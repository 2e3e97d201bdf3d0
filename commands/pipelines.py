"""The pipelines as they were at a moment: which stages a deal may be in, and in which currency."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Never

from ledger.book import Book, Match
from ledger.catalogue import load
from ledger.catalogue.sales import PipelineDefined, Stage
from ledger.errors import NotAllowed, came_safely
from ledger.event import moment_of


@dataclass(slots=True)
class Pipelines:
    """Stages, in order, and currency by pipeline. Told of definitions in order of moment; later ones
    are not yet.
    """

    at: datetime
    _stages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _currencies: dict[str, str | None] = field(default_factory=dict)

    def define(
        self, pipeline: str, stages: Sequence[Stage], currency: str | None, since: datetime
    ) -> None:
        """Take in a definition."""
        if since <= self.at:
            self._stages[pipeline] = tuple(stage.stage for stage in stages)
            self._currencies[pipeline] = currency

    def currency(self, pipeline: str) -> str | None:
        """What its deals are in; None if that is left to each, or nobody defined it."""
        return self._currencies.get(pipeline)

    def stages(self, pipeline: str) -> tuple[str, ...]:
        """The stages of a pipeline, in order. Raises `NotAllowed`, naming the pipelines there are."""
        if pipeline not in self._stages:
            known = "one of " + ", ".join(sorted(self._stages))
            none = f"one that was defined by {self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
            expected = known if self._stages else none
            raise NotAllowed("pipeline", expected, came_safely(pipeline))
        return self._stages[pipeline]

    def check(self, pipeline: str, stage: str, *, leaving: str | None = None) -> None:
        """Raises `NotAllowed` unless a deal of the pipeline may go to that stage from `leaving`."""
        stages = self.stages(pipeline)
        if stage not in stages:
            self._refuse(stages, came_safely(stage))
        if stage == leaving:
            self._refuse([other for other in stages if other != stage], f"{stage!r}, where it is")

    def check_currency(self, pipeline: str, currency: str) -> None:
        """Raises `NotAllowed` where the pipeline has another."""
        its = self.currency(pipeline)
        if its not in {None, currency}:
            expected = f"{its}, as pipeline {pipeline} has it"
            raise NotAllowed("currency", expected, came_safely(currency))

    def _refuse(self, stages: Sequence[str], came: str) -> Never:
        expected = "one of " + ", ".join(stages) if stages else "another, and there is none"
        raise NotAllowed("stage", expected, came)


def pipelines_at(book: Book, at: datetime) -> Pipelines:
    """The pipelines that were defined by that moment."""
    pipelines = Pipelines(at)
    for recorded in sorted(
        book.read(matching=[Match(types=(PipelineDefined.TOPIC,))]), key=moment_of
    ):
        defined = load(recorded.event.type, recorded.event.data)
        assert isinstance(defined, PipelineDefined)
        pipelines.define(
            defined.pipeline, defined.stages, defined.currency, recorded.event.occurred_at
        )
    return pipelines
