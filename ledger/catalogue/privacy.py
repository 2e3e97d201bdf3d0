"""What people ask about their data, and what was done: all of it appended by commands alone."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from ledger.catalogue.fields import (
    Code,
    ContentText,
    Count,
    Country,
    Day,
    Digest,
    IdentityText,
    LegalText,
    TimeZone,
)
from ledger.catalogue.model import About, Domain, EventType, Retention, event
from ledger.catalogue.profile import CustomerIdentified

Right = Literal["access", "portability", "erasure", "rectification", "restriction", "objection"]
Law = Literal["gdpr", "ccpa", "lgpd"]
Detail = Literal[
    "name",
    "given_name",
    "family_name",
    "email",
    "phone",
    "address",
    "birthday",
    "company",
    "job_title",
]
"""What `customer.identified` says of somebody."""
Bytes = Literal["body", "personal"]
"""What of an event can be removed: its clear envelope, and what is sealed in it."""


@event("privacy.requested", domain=Domain.PRIVACY, version=2, reserved=True, sealed_under="request")
class PrivacyRequested(EventType):
    """A person asked for what the law gives them; due at the end of `due_on`.

    `request` is the id of this very event. Since version 2: where it is answered (`jurisdiction` by
    its public holidays, `time_zone` by its days), by when its receipt is to be confirmed where the law
    says so, a digest of the token that they were given, where the answer goes, and what they wrote: both
    sealed under keys of the request's own, so that it can be answered when the person's keys are gone.
    """

    request: UUID
    right: Right
    law: Law
    due_on: Day
    jurisdiction: Country | None = None
    time_zone: TimeZone | None = None
    confirm_by: Day | None = None
    token_digest: Digest | None = None
    contact: IdentityText | None = None
    message: ContentText | None = None


@event("privacy.confirmed", domain=Domain.PRIVACY, reserved=True)
class PrivacyConfirmed(EventType):
    """They were told that their request has come, and how it goes on."""

    request: UUID


@event("privacy.challenged", domain=Domain.PRIVACY, reserved=True)
class PrivacyChallenged(EventType):
    """We doubt who they are and asked them to show it; where the law lets it, the clock waits."""

    request: UUID


@event("privacy.verified", domain=Domain.PRIVACY, version=2, reserved=True)
class PrivacyVerified(EventType):
    """We know that they are who they say they are. `due_on`: since version 2, where the clock had waited."""

    request: UUID
    verified_by: Code | None = None
    due_on: Day | None = None


@event("privacy.extended", domain=Domain.PRIVACY, reserved=True)
class PrivacyExtended(EventType):
    """The answer will take longer, and the person was told why."""

    request: UUID
    due_on: Day
    ground: Code


@event("privacy.refused", domain=Domain.PRIVACY, reserved=True)
class PrivacyRefused(EventType):
    """What they asked for was refused, on a ground that the law names; or they took it back: `withdrawn`."""

    request: UUID
    ground: Code
    grounds: LegalText | None = None


@event("privacy.fulfilled", domain=Domain.PRIVACY, reserved=True)
class PrivacyFulfilled(EventType):
    """What they asked for was done."""

    request: UUID


@event("customer.restricted", domain=Domain.PRIVACY, reserved=True)
class CustomerRestricted(EventType):
    """A person's data is kept, and not used until this is lifted."""

    ground: Code
    request: UUID | None = None


@event("customer.unrestricted", domain=Domain.PRIVACY, reserved=True)
class CustomerUnrestricted(EventType):
    """A restriction was lifted; the person was told before."""

    ground: Code
    request: UUID | None = None


@event("customer.rectified", domain=Domain.PRIVACY, version=2, reserved=True)
class CustomerRectified(CustomerIdentified):
    """Details that were wrong are replaced by these, wherever anybody reads them.

    Since version 2: details that were wrong and have nothing in their place (`withdrawn`),
    identifiers, as `kind:value`, that never named this person, and the request that it answers.
    """

    withdrawn: tuple[Detail, ...] | None = None
    not_theirs: tuple[IdentityText, ...] | None = None
    request: UUID | None = None


@event("customer.erasing", domain=Domain.PRIVACY, reserved=True)
class CustomerErasing(EventType):
    """An erasure began: from here on, nothing is written about this person.

    With `classes`, only what is sealed under the keys of these goes, and the person stays.
    """

    legal_basis: Code
    classes: tuple[Retention, ...] | None = None
    request: UUID | None = None


@event("customer.erased", domain=Domain.PRIVACY, version=2, reserved=True)
class CustomerErased(EventType):
    """The person's keys are destroyed; what was sealed under them is gone for ever.

    `commitments` of the destroyed keys bind them to the book; `token_digest` is of the token that the
    person was given, so that they alone can point at this event. Watermarks are of the moment when the
    keys were destroyed. Since version 2: of which `classes`, if not of all; under which `epoch` copies of
    the vault still have them; how many of the destroyed keys were tried afterwards, none of which
    opened anything; how many identifiers and dead letters were destroyed.
    """

    legal_basis: Code
    commitments: tuple[Digest, ...]
    book_size: Count
    vault_generation: Count
    backups_dead_from: Day
    token_digest: Digest | None = None
    request: UUID | None = None
    classes: tuple[Retention, ...] | None = None
    epoch: Count | None = None
    keys_tried: Count | None = None
    identifiers_destroyed: Count | None = None
    letters_destroyed: Count | None = None


@event("hold.placed", domain=Domain.PRIVACY, reserved=True)
class HoldPlaced(EventType):
    """Something forbids erasing a person for now: a claim, an audit, an order."""

    hold: Code
    ground: Code


@event("hold.released", domain=Domain.PRIVACY, reserved=True)
class HoldReleased(EventType):
    """It forbids it no longer."""

    hold: Code
    ground: Code | None = None


class RemovedKey(BaseModel):
    """A key whose creation was recorded in removed bytes.

    `subject`: SHA-256 of the event's id and the id that the key is of, 16 bytes each. Who has both
    knows it again; who has neither learns nobody's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: Digest
    retention: Retention
    key_version: Count
    commitment: Digest


@event("redaction.proposed", domain=Domain.PRIVACY, reserved=True, about=About.NOBODY)
class RedactionProposed(EventType):
    """Somebody found bytes that should never have been written; a second one of us is to look."""

    redacted_position: Count
    redacted_id: UUID
    ground: Code
    removed: tuple[Bytes, ...]


@event("event.redacted", domain=Domain.PRIVACY, version=2, reserved=True, about=About.MAYBE)
class EventRedacted(EventType):
    """Bytes that should never have been written were removed; their leaf is kept.

    Since version 2: which bytes (before: all of them), the `kept` hash of what stays of the event, and
    the `keys` whose creation was recorded among the removed, so that the book stays bound to them.
    """

    redacted_position: Count
    redacted_id: UUID
    ground: Code
    approvers: tuple[UUID, ...]
    removed: tuple[Bytes, ...] | None = None
    kept: Digest | None = None
    keys: tuple[RemovedKey, ...] | None = None
