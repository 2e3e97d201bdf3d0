"""What the HTTP door costs: touchpoints one by one and in batches, and customers read, against the same without it."""

import asyncio
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from api.wiring import Bahi
from commands.record import record
from commands.recording import Recorder
from commands.touchpoint import Touchpoint
from ledger.clock import system_clock
from ledger.opening import Ledger
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.bench import made
from tests.bench.runner import Comparison, Ending, Side

_CONNECTIONS = 64
_BATCHING = 8
"""Connections by which batches come."""
_BATCH = 100
_MOST = 20_000
"""Single events of a side: each waits for a commit, and they tell enough."""
_READS = 2_000
_DURABILITY = (
    "both: SQLite, synchronous=FULL, answered after the commit; callers in a process of their own"
)
_AT_ONCE = 1_000
_ALONE = ("--no-views",)


def comparisons(count: int) -> Iterator[Comparison]:
    """Writes, each answered when it is durable, and reads of customers out of so many."""
    single, whole = min(count, _MOST), count
    yield Comparison(
        what=f"single events over HTTP, {_CONNECTIONS} connections",
        baseline=f"{_CONNECTIONS} tasks that hand the same touchpoints in without HTTP",
        durability=_DURABILITY,
        ours=partial(_called, partial(_single, single), _CONNECTIONS, _ALONE, None),
        theirs=partial(_tasks, single),
    )
    yield Comparison(
        what=f"batches of {_BATCH} over HTTP, {_BATCHING} connections",
        baseline=f"recording the same touchpoints, {_BATCH} at once, without HTTP",
        durability=_DURABILITY,
        ours=partial(_called, partial(_batches, whole), _BATCHING, _ALONE, None),
        theirs=partial(_recording, whole),
    )
    yield Comparison(
        what=f"customers read over HTTP, {count:,} of them, {_BATCHING} connections",
        baseline="reading the same pages without HTTP, one after the other",
        durability="customers a second: nothing is written",
        ours=partial(_called, partial(_reads, count), _BATCHING, (), partial(_filled, count)),
        theirs=partial(_reading, count),
    )


Wire = tuple[bytes, int]
"""A request as it goes over the wire, and how many items it has."""


def _called(
    requests: Callable[[str], Iterable[Wire]],
    connections: int,
    options: Sequence[str],
    home: Callable[[], Path] | None,
    folder: Path,
) -> Side:
    """`bahi serve` over a ledger, an empty one if there is no `home`, and callers beside it."""
    at = folder if home is None else home()
    key = _key(Settings(home=at))
    server, port = _serve(at, options)
    wires = list(requests(key))
    callers = _callers(port, connections, [wire for wire, _ in wires])

    def side() -> int:
        found = _go(callers)
        assert {*found["statuses"]} <= {"200", "201"}, found["statuses"]
        print(f"    p50 {found['p50_ms']:.1f} ms, p99 {found['p99_ms']:.1f} ms", flush=True)
        return sum(items for _, items in wires)

    return Ending(side, partial(_stop, server))


def _single(count: int, key: str) -> Iterator[Wire]:
    for one in made.touchpoints(count):
        yield _wire("POST", "/v1/events", key, orjson.dumps(_event(one))), 1


def _batches(count: int, key: str) -> Iterator[Wire]:
    given = made.touchpoints(count)
    while some := [_event(one) for one in islice(given, _BATCH)]:
        yield _wire("POST", "/v1/events", key, orjson.dumps(some)), len(some)


def _reads(count: int, key: str) -> Iterator[Wire]:
    for one in _customers(count):
        yield _wire("GET", f"/v1/customers/{one}", key, b""), 1


def _event(one: Touchpoint) -> dict[str, Any]:
    return {
        "id": one.message_id,
        "type": one.payload.TOPIC,
        "occurred_at": one.occurred_at,
        "identifiers": {given.kind: given.value for given in one.identifiers},
        "tags": dict(one.tags),
        "data": one.payload.as_dict(),
    }


def _wire(method: str, path: str, key: str, body: bytes) -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _tasks(count: int, folder: Path) -> Side:
    bahi = Bahi.open(Settings(home=folder))
    given, intake = list(made.touchpoints(count)), bahi.intake
    recorder = Recorder(bahi.ledger, clock=system_clock, future_tolerance=intake.future_tolerance)

    async def work() -> None:
        async def caller(number: int) -> None:
            for touchpoint in given[number::_CONNECTIONS]:
                await recorder.record(touchpoint)

        await asyncio.gather(*map(caller, range(_CONNECTIONS)))

    def side() -> int:
        asyncio.run(work())
        return count

    def end() -> None:
        recorder.close()
        bahi.close()

    return Ending(side, end)


def _recording(count: int, folder: Path) -> Side:
    bahi = Bahi.open(Settings(home=folder))
    given = list(made.touchpoints(count))

    def side() -> int:
        for start in range(0, count, _BATCH):
            _record(bahi.ledger, given[start : start + _BATCH])
        return count

    return Ending(side, bahi.close)


def _reading(count: int, _folder: Path) -> Side:
    bahi = Bahi.open(Settings(home=_filled(count)))
    chosen = _customers(count)
    bahi.history.customer(chosen[0])

    def side() -> int:
        for one in chosen:
            assert bahi.history.customer(one)
        return len(chosen)

    return Ending(side, bahi.close)


def _record(ledger: Ledger, given: Sequence[Touchpoint]) -> None:
    tolerance = Settings().future_tolerance
    for outcome in record(ledger, given, clock=system_clock, future_tolerance=tolerance):
        assert outcome.refusal is None


@cache
def _filled(count: int) -> Path:
    """A ledger with so many customers, of whom each has one event or two, and its views."""
    home = Path(tempfile.mkdtemp(prefix="bahi-bench-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    with Bahi.open(Settings(home=home)) as bahi:
        given = made.touchpoints(2 * count, customers=count)
        while some := list(islice(given, _AT_ONCE)):
            _record(bahi.ledger, some)
        bahi.catch_up()
    return home


@cache
def _customers(count: int) -> Sequence[UUID]:
    """Some of them, from all over the book."""
    with Bahi.open(Settings(home=_filled(count))) as bahi:
        every = sorted(set(bahi.history.view("customer_360")["customer"].to_pylist()))
    return every[:: max(1, len(every) // _READS)][:_READS]


def _key(settings: Settings) -> str:
    with Bahi.open(settings) as bahi:
        given = ApiKey(uuid4(), "bench", "service", "shop", False, bahi.clock())
        return bahi.ledger.vault.issue(given)


def _serve(home: Path, options: Sequence[str]) -> tuple[subprocess.Popen[bytes], int]:
    """A server of its own, which limits nobody, and its port."""
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.api", "serve", "--port", "0", *options],
        env={**os.environ, "BAHI_HOME": str(home), "BAHI_HTTP_RATE": "1000000"},
        stderr=subprocess.PIPE,
    )
    atexit.register(server.kill)
    assert server.stderr is not None
    while b"listening on" not in (line := server.stderr.readline()):
        assert line, "the server ended before it began"
    log = subprocess.Popen(["cat"], stdin=server.stderr, stdout=subprocess.DEVNULL)
    atexit.register(log.kill)
    return server, int(line.split(b";")[0].rpartition(b":")[2])


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    assert server.wait() == 0


def _callers(port: int, connections: int, wires: Sequence[bytes]) -> subprocess.Popen[bytes]:
    callers = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.http_load", str(port), str(connections)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert callers.stdin is not None
    assert callers.stdout is not None
    for wire in wires:
        callers.stdin.write(b"%d\n%b" % (len(wire), wire))
    callers.stdin.write(b"0\n")
    callers.stdin.flush()
    assert callers.stdout.readline() == b"ready\n"
    return callers


def _go(callers: subprocess.Popen[bytes]) -> dict[str, Any]:
    told, _ = callers.communicate(b"go\n")
    found: dict[str, Any] = json.loads(told)
    return found
