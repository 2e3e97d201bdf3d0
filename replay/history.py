"""What was: any view, any customer and any SELECT, as of a day and as known on a day.

Folded from history in columns where there are some, else straight from the book: slow, and no different.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from uuid import UUID

import pyarrow as pa

from ledger import relation
from ledger.book import CUSTOMER_TAG, Book, Match
from ledger.clock import to_us
from ledger.event import Moment, Recorded, moment_of
from ledger.gone import hidden_table
from ledger.people import People, Persons
from projections import Views
from projections.paging import InOrder, Span
from projections.why import Why
from replay import cage, withheld
from replay.cage import events as caged

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


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a timeline: at most so many events after a moment, or with `newest` before it, the newest first."""

    most: int
    after: Moment | None = None
    newest: bool = False

    def of(self, happened: Iterable[Recorded]) -> list[Recorded]:
        """That part of what happened, in whatever order it comes; no more of it than that is held."""
        after = self.after
        if self.newest:
            left = (one for one in happened if after is None or moment_of(one) < after)
            return heapq.nlargest(self.most, left, moment_of)
        left = (one for one in happened if after is None or moment_of(one) > after)
        return heapq.nsmallest(self.most, left, moment_of)


class Past:
    """The past and the present of one book, through its views.

    Customers who are one person by then are read as one, under the oldest of them. Those who are
    `hidden` now, because they are gone or their data is restricted, are on every day: as if they had
    never been, but that counts of other things keep counting them.
    """

    def __init__(
        self,
        book: Book,
        views: Views,
        people: People,
        hidden: Callable[[], frozenset[UUID]] = frozenset,
        events: relation.EventSource | None = None,
    ) -> None:
        self._book = book
        self._events = book if events is None else events
        self._views = views
        self._people = people
        self._hidden = hidden

    def clocks(self, as_of: datetime | None = None, known_at: datetime | None = None) -> Clocks:
        """The two clocks; `known_at` becomes the position that it means."""
        return Clocks(as_of, None if known_at is None else self._book.known_at(known_at))

    def persons(self, at: Clocks = NOW) -> Persons:
        """Who was one person by then, of what was known by then, and of those who may be seen."""
        return self._look(at).persons

    def person(self, customer: UUID, at: Clocks = NOW) -> Persons:
        """The same of one person, and of nobody else."""
        return self._look(at, customer).persons

    def _look(self, at: Clocks, customer: UUID | None = None) -> "_Look":
        """What is seen by then of all people, or of one: that takes as long however many there are."""
        hidden = self._hidden()
        if customer is None:
            persons = self._people.at(at.as_of, at.known_upto)
        else:
            persons = self._people.of(customer, at.as_of, at.known_upto)
        return _Look(at, persons.without(hidden), hidden, hidden_table(hidden))

    def view(self, name: str, at: Clocks = NOW, where: str | None = None) -> pa.Table:
        """A view's rows, today's or another day's. `where` is a condition over its columns.

        Raises `FoldFailed` for today's rows of a fold that has stopped, or of a question that asks
        it: what is kept of it is old, and nobody is to take it for the present.
        """
        return self._view(name, self._look(at), where)

    def _view(self, name: str, look: "_Look", where: str | None = None) -> pa.Table:
        at, persons = look.at, look.persons
        if not at.past:
            self._demand_going(name)
        return self._views.rows(
            name,
            source=self._events if at.past else None,
            as_of=at.as_of,
            known_upto=at.known_upto,
            where=where,
            aliases=persons.aliases(),
            joined=persons.togetherness() if name in self._views.questions else None,
            hidden=look.nobody,
        )

    def in_order(self, name: str, span: Span) -> InOrder:
        """Today's rows of a fold, some at a time in the order of its index; see `projections.paging`."""
        look = self._look(NOW)
        self._demand_going(name)
        return self._views.in_order(name, look.persons, lambda: hidden_table(self._hidden()), span)

    def _demand_going(self, name: str) -> None:
        for failure in self._views.failures([name]):
            raise failure

    def customer(self, customer: UUID, at: Clocks = NOW) -> dict[str, pa.Table]:
        """This person's rows of every fold that is kept by customer; empty ones are left out."""
        look = self._look(at, customer)
        aliases, members = look.persons.aliases(), look.persons.members(customer)
        tags = [f"{CUSTOMER_TAG}{member}" for member in members]
        source = TaggedEvents(self._book, tags) if at.past else None
        found = self._views.customer(
            customer,
            source=source,
            as_of=at.as_of,
            known_upto=at.known_upto,
            aliases=aliases,
            hidden=look.nobody,
        )
        return {name: rows for name, rows in found.items() if rows.num_rows}

    def things(self, name: str, things: Sequence[str], at: Clocks = NOW) -> pa.Table:
        """Rows of a fold whose first key is a kind of tag, such as `account`: those of some, by index.

        Raises `FoldFailed` as `view` does.
        """
        look = self._look(at)
        if not at.past:
            self._demand_going(name)
        key = self._views.folds[name].keys[0].sql
        source = TaggedEvents(self._book, [f"{key}:{thing}" for thing in things])
        return self._views.things(
            name,
            things,
            source=source if at.past else None,
            as_of=at.as_of,
            known_upto=at.known_upto,
            hidden=look.nobody,
        )

    def ask(
        self, name: str, customer: UUID, rows: Mapping[str, pa.Table], at: Clocks = NOW
    ) -> pa.Table:
        """The answer of a question to the rows that folds have of one customer; see `Views.ask`."""
        persons = self.person(customer, at)
        aliases, joined = persons.aliases(), persons.togetherness()
        return self._views.ask(name, rows, now=at.as_of, aliases=aliases, joined=joined)

    def timeline(
        self,
        customer: UUID,
        at: Clocks = NOW,
        types: Sequence[str] = (),
        *,
        without: Collection[str] = (),
        stretch: Stretch | None = None,
    ) -> list[Recorded]:
        """What happened with this person, in the order in which it happened; nothing if they are hidden.

        `types` are those that are wanted; none: all of them. Domains are left out, and all but a `stretch`.
        """
        look = self._look(at, customer)
        if customer in look.hidden:
            return []
        members = look.persons.members(customer)
        found = self._seen([f"{CUSTOMER_TAG}{member}" for member in members], look, types)
        happened = (one for one in found if one.event.domain not in without)
        return sorted(happened, key=moment_of) if stretch is None else stretch.of(happened)

    def about(self, tag: str, at: Clocks = NOW) -> list[Recorded]:
        """What happened with a thing, such as `deal:…`, in the order in which it happened."""
        return sorted(self._seen([tag], self._look(at)), key=moment_of)

    def _seen(
        self, tags: Sequence[str], look: "_Look", types: Sequence[str] = ()
    ) -> Iterator[Recorded]:
        matching, as_of = [Match(tuple(types), (tag,)) for tag in tags], look.at.as_of
        found = self._book.read(matching=matching, upto=look.at.known_upto)
        seen = (
            withheld.about_nobody(recorded, look.hidden)
            for recorded in found
            if as_of is None or recorded.event.occurred_at <= as_of
        )
        return (recorded for recorded in seen if recorded is not None)

    def why(self, name: str, column: str, *key: object, at: Clocks = NOW) -> Why:
        """The events behind one cell of a fold. Raises `NotFound`, `BadUsage`."""
        look = self._look(at)
        return self._views.why(
            name,
            column,
            *key,
            source=self._events,
            as_of=at.as_of,
            known_upto=at.known_upto,
            aliases=look.persons.aliases(),
            hidden=look.nobody,
        )

    def sql(self, query: str, at: Clocks = NOW) -> pa.Table:
        """The answer to one SELECT over `events` and every view; see `replay.cage`.

        Views are of people, and `events` has each event under the customer it was recorded for:
        `merged` (customer, canonical) says under whom a customer is read, and `joined` (customer,
        other, since, position) since which `moment` two are one person, and where the book learned it.
        """
        look = self._look(at)
        names = (*self._views.folds, *self._views.questions)
        tables: dict[str, cage.Table | cage.Scanned] = {
            name: partial(self._view_table, name, look) for name in names
        }
        tables["events"] = caged.events(self._events, at.as_of, at.known_upto, look.hidden)
        tables["merged"] = lambda _columns: look.persons.aliases()
        tables["joined"] = lambda _columns: look.persons.togetherness()
        return cage.run(query, tables)

    def _view_table(self, name: str, look: "_Look", _columns: frozenset[str] | None) -> pa.Table:
        return self._view(name, look)


@dataclass(frozen=True, slots=True)
class _Look:
    """What one reading sees throughout: when it looks, who is whom, and who is nobody."""

    at: Clocks
    persons: Persons
    hidden: frozenset[UUID]
    nobody: pa.Table
    """The same as rows of `HIDDEN`."""


class TaggedEvents:
    """The events with any of some tags as a source of columns, found by index."""

    def __init__(self, book: Book, tags: Sequence[str]) -> None:
        self._book = book
        self._matching = [Match(tags=(tag,)) for tag in tags]

    def head(self) -> int:
        return self._book.head()

    def recorded(self, upto: int, most: int) -> Sequence[Recorded] | None:
        found = [*islice(self._book.read(matching=self._matching, upto=upto), most + 1)]
        return found if len(found) <= most else None

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = _PAGE
    ) -> Iterator[pa.RecordBatch]:
        found = self._book.read(after, matching=self._matching, upto=upto)
        while page := list(islice(found, size)):
            raw = [
                pa.array([recorded.position for recorded in page], pa.int64()),
                pa.array([to_us(recorded.recorded_at) for recorded in page], pa.timestamp("us")),
                pa.array([recorded.body.decode() for recorded in page], pa.string()),
            ]
            yield from relation.project(pa.table(raw, schema=relation.RAW), columns).to_batches()
