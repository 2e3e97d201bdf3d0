"""What people do on sites and in products."""

from typing import Annotated

from pydantic import Field

from ledger.catalogue.commerce import OrderLine
from ledger.catalogue.fields import (
    BehaviourText,
    Code,
    ContentObject,
    Count,
    Currency,
    MinorUnits,
)
from ledger.catalogue.model import Domain, EventType, event


@event("page.viewed", domain=Domain.TOUCHPOINT, passive=True)
class PageViewed(EventType):
    """A page or screen was looked at; `page` is what the company calls it, never its address."""

    page: Code | None = None
    url: BehaviourText | None = None
    referrer: BehaviourText | None = None
    ip: BehaviourText | None = None
    user_agent: BehaviourText | None = None


@event("form.submitted", domain=Domain.TOUCHPOINT)
class FormSubmitted(EventType):
    """A form was filled in and sent."""

    form: Code
    answers: ContentObject | None = None
    ip: BehaviourText | None = None


@event("feature.used", domain=Domain.TOUCHPOINT, passive=True)
class FeatureUsed(EventType):
    """A feature of the product was used, once or `quantity` times."""

    feature: Code
    quantity: Count | None = None


@event("cart.abandoned", domain=Domain.TOUCHPOINT, passive=True)
class CartAbandoned(EventType):
    """Things were put into a cart, and not bought."""

    currency: Currency | None = None
    amount_minor: MinorUnits | None = None
    quantity: Count | None = None
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=1000)] | None = None
