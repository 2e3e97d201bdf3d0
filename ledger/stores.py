"""Which store a book or a vault is kept in, by its address."""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.book import Book
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import BadUsage, came
from ledger.keyring import Keyring
from ledger.sqlite.book import FILE_NAME, SqliteBook
from ledger.sqlite.vault import SqliteVault
from ledger.vault import Vault

if TYPE_CHECKING:
    from ledger.postgres.address import Address

_SQLITE = "sqlite:///"
_SERVERS = ("postgresql", "postgres")


def book_folder(address: str) -> Path | None:
    """The folder of an embedded book; None for one on a server.

    Raises `BadUsage` for an address that is neither.
    """
    if _server(address) is not None:
        return None
    if not address.startswith(_SQLITE) or len(address) == len(_SQLITE):
        scheme, colon, _ = address.partition("://")  # what follows may hold a password
        came_here = f"one of {scheme}://" if colon else came(address)
        raise BadUsage(f"expected a ledger address such as sqlite:///folder, came {came_here}")
    return Path(address.removeprefix(_SQLITE))


def book_name(address: str) -> str:
    """The address as messages may show it: a folder, or a server without user and password."""
    server = _server(address)
    return str(book_folder(address)) if server is None else server.name


def book_exists(address: str) -> bool:
    """Whether a book has been begun there; nothing is made."""
    server = _server(address)
    if server is not None:
        from ledger.postgres.connection import is_migrated

        return is_migrated(server, "book")
    folder = book_folder(address)
    return folder is not None and (folder / FILE_NAME).exists()


def open_book(address: str, clock: Clock = system_clock) -> Book:
    """The book at `sqlite:///folder` (relative), `sqlite:////folder` (absolute), or
    `postgresql://user:password@host/database?schema=book`.

    On a server its clock counts, since all who write share it; another than the machine's own is
    heeded everywhere.
    """
    server = _server(address)
    if server is not None:
        from ledger.postgres.book import (
            PostgresBook,
        )

        return PostgresBook(server, None if clock is system_clock else clock)
    folder = book_folder(address)
    assert folder is not None
    return SqliteBook(folder, clock)


def vault_file(address: str | Path) -> Path | None:
    """The file of a vault; None for one on a server. Raises `BadUsage` for any other address."""
    scheme, colon, _ = str(address).partition("://")  # what follows may hold a password
    if not colon:
        return Path(address)
    if scheme not in _SERVERS:
        raise BadUsage(
            "expected a file or an address such as postgresql://user:password@host/database, "
            f"came one of {scheme}://"
        )
    _demand_server(str(address), "vault")
    return None


def vault_name(address: str | Path) -> str:
    """The address as messages may show it."""
    file = vault_file(address)
    return _demand_server(str(address), "vault").name if file is None else str(file)


def vault_exists(address: str | Path) -> bool:
    """Whether a vault has been begun there; nothing is made."""
    file = vault_file(address)
    if file is not None:
        return file.exists()
    from ledger.postgres.connection import is_migrated

    return is_migrated(_demand_server(str(address), "vault"), "vault")


def open_vault(address: str | Path, keyring: Keyring, *, ids: Ids = random_ids) -> Vault:
    """The vault in a file, or at `postgresql://user:password@host/database?schema=vault`."""
    file = vault_file(address)
    if file is not None:
        return SqliteVault(file, keyring, ids=ids)
    from ledger.postgres.vault import PostgresVault

    return PostgresVault(_demand_server(str(address), "vault"), keyring, ids=ids)


def _server(address: str) -> "Address | None":
    if address.partition("://")[0] not in _SERVERS:
        return None
    return _demand_server(address, "book")


def _demand_server(address: str, schema: str) -> "Address":
    from ledger.postgres.address import Address  # drivers that an embedded book need not load

    return Address.parse(address, schema)
