"""Does a follower of an event store ever miss an event? Writers, and readers that follow them.

    python -m tests.harness.no_skip [--recorder MODULE:CALLABLE] [--writers 8] [--seconds 10]

`--recorder` names what returns a `DCBRecorder` of the eventsourcing library; it is called without
arguments, once in each process. Left out, it is the recorder that the library's own environment
names: `PERSISTENCE_MODULE`, and whatever that module reads besides. So ours and the library's are
judged by the same lines:

    PERSISTENCE_MODULE=ledger.dcb BAHI_LEDGER=sqlite:///folder …
    PERSISTENCE_MODULE=eventsourcing.dcb.postgres_tt POSTGRES_DBNAME=… …

Writers are processes; each appends one event at a time, or 500, with a condition or without, and
counts what was acknowledged. Two readers are processes as well: one asks again and again for what
comes after the last position that it has seen, the other subscribes. Each must be handed exactly
what is stored in the end, in order. Records are counted, never distinct ids. The exit code is 1 if
anything was skipped, doubled, lost or out of order.
"""

import argparse
import importlib
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import pairwise
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

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

ROOT = Path(__file__).parents[2]
BATCH = 500
READERS = ("poll", "subscribe")
WRITTEN, LAST = "written", "last"
_QUIET_S = 0.01

Record = tuple[int, str]
"""Position, and what was written there: `writer:number`."""


def from_environment() -> DCBRecorder:
    """Return the recorder that `PERSISTENCE_MODULE` names."""
    env = Environment("no_skip", environ)
    factory: DCBInfrastructureFactory[Any] = DCBInfrastructureFactory.construct(env)
    return factory.dcb_recorder()


# ---- the judgement, which knows no store and no process


@dataclass(frozen=True)
class Verdict:
    """What was found, counted in records; all is well if there are no findings."""

    acknowledged: int
    stored: int
    delivered: Mapping[str, int]
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
        *_missing("acknowledged and not stored", promised, standing),
        *_missing("stored and not acknowledged", standing, promised),
        *_misplaced("stored", stored),
    ]
    for writer in range(len(acknowledged)):
        numbers = [
            int(told.partition(":")[2]) for told in standing if told.startswith(f"{writer}:")
        ]
        if numbers != sorted(numbers):
            findings.append(f"stored: what writer {writer} wrote is not in the order of writing")
    for reader, records in delivered.items():
        findings += [
            *_missing(f"{reader}: skipped", stored, records),
            *_missing(f"{reader}: handed over too often", records, stored),
            *_misplaced(reader, records),
        ]
    counts = {reader: len(records) for reader, records in delivered.items()}
    return Verdict(len(promised), len(stored), counts, tuple(findings))


def _missing(what: str, wanted: Sequence[object], found: Sequence[object]) -> list[str]:
    missing = list((Counter(wanted) - Counter(found)).elements())
    return [f"{what}: {len(missing):,} of {len(wanted):,}, first {missing[0]}"] if missing else []


def _misplaced(where: str, records: Sequence[Record]) -> list[str]:
    falls = sum(b <= a for (a, _), (b, _) in pairwise(records))
    return [f"{where}: {falls:,} positions are not after the one before"] if falls else []


# ---- the processes


def write(recorder: DCBRecorder, writer: int, seconds: float) -> None:
    """Append for so long, once told to begin; print how many records were acknowledged.

    Even writers append one event at a time, odd ones 500. Every second pair does so on condition
    that nobody else has written with its tag, and nobody has.
    """
    size = BATCH if writer % 2 else 1
    guarded = writer % 4 >= 2
    mine = f"writer:{writer}"
    count, after = 0, 0
    print("ready", flush=True)
    sys.stdin.readline()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        numbers = range(count, count + size)
        events = [DCBEvent(WRITTEN, f"{writer}:{n}".encode(), [mine]) for n in numbers]
        boundary = DCBAppendCondition(DCBQuery([DCBQueryItem([WRITTEN], [mine])]), after)
        after = recorder.append(events, boundary if guarded else None)
        count += size
    print(count, flush=True)


def follow(found: Iterable[DCBSequencedEvent]) -> None:
    """Print every record that is handed over, up to and including the last that is written."""
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


def be(part: str, recorder: DCBRecorder, writer: int, seconds: float) -> None:
    """Be one of the processes."""
    if part == "write":
        write(recorder, writer, seconds)
    elif part == "poll":
        follow(polled(recorder))
    else:
        with recorder.subscribe() as subscription:
            follow(subscription)


# ---- the run


def run(dotted: str, *, writers: int = 8, seconds: float = 10, patience_s: float = 30) -> Verdict:
    """Let writers and readers loose on one empty store, and judge.

    A reader that has not seen the last record `patience_s` after it was written is killed, and
    judged by what it has seen.
    """
    this = [sys.executable, "-m", "tests.harness.no_skip", "--recorder", dotted]
    this += ["--seconds", str(seconds)]
    pipe = subprocess.PIPE
    with TemporaryDirectory() as folder, ExitStack() as stack:

        def start(*arguments: str, out: int | IO[bytes]) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([*this, *arguments], cwd=ROOT, stdin=pipe, stdout=out)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        logs = {name: stack.enter_context((Path(folder) / name).open("w+b")) for name in READERS}
        readers = [start("--be", name, out=log) for name, log in logs.items()]
        team = [start("--be", "write", "--writer", str(n), out=pipe) for n in range(writers)]
        for writer in team:
            assert writer.stdout
            assert writer.stdout.readline() == b"ready\n"
        for writer in team:
            assert writer.stdin
            writer.stdin.write(b"go\n")
            writer.stdin.flush()
        acknowledged = [int(writer.communicate()[0]) for writer in team]

        recorder = resolve(dotted)()
        recorder.append([DCBEvent(LAST, f"{writers}:0".encode())])
        deadline = time.monotonic() + patience_s
        for reader in readers:
            with suppress(subprocess.TimeoutExpired):
                reader.wait(max(0, deadline - time.monotonic()))
            reader.kill()
        stored = [(one.position, one.event.data.decode()) for one in recorder.read()]
        delivered = {name: _records(Path(folder) / name) for name in READERS}
        return judge([*acknowledged, 1], stored, delivered)


def _records(log: Path) -> list[Record]:
    whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [(int(position), told) for position, told in (line.split() for line in whole)]


def resolve(dotted: str) -> Callable[[], DCBRecorder]:
    """Return what `module:callable` names."""
    module, _, name = dotted.partition(":")
    found: Callable[[], DCBRecorder] = getattr(importlib.import_module(module), name)
    return found


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        "python -m tests.harness.no_skip",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recorder", default="tests.harness.no_skip:from_environment")
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--be", choices=("write", *READERS), help=argparse.SUPPRESS)
    parser.add_argument("--writer", type=int, default=0, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.be:
        be(given.be, resolve(given.recorder)(), given.writer, given.seconds)
        return 0
    verdict = run(given.recorder, writers=given.writers, seconds=given.seconds)
    print(f"acknowledged {verdict.acknowledged:,}, stored {verdict.stored:,} records")
    for reader, count in verdict.delivered.items():
        print(f"{reader} was handed {count:,}")
    print(*verdict.findings or ("nothing skipped, doubled, lost or out of order",), sep="\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
