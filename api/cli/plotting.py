"""Commands that draw: `plot pipeline`, `plot cohorts`, `plot consent`."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import AsOf, Purpose, app, opened
from api.render import say
from ledger.errors import BadUsage
from ledger.restricted import SERVICE
from replay import plots
from replay.clocks import parse_moment
from replay.notebook.history import History

plot = typer.Typer(help="Pictures of history, for a report: .svg or .png.")
app.add_typer(plot, name="plot", no_args_is_help=True)

To = Annotated[Path, typer.Option("--out", help="A file to write, named .svg or .png.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Draw from this day on, not from the beginning.")
]
Market = Annotated[
    str | None, typer.Option("--market", help="Of one market alone, an ISO country such as DE.")
]


@plot.command()
def pipeline(
    to: To,
    as_of: AsOf = None,
    since: Since = None,
    market: Market = None,
    purpose: Purpose = SERVICE,
) -> None:
    """What was open at each week's end, by stage; a panel for each pipeline and currency."""
    _draw(plots.pipeline, to, as_of, since, market, purpose)


@plot.command()
def cohorts(
    to: To,
    as_of: AsOf = None,
    since: Since = None,
    market: Market = None,
    purpose: Purpose = SERVICE,
) -> None:
    """Of those who first ordered in a month, how many ordered again later."""
    _draw(plots.cohorts, to, as_of, since, market, purpose)


@plot.command()
def consent(
    to: To,
    as_of: AsOf = None,
    since: Since = None,
    market: Market = None,
    purpose: Purpose = SERVICE,
) -> None:
    """How many people had said yes to each purpose, and could be written to, by week."""
    _draw(plots.consent, to, as_of, since, market, purpose)


def _draw(
    picture: plots.Picture,
    to: Path,
    as_of: str | None,
    since: str | None,
    market: str | None,
    purpose: str,
) -> None:
    plots.demand_suffix(to.suffix)
    at = None if as_of is None else parse_moment(as_of, "--as-of")
    first = None if since is None else parse_moment(since, "--since")
    with opened() as bahi:
        figure = picture(History(bahi.reading, purpose), at, market, first)
    try:
        to.write_bytes(plots.encoded(figure, to.suffix))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
        raise BadUsage(f"--out: {to}: {error.strerror}") from None
    say(f"written to {to}")
