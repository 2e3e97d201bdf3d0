"""`bahi demo`: real purchases, read into a book of their own, and what can be asked of it."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from api.cli.app import app, progress_bar
from api.cli.looking import find_customer
from api.pages import print_customer
from api.render import out, rich_table
from api.wiring import Bahi
from ledger.errors import NotFound
from ledger.settings import Settings
from replay.clocks import parse_moment
from streams.files import load_mapping, read_file
from streams.imports import import_rows

_DATA = Path(__file__).parents[2] / "tests" / "data"
_HISTORY = _DATA / "CDNOW_master.txt.gz"
_MAPPING = _DATA / "cdnow.toml"
_SOMEONE = "user:00095"
_THEN = "1997-09-30"
_TOTALS = """
SELECT count(*) AS customers, sum(orders)::BIGINT AS orders, currency,
       sum(ordered)::BIGINT AS ordered_minor
FROM customer_money GROUP BY currency
"""
_BY_MONTH = "SELECT strftime(day, '%Y-%m') AS month, sum(events)::BIGINT AS purchases FROM daily GROUP BY 1 ORDER BY 1"


@app.command()
def demo(
    home: Annotated[Path, typer.Option("--home", help="Where the demo keeps its book.")] = Path(
        ".demo"
    ),
) -> None:
    """Read eighteen months of a shop's purchases, and look at them today and as of a day."""
    if not _HISTORY.exists():
        raise NotFound("file", _HISTORY.name, "the demo runs from a checkout of the project")
    settings = Settings(home=home, ledger="", vault=None, keyring=None)
    with Bahi.open(settings) as bahi:
        mapping = load_mapping(_MAPPING)
        with progress_bar(f"reading {_HISTORY.name}") as told:
            rows = read_file(_HISTORY, mapping, progress=told)
            report = import_rows(bahi.ledger, rows, mapping.source, bahi.intake)
            bahi.catch_up()
        customers = bahi.views.rows("customer_360").num_rows
        if report.appended:
            out.print(f"{report.appended:,} purchases of {customers:,} customers are in the book.")
        else:
            out.print(
                f"Nothing was new: all {report.duplicates:,} purchases are in the book already."
            )
        out.print()
        someone = find_customer(bahi, _SOMEONE)
        print_customer(
            someone, bahi.history.customer(someone), bahi.history.timeline(someone), None
        )
        out.print()
        out.print(rich_table(bahi.history.sql(_TOTALS), "Totals today"))
        then = bahi.history.clocks(parse_moment(_THEN, "--as-of"))
        out.print(rich_table(bahi.history.sql(_TOTALS, then), f"Totals as of {_THEN}"))
    _next(home)


def _next(home: Path) -> None:
    """Three complete lines to try, as they have to be typed here."""
    bahi = f"BAHI_HOME={shlex.quote(str(home))} {_called()}"
    out.print()
    out.print(Text("Try next", style="bold"))
    for line in (
        f'{bahi} view customer_money --as-of {_THEN} --where "orders >= 20" --format csv',
        f"{bahi} customer {_SOMEONE} --open --reason 'they called about an order'",
        f'{bahi} sql "{_BY_MONTH}"',
    ):
        out.print("  " + line, soft_wrap=True)


def _called() -> str:
    """How this command is called from here: by its name if that finds it, else by its path."""
    path = Path(sys.argv[0]).absolute()
    if shutil.which(path.name) == str(path):
        return path.name
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
