"""Webhooks of others: who signs how, and what it means. The next provider is one more file, and a line here."""

from collections.abc import Mapping

from streams.webhooks.hubspot import HubSpot
from streams.webhooks.provider import Delivery, Provider
from streams.webhooks.sendgrid import SendGrid
from streams.webhooks.standard import Standard
from streams.webhooks.stripe import Stripe

PROVIDERS: Mapping[str, Provider] = {
    one.NAME: one for one in (Standard(), Stripe(), SendGrid(), HubSpot())
}

__all__ = ["PROVIDERS", "Delivery", "Provider"]
