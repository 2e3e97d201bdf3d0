"""Campaigns, what they cost, and whom they reached. Which campaign it was is in the tag."""

from typing import Literal

from ledger.catalogue.fields import (
    BehaviourText,
    Channel,
    Code,
    Count,
    Currency,
    MinorUnits,
    Purpose,
)
from ledger.catalogue.model import About, Domain, EventType, event


@event("campaign.launched", domain=Domain.SALES, about=About.NOBODY, needs=("campaign",))
class CampaignLaunched(EventType):
    """A campaign began: from here on it may reach people."""

    channel: Channel | None = None
    purpose: Purpose | None = None


@event("campaign.cost_recorded", domain=Domain.SALES, about=About.NOBODY, needs=("campaign",))
class CampaignCostRecorded(EventType):
    """Money was spent on a campaign."""

    currency: Currency
    amount_minor: MinorUnits
    cost_kind: Code | None = None


@event("ad.clicked", domain=Domain.TOUCHPOINT, passive=True)
class AdClicked(EventType):
    """A person followed an advertisement."""

    network: Code | None = None
    ad: Code | None = None
    url: BehaviourText | None = None


@event("event.attended", domain=Domain.TOUCHPOINT)
class EventAttended(EventType):
    """A person came to something we held: a fair, a webinar, a breakfast."""

    happening: Code
    attendance: Literal["in_person", "online"] | None = None
    duration_s: Count | None = None
