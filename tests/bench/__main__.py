"""`make bench`: each speed that matters beside its baseline, as a table, as JSON, and in the docs.

    make bench                     a hundred thousand events a row, in minutes
    SCALE=10m make bench           the full sizes
    ONLY=PostgreSQL make bench     the rows that say so
    PUBLISH=1 make bench           also writes table and plot into docs/performance.md

Sides are taken in turn and medians compared; see `runner`. Figures of one run only speak of that
run's machine. At the full sizes memory is measured too, at a tenth of the events and at all of them.
Exit code 1: a row missed what it must reach.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench import (
    catch_up,
    consuming,
    erasing,
    group_commit,
    memory,
    one_customer,
    over_http,
    postgres_append,
    postgres_full,
    publishing,
    rebuild,
    report,
    server,
    sqlite_append,
)
from tests.bench.memory import Flatness
from tests.bench.runner import Comparison, Result, Verdict, compare

_SCALES = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
_RESULTS = Path("build") / "bench.json"


def comparisons(count: int) -> Iterator[Comparison]:
    """Every row of the table."""
    yield from sqlite_append.comparisons(count)
    yield from postgres_append.comparisons(count)
    yield from group_commit.comparisons(count)
    yield from catch_up.comparisons(count)
    yield from postgres_full.comparisons(count)
    yield from rebuild.comparisons(count)
    yield from one_customer.comparisons(count)
    yield from erasing.comparisons(count)
    yield from publishing.comparisons(count)
    yield from consuming.comparisons(count)
    yield from over_http.comparisons(count)


def main() -> int:
    """Run everything, print the table, keep the figures as JSON in `build/`."""
    scale = os.environ.get("SCALE", "100k")
    if scale not in _SCALES:
        print(f"SCALE: expected one of {', '.join(_SCALES)}, came {scale!r}", file=sys.stderr)
        return 2
    rounds = int(os.environ.get("ROUNDS", "3"))
    only = os.environ.get("ONLY", "").casefold()
    out = Console()
    results = []
    for comparison in comparisons(_SCALES[scale]):
        if only in comparison.what.casefold():
            out.print(f"{comparison.what} …", style="dim")
            results.append(compare(comparison, rounds))
    peaks = []
    if scale == "10m" and only in "memory":
        out.print("memory …", style="dim")
        peaks = [*memory.measure(_SCALES[scale], server.an_empty_database, "PostgreSQL")]
    out.print(_table(results, scale))
    for peak in peaks:
        out.print(report.told(peak.as_json()))
    for result in results:
        out.print(f"{result.what}: {result.durability}", style="dim", soft_wrap=True)
    run = _run(results, peaks, scale, rounds)
    out.print(f"medians of {rounds} rounds, in turn; {run['machine']}")
    _RESULTS.parent.mkdir(exist_ok=True)
    _RESULTS.write_text(json.dumps(run, indent=2) + "\n")
    if os.environ.get("PUBLISH"):
        report.publish(run, Path("docs"))
    missed = any(result.verdict is Verdict.MISSED for result in results)
    return 1 if missed or not all(peak.flat for peak in peaks) else 0


def _run(results: list[Result], peaks: list[Flatness], scale: str, rounds: int) -> dict[str, Any]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}",
        "scale": scale,
        "rounds": rounds,
        "results": [result.as_json() for result in results],
        "memory": [peak.as_json() for peak in peaks],
    }


def _table(results: list[Result], scale: str) -> Table:
    table = Table(title=f"speed, {scale} events", title_justify="left")
    table.add_column("what")
    for name in ("events/s", "baseline/s", "ratio", "must", "aim", "spread"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for result in results:
        table.add_row(
            f"{result.what}\n[dim]against {result.baseline}[/]",
            f"{result.ours_per_s:,.0f}",
            f"{result.baseline_per_s:,.0f}",
            f"{result.ratio:.2f} ×",
            report.bound(result.must),
            report.bound(result.aim),
            f"{result.spread:.0%}",
            result.verdict,
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
