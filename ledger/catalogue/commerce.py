"""What people buy, give back, subscribe to and recommend."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.catalogue.fields import (
    Code,
    ContentText,
    Count,
    Currency,
    IdentityText,
    MinorUnits,
    Moment,
    OthersText,
)
from ledger.catalogue.model import Domain, EventType, event


class OrderLine(BaseModel):
    """One product of an order: how many, and what they cost together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: Code
    quantity: Count
    amount_minor: MinorUnits


@event("order.placed", domain=Domain.TOUCHPOINT)
class OrderPlaced(EventType):
    """A person bought something; a total of nothing is a purchase all the same."""

    currency: Currency
    amount_minor: MinorUnits
    quantity: Count | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=1000)] | None = None
    note: ContentText | None = None
    address: IdentityText | None = None


@event("order.refunded", domain=Domain.TOUCHPOINT, passive=True)
class OrderRefunded(EventType):
    """Money of an order went back, in part or whole."""

    currency: Currency
    amount_minor: MinorUnits
    reason: Code | None = None
    note: ContentText | None = None


@event("order.cancelled", domain=Domain.TOUCHPOINT, passive=True)
class OrderCancelled(EventType):
    """An order was called off before it was fulfilled; money that went back is a refund of its own."""

    reason: Code | None = None
    note: ContentText | None = None


@event("subscription.started", domain=Domain.TOUCHPOINT)
class SubscriptionStarted(EventType):
    """A person began to pay for something that renews."""

    plan: Code
    currency: Currency
    amount_minor: MinorUnits
    billing_interval: Literal["week", "month", "quarter", "year"]
    trial_until: Moment | None = None


@event("subscription.renewed", domain=Domain.TOUCHPOINT, passive=True)
class SubscriptionRenewed(EventType):
    """A subscription went on for another interval, and was paid."""

    plan: Code
    currency: Currency
    amount_minor: MinorUnits


@event("subscription.cancelled", domain=Domain.TOUCHPOINT, passive=True)
class SubscriptionCancelled(EventType):
    """A subscription was ended; it may still run to the end of what was paid."""

    plan: Code
    reason: Code | None = None
    ends_at: Moment | None = None
    note: ContentText | None = None


@event("loyalty.earned", domain=Domain.TOUCHPOINT, passive=True)
class LoyaltyEarned(EventType):
    """Points were credited to a person."""

    program: Code
    points: Count


@event("loyalty.redeemed", domain=Domain.TOUCHPOINT)
class LoyaltyRedeemed(EventType):
    """A person spent points."""

    program: Code
    points: Count


@event("referral.made", domain=Domain.TOUCHPOINT)
class ReferralMade(EventType):
    """A person recommended us to somebody. Who that was is sealed under a key of the friend's own where an
    identifier names them: an e-mail address, +49 …, kind:value. It is theirs to be given and to be erased.
    Other words are sealed under the referrer's key, go with it, and are not the referrer's to be given.
    """

    program: Code | None = None
    referred: OthersText | None = None
