"""A person's data is kept and not used, until that is lifted: GDPR Art. 18."""

from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Proposed, Rule, of_customers
from commands.things import said
from ledger.catalogue.privacy import CustomerRestricted, CustomerUnrestricted
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import NotAllowed
from ledger.event import Recorded


class _Restricting(Rule):
    """The restrictions of one customer, and of those who are the same person: each stands by itself."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.latest_of: dict[UUID | None, Recorded] = {}
        """The latest word on each of them."""

    def consistency_boundary(self) -> list[Selector]:
        types = (CustomerRestricted, CustomerUnrestricted, CustomersMerged, CustomersSplit)
        return of_customers(self.proposed.members, *types)

    def counts(self, recorded: Recorded) -> bool:
        """What was said of this very customer."""
        return recorded.event.customer == self.proposed.customer and recorded.event.type in _WORDS

    def saw(self, recorded: Recorded) -> None:
        super().saw(recorded)
        if recorded.event.type in _WORDS:
            self.latest_of[recorded.event.customer] = recorded

    @property
    def own(self) -> Recorded | None:
        """The latest word on this very customer."""
        return self.latest_of.get(self.proposed.customer)

    def restricted(self) -> list[UUID | None]:
        """Those of them who are restricted now."""
        return [
            customer
            for customer, latest in self.latest_of.items()
            if latest.event.type == CustomerRestricted.TOPIC
        ]


_WORDS = (CustomerRestricted.TOPIC, CustomerUnrestricted.TOPIC)


class Restrict(_Restricting):
    """From here on every use of this person's data is a no."""

    def decide(self) -> None:
        if self.own is not None and self.proposed.customer in self.restricted():
            raise NotAllowed("customer", "one who is not restricted", f"one {said(self.own)}")


class Unrestrict(_Restricting):
    """A restriction is lifted; of merged customers, the one who was restricted is to be named."""

    def decide(self) -> None:
        restricted = self.restricted()
        if self.proposed.customer in restricted:
            return
        expected = ", ".join(map(str, restricted)) or "one who is restricted"
        came = "one who never was" if self.own is None else f"one {said(self.own)}"
        raise NotAllowed("customer", expected, came)
