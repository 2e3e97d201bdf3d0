"""What people read of a request about somebody's data, and of the grounds that a law knows."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import pyarrow as pa
from rich.text import Text

from api.cli.showing import event_line, print_events
from api.figures import print_figures
from api.render import json_rows, out, readable, rich_table
from commands.privacy import Correspondence, Ground
from ledger.catalogue.privacy import Law
from ledger.event import Recorded

VIEWS = ("privacy_request", "privacy_due")
"""What the views say of a request: how it stands, and what is due."""

_DUE = ["duty", "due_on", "days_left", "overdue", "waits", "holds"]


def print_request(
    request: UUID,
    told: Correspondence | None,
    views: Mapping[str, pa.Table],
    events: Sequence[Recorded],
) -> None:
    """One request for people: what was opened of it, how it stands, what is due, what happened."""
    out.print(Text(f"Request {request}", style="bold"))
    if told is not None:
        _print_opened(told)
    for row in views["privacy_request"].drop_columns(["request"]).to_pylist():
        print_figures("privacy_request", row)
    if views["privacy_due"].num_rows:
        out.print()
        out.print(rich_table(views["privacy_due"].select(_DUE)))
    print_events(events)


def request_json(
    request: UUID,
    told: Correspondence | None,
    views: Mapping[str, pa.Table],
    events: Sequence[Recorded],
) -> dict[str, Any]:
    """The same for programs."""
    shown: dict[str, Any] = {"request": str(request)}
    if told is not None:
        shown |= {"opened": told.fields, "erased": told.erased, "unavailable": told.unavailable}
    shown["views"] = {name: json_rows(rows) for name, rows in views.items()}
    return {**shown, "events": [event_line(recorded) for recorded in events]}


def grounds_told(table: Mapping[Law, Mapping[str, Ground]]) -> str:
    """Every ground by law, with its article, for a help text."""
    laws = (
        f"{law}: " + ", ".join(f"{code} ({ground.article})" for code, ground in known.items())
        for law, known in table.items()
        if known
    )
    return " · ".join(laws)


def _print_opened(told: Correspondence) -> None:
    """What was sealed, each piece under its name."""
    for name, value in told.fields.items():
        pairs = value if name == "identifiers" else [(name, value)]
        for kind, text in pairs:
            out.print(f"  {kind:<14} {readable(text)}", soft_wrap=True)
    if told.erased:
        out.print(f"  {told.erased:,} sealed parts were erased for good")
    if told.unavailable:
        out.print(f"  {told.unavailable:,} sealed parts cannot be opened now: their key is missing")
