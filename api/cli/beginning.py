"""`bahi begin`: the stores made, or brought up to this version, before anybody needs them."""

from api.cli.app import app, opened
from api.render import out
from ledger.stores import book_name, vault_name


@app.command()
def begin() -> None:
    """Make keyring, vault and book, or bring them up to date.

    Where the settings say. Whatever takes something in does so by itself; on a server, to make schemas
    may be another user's right.
    """
    with opened(current=False, begin=True) as bahi:
        given = bahi.settings
        out.print(f"keyring  {given.keyring_file}", soft_wrap=True)
        out.print(f"vault    {vault_name(given.vault_address)}", soft_wrap=True)
        events = f"{bahi.ledger.book.head():,} events"
        out.print(f"book     {book_name(given.ledger_address)}, {events}", soft_wrap=True)
