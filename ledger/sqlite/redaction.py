"""Bytes of an event removed from an SQLite book, and from whatever else of the file still holds them."""

import sqlite3
from collections.abc import Collection
from contextlib import nullcontext
from uuid import UUID

from ledger.clock import from_us
from ledger.errors import NotAllowed, StoreUnavailable
from ledger.event import remains
from ledger.sqlite.connection import statement, transaction, truncate_log


def whole(connection: sqlite3.Connection, position: int, body: bytes | None) -> bytes:
    """The envelope as it is stored, or what stands for one that was removed."""
    if body is not None:
        return body
    event_id, kind, occurred_us = connection.execute(
        statement("book/remains"), (position,)
    ).fetchone()
    return remains(UUID(bytes=event_id), kind, from_us(occurred_us))


def redact(writer: sqlite3.Connection, position: int, removed: Collection[str]) -> None:
    """See `Book.redact`.

    What is removed is overwritten where it stands. Tags, which go between others, may have left copies
    behind when a page was split, so with them the whole file is written anew.
    """
    given = {"position": position, "body": "body" in removed, "personal": "personal" in removed}
    writer.execute("PRAGMA secure_delete = ON")
    try:
        with transaction(writer):
            writer.execute(statement("book/redact_event"), given)
            writer.execute(statement("book/redact_tags"), {"position": position})
            writer.execute(statement("book/redacting_begun"), {"position": position})
        if "body" in removed:
            writer.execute("VACUUM")
    except sqlite3.IntegrityError:
        expected = "one that an event.redacted of two approvers names, with these bytes"
        raise NotAllowed("position", expected, f"{position:,}") from None
    finally:
        writer.execute("PRAGMA secure_delete = OFF")
    if not truncate_log(
        writer, nullcontext()
    ):  # the caller has the lock, which nobody else is to get
        what = "the removed bytes are in its log until nobody reads there: do the same again"
        raise StoreUnavailable("the book", what)
