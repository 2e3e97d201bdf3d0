"""What people read of consent: the answer with its evidence, and what was said before."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from api.render import out, readable, visible
from commands.consent import Permission, State, Step
from ledger.event import Recorded

_WORDS = {
    State.RESTRICTED: "their data is restricted",
    State.OBJECTED: "they object to it",
    State.UNSUBSCRIBED: "they unsubscribed from e-mail",
    State.WITHDRAWN: "they took their consent back",
    State.REFUSED: "they refused",
    State.GIVEN: "they consented",
    State.EXPIRED: "their consent has expired",
    State.REQUESTED: "they were asked and have not answered",
    State.UNKNOWN: "they never said anything about it",
}
_TEXT_SHOWN = 400
"""Of a notice's text, in characters; `--json` has it whole."""


def print_answer(answer: Permission, at: datetime) -> None:
    """The answer with its evidence, for people."""
    yes = "Yes" if answer.allowed else "No"
    out.print(Text(f"{yes}: {_WORDS[answer.state]}.", style="bold"))
    grid = Table.grid(padding=(0, 2))
    lines = [("asked", f"{answer.purpose} by {answer.channel}, on {_minute(at)}")]
    if answer.by is not None:
        event = answer.by.event
        when = f"{event.type} at position {answer.by.position:,}, on {_minute(event.occurred_at)}"
        lines.append(("decided by", f"{when}, id {event.id}"))
    if answer.lapses_at is not None:
        word = "lapses" if answer.allowed else "lapsed"
        lines.append((word, _minute(answer.lapses_at)))
    if answer.notice is not None:
        notice = answer.notice
        named = [notice.code, notice.version and f"version {notice.version}", notice.language]
        lines.append(("they saw", ", ".join(word for word in named if word)))
        text = "which text that was is not on record" if notice.text is None else notice.text
        lines.append(("", visible(text[:_TEXT_SHOWN]) + ("…" if text[_TEXT_SHOWN:] else "")))
    if answer.allowed:
        lines.append(("may be sent", _sending(answer, at)))
    for name, value in lines:
        grid.add_row(Text(f"  {name}", style="dim"), value)
    out.print(grid)


def _sending(answer: Permission, at: datetime) -> str:
    zone = answer.time_zone or "UTC; their time zone is not known"
    if answer.next_at is None:
        return f"no more: it lapses before the next allowed hour of their day in {zone}"
    there = answer.next_at.astimezone(ZoneInfo(answer.time_zone or "UTC"))
    if answer.next_at == at:
        return f"now: it is {there:%H:%M} in {zone}"
    same = "" if answer.time_zone is None else f", which is {_minute(answer.next_at)}"
    return f"from {there:%Y-%m-%d %H:%M} in {zone}{same}"


def print_history(steps: list[Step], purpose: str, channel: str) -> None:
    """What was said, and the answer after each."""
    table = Table.grid(padding=(0, 2))
    table.add_row(*(Text(name, style="bold") for name in ("position", "when", "what", "then")))
    for step in steps:
        recorded = step.recorded
        data = recorded.event.data
        named = [str(data[name]) for name in ("purpose", "channel", "other") if name in data]
        table.add_row(
            f"{recorded.position:,}",
            _minute(recorded.event.occurred_at),
            readable(" ".join([recorded.event.type, *named])),
            step.then.state.value,
        )
    if steps:
        out.print(table)
    count = len(steps)
    out.print(f"{count:,} event{' bears' if count == 1 else 's bear'} on {purpose} by {channel}.")


def answer_json(answer: Permission) -> dict[str, Any]:
    """The answer for programs, with the whole text that was shown."""
    notice = answer.notice
    return {
        "allowed": answer.allowed,
        "state": answer.state.value,
        "purpose": answer.purpose,
        "channel": answer.channel,
        "decided_by": None if answer.by is None else _event_json(answer.by),
        "lapses_at": _iso(answer.lapses_at),
        "notice": None
        if notice is None
        else {
            "notice": notice.code,
            "notice_version": notice.version,
            "language": notice.language,
            "title": notice.title,
            "text": notice.text,
            "position": notice.position,
        },
        "time_zone": answer.time_zone,
        "next_at": _iso(answer.next_at),
    }


def step_json(step: Step) -> dict[str, Any]:
    """One event, and the answer after it."""
    event = step.recorded.event
    return {
        **_event_json(step.recorded),
        "customer": str(event.customer),
        "data": dict(event.data),
        "then": step.then.state.value,
        "allowed": step.then.allowed,
        "decided_by": None if step.then.by is None else step.then.by.position,
    }


def _event_json(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    return {
        "position": recorded.position,
        "id": str(event.id),
        "type": event.type,
        "occurred_at": _iso(event.occurred_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
