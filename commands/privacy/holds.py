"""Holds: what forbids erasing a person for now, each under a name of its own."""

from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Proposed, Rule, of_customers
from commands.privacy.laws import HOLDS
from commands.things import said
from ledger.catalogue.privacy import CustomerErased, CustomerErasing, HoldPlaced, HoldReleased
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import NotAllowed, came_safely
from ledger.event import Recorded

HOLDING = (HoldPlaced, HoldReleased)
"""The types of event that holds are read off."""


class Holds:
    """The holds on a person, by the customer whom each was placed on, told in order of moment."""

    def __init__(self) -> None:
        self.standing: dict[tuple[UUID | None, str], Recorded] = {}
        """Where each that stands was placed."""
        self.erasing: Recorded | None = None
        """Where an erasure began that has not ended."""

    def take(self, recorded: Recorded) -> None:
        """One more event of the person; others than those of holds and erasures say nothing."""
        event = recorded.event
        match event.type:
            case HoldPlaced.TOPIC:
                self.standing[event.customer, event.data["hold"]] = recorded
            case HoldReleased.TOPIC:
                self.standing.pop((event.customer, event.data["hold"]), None)
            case CustomerErasing.TOPIC:
                self.erasing = recorded
            case CustomerErased.TOPIC:
                self.erasing = None
            case _:
                pass

    def demand_none(self) -> None:
        """Raises `NotAllowed`, naming every hold that stands."""
        if self.standing:
            held = ", ".join(
                f"{hold} ({recorded.event.data['ground']}), {said(recorded)}"
                for (_, hold), recorded in sorted(self.standing.items(), key=lambda one: one[0][1])
            )
            raise NotAllowed("hold", "none on this person", held)


class _Holding(Rule):
    """Goes by all holds on a person, and whether they are being erased."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.holds = Holds()

    @property
    def asked(self) -> HoldPlaced | HoldReleased:
        """What is proposed."""
        payload = self.proposed.payload
        assert isinstance(payload, HoldPlaced | HoldReleased)
        return payload

    def consistency_boundary(self) -> list[Selector]:
        types = (*HOLDING, CustomerErasing, CustomerErased, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """What was said of this hold on this very customer."""
        event = recorded.event
        same = event.data.get("hold") == self.asked.hold
        return same and event.customer == self.proposed.customer

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        self.holds.take(recorded)

    @property
    def own(self) -> Recorded | None:
        """Where the hold of that name was placed on this very customer, if it stands."""
        return self.holds.standing.get((self.proposed.customer, self.asked.hold))


class PlaceHold(_Holding):
    """A hold begins, under a name that does not stand yet, and not once an erasure has begun."""

    def decide(self) -> None:
        if self.holds.erasing is not None:
            came = f"one who is, since position {self.holds.erasing.position}"
            raise NotAllowed("customer", "one who is not being erased", came)
        if self.own is not None:
            raise NotAllowed("hold", "a name under which none stands", f"one {said(self.own)}")
        if self.asked.ground not in HOLDS:
            expected = "one of " + ", ".join(HOLDS)
            raise NotAllowed("ground", expected, came_safely(self.asked.ground))


class ReleaseHold(_Holding):
    """A hold ends; of merged customers, the one whom it was placed on is to be named."""

    def decide(self) -> None:
        if self.own is not None:
            return
        standing = ", ".join(
            hold if customer == self.proposed.customer else f"{hold} of {customer}"
            for customer, hold in sorted(self.holds.standing, key=str)
        )
        came = f"{self.asked.hold} of {self.proposed.customer}"
        raise NotAllowed("hold", standing or "one that stands", came)
