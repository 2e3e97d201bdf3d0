"""Who is read as whom: customers that turned out to be one person, and then two again.

Merging moves nothing. A `customers.merged` is a link between two customers, a `customers.split` takes
that link away, and whichever of a pair's events is the latest by moment counts. Whoever is connected
is one person, read under the oldest of them: the one whom the book heard of first. So a split leaves
everything as if the merge had never been, and both clocks need only the links as of then.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, permutations, product
from typing import NamedTuple
from uuid import UUID

import pyarrow as pa

from ledger.book import CUSTOMER_TAG, Book, Match
from ledger.event import MERGED, SPLIT, Moment, Recorded, end_of, moment_of, moment_uuid

Pair = frozenset[UUID]
Age = Callable[[UUID], tuple[int, UUID]]

ALIASES = pa.schema([("customer", pa.uuid()), ("canonical", pa.uuid())])
"""Under whom a customer is read; those who are read under themselves are not in it."""

JOINED = pa.schema(
    [("customer", pa.uuid()), ("other", pa.uuid()), ("since", pa.uuid()), ("position", pa.int64())]
)
"""Any two members of one person, both ways round: the moment since which they are one, and the
position at which the book knew."""


class Joined(NamedTuple):
    """How two members are one person, by the oldest way of links between them."""

    since: Moment
    """That of the youngest link on the way."""
    position: int
    """The greatest of the links on the way: a link may be told late, of long ago."""


@dataclass(frozen=True)
class Persons:
    """The people of one moment, of those customers who were ever merged; all others are themselves.

    `groups` has the members of each person, the oldest first, `joined` how any two of them are one.
    """

    groups: Mapping[UUID, tuple[UUID, ...]]
    joined: Mapping[Pair, Joined]
    links: frozenset[Pair]
    """Pairs that were merged with one another, and not taken back."""
    parted: frozenset[Pair]
    """Pairs whose merge was taken back: nobody but a person is to merge them again."""
    upto: int = 0
    """The position up to which links were looked at."""

    def members(self, customer: UUID) -> tuple[UUID, ...]:
        """Every customer who is the same person, the oldest first."""
        return self.groups.get(customer, (customer,))

    def canonical(self, customer: UUID) -> UUID:
        """The customer under whom this one is read."""
        return self.members(customer)[0]

    def way(self, one: UUID, other: UUID) -> Joined | None:
        """How two customers are one person; None if they are not, or are one customer."""
        return self.joined.get(frozenset({one, other}))

    def since(self, one: UUID, other: UUID) -> Moment | None:
        """Since when they are."""
        way = self.way(one, other)
        return None if way is None else way.since

    def links_of(self, customer: UUID) -> frozenset[UUID]:
        """Those with whom this very customer was merged."""
        pairs = (pair for pair in self.links if customer in pair)
        return frozenset(one for pair in pairs for one in pair if one != customer)

    def were_parted(self, ones: Collection[UUID], others: Collection[UUID]) -> bool:
        """Whether somebody took back a merge of any of these with any of those."""
        return bool(self.parted) and any(
            frozenset(pair) in self.parted for pair in product(ones, others)
        )

    def without(self, hidden: Collection[UUID]) -> "Persons":
        """The same people with nobody of these among them: the others are who they are without them, and
        whom a link to one of these alone had made one person are not.
        """
        touched = {self.groups[customer] for customer in hidden if customer in self.groups}
        if not touched:
            return self
        groups, joined = dict(self.groups), dict(self.joined)
        links, parted = (
            frozenset(pair for pair in pairs if pair.isdisjoint(hidden))
            for pairs in (self.links, self.parted)
        )
        bound = _bound(links, {member for group in touched for member in group})
        for group in touched:
            for member in group:
                del groups[member]
                left = tuple(one for one in group if one in bound.get(member, ()))
                if len(left) > 1:
                    groups[member] = left
            for one, other in combinations(group, 2):
                if other not in groups.get(one, ()):
                    del joined[frozenset({one, other})]
        return replace(self, groups=groups, joined=joined, links=links, parted=parted)

    def aliases(self) -> pa.Table:
        """The same for the views: rows of `ALIASES`."""
        rows = ((c.bytes, group[0].bytes) for c, group in self.groups.items() if c != group[0])
        return _table(ALIASES, rows)

    def togetherness(self) -> pa.Table:
        """Rows of `JOINED`."""
        rows = (
            (one.bytes, other.bytes, moment_uuid(way.since).bytes, way.position)
            for pair, way in self.joined.items()
            for one, other in permutations(pair)
        )
        return _table(JOINED, rows)


NOBODY_MERGED = Persons({}, {}, frozenset(), frozenset())


class People:
    """The links of one book, read as they come. Safe to share between threads."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._lock = threading.Lock()
        self._read_upto = 0
        self._links: list[Recorded] = []
        self._links_of: dict[UUID, list[Recorded]] = defaultdict(list)
        self._first: dict[UUID, int] = {}
        self._unwritten: set[UUID] = set()
        self._touched: set[UUID] = set()
        self._latest = NOBODY_MERGED

    def now(self) -> Persons:
        """The people as the book has them now."""
        with self._lock:
            self._read()
            if self._touched:
                self._latest = self._renewed(self._latest, self._touched)
                self._touched = set()
            return replace(self._latest, upto=self._read_upto)

    def at(self, as_of: datetime | None = None, known_upto: int | None = None) -> Persons:
        """The people by the links that had come about by `as_of`, of those the book had by then."""
        return self.by(None if as_of is None else end_of(as_of), known_upto)

    def by(self, moment: Moment | None, known_upto: int | None = None) -> Persons:
        """The same by a moment, that moment's own link included."""
        if moment is None and known_upto is None:
            return self.now()
        with self._lock:
            self._read()
            chosen = [
                link
                for link in self._links
                if (moment is None or moment_of(link) <= moment)
                and (known_upto is None or link.position <= known_upto)
            ]
            return persons_of(chosen, self._age)

    def of(
        self, customer: UUID, as_of: datetime | None = None, known_upto: int | None = None
    ) -> Persons:
        """The same as `at`, of the one person that this customer is: nobody else's links are looked at."""
        last = None if as_of is None else end_of(as_of)
        with self._lock:
            self._read()
            links: dict[int, Recorded] = {}
            found, waiting = {customer}, [customer]
            while waiting:
                for link in self._links_of.get(waiting.pop(), ()):
                    if (last is None or moment_of(link) <= last) and (
                        known_upto is None or link.position <= known_upto
                    ):
                        links[link.position] = link
                        waiting += _pair(link) - found
                        found |= _pair(link)
            return persons_of(links.values(), self._age)

    def _read(self) -> None:
        head = self._book.head()
        if head == self._read_upto:
            return
        match = Match(types=(MERGED, SPLIT))
        for link in [*self._book.read(self._read_upto, matching=[match], upto=head)]:
            if link.event.customer is None:  # a library's own event, which has our name by chance
                continue
            self._links.append(link)
            for customer in _pair(link):
                self._links_of[customer].append(link)
                self._touched.add(customer)
        self._touched |= self._unwritten  # by now, the book may have heard of them
        self._read_upto = head

    def _renewed(self, before: Persons, touched: Iterable[UUID]) -> Persons:
        """The people after news of these customers: only their people are looked at again."""
        old = {before.members(customer) for customer in touched}
        customers = [member for group in old for member in group]
        links = {link.position: link for c in customers for link in self._links_of[c]}
        part = persons_of(links.values(), self._age)
        self._unwritten = {customer for customer in part.groups if customer not in self._first}
        groups, joined = dict(before.groups), dict(before.joined)
        for group in old:
            for member in group:
                groups.pop(member, None)
            for two in combinations(group, 2):
                del joined[frozenset(two)]
        pairs = {_pair(link) for link in links.values()}
        return Persons(
            {**groups, **part.groups},
            {**joined, **part.joined},
            before.links - pairs | part.links,
            before.parted - pairs | part.parted,
        )

    def _age(self, customer: UUID) -> tuple[int, UUID]:
        """Sorts customers by when the book first heard of them, which never changes."""
        if customer not in self._first:
            tagged = Match(tags=(f"{CUSTOMER_TAG}{customer}",))
            # A merge may stand before the very touchpoint that showed it, and makes nobody older; nor does
            # what happened to somebody else.
            own = (
                r
                for r in self._events(tagged)
                if r.event.type not in (MERGED, SPLIT) and r.event.customer == customer
            )
            found = next(own, None)
            if found is None:  # named in the vault, and not written yet
                return (2**63, customer)
            self._first[customer] = found.position
        return (self._first[customer], customer)

    def _events(self, match: Match) -> Iterator[Recorded]:
        """One after the other, each found by index: who wants the first pays for no more."""
        after = 0
        while found := next(iter(self._book.read(after, matching=[match], limit=1)), None):
            yield found
            after = found.position


def persons_of(links: Iterable[Recorded], age: Age) -> Persons:
    """The people that these links make, in whatever order they come."""
    since: dict[Pair, Moment] = {}
    parted: set[Pair] = set()
    for link in sorted(links, key=moment_of):
        pair = _pair(link)
        if link.event.type == MERGED:
            since.setdefault(pair, moment_of(link))
            parted.discard(pair)
        else:
            since.pop(pair, None)
            parted.add(pair)
    groups: dict[UUID, list[UUID]] = defaultdict(list)
    joined: dict[Pair, Joined] = {}
    for pair, moment in since.items():  # the oldest first, as they were put in
        one, other = min(pair), max(pair)
        for member in pair:
            if not groups[member]:
                groups[member] = [member]
        if groups[one] is groups[other]:
            continue
        behind = {
            member: way.position if (way := joined.get(frozenset({member, end}))) else 0
            for end in (one, other)
            for member in groups[end]
        }
        ways = {known: Joined(moment, known) for known in (moment[1], *behind.values())}
        for near, far in product(groups[one], groups[other]):
            joined[frozenset({near, far})] = ways[max(moment[1], behind[near], behind[far])]
        united = groups[one] + groups[other]
        for member in united:
            groups[member] = united
    sorted_groups = {id(g): tuple(sorted(g, key=age)) for g in groups.values()}
    return Persons(
        {customer: sorted_groups[id(group)] for customer, group in groups.items()},
        joined,
        frozenset(since),
        frozenset(parted),
    )


def _bound(links: Iterable[Pair], among: Set[UUID]) -> dict[UUID, set[UUID]]:
    """Everybody of these who is linked to anybody, and with whom, be it by way of others."""
    bound: dict[UUID, set[UUID]] = {}
    for one, other in (pair for pair in links if pair <= among):
        together = bound.get(one, {one}) | bound.get(other, {other})
        bound |= dict.fromkeys(together, together)
    return bound


def _pair(link: Recorded) -> Pair:
    """The two customers whom a link is about."""
    assert link.event.customer is not None
    return frozenset({link.event.customer, UUID(link.event.data["other"])})


def _table(schema: pa.Schema, rows: Iterable[tuple[bytes | int, ...]]) -> pa.Table:
    ordered = sorted(rows)
    columns = [
        pa.array([row[place] for row in ordered], field.type) for place, field in enumerate(schema)
    ]
    return pa.table(columns, schema=schema)
