"""Rates, and events that nobody foresaw, with what others say is safe to read of them."""

from typing import Annotated

from pydantic import Field

from ledger.catalogue.fields import (
    BehaviourObject,
    BehaviourText,
    Code,
    Count,
    Currency,
    Day,
    JsonObject,
)
from ledger.catalogue.model import About, Domain, EventType, event


@event("rate.published", domain=Domain.REFERENCE, about=About.NOBODY)
class RatePublished(EventType):
    """What one unit of `currency` cost in `quote` on a day, in millionths (a whole number)."""

    currency: Currency
    quote: Currency
    rate_millionths: Annotated[Count, Field(gt=0)]
    rate_date: Day


@event("schema.registered", domain=Domain.REFERENCE, reserved=True, about=About.NOBODY)
class SchemaRegistered(EventType):
    """Which properties of a custom event are safe to keep in the clear, as a JSON Schema."""

    event_name: Code
    safe_properties: JsonObject


@event("custom.tracked", domain=Domain.TOUCHPOINT, passive=True)
class CustomTracked(EventType):
    """Something happened that the catalogue has no type for.

    A sender gives `tracked_name` and `tracked_properties`, and both are sealed. Where a schema was
    registered for that name, name and safe properties stand in the clear instead; only `commands`
    moves them there.
    """

    event_name: Code | None = None
    properties: JsonObject | None = None
    tracked_name: BehaviourText | None = None
    tracked_properties: BehaviourObject | None = None
