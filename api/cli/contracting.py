"""`contracts`: what subscribers may rely on, as files."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.app import app
from api.outcomes import Exit
from api.render import say
from ledger.settings import read_settings
from streams.contracts import broken, contracts, held_by, write


@app.command("contracts")
def write_contracts(
    out: Annotated[
        Path, typer.Option("--out", help="A folder; what it holds already is only added to.")
    ],
) -> None:
    """What is on the topics, as files: AsyncAPI, and a JSON Schema for each value."""
    made = contracts(read_settings())
    breaks = [*broken(held_by(out), made)]
    if breaks:
        for line in breaks:
            say(line)
        say(f"nothing is written: {out} holds contracts that these would break")
        raise typer.Exit(Exit.ANSWER_IS_NO)
    write(out, made)
    say(f"{len(made):,} files written to {out}")
