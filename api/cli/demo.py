"""`bahi demo`: eighteen months of a made-up company told to a book of their own, and what it answers."""

import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich import box
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from api.cli.app import acting, app, progress_bar
from api.cli.looking import find_customer
from api.consents import print_answer
from api.customers import page_of
from api.demo import LAST_MOMENT, PURPOSE, READER, STAR, Told, tell
from api.pages import print_customer
from api.render import out, rich_table
from api.wiring import Bahi
from commands.consent import may_send
from commands.profile import Profile, open_profile
from ledger.money import minor_digits
from ledger.settings import Settings
from replay.clocks import parse_moment

_TODAY = f"{LAST_MOMENT:%Y-%m-%d}"
_LAST_QUARTER = "2026-03-31"
_CELL = "customer_360.orders"
_COUNTS = "SELECT type, count(*) AS events FROM events GROUP BY type ORDER BY 2 DESC"


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Where the demo keeps its book.")] = Path(
        ".demo"
    ),
) -> None:
    """Eighteen months of a made-up company, told to a book and looked at."""
    settings = Settings(home=home, ledger="", vault="", keyring=None)
    with Bahi.open(settings, user=acting.get()) as bahi:
        with progress_bar("eighteen months go by") as reached:
            told = tell(bahi.desk, reached)
        with progress_bar("folding") as reached:
            failures = bahi.catch_up(reached)
        for failure in failures:
            raise failure
        _print_told(bahi, told)
        _print_star(bahi, first_time=told.appended > 0)
        _print_pipeline(bahi)
        _print_consent(bahi)
        _print_why(bahi)
    _print_next(home)


def _headline(text: str) -> None:
    out.print()
    if out.is_terminal:
        out.print(Rule(Text(text, style="bold"), align="left", style="dim"))
    else:
        out.print(f"== {text}")


def _print_told(bahi: Bahi, told: Told) -> None:
    out.print(
        Text(
            "Banyan Paper, a maker of notebooks: 2,000 people and 150 companies in five markets",
            "bold",
        )
    )
    if told.appended:
        out.print(
            f"{told.appended:,} events were written, {told.duplicates:,} came twice and were known."
        )
    else:
        out.print(f"Nothing was new: all {told.duplicates:,} events are in the book already.")
    people = set(bahi.history.persons().groups.values())
    known = sum(len(members) - 1 for members in people)
    out.print(f"{known:,} visitors turned out to be somebody whom the book knew already.")
    out.print("The story ends on 30 June 2026; what follows is as of that day.")


def _print_star(bahi: Bahi, *, first_time: bool) -> None:
    _headline("One customer, all that is known")
    star = find_customer(bahi, STAR)
    at = bahi.history.clocks(LAST_MOMENT)
    profile = _opened(bahi, star) if first_time else None
    print_customer(page_of(bahi, star, at, profile))
    out.print()
    if profile is None:
        out.print("  Who they are is sealed, and stays so: the first look was enough for a demo.")
    else:
        out.print(
            f"  Who they are is sealed. It was opened for this page, which is on record at position "
            f"{bahi.ledger.book.head():,}."
        )


def _opened(bahi: Bahi, star: UUID) -> Profile:
    """Their name and addresses, for the first run alone: looking is an event, and a second run adds none."""
    profile = open_profile(
        bahi.ledger,
        bahi.history.persons().members(star),
        actor=bahi.actor(),
        purpose="demo",
        reason="the demo's first look at a customer's page",
        clock=bahi.clock,
    )
    bahi.catch_up()
    return profile


def _print_pipeline(bahi: Bahi) -> None:
    for day in (_TODAY, _LAST_QUARTER):
        at = bahi.history.clocks(parse_moment(day, "--as-of"))
        rows = bahi.history.view("pipeline", at, "kind = 'open'").to_pylist()
        _headline(f"What the open deals are likely to bring, as of {day}")
        out.print(_forecast(rows))


def _forecast(rows: Sequence[Mapping[str, Any]]) -> Table:
    """A line a stage, a column a currency: amounts times the stage's chance, in main units."""
    currencies = sorted({row["currency"] for row in rows})
    table = Table(header_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("pipeline", "stage"):
        table.add_column(name, no_wrap=True)
    for name in ("deals", "win %", *currencies):
        table.add_column(name, justify="right", no_wrap=True)
    stages: dict[tuple[str, str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        stages.setdefault((row["pipeline"], row["stage"], row["win_percent"]), []).append(row)
    for (pipeline, stage, percent), of_stage in stages.items():
        deals = sum(row["deals"] for row in of_stage)
        table.add_row(pipeline, stage, f"{deals:,}", str(percent), *_sums(of_stage, currencies))
    table.add_section()
    table.add_row("", "", "", "", *_sums(rows, currencies), style="bold")
    return table


def _sums(rows: Sequence[Mapping[str, Any]], currencies: Sequence[str]) -> Iterator[str]:
    for currency in currencies:
        found = [row["expected_minor"] for row in rows if row["currency"] == currency]
        yield f"{sum(found) // 10 ** minor_digits(currency):,}" if found else ""


def _print_consent(bahi: Bahi) -> None:
    _headline(f"May we send {READER} our newsletter?")
    answer = may_send(
        bahi.ledger,
        find_customer(bahi, READER),
        PURPOSE,
        "email",
        now=LAST_MOMENT,
        as_of=LAST_MOMENT,
        hours=bahi.settings.sending_hours,
    )
    print_answer(answer, LAST_MOMENT)


def _print_why(bahi: Bahi) -> None:
    star = find_customer(bahi, STAR)
    view, column = _CELL.split(".")
    found = bahi.history.why(view, column, star).events
    _headline(f"Why does {_CELL} say {found.num_rows}?")
    out.print(rich_table(found.select(["position", "occurred_at", "type", "id"])))


def _print_next(home: Path) -> None:
    """Complete lines to try, as they have to be typed here."""
    bahi = f"BAHI_HOME={shlex.quote(str(home))} {_called()}"
    _headline("Try next")
    for line in (
        f"{bahi} customer {STAR} --open --reason 'they called about an order'",
        f"{bahi} view attention --as-of {_TODAY} --where \"reason = 'sla_at_risk'\"",
        f"{bahi} view campaign_result --as-of {_TODAY} --format csv",
        f"{bahi} consent history {READER} {PURPOSE} email",
        f"{bahi} sql {shlex.quote(_COUNTS)}",
        f"{bahi} verify",
    ):
        out.print("  " + line, soft_wrap=True)


def _called() -> str:
    """How this command is called from here: by its name if that finds it, else by its path."""
    path = Path(sys.argv[0]).absolute()
    if shutil.which(path.name) == str(path):
        return path.name
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
