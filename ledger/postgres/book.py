"""The book in a schema of a PostgreSQL database: many processes, one short writer at a time."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from time import monotonic
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import psycopg
import pyarrow as pa

from ledger import relation
from ledger.book import MAX_POSITION, Answer, Book, Match, Member, Row
from ledger.clock import Clock, from_us, to_us
from ledger.errors import BadUsage, BookAltered, KeyringForeign, NotAllowed, Refused
from ledger.event import Recorded, decode_body, remains
from ledger.postgres import arrays
from ledger.postgres.address import Address
from ledger.postgres.columns import Columns
from ledger.postgres.connection import Connection, Connections, migrate, statement
from ledger.postgres.group import Offer, Standing, asked, packed, place, runs, waves
from ledger.postgres.listener import Listener
from ledger.tree import Tree

_PAGE = 2_000
_POLL_S = 0.25

_Cursor = psycopg.Cursor[tuple[Any, ...]]


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
        self._cursors: WeakKeyDictionary[Connection, _Cursor] = WeakKeyDictionary()
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

    def append_group(self, members: Sequence[Member]) -> list[Answer]:
        answers: dict[int, Refused] = {}
        offers: dict[int, Offer] = {}
        for n, member in enumerate(members):
            try:
                offers[n] = Offer.of(member)  # refuses before the lock is taken
            except Refused as refusal:
                answers[n] = refusal
        for wave in waves(offers.values()):
            self._append(wave)
        return [answers[n] if n in answers else offers[n].answer() for n in range(len(members))]

    def _append(self, wave: Sequence[Offer]) -> None:
        """Write what is new of the offers, of which no two bring one id."""
        for offer in wave:
            if offer.may_contradict_itself:
                offer.learn(self._known(offer.first))  # before anything is written
        while found := runs(wave):
            now_us = None if self._clock is None else to_us(self._clock())
            rows = self._execute("append", now_us=now_us, **packed(found))
            placed, met = rows[0][:2]
            if placed is not None or met is not None:
                place(found, placed, met)
                return
            # What is recorded stays as it is, so it need not be looked up again under the lock.
            recorded = self._standing(row[2:] for row in rows)
            for offer in wave:
                offer.learn(recorded)

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
        name, given = "read_page", {}
        if matching:
            name, given = "read_matching", {"matches": asked(matching).decode()}
        while left > 0:
            page = min(_PAGE, left)
            rows = self._execute(name, after=after, upto=last, limit=page, **given)
            for position, recorded_us, stored, personal in rows:
                if stored is None and matching:
                    continue
                body = self._remains(position) if stored is None else stored
                event = decode_body(body, personal or b"")
                yield Recorded(position, from_us(recorded_us), event, body)
                left -= 1
            if len(rows) < page:
                return
            after = rows[-1][0]

    def known(self, ids: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
        found = self._known([event_id.bytes for event_id in ids])
        return {UUID(bytes=event_id): stands for event_id, stands in found.items()}

    def _known(self, ids: Iterable[bytes]) -> Standing:
        return self._standing(self._execute("known", ids=arrays.uuids([*ids])))

    def _standing(self, rows: Iterable[tuple[Any, ...]]) -> Standing:
        return {
            event_id.bytes: (position, self._remains(position) if body is None else body)
            for event_id, position, body in rows
        }

    def _remains(self, position: int) -> bytes:
        """What stands for an envelope that was removed."""
        ((event_id, kind, occurred_us),) = self._execute("remains", position=position)
        return remains(event_id, kind, from_us(occurred_us))

    def redact(self, position: int, removed: Collection[str]) -> None:
        """Versions of rows that nobody sees any more are vacuumed away; docs/privacy.md says what of
        them a server still holds on its disk, and how to be rid of that.
        """
        self.demand_redactable()
        text = statement("book/redact")

        def work(connection: Connection) -> None:
            try:
                connection.execute(text, {"position": position, "removed": [*removed]})
            except psycopg.errors.RestrictViolation:
                expected = "one that an event.redacted of two approvers names, with these bytes"
                raise NotAllowed("position", expected, f"{position:,}") from None
            connection.execute(statement("book/vacuum"), prepare=False)

        self._connections.patiently(work)

    def redacting(self) -> list[int]:
        return [position for (position,) in self._execute("redacting")]

    def redacted(self, position: int) -> None:
        self._execute("redacting_done", position=position)

    def demand_redactable(self) -> None:
        if self._row("owned") != (True,):
            raise BadUsage(
                "the book: expected its owner, who alone removes bytes, came another role"
            )

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
        for read in self._columns.batches(
            after, head if upto is None else min(upto, head), self._remains
        ):
            for start in range(0, read.num_rows, size):
                raw = pa.Table.from_batches([read.slice(start, size)])
                yield from relation.project(raw, columns).combine_chunks().to_batches()

    def stored(
        self, after: int, *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        head = self.head()
        last = head if upto is None else min(upto, head)
        for read in self._columns.stored(after, last, self._remains):
            for start in range(0, read.num_rows, size):
                yield read.slice(start, size)

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

    def rows(self, after: int = 0, *, upto: int | None = None) -> Iterator[Row]:
        last = MAX_POSITION if upto is None else upto
        while page := self._execute("verify_page", after=after, upto=last, limit=_PAGE):
            tags: defaultdict[int, set[str]] = defaultdict(set)
            for position, tag in self._execute("tags_of_range", after=after, upto=page[-1][0]):
                tags[position].add(tag)
            for row in page:
                yield Row(*(*row, frozenset(tags[row[0]])))
            after = page[-1][0]
        if upto is not None:
            return
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

        def work(connection: Connection) -> list[tuple[Any, ...]]:
            cursor = self._cursors.get(connection)
            if cursor is None:  # one for each connection: to make one takes as long as to ask
                cursor = self._cursors[connection] = connection.cursor(binary=True)
            cursor.execute(text, given)
            answer = (
                cursor.pgresult
            )  # whose fields are counted at once; to describe them takes longer
            return cursor.fetchall() if answer is not None and answer.nfields else []

        return self._connections.patiently(work)

    def _row(self, name: str, **given: object) -> tuple[Any, ...] | None:
        return next(iter(self._execute(name, **given)), None)
