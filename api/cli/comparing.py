"""Commands that hold two looks against each other: `diff`, and `what-if`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import AsOf, FormatOption, KnownAt, Out, Purpose, app, clocks, opened
from api.closing import closing_line
from api.differences import print_difference
from api.render import Format, say, write_rows
from api.wiring import Bahi
from ledger.errors import BadUsage
from ledger.restricted import SERVICE
from replay.clocks import parse_moment, shown
from replay.comparing.diff import diff as diff_of
from replay.comparing.what_if import NOTHING, WhatIf
from replay.history import Clocks

Key = Annotated[
    str | None,
    typer.Option("--key", help="The columns that tell rows apart, with commas: customer,currency."),
]
Where = Annotated[
    str | None, typer.Option("--where", help="A condition over the view's columns, in both looks.")
]


@app.command()
def diff(
    name: Annotated[str, typer.Argument(help="A fold or question.")],
    from_: Annotated[
        str | None, typer.Option("--from", help="Before: what had happened by then.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="After: what had happened by then; now, if not given."),
    ] = None,
    known_from: Annotated[
        str | None, typer.Option("--known-from", help="Before: what the book had taken by then.")
    ] = None,
    known_to: Annotated[
        str | None, typer.Option("--known-to", help="After: what the book had taken by then.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="What had happened by then, before and after.")
    ] = None,
    late_since: Annotated[
        str | None,
        typer.Option(
            "--late-since",
            help="What became known since of what had happened: by --as-of, or by then as well.",
        ),
    ] = None,
    key: Key = None,
    where: Where = None,
    purpose: Purpose = SERVICE,
    format_: FormatOption = Format.TABLE,
    out_: Out = None,
) -> None:
    """What differs in a view between two days, or because of news that came late.

    It ends with 0 whether anything differs or not, as `git diff` does: 1 says here that a command failed.
    """
    if late_since is not None:
        if known_from is not None or from_ is not None or to is not None:
            raise BadUsage("--late-since: expected no --from, --to or --known-from beside it")
        as_of, known_from = as_of or late_since, late_since
    if from_ is None and known_from is None:
        raise BadUsage("expected --from, --known-from or --late-since, to say what is before")
    if as_of is not None:
        if from_ is not None or to is not None:
            raise BadUsage("--as-of: expected no --from and no --to beside it")
        from_ = to = as_of
    with opened() as bahi:
        if from_ is None and to is None:  # both of one day, since questions ask which one it is
            from_ = to = bahi.clock().isoformat()
        before = _look(bahi, "before", from_, known_from)
        after = _look(bahi, "after", to, known_to)
        with closing_line(bahi):
            history = bahi.history_for(purpose)
            was, is_ = (history.view(name, at, where) for at in (before, after))
            found = diff_of(bahi.views, name, was, is_, _columns(key))
            print_difference(found, format_, out_)


def _look(bahi: Bahi, which: str, as_of: str | None, known_at: str | None) -> Clocks:
    happened = None if as_of is None else parse_moment(as_of, f"{which}, as of")
    known = None if known_at is None else parse_moment(known_at, f"{which}, known at")
    at = bahi.history.clocks(happened, known)
    told = [] if happened is None else [f"as of {shown(happened)}"]
    if at.known_upto is not None:
        told.append(f"known then: the book up to position {at.known_upto:,}")
    say(f"{which}: {', '.join(told) or 'now'}")
    return at


def _columns(key: str | None) -> list[str]:
    return [] if key is None else [column.strip() for column in key.split(",")]


@app.command("what-if")
def what_if(
    name: Annotated[str, typer.Argument(help="A fold or question.")],
    with_: Annotated[
        list[Path] | None,
        typer.Option(
            "--with",
            exists=True,
            dir_okay=False,
            help="A fold or question in a .sql file, in place of the one of its name, or new.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="Another chance of winning: win_percent.STAGE=60, or win_percent.PIPELINE.STAGE=60.",
        ),
    ] = None,
    suppose: Annotated[
        list[Path] | None,
        typer.Option(
            "--suppose",
            exists=True,
            dir_okay=False,
            help="Events that did not happen, in a JSON file: objects with type, data, tags, occurred_at.",
        ),
    ] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    where: Where = None,
    as_diff: Annotated[
        bool, typer.Option("--diff", help="What would differ from what is.")
    ] = False,
    key: Key = None,
    purpose: Purpose = SERVICE,
    format_: FormatOption = Format.TABLE,
    out_: Out = None,
) -> None:
    """A view as it would be: defined otherwise, or with events that did not happen. Nothing of it is kept."""
    if not (with_ or set_ or suppose):
        raise BadUsage("expected --with, --set or --suppose, to say what is supposed")
    if key is not None and not as_diff:
        raise BadUsage("--key: expected --diff beside it")
    with opened(current=False) as bahi:
        asked = WhatIf(bahi.reading, clocks(bahi, as_of, known_at), purpose)
        with closing_line(bahi):
            supposed = NOTHING
            for path in with_ or ():
                supposed = asked.with_file(supposed, path)
            for path in suppose or ():
                supposed = asked.with_events(supposed, path.read_bytes())
            for value in set_ or ():
                supposed = asked.with_value(supposed, value)
            rows = asked.rows(name, supposed, where)
            if not as_diff:
                write_rows(rows, format_, out_)
                return
            is_ = asked.rows(name, where=where)
            found = diff_of(asked.views(supposed), name, is_, rows, _columns(key))
            print_difference(found, format_, out_)
