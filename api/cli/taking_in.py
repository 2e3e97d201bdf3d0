"""Commands that take files in: `import`, `mapping`, and `dead` for what was refused."""

import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pyarrow as pa
import typer

from api.cli.app import Json, app, catch_up, opened, progress_bar
from api.outcomes import Exit
from api.render import out, rich_table, say, visible, write_json
from commands.dead_letters import open_refused
from commands.touchpoint import Fate
from ledger.clock import random_ids, system_clock
from ledger.errors import BadUsage, Refused
from ledger.settings import read_settings
from streams.files import draft_mapping, load_mapping, read_file
from streams.files.rows import parse_json
from streams.imports import Intake, Report, import_rows, try_rows

MappingFile = Annotated[
    Path, typer.Option("--mapping", "-m", help="The TOML file that says what the columns mean.")
]
IdColumns = Annotated[
    str | None,
    typer.Option(
        "--id-columns", help="Columns, with commas, that tell a row of this source from all others."
    ),
]
dead = typer.Typer(
    help="Rows and messages that were refused, and trying them again.", no_args_is_help=True
)
app.add_typer(dead, name="dead")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines or Parquet, plain or gzip'd.")],
    mapping: MappingFile,
    id_columns: IdColumns = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be refused; write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Read a file into the book. Reading it again adds nothing."""
    meaning = load_mapping(mapping)
    columns = tuple(id_columns.split(",")) if id_columns else ()
    with progress_bar(f"reading {file.name}") as told:
        if dry_run:
            rows = read_file(file, meaning, id_columns=columns, progress=told, warn=_warn)
            given = read_settings()
            intake = Intake(system_clock, random_ids, given.future_tolerance, given.region)
            report, answer = try_rows(rows, intake), {"dry_run": True}
        else:
            with opened(current=False, begin=True) as bahi:
                rows = read_file(
                    file,
                    meaning,
                    id_columns=columns,
                    actor=bahi.actor(),
                    progress=told,
                    warn=_warn,
                )
                report = import_rows(
                    bahi.ledger, rows, meaning.source, bahi.intake, id_columns=columns
                )
                catch_up(bahi)
                customers = bahi.views.rows("customer_360").num_rows
                answer = {"customers": customers}
    _answer_import(file, report, answer, json)
    if report.refused:
        sys.exit(Exit.SOME_REFUSED)


def _warn(text: str) -> None:
    say(f"warning: {text}", style="yellow")


def _answer_import(file: Path, report: Report, more: dict[str, Any], json: bool) -> None:
    counts = {
        "read": report.read,
        "appended": report.appended,
        "duplicates": report.duplicates,
        "refused": report.refused,
    }
    if more.get("dry_run"):
        counts = {"read": report.read, "refused": report.refused}
    for row, line, why in report.refusals:
        say(f"row {row:,} (line {line:,}): {why}" if line else f"row {row:,}: {why}")
    if report.refused > len(report.refusals):
        listed = "" if more.get("dry_run") else "; `bahi dead list` has them all"
        say(f"… and {report.refused - len(report.refusals):,} more{listed}")
    if json:
        write_json({**counts, **more})
        return
    parts = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    out.print(f"{file.name}: {parts}" + (" (dry run)" if more.get("dry_run") else ""))
    if "customers" in more:
        out.print(f"The book now knows {more['customers']:,} customers.")
    if report.read and report.duplicates == report.read:
        out.print("Nothing was new: every row was in the book already.")


@app.command()
def mapping(
    file: Annotated[Path, typer.Argument(help="The file to look at.")],
) -> None:
    """Draft a mapping for a file from the names and shapes of its columns."""
    sys.stdout.write(draft_mapping(file))


@dead.command("list")
def dead_list(json: Json = False) -> None:
    """What was refused, oldest first: where and why, never what it said."""
    with opened(current=False) as bahi:
        letters: list[dict[str, Any]] = [
            {
                "id": str(letter.id),
                "kept_at": f"{letter.kept_at:%Y-%m-%dT%H:%M:%SZ}",
                "door": letter.door,
                "row": letter.coordinates.get("row"),
                "line": letter.coordinates.get("line"),
                "topic": letter.coordinates.get("topic"),
                "partition": letter.coordinates.get("partition"),
                "offset": letter.coordinates.get("offset"),
                "format": letter.coordinates.get("format"),
                "index": letter.coordinates.get("index"),
                "field": letter.field,
                "reason": letter.reason,
            }
            for letter in bahi.ledger.vault.letters()
        ]
    letters.sort(key=_place)
    if json:
        write_json(letters)
        return
    if letters:
        shown = ("id", "door", "at", "reason")
        rows = [{**letter, "at": _at(letter)} for letter in letters]
        rows = [{name: row[name] for name in shown} for row in rows]
        out.print(rich_table(pa.Table.from_pylist(rows)))
    say(f"{len(letters):,} dead letters" if letters else "no dead letters")


def _place(letter: dict[str, Any]) -> tuple[Any, ...]:
    """Where a letter comes in the list: beside the others of its file, or of its partition."""
    kept = (letter["kept_at"], letter["door"])
    places = ("partition", "offset", "index")
    return *kept, letter["row"] or 0, *(letter[name] or 0 for name in places)


def _at(letter: dict[str, Any]) -> str:
    """The row of a file, the place of a message, or what was posted, and as which of several."""
    if letter["topic"] is not None:
        return f"{letter['topic']}/{letter['partition']}/{letter['offset']}"
    if letter["row"] is not None:
        return f"row {letter['row']:,}"
    if letter["index"] is not None:
        return f"{letter['format'] or 'item'} {letter['index']:,}"
    return letter["format"] or ""


@dead.command("show")
def dead_show(
    letter: Annotated[UUID, typer.Argument(help="Its id, from `bahi dead list`.")],
    reason: Annotated[str, typer.Option("--reason", help="Why you have to see it.")],
) -> None:
    """Open one refused row or message. It may be about a person: say why you look."""
    with opened(current=False) as bahi:
        found = open_refused(
            bahi.ledger,
            letter,
            actor=bahi.actor(),
            purpose="mending",
            reason=reason,
            clock=bahi.clock,
        )
        say(f"{found.door}: {found.reason}")
        if sys.stdout.isatty():  # what came from outside must not steer the terminal
            out.print(visible(found.content.decode(errors="backslashreplace")))
        else:
            sys.stdout.buffer.write(found.content + b"\n")


@dead.command("replay")
def dead_replay(
    letters: Annotated[
        list[UUID] | None,
        typer.Argument(help="Their ids; else all that the mapping reads, or that need none."),
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option("--mapping", "-m", help="The TOML file that says what the columns mean."),
    ] = None,
    corrected: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE to correct in it, NAME:=JSON too; for one letter."),
    ] = None,
    json: Json = False,
) -> None:
    """Try refused rows and messages again, after the mapping or what they say was mended."""
    from streams.replaying import replay  # it knows every door, Kafka's too, which are slow to load

    meaning = None if mapping is None else load_mapping(mapping)
    corrections = dict(_correction(text) for text in corrected or ())
    if corrections and len(letters or ()) != 1:
        raise BadUsage("--set: expected exactly one letter to correct")
    with opened(current=False) as bahi:
        tried = list(
            replay(
                bahi.ledger,
                letters or (),
                bahi.intake,
                meaning,
                corrections=corrections,
                actor=bahi.actor(),
            )
        )
        catch_up(bahi)
    refused = [(letter, outcome) for letter, outcome in tried if outcome.fate is Fate.REFUSED]
    for letter, outcome in refused:
        say(f"{letter}: {outcome.refusal}")
    counts = {"tried": len(tried), "taken": len(tried) - len(refused), "refused": len(refused)}
    if json:
        write_json(counts)
    else:
        out.print(", ".join(f"{count:,} {name}" for name, count in counts.items()))
    if refused:
        sys.exit(Exit.SOME_REFUSED)


def _correction(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    is_json = name.endswith(":")
    name = name.removesuffix(":")
    if not (name and equals):
        raise BadUsage("--set: expected NAME=VALUE, or NAME:=JSON")
    if not is_json:
        return name, value
    try:
        return name, parse_json(value, name)
    except Refused as refusal:
        raise BadUsage(f"--set: {refusal}") from None
