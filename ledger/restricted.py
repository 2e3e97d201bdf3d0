"""Whose data is kept and not used: restricted from now on, for every day that is asked about.

GDPR Art. 18(2): what is restricted may be stored, and beyond that be used only with the person's
consent, for legal claims, to protect somebody else, or for important reasons of public interest.
Nothing is taken away: a restriction that is lifted leaves everything as it was.
"""

import threading
from uuid import UUID

from ledger.book import Book, Match
from ledger.catalogue.privacy import CustomerRestricted, CustomerUnrestricted
from ledger.event import Moment, moment_of
from ledger.people import People

DESPITE = frozenset({"legal", "consent", "protection", "public-interest"})
"""The purposes for which those are seen whose data is restricted."""

SERVICE = "service"
"""The purpose of whoever names none."""


class Restricted:
    """The restrictions of one book, read as they come. Safe to share between threads."""

    def __init__(self, book: Book, people: People) -> None:
        self._book = book
        self._people = people
        self._lock = threading.Lock()
        self._read_upto = 0
        self._latest: dict[UUID, tuple[Moment, bool]] = {}

    def now(self) -> frozenset[UUID]:
        """Every customer who is one person with somebody restricted, as the book has it now."""
        with self._lock:
            self._read()
            named = [customer for customer, (_, on) in self._latest.items() if on]
        if not named:
            return frozenset()
        persons = self._people.now()
        return frozenset(member for customer in named for member in persons.members(customer))

    def _read(self) -> None:
        head = self._book.head()
        if head == self._read_upto:
            return
        match = Match(types=(CustomerRestricted.TOPIC, CustomerUnrestricted.TOPIC))
        for recorded in self._book.read(self._read_upto, matching=[match], upto=head):
            customer = recorded.event.customer
            if customer is None:  # a library's own event, which has our name by chance
                continue
            word = (moment_of(recorded), recorded.event.type == CustomerRestricted.TOPIC)
            self._latest[customer] = max(word, self._latest.get(customer, word))
        self._read_upto = head
