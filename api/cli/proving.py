"""Commands that prove: `verify`, and `keys` for what everything hangs on."""

import sys
from pathlib import Path
from typing import NoReturn
from uuid import UUID

import typer

from api.cli.app import Json, app, opened, progress_bar
from api.outcomes import Exit
from api.render import out, say, write_json
from ledger.errors import BookAltered, NotFound
from ledger.gone import Gone
from ledger.keyring import Keyring
from ledger.settings import read_settings
from ledger.stores import book_exists, book_name, open_book
from projections import Views
from replay.columns.proving import Proved, verify_segments
from replay.verify import Verified, verify_book, verify_views

keys = typer.Typer(help="The keyring: what everything sealed hangs on.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.command()
def verify(json: Json = False) -> None:
    """Read the whole book again: each byte by its leaf, every copy, every fold.

    The book is not served for this: it may be the very copy that would be refused.
    """
    given = read_settings()
    remembered = _remembered(given.keyring_file)
    if not book_exists(given.ledger_address):
        if remembered is None:
            raise NotFound("book", book_name(given.ledger_address))
        what = f"missing; the keyring remembers {remembered[0]} events"
        _fail(BookAltered(1, what), json=json)
    if not given.keyring_file.exists():
        say("no keyring here: the book is compared with its own tree heads only")
    with open_book(given.ledger_address) as book, progress_bar("verifying") as told:
        head = book.head()
        try:
            verified = verify_book(book, remembered=remembered, progress=lambda at: told(at, head))
            proved = verify_segments(given.history_folder, book, lambda at: told(at, head))
        except BookAltered as error:
            _fail(error, json=json)
        buried = _buried(given.keyring_file)
        views = Views.open(given.views_at, given.views, gone=Gone(book, lambda: buried))
        try:
            folds = verify_views(book, views)
        finally:
            views.close()
    wrong = {name: what for name, what in folds.items() if what is not None}
    if json:
        write_json(
            {
                "ok": not wrong,
                "events": verified.events,
                "checkpoints": verified.checkpoints,
                "root": verified.root.hex(),
                "redacted": [
                    {"position": one.position, "removed": one.removed, "by": one.approved_at}
                    for one in verified.redactions
                ],
                "to_redact": list(verified.pending),
                "folds": len(folds),
                "wrong_folds": wrong,
                "segments": proved.segments,
                "events_in_segments": proved.events,
            }
        )
    else:
        _print(verified, proved, len(folds), len(wrong))
    if proved.foreign:
        say(
            "bahi: the history in columns is of another book, or of what this one once was: it is not "
            "read, and `bahi history keep` writes it anew"
        )
    for position in verified.pending:
        say(
            f"bahi: position {position:,}: approved to be removed, and not all gone; "
            "`bahi privacy redactions` goes on with it"
        )
    for name, what in wrong.items():
        say(f"bahi: fold {name}: {what}; `bahi views rebuild {name}`")
    if wrong:
        sys.exit(Exit.FAILED)


def _print(verified: Verified, proved: Proved, folds: int, wrong: int) -> None:
    out.print(
        f"{verified.events:,} events, gapless and as they were written; "
        f"{verified.checkpoints:,} tree heads agree; {folds - wrong} of "
        f"{folds} folds equal a fresh one"
    )
    if proved.segments:
        out.print(
            f"{proved.events:,} of them are in {proved.segments:,} files of history, as the book "
            "has them"
        )
    for one in verified.redactions:
        what = " and ".join(one.removed)
        out.print(f"position {one.position:,}: {what} removed, as approved at {one.approved_at:,}")
    out.print(f"root {verified.root.hex()}", soft_wrap=True)


def _fail(error: BookAltered, *, json: bool) -> NoReturn:
    if json:
        write_json({"ok": False, "position": error.position, "what": error.what})
    say(f"bahi: {error}")
    sys.exit(Exit.FAILED)


def _buried(keyring_file: Path) -> frozenset[UUID]:
    """Who was erased, as the keyring has it; nobody where there is none."""
    return Keyring.open(keyring_file).tombstones if keyring_file.exists() else frozenset()


def _remembered(keyring: Path) -> tuple[int, bytes] | None:
    if not keyring.exists():
        return None
    mark = Keyring.open(keyring).high_water
    return (mark.size, mark.root) if mark.size else None


@keys.command("rotate")
def keys_rotate() -> None:
    """Begin a new epoch, wrap the living keys anew, and destroy the old epoch's key.

    Copies of the vault made before this open no more: back the vault up afterwards.
    """
    with opened(current=False) as bahi:
        epoch = bahi.ledger.keyring.begin_epoch()
        wrapped = bahi.ledger.vault.rewrap(bahi.ledger.keyring)
    out.print(f"epoch {epoch} begun; {wrapped:,} secrets wrapped anew, older vault copies are dead")


@keys.command("show")
def keys_show(json: Json = False) -> None:
    """What the keyring remembers. No key is shown."""
    mark = Keyring.open(read_settings().keyring_file).high_water
    shown = {
        "book_size": mark.size,
        "root": mark.root.hex(),
        "vault_generation": mark.vault_generation,
    }
    if json:
        write_json(shown)
    else:
        for name, value in shown.items():
            out.print(f"{name:<17} {value}", soft_wrap=True)
