"""What the routes share for as long as the process lives."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.http.callers import Callers
from api.http.reading.arriving import Arrivals
from api.http.reading.following import Followers
from api.http.running.metrics import Figure, Metrics
from api.http.running.parts import Part
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
    metrics: Metrics = field(default_factory=Metrics, init=False)
    arrivals: Arrivals = field(init=False)
    followers: Followers = field(init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when this process is about to end: whoever is being sent events without end is let go."""
    parts: Mapping[str, Part] = field(default_factory=dict)
    """What works beside the routes, by name."""

    def __post_init__(self) -> None:
        self.intake = intake = self.bahi.intake
        self.callers = Callers(self.bahi)
        self.arrivals, self.followers = Arrivals(self.bahi), Followers(self.bahi, self.stopping)
        self.recorder = Recorder(
            self.bahi.ledger,
            clock=intake.clock,
            future_tolerance=intake.future_tolerance,
            region=intake.region,
            limits=intake.limits,
        )
        self.metrics.read(self._figures)

    def _figures(self) -> Iterator[Figure]:
        book, views = self.bahi.ledger.book, self.bahi.views
        head = book.head()
        yield "bahi_position", "The last position of the book.", head
        lags = {name: max(head - at.position, 0) for name, at in views.standing().items()}
        yield "bahi_lag_view", "Positions that a view is behind.", lags
        yield "bahi_waiting", "Touchpoints that wait to be written.", self.recorder.waiting
        running = {name: float(part.running) for name, part in self.parts.items()}
        yield "bahi_running_part", "Whether what works beside the routes does.", running
        for part in self.parts.values():
            yield from part.figures()

    def called_as(self, request: Request) -> str:
        """The address by which whoever calls has called us, as they see it: a proxy hides that."""
        ours = self.bahi.settings.http_url or f"{request.url.scheme}://{request.url.netloc}"
        query = request.url.query
        return f"{ours}{request.url.path}" + (f"?{query}" if query else "")

    def close(self) -> None:
        """Answer everybody who has come."""
        self.recorder.close()


async def _serving(request: Request) -> Serving:
    serving = request.app.state.serving
    assert isinstance(serving, Serving)
    return serving


Shared = Annotated[Serving, Depends(_serving)]
"""A route's argument: what it shares with the others."""
