"""A book whose callers share commits."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

import pyarrow as pa

from ledger.book import Answer, Book, Condition, Match, Member, Receipt, Row
from ledger.event import Event, Recorded
from ledger.gathering import Bounds, Gathering, Load


class GroupedBook(Book):
    """Another book, whose appends from many threads and tasks are gathered: see `Gathering`.

    Each caller is answered, or refused, as by the book itself. With the group limited to a thousand
    events, whoever brings that many shares with nobody, and loses nothing.
    """

    def __init__(self, book: Book, bounds: Bounds | None = None) -> None:
        self._book = book
        self._gathering: Gathering[Member, list[Receipt]] = Gathering(
            "appends", self._write, lambda member: Load(len(member.events), member.size), bounds
        )

    def append(self, events: Sequence[Event], condition: Condition | None = None) -> list[Receipt]:
        return self._gathering.ask(Member(events, condition))

    async def append_from_task(
        self, events: Sequence[Event], condition: Condition | None = None
    ) -> list[Receipt]:
        """The same for a task. Cancelled, it waits no longer: what it brought may still be appended."""
        return await self._gathering.ask_from_task(Member(events, condition))

    def append_group(self, members: Sequence[Member]) -> list[Answer]:
        return self._book.append_group(members)

    def _write(self, members: Sequence[Member]) -> Sequence[Answer]:
        return self._book.append_group(members)

    @property
    def waiting(self) -> int:
        """How many appends wait for the next group."""
        return self._gathering.waiting

    def close(self) -> None:
        """Answer everybody who waits, then close the book itself."""
        self._gathering.close()
        self._book.close()

    # ---- as the book itself

    @property
    def ledger_id(self) -> UUID | None:
        return self._book.ledger_id

    def adopt(self, ledger_id: UUID) -> None:
        self._book.adopt(ledger_id)

    def head(self) -> int:
        return self._book.head()

    def wait(self, after: int, timeout_s: float) -> int:
        return self._book.wait(after, timeout_s)

    def read(
        self,
        after: int = 0,
        *,
        matching: Sequence[Match] = (),
        upto: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        return self._book.read(after, matching=matching, upto=upto, limit=limit)

    def known(self, ids: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
        return self._book.known(ids)

    def known_at(self, moment: datetime) -> int:
        return self._book.known_at(moment)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        return self._book.batches(after, columns, upto=upto, size=size)

    def stored(
        self, after: int, *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        return self._book.stored(after, upto=upto, size=size)

    def checkpoint(self) -> tuple[int, bytes]:
        return self._book.checkpoint()

    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        return self._book.checkpoints()

    def root_at(self, size: int) -> bytes:
        return self._book.root_at(size)

    def rows(self, after: int = 0, *, upto: int | None = None) -> Iterator[Row]:
        return self._book.rows(after, upto=upto)

    def redact(self, position: int, removed: Collection[str]) -> None:
        self._book.redact(position, removed)

    def redacting(self) -> list[int]:
        return self._book.redacting()

    def redacted(self, position: int) -> None:
        self._book.redacted(position)

    def demand_redactable(self) -> None:
        self._book.demand_redactable()
