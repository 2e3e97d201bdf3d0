"""What of a person's events goes into a portability archive: what they gave us or did themselves.

Art. 20(1) GDPR: data "which he or she has provided". WP 242 rev.01 (Art. 29 Working Party, endorsed by
the EDPB), p. 9-10: that is what somebody gave, and what was observed of their use of a service; not
what was inferred or derived from it. Art. 20 is for what is processed by consent or contract and by
machines, so what we keep because the law demands it (requests, holds, who looked) is no part of it.
"""

from collections.abc import Mapping
from typing import Any

from api.archive.account import Told

THEIRS: Mapping[str, tuple[str, ...]] = {
    "ad.clicked": (),
    "call.logged": ("note", "outcome"),
    "cart.abandoned": (),
    "chat.messaged": (),
    "chat.started": (),
    "consent.given": (),
    "consent.refused": (),
    "consent.withdrawn": (),
    "custom.tracked": (),
    "customer.identified": (),
    "customer.rectified": ("not_theirs",),
    "customer.updated": (),
    "email.clicked": (),
    "email.complained": (),
    "email.opened": (),
    "email.unsubscribed": ("note",),
    "event.attended": (),
    "feature.used": (),
    "form.submitted": (),
    "loyalty.earned": (),
    "loyalty.redeemed": (),
    "meeting.held": ("note", "outcome"),
    "message.received": (),
    "objection.lifted": (),
    "objection.raised": (),
    "order.cancelled": ("note",),
    "order.placed": (),
    "page.viewed": (),
    "preference.set": (),
    "referral.made": (),
    "social.engaged": (),
    "subscription.cancelled": ("note",),
    "subscription.renewed": (),
    "subscription.started": (),
    "survey.answered": (),
    "ticket.opened": (),
    "ticket.replied": (),
}
"""Types by name, each with the fields that are ours: what we noted, and what we made of it."""

OURS = frozenset(
    {
        "customer.erased", "customer.erasing", "customer.restricted", "customer.unrestricted",
        "customers.merged", "customers.split", "consent.requested", "chat.ended", "chat.handed_over",
        "deal.amount_changed", "deal.lost", "deal.moved", "deal.opened", "deal.reopened", "deal.won",
        "email.bounced", "email.delivered", "email.sent", "event.redacted", "hold.placed",
        "hold.released", "lead.captured", "lead.disqualified", "lead.qualified", "member.joined",
        "member.left", "message.sent", "order.refunded", "personal_data.exported",
        "personal_data.opened", "privacy.challenged", "privacy.confirmed", "privacy.extended",
        "privacy.fulfilled", "privacy.refused", "privacy.requested", "privacy.verified",
        "score.recorded", "task.completed", "task.scheduled", "ticket.assigned", "ticket.closed",
        "ticket.escalated", "ticket.reopened", "ticket.resolved",
    }
)  # fmt: skip
"""What we did, judged or have to keep."""

_OF_CUSTOMERS = {"chat.messaged": "author", "ticket.replied": "author"}
"""Types that are theirs only where they are the ones who speak."""


def is_theirs(told: Told) -> bool:
    """Whether an event is one that they gave or did."""
    event = told.recorded.event
    if event.type not in THEIRS or not told.own:
        return False
    if event.type in _OF_CUSTOMERS:
        return bool(event.data.get(_OF_CUSTOMERS[event.type]) == "customer")
    return event.type != "call.logged" or event.data.get("direction") == "inbound"


def without_ours(topic: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of such an event that are theirs."""
    ours = THEIRS[topic]
    return {name: value for name, value in fields.items() if name not in ours}
