"""What happens to the e-mails we send. Which mailing it was is in the `campaign` tag."""

from typing import Literal

from ledger.catalogue.fields import BehaviourText, Code, ContentText
from ledger.catalogue.model import Domain, EventType, event


class _Email(EventType):
    template: Code | None = None


@event("email.sent", domain=Domain.TOUCHPOINT, passive=True)
class EmailSent(_Email):
    """An e-mail was handed to the sender."""

    subject: ContentText | None = None
    message: ContentText | None = None


@event("email.delivered", domain=Domain.TOUCHPOINT, passive=True)
class EmailDelivered(_Email):
    """The receiving server took it."""


@event("email.opened", domain=Domain.TOUCHPOINT, passive=True)
class EmailOpened(_Email):
    """It was opened, by a person or by a machine that looks ahead for them."""

    ip: BehaviourText | None = None
    user_agent: BehaviourText | None = None


@event("email.clicked", domain=Domain.TOUCHPOINT, passive=True)
class EmailClicked(_Email):
    """A link in it was followed."""

    link: Code | None = None
    url: BehaviourText | None = None
    ip: BehaviourText | None = None
    user_agent: BehaviourText | None = None


@event("email.bounced", domain=Domain.TOUCHPOINT, passive=True)
class EmailBounced(_Email):
    """It came back: `hard` for good, `soft` for now."""

    bounce: Literal["hard", "soft"]
    reason: Code | None = None
    note: ContentText | None = None


@event("email.complained", domain=Domain.TOUCHPOINT, passive=True)
class EmailComplained(_Email):
    """The person told their provider that it was spam."""


@event("email.unsubscribed", domain=Domain.TOUCHPOINT)
class EmailUnsubscribed(_Email):
    """The person asked for no more e-mail."""

    reason: Code | None = None
    note: ContentText | None = None
