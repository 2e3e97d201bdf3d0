"""Facts about no customer that views need: rates, and what others mean by their own events."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from ledger.catalogue.fields import Code, Count, Currency
from ledger.catalogue.model import Domain, EventType, event


@event("rate.published", domain=Domain.REFERENCE, about_customer=False)
class RatePublished(EventType):
    """What one unit of `currency` cost in `quote` on a day, in millionths (a whole number)."""

    currency: Currency
    quote: Currency
    rate_millionths: Annotated[Count, Field(gt=0)]
    rate_date: date


@event("schema.registered", domain=Domain.REFERENCE, about_customer=False)
class SchemaRegistered(EventType):
    """Which properties of a custom event are safe to keep in the clear, as a JSON Schema."""

    event_name: Code
    safe_properties: dict[str, Any]
