"""What the tests of commands have in common: a ledger on real files, and touchpoints made up for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from commands.record import record
from commands.touchpoint import Outcome, Touchpoint
from ledger import catalogue
from ledger.event import Recorded
from ledger.identifiers import Identifier
from ledger.opening import Ledger, open_ledger
from ledger.stores import open_book

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CLERK = UUID("eeeeeeee-0000-4000-8000-000000000001")

OPEN = """
import sys
from pathlib import Path
from tests.commands.samples import *
folder = Path(sys.argv[1])
"""
"""How a process of a test begins."""


def clock() -> datetime:
    return NOW


def keep_on_server(folder: Path, url: str) -> None:
    """Have book and vault of the ledger in this folder kept on a server from the beginning."""
    schema = uuid4().hex
    stores = (f"{url}?schema=book_{schema}", f"{url}?schema=vault_{schema}")
    (folder / "stores").write_text("\n".join(stores))


def stores_of(folder: Path) -> tuple[str, str]:
    """The addresses of book and vault of the ledger in a folder."""
    if (folder / "stores").exists():
        book, vault = (folder / "stores").read_text().split()
        return book, vault
    return f"sqlite:///{folder / 'book'}", str(folder / "vault" / "vault.db")


@contextmanager
def opened(folder: Path) -> Iterator[Ledger]:
    """Open the ledger in a folder, or begin it."""
    book, vault = stores_of(folder)
    with open_ledger(open_book(book, clock), vault, folder / "keyring.json", clock=clock) as ledger:
        yield ledger


def touchpoint(
    message_id: str = "1",
    type: str = "order.placed",  # noqa: A002 -- named as the field is
    *,
    who: dict[str, str] | list[tuple[str, str]] | None = None,
    at: datetime = NOW - DAY,
    source: str = "shop",
    references: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    actor: UUID | None = None,
    data: dict[str, Any] | None = None,
) -> Touchpoint:
    """An order of `u1` for 12.50 EUR, unless said otherwise."""
    if data is None:
        data = {"currency": "EUR", "amount_minor": 1250} if type == "order.placed" else {}
    named = {"user": "u1"} if who is None else who
    pairs = named.items() if isinstance(named, dict) else named
    return Touchpoint(
        payload=catalogue.parse(type, data, at_a_door=False),
        occurred_at=at,
        source=source,
        message_id=message_id,
        identifiers=tuple(Identifier(kind, value) for kind, value in pairs),
        references=tuple(Identifier(kind, value) for kind, value in (references or {}).items()),
        tags=tags or {},
        actor=actor,
    )


def take(ledger: Ledger, *items: Touchpoint, region: str | None = None) -> list[Outcome]:
    return list(record(ledger, items, clock=clock, future_tolerance=DAY, region=region))


def told(outcomes: list[Outcome]) -> list[tuple[str, int | str | None]]:
    """Each outcome as its fate and position, or its fate and the refusal's message."""
    return [
        (
            o.fate.value,
            o.position if o.refusal is None else f"{type(o.refusal).__name__} {o.refusal}",
        )
        for o in outcomes
    ]


def recorded(ledger: Ledger) -> list[Recorded]:
    return list(ledger.book.read())


def customer_of(ledger: Ledger, kind: str, value: str) -> UUID | None:
    return ledger.vault.look_up(Identifier(kind, value))
