"""HubSpot, signature v3: HMAC-SHA-256 of method, address, body and timestamp with the app's secret, in Base64.

The address is the one that HubSpot called: behind a proxy, BAHI_HTTP_URL says how the outside calls us. Older signatures
(v1, v2) have no time in them, and are not taken.

| subscription            | means               | of it                                                                |
| ----------------------- | ------------------- | -------------------------------------------------------------------- |
| contact.creation        | customer.identified | a `hubspot` person                                                   |
| contact.propertyChange  | customer.updated    | name, e-mail, telephone and such; an e-mail address names them too   |
| contact.merge           | customer.updated    | that both are one person                                             |
| deal.propertyChange     | deal.moved          | `dealstage`, of a deal whose number is HubSpot's                     |

All else tells only that something is to be asked for at HubSpot, and means nothing here; but that a contact was deleted
for privacy is refused, so that somebody sees it.
"""

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from urllib.parse import unquote

from commands.touchpoint import Touchpoint
from ledger.errors import BadField, came
from ledger.identifiers import Identifier
from streams.parts import Json, json_of, text_of
from streams.webhooks.provider import (
    Delivery,
    Provider,
    an_object,
    demand_lately,
    demand_one_of,
    happened_at,
    header,
    id_of,
    identifiers,
    touchpoint,
)

_MS = timedelta(milliseconds=1)
_PROPERTIES: Mapping[str, str] = {
    "firstname": "given_name",
    "lastname": "family_name",
    "email": "email",
    "phone": "phone",
    "mobilephone": "phone",
    "address": "address",
    "company": "company",
    "jobtitle": "job_title",
    "date_of_birth": "birthday",
}


class HubSpot(Provider):
    """Contacts and deals of the CRM."""

    NAME = "hubspot"

    def demand_signed(self, delivery: Delivery, secrets: Sequence[str]) -> None:
        signed_at = header(delivery, "x-hubspot-request-timestamp")
        demand_lately(delivery, signed_at, _MS)
        called = delivery.method + unquote(delivery.url)
        content = called.encode() + delivery.body + signed_at.encode()
        expected = [
            b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)) for secret in secrets
        ]
        demand_one_of([header(delivery, "x-hubspot-signature-v3").encode()], expected)

    def items(self, delivery: Delivery) -> Iterator[Json]:
        found = json_of(delivery.body, "body")
        if not isinstance(found, list):
            raise BadField("body", "a list of events", came(found))
        for number, one in enumerate(found):
            yield an_object(one, f"[{number}]")

    def meaning(self, item: Json, source: str) -> Touchpoint | None:
        at, message_id = happened_at(item, "occurredAt", _MS), _id(item)
        changed, value = (text_of(item, name, name) for name in ("propertyName", "propertyValue"))
        match item.get("subscriptionType"):
            case "contact.creation":
                return touchpoint(
                    "customer.identified", {}, at, source, message_id, self.named(item)
                )
            case "contact.propertyChange" if changed in _PROPERTIES:
                data = {_PROPERTIES[str(changed)]: value}
                return touchpoint(
                    "customer.updated", data, at, source, message_id, self.named(item)
                )
            case "contact.merge":
                return touchpoint("customer.updated", {}, at, source, message_id, self.named(item))
            case "deal.propertyChange" if changed == "dealstage":
                deal = identifiers(("deal", text_of(item, "objectId", "objectId")))
                return touchpoint("deal.moved", {"stage": value}, at, source, message_id, (), deal)
            case "contact.privacyDeletion":
                raise BadField(
                    "subscriptionType",
                    "what can be recorded; `bahi privacy receive` begins an erasure",
                    "a deletion for privacy",
                )
            case _:
                return None

    def named(self, item: Json) -> tuple[Identifier, ...]:
        if not str(item.get("subscriptionType")).startswith("contact."):
            return ()
        names = ["objectId", "primaryObjectId"]
        values = [str(item[name]) for name in names if isinstance(item.get(name), int | str)]
        merged = item.get("mergedObjectIds")
        values += [str(one) for one in merged] if isinstance(merged, list) else []
        email = item.get("propertyValue") if item.get("propertyName") == "email" else None
        pairs = [("hubspot", value) for value in dict.fromkeys(values)]
        return identifiers(*pairs, ("email", email if isinstance(email, str) else None))


def _id(item: Json) -> str:
    """Its id is not promised to be unique by itself: it is with what it is about."""
    parts = [id_of(item, name) for name in ("eventId", "subscriptionId", "objectId", "occurredAt")]
    return "/".join(parts)
