"""One round: a crew on a book of its own, what its seed does to it, and the verdict.

The seed chooses who is there, by which way each comes to the server, and what is done to whom and
when. It chooses no more than that: what meets what is up to the machine, and no two runs of a seed
are alike.
"""

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.soak.auditor import Audit, audit
from tests.soak.crew import FOLLOWERS, WRITERS, Crew, Member
from tests.soak.disk import Disk, Memory
from tests.soak.part import DRAIN, STOP, Part
from tests.soak.proxy import Cut, Proxy
from tests.soak.server import Server
from tests.soak.tables import PostgresStore, SqliteStore, Store

FAULTS = (10, 16)
"""How many things are done to a round's crew, at least and at most, besides what is done to its server."""
_PATIENCE_S = 90
_WARM_BYTES = 1_000
_DISK_MB = 40
_FULL_S = (0.3, 1.2)

_CREW = (*WRITERS, "guarded2", *FOLLOWERS, "keep", "keep2", "fold")

Fault = Callable[[], object]
"""Does something to somebody; False if there was nobody to do it to."""
Choice = tuple[str, Fault, int]
"""A fault by name, and how often it is chosen beside the others."""


@dataclass
class Round:
    """What happened in a round, in numbers; `wrong` is empty if all is as it must be."""

    seed: int
    store: str
    faults: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    audit: Audit = field(default_factory=Audit)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0

    def __str__(self) -> str:
        done = ", ".join(f"{count} {what}" for what, count in sorted(self.done.items()))
        return (
            f"seed {self.seed}, {self.store}: {self.audit.acknowledged:,} acknowledged of "
            f"{self.audit.stored:,} stored, {self.audit.handed:,} handed over; {done}; "
            f"{self.seconds:.1f} s; {'WRONG' if self.wrong else 'all there, once, in order'}"
        )


class _Stage:
    """The round under way."""

    def __init__(self, seed: int, folder: Path, result: Round) -> None:
        self.chance = random.Random(seed)
        self.crew = Crew()
        self.folder = folder
        self.result = result
        self.seed = seed

    def members(self, *kinds: str) -> list[Member]:
        return [member for member in self.crew.members if member.part.kind in kinds]

    def start(self, kind: str, name: str, address: str, vault: str = "") -> Member:
        return self.crew.start(Part(kind, name, self.folder, address, vault, self.seed))

    def kill(self) -> bool:
        return self.crew.kill(self.chance.choice(self.crew.members), self.chance.uniform(0, 0.5))

    def hold(self) -> bool:
        return self.crew.hold(self.chance.choice(self.crew.members), self.chance.uniform(0.1, 1.5))

    def begin(self, address: str, vault: str = "") -> None:
        self._demand([self.start("begin", "begin", address, vault)], "it did not begin a ledger")

    def work(
        self, light: Sequence[Choice], heavy: Sequence[Choice], faults: tuple[int, int]
    ) -> None:
        """Do one thing after the other to them, and tend to whom that was done.

        What stops everybody is done seldom, and not before they are at work again.
        """
        chance = self.chance
        plan = [*_chosen(chance, light, chance.randint(*faults))]
        for seldom in _chosen(chance, heavy, chance.choice((0, 1, 1, 2))):
            plan.insert(chance.randint(0, len(plan)), seldom)
        serious = {name for name, *_ in heavy}
        self.warm_up()
        for name, fault in plan:
            if fault() is not False:
                self.result.faults.append(name)
            self._tend(chance.uniform(0.05, 0.4))
            if name in serious:
                self._tend_until_at_work()
        self._tend_until_at_work()

    def _tend(self, for_s: float) -> None:
        end = time.monotonic() + for_s
        while time.monotonic() < end:
            self.crew.tend()
            time.sleep(0.01)

    def warm_up(self) -> None:
        """Until everybody has written and been handed something."""
        self._tend_until(
            lambda: all(self._noted(one) > _WARM_BYTES for one in self._taking_notes())
        )

    def _tend_until_at_work(self) -> None:
        """Until something is written again, and something handed over."""
        for kinds in (WRITERS, FOLLOWERS):
            self._tend_until_more_is_noted(self.members(*kinds))

    def _tend_until_more_is_noted(self, members: Sequence[Member]) -> None:
        before = sum(map(self._noted, members))
        self._tend_until(lambda: sum(map(self._noted, members)) > before + _WARM_BYTES)

    def _tend_until(self, reached: Callable[[], bool]) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not reached():
            self._tend(0.05)
            if time.monotonic() > end:
                notes = {one.part.name: self._noted(one) for one in self._taking_notes()}
                self.result.wrong.append(
                    f"they did not come to work, by the bytes of notes: {notes}"
                )
                return

    def _taking_notes(self) -> list[Member]:
        return self.members(*WRITERS, *FOLLOWERS)

    def _noted(self, member: Member) -> int:
        mine = [f"{member.part.name}.notes", f"{member.part.name}.*.notes"]  # its threads' too
        return sum(notes.stat().st_size for name in mine for notes in self.folder.glob(name))

    def finish(self, address: str, vault: str = "") -> None:
        """Let everybody come to the end, and have the whole verified by a user's means."""
        crew = self.crew
        crew.tend(at_once=True)
        (self.folder / STOP).touch()
        self._demand(self.members(*WRITERS), "it did not come to an end")
        closing = self.start("close", "closing", address)
        self._demand([closing], "it could not append")
        self._demand(self.members(*FOLLOWERS), "it was not handed the last event")
        (self.folder / DRAIN).touch()
        self._demand(self.members("fold"), "it did not come to the head")
        late = crew.dismiss(self.members("keep"), _PATIENCE_S)
        self.result.wrong += [f"{member.part.name}: it did not stop" for member in late]
        asked = [self.start(kind, kind, address, vault) for kind in ("views", "verify")]
        self._demand(asked, "it did not answer")
        for member in crew.failed():
            words = (self.folder / f"{member.part.name}.words").read_text(errors="replace")
            self.result.wrong.append(f"{member.part.name} ended by itself: {words[-1500:]}")

    def _demand(self, members: list[Member], else_: str) -> None:
        late = self.crew.wait(members, _PATIENCE_S)
        self.result.wrong += [f"{member.part.name}: {else_}" for member in late]

    def judge(self, store: Store) -> None:
        self.result.audit = audit(self.folder, store)
        self.result.wrong += self.result.audit.findings


def _chosen(
    chance: random.Random, faults: Sequence[Choice], count: int
) -> Iterator[tuple[str, Fault]]:
    weights = [weight for *_, weight in faults]
    for name, fault, _ in chance.choices(faults, weights, k=count) if faults else ():
        yield name, fault


@contextmanager
def _staged(seed: int, store: str, folder: Path) -> Iterator[_Stage]:
    begun = time.monotonic()
    result = Round(seed, store)
    stage = _Stage(seed, folder, result)
    try:
        yield stage
    finally:
        stage.crew.close()
        result.done += stage.crew.done
        result.seconds = time.monotonic() - begun


def sqlite_round(
    seed: int, folder: Path, faults: tuple[int, int] = FAULTS, *, quiet: bool = False
) -> Round:
    """A round over a book in a SQLite file, on a disk that is full now and then.

    In a quiet one nothing is done to anybody.
    """
    with _staged(seed, "SQLite", folder) as stage, ExitStack() as stack:
        home = folder / "home"
        home.mkdir()
        light: list[Choice] = [("kill", stage.kill, 2), ("hold", stage.hold, 1)]
        heavy: list[Choice] = []
        disk: Disk | None = None
        if not quiet and seed % 2 and (disk := _mounted(home)):
            stack.callback(disk.close)
            heavy.append(("disk full", lambda: _fill(disk, stage), 1))
        address = f"sqlite:///{home / 'book'}"
        stage.begin(address)
        for name in _CREW:
            stage.start(name.rstrip("2"), name, address)
        if quiet:
            stage.warm_up()
        else:
            stage.work(light, heavy, faults)
        if disk is not None:
            disk.free()
        stage.finish(address)
        stage.judge(SqliteStore(home / "book" / "book.db"))
        stage.crew.close()
        if stage.result.wrong:
            shutil.copytree(home, folder / "kept")  # the disk goes
    return stage.result


def _mounted(folder: Path) -> Disk | None:
    try:
        return Memory(folder, _DISK_MB)
    except OSError:
        return None


def _fill(disk: Disk | None, stage: _Stage, heal: Callable[[], None] = lambda: None) -> None:
    assert disk is not None
    disk.fill()
    time.sleep(stage.chance.uniform(*_FULL_S))
    disk.free()
    heal()
    stage.result.done["disk filled"] += 1


def postgres_round(
    seed: int, folder: Path, server: Server, faults: tuple[int, int] = FAULTS
) -> Round:
    """A round over a book in a schema of this server, which is killed and cut off now and then."""
    schema = f"soak_{seed}"
    with _staged(seed, "PostgreSQL", folder) as stage, Proxy(server.postgres.port) as proxy:
        chance, before = stage.chance, server.done.copy()
        direct = f"{server.url}?schema={schema}&sslmode=disable&gssencmode=disable"
        cuttable = direct.replace(f":{server.postgres.port}/", f":{proxy.port}/")
        # The vault is a file, or stands in a schema of its own.
        vaults = ["", ""]
        if chance.random() < 0.5:
            vaults = [url.replace(schema, f"{schema}_vault") for url in (direct, cuttable)]
        stage.begin(direct, vaults[0])
        for name in _CREW:
            way = chance.choice((0, 1, 1))
            stage.start(name.rstrip("2"), name, (direct, cuttable)[way], vaults[way])
        light: list[Choice] = [
            ("kill", stage.kill, 8),
            ("hold", stage.hold, 4),
            *((f"cut {how}", partial(proxy.cut, how), 3) for how in Cut),
            *((f"cut {how} a COMMIT", partial(proxy.cut, how, b"COMMIT"), 1) for how in Cut),
            ("break a reading off", lambda: proxy.cut(Cut.BROKEN_OFF, b"FROM event"), 2),
            ("cut all", proxy.cut_all, 1),
            ("cut the listeners", lambda: proxy.cut_all(b"LISTEN"), 2),
            ("terminate", lambda: server.terminate(chance.random()), 2),
        ]
        heavy: list[Choice] = [
            ("kill server", server.kill, 2),
            ("quit server", server.quit, 2),
            ("restart server", server.restart, 2),
            ("kill a backend", lambda: server.kill_backend(chance.random()), 2),
            ("hold server", lambda: server.hold(chance.uniform(0.1, 1)), 1),
        ]
        if server.disk is not None:
            disk = server.disk
            heavy.append(("disk full", lambda: _fill(disk, stage, server.heal), 10))
        stage.work(light, heavy, faults)
        proxy.calm()
        server.heal()
        stage.finish(direct, vaults[0])
        stage.judge(PostgresStore(server.url, schema))
        stage.crew.close()
        stage.result.done += Counter({f"cut {how}": count for how, count in proxy.done.items()})
        stage.result.done += server.done - before
        if stage.result.wrong:
            server.keep(schema, folder)
        else:
            server.forget(schema)
    return stage.result
