"""Commands of what goes out: `publish`."""

import time
from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.app import Json, app, opened, progress_bar
from api.cli.stopping import told_to_stop
from api.outcomes import Exit
from api.render import say, write_json
from streams.kafka.publishing import Lag, Publisher, Told

_SAID_EVERY_S = 60.0


@app.command()
def publish(
    once: Annotated[
        bool, typer.Option("--once", help="Until everything is out, not until told to stop.")
    ] = False,
    json: Json = False,
) -> None:
    """Publish the book on topics: each event once, in order.

    Until Ctrl-C, to the brokers of BAHI_KAFKA.
    """
    stopped = told_to_stop()
    with opened(current=False) as bahi, progress_bar("publishing") as progress:
        last_said = float("-inf")

        def far(lag: Lag) -> None:
            nonlocal last_said
            progress(lag.position, max(lag.head, 1))
            if not once and lag.behind_s == 0 and time.monotonic() - last_said > _SAID_EVERY_S:
                say(f"published up to position {lag.position:,}; Ctrl-C stops")
                last_said = time.monotonic()

        told = Told(far, lambda what: say(f"warning: {what}"))
        lag = Publisher(bahi.reading).run(stopped, told, once=once)
    if json:
        write_json(asdict(lag))
    else:
        say(said(lag))
    if once and not lag.all_out and not stopped():
        raise typer.Exit(Exit.FAILED)


def said(lag: Lag) -> str:
    """How far publishing has come, in a line."""
    line = f"published up to position {lag.position:,} of {lag.head:,}"
    if lag.rows < lag.position:
        line += f", rows up to {lag.rows:,}"
    if lag.position < lag.head:
        line += f"; the oldest event that is not out came {lag.behind_s:,.0f} s ago"
    if lag.held_back:
        people = "one customer" if lag.held_back == 1 else f"{lag.held_back:,} customers"
        line += f"; events of {people} are held back while their data is restricted"
    return line
