"""Waiting for views to come as far as a position: so that whoever wrote finds it where they read."""

import asyncio
import threading
import time
from collections.abc import Collection, Mapping
from http import HTTPStatus

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from api.http.problems import Problem
from api.wiring import Bahi
from ledger.book import MAX_POSITION
from projections.standing import Reached

_MOST_S = 10.0
_LOOK_S = 0.004
_FRESH_S = 0.02
_STILL_S = 0.25
"""After how long a standstill nobody else seems to fold, so that we do."""
_AGAIN_S = 1


class Arrivals:
    """How far the views of a ledger have come, looked at once for all who wait."""

    def __init__(self, bahi: Bahi) -> None:
        self._bahi = bahi
        self._known: Mapping[str, Reached] = {}
        self._seen_at = float("-inf")
        self._lock = threading.Lock()
        self._looking: asyncio.Task[None] | None = None
        self._folding: asyncio.Task[None] | None = None
        # Of their own: whoever waits is not to keep threads from those who have something to do.
        self._threads = CapacityLimiter(2)

    def standing(self) -> Mapping[str, Reached]:
        """How far they have come, no older than a blink; for a thread."""
        with self._lock:
            if time.monotonic() - self._seen_at > _FRESH_S:
                self._see()
            return self._known

    async def reach(self, position: int, folds: Collection[str]) -> None:
        """Wait until these folds have everything up to a position; one that has stopped is not waited for.

        Raises `Problem` for a position that the book has not come to, and when it takes too long.
        """
        known = [self._known.get(fold) for fold in folds]
        if known and all(
            one is not None and one.going and one.position >= position for one in known
        ):
            return  # none of them ever goes back
        head = await run_sync(self._bahi.ledger.book.head, limiter=self._threads)
        if head < position:
            raise _not_there_yet(position, head)
        if not folds:
            return
        began = moved = time.monotonic()
        before = -1
        while True:
            await self._look()
            reached = self._reached(folds)
            if reached >= position:
                return
            now = time.monotonic()
            if reached > before:
                before, moved = reached, now
            if now - began > _MOST_S:
                raise _not_there_yet(position, reached)
            if now - moved > _STILL_S:
                self._fold()
            await asyncio.sleep(_LOOK_S)

    def _reached(self, folds: Collection[str]) -> int:
        found = [self._known.get(fold, Reached(0, going=True)) for fold in folds]
        return min((one.position for one in found if one.going), default=MAX_POSITION)

    async def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_anew())
        await asyncio.shield(self._looking)

    async def _look_anew(self) -> None:
        await run_sync(self._see_alone, limiter=self._threads)

    def _see_alone(self) -> None:
        with self._lock:  # so that nobody puts what is older in its place
            self._see()

    def _see(self) -> None:
        self._seen_at = time.monotonic()
        self._known = self._bahi.views.standing()

    def _fold(self) -> None:
        """Have the views brought up, by whoever has the turn or by us; an error of it is ours to raise."""
        done = self._folding
        if done is not None and done.done():
            self._folding = None
            done.result()
        if self._folding is None:
            self._folding = asyncio.create_task(self._catch_up())

    async def _catch_up(self) -> None:
        await run_sync(self._bahi.reading.fold, limiter=self._threads)


def _not_there_yet(position: int, reached: int) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not-there-yet",
        f"min_position: expected the book and its views at {position}, they are at {reached}",
        headers={"Retry-After": str(_AGAIN_S)},
        position=reached,
    )
