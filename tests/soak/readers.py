"""The processes that follow the book, fold it, and close it.

A follower notes position and hash of all that it is handed, and goes on from its last note when it
is started again. What is hashed is told by its kind: the envelope; the envelope and the sealed
bytes; or id, type and clear attributes as they come in columns.
"""

import hashlib
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from api.cli import main
from api.wiring import Bahi
from ledger.book import Book
from ledger.dcb import BookRecorder
from ledger.event import Event
from ledger.settings import read_settings
from tests.soak.part import DRAIN, END, UNAVAILABLE, Part

_QUIET_S = 0.01
_PATIENCE_S = 0.5
_PAGE = 300

Handed = tuple[int, str, bytes]
"""Position, type, and what is hashed."""


def _note(part: Part, handed: Iterator[Handed]) -> None:
    """Note what is handed over, up to the event that ends the round."""
    for position, kind, what in handed:
        part.notes.write({"at": position, "hash": hashlib.sha256(what).hexdigest()})
        if kind == END:
            return


def _last(part: Part) -> int:
    return max((line["at"] for line in part.notes.read() if "at" in line), default=0)


def poll(part: Part) -> None:
    """Ask again and again for what comes after the last position."""
    with part.open_book() as book:
        _note(part, _polled(book, _last(part)))


def _polled(book: Book, after: int) -> Iterator[Handed]:
    while True:
        for recorded in book.read(after):
            after = recorded.position
            yield after, recorded.event.type, recorded.body + recorded.event.personal
        time.sleep(_QUIET_S)


def wait(part: Part) -> None:
    """Wait for the book to grow, and read a page."""
    with part.open_book() as book:
        _note(part, _waited(book, _last(part)))


def _waited(book: Book, after: int) -> Iterator[Handed]:
    while True:
        if book.wait(after, _PATIENCE_S) > after:
            for recorded in book.read(after, limit=_PAGE):
                after = recorded.position
                yield after, recorded.event.type, recorded.body + recorded.event.personal


def columns(part: Part) -> None:
    """Wait for the book to grow, and read it as columns."""
    with part.open_book() as book:
        _note(part, _in_columns(book, _last(part)))


def _in_columns(book: Book, after: int) -> Iterator[Handed]:
    names = ("position", "id", "type", "data")
    while True:
        if book.wait(after, _PATIENCE_S) > after:
            for batch in book.batches(after, names, size=_PAGE):
                for row in batch.to_pylist():
                    after = row["position"]
                    yield after, row["type"], "{id} {type} {data}".format(**row).encode()


def subscribe(part: Part) -> None:
    """Follow the book as the eventsourcing library's subscription."""
    with (
        part.open_book() as book,
        BookRecorder(book).subscribe(after=_last(part)) as subscription,
    ):
        _note(part, ((one.position, one.event.type, one.event.data) for one in subscription))


def keep(part: Part) -> None:
    """Be `bahi views run`; where its database went away, be it again, as whoever looks after it would."""
    command_line("views", "run")


def fold(part: Part) -> None:
    """Bring the views up to the book now and then, while others keep them; now and then a tree head."""
    with Bahi.open(read_settings()) as bahi:
        book = bahi.ledger.book
        position = 0
        while True:
            drained = part.told(DRAIN)
            failures = bahi.catch_up()
            assert not failures, failures
            if part.chance.random() < 0.2:
                book.checkpoint()
            if drained:
                return
            position = book.wait(position, _PATIENCE_S)
            time.sleep(part.chance.uniform(0, 0.5))


def begin(part: Part) -> None:
    """Found the ledger: keyring, vault and book, before there are events that have none."""
    Bahi.open(read_settings()).close()


def close(part: Part) -> None:
    """Append the last event of the round."""
    last = Event(
        id=UUID(int=(8 << 76) | (2 << 62) | part.seed),
        type=END,
        version=1,
        domain="reference",
        occurred_at=datetime(2026, 4, 1, tzinfo=UTC),
        source=part.name,
    )
    with part.open_book() as book:
        (receipt,) = book.append([last])
        book.checkpoint()
    part.notes.write({"closed": receipt.position, "id": str(last.id)})


VIEWS = """
SELECT 'daily' AS view, to_json(v) AS row FROM daily v
UNION ALL SELECT 'customer_360', to_json(v) FROM customer_360 v
UNION ALL SELECT 'customer_money', to_json(v) FROM customer_money v
"""


def verify(part: Part) -> None:
    """Be `bahi verify --json`."""
    command_line("verify", "--json")


def views(part: Part) -> None:
    """Be `bahi sql` over some views."""
    command_line("sql", VIEWS, "--format", "json")


def command_line(*given: str) -> None:
    """Be the command line; what kept it from its database is raised as it was."""
    sys.argv = ["bahi", *given]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.__context__, UNAVAILABLE):
            raise end.__context__ from None
        raise
