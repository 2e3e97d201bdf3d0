"""Companies, and who belongs to them. A company is no person: it is tagged, and holds no keys."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ledger.catalogue.fields import Code, Count, IdentityText
from ledger.catalogue.model import About, Domain, EventType, event
from ledger.errors import BadField, came

_ONE_LINE = r"^[^\p{C}]*[^\p{C}\s][^\p{C}]*$"
"""Something to read, and nothing that moves the cursor."""


@event("account.identified", domain=Domain.SALES, about=About.NOBODY, needs=("account",))
class AccountIdentified(EventType):
    """A company became known, or what is known of it changed; only what changed is given.

    A name is taken only of what is said to be no sole trader: theirs is a person's name, and belongs to
    that customer.
    """

    account_name: Annotated[str, Field(max_length=200, pattern=_ONE_LINE)] | None = None
    sole_trader: bool | None = None
    industry: Code | None = None
    employees: Count | None = None

    @model_validator(mode="after")
    def _name_no_person(self) -> Self:
        if self.account_name is not None and self.sole_trader is not False:
            expected = "none unless sole_trader is false: a sole trader's name is a person's"
            raise BadField("account_name", expected, came(self.account_name))
        return self


@event("member.joined", domain=Domain.SALES, needs=("account",), passive=True)
class MemberJoined(EventType):
    """A person became part of a company; one may belong to several at once."""

    role: Code | None = None
    job_title: IdentityText | None = None


@event("member.left", domain=Domain.SALES, needs=("account",), passive=True)
class MemberLeft(EventType):
    """A person is no longer part of a company."""

    reason: Code | None = None
