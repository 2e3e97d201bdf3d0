"""Things with a life of their own, such as a deal or a ticket: what may happen to one, and when.

A life is a table, with a step for each type of event: how the thing has to stand for it, and how it
stands afterwards. Events that came through other doors were asked nothing; they are seen as they are.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from eventsourcing.dcb.domain import Selector

from commands.deciding import Proposed, Rule
from ledger.catalogue import EventType, find
from ledger.errors import NotAllowed
from ledger.event import Recorded

NEW = "not in the book"
"""How a thing stands that nothing has happened to yet."""


class Step(NamedTuple):
    """`when` a thing may take it, by how it stands, and how it stands `then`; None: as before."""

    when: tuple[str, ...]
    then: str | None = None


class Thing(Rule):
    """One thing, its whole life in view. A command that names nobody is about whom it was about before."""

    KIND: ClassVar[str]
    """The kind of its tag, and its name in messages."""
    LIFE: ClassVar[Mapping[type[EventType], Step]]

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.stands = NEW
        self.since: Recorded | None = None
        """The event since which it stands so."""

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=tuple(self.LIFE), tags=[self.proposed.tag(self.KIND)])]

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        self.contact = recorded.event.customer or self.contact
        step = self.LIFE.get(find(recorded.event.type))
        if step is not None and step.then is not None:
            self.stands, self.since = step.then, recorded

    def decide(self) -> None:
        step = self.LIFE[type(self.proposed.payload)]
        if self.stands not in step.when:
            raise NotAllowed(self.KIND, "one that is " + " or ".join(step.when), self._standing())

    def _standing(self) -> str:
        if self.since is None:
            return f"one that is {NEW}"
        return f"one that was {said(self.since)}"


def said(recorded: Recorded) -> str:
    """What happened, when and where it stands: `won on 2026-03-01 at position 12`."""
    event = recorded.event
    what = event.type.rpartition(".")[2]
    return f"{what} on {event.occurred_at:%Y-%m-%d} at position {recorded.position}"
