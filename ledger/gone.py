"""Who is gone: told by the book itself, from the moment that a whole erasing stands in it.

A `customer.erasing` without classes is the end of that customer for every reader, on every day of
the past as well: an erasure obeys neither clock. Where it names classes, keys go and the person
stays. The keyring's tombstones count too, so that a book restored from before brings nobody back.
"""

import threading
from bisect import bisect_right
from collections.abc import Callable, Collection
from dataclasses import replace
from uuid import UUID

import pyarrow as pa

from ledger.book import Book, Match
from ledger.catalogue.privacy import CustomerErasing
from ledger.people import NOBODY_MERGED, People, Persons

HIDDEN = pa.schema([("customer", pa.uuid())])
"""Customers whom nobody is to see."""


class Gone:
    """The whole erasings of one book, read as they come. Safe to share between threads."""

    def __init__(self, book: Book, tombstones: Callable[[], frozenset[UUID]] = frozenset) -> None:
        self._book = book
        self._tombstones = tombstones
        self._lock = threading.Lock()
        self._read_upto = 0
        self._positions: list[int] = []
        self._customers: list[UUID] = []
        self._buried: frozenset[UUID] = frozenset()
        self._now: frozenset[UUID] | None = None

    def now(self) -> frozenset[UUID]:
        """Everybody who is gone, as the book and the keyring have it now."""
        with self._lock:
            self._read()
            buried = self._tombstones()
            if self._now is None or buried != self._buried:
                self._buried, self._now = buried, buried.union(self._customers)
            return self._now

    def between(self, after: int, upto: int) -> frozenset[UUID]:
        """Those whose whole erasing stands at a position in (`after`, `upto`]."""
        with self._lock:
            self._read()
            first, last = bisect_right(self._positions, after), bisect_right(self._positions, upto)
            return frozenset(self._customers[first:last])

    def _read(self) -> None:
        head = self._book.head()
        if head == self._read_upto:
            return
        match = Match(types=(CustomerErasing.TOPIC,))
        for recorded in self._book.read(self._read_upto, matching=[match], upto=head):
            customer = recorded.event.customer
            # A library's own event may have our name by chance, and then nobody is in it.
            if customer is not None and not recorded.event.data.get("classes"):
                self._positions.append(recorded.position)
                self._customers.append(customer)
                self._now = None
        self._read_upto = head


class Living:
    """Who is one person of those who are not gone: a link to somebody gone binds nobody.

    Safe to share between threads.
    """

    def __init__(self, people: People, gone: Gone) -> None:
        self._people = people
        self._gone = gone
        self._latest: tuple[object, object, Persons] = (None, None, NOBODY_MERGED)

    def now(self) -> Persons:
        """The people as the book has them now; whoever was gone at its `upto` is not among them."""
        persons, gone = self._people.now(), self._gone.now()
        groups, hidden, living = self._latest
        if groups is not persons.groups or hidden is not gone:
            living = persons.without(gone)
            self._latest = (persons.groups, gone, living)
        return replace(living, upto=persons.upto)


def hidden_table(customers: Collection[UUID]) -> pa.Table:
    """These customers as rows of `HIDDEN`."""
    column = pa.array([customer.bytes for customer in customers], HIDDEN[0].type)
    return pa.table([column], schema=HIDDEN)
