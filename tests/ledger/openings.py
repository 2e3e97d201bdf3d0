"""Openings for tests: one that stands in some book, and a look past them at what was sealed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from ledger.book import Book
from ledger.event import Event
from ledger.on_record import OnRecord
from ledger.opening import Ledger
from ledger.sealing import Blob, Part, blobs
from ledger.sqlite.book import SqliteBook

CLERK = UUID("cccccccc-0000-4000-8000-000000000003")


def opening(
    customer: UUID | None = None,
    *,
    about: UUID | None = None,
    actor: UUID | None = CLERK,
    purpose: str = "service",
    type: str = "personal_data.opened",  # noqa: A002 -- named as the field is
) -> Event:
    """Somebody opens somebody's data."""
    data = {"purpose": purpose}
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return Event(
        uuid4(), type, 1, "audit", at, "bahi", data, customer, actor=actor, correlation=about
    )


def on_record(book: Book, *customers: UUID | None, about: UUID | None = None) -> OnRecord:
    """Have it in the book that their data is opened."""
    events = [opening(customer, about=about) for customer in customers or [None]]
    book.append(events)
    return OnRecord(book, [event.id for event in events])


def on_record_in(folder: Path, *customers: UUID | None, about: UUID | None = None) -> OnRecord:
    """The same, in a book of its own."""
    with SqliteBook(folder / "book_of_openings") as book:
        return on_record(book, *customers, about=about)


def unsealed(ledger: Ledger, event: Event) -> dict[Part, dict[str, Any]]:
    """What is sealed in an event, whoever it is of, with nothing on record."""
    return {
        (blob.subject, blob.retention): ledger.sealer.unseal(
            event, blob, ledger.vault.key(blob.subject, blob.retention, blob.key_version)
        )
        for blob in blobs(event.personal)
        if isinstance(blob, Blob)
    }
