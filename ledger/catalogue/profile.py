"""Who somebody is and what they prefer."""

from uuid import UUID

from ledger.catalogue.fields import (
    Channel,
    ContentText,
    Currency,
    IdentityText,
    Language,
    TimeZone,
)
from ledger.catalogue.model import Domain, EventType, event


@event("customer.identified", domain=Domain.TOUCHPOINT, passive=True)
class CustomerIdentified(EventType):
    """A person told us who they are: signed up, logged in, left a card."""

    name: IdentityText | None = None
    given_name: IdentityText | None = None
    family_name: IdentityText | None = None
    email: IdentityText | None = None
    phone: IdentityText | None = None
    address: IdentityText | None = None
    birthday: IdentityText | None = None
    company: IdentityText | None = None
    job_title: IdentityText | None = None


@event("customer.updated", domain=Domain.TOUCHPOINT, passive=True)
class CustomerUpdated(CustomerIdentified):
    """A person's details changed; only what changed is given."""


@event("preference.set", domain=Domain.TOUCHPOINT)
class PreferenceSet(EventType):
    """A person chose a language, a time zone, a currency or the channel they like to be reached by."""

    language: Language | None = None
    time_zone: TimeZone | None = None
    preferred_currency: Currency | None = None
    preferred_channel: Channel | None = None


@event("customers.merged", domain=Domain.AUDIT, reserved=True)
class CustomersMerged(EventType):
    """Two customers turned out to be one person; `other` is the second of them."""

    other: UUID
    reason_given: ContentText | None = None


@event("customers.split", domain=Domain.AUDIT, reserved=True)
class CustomersSplit(EventType):
    """A merge was wrong: `other` is a person of their own again, as if the merge had never been."""

    other: UUID
    reason_given: ContentText | None = None
