"""What people read: a customer's page."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
from rich.table import Table
from rich.text import Text

from api.render import json_rows, out, readable
from commands.profile import Profile
from ledger.event import Recorded

_LATEST = 12
_SHORT = 60


def print_customer(
    customer: UUID,
    folds: Mapping[str, pa.Table],
    timeline: Sequence[Recorded],
    profile: Profile | None,
) -> None:
    """One customer for a terminal or a pipe: profile if opened, figures, latest events."""
    out.print(Text(f"Customer {customer}", style="bold"))
    if profile is not None:
        _print_profile(profile)
    for name, rows in folds.items():
        for row in rows.to_pylist():
            _print_figures(name, {k: v for k, v in row.items() if k != "customer"})
    _print_timeline(timeline)


def customer_json(
    customer: UUID,
    folds: Mapping[str, pa.Table],
    timeline: Sequence[Recorded],
    profile: Profile | None,
) -> dict[str, Any]:
    """The same for programs, the whole timeline included."""
    page: dict[str, Any] = {"customer": str(customer)}
    if profile is not None:
        page["profile"] = {
            **profile.details,
            "identifiers": [f"{kind}:{value}" for kind, value in profile.identifiers],
        }
        page["erased"], page["unavailable"] = profile.erased, profile.unavailable
    page["views"] = {name: json_rows(rows) for name, rows in folds.items()}
    page["timeline"] = [
        {
            "position": recorded.position,
            "occurred_at": recorded.event.occurred_at.isoformat().replace("+00:00", "Z"),
            "type": recorded.event.type,
            "data": dict(recorded.event.data),
            "tags": list(recorded.event.tags),
        }
        for recorded in timeline
    ]
    return page


def _print_profile(profile: Profile) -> None:
    for name, value in profile.details.items():
        out.print(f"  {name:<14} {readable(value)}", soft_wrap=True)
    for kind, value in profile.identifiers:
        out.print(f"  {kind:<14} {readable(value)}", soft_wrap=True)
    if profile.erased:
        out.print(f"  {profile.erased:,} sealed parts were erased for good")
    if profile.unavailable:
        out.print(
            f"  {profile.unavailable:,} sealed parts cannot be opened now: their key is missing"
        )


def _print_figures(view: str, row: Mapping[str, Any]) -> None:
    out.print()
    out.print(Text(view, style="bold cyan"))
    grid = Table.grid(padding=(0, 2))
    for name, value in row.items():
        if value not in (None, 0, False):
            grid.add_row(Text("  " + name, style="dim"), readable(value))
    out.print(grid)


def _print_timeline(timeline: Sequence[Recorded]) -> None:
    out.print()
    out.print(Text("timeline", style="bold cyan"))
    if not timeline:
        out.print("  nothing yet, at that moment")
    grid = Table.grid(padding=(0, 2))
    for recorded in timeline[-_LATEST:]:
        said = ", ".join(f"{k} {_short(v)}" for k, v in sorted(recorded.event.data.items()))
        when = f"  {recorded.event.occurred_at:%Y-%m-%d %H:%M}"
        grid.add_row(Text(when, style="dim"), recorded.event.type, said)
    out.print(grid)
    if len(timeline) > _LATEST:
        out.print(f"  … and {len(timeline) - _LATEST:,} earlier")


def _short(value: object) -> str:
    return readable(value)[:_SHORT]
