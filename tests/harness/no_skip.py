"""Does a follower of an event store ever miss an event? Writers, and readers that follow them.

    python -m tests.harness.no_skip --writers 5 --seconds 10
    python -m tests.harness.no_skip --writers 5 --batch 1 --conditions without --json

The store is any `DCBRecorder` of the eventsourcing library: the one that the library's own
environment names (`PERSISTENCE_MODULE`, and whatever that module reads besides), or what
`--recorder MODULE:CALLABLE` returns, called without arguments once in each process. So ours and the
library's are judged by the same lines, each on an empty store:

    PERSISTENCE_MODULE=ledger.dcb BAHI_LEDGER=sqlite:///folder …
    PERSISTENCE_MODULE=ledger.dcb BAHI_LEDGER=postgresql://user:password@host/database …
    PERSISTENCE_MODULE=eventsourcing.dcb.postgres_tt POSTGRES_DBNAME=database POSTGRES_HOST=host
        POSTGRES_PORT=5432 POSTGRES_USER=user POSTGRES_PASSWORD=password …

Writers are processes; each appends one event at a time, or 500, with a condition or without, and
counts what was acknowledged. Two readers are processes as well: one asks again and again for what
comes after the last position that it has seen, the other subscribes. Each must be handed exactly
what is stored in the end, in order. Records are counted, never distinct ids. The exit code is 1 if
anything was skipped, doubled, lost or out of order, and 2 if the store was not empty.
"""

import argparse
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBRecorder,
    DCBSequencedEvent,
)
from eventsourcing.dcb.persistence import DCBInfrastructureFactory
from eventsourcing.utils import Environment
from rich.console import Console
from rich.table import Table

from tests.ledger.processes import Born

READERS = ("poll", "subscribe")
WRITTEN, LAST = "written", "last"
CONDITIONS = {"both": (False, True), "without": (False,), "with": (True,)}
_QUIET_S = 0.01

Record = tuple[int, str]
"""Position, and what was written there: `writer:number`."""
Told = TypeVar("Told", Record, str)


def from_environment() -> DCBRecorder:
    """Return the recorder that `PERSISTENCE_MODULE` names."""
    env = Environment("no_skip", environ)
    factory: DCBInfrastructureFactory[Any] = DCBInfrastructureFactory.construct(env)
    return factory.dcb_recorder()


class NotEmpty(Exception):
    """The store holds events already, which nobody here could judge."""


# ---- the judgement, which knows no store and no process


@dataclass(frozen=True)
class Handed:
    """What one reader was handed, in records: how many, and how many of them wrongly."""

    records: int
    skipped: int
    again: int
    misplaced: int


@dataclass(frozen=True)
class Verdict:
    """What was found, counted in records; all is well if there are no findings."""

    acknowledged: int
    stored: int
    readers: Mapping[str, Handed]
    findings: tuple[str, ...]


def judge(
    acknowledged: Sequence[int],
    stored: Sequence[Record],
    delivered: Mapping[str, Sequence[Record]],
) -> Verdict:
    """Compare what writers were promised, what stands in the end, and what each reader was handed.

    `acknowledged[w]` is how many records writer `w` wrote: `w:0`, `w:1` … in that order.
    """
    promised = [f"{writer}:{n}" for writer, count in enumerate(acknowledged) for n in range(count)]
    standing = [told for _, told in stored]
    findings = [
        *_named("acknowledged and not stored", _missing(promised, standing), promised),
        *_named("stored and not acknowledged", _missing(standing, promised), standing),
        *_fallen("stored", _falls(stored)),
    ]
    for writer in range(len(acknowledged)):
        numbers = [
            int(told.partition(":")[2]) for told in standing if told.startswith(f"{writer}:")
        ]
        if numbers != sorted(numbers):
            findings.append(f"stored: what writer {writer} wrote is not in the order of writing")
    readers = {}
    for reader, records in delivered.items():
        skipped, again = _missing(stored, records), _missing(records, stored)
        readers[reader] = Handed(len(records), len(skipped), len(again), _falls(records))
        findings += [
            *_named(f"{reader}: skipped", skipped, stored),
            *_named(f"{reader}: handed over too often", again, records),
            *_fallen(reader, readers[reader].misplaced),
        ]
    return Verdict(len(promised), len(stored), readers, tuple(findings))


def _missing(wanted: Sequence[Told], found: Sequence[Told]) -> list[Told]:
    return list((Counter(wanted) - Counter(found)).elements())


def _named(what: str, missing: Sequence[object], of: Sequence[object]) -> list[str]:
    return [f"{what}: {len(missing):,} of {len(of):,}, first {missing[0]}"] if missing else []


def _falls(records: Sequence[Record]) -> int:
    return sum(b <= a for (a, _), (b, _) in pairwise(records))


def _fallen(where: str, falls: int) -> list[str]:
    return [f"{where}: {falls:,} positions are not after the one before"] if falls else []


# ---- the processes


@dataclass(frozen=True)
class Way:
    """How a writer writes: so many events an append, on a condition or not."""

    batch: int
    guarded: bool

    def __str__(self) -> str:
        return f"{self.batch:,} at a time {'with' if self.guarded else 'without'} a condition"


def ways(batches: Sequence[int], conditions: str) -> list[Way]:
    """Every combination of sizes and conditions; writers take them in turn."""
    return [Way(size, guarded) for guarded, size in product(CONDITIONS[conditions], batches)]


WAYS = ways((1, 500), "both")


def write(recorder: DCBRecorder, writer: int, way: Way, seconds: float) -> None:
    """Append for so long, once told to begin; print how many records were acknowledged.

    The condition is that nobody else has written with this writer's tag, and nobody has.
    """
    mine = f"writer:{writer}"
    count, after = 0, 0
    print("ready", flush=True)
    sys.stdin.readline()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        numbers = range(count, count + way.batch)
        events = [DCBEvent(WRITTEN, f"{writer}:{n}".encode(), [mine]) for n in numbers]
        boundary = DCBAppendCondition(DCBQuery([DCBQueryItem([WRITTEN], [mine])]), after)
        after = recorder.append(events, boundary if way.guarded else None)
        count += way.batch
    print(count, flush=True)


def follow(found: Iterable[DCBSequencedEvent]) -> None:
    """Print every record that is handed over, up to and including the last that is written."""
    print("ready", flush=True)
    for one in found:
        print(one.position, one.event.data.decode(), flush=True)
        if one.event.type == LAST:
            return


def polled(recorder: DCBRecorder) -> Iterator[DCBSequencedEvent]:
    """Yield what comes after the last position that was seen, asked for again and again."""
    position = 0
    while True:
        before = position
        for found in recorder.read(after=position):
            position = found.position
            yield found
        if position == before:
            time.sleep(_QUIET_S)


def _joined(dotted: str) -> DCBRecorder:
    """The recorder, as one more process makes it, when what is to be made has been made.

    The library's own recorders make their tables each time they are made, unless they are told not
    to, and fail when several do at once.
    """
    environ["CREATE_TABLE"] = "no"
    return resolve(dotted)()


def _be_writer(dotted: str, writer: int, way: Way, seconds: float) -> None:
    write(_joined(dotted), writer, way, seconds)


def _be_reader(dotted: str, name: str, log: Path) -> None:
    recorder = _joined(dotted)
    with log.open("w") as out, redirect_stdout(out):
        if name == "poll":
            follow(polled(recorder))
        else:
            with recorder.subscribe() as subscription:
                follow(subscription)


# ---- the run


def run(
    dotted: str,
    *,
    writers: int = 5,
    seconds: float = 10,
    ways: Sequence[Way] = WAYS,
    patience_s: float = 30,
) -> Verdict:
    """Let writers and readers loose on one empty store, and judge.

    A reader that has not seen the last record `patience_s` after it was written is killed, and
    judged by what it has seen. Raises `NotEmpty`.
    """
    recorder = resolve(dotted)()  # first, so that what is to be made is made once
    if next(recorder.read(limit=1), None) is not None:
        raise NotEmpty("expected an empty store, came one with events")
    with TemporaryDirectory() as folder, ExitStack() as stack:

        def start(task: Callable[..., None], *given: object) -> Born:
            process = Born(task, dotted, *given)
            stack.callback(process.end)
            stack.callback(process.kill)
            return process

        logs = {name: Path(folder) / name for name in READERS}
        readers = [start(_be_reader, name, log) for name, log in logs.items()]
        team = [start(_be_writer, n, ways[n % len(ways)], seconds) for n in range(writers)]
        for writer in team:
            assert writer.heard() == "ready"
        while not all(log.exists() and log.stat().st_size for log in logs.values()):
            time.sleep(_QUIET_S)
        for writer in team:
            writer.tell("go")
        acknowledged = [int(writer.heard()) for writer in team]

        recorder.append([DCBEvent(LAST, f"{writers}:0".encode())])
        deadline = time.monotonic() + patience_s
        for reader in readers:
            reader.wait(max(0, deadline - time.monotonic()))
            reader.kill()
        stored = [(one.position, one.event.data.decode()) for one in recorder.read()]
        delivered = {name: _records(log) for name, log in logs.items()}
        return judge([*acknowledged, 1], stored, delivered)


def _records(log: Path) -> list[Record]:
    _, *lines = log.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    return [(int(position), told) for position, told in (line.split() for line in whole)]


def resolve(dotted: str) -> Callable[[], DCBRecorder]:
    """Return what `module:callable` names."""
    module, _, name = dotted.partition(":")
    found: Callable[[], DCBRecorder] = getattr(importlib.import_module(module), name)
    return found


# ---- the command


def _sizes(text: str) -> list[int]:
    sizes = [int(size) for size in text.split(",")]
    if min(sizes) < 1:
        raise ValueError
    return sizes


def _parser() -> argparse.ArgumentParser:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        "python -m tests.harness.no_skip",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--recorder", default="tests.harness.no_skip:from_environment", metavar="MODULE:CALLABLE")
    add("--writers", type=int, default=5, help="how many processes write (5)")
    add("--seconds", type=float, default=10, help="for how long (10)")
    add("--batch", type=_sizes, default=[1, 500], help="events an append, in turn (1,500)")
    add("--conditions", choices=CONDITIONS, default="both", help="appended on a condition? (both)")
    add("--json", action="store_true", help="the verdict as one JSON document")
    return parser


def main() -> int:
    given = _parser().parse_args()
    plan = ways(given.batch, given.conditions)
    try:
        verdict = run(given.recorder, writers=given.writers, seconds=given.seconds, ways=plan)
    except NotEmpty as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        told = asdict(verdict) | {
            "writers": [str(plan[n % len(plan)]) for n in range(given.writers)]
        }
        print(json.dumps(told, indent=2))
    else:
        _show(verdict, [plan[n % len(plan)] for n in range(given.writers)])
    return 1 if verdict.findings else 0


def _show(verdict: Verdict, team: Sequence[Way]) -> None:
    out = Console()
    for way, count in Counter(team).items():
        out.print(f"{count} writing {way}")
    out.print(f"acknowledged {verdict.acknowledged:,}, stored {verdict.stored:,}")
    table = Table("reader")
    for column in ("handed over", "skipped", "too often", "out of order"):
        table.add_column(column, justify="right")
    for name, handed in verdict.readers.items():
        counts = (handed.records, handed.skipped, handed.again, handed.misplaced)
        table.add_row(name, *(f"{count:,}" for count in counts))
    out.print(table)
    for line in verdict.findings or ("nothing skipped, doubled, lost or out of order",):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
