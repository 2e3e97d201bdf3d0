"""`export`: views and events as files, for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import AsOf, KnownAt, Purpose, app, clocks, opened, progress_bar
from api.closing import closing_line
from api.render import say
from ledger.restricted import SERVICE
from replay.rows.export import EVENTS
from replay.rows.export import export as export_to
from replay.rows.formats import FileFormat


@app.command()
def export(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"Folds, questions, or `{EVENTS}`; every fold and question, if none."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="A folder that is not there yet.", show_default=False)
    ] = ...,  # type: ignore[assignment] # Typer's way to ask for an option
    format_: Annotated[
        FileFormat, typer.Option("--format", help="How the files are written.")
    ] = FileFormat.PARQUET,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    purpose: Purpose = SERVICE,
) -> None:
    """Views and events as files in a new folder, all of it or nothing."""
    with opened() as bahi:
        views = bahi.views
        wanted = list(dict.fromkeys(names or sorted([*views.folds, *views.questions])))
        at = clocks(bahi, as_of, known_at)
        with closing_line(bahi):
            with progress_bar("exporting") as told:
                done = export_to(
                    bahi.reading, wanted, format_, out, at, purpose=purpose, progress=told
                )
            count, total = len(done.rows), sum(done.rows.values())
            what = "file" if count == 1 else "files"
            say(f"{total:,} rows in {count:,} {what}, {done.size:,} bytes, written to {out}")
