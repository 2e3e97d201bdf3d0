"""Which store a book is kept in, by its address."""

from pathlib import Path

from ledger.book import Book
from ledger.clock import Clock, system_clock
from ledger.errors import BadUsage, came
from ledger.sqlite.book import SqliteBook

_SQLITE = "sqlite:///"


def book_folder(address: str) -> Path:
    """The folder of an embedded book. Raises `BadUsage` for an address that is not one."""
    if not address.startswith(_SQLITE) or len(address) == len(_SQLITE):
        scheme, colon, _ = address.partition("://")  # what follows may hold a password
        came_here = f"one of {scheme}://" if colon else came(address)
        raise BadUsage(f"expected a ledger address such as sqlite:///folder, came {came_here}")
    return Path(address.removeprefix(_SQLITE))


def open_book(address: str, clock: Clock = system_clock) -> Book:
    """The book at `sqlite:///folder` (relative) or `sqlite:////folder` (absolute)."""
    return SqliteBook(book_folder(address), clock)
