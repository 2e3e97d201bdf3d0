"""What is said between people and the company, on whatever channel."""

from typing import Literal

from ledger.catalogue.fields import Author, BehaviourText, Channel, Code, ContentText, Count
from ledger.catalogue.model import Domain, EventType, event


class _Message(EventType):
    channel: Channel
    template: Code | None = None
    subject: ContentText | None = None
    message: ContentText | None = None


@event("message.sent", domain=Domain.TOUCHPOINT, passive=True)
class MessageSent(_Message):
    """A message went out to a person: a text, a letter, a push notification."""


@event("message.received", domain=Domain.TOUCHPOINT)
class MessageReceived(_Message):
    """A person wrote to us."""


@event("chat.started", domain=Domain.TOUCHPOINT)
class ChatStarted(EventType):
    """A person opened a chat."""

    topic: Code | None = None


@event("chat.messaged", domain=Domain.TOUCHPOINT)
class ChatMessaged(EventType):
    """Somebody wrote a line in a chat."""

    author: Author
    message: ContentText | None = None


@event("chat.handed_over", domain=Domain.TOUCHPOINT, passive=True)
class ChatHandedOver(EventType):
    """A chat passed from a bot to a human, or from one team to another."""

    team: Code | None = None
    reason: Code | None = None


@event("chat.ended", domain=Domain.TOUCHPOINT, passive=True)
class ChatEnded(EventType):
    """A chat came to its end."""

    outcome: Code | None = None
    duration_s: Count | None = None


@event("call.logged", domain=Domain.TOUCHPOINT, passive=True)
class CallLogged(EventType):
    """Somebody telephoned, or tried to."""

    direction: Literal["inbound", "outbound"]
    outcome: Code | None = None
    duration_s: Count | None = None
    note: ContentText | None = None


@event("meeting.held", domain=Domain.TOUCHPOINT)
class MeetingHeld(EventType):
    """A meeting with a person took place."""

    topic: Code | None = None
    outcome: Code | None = None
    duration_s: Count | None = None
    note: ContentText | None = None


@event("social.engaged", domain=Domain.TOUCHPOINT, passive=True)
class SocialEngaged(EventType):
    """A person followed, liked, shared or mentioned us in public."""

    network: Code
    engagement: Literal["followed", "liked", "shared", "commented", "mentioned"]
    message: ContentText | None = None
    url: BehaviourText | None = None
