"""The book in a schema of a PostgreSQL database: many processes, one short writer at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa

from ledger import relation
from ledger.book import Book, Condition, Match, Receipt, Row, Status, index_tags
from ledger.clock import Clock, from_us, to_us
from ledger.errors import (
    BadField,
    BadUsage,
    BookAltered,
    ConditionFailed,
    IdReused,
    KeyringForeign,
)
from ledger.event import Event, Recorded, decode_body, different_fields, encode_body
from ledger.postgres.address import Address
from ledger.postgres.columns import Columns
from ledger.postgres.connection import Connections, migrate, statement
from ledger.postgres.listener import Listener
from ledger.tree import Tree

SCHEMA = "book"
_PAGE = 2_000
_POLL_S = 0.25
_NUL = "\x00"  # PostgreSQL keeps none in text, which type and tags are beside the body

Standing = dict[UUID, tuple[int, bytes]]
"""Ids that are recorded: position and clear envelope."""


class PostgresBook(Book):
    """The book at `address`, its schema made if it is not there.

    Events are recorded at the database's time, unless another clock is given. A connection that is
    lost is made anew, for up to half a minute: an append whose answer was lost with it is appended
    again, which finds the events recorded and answers `DUPLICATE` for them.
    """

    def __init__(self, address: Address, clock: Clock | None = None) -> None:
        self._clock = clock
        migrate(address, "book")
        self._connections = Connections(address)
        self._columns = Columns(address)
        self._listener = Listener(address)

    @property
    def ledger_id(self) -> UUID | None:
        row = self._row("identity")
        return row[0] if row else None

    def adopt(self, ledger_id: UUID) -> None:
        self._execute("adopt", ledger_id=ledger_id)
        if self.ledger_id != ledger_id:
            raise KeyringForeign(f"expected a book of ledger {ledger_id}, came one of another")

    def append(self, events: Sequence[Event], condition: Condition | None = None) -> list[Receipt]:
        bodies = [encode_body(event) for event in events]  # refuses before the lock is taken
        first: dict[UUID, int] = {}
        for index, event in enumerate(events):
            if _NUL in event.type or any(_NUL in tag for tag in event.tags):
                raise BadField("type, tags", "text without U+0000", "text with it")
            first.setdefault(event.id, index)
        if condition is not None and len(first) < len(events):
            # Before anything is written: an id may stand for two facts within what is given.
            _refuse_reused(events, bodies, first, self.known(first))
        recorded: Standing = {}
        fresh = [*first.values()]
        while fresh:
            rows = self._append(events, bodies, fresh, condition)
            outcome, place = rows[0][:2]
            if outcome == "appended":
                if len(fresh) == len(events):  # as nearly always
                    return [Receipt(Status.APPENDED, place + n) for n in range(len(events))]
                placed = {events[index].id: place + n for n, index in enumerate(fresh)}
                return _receipts(events, bodies, first, recorded, placed)
            if outcome == "unless":
                raise ConditionFailed(place)
            # What is recorded stays as it is, so it need not be looked up again under the lock.
            recorded |= {event_id: (at, body) for _, at, event_id, body in rows}
            if condition is not None:
                _refuse_reused(events, bodies, first, recorded)
            fresh = [index for event_id, index in first.items() if event_id not in recorded]
        return _receipts(events, bodies, first, recorded, {})

    def _append(
        self,
        events: Sequence[Event],
        bodies: Sequence[bytes],
        fresh: Sequence[int],
        condition: Condition | None,
    ) -> list[tuple[Any, ...]]:
        """Call `append_events` for these of the events: its rows."""
        chosen = [events[index] for index in fresh]
        # By tag, then event: neighbours in the index are written together.
        tagged = sorted({(t, n) for n, event in enumerate(chosen, 1) for t in index_tags(event)})
        return self._execute(
            "append",
            ids=[event.id for event in chosen],
            types=[event.type for event in chosen],
            occurred_us=[to_us(event.occurred_at) for event in chosen],
            bodies=[bodies[index] for index in fresh],
            personals=[event.personal for event in chosen],
            tags=[tag for tag, _ in tagged],
            tag_of=[n for _, n in tagged],
            unless=None if condition is None else _asked(condition.unless),
            seen=0 if condition is None else condition.after,
            now_us=None if self._clock is None else to_us(self._clock()),
        )

    def head(self) -> int:
        row = self._row("head")
        return row[0] if row else 0

    def wait(self, after: int, timeout_s: float) -> int:
        deadline = monotonic() + timeout_s
        while True:
            seen = self._listener.heard
            head = self.head()
            left = deadline - monotonic()
            if head > after or left <= 0:
                return head
            # The signal makes it quick; the poll makes it sure.
            self._listener.wait(seen, min(left, _POLL_S))

    def read(
        self,
        after: int = 0,
        *,
        matching: Sequence[Match] = (),
        upto: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        last = self.head() if upto is None else upto
        left = last if limit is None else limit
        name, asked = "read_page", {}
        if matching:
            name, asked = "read_matching", {"matches": _asked(matching)}
        while left > 0:
            page = min(_PAGE, left)
            rows = self._execute(name, after=after, upto=last, limit=page, **asked)
            for position, recorded_us, body, personal in rows:
                event = decode_body(body, personal)
                yield Recorded(position, from_us(recorded_us), event, body)
            if len(rows) < page:
                return
            after, left = rows[-1][0], left - len(rows)

    def known(self, ids: Iterable[UUID]) -> Standing:
        rows = self._execute("known", ids=list(ids))
        return {event_id: (position, body) for event_id, position, body in rows}

    def known_at(self, moment: datetime) -> int:
        # recorded_at never decreases along positions, so halving finds the end of the prefix.
        wanted = to_us(moment)
        low, high = 0, self.head()
        while low < high:
            middle = (low + high + 1) // 2
            ((recorded_us,),) = self._execute("recorded_at", position=middle)
            low, high = (middle, high) if recorded_us <= wanted else (low, middle - 1)
        return low

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        head = self.head()
        for read in self._columns.batches(after, head if upto is None else min(upto, head)):
            for start in range(0, read.num_rows, size):
                raw = pa.Table.from_batches([read.slice(start, size)])
                yield from relation.project(raw, columns).combine_chunks().to_batches()

    def checkpoint(self) -> tuple[int, bytes]:
        size = self.head()
        tree = self._tree_at(size)
        root = tree.root()
        if size:
            self._execute("insert_checkpoint", size=size, root=root, peaks=tree.pack())
        return size, root

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        yield from self._execute("checkpoints")

    def root_at(self, size: int) -> bytes:
        return self._tree_at(size).root()

    def _tree_at(self, size: int) -> Tree:
        row = self._row("last_checkpoint", size=size)
        tree = Tree.unpack(row[0], row[2]) if row else Tree()
        while page := self._execute("leaves", after=tree.size, upto=size, limit=_PAGE):
            for (leaf,) in page:
                tree.add(leaf)
        if tree.size != size:
            raise BadUsage(f"expected a book of at least {size} events, came {tree.size}")
        return tree

    def rows(self, after: int = 0) -> Iterator[Row]:
        while page := self._execute("verify_page", after=after, limit=_PAGE):
            tags: defaultdict[int, set[str]] = defaultdict(set)
            for position, tag in self._execute("tags_of_range", after=after, upto=page[-1][0]):
                tags[position].add(tag)
            for row in page:
                yield Row(*(*row, frozenset(tags[row[0]])))
            after = page[-1][0]
        # Tags come with their events: one that waits for an event would be in nobody's sight.
        tagged = self._row("first_tag_after", after=after)
        if tagged is not None and self.head() < tagged[0]:
            raise BookAltered(tagged[0], "a tag is here, and no event")

    def close(self) -> None:
        self._listener.close()
        self._columns.close()
        self._connections.close()

    def _execute(self, name: str, **given: object) -> list[tuple[Any, ...]]:
        """The rows of one statement, which is a transaction of its own; it may be done twice."""
        text = statement(f"book/{name}")
        return self._connections.patiently(
            lambda connection: _rows(connection.execute(text, given, binary=True))
        )

    def _row(self, name: str, **given: object) -> tuple[Any, ...] | None:
        return next(iter(self._execute(name, **given)), None)


def _rows(cursor: Any) -> list[tuple[Any, ...]]:
    return [] if cursor.description is None else cursor.fetchall()


def _asked(matches: Sequence[Match]) -> str:
    """Matches as `positions_of` reads them; one with U+0000 in it can meet nothing."""
    return orjson.dumps(
        [
            {"types": [*dict.fromkeys(match.types)], "tags": [*dict.fromkeys(match.tags)]}
            for match in matches
            if not any(_NUL in text for text in (*match.types, *match.tags))
        ]
    ).decode()


def _refuse_reused(
    events: Sequence[Event], bodies: Sequence[bytes], first: dict[UUID, int], recorded: Standing
) -> None:
    """Raise `IdReused` for the first event that tells another fact than its id stands for."""
    for index, event in enumerate(events):
        if event.id in recorded or first[event.id] != index:
            position, body = recorded.get(event.id, (0, bodies[first[event.id]]))
            if fields := different_fields(event, body):
                raise IdReused(event.id, position, fields)


def _receipts(
    events: Sequence[Event],
    bodies: Sequence[bytes],
    first: dict[UUID, int],
    recorded: Standing,
    placed: dict[UUID, int],
) -> list[Receipt]:
    """The answer for each event, by what was recorded before and where the new ones were placed."""
    answer = []
    for index, event in enumerate(events):
        if event.id in placed and first[event.id] == index:
            answer.append(Receipt(Status.APPENDED, placed[event.id]))
            continue
        position, body = recorded.get(event.id) or (placed[event.id], bodies[first[event.id]])
        fields = different_fields(event, body)
        answer.append(Receipt(Status.REUSED if fields else Status.DUPLICATE, position, fields))
    return answer
