"""The command line's frame: one Typer app, one way to fail."""

import io
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from api.outcomes import Exit, outcome_of
from api.render import Format, err, say
from api.wiring import Bahi
from ledger.errors import BahiError, NotFound
from ledger.restricted import DESPITE
from ledger.settings import read_settings
from ledger.stores import book_exists, book_name
from projections import Progress
from replay.clocks import parse_moment
from replay.history import Clocks

app = typer.Typer(
    name="bahi",
    help="The book of everything that happens between a company and its customers.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"max_content_width": 100},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

SOURCE = "bahi"
"""The source of what is said on this command line."""

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="What had happened by then: a time with a zone, or a date (UTC)."),
]
KnownAt = Annotated[
    str | None,
    typer.Option("--known-at", help="What the book had taken by then: a time or a date."),
]
At = Annotated[
    str | None,
    typer.Option("--at", help="When it happened, if not now: a time with a zone, or a date (UTC)."),
]
MessageId = Annotated[
    str | None,
    typer.Option("--id", help="A name for this very command; said again, it is the same event."),
]
Purpose = Annotated[
    str,
    typer.Option(
        "--purpose",
        help=f"What for, in one word; whose data is restricted is shown for {', '.join(sorted(DESPITE))}.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]
Out = Annotated[Path | None, typer.Option("--out", help="A file to write to instead of stdout.")]


acting: ContextVar[str | None] = ContextVar("acting", default=None)
"""Who acts in a command; None for whoever runs this process, and whoever types `bahi` is that."""


@app.callback()
def _bahi() -> None:
    """Keep Typer from taking a command that was loaded alone for the whole of the command line."""


def run(user: str | None) -> NoReturn:
    """Run the command that was typed; see `api.cli.start.main`."""
    acting.set(user)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot write is escaped
            stream.reconfigure(errors="backslashreplace")
    try:
        app(prog_name="bahi")  # however it was started: usage lines say what to type
    except BahiError as error:
        _fail(str(error), outcome_of(error)[1])
    except BrokenPipeError:  # whoever read our pipe has seen enough
        sys.stderr.close()
        sys.exit(Exit.DONE)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), Exit.FAILED)
    except sqlite3.Error as error:
        _fail(f"a store cannot be read or written: {error}", Exit.FAILED)
    sys.exit(Exit.DONE)


def _fail(why: str, code: Exit) -> NoReturn:
    say(f"bahi: {why}")
    sys.exit(code)


@contextmanager
def opened(*, current: bool = True, begin: bool = False) -> Iterator[Bahi]:
    """The ledger of this process; with `current`, its views brought up to the book first.

    Only who takes something in may `begin` a ledger: elsewhere a question would found an empty one.
    """
    settings = read_settings()
    address = settings.ledger_address
    if not (begin or settings.keyring_file.exists() or book_exists(address)):
        begin_one = "`bahi import` begins one, and so do `bahi deal pipeline`, `bahi ticket open` and others"
        raise NotFound("book", book_name(address), f"{begin_one}; BAHI_HOME says where")
    with progress_bar("a new epoch: wrapping keys anew") as told:
        opening = Bahi.open(settings, wrapping=told, user=acting.get())
    with opening as bahi:
        if bahi.unfinished is not None:
            say(f"warning: an erasure has begun and is not done yet: {bahi.unfinished}")
        if bahi.overdue is not None:
            say(f"warning: the vault's epoch is over, and a new one not done yet: {bahi.overdue}")
        if current:
            catch_up(bahi)
        yield bahi


def catch_up(bahi: Bahi) -> None:
    """Bring history and views up to the book; whoever looks is told of those that stopped."""
    keep(bahi)
    with progress_bar("folding") as told:
        failures = bahi.reading.fold(told)
    for failure in failures:
        say(f"warning: {failure}; `bahi views list` shows how they stand")


def keep(bahi: Bahi) -> None:
    """Keep what history is missing: of a large book that has none yet, that takes minutes."""
    with progress_bar("writing history in columns, once") as told:
        bahi.reading.keep(told)
    if bahi.reading.unkept is not None:
        say(f"warning: the history is not kept, and read from the book: {bahi.reading.unkept}")


@contextmanager
def progress_bar(what: str) -> Iterator[Progress]:
    """A bar on stderr for whoever watches, from the first report on; nothing where nobody does."""
    if not err.is_terminal:
        yield lambda _done, _total: None
        return
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn  # slow to load
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )

    def told(done: int, total: int) -> None:
        if not bar.task_ids:
            bar.add_task(what, total=total)
        bar.update(bar.task_ids[0], completed=done, total=total)

    with bar:
        yield told


def clocks(bahi: Bahi, as_of: str | None, known_at: str | None) -> Clocks:
    """The two clocks of a command line; the position that `--known-at` means is printed."""
    at = bahi.history.clocks(
        None if as_of is None else parse_moment(as_of, "--as-of"),
        None if known_at is None else parse_moment(known_at, "--known-at"),
    )
    if at.known_upto is not None:
        say(f"known then: the book up to position {at.known_upto:,}")
    return at
