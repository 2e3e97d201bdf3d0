"""The topics that keep the latest of each key: rows of views, and a tombstone where there is none to see.

A row goes out when something in the book touched it, as the view has it by then; so it is the row as of its
`position` or later, and to send it twice does no harm. Under a key there is a row exactly if the view has one
that everybody may see: not of the erased, not of those whose data is restricted, and of merged people under
the oldest of them alone. Whatever changes that (a merge, a split, an erasure, a restriction and its end)
settles every key that the people it names ever had, under each of them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice
from typing import Any, TypeVar
from uuid import UUID

import orjson
import pyarrow as pa

from ledger import relation
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue.privacy import (
    CustomerErasing,
    CustomerRestricted,
    CustomerUnrestricted,
    EventRedacted,
)
from ledger.event import MERGED, SPLIT, Recorded
from ledger.gone import hidden_table
from ledger.people import Persons
from projections.definition import Fold
from projections.folding import CannotFold, Folder
from replay.history import TaggedEvents
from replay.opening import Reading
from streams.kafka.cloud_events import Record
from streams.kafka.topics import Topic, Topics
from streams.kafka.transactions import Sent

CUSTOMERS, CONSENTS, DEALS = "customer_360", "consent", "deal"
"""The folds whose rows go out; of consents, what follows from them: the question `permission`."""
PERMISSION = "permission"

_AT_ONCE = 500
"""Keys that are looked up together."""
_SETTLING = (
    MERGED,
    SPLIT,
    CustomerRestricted.TOPIC,
    CustomerUnrestricted.TOPIC,
    CustomerErasing.TOPIC,
)
_HEADERS = [("content-type", b"application/json")]

People = frozenset[UUID]
Key = TypeVar("Key")


@dataclass(slots=True)
class Touched:
    """What events touched: customers as they are in the book, deals, and people whose keys are settled."""

    customers: set[UUID] = field(default_factory=set)
    consents: set[UUID] = field(default_factory=set)
    deals: set[str] = field(default_factory=set)
    joined: set[People] = field(default_factory=set)
    """Who was merged or split: their rows come under other keys."""
    shown: set[People] = field(default_factory=set)
    """Who may be seen no more, or again."""

    def __len__(self) -> int:
        settled = len(self.joined) + len(self.shown)
        return len(self.customers) + len(self.consents) + len(self.deals) + settled


class Rows:
    """Records of the rows of one ledger's views."""

    def __init__(self, reading: Reading, topics: Topics) -> None:
        self._reading = reading
        self._topics = topics
        self._folder = Folder()
        folds = [reading.views.folds[name] for name in (CUSTOMERS, CONSENTS, DEALS)]
        self._folds = [replace(fold, measures=()) for fold in folds]
        """Their keys and filters alone."""
        wanted = {column for fold in self._folds for column in _named_in(fold)}
        self._columns = tuple(column for column in relation.columns() if column in wanted)

    def troubles(self, after: int) -> list[str]:
        """Why no rows are to be sent: folds of ours have stopped, so that what they have is old; or they may
        still have what two have approved to be removed, by events after a position.
        """
        book = self._reading.book
        said = [*map(str, self._reading.views.failures([CUSTOMERS, CONSENTS, DEALS]))]
        begun = {*book.redacting()}
        for position in self.redacted(after, book.head()):
            (row,) = book.rows(position - 1, upto=position)
            if position in begun or row.body is not None:
                said.append(f"the redaction of the event at position {position:,} is not done yet")
        return said

    def redacted(self, after: int, upto: int) -> list[int]:
        """Where events in (`after`, `upto`] have approved that an envelope be removed."""
        said = self._reading.book.read(
            after, matching=[Match(types=(EventRedacted.TOPIC,))], upto=upto
        )
        approved = [one.event.data for one in said]
        return [a["redacted_position"] for a in approved if "body" in a.get("removed", ["body"])]

    def touched(self, after: int, upto: int) -> Touched:
        """What the events in (`after`, `upto`] touched, by the folds' own keys and filters."""
        found = Touched()
        batches = self._reading.columns.batches(after, self._columns, upto=upto)
        for customers, consents, deals in self._keys(batches):
            found.customers.update(customers.column("customer").to_pylist())
            found.consents.update(consents.column("customer").to_pylist())
            found.deals.update(deals.column("deal").to_pylist())
        settling = self._reading.book.read(after, matching=[Match(types=_SETTLING)], upto=upto)
        for one in settling:
            if people := _settled_by(one):
                (found.joined if one.event.type in {MERGED, SPLIT} else found.shown).add(people)
        return found

    def records(self, touched: Touched, position: int) -> Iterator[list[Sent]]:
        """A record for each key, some at a time; the views have everything up to `position`."""
        look = _Look.at(self._reading)
        customers: dict[UUID, set[str]] = {look.canonical(one): set() for one in touched.customers}
        consents: dict[UUID, set[str]] = {look.canonical(one): set() for one in touched.consents}
        deals = {*touched.deals}
        together = _connected(look.everybody(named) for named in touched.joined | touched.shown)
        # Whoever is one person with somebody restricted is hidden as they are.
        hidden = self._ever_restricted().union(*touched.shown) if together else frozenset()
        seen = [people for people in together if people.isdisjoint(hidden)]
        unseen = [people for people in together if not people.isdisjoint(hidden)]
        for had, theirs in (
            *map(self._ever_had, _some(unseen)),
            *((self._have(some), set[str]()) for some in _some(seen)),
        ):
            deals |= theirs
            for people, keys in had.items():
                for one in people:
                    canonical = look.canonical(one)
                    customers.setdefault(canonical, set()).add(str(one))
                    consents.setdefault(canonical, set()).update(_consent(one, *k) for k in keys)
        for some in _some(customers):
            yield self._of_customers(look, {one: customers[one] for one in some}, position)
        for some in _some(consents):
            yield self._of_consents(look, {one: consents[one] for one in some}, position)
        for few in _some(deals):
            yield self._of_deals(look, few, position)

    def tombstones(self, customers: Collection[UUID]) -> list[Sent]:
        """A tombstone under every key by which there ever may have been a row of these people."""
        if not customers:
            return []
        look, sent = _Look.at(self._reading), []
        had, _ = self._ever_had({look.everybody(frozenset({one})) for one in customers})
        for people, keys in had.items():
            for one in people:
                sent.append((self._topics[Topic.CUSTOMERS], _record(str(one), None)))
                names = [_consent(one, *key) for key in keys]
                sent += [(self._topics[Topic.CONSENTS], _record(name, None)) for name in names]
        return sent

    def _of_customers(
        self, look: "_Look", wanted: Mapping[UUID, set[str]], position: int
    ) -> list[Sent]:
        table = self._kept(look, CUSTOMERS, wanted)
        rows = {str(row["customer"]): {**row, "position": position} for row in table.to_pylist()}
        keys = {str(one) for one in wanted}.union(*wanted.values())
        return [(self._topics[Topic.CUSTOMERS], _record(k, rows.get(k))) for k in sorted(keys)]

    def _of_consents(
        self, look: "_Look", wanted: Mapping[UUID, set[str]], position: int
    ) -> list[Sent]:
        persons = look.only(wanted)
        table = self._reading.views.ask(
            PERMISSION,
            {CONSENTS: self._kept(look, CONSENTS, wanted)},
            now=self._reading.clock(),
            aliases=persons.aliases(),
            joined=persons.togetherness(),
        )
        rows = {
            _consent(row["customer"], row["purpose"], row["channel"]): {
                **row,
                "decided_by": row["position"],
                "position": position,
            }
            for row in table.to_pylist()
        }
        keys = {*rows}.union(*wanted.values())
        return [(self._topics[Topic.CONSENTS], _record(k, rows.get(k))) for k in sorted(keys)]

    def _of_deals(self, look: "_Look", wanted: Sequence[str], position: int) -> list[Sent]:
        table = self._reading.views.things(DEALS, wanted, hidden=look.nobody)
        rows = {row["deal"]: {**row, "position": position} for row in table.to_pylist()}
        return [(self._topics[Topic.DEALS], _record(one, rows.get(one))) for one in wanted]

    def _kept(self, look: "_Look", fold: str, customers: Iterable[UUID]) -> pa.Table:
        persons = look.only(customers)
        members = {member for one in customers for member in persons.members(one)}
        return self._reading.views.things(
            fold,
            [member.bytes for member in sorted(members)],
            aliases=persons.aliases(),
            hidden=look.nobody,
        )

    def _ever_had(self, together: Collection[People]) -> tuple["Had", set[str]]:
        """What each of these ever said of consent, and the deals that ever were of any of them, told by the
        book: a view keeps nothing of the erased.
        """
        tags = [f"{CUSTOMER_TAG}{one}" for people in together for one in people]
        batches = TaggedEvents(self._reading.book, tags).batches(0, self._columns)
        found, deals = [], set[str]()
        for _, consents, theirs in self._keys(batches):
            found.append(consents)
            deals.update(theirs.column("deal").to_pylist())
        return _had(together, found), deals

    def _ever_restricted(self) -> frozenset[UUID]:
        """Everybody who ever was, by themselves."""
        word = Match(types=(CustomerRestricted.TOPIC,))
        said = self._reading.book.read(matching=[word])
        return frozenset(one.event.customer for one in said if one.event.customer is not None)

    def _have(self, together: Collection[People]) -> "Had":
        """What each of these said of consent, of people who are not gone: told by the view."""
        members = sorted({one for people in together for one in people})
        return _had(together, [self._reading.views.things(CONSENTS, [m.bytes for m in members])])

    def _keys(self, batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.Table]]:
        """The keys of each fold among these events, batch by batch."""
        for batch in batches:
            keys = self._folder.fold_batch(self._folds, pa.Table.from_batches([batch]))
            for found in keys:
                if isinstance(found, CannotFold):
                    raise found
            yield keys

    def close(self) -> None:
        """Let go of what folds."""
        self._folder.close()


@dataclass(frozen=True, slots=True)
class _Look:
    """Who is whom, and who is nobody, for as long as some records are made."""

    persons: Persons
    """The erased and the restricted included."""
    seen: Persons
    nobody: pa.Table

    @classmethod
    def at(cls, reading: Reading) -> "_Look":
        hidden = reading.hidden()
        persons = reading.people.now()
        return cls(persons, persons.without(hidden), hidden_table(hidden))

    def everybody(self, people: People) -> People:
        """Every member of these people."""
        return frozenset(member for one in people for member in self.persons.members(one))

    def canonical(self, customer: UUID) -> UUID:
        """Under whom a customer is seen."""
        return self.seen.canonical(customer)

    def only(self, customers: Iterable[UUID]) -> Persons:
        """Who is whom of these people alone: that takes as long however many others were merged."""
        groups = {m: g for c in customers for g in [self.seen.members(c)] if len(g) > 1 for m in g}
        pairs = {frozenset(two) for group in {*groups.values()} for two in combinations(group, 2)}
        joined = {pair: self.seen.joined[pair] for pair in pairs if pair in self.seen.joined}
        return Persons(groups, joined, frozenset(), frozenset())


Had = Mapping[People, set[tuple[str, str]]]
"""Purposes and channels of what people said of consent."""


def _had(together: Collection[People], consents: Iterable[pa.Table]) -> Had:
    """Of these people, from keys of the fold as they are stored."""
    had: dict[People, set[tuple[str, str]]] = {people: set() for people in together}
    of: dict[UUID, list[People]] = {}
    for people in together:
        for one in people:
            of.setdefault(one, []).append(people)
    for table in consents:
        columns = (table.column(name).to_pylist() for name in ("customer", "purpose", "channel"))
        for customer, purpose, channel in zip(*columns, strict=True):
            for people in of.get(customer, ()):
                had[people].add((purpose, channel))
    return had


def _settled_by(recorded: Recorded) -> People:
    """Whose keys an event settles, together; nobody's for our name by chance."""
    event = recorded.event
    if event.customer is None:
        return frozenset()
    if event.type in {MERGED, SPLIT}:
        return frozenset({event.customer, UUID(event.data["other"])})
    if event.type == CustomerErasing.TOPIC and event.data.get("classes"):
        return frozenset()  # keys of these classes go, and the person stays
    return frozenset({event.customer})


def _connected(groups: Iterable[People]) -> list[People]:
    """The same people, those together who share anybody: who was one person before all of this, or is now."""
    of: dict[UUID, People] = {}
    for group in groups:
        united = group.union(*(of[one] for one in group if one in of))
        of |= dict.fromkeys(united, united)
    return [*{*of.values()}]


def _named_in(fold: Fold) -> set[str]:
    """The columns that keys and filter of a fold look at."""
    text = " ".join([fold.where, *(key.sql for key in fold.keys)])
    return {"position", *(c for c in fold.needs if re.search(rf"\b{re.escape(c)}\b", text))}


def _consent(customer: UUID, purpose: str, channel: str) -> str:
    return f"{customer}:{purpose}:{channel}"


def _record(key: str, row: Mapping[str, Any] | None) -> Record:
    if row is None:
        return Record(key.encode(), None, [])
    value = orjson.dumps(row, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z)
    return Record(key.encode(), value, _HEADERS)


def _some(keys: Iterable[Key]) -> Iterator[list[Key]]:
    left = iter(keys)
    while some := list(islice(left, _AT_ONCE)):
        yield some
