"""What the routes share for as long as the process lives."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.http.callers import Callers
from api.wiring import Bahi
from commands.recording import Recorder
from streams.imports import Intake


@dataclass(slots=True)
class Serving:
    """An open ledger, and what gathers and remembers around it. Whoever opened the ledger closes it."""

    bahi: Bahi
    recorder: Recorder = field(init=False)
    callers: Callers = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.intake = intake = self.bahi.intake
        self.callers = Callers(self.bahi)
        self.recorder = Recorder(
            self.bahi.ledger,
            clock=intake.clock,
            future_tolerance=intake.future_tolerance,
            region=intake.region,
            limits=intake.limits,
        )

    def close(self) -> None:
        """Answer everybody who has come."""
        self.recorder.close()


def _serving(request: Request) -> Serving:
    serving = request.app.state.serving
    assert isinstance(serving, Serving)
    return serving


Shared = Annotated[Serving, Depends(_serving)]
"""A route's argument: what it shares with the others."""
