"""Companies, and who belongs to them: a person may belong to several, and come back."""

from eventsourcing.dcb.domain import Selector
from eventsourcing.domain import event as happened

from commands.deciding import Proposed, Rule, of_customers
from commands.things import said
from ledger.book import CUSTOMER_TAG
from ledger.catalogue.account import AccountIdentified, MemberJoined, MemberLeft
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.errors import NotAllowed
from ledger.event import Recorded


class IdentifyAccount(Rule):
    """What is known of a company. Whose name is in the book, in the clear, was no person."""

    CREATES = True

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.named: Recorded | None = None

    def consistency_boundary(self) -> list[Selector]:
        return [Selector(types=[AccountIdentified], tags=[self.proposed.tag("account")])]

    @happened(AccountIdentified)
    def _(self, account_name: str | None, recorded: Recorded) -> None:
        self.named = self.named if account_name is None else recorded

    def decide(self) -> None:
        payload = self.proposed.payload
        assert isinstance(payload, AccountIdentified)
        if payload.sole_trader and self.named is not None:
            expected = "a company that was never named: a name stays readable for ever"
            raise NotAllowed("sole_trader", expected, f"one that was {said(self.named)}")


class _Membership(Rule):
    """One person, under whichever customer, and one company."""

    def __init__(self, proposed: Proposed) -> None:
        super().__init__(proposed)
        self.joined: Recorded | None = None
        self.left: Recorded | None = None

    def consistency_boundary(self) -> list[Selector]:
        account, members = self.proposed.tag("account"), self.proposed.members
        return [
            *(
                Selector([MemberJoined, MemberLeft], [account, f"{CUSTOMER_TAG}{member}"])
                for member in members
            ),
            *of_customers(members, CustomersMerged, CustomersSplit),
        ]

    def counts(self, recorded: Recorded) -> bool:
        """Who is one person may have turned out later."""
        return recorded.event.type in {MemberJoined.TOPIC, MemberLeft.TOPIC}

    @happened(MemberJoined)
    def _(self, recorded: Recorded) -> None:
        self.joined, self.left = recorded, None

    @happened(MemberLeft)
    def _(self, recorded: Recorded) -> None:
        self.joined, self.left = None, recorded


class JoinAccount(_Membership):
    """A person becomes part of a company."""

    def decide(self) -> None:
        if self.joined is not None:
            raise NotAllowed("customer", "one who is no member", f"one who {said(self.joined)}")


class LeaveAccount(_Membership):
    """A person is part of a company no longer."""

    def decide(self) -> None:
        if self.joined is None:
            came = "never joined" if self.left is None else said(self.left)
            raise NotAllowed("customer", "one who is a member", f"one who {came}")
