"""Touchpoints from callers who hand them in one by one, recorded together."""

from collections.abc import Sequence
from datetime import timedelta
from types import TracebackType
from typing import Self

from commands.record import BATCH, record
from commands.touchpoint import Outcome, Touchpoint
from ledger.clock import Clock
from ledger.errors import KeysUnavailable
from ledger.gathering import Bounds, Gathering, Load
from ledger.naming import LIMITS, Limits
from ledger.opening import Ledger


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
        self._gathering: Gathering[Touchpoint, Outcome] = Gathering(
            "touchpoints", self._write, lambda _: Load(1, 0), bounds or Bounds(events=BATCH)
        )

    async def record(self, touchpoint: Touchpoint) -> Outcome:
        """For a task. Cancelled, it waits no longer: the touchpoint may still be recorded.

        Raises `StoreUnavailable` if too many are waiting, or the recorder is closed.
        """
        return await self._gathering.ask_from_task(touchpoint)

    def record_now(self, touchpoint: Touchpoint) -> Outcome:
        """For a thread, which is held until then."""
        return self._gathering.ask(touchpoint)

    @property
    def waiting(self) -> int:
        """How many touchpoints wait for the next batch."""
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

    def _write(self, batch: Sequence[Touchpoint]) -> list[Outcome | Exception]:
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
            told += [error] if len(rest) == 1 else [one for t in rest for one in self._write([t])]
        except Exception as error:  # noqa: BLE001 -- raised where it is waited for
            told += [error] * (len(batch) - len(told))
        return told
