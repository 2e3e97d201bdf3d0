"""One way to measure: ours and the baseline in turn, in one run, medians, and their ratio.

A machine's speed drifts while a benchmark runs. Taking the two sides in turn lets both feel the
same drift, and the median of the rounds forgets a round that was disturbed.
"""

import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

Side = Callable[[], int]
"""Does the work once and returns how many events it handled."""

Prepare = Callable[[Path], Side]
"""Sets one side up in an empty folder, untimed; the folder is removed after the side has run."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides of one row of the table; both must be equally durable."""

    what: str
    baseline: str
    durability: str
    ours: Prepare
    theirs: Prepare


@dataclass(frozen=True, slots=True)
class Result:
    """Medians in events a second, and how many times the baseline's rate ours is."""

    what: str
    baseline: str
    durability: str
    events: int
    rounds: int
    ours_per_s: float
    baseline_per_s: float
    ratio: float
    spread: float
    """(slowest − fastest) / median of our rounds: above 0.3 the machine was noisy."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(comparison: Comparison, rounds: int) -> Result:
    """Run the two sides in turn, `rounds` times each after one that is not counted."""
    ours: list[float] = []
    theirs: list[float] = []
    events = 0
    for number in range(rounds + 1):
        for prepare, times in ((comparison.ours, ours), (comparison.theirs, theirs)):
            with tempfile.TemporaryDirectory() as folder:
                side = prepare(Path(folder))
                gc.collect()
                begun = time.perf_counter()
                events = side()
                taken = time.perf_counter() - begun
            if number:
                times.append(taken / events)
    mine, other = statistics.median(ours), statistics.median(theirs)
    return Result(
        what=comparison.what,
        baseline=comparison.baseline,
        durability=comparison.durability,
        events=events,
        rounds=rounds,
        ours_per_s=1 / mine,
        baseline_per_s=1 / other,
        ratio=other / mine,
        spread=(max(ours) - min(ours)) / mine,
    )
