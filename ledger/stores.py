"""Which store a book is kept in, by its address."""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.book import Book
from ledger.clock import Clock, system_clock
from ledger.errors import BadUsage, came
from ledger.sqlite.book import FILE_NAME, SqliteBook

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

        return is_migrated(server)
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


def _server(address: str) -> "Address | None":
    if address.partition("://")[0] not in _SERVERS:
        return None
    from ledger.postgres.address import Address  # drivers that an embedded book need not load

    return Address.parse(address, "book")
