"""One person after all, or two after all: by somebody's judgement, and on record."""

from collections.abc import Callable, Sequence
from uuid import UUID

from eventsourcing.dcb.domain import Selector

from commands.deciding import Desk, Rule, of_customers
from commands.touchpoint import Outcome, Touchpoint
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import BadField, IdentityConflict, NotAllowed, Refused
from ledger.event import Recorded

Against = Callable[[Sequence[UUID], Sequence[UUID]], Refused | None]
"""What speaks against two people being one, given the customers that each of them is."""


def merge(desk: Desk, asked: Touchpoint, *, despite_identifiers: bool = False) -> Outcome:
    """Merge the customer of what is asked with its `other`; durable when this returns.

    Raises `IdentityConflict` for two who have more identifiers of a kind than one person may have,
    unless somebody says that they are one despite that; `NotAllowed` for two who were merged already.
    """
    vault, limits = desk.ledger.vault, desk.limits

    def against(ones: Sequence[UUID], others: Sequence[UUID]) -> Refused | None:
        if desk.ledger.fenced([*ones, *others]):
            return BadField("customers", "two who are not being erased", "one who is")
        one, other = vault.kinds(ones), vault.kinds(others)
        kind = None if despite_identifiers else limits.against(one, other)
        if kind is None:
            return None
        expected = f"at most {limits.of(kind)} of kind {kind} for one person"
        return IdentityConflict("identifiers", expected, str(one[kind] + other[kind]))

    return desk.carry_out(asked, Merge.unless(against))


def split(desk: Desk, asked: Touchpoint) -> Outcome:
    """Take back the merge of the customer of what is asked with its `other`; durable on return.

    Raises `NotAllowed` for two who were not merged with one another, naming those who were.
    """
    return desk.carry_out(asked, Split)


class _Pair(Rule):
    """Two customers and every link of the people they are."""

    @property
    def one(self) -> UUID:
        """The customer that the command is about."""
        assert self.proposed.customer is not None
        return self.proposed.customer

    @property
    def other(self) -> UUID:
        """The customer that it names besides."""
        payload = self.proposed.payload
        assert isinstance(payload, CustomersMerged | CustomersSplit)
        return payload.other

    def consistency_boundary(self) -> list[Selector]:
        persons = self.proposed.persons
        members = {*persons.members(self.one), *persons.members(self.other)}
        return of_customers(sorted(members), CustomersMerged, CustomersSplit)

    def counts(self, recorded: Recorded) -> bool:
        """Only what was said of this pair comes before what is said of it now."""
        about = {recorded.event.customer, UUID(recorded.event.data["other"])}
        return about == {self.one, self.other}

    def decide(self) -> None:
        if self.one == self.other:
            raise IdentityConflict("customers", "two", "one customer twice")


class Merge(_Pair):
    """Two customers become one person; a person has judged so."""

    @staticmethod
    def against(ones: Sequence[UUID], others: Sequence[UUID]) -> Refused | None:  # noqa: ARG004
        """Nothing, unless the rule is told."""
        return None

    @classmethod
    def unless(cls, against: Against) -> "type[Merge]":
        """The rule that has been told what may speak against it."""
        return type(cls.__name__, (cls,), {"against": staticmethod(against)})

    def decide(self) -> None:
        super().decide()
        persons = self.proposed.persons
        if self.other in persons.links_of(self.one):
            raise NotAllowed("customers", "two who were not merged yet", "two who were")
        ones, others = persons.members(self.one), persons.members(self.other)
        # Two who are one person by way of others are merged all the same: those may be split again.
        refusal = None if self.other in ones else self.against(ones, others)
        if refusal is not None:
            raise refusal


class Part(_Pair):
    """Somebody else from the beginning: a name of theirs had been taken for this person's.

    No rule makes them one person from then on; somebody who knows better still may.
    """


class Split(_Pair):
    """A merge is taken back: the link between just these two customers."""

    def decide(self) -> None:
        super().decide()
        links = self.proposed.persons.links_of(self.one)
        if self.other in links:
            return
        if not links:
            raise NotAllowed("customers", "two who were merged", "one who was merged with nobody")
        known = ", ".join(str(customer) for customer in sorted(links))
        raise NotAllowed(
            "customers", f"one that was merged with {self.one}: {known}", str(self.other)
        )
