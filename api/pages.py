"""What people read, and programs: a customer's page, and how a view stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import pyarrow as pa
from rich.table import Table
from rich.text import Text

from api.figures import print_folds, told
from api.render import json_rows, out, readable
from commands.profile import Profile
from ledger.event import MERGED, SPLIT, Event, Recorded
from ledger.people import Persons
from projections import Listed

_LATEST = 12


@dataclass(frozen=True, slots=True)
class Page:
    """One person: figures by view, what happened, the profile if it was opened.

    `others` are the customers who turned out to be the same person, and since when each is; `accounts`
    the names of the companies that the figures speak of, by id.
    """

    customer: UUID
    others: Sequence[tuple[UUID, datetime]]
    folds: Mapping[str, pa.Table]
    timeline: Sequence[Recorded]
    profile: Profile | None
    accounts: Mapping[str, str]

    @classmethod
    def of(
        cls,
        persons: Persons,
        customer: UUID,
        folds: Mapping[str, pa.Table],
        timeline: Sequence[Recorded],
        profile: Profile | None = None,
        accounts: Mapping[str, str] | None = None,
    ) -> Self:
        """The page of the person whom this customer is one of."""
        oldest, *others = persons.members(customer)
        since = {other: persons.since(oldest, other) for other in others}
        known_as = [(other, moment[0]) for other, moment in since.items() if moment]
        return cls(oldest, known_as, folds, timeline, profile, accounts or {})


def print_customer(page: Page) -> None:
    """One customer for a terminal or a pipe: profile if opened, figures, latest events."""
    out.print(Text(f"Customer {page.customer}", style="bold"))
    for other, since in page.others:
        out.print(f"  also known as {other}, since {since:%Y-%m-%d %H:%M} UTC", soft_wrap=True)
    if page.profile is not None:
        _print_profile(page.profile)
    print_folds(page.folds, page.accounts)
    _print_timeline(page)


def customer_json(page: Page) -> dict[str, Any]:
    """The same for programs, the whole timeline included."""
    shown = person_json(page)
    if page.profile is not None:
        shown |= profile_json(page.profile)
    shown["views"] = views_json(page.folds)
    shown["timeline"] = [event_json(recorded) for recorded in page.timeline]
    return shown


def person_json(page: Page) -> dict[str, Any]:
    """Under whom they are read, and who else they are."""
    others = [{"customer": str(other), "since": _zulu(since)} for other, since in page.others]
    return {"customer": str(page.customer), "also_known_as": others}


def profile_json(profile: Profile) -> dict[str, Any]:
    """Who they are, and how much of it could not be read."""
    named_by = [f"{kind}:{value}" for kind, value in profile.identifiers]
    shown = {**profile.details, "identifiers": named_by}
    return {"profile": shown, "erased": profile.erased, "unavailable": profile.unavailable}


def views_json(folds: Mapping[str, pa.Table]) -> dict[str, Any]:
    """The rows that views have of one person."""
    return {name: json_rows(rows) for name, rows in folds.items()}


def event_json(recorded: Recorded) -> dict[str, Any]:
    """An event of a timeline, without what is sealed in it."""
    event = recorded.event
    return {
        "position": recorded.position,
        "occurred_at": _zulu(event.occurred_at),
        "type": event.type,
        "customer": None if event.customer is None else str(event.customer),
        "data": dict(event.data),
        "tags": list(event.tags),
    }


def listed_json(line: Listed) -> dict[str, Any]:
    """A view, and how it stands, for programs."""
    return {
        "name": line.name,
        "kind": line.kind.value,
        "state": line.state.value,
        "position": line.position,
        "lag": line.lag,
        "purpose": line.purpose,
        "failure": None if line.failure is None else str(line.failure),
    }


def print_erased(customer: UUID, erasure: pa.Table) -> None:
    """Somebody who is gone, for people: that they are, and when, from the fold `erasure`."""
    out.print(Text(f"Customer {customer}", style="bold"))
    row: dict[str, Any] = next(iter(erasure.to_pylist()), {})
    erased_at = row.get("erased_at")
    if erased_at:
        out.print(f"  erased on {erased_at:%Y-%m-%d %H:%M} UTC")
    elif row.get("erasing_at"):
        out.print(f"  being erased since {row['erasing_at']:%Y-%m-%d %H:%M} UTC")
    else:
        out.print("  erased, as the keyring has it")


def erased_json(customer: UUID, erasure: pa.Table) -> dict[str, Any]:
    """The same for programs."""
    row = next(iter(json_rows(erasure)), {})
    when = {name: row.get(name) for name in ("erasing_at", "erased_at")}
    return {"customer": str(customer), "erased": True, **when}


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _print_profile(profile: Profile) -> None:
    for name, value in profile.details.items():
        out.print(f"  {name:<14} {readable(value)}", soft_wrap=True)
    known = {(name, str(value).casefold()) for name, value in profile.details.items()}
    for kind, value in profile.identifiers:
        if (kind, value.casefold()) in known:
            continue
        out.print(f"  {kind:<14} {readable(value)}", soft_wrap=True)
    if profile.erased:
        out.print(f"  {profile.erased:,} sealed parts were erased for good")
    if profile.unavailable:
        out.print(
            f"  {profile.unavailable:,} sealed parts cannot be opened now: their key is missing"
        )


def _print_timeline(page: Page) -> None:
    out.print()
    out.print(Text("timeline", style="bold cyan"))
    if not page.timeline:
        out.print("  nothing yet, at that moment")
    grid = Table.grid(padding=(0, 2))
    for recorded in page.timeline[-_LATEST:]:
        when = f"  {recorded.event.occurred_at:%Y-%m-%d %H:%M}"
        grid.add_row(Text(when, style="dim"), recorded.event.type, _told(page, recorded.event))
    out.print(grid)
    if len(page.timeline) > _LATEST:
        out.print(f"  … and {len(page.timeline) - _LATEST:,} earlier")


def _told(page: Page, event: Event) -> str:
    """What an event says, in a line."""
    if event.type not in (MERGED, SPLIT):
        members = {page.customer, *(other for other, _ in page.others)}
        own = event.customer in members or event.another not in members
        return (
            told(event.data) if own else f"by somebody else, who told of them: {told(event.data)}"
        )
    shown_by = ", as one event named both" if event.causation else ""
    two = [str(event.customer), str(event.data["other"])]
    others = [one for one in two if one != str(page.customer)]
    if len(others) == 1:
        what = "one person with" if event.type == MERGED else "no longer one person with"
        return f"{what} {others[0]}{shown_by}"
    what = "are one person" if event.type == MERGED else "are no longer one person"
    return f"{two[0]} and {two[1]} {what}{shown_by}"
