"""How often one may call: buckets that fill at a rate, and are emptied a token a request; and how much they may
have in here at once.
"""

import math
import time
from collections.abc import Callable, Hashable
from http import HTTPStatus

from api.http.problems import Problem

_WATCHED = 10_000
"""Buckets that are remembered: whoever has not called for long has a full one, and needs none."""
FAILURES_S = 1.0
"""Unknown keys that one address may try in a second, when it has tried `FAILURES_AT_ONCE`."""
FAILURES_AT_ONCE = 30


class Room:
    """Room for bodies, so much for each who calls: nobody takes that of others."""

    most = 128 * 1024 * 1024
    """Bytes, unpacked: read as JSON they take several times as much."""

    def __init__(self) -> None:
        self._held: dict[Hashable, int] = {}

    def take(self, whose: Hashable, size_bytes: int) -> None:
        """So much more is held. Raises `Problem` where there is no room for it."""
        held = self._held.get(whose, 0) + size_bytes
        if held > self.most:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                f"expected at most {self.most:,} bytes of bodies at once, came more",
                headers={"Retry-After": "1"},
            )
        self._held[whose] = held

    def give_back(self, whose: Hashable, size_bytes: int) -> None:
        """So much is held no longer."""
        self._held[whose] -= size_bytes
        if not self._held[whose]:
            del self._held[whose]


class Buckets:
    """A bucket for each who calls: `burst` at once, `rate` a second when that is used up.

    `clock` tells seconds, and never goes back.
    """

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left: dict[Hashable, tuple[float, float]] = {}

    def demand(self, whose: Hashable) -> None:
        """Raises `Problem` while that bucket is empty."""
        left = self._now(whose, self._clock())
        if left < 1:
            wait_s = math.ceil((1 - left) / self._rate)
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                "too-many-requests",
                f"expected at most {self._rate:g} a second, came more: try again in {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )

    def take(self, whose: Hashable) -> None:
        """One token less, if there is one."""
        now = self._clock()
        left = self._now(whose, now)
        if len(self._left) >= _WATCHED and whose not in self._left:
            self._forget(now)
        self._left[whose] = max(left - 1, 0.0), now

    def give_back(self, whose: Hashable) -> None:
        """One token more, which was taken for nothing."""
        now = self._clock()
        if whose in self._left:  # else they have not called for long
            self._left[whose] = min(self._burst, self._now(whose, now) + 1), now

    def _now(self, whose: Hashable, now: float) -> float:
        left, at = self._left.get(whose, (self._burst, now))
        return min(self._burst, left + (now - at) * self._rate)

    def _forget(self, now: float) -> None:
        """Let go of the full ones; if all are in use, of everybody's."""
        self._left = {
            one: told for one, told in self._left.items() if self._now(one, now) < self._burst
        }
        if len(self._left) >= _WATCHED:
            self._left.clear()
