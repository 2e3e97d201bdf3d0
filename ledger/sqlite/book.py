"""The book in one SQLite file: embedded, one short writer at a time, any number of readers."""

import heapq
import sqlite3
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from uuid import UUID
from weakref import WeakSet

import orjson
import pyarrow as pa

from ledger import relation
from ledger.book import (
    MAX_POSITION,
    Answer,
    Book,
    Condition,
    Match,
    Member,
    Receipt,
    Row,
    Status,
    index_tags,
)
from ledger.clock import Clock, from_us, system_clock, to_us
from ledger.errors import (
    BadUsage,
    BookAltered,
    ConditionFailed,
    IdReused,
    KeyringForeign,
)
from ledger.event import Event, Recorded, decode_body, different_fields, leaf_hash
from ledger.sqlite import columns as columns_of
from ledger.sqlite import redaction
from ledger.sqlite.connection import Connection, migrate, open_connection, statement, transaction
from ledger.tree import Tree

FILE_NAME = "book.db"
_PAGE = 2_000
_POLL_S = 0.25
_GLANCE_S = 0.005


class SqliteBook(Book):
    """The book in `folder/book.db`, made if it is not there."""

    def __init__(self, folder: Path, clock: Clock = system_clock) -> None:
        self._path = folder / FILE_NAME
        self._clock = clock
        self._writing = threading.Lock()
        self._writer = open_connection(self._path)
        self._opening = threading.Lock()
        self._readers = threading.local()
        self._opened = WeakSet([self._writer])  # a thread's reader goes when the thread does
        migrate(self._writer, "book")

    @property
    def ledger_id(self) -> UUID | None:
        row = self._reader().execute("SELECT ledger_id FROM identity").fetchone()
        return UUID(bytes=row[0]) if row else None

    def adopt(self, ledger_id: UUID) -> None:
        with self._writing, transaction(self._writer) as writer:
            row = writer.execute("SELECT ledger_id FROM identity").fetchone()
            if row is None:
                writer.execute("INSERT INTO identity VALUES (1, ?)", (ledger_id.bytes,))
            elif row[0] != ledger_id.bytes:
                raise KeyringForeign(f"expected a book of ledger {ledger_id}, came one of another")

    def append_group(self, members: Sequence[Member]) -> list[Answer]:
        with self._writing, transaction(self._writer) as writer:
            return [self._append(writer, member) for member in members]

    def _append(self, writer: sqlite3.Connection, member: Member) -> Answer:
        """One member, who sees what those before it have written; whoever is refused writes nothing."""
        events, bodies, condition = member.events, member.bodies, member.condition
        receipts, new = self._tell_apart(writer, events, bodies)
        if condition is not None:
            for event, receipt in zip(events, receipts, strict=True):
                if receipt is not None and receipt.status is Status.REUSED:
                    return IdReused(event.id, receipt.position, receipt.fields)
        if not new:
            return [receipt for receipt in receipts if receipt is not None]
        head, recorded_us = _head(writer)
        if condition is not None and (met := _met(writer, condition, head)) is not None:
            return ConditionFailed(met)
        recorded_us = max(recorded_us, to_us(self._clock()))
        rows = []
        tags = []
        for position, index in enumerate(new, start=head + 1):
            event, body = events[index], bodies[index]
            rows.append((
                position, recorded_us, event.id.bytes, event.type, to_us(event.occurred_at),
                body, event.personal, leaf_hash(recorded_us, body, event.personal),
            ))  # fmt: skip
            tags += [(tag, position) for tag in {*index_tags(event)}]
        writer.executemany(statement("book/insert_event"), rows)
        writer.executemany(statement("book/insert_tag"), sorted(tags))
        return _placed(events, receipts, new, head)

    def _tell_apart(
        self, writer: sqlite3.Connection, events: Sequence[Event], bodies: Sequence[bytes]
    ) -> tuple[list[Receipt | None], list[int]]:
        """Receipts of the events that are recorded already, and the indexes of those that are new."""
        receipts: list[Receipt | None] = []
        new: list[int] = []
        first: dict[UUID, int] = {}
        ids = [event.id.bytes for event in events]
        known = _known(writer, ids)
        for index, event in enumerate(events):
            if ids[index] in known:
                receipts.append(_repeated(event, *known[ids[index]]))
            elif event.id in first:
                fields = different_fields(event, bodies[first[event.id]])
                receipts.append(Receipt(Status.REUSED, 0, fields) if fields else None)
            else:
                first[event.id] = index
                new.append(index)
                receipts.append(None)
        return receipts, new

    def head(self) -> int:
        return _head(self._reader())[0]

    def wait(self, after: int, timeout_s: float) -> int:
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self._signal()
            head = self.head()
            if head > after or time.monotonic() >= deadline:
                return head
            # The signal makes it quick; the poll makes it sure.
            poll = min(deadline, time.monotonic() + _POLL_S)
            while time.monotonic() < poll and self._signal() == seen:
                time.sleep(_GLANCE_S)

    def _signal(self) -> int:
        """A number that changes when another connection has committed."""
        version: int = self._reader().execute("PRAGMA data_version").fetchone()[0]
        return version

    def read(
        self,
        after: int = 0,
        *,
        matching: Sequence[Match] = (),
        upto: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        reader = self._reader()
        last = self.head() if upto is None else upto
        left = last if limit is None else limit
        while left > 0:
            page = min(_PAGE, left)
            if matching:
                rows = _matching_rows(reader, matching, after, last, page)
            else:
                bounds = {"after": after, "upto": last, "limit": page}
                rows = reader.execute(statement("book/read_page"), bounds).fetchall()
            for position, recorded_us, stored, personal in rows:
                if stored is None and matching:
                    continue
                body = redaction.whole(reader, position, stored)
                event = decode_body(body, personal or b"")
                yield Recorded(position, from_us(recorded_us), event, body)
                left -= 1
            if len(rows) < page:
                return
            after = rows[-1][0]

    def known(self, ids: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
        found = _known(self._reader(), [event_id.bytes for event_id in ids])
        return {UUID(bytes=event_id): stands for event_id, stands in found.items()}

    def known_at(self, moment: datetime) -> int:
        # recorded_at never decreases along positions, so halving finds the end of the prefix.
        reader, wanted = self._reader(), to_us(moment)
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            row = reader.execute(statement("book/recorded_at"), (middle,)).fetchone()
            low, high = (middle, high) if row[0] <= wanted else (low, middle - 1)
        return low

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        last = self.head() if upto is None else upto
        for raw in columns_of.clear(self._reader(), after, last, size):
            yield from relation.project(raw, columns).combine_chunks().to_batches()

    def stored(
        self, after: int, *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        last = self.head() if upto is None else upto
        yield from columns_of.stored(self._reader(), after, last, size)

    def checkpoint(self) -> tuple[int, bytes]:
        size = self.head()
        tree = self._tree_at(size)
        root = tree.root()
        with self._writing, transaction(self._writer) as writer:
            row = writer.execute(statement("book/last_checkpoint"), (size,)).fetchone()
            if size and (row is None or row[0] < size):
                writer.execute(statement("book/insert_checkpoint"), (size, root, tree.pack()))
        return size, root

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        yield from self._reader().execute(statement("book/checkpoints"))

    def root_at(self, size: int) -> bytes:
        return self._tree_at(size).root()

    def _tree_at(self, size: int) -> Tree:
        reader = self._reader()
        row = reader.execute(statement("book/last_checkpoint"), (size,)).fetchone()
        tree = Tree.unpack(row[0], row[2]) if row else Tree()
        bounds = {"after": tree.size, "upto": size}
        for (leaf,) in reader.execute(statement("book/leaves"), bounds):
            tree.add(leaf)
        if tree.size != size:
            raise BadUsage(f"expected a book of at least {size} events, came {tree.size}")
        return tree

    def rows(self, after: int = 0, *, upto: int | None = None) -> Iterator[Row]:
        reader, last = self._reader(), MAX_POSITION if upto is None else upto
        while True:
            bounds = {"after": after, "upto": last, "limit": _PAGE}
            page = reader.execute(statement("book/verify_page"), bounds).fetchall()
            if not page:
                if upto is None:
                    self._demand_no_tag_after(after)
                return
            span = {"after": after, "upto": page[-1][0]}
            tagged = sorted(reader.execute(statement("book/tags_of_range"), span))
            tags = {
                at: frozenset(tag for _, tag in of) for at, of in groupby(tagged, lambda t: t[0])
            }
            for row in page:
                yield Row(*(*row, tags.get(row[0], frozenset())))
            after = page[-1][0]

    def _demand_no_tag_after(self, last: int) -> None:
        """Tags come with their events: one that waits for an event would be in nobody's sight."""
        span = {"after": last, "upto": MAX_POSITION}
        first = min(self._reader().execute(statement("book/tags_of_range"), span), default=None)
        if first is not None and self.head() < first[0]:
            raise BookAltered(first[0], "a tag is here, and no event")

    def redact(self, position: int, removed: Collection[str]) -> None:
        with self._writing:
            redaction.redact(self._writer, position, removed)

    def redacting(self) -> list[int]:
        return [position for (position,) in self._reader().execute(statement("book/redacting"))]

    def redacted(self, position: int) -> None:
        with self._writing, transaction(self._writer) as writer:
            writer.execute(statement("book/redacting_done"), {"position": position})

    def demand_redactable(self) -> None:
        """Whoever may write the file may."""

    def close(self) -> None:
        with self._writing, self._opening:
            for connection in list(self._opened):
                connection.close()

    def _reader(self) -> Connection:
        connection: Connection | None = getattr(self._readers, "connection", None)
        if connection is None:
            connection = open_connection(self._path)
            connection.execute("PRAGMA query_only = ON")
            self._readers.connection = connection
            with self._opening:
                self._opened.add(connection)
        return connection


def _head(connection: sqlite3.Connection) -> tuple[int, int]:
    row = connection.execute(statement("book/head")).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def _known(connection: sqlite3.Connection, ids: Sequence[bytes]) -> dict[bytes, tuple[int, bytes]]:
    """Of these ids, those that are recorded: position and clear envelope."""
    rows = connection.execute(statement("book/known"), {"ids": b"".join(ids)})
    return {
        event_id: (position, redaction.whole(connection, position, body))
        for event_id, position, body in rows
    }


def _met(connection: sqlite3.Connection, condition: Condition, head: int) -> int | None:
    """Where an event stands that meets the condition, if any does."""
    for match in condition.unless:
        for (position,) in _positions(connection, match, condition.after, head, 1):
            return position
    return None


def _repeated(event: Event, position: int, stored_body: bytes) -> Receipt:
    fields = different_fields(event, stored_body)
    return Receipt(Status.REUSED if fields else Status.DUPLICATE, position, fields)


def _placed(
    events: Sequence[Event], receipts: Sequence[Receipt | None], new: Sequence[int], head: int
) -> list[Receipt]:
    """The receipts, with the positions that the new events were given."""
    placed = {events[index].id: head + n for n, index in enumerate(new, start=1)}
    fresh = set(new)
    answer = []
    for index, receipt in enumerate(receipts):
        if index in fresh:
            answer.append(Receipt(Status.APPENDED, placed[events[index].id]))
        elif receipt is None:
            answer.append(Receipt(Status.DUPLICATE, placed[events[index].id]))
        elif receipt.position == 0:
            answer.append(Receipt(Status.REUSED, placed[events[index].id], receipt.fields))
        else:
            answer.append(receipt)
    return answer


def _positions(
    connection: sqlite3.Connection, match: Match, after: int, upto: int, limit: int
) -> Iterator[tuple[int]]:
    """Positions of the events that one match means, in order, found by the narrowest index."""
    bounds = {"after": after, "upto": upto, "limit": limit}
    types = orjson.dumps(match.types).decode()
    if match.tags:
        others = orjson.dumps(match.tags[1:]).decode()
        given = {**bounds, "types": types, "tag": match.tags[0], "others": others}
        return connection.execute(statement("book/match_tagged"), given)
    if match.types:
        return connection.execute(statement("book/match_typed"), {**bounds, "types": types})
    return connection.execute(statement("book/match_any"), bounds)


def _matching_rows(
    connection: sqlite3.Connection, matching: Sequence[Match], after: int, upto: int, page: int
) -> list[tuple[int, int, bytes | None, bytes | None]]:
    found = heapq.merge(*(_positions(connection, m, after, upto, page) for m in matching))
    rows = []
    for (position,), _ in groupby(found):
        bounds = {"after": position - 1, "upto": position, "limit": 1}
        rows += connection.execute(statement("book/read_page"), bounds).fetchall()
        if len(rows) == page:
            break
    return rows
