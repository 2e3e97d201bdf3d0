"""What was: any view, any customer and any SELECT, as of a day and as known on a day.

Read straight from the book: slow but right. Columns that are kept make it fast without changing
a word of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from uuid import UUID

import pyarrow as pa

from ledger import relation
from ledger.book import CUSTOMER_TAG, Book, Match
from ledger.clock import to_us
from ledger.event import Recorded
from projections import Views
from projections.questions import asked_by
from replay import cage

_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Clocks:
    """When we look: at what had happened by `as_of`, of what the book had up to `known_upto`.

    None means now. `known_upto` is a position, because recorded_at never decreases: what was known
    at a moment is a prefix of the book.
    """

    as_of: datetime | None = None
    known_upto: int | None = None

    @property
    def past(self) -> bool:
        """Whether anything but the present is asked for."""
        return self.as_of is not None or self.known_upto is not None


NOW = Clocks()


class History:
    """The past and the present of one book, through its views."""

    def __init__(self, book: Book, views: Views) -> None:
        self._book = book
        self._views = views

    def clocks(self, as_of: datetime | None = None, known_at: datetime | None = None) -> Clocks:
        """The two clocks; `known_at` becomes the position that it means."""
        return Clocks(as_of, None if known_at is None else self._book.known_at(known_at))

    def view(self, name: str, at: Clocks = NOW, where: str | None = None) -> pa.Table:
        """A view's rows, today's or another day's. `where` is a condition over its columns.

        Raises `FoldFailed` for today's rows of a fold that has stopped, or of a question that asks
        it: what is kept of it is old, and nobody is to take it for the present.
        """
        if not at.past:
            self._demand_going(name)
        return self._views.rows(
            name,
            source=self._book if at.past else None,
            as_of=at.as_of,
            known_upto=at.known_upto,
            where=where,
        )

    def _demand_going(self, name: str) -> None:
        questions = self._views.questions
        asked = {name, *(asked_by(name, questions) if name in questions else ())}
        for line in self._views.list(self._book.head()):
            if line.failure is not None and line.name in asked:
                raise line.failure

    def customer(self, customer: UUID, at: Clocks = NOW) -> dict[str, pa.Table]:
        """This customer's rows of every fold that is kept by customer; empty ones are left out."""
        source = CustomerEvents(self._book, customer) if at.past else None
        found = {
            fold.name: self._views.rows(
                fold.name,
                source=source,
                as_of=at.as_of,
                known_upto=at.known_upto,
                customer=customer,
            )
            for fold in self._views.folds.values()
            if fold.by_customer
        }
        return {name: rows for name, rows in found.items() if rows.num_rows}

    def timeline(self, customer: UUID, at: Clocks = NOW) -> list[Recorded]:
        """What happened with this customer, in the order in which it happened."""
        return [
            recorded
            for recorded in self._book.timeline([customer])
            if (at.as_of is None or recorded.event.occurred_at <= at.as_of)
            and (at.known_upto is None or recorded.position <= at.known_upto)
        ]

    def sql(self, query: str, at: Clocks = NOW) -> pa.Table:
        """The answer to one SELECT over `events` and every view; see `replay.cage`."""
        names = (*self._views.folds, *self._views.questions)
        tables: dict[str, cage.Table] = {name: self._view_table(name, at) for name in names}
        tables["events"] = lambda columns: self._events(columns, at)
        return cage.run(query, tables)

    def _view_table(self, name: str, at: Clocks) -> cage.Table:
        return lambda _columns: self.view(name, at)

    def _events(self, named: frozenset[str] | None, at: Clocks) -> pa.RecordBatchReader:
        wanted = [c for c in relation.columns() if named is None or c in named] or ["position"]
        read = wanted if at.as_of is None or "occurred_at" in wanted else [*wanted, "occurred_at"]
        batches = self._book.batches(0, read, upto=at.known_upto)
        return pa.RecordBatchReader.from_batches(
            relation.schema(tuple(read)), _happened_by(batches, at.as_of)
        )


class CustomerEvents:
    """The events of one customer as a source of columns, found by index."""

    def __init__(self, book: Book, customer: UUID) -> None:
        self._book = book
        self._match = Match(tags=(f"{CUSTOMER_TAG}{customer}",))

    def head(self) -> int:
        return self._book.head()

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = _PAGE
    ) -> Iterator[pa.RecordBatch]:
        found = self._book.read(after, matching=[self._match], upto=upto)
        while page := list(islice(found, size)):
            raw = pa.Table.from_pylist([_raw(recorded) for recorded in page], schema=relation.RAW)
            yield from relation.project(raw, columns).to_batches()


def _raw(recorded: Recorded) -> Mapping[str, object]:
    return {
        "position": recorded.position,
        "recorded_at": to_us(recorded.recorded_at),
        "body": recorded.body.decode(),
    }


def _happened_by(
    batches: Iterator[pa.RecordBatch], as_of: datetime | None
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if as_of is None:
            yield batch
        else:
            occurred = batch.column("occurred_at").cast(pa.int64())
            import pyarrow.compute as pc  # slow to load, and most questions are of today

            yield batch.filter(pc.less_equal(occurred, to_us(as_of)))
