"""`make bench`: each speed that matters beside its baseline, as a table and as JSON.

`SCALE=10m make bench` runs the full sizes. Sides are taken in turn and medians compared; see
`runner`. Figures of one run only speak of that run's machine.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import rebuild, sqlite_append
from tests.bench.runner import Comparison, Result, compare

_SCALES = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
_RESULTS = Path("build") / "bench.json"


def comparisons(count: int) -> Iterator[Comparison]:
    """Every row of the table."""
    yield from sqlite_append.comparisons(count)
    yield from rebuild.comparisons(count)


def main() -> int:
    """Run everything, print the table, keep the figures as JSON in `build/`."""
    scale = os.environ.get("SCALE", "100k")
    if scale not in _SCALES:
        print(f"SCALE: expected one of {', '.join(_SCALES)}, came {scale!r}", file=sys.stderr)
        return 2
    rounds = int(os.environ.get("ROUNDS", "3"))
    out = Console()
    results = []
    for comparison in comparisons(_SCALES[scale]):
        out.print(f"{comparison.what} …", style="dim")
        results.append(compare(comparison, rounds))
    out.print(_table(results, scale))
    for result in results:
        out.print(f"{result.what}: {result.durability}", style="dim", soft_wrap=True)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    out.print(f"medians of {rounds} rounds, in turn; {machine}")
    _RESULTS.parent.mkdir(exist_ok=True)
    run = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine,
        "scale": scale,
        "results": [result.as_json() for result in results],
    }
    _RESULTS.write_text(json.dumps(run, indent=2) + "\n")
    return 0


def _table(results: list[Result], scale: str) -> Table:
    table = Table(title=f"speed, {scale} events", title_justify="left")
    table.add_column("what")
    table.add_column("against")
    for name in ("events/s", "baseline/s", "ratio", "spread"):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(
            result.what,
            result.baseline,
            f"{result.ours_per_s:,.0f}",
            f"{result.baseline_per_s:,.0f}",
            f"{result.ratio:.2f} ×",
            f"{result.spread:.0%}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
