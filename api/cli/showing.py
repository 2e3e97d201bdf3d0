"""One thing on a page: what the views say of it, and what happened to it."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from api.cli.app import clocks, opened
from api.cli.naming import thing_id
from api.figures import print_figures, told
from api.render import json_rows, out, write_json
from api.things import rows_of
from ledger.event import Recorded, moment_of
from ledger.restricted import SERVICE
from replay.history import Clocks


def show(
    kind: str,
    text: str,
    as_of: str | None,
    known_at: str | None,
    *,
    json: bool,
    purpose: str = SERVICE,
) -> None:
    """Its row of every fold that has such things in its key, and its events in order of moment.

    Raises `NotFound` for a thing that nobody has heard of.
    """
    with opened() as bahi:
        thing = str(thing_id(bahi, kind, text))
        at = clocks(bahi, as_of, known_at)
        history = bahi.history_for(purpose)
        views = rows_of(bahi, history, kind, thing, at)
        events = history.about(f"{kind}:{thing}", at)
    if json:
        shown = {name: json_rows(rows) for name, rows in views.items()}
        write_json({kind: thing, "views": shown, "events": [event_line(event) for event in events]})
        return
    out.print(Text(f"{kind.capitalize()} {thing}", style="bold"))
    for name, rows in views.items():
        for row in rows.to_pylist():
            print_figures(name, {column: value for column, value in row.items() if column != kind})
    print_events(events)


def within(events: Iterable[Recorded], at: Clocks) -> list[Recorded]:
    """Those that had happened and were known by then, in order of moment."""
    known = (r for r in events if at.known_upto is None or r.position <= at.known_upto)
    happened = (r for r in known if at.as_of is None or r.event.occurred_at <= at.as_of)
    return sorted(happened, key=moment_of)


def event_line(recorded: Recorded) -> dict[str, Any]:
    """One event for programs."""
    event = recorded.event
    return {
        "position": recorded.position,
        "occurred_at": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "type": event.type,
        "customer": None if event.customer is None else str(event.customer),
        "data": dict(event.data),
    }


def print_events(events: Sequence[Recorded]) -> None:
    """What happened, a line an event, for people."""
    out.print()
    out.print(Text("events", style="bold cyan"))
    if not events:
        out.print("  nothing yet, at that moment")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right")
    for recorded in events:
        event = recorded.event
        when = Text(f"{event.occurred_at:%Y-%m-%d %H:%M}", style="dim")
        grid.add_row(f"{recorded.position:,}", when, event.type, told(event.data))
    out.print(grid)
