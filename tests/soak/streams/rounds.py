"""A round over topics: a crew on a ledger of its own, and what its seed does to it and its broker.

The seed chooses what is done to whom and when, and no more: what meets what is up to the machine.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.soak.crew import Crew, Member
from tests.soak.part import STOP, Part
from tests.soak.streams import parts
from tests.soak.streams.broker import Broker
from tests.soak.tables import SqliteStore, Store

PATIENCE_S = 120.0
_SERIOUS = 3
"""One of so many faults is done to the broker."""

Fault = Callable[[], object]


@dataclass
class Round:
    """What happened in a round, in numbers; `wrong` is empty if all is as it must be."""

    seed: int
    what: str
    done: Counter[str] = field(default_factory=Counter)
    events: int = 0
    records: int = 0
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        return (
            f"seed {self.seed}, {self.what}: {self.events:,} events, {self.records:,} records; {done}; "
            f"{self.seconds:.1f} s; {'WRONG' if self.wrong else 'each once, in order'}"
        )


class Stage:
    """The round under way."""

    def __init__(self, result: Round, folder: Path, broker: Broker) -> None:
        self.result = result
        self.chance = random.Random(f"{result.what} {result.seed}")
        self.folder = folder
        self.broker = broker
        self.crew = Crew()
        self.address = f"sqlite:///{folder / 'home' / 'book'}"
        self.vault = ""
        self.store: Store = SqliteStore(folder / "home" / "book" / "book.db")
        self.prefix = f"soak-{result.what[:3]}-{result.seed}-{time.time_ns() % 10**9}"
        parts.point(folder, broker.bootstrap, self.prefix)

    def start(self, kind: str, name: str) -> Member:
        return self.crew.start(
            Part(kind, name, self.folder, self.address, self.vault, self.result.seed)
        )

    def of(self, *kinds: str) -> list[Member]:
        return [member for member in self.crew.members if member.part.kind in kinds]

    def demand(self, members: Sequence[Member], else_: str) -> None:
        late = self.crew.wait([*members], PATIENCE_S)
        self.result.wrong += [f"{member.part.name}: {else_}" for member in late]

    def tend(self, for_s: float, also: Callable[[], object]) -> None:
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            self.crew.tend()
            also()
            time.sleep(0.02)

    def tend_until(self, reached: Callable[[], bool], also: Callable[[], object]) -> bool:
        """Whether it was reached."""
        end = time.monotonic() + PATIENCE_S
        while not reached():
            self.tend(0.05, also)
            if time.monotonic() > end:
                return False
        return True

    def noted(self, *kinds: str) -> int:
        """How much these have noted so far."""
        notes = [self.folder / f"{member.part.name}.notes" for member in self.of(*kinds)]
        return sum(path.stat().st_size for path in notes if path.exists())

    def broker_faults(self) -> list[Fault]:
        chance, broker = self.chance, self.broker
        return [
            lambda: broker.kill(chance.uniform(0, 1)),
            broker.restart,
            lambda: broker.hold(chance.uniform(0.2, 2)),
        ]

    def suffer(
        self,
        count: int,
        light: Sequence[Fault],
        heavy: Sequence[Fault],
        also: Callable[[], object] = lambda: None,
    ) -> None:
        """Do so many things to them, and tend to whom that was done."""
        for number in range(count):
            self.tend(self.chance.uniform(0.1, 1.5), also)
            serious = number % _SERIOUS == _SERIOUS - 1
            self.chance.choice(heavy if serious else light)()
        self.tend(self.chance.uniform(0.1, 2), also)
        self.crew.tend(at_once=True)

    def finish(self, who: str, until_told: str) -> None:
        """Let those come to the end who do so by themselves, and tell the others."""
        (self.folder / STOP).touch()
        self.demand(self.of(who), "it did not come to an end")
        late = self.crew.dismiss(self.of(until_told), PATIENCE_S)
        self.result.wrong += [f"{member.part.name}: it did not stop" for member in late]

    def run(self, *kinds: str) -> None:
        """Start these one after the other, each when the one before has ended; and look who has ended badly."""
        for kind in kinds:
            self.demand([self.start(kind, kind)], "it did not come to the end")
        self._find_failed()

    def _find_failed(self) -> None:
        """Find who ended otherwise than well, with their last words."""
        for member in self.crew.failed():
            words = (self.folder / f"{member.part.name}.words").read_text(errors="replace")
            self.result.wrong.append(f"{member.part.name} ended by itself: {words[-1500:]}")


@contextmanager
def staged(result: Round, folder: Path, broker: Broker) -> Iterator[Stage]:
    begun, before = time.monotonic(), broker.done.copy()
    (folder / "home").mkdir()
    stage = Stage(result, folder, broker)
    try:
        yield stage
    finally:
        stage.crew.close()
        result.done += stage.crew.done + (broker.done - before)
        result.seconds = time.monotonic() - begun
