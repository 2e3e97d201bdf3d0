"""What people allow, and what they were shown when they were asked."""

from typing import Literal

from ledger.catalogue.fields import (
    Channel,
    Code,
    Country,
    Language,
    LegalText,
    Moment,
    PlainText,
    Purpose,
)
from ledger.catalogue.model import About, Domain, EventType, event


@event("notice.published", domain=Domain.CONSENT, reserved=True, about=About.NOBODY)
class NoticePublished(EventType):
    """A text that people will be shown when they are asked; a changed text is a new version."""

    notice: Code
    notice_version: Code
    language: Language
    title: PlainText | None = None
    text: PlainText


class _Consent(EventType):
    purpose: Purpose
    channel: Channel
    notice: Code | None = None
    notice_version: Code | None = None
    language: Language | None = None
    method: Literal["form", "double_opt_in", "spoken", "paper", "import", "link"] | None = None
    jurisdiction: Country | None = None
    proof: LegalText | None = None


@event("consent.requested", domain=Domain.CONSENT, passive=True)
class ConsentRequested(_Consent):
    """A person was asked, and has not answered yet: the first half of a double opt-in."""


@event("consent.given", domain=Domain.CONSENT)
class ConsentGiven(_Consent):
    """A person said yes; it lapses at `valid_until`, where there is one."""

    valid_until: Moment | None = None


@event("consent.refused", domain=Domain.CONSENT)
class ConsentRefused(_Consent):
    """A person who was asked said no."""


@event("consent.withdrawn", domain=Domain.CONSENT)
class ConsentWithdrawn(_Consent):
    """A person took a yes back."""


@event("objection.raised", domain=Domain.CONSENT)
class ObjectionRaised(EventType):
    """A person objected to a purpose; against marketing this beats every other basis."""

    purpose: Purpose
    grounds: LegalText | None = None


@event("objection.lifted", domain=Domain.CONSENT)
class ObjectionLifted(EventType):
    """A person took an objection back."""

    purpose: Purpose
    grounds: LegalText | None = None
