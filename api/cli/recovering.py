"""`bahi recover`: a ledger whose stores were brought back from older copies, made fit to be opened again."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from api.cli.app import Json, acting, app
from api.cli.confirming import demand_confirmed
from api.confirming import digits_of
from api.render import out, say, write_json
from api.wiring import Bahi
from commands.privacy.recovering import to_erase
from ledger.errors import NotFound
from ledger.opening import Standing
from ledger.settings import read_settings
from ledger.stores import book_name


@app.command("recover")
def recover(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what is lost and what would be done; do nothing."),
    ] = False,
    yes: Annotated[
        str | None,
        typer.Option(
            "--yes",
            help="The digits that --dry-run shows, instead of typing them.",
            metavar="DIGITS",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make restored stores fit to be opened: whoever was erased is erased again.

    For a book or vault brought back from an older copy, where no newer one is left. Stop everything else
    first. What came after the copy stays lost; the book says how much, for good.
    """
    settings = read_settings()
    if not settings.keyring_file.exists():
        raise NotFound("book", book_name(settings.ledger_address))
    bahi, standing = Bahi.open_restored(settings, user=acting.get())
    try:
        again = len(to_erase(bahi.ledger, standing))
        wrong = bool(standing.book_is_older or standing.vault_is_older or standing.untold or again)
        told = _told(standing, again)
        if json and (dry_run or not wrong):
            write_json({**told, "digits": _digits(told) if wrong else None})
        elif not json:
            _print(standing, again)
        if not wrong:
            say("There is nothing to recover: the stores are what the keyring remembers.")
        elif dry_run:
            say(f"Nothing was done. --yes {_digits(told)} recovers.")
        else:
            _demand_confirmed(_digits(told), yes)
            done = bahi.recover(standing)
            if json:
                write_json({**told, **asdict(done)})
            else:
                out.print(f"Recovered; {done.erased_again:,} erasings were carried out again.")
                if done.keys_lost:
                    out.print(
                        f"{done.keys_lost:,} keys are lost: what was sealed under them opens no more."
                    )
    finally:  # in no other way is the keyring to remember what was found
        bahi.close(in_order=False)


def _told(standing: Standing, again: int) -> dict[str, Any]:
    remembered, found = standing.remembered, standing.found
    return {
        "remembered": {
            "book_size": remembered.size,
            "root": remembered.root.hex(),
            "vault_generation": remembered.vault_generation,
        },
        "found": {
            "book_size": found.size,
            "root": found.root.hex(),
            "vault_generation": found.vault_generation,
        },
        "book_is_older": standing.book_is_older,
        "vault_is_older": standing.vault_is_older,
        "erasings_lost": len(standing.untold),
        "to_erase_again": again + len(standing.untold),
    }


def _print(standing: Standing, again: int) -> None:
    remembered, found = standing.remembered, standing.found
    for name, older, was, is_now in (
        ("book", standing.book_is_older, f"{remembered.size:,} events", f"{found.size:,}"),
        (
            "vault",
            standing.vault_is_older,
            f"generation {remembered.vault_generation:,}",
            f"{found.vault_generation:,}",
        ),
    ):
        what = "older than it was, or another" if older else "not older than it was"
        out.print(f"{name:<6} {what}: remembered {was}, found {is_now}")
    out.print(f"erased, and unknown to the book: {len(standing.untold):,} customers")
    out.print(f"erasings to be carried out again: {again + len(standing.untold):,}")


def _digits(told: dict[str, Any]) -> str:
    """Six digits of what exactly was found: no other recovery has them but by chance."""
    return digits_of(repr(told))


def _demand_confirmed(digits: str, yes: str | None) -> None:
    asking = f"What came after these copies will be lost for good. Type {digits} to recover:"
    demand_confirmed(digits, yes, asking, "Nothing was done")
