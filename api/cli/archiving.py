"""Handing people what is kept about them (`export-customer`), and telling who has looked at it."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import pyarrow as pa
import typer

from api.cli.answering import privacy
from api.cli.app import SOURCE, AsOf, Json, KnownAt, app, clocks, opened
from api.cli.looking import WHO, demand_seen, find_customer
from api.outcomes import Exit
from api.render import Format, json_rows, out, say, write_json, write_rows
from api.wiring import Bahi
from commands.privacy import Request, State, find_request, request_id
from commands.privacy.retention import read_rules
from ledger.errors import BadUsage

if TYPE_CHECKING:
    from api.archive import Written

_PURPOSE = "legal"
"""That of an answer to people about their own data: a restriction does not stand against it."""

_RIGHTS = {"access": False, "portability": True}
"""What an archive answers, and whether it is one to take along."""


@app.command("export-customer")
def export_customer(
    who: Annotated[str, typer.Argument(help=WHO)],
    out_: Annotated[
        Path, typer.Option("--out", help="The archive to write: a .zip that is not there yet.")
    ],
    request: Annotated[
        str | None,
        typer.Option("--request", help="The request that it answers: its id, or its name."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why, where it answers no request; it is sealed.")
    ] = "",
    portability: Annotated[
        bool,
        typer.Option("--portability", help="What they gave and did, for another system to read."),
    ] = False,
    recipient: Annotated[
        str, typer.Option("--recipient", help="Whom it goes to, in one word.")
    ] = "person",
    language: Annotated[
        str | None, typer.Option("--language", help="A language tag, if not the one they chose.")
    ] = None,
    staff_names: Annotated[
        bool,
        typer.Option(
            "--staff-names/--no-staff-names", help="Whether those who looked are named in it."
        ),
    ] = True,
    json: Json = False,
) -> None:
    """Write one archive of everything that is kept about a person.

    To read, and for programs. That their data was opened goes on record before, and that it left before the file is there.
    """
    if (request is None) == (not reason.strip()):
        raise BadUsage("expected --request or --reason, came " + ("both" if request else "neither"))
    from api.archive import Wanted, export

    with opened(current=False) as bahi:
        found = find_customer(bahi, who)
        demand_seen(bahi, found, _PURPOSE)
        persons = bahi.ledger.people.now().without(bahi.ledger.gone.now())
        members = persons.members(found)
        asked = None if request is None else _asked(bahi, request, members)
        portable = portability if asked is None else _portable(asked, portability=portability)
        wanted = Wanted(
            members,
            bahi.actor(),
            _PURPOSE,
            reason if asked is None else f"request {asked.id}",
            recipient,
            None if asked is None else asked.id,
            portable,
            language,
            bahi.staff_name if staff_names and not portable else lambda _: None,
            read_rules(bahi.settings.retention_file),
        )
        written = export(bahi.ledger, wanted, out_, bahi.staging, clock=bahi.clock)
    _answer(written, json=json)
    if written.missing.get("unavailable"):
        sys.exit(Exit.SOME_REFUSED)


@privacy.command("opened")
def privacy_opened(
    who: Annotated[
        str | None, typer.Argument(help=WHO + " Without it, everybody.", show_default=False)
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", help="A member of staff: their name here, or their id.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="The first day of interest (UTC).")
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    json: Json = False,
) -> None:
    """Who opened whose data: a line a person, purpose and day.

    With --by alone it counts their openings, those of people who are erased by now among them.
    """
    first = _day(since)
    with opened() as bahi:
        at, history = clocks(bahi, as_of, known_at), bahi.history_for(_PURPOSE)
        conditions = [] if first is None else [f"day >= DATE '{first}'"]
        if who is not None:
            found = find_customer(bahi, who)
            demand_seen(bahi, found, _PURPOSE)
            customer = history.persons(at).canonical(found)
            conditions.append(f"customer = '{customer}'")
        name = "opened_by" if who is None and by is not None else "opened"
        rows = history.view(name, at, " AND ".join(conditions) or None)
        rows = _with_names(bahi, rows, by)
    if json:
        write_json(json_rows(rows))
    elif rows.num_rows:
        write_rows(rows, Format.TABLE)
    else:
        out.print("Nobody has opened anything.")


def _asked(bahi: Bahi, request: str, members: tuple[UUID, ...]) -> Request:
    """The request, if it is one of theirs that an archive may answer now."""
    try:
        named = UUID(request)
    except ValueError:
        named = request_id(bahi.ledger, SOURCE, request)
    found = find_request(bahi.ledger, named)
    if found.customer not in members:
        raise BadUsage("--request: expected one of this person, came one of somebody else")
    if found.asked.right not in _RIGHTS:
        expected = " or ".join(_RIGHTS)
        raise BadUsage(f"--request: expected one for {expected}, came one for {found.asked.right}")
    if found.state is not State.VERIFIED:
        raise BadUsage(f"--request: expected one that is verified, came {found.standing()}")
    return found


def _portable(asked: Request, *, portability: bool) -> bool:
    """Whether the request is for an archive to take along."""
    if portability and not _RIGHTS[asked.asked.right]:
        raise BadUsage(
            f"--portability: expected a request for that, came one for {asked.asked.right}"
        )
    return _RIGHTS[asked.asked.right]


def _answer(written: "Written", *, json: bool) -> None:
    """What was written, and what of it could not be shown."""
    if json:
        shown = {"events": written.events, "pages": written.pages, "missing": written.missing}
        write_json({"file": str(written.path), "sha256": written.digest, **shown})
        return
    pages = f" on {written.pages:,} pages" if written.pages else ""
    out.print(f"{written.events:,} events{pages} are in {written.path}.", soft_wrap=True)
    out.print(f"Its SHA-256, which is on record, is {written.digest}.", soft_wrap=True)
    for what, count in sorted(written.missing.items()):
        say(_MISSING[what].format(count=count))


_MISSING = {
    "corrected": "{count:,} details were rectified since, and are left out",
    "erased": "{count:,} sealed parts were erased for good",
    "unavailable": "warning: {count:,} sealed parts cannot be opened now: their key is missing",
    "withheld": "{count:,} sealed parts are somebody else's, and are left out",
}


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise BadUsage("--since: expected a day such as 2026-01-31") from None


def _with_names(bahi: Bahi, rows: pa.Table, by: str | None) -> pa.Table:
    """The rows with the names of those who looked, the latest first; of one of them only, if somebody
    is asked for.
    """
    actors = rows.column("actor").to_pylist()
    names = {actor: bahi.staff_name(actor) or str(actor) for actor in set(actors)}
    if by is not None:
        known = {actor for actor, name in names.items() if by in {name, str(actor)}}
        rows = rows.filter(pa.array([actor in known for actor in actors], pa.bool_()))
        actors = [actor for actor in actors if actor in known]
    column = pa.array([names[actor] for actor in actors], pa.string())
    place = rows.column_names.index("actor")
    latest_first = [("last_at", "descending"), ("who", "ascending"), ("purpose", "ascending")]
    return rows.set_column(place, "who", column).sort_by(latest_first)
