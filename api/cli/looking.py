"""Commands that read: `customer`, `view`, `views`, `why`, `sql`."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, NoReturn
from uuid import UUID

import pyarrow as pa
import typer

from api.cli.app import (
    AsOf,
    FormatOption,
    Json,
    KnownAt,
    Out,
    Purpose,
    app,
    catch_up,
    clocks,
    keep,
    opened,
    progress_bar,
)
from api.cli.stopping import told_to_stop
from api.closing import closing_line
from api.customers import erasure_of, named, page_of
from api.outcomes import Exit
from api.pages import customer_json, erased_json, listed_json, print_customer, print_erased
from api.render import Format, out, rich_table, say, write_json, write_rows
from api.resting import Rest
from api.wiring import Bahi
from commands.profile import open_profile
from ledger import relation
from ledger.errors import BadUsage, NotFound, Refused
from ledger.identifiers import parse_identifier
from ledger.restricted import SERVICE
from ledger.stores import book_name

views = typer.Typer(help="The views: what there is, how it stands, trying a new one.")
app.add_typer(views, name="views", no_args_is_help=True)

WHO = "Their id, or kind:value such as email:…; - reads it from stdin, out of the shell's history."
"""How a person is named, for a help text."""


@app.command()
def customer(
    who: Annotated[str, typer.Argument(help=WHO)],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Open who they are; needs --reason and goes on record.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why you have to see it.")] = "",
    purpose: Purpose = SERVICE,
    json: Json = False,
) -> None:
    """One customer: every figure we keep of them, and their timeline.

    Of who is erased, only that, and when; that answer ends with 4, as does a refusal to show somebody
    whose data is restricted.
    """
    if open_ and not reason.strip():
        raise BadUsage("--open: expected --reason, came none")
    with opened() as bahi:
        found = find_customer(bahi, who)
        if found in bahi.ledger.gone.now():
            _tell_of_the_erased(bahi, found, json=json)
        demand_seen(bahi, found, purpose)
        at = clocks(bahi, as_of, known_at)
        profile = None
        if open_:
            profile = open_profile(
                bahi.ledger,
                bahi.history_for(purpose).persons(at).members(found),
                actor=bahi.actor(),
                purpose=purpose,
                reason=reason,
                clock=bahi.clock,
            )
            catch_up(bahi)
        page = page_of(bahi, found, at, profile, for_people=not json, purpose=purpose)
    if json:
        write_json(customer_json(page))
    else:
        print_customer(page)


def demand_seen(bahi: Bahi, customer: UUID, purpose: str) -> None:
    """Whether they may be looked at for this purpose. Raises `Erased`, `Withheld`."""
    bahi.reading.demand_seen(customer, purpose)


def _tell_of_the_erased(bahi: Bahi, customer: UUID, *, json: bool) -> NoReturn:
    """That they are erased, and when, as the proof of it has it; nothing else, and no."""
    rows = erasure_of(bahi, customer)
    if json:
        write_json(erased_json(customer, rows))
    else:
        print_erased(customer, rows)
    sys.exit(Exit.ANSWER_IS_NO)


def find_customer(bahi: Bahi, who: str) -> UUID:
    """The customer that an id or identifier names. Raises `NotFound`, never quoting an identifier.

    Also one who is erased or restricted: see `demand_seen`.
    """
    text = sys.stdin.readline().strip() if who == "-" else who
    try:
        customer = UUID(text)
    except ValueError:
        return _named(bahi, text)
    bahi.reading.demand_heard_of(customer)
    return customer


def _named(bahi: Bahi, text: str) -> UUID:
    try:
        given = parse_identifier(text)
        found = named(bahi, given)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None
    if found is None:
        hint = (
            f"what stands before the colon is the kind as the mapping names it, here {given.kind}"
        )
        raise NotFound("customer", f"with that {given.kind}", hint)
    return found


@app.command()
def view(
    name: Annotated[str, typer.Argument(help="A fold or question, or `events` for its columns.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    where: Annotated[
        str | None, typer.Option("--where", help="A condition over the view's columns.")
    ] = None,
    purpose: Purpose = SERVICE,
    format_: FormatOption = Format.TABLE,
    out_: Out = None,
) -> None:
    """The rows of a view, today or as of any day."""
    if name == "events":
        if as_of or known_at or where:
            raise BadUsage("events: expected no moment and no --where; `bahi sql` reads its rows")
        listed = [(c.name, c.type, c.meaning) for c in relation.columns().values()]
        names = ("column", "type", "meaning")
        columns = [pa.array(column, pa.string()) for column in zip(*listed, strict=True)]
        rows = pa.table(dict(zip(names, columns, strict=True)))
        if format_ is Format.TABLE and out_ is None:
            out.print(rich_table(rows))
            return
    else:
        with opened() as bahi:
            at = clocks(bahi, as_of, known_at)
            with closing_line(bahi) if at.past else nullcontext():
                rows = bahi.history_for(purpose).view(name, at, where)
    write_rows(rows, format_, out_)


@views.command("list")
def views_list(json: Json = False) -> None:
    """Every view: what it is for, and how far it is."""
    with opened() as bahi:
        head = bahi.ledger.book.head()
        listed = bahi.views.list(head)
    rows = [listed_json(line) for line in listed]
    if json:
        write_json(rows)
        return
    shown = [
        {
            "view": row["name"],
            "kind": row["kind"],
            "state": f"{row['state']}, {row['lag']:,} behind" if row["lag"] else row["state"],
            "what it is for": row["failure"] or row["purpose"],
        }
        for row in rows
    ]
    out.print(rich_table(pa.Table.from_pylist(shown)))
    say(f"the book is at position {head:,}")


@views.command("check")
def views_check(
    file: Annotated[
        Path, typer.Argument(help="A fold in a .sql file.", exists=True, dir_okay=False)
    ],
) -> None:
    """Try a fold before it goes live: its rules, and the merge law on random splits."""
    with opened(current=False) as bahi:
        checked = bahi.views.check(file, bahi.columns)
    out.print(str(checked), soft_wrap=True)


@views.command("explain")
def views_explain(name: Annotated[str, typer.Argument(help="A fold or question.")]) -> None:
    """What a view is for, what its columns mean, and the SQL that is run for it."""
    with opened(current=False) as bahi:
        sys.stdout.write(bahi.views.explain(name).rstrip() + "\n")


@views.command("rebuild")
def views_rebuild(name: Annotated[str, typer.Argument(help="A fold.")]) -> None:
    """Fold a view anew from the first event, beside the one that serves, and switch."""
    with opened(current=False) as bahi:
        keep(bahi)
        with progress_bar(f"rebuilding {name}") as told:
            positions = bahi.views.rebuild(name, bahi.columns, told)
    out.print(f"{name}: rebuilt up to position {positions.get(name, 0):,}")


@views.command("run")
def views_run() -> None:
    """Keep every view current until told to stop; wait while another process does."""
    stopped = told_to_stop()
    with opened(current=False) as bahi:
        name = book_name(bahi.settings.ledger_address)

        def at_work(ours: bool) -> None:
            doing = "keeping them current" if ours else "another process keeps them; waiting"
            say(f"views of {name}: {doing}; Ctrl-C stops")

        at_rest = Rest(bahi, lambda what: say(f"warning: {what}"))
        bahi.views.run(bahi.columns, stopped, at_work, at_rest)


@app.command()
def why(
    cell: Annotated[str, typer.Argument(help="VIEW.COLUMN, such as customer_360.orders.")],
    key: Annotated[
        list[str],
        typer.Argument(help="The row's key: a customer as in `bahi customer`, and so on."),
    ],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
    json: Json = False,
) -> None:
    """The events behind one figure, from the fold's own filter."""
    name, _, column = cell.partition(".")
    if not column:
        raise BadUsage("expected VIEW.COLUMN, such as customer_360.orders")
    with opened() as bahi:
        at = clocks(bahi, as_of, known_at)
        fold = bahi.views.folds.get(name)
        parts: list[object] = list(key)
        for place, part in enumerate(fold.keys if fold else ()):
            if part.name == "customer" and place < len(parts):
                parts[place] = named = find_customer(bahi, key[place])
                if fold is not None and not fold.of_privacy:
                    demand_seen(bahi, named, purpose)
        found = bahi.history_for(purpose).why(name, column, *parts, at=at)
    if json:
        write_rows(found.events, Format.JSON)
        return
    events = found.events
    empty = [name for name in events.column_names if events.column(name).null_count == len(events)]
    count = events.num_rows
    if count:
        write_rows(events.drop_columns(["id", *empty]), Format.TABLE)
    out.print(f"{count:,} event{' is' if count == 1 else 's are'} behind {cell}.")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")],
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
    format_: FormatOption = Format.TABLE,
    out_: Out = None,
) -> None:
    """One SELECT over `events` and every view, with nothing else within its reach."""
    text = sys.stdin.read() if query == "-" else query
    with opened() as bahi:
        at = clocks(bahi, as_of, known_at)
        with closing_line(bahi):
            rows = bahi.history_for(purpose).sql(text, at)
    write_rows(rows, format_, out_)
