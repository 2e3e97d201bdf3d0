"""SendGrid's event webhook: ECDSA P-256 with SHA-256 over timestamp and body; the secret is the public key of the account.

`processed delivered open click bounce spamreport unsubscribe group_unsubscribe` become the e-mail events of the catalogue,
of whoever has the address. What was dropped was never sent, and what is deferred is tried again: both mean nothing here.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from commands.touchpoint import Touchpoint
from ledger.errors import BadField, BadSignature, BadUsage, came
from ledger.identifiers import Identifier
from streams.parts import Json, json_of, text_of
from streams.webhooks.provider import (
    Delivery,
    Provider,
    an_object,
    demand_lately,
    happened_at,
    header,
    id_of,
    identifiers,
    touchpoint,
)

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

_TYPES: Mapping[str, str] = {
    "processed": "email.sent",
    "delivered": "email.delivered",
    "open": "email.opened",
    "click": "email.clicked",
    "bounce": "email.bounced",
    "spamreport": "email.complained",
    "unsubscribe": "email.unsubscribed",
    "group_unsubscribe": "email.unsubscribed",
}
_LOOKED_AT = frozenset({"email.opened", "email.clicked"})


class SendGrid(Provider):
    """E-mail that was sent, and what became of it."""

    NAME = "sendgrid"

    def demand_secret(self, secret: str) -> None:
        _public_key(secret)

    def demand_signed(self, delivery: Delivery, secrets: Sequence[str]) -> None:
        signed_at = header(delivery, _TIMESTAMP)
        demand_lately(delivery, signed_at)
        try:
            signature = b64decode(header(delivery, _SIGNATURE), validate=True)
        except ValueError:
            raise BadSignature("expected a signature in Base64, came something else") from None
        content = signed_at.encode() + delivery.body
        if not any(_signed_by(_public_key(secret), signature, content) for secret in secrets):
            raise BadSignature("expected a signature by the key of this source, came another")

    def items(self, delivery: Delivery) -> Iterator[Json]:
        found = json_of(delivery.body, "body")
        if not isinstance(found, list):
            raise BadField("body", "a list of events", came(found))
        for number, one in enumerate(found):
            yield an_object(one, f"[{number}]")

    def meaning(self, item: Json, source: str) -> Touchpoint | None:
        topic = _TYPES.get(str(item.get("event")))
        if topic is None:
            return None
        data: dict[str, Any] = {}
        if topic in _LOOKED_AT:
            data = {
                "ip": text_of(item, "ip", "ip"),
                "user_agent": text_of(item, "useragent", "useragent"),
            }
        if topic == "email.clicked":
            data["url"] = text_of(item, "url", "url")
        if topic == "email.bounced":
            data["bounce"] = "soft" if item.get("type") == "blocked" else "hard"
            data["note"] = text_of(item, "reason", "reason")
        at, message_id = happened_at(item, "timestamp"), id_of(item, "sg_event_id")
        return touchpoint(topic, data, at, source, message_id, self.named(item))

    def named(self, item: Json) -> tuple[Identifier, ...]:
        value = item.get("email")
        return identifiers(("email", value if isinstance(value, str) else None))


def _public_key(secret: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(secret, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise BadUsage("expected the public key of SendGrid in Base64, came something else")
    return key


def _signed_by(key: EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
