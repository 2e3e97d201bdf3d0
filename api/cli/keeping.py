"""Commands of history in columns: what is kept of it, and keeping it."""

import pyarrow as pa
import typer

from api.cli.app import Json, app, opened, progress_bar
from api.render import out, rich_table, say, write_json

history = typer.Typer(
    help="History in columns: the book's events in Parquet files.", no_args_is_help=True
)
app.add_typer(history, name="history")


@history.command("keep")
def history_keep(json: Json = False) -> None:
    """Write what is missing of it, and make small files large.

    Other commands write what is missing too; this also tidies up. Files that a larger one has replaced
    are removed a quarter of an hour later, by whoever does this then.
    """
    with opened(current=False) as bahi:
        with progress_bar("keeping history") as told:
            written = bahi.columns.compact(told)
        catalogue, head = bahi.columns.catalogue(), bahi.columns.head()
    kept = sum(one.rows for one in catalogue.segments)
    if json:
        write_json({"written": written, "kept": kept, "segments": len(catalogue.segments)})
    else:
        out.print(
            f"{written:,} events written; {kept:,} of {head:,} are in "
            f"{len(catalogue.segments):,} files, the others in the book alone."
        )


@history.command("list")
def history_list(json: Json = False) -> None:
    """The files, the positions and bytes of each."""
    with opened(current=False) as bahi:
        catalogue, head = bahi.columns.catalogue(), bahi.columns.head()
        folder = bahi.columns.folder
    rows = [
        {
            "file": one.file,
            "first": one.first,
            "last": one.last,
            "events": one.rows,
            "bytes": one.bytes,
            "sha256": one.sha256,
        }
        for one in catalogue.segments
    ]
    if json:
        write_json(rows)
        return
    if rows:
        shown = pa.Table.from_pylist(rows).drop_columns(["sha256"])
        out.print(rich_table(shown))
    kept = sum(one.rows for one in catalogue.segments)
    say(f"{kept:,} of {head:,} events are in {len(rows):,} files of {folder}")
