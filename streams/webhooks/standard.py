"""Standard Webhooks 1.0 (standardwebhooks.com): headers `webhook-id`, `webhook-timestamp`, `webhook-signature`.

Signed is `id.timestamp.body`, by HMAC-SHA-256 with the secret after `whsec_` (`v1`), or by Ed25519, whose public
key stands after `whpk_` (`v1a`). The body is `{"type", "timestamp", "data"}`. Where `type` is one of our catalogue and
`data` has the four parts of a CloudEvent of ours, it is that; any other is `custom.tracked`, of whomever
`data.identifiers` names.
"""

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Iterator, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import BadField, BadUsage
from ledger.identifiers import Identifier
from streams import cloudevents
from streams.parts import Json, json_of, moment_of, text_of
from streams.webhooks.provider import (
    Delivery,
    Provider,
    an_object,
    demand_lately,
    demand_one_of,
    header,
    id_of,
    touchpoint,
)

SECRET, PUBLIC = "whsec_", "whpk_"
_LEAST_BYTES = 24  # so the standard has it


class Standard(Provider):
    """Whoever keeps to the standard."""

    NAME = "standard"

    def demand_secret(self, secret: str) -> None:
        for _ in (*_public_keys([secret]), *_shared([secret])):
            pass

    def demand_signed(self, delivery: Delivery, secrets: Sequence[str]) -> None:
        message_id, signed_at = (
            header(delivery, "webhook-id"),
            header(delivery, "webhook-timestamp"),
        )
        demand_lately(delivery, signed_at)
        content = b"%b.%b.%b" % (message_id.encode(), signed_at.encode(), delivery.body)
        given: dict[str, list[bytes]] = {"v1": [], "v1a": []}
        for part in header(delivery, "webhook-signature").split():
            version, _, signature = part.partition(",")
            if version in given:
                given[version].append(_decoded(signature))
        if any(_signed_by(key, given["v1a"], content) for key in _public_keys(secrets)):
            return
        expected = [hmac.digest(key, content, hashlib.sha256) for key in _shared(secrets)]
        demand_one_of(given["v1"], expected)

    def items(self, delivery: Delivery) -> Iterator[Json]:
        body = an_object(json_of(delivery.body, "body"), "body")
        yield {**body, "id": header(delivery, "webhook-id")}

    def meaning(self, item: Json, source: str) -> Touchpoint | None:
        topic, data = text_of(item, "type", "type"), item.get("data")
        at = moment_of(item, "timestamp", "timestamp")
        if topic is None or at is None:
            missing = "type" if topic is None else "timestamp"
            raise BadField(missing, "one, as the standard has it", "nothing")
        if topic in {kind.TOPIC for kind in catalogue.types()}:
            attributes = {"specversion": cloudevents.VERSION, "id": id_of(item), "source": source}
            return cloudevents.touchpoint_of(
                {**attributes, "type": topic}, data, source, otherwise=at
            )
        said = {"tracked_name": topic, "tracked_properties": data}
        return touchpoint("custom.tracked", said, at, source, id_of(item), self.named(item))

    def named(self, item: Json) -> tuple[Identifier, ...]:
        named, _ = cloudevents.named_in(item.get("data"))
        return named


def _decoded(signature: str) -> bytes:
    try:
        return b64decode(signature, validate=True)
    except ValueError:
        return b""


def _shared(secrets: Sequence[str]) -> Iterator[bytes]:
    for secret in secrets:
        if not secret.startswith(PUBLIC):
            yield _key(secret.removeprefix(SECRET))


def _public_keys(secrets: Sequence[str]) -> Iterator[Ed25519PublicKey]:
    for secret in secrets:
        if secret.startswith(PUBLIC):
            try:
                yield Ed25519PublicKey.from_public_bytes(_key(secret.removeprefix(PUBLIC)))
            except ValueError:
                raise BadUsage(f"expected an Ed25519 key after {PUBLIC}, came another") from None


def _key(text: str) -> bytes:
    try:
        found = b64decode(text, validate=True)
    except ValueError:
        raise BadUsage(f"expected the secret as {SECRET} and Base64, came something else") from None
    if len(found) < _LEAST_BYTES:
        raise BadUsage(f"expected a secret of at least {_LEAST_BYTES} bytes, came a shorter one")
    return found


def _signed_by(key: Ed25519PublicKey, given: Sequence[bytes], content: bytes) -> bool:
    for signature in given:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            continue
        return True
    return False
