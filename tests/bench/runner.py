"""One way to measure: ours and the baseline in turn, in one run, medians, and their ratio.

A machine's speed drifts while a benchmark runs. Taking the two sides in turn lets both feel the
same drift, and the median of the rounds forgets a round that was disturbed.
"""

import gc
import inspect
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

Side = Callable[[], int]
"""Does the work once and returns how many events it handled."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A side after which something is to be ended, when the time has been taken."""

    work: Side
    end: Callable[[], object]

    def __call__(self) -> int:
        return self.work()


Prepare = Callable[[Path], Side]
"""Sets one side up in an empty folder, untimed; the folder is removed after the side has run."""


class Verdict(StrEnum):
    """How a ratio stands to what was set; of a row with nothing set, it only informs."""

    AIM = "aim met"
    MUST = "must met"
    MISSED = "missed"
    TOLD = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides of one row of the table; both must be equally durable.

    `must` and `aim` are ratios of our rate to the baseline's, where the design sets them.
    """

    what: str
    baseline: str
    durability: str
    ours: Prepare
    theirs: Prepare
    must: float | None = None
    aim: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Medians in events a second, and how many times the baseline's rate ours is."""

    what: str
    baseline: str
    durability: str
    events: int
    baseline_events: int
    rounds: int
    ours_per_s: float
    baseline_per_s: float
    ratio: float
    spread: float
    """(slowest − fastest) / median of our rounds: above 0.3 the machine was noisy."""
    must: float | None
    aim: float | None
    baseline_code: str
    """Source of the baseline's side, so that a reader may judge whether it is a fair one."""

    @property
    def verdict(self) -> Verdict:
        if self.must is None:
            return Verdict.TOLD
        if self.ratio < self.must:
            return Verdict.MISSED
        return Verdict.AIM if self.aim is not None and self.ratio >= self.aim else Verdict.MUST

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"verdict": self.verdict}


def compare(comparison: Comparison, rounds: int) -> Result:
    """Run the two sides in turn, `rounds` times each after one that is not counted."""
    ours: list[float] = []
    theirs: list[float] = []
    events: dict[str, int] = {}
    for number in range(rounds + 1):
        for name, prepare, times in (
            ("ours", comparison.ours, ours),
            ("theirs", comparison.theirs, theirs),
        ):
            with tempfile.TemporaryDirectory() as folder:
                side = prepare(Path(folder))
                gc.collect()
                begun = time.perf_counter()
                events[name] = side()
                taken = time.perf_counter() - begun
                if isinstance(side, Ending):
                    side.end()
            if number:
                times.append(taken / events[name])
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Result(
        what=comparison.what,
        baseline=comparison.baseline,
        durability=comparison.durability,
        events=events["ours"],
        baseline_events=events["theirs"],
        rounds=rounds,
        ours_per_s=1 / mine,
        baseline_per_s=1 / other,
        ratio=other / mine,
        spread=(max(ours) - min(ours)) / mine,
        must=comparison.must,
        aim=comparison.aim,
        baseline_code=_source(comparison.theirs),
    )


def _source(side: Prepare) -> str:
    return inspect.getsource(side.func if isinstance(side, partial) else side)
