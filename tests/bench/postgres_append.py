"""Appending to PostgreSQL: against bare COPY, and against the recorder of the eventsourcing library."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
from eventsourcing.dcb.api import DCBAppendCondition, DCBEvent, DCBQuery, DCBQueryItem

from commands.record import record
from ledger.book import Condition, Match, index_tags
from ledger.clock import system_clock, to_us
from ledger.event import Event, encode_body, leaf_hash
from ledger.opening import open_ledger
from ledger.postgres.connection import statement
from ledger.stores import open_book
from tests.bench import made, server
from tests.bench.runner import Comparison, Side

_AT_ONCE = 1_000
_SINGLE = 1_000
"""Appends of one event in a side: each is a commit, and they tell enough."""
_BEFORE = 10_000
"""Events that are there already, where that is said."""

One = TypeVar("One")


def comparisons(count: int) -> Iterator[Comparison]:
    """A thousand at once, twice; one at a time on a condition."""
    durability = f"both: a commit an append; {server.settings()}"
    yield Comparison(
        what="append to PostgreSQL, 1,000 at once",
        baseline="bare binary COPY of the same rows into the same tables, without triggers",
        durability=durability,
        ours=partial(_appending, count),
        theirs=partial(_copying, count),
        must=0.6,
        aim=0.8,
    )
    yield Comparison(
        what="append to PostgreSQL, 1,000 at once",
        baseline="the library's PostgreSQL DCB recorder",
        durability=durability,
        ours=partial(_appending, count),
        theirs=partial(_recording, count),
        must=1.5,
        aim=3.0,
    )
    yield Comparison(
        what="record to PostgreSQL, 1,000 at once: resolved and sealed as well",
        baseline="bare binary COPY of rows as many and as large, without triggers",
        durability=durability + "; ours also commits the vault, in the same server",
        ours=partial(_recording_touchpoints, count),
        theirs=partial(_copying, count),
    )
    yield Comparison(
        what="append to PostgreSQL, one at a time on a condition",
        baseline="the library's PostgreSQL DCB recorder, the same condition",
        durability=durability,
        ours=partial(_appending_singly, _SINGLE, 0),
        theirs=partial(_recording_singly, _SINGLE, 0),
        must=1.5,
        aim=2.0,
    )
    yield Comparison(
        what="append to PostgreSQL, one at a time on a condition, 10,000 events in the book",
        baseline="the library's recorder with as many, its tables analysed; it keeps no ids and no hashes",
        durability=durability,
        ours=partial(_appending_singly, _SINGLE, _BEFORE),
        theirs=partial(_recording_singly, _SINGLE, _BEFORE),
    )


def as_theirs(event: Event) -> DCBEvent:
    """The same type, tags and bytes, encoded beforehand."""
    return DCBEvent(event.type, encode_body(event) + event.personal, list(index_tags(event)))


def _batches(count: int) -> list[list[Event]]:
    given = list(made.events(count))
    return [given[start : start + _AT_ONCE] for start in range(0, count, _AT_ONCE)]


def _appending(count: int, _folder: Path) -> Side:
    book = open_book(server.an_empty_database())
    batches = _batches(count)
    book.head()  # connects

    def side() -> int:
        for batch in batches:
            book.append(batch)
        book.close()
        return count

    return side


def _copying(count: int, _folder: Path) -> Side:
    """The tables with all their indexes, the rows ready; nothing is looked up, hashed or checked."""
    connection = psycopg.connect(server.an_empty_database(), autocommit=True)
    for name in ("0001_event", "0002_event_tag"):
        connection.execute(statement(f"book/{name}"))
    batches = _rows(_batches(count))

    def side() -> int:
        for rows, tags in batches:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy("COPY event FROM STDIN (FORMAT binary)") as copy:
                    copy.set_types(["int8", "int8", "uuid", "text", "int8", *["bytea"] * 3])
                    for row in rows:
                        copy.write_row(row)
                with cursor.copy("COPY event_tag FROM STDIN (FORMAT binary)") as copy:
                    copy.set_types(["text", "int8"])
                    for tag in tags:
                        copy.write_row(tag)
        connection.close()
        return count

    return side


def _rows(
    batches: Sequence[Sequence[Event]],
) -> list[tuple[list[tuple[object, ...]], list[tuple[str, int]]]]:
    now = to_us(system_clock())
    found = []
    position = 0
    for batch in batches:
        rows: list[tuple[object, ...]] = []
        tags: list[tuple[str, int]] = []
        for event in batch:
            position += 1
            body = encode_body(event)
            rows.append((
                position, now, event.id, event.type, to_us(event.occurred_at),
                body, event.personal, leaf_hash(now, body, event.personal),
            ))  # fmt: skip
            tags += [(tag, position) for tag in index_tags(event)]
        found.append((rows, sorted(tags)))
    return found


def _recording_touchpoints(count: int, folder: Path) -> Side:
    address = server.an_empty_database()
    ledger = open_ledger(open_book(address), address, folder / "keyring.json")
    given = list(made.touchpoints(count))

    def side() -> int:
        tolerance = timedelta(days=36_500)
        for _ in record(ledger, given, clock=system_clock, future_tolerance=tolerance):
            pass
        ledger.close()
        return count

    return side


def _recording(count: int, _folder: Path) -> Side:
    recorder = server.librarys_recorder()
    batches = [[as_theirs(event) for event in batch] for batch in _batches(count)]
    recorder.read(limit=1)  # connects

    def side() -> int:
        for batch in batches:
            recorder.append(batch)
        recorder.datastore.close()
        return count

    return side


def _appending_singly(count: int, before: int, _folder: Path) -> Side:
    address = server.an_empty_database()
    book = open_book(address)
    given = list(made.events(before + count))
    head = book.head()
    if before:
        head = book.append(given[:before])[-1].position
        with psycopg.connect(address, autocommit=True) as admin:
            admin.execute("ANALYZE")

    def append(event: Event, after: int) -> int:
        match = Match((event.type,), (f"customer:{event.customer}",))
        return book.append([event], Condition((match,), after))[0].position

    return _one_by_one(given[before:], head, append, book.close)


def _recording_singly(count: int, before: int, _folder: Path) -> Side:
    recorder = server.librarys_recorder()
    given = [
        (as_theirs(event), f"customer:{event.customer}") for event in made.events(before + count)
    ]
    head = recorder.read(limit=1).head or 0
    if before:
        head = recorder.append([event for event, _ in given[:before]])
        with recorder.datastore.get_connection() as admin:
            admin.execute("ANALYZE")

    def append(one: tuple[DCBEvent, str], after: int) -> int:
        event, customer = one
        query = DCBQuery([DCBQueryItem([event.type], [customer])])
        return recorder.append([event], DCBAppendCondition(query, after))

    return _one_by_one(given[before:], head, append, recorder.datastore.close)


def _one_by_one(
    given: Sequence[One], head: int, append: Callable[[One, int], int], close: Callable[[], None]
) -> Side:
    """Each on condition that nothing was appended about its person since the one before it."""

    def side() -> int:
        after = head
        for one in given:
            after = append(one, after)
        close()
        return len(given)

    return side
