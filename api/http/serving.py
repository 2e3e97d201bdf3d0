"""What the routes share for as long as the process lives."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, move_on_after
from anyio.to_thread import run_sync
from fastapi import Depends, Request

from api.http.callers import Callers
from api.http.limits import Room
from api.http.reading.arriving import Arrivals
from api.http.reading.following import Followers
from api.http.running.metrics import Figure, Metrics
from api.http.running.parts import Part
from api.wiring import Bahi
from commands.recording import Recorder
from ledger.errors import StoreUnavailable
from streams.imports import Intake

_FROM_SERVER = 2
"""Who read by index at once from a server: they wait for the wire as well."""
_TURN_S = 10.0

Answer = TypeVar("Answer")


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
    room: Room = field(default_factory=Room, init=False)
    _turns: CapacityLimiter = field(init=False)
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
        embedded = isinstance(self.bahi.settings.views_at, Path)
        self._turns = CapacityLimiter(1 if embedded else _FROM_SERVER)
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

    async def briefly(self, read: Callable[[], Answer]) -> Answer:
        """Read a few rows by index, in a thread, when it is our turn.

        That is work for one processor, in Python: threads at it wait for each other, and eight of them are
        slower together than one alone. Raises `StoreUnavailable` where turns do not come, since whoever has
        one waits for a store.
        """
        with move_on_after(_TURN_S):
            return await run_sync(read, limiter=self._turns)
        raise StoreUnavailable("views", f"those before it were not done in {_TURN_S:.0f} seconds")

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
