"""Memory of a process that works through ten times as many events: it is to stay where it was.

    python -m tests.bench.memory TASK COUNT HOME ADDRESS

does one task on the book at ADDRESS, which the task before it left there, and prints the peak of its
resident memory in MiB. Each task has a process of its own, so that none inherits another's peak.

The number of customers stays the same: rows of views are as many as there are customers, and memory
follows them.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from api.archive import Wanted, export
from api.wiring import Bahi
from commands.record import record
from ledger.settings import Settings
from streams.kafka.publishing import Publisher
from tests.bench import catch_up, made, publishing

CUSTOMERS = 50_000
_WORLDS = 15
"""Companies, with 34,000 customers in all, whose million events are told over and over."""
FLAT_MIB = 100
"""By how much the peak may grow from a tenth of the events to all of them."""

Task = Callable[[Bahi, int], None]


@dataclass(frozen=True, slots=True)
class Flatness:
    """Peaks in MiB at a tenth of the events and at all of them."""

    what: str
    events: int
    small_mib: float
    large_mib: float

    @property
    def flat(self) -> bool:
        return self.large_mib - self.small_mib <= FLAT_MIB

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"flat": self.flat}


def _append(bahi: Bahi, count: int) -> None:
    events = made.events(count, customers=CUSTOMERS)
    while batch := list(islice(events, 1_000)):
        bahi.ledger.book.append(batch)


def _import(bahi: Bahi, count: int) -> None:
    tolerance = timedelta(days=36_500)
    given = made.touchpoints(count, customers=CUSTOMERS)
    for _ in record(bahi.ledger, given, clock=bahi.clock, future_tolerance=tolerance):
        pass


def _catch_up(bahi: Bahi, _count: int) -> None:
    bahi.catch_up()


def _rebuild(bahi: Bahi, _count: int) -> None:
    bahi.reading.keep()
    bahi.views.rebuild("customer_360", bahi.reading.columns)


def _live(bahi: Bahi, count: int) -> None:
    tolerance = timedelta(days=36_500)
    given = made.touchpoints(count, customers=1)
    for _ in record(bahi.ledger, given, clock=bahi.clock, future_tolerance=tolerance):
        pass


def _hand_over(bahi: Bahi, count: int) -> None:
    customer = next(bahi.ledger.book.read(limit=1)).event.customer
    assert customer is not None
    wanted = Wanted([customer], bahi.actor(), "legal", "they asked", staff=bahi.staff_name)
    target = bahi.settings.home / "archive.zip"
    written = export(bahi.ledger, wanted, target, bahi.staging, clock=bahi.clock)
    assert written.events == count + 1


def _tell(bahi: Bahi, count: int) -> None:
    """Events whose sealed parts can be told apart, as whoever publishes does."""
    events = catch_up.history(count, worlds=_WORLDS)
    while batch := list(islice(events, 1_000)):
        bahi.ledger.book.append(batch)


def _publish(bahi: Bahi, count: int) -> None:
    lag = Publisher(bahi.reading).run(lambda: False, once=True)
    assert lag.position == count


TASKS: dict[str, Task] = {
    "append": _append,
    "catch up": _catch_up,
    "rebuild": _rebuild,
    "tell": _tell,
    "publish": _publish,
    "import": _import,
    "live": _live,
    "hand over": _hand_over,
}
CHAINS = (
    ("append", "catch up", "rebuild"),
    ("tell", "publish"),
    ("import",),
    ("live", "hand over"),
)
"""Tasks that follow each other on one book; the last are about one person with all of the events."""


def measure(count: int, address: Callable[[], str], store: str) -> Iterator[Flatness]:
    """Each task at a tenth of `count` and at `count`, on books at fresh addresses of a store."""
    for chain in CHAINS:
        peaks: dict[str, list[float]] = {task: [] for task in chain}
        for size in (count // 10, count):
            with tempfile.TemporaryDirectory() as home:
                book = address()
                for task in chain:
                    peaks[task].append(_peak(task, size, Path(home), book))
        for task, (small, large) in peaks.items():
            yield Flatness(f"memory, {task} on {store}", count, small, large)


def _peak(task: str, count: int, home: Path, address: str) -> float:
    this = [sys.executable, "-m", "tests.bench.memory", task, str(count), str(home), address]
    env = dict(os.environ)
    if task == "publish":
        env |= {"BAHI_KAFKA": publishing.broker(), "BAHI_KAFKA_PREFIX": f"memory-{uuid4().hex}"}
    told = subprocess.run(this, capture_output=True, text=True, check=True, timeout=7_200, env=env)
    return float(told.stdout)


def main() -> None:
    """Be the process that is measured."""
    task, count, home, address = sys.argv[1:]
    with Bahi.open(Settings(home=Path(home), ledger=address)) as bahi:
        TASKS[task](bahi, int(count))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux tells KiB


if __name__ == "__main__":
    main()
