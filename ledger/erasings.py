"""The erasings that stand in the book, as far as they are ours.

The id of each word of an erasure is made with the keyring's key, of what it says: whoever can write to the
book's database, and has no keyring, can slip none in that is believed here. A `customer.erasing` that has
its true end is believed as well.
"""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from ledger.book import Book, Match
from ledger.catalogue.privacy import CustomerErased, CustomerErasing
from ledger.event import Event, Recorded
from ledger.keyring import Keyring

SOURCE = "bahi"
"""Whose word an erasure is."""

GROUND = "recovered"
"""The legal basis of an erasing that is told again: it had one, which is lost."""


class Erasings(NamedTuple):
    """What begins erasures, oldest first, and what ends them, by the id of what had begun them."""

    begun: list[Recorded]
    ended: dict[UUID, Event]

    def ended_whole(self) -> frozenset[UUID]:
        """Whose whole erasing stands in the book from beginning to end."""
        found = (one.event for one in self.begun if one.event.id in self.ended)
        return frozenset(e.customer for e in found if e.customer and not e.data.get("classes"))

    def generation(self) -> int:
        """How often the vault had been written by then, at the least; 0 where nothing says so."""
        return max((end.data["vault_generation"] for end in self.ended.values()), default=0)


def erasing_id(
    keyring: Keyring, customer: UUID, classes: Collection[str] | None, mark: UUID | None
) -> UUID:
    """The id of a `customer.erasing`; `mark` is random, and is what the event has as correlation."""
    named = " ".join(sorted(classes or ()))
    return keyring.event_id(SOURCE, f"{CustomerErasing.TOPIC} {mark} {customer} {named}")


def told_again_id(keyring: Keyring, customer: UUID) -> UUID:
    """The id of a `customer.erasing` of the whole person that the book had lost."""
    return keyring.event_id(SOURCE, f"{GROUND} {customer}")


def erased_id(keyring: Keyring, erasing: UUID) -> UUID:
    """One erasing is followed by one `customer.erased`, whoever appends it."""
    return keyring.event_id(SOURCE, f"{CustomerErased.TOPIC} {erasing}")


def erasings(book: Book, keyring: Keyring, after: int = 0) -> Erasings:
    """Those after a position."""
    ended = {}
    begun = list(book.read(after, matching=[Match((CustomerErasing.TOPIC,))]))
    for recorded in book.read(after, matching=[Match((CustomerErased.TOPIC,))]):
        event = recorded.event
        if event.causation is not None and event.id == erased_id(keyring, event.causation):
            ended[event.causation] = event
    return Erasings([r for r in begun if r.event.id in ended or _is_ours(keyring, r.event)], ended)


def unended(
    book: Book, keyring: Keyring, after: int, announced: Callable[[], Iterable[UUID]]
) -> list[Recorded]:
    """Those after a position that are neither announced nor ended, which is asked in this order."""
    begun = {
        one.event.id: one
        for one in book.read(after, matching=[Match((CustomerErasing.TOPIC,))])
        if _is_ours(keyring, one.event)
    }
    for event in announced() if begun else ():
        begun.pop(event, None)
    ended = book.known(erased_id(keyring, event) for event in begun)
    return [one for event, one in begun.items() if erased_id(keyring, event) not in ended]


def _is_ours(keyring: Keyring, event: Event) -> bool:
    if event.customer is None or event.source != SOURCE:
        return False
    classes = event.data.get("classes")
    ids = {erasing_id(keyring, event.customer, classes, event.correlation)}
    if not classes:
        ids.add(told_again_id(keyring, event.customer))
    return event.id in ids
