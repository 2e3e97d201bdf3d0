"""Touchpoints from callers who hand them in one by one, recorded together."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import islice
from types import TracebackType
from typing import Self

from commands.record import BATCH, record
from commands.touchpoint import Outcome, Touchpoint
from ledger.clock import Clock
from ledger.errors import KeysUnavailable
from ledger.gathering import Bounds, Gathering, Load
from ledger.naming import LIMITS, Limits
from ledger.opening import Ledger

_Handed = tuple[Touchpoint, ...]
"""What one caller brings at once."""


class Recorder:
    """Records for many threads and tasks at once: whoever comes while a batch is being recorded goes
    with the next, see `Gathering`. Each is told the outcome that `record` has for it, once it is durable.

    An error of a store is raised for those of its batch who were not answered before it; the same
    touchpoint again finds out what became of it.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Clock,
        future_tolerance: timedelta,
        region: str | None = None,
        limits: Limits = LIMITS,
        bounds: Bounds | None = None,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._future_tolerance = future_tolerance
        self._region = region
        self._limits = limits
        self._gathering: Gathering[_Handed, list[Outcome]] = Gathering(
            "touchpoints",
            self._write,
            lambda handed: Load(len(handed), 0),
            bounds or Bounds(events=BATCH),
        )

    async def record(self, touchpoint: Touchpoint) -> Outcome:
        """For a task. Cancelled, it waits no longer: the touchpoint may still be recorded.

        Raises `StoreUnavailable` if too many are waiting, or the recorder is closed.
        """
        (outcome,) = await self._gathering.ask_from_task((touchpoint,))
        return outcome

    async def record_all(self, touchpoints: Sequence[Touchpoint]) -> list[Outcome]:
        """For a task that brings many: they keep their order, and others may come in between.

        An error of a store is raised for all of them; those before it may be recorded.
        """
        outcomes: list[Outcome] = []
        for start in range(0, len(touchpoints), BATCH):
            some = tuple(touchpoints[start : start + BATCH])
            outcomes += await self._gathering.ask_from_task(some)
        return outcomes

    def record_now(self, touchpoint: Touchpoint) -> Outcome:
        """For a thread, which is held until then."""
        (outcome,) = self._gathering.ask((touchpoint,))
        return outcome

    @property
    def waiting(self) -> int:
        """How many callers wait for the next batch."""
        return self._gathering.waiting

    def close(self) -> None:
        """Answer everybody who has come, and refuse whoever still comes. The ledger stays open."""
        self._gathering.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, batch: Sequence[_Handed]) -> list[list[Outcome] | Exception]:
        told = iter(self._told([touchpoint for handed in batch for touchpoint in handed]))
        return [_answer(list(islice(told, len(handed)))) for handed in batch]

    def _told(self, batch: Sequence[Touchpoint]) -> list[Outcome | Exception]:
        told: list[Outcome | Exception] = []
        try:
            for outcome in record(
                self._ledger,
                batch,
                clock=self._clock,
                future_tolerance=self._future_tolerance,
                region=self._region,
                limits=self._limits,
            ):
                told.append(outcome)  # noqa: PERF402 -- those before an error count
        except KeysUnavailable as error:
            # That somebody's key does not open is no concern of the others.
            rest = batch[len(told) :]
            told += [error] if len(rest) == 1 else [one for t in rest for one in self._told([t])]
        except Exception as error:  # noqa: BLE001 -- raised where it is waited for
            told += [error] * (len(batch) - len(told))
        return told


def _answer(told: Sequence[Outcome | Exception]) -> list[Outcome] | Exception:
    """The outcomes of what one caller brought, or the first error that was met with it."""
    outcomes: list[Outcome] = []
    for one in told:
        if isinstance(one, Exception):
            return one
        outcomes.append(one)
    return outcomes
