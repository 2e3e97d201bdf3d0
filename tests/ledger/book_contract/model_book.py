"""A book as its promises have it: a list, and one caller after the other. It knows no store."""

from collections.abc import Sequence

from ledger.book import Answer, Condition, Receipt, Status
from ledger.errors import ConditionFailed, IdReused
from ledger.event import Event

FACTS = ("type", "tags", "data")
"""What the events of the property test differ in, in the order in which it is told."""


class ModelBook:
    """Events from position `base` + 1 on."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.events: list[Event] = []

    def expect(self, given: Sequence[Event], condition: Condition | None, answer: Answer) -> None:
        """Do what one caller asks for, and demand that this was the answer."""
        receipts, new = self._tell_apart(given)
        reused = [n for n, receipt in enumerate(receipts) if receipt.status is Status.REUSED]
        if condition is not None and reused:
            first = given[reused[0]]
            recorded = [e.id for e in self.events]
            place = self.base + 1 + recorded.index(first.id) if first.id in recorded else 0
            assert isinstance(answer, IdReused)
            assert (answer.event_id, answer.position) == (first.id, place)
            assert answer.fields == receipts[reused[0]].fields
            return
        met = self._met(condition) if condition is not None and new else []
        if met:
            assert isinstance(answer, ConditionFailed)
            assert answer.position in met
            return
        assert answer == receipts
        self.events += new

    def _tell_apart(self, given: Sequence[Event]) -> tuple[list[Receipt], list[Event]]:
        """The receipts, if nothing speaks against it, and what would be written."""
        standing = [*self.events]
        receipts = []
        for event in given:
            same = [n for n, other in enumerate(standing) if other.id == event.id]
            if not same:
                standing.append(event)
                receipts.append(Receipt(Status.APPENDED, self.base + len(standing)))
                continue
            other = standing[same[0]]
            fields = tuple(name for name in FACTS if getattr(event, name) != getattr(other, name))
            status = Status.REUSED if fields else Status.DUPLICATE
            receipts.append(Receipt(status, self.base + 1 + same[0], fields))
        return receipts, standing[len(self.events) :]

    def _met(self, condition: Condition) -> list[int]:
        return [
            position
            for position, event in enumerate(self.events, self.base + 1)
            if position > condition.after
            and any(
                (not match.types or event.type in match.types) and {*match.tags} <= {*event.tags}
                for match in condition.unless
            )
        ]
