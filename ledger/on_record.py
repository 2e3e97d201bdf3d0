"""The proof that somebody's looking is on record: nothing that is sealed is opened without one."""

from collections.abc import Collection
from uuid import UUID

from ledger.book import Book
from ledger.catalogue.audit import PersonalDataOpened
from ledger.errors import BadUsage
from ledger.event import Event, decode_body


class OnRecord:
    """Openings that stand in the book: by whom, what for, and of whose data.

    It is read off the book, so there is none for what was not appended. `subjects` are the people whose
    data may be opened with it, and things of theirs, such as a dead letter, that the openings name.
    """

    def __init__(self, book: Book, openings: Collection[UUID]) -> None:
        """Raises `BadUsage` unless each of these is an opening in the book, all for one purpose by one
        actor.
        """
        found = [decode_body(body) for _, body in book.known(openings).values()]
        sayings = {_said(event) for event in found}
        if len(found) != len(set(openings)) or len(sayings) != 1 or None in sayings:
            came = f"{len(found):,} of {len(set(openings)):,}"
            raise BadUsage(f"expected openings for one purpose that are in the book, came {came}")
        self.openings = frozenset(openings)
        self.actor, self.purpose = next(said for said in sayings if said is not None)
        named = {event.customer for event in found} | {event.correlation for event in found}
        self.subjects = frozenset(subject for subject in named if subject is not None)


def _said(event: Event) -> tuple[UUID, str] | None:
    """By whom and what for; None for what is no opening."""
    if event.type != PersonalDataOpened.TOPIC or event.actor is None:
        return None
    return event.actor, event.data["purpose"]
