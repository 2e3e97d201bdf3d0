"""Webhooks, signed as their senders sign them: each arrives once, and nothing that is signed otherwise arrives at all."""

import hashlib
import hmac
import io
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
import stripe
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from standardwebhooks import Webhook

from api.wiring import Bahi
from ledger.settings import Settings
from streams.replaying import replay
from streams.webhooks import PROVIDERS
from tests.api.http.running import served

STANDARD = "whsec_" + b64encode(bytes(range(32))).decode()
STRIPE = "whsec_of_stripe"
HUBSPOT = "secret-of-the-app"
ED25519 = Ed25519PrivateKey.from_private_bytes(bytes(32))
SENDGRID = generate_private_key(SECP256R1())

Headers = dict[str, str]
Signing = Callable[[bytes, int], Headers]
"""Headers for a body that is signed at a moment, in seconds."""


def standard(body: bytes, at: int, secret: str = STANDARD) -> Headers:
    signed = Webhook(secret).sign("msg_1", datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at), "webhook-signature": signed}


def asymmetric(body: bytes, at: int) -> Headers:
    signature = b64encode(ED25519.sign(b"msg_2.%d.%b" % (at, body))).decode()
    return {
        "webhook-id": "msg_2",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,bm9uc2Vuc2U= v1a,{signature}",
    }


def of_stripe(body: bytes, at: int) -> Headers:
    signed = stripe.WebhookSignature.generate_signature_header(body.decode(), STRIPE, at)
    return {"stripe-signature": f"v0=11,v1=00,{signed}"}


def of_sendgrid(body: bytes, at: int) -> Headers:
    signature = SENDGRID.sign(str(at).encode() + body, ECDSA(SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(at),
    }


def of_hubspot(body: bytes, at: int) -> Headers:
    signed = b"POSThttps://events.example.com/v1/webhooks/crm%b%d" % (body, at * 1_000)
    digest = hmac.digest(HUBSPOT.encode(), signed, hashlib.sha256)
    return {
        "X-HubSpot-Request-Timestamp": str(at * 1_000),
        "X-HubSpot-Signature-v3": b64encode(digest).decode(),
    }


def _paid(order: str) -> bytes:
    """A payment as Stripe tells it."""
    charge = {
        "id": "ch_1",
        "object": "charge",
        "amount": 4_599,
        "currency": "eur",
        "customer": "cus_9",
        "billing_details": {"email": "zoe@example.com"},
        "metadata": {"order_id": order},
    }
    told = {"id": "evt_1", "type": "charge.succeeded", "created": 1_769_860_800}
    return orjson.dumps({**told, "data": {"object": charge}})


_ORDER = {
    "type": "order.placed",
    "timestamp": "2026-01-31T12:00:00Z",
    "data": {
        "identifiers": {"user": "u17"},
        "data": {"currency": "EUR", "amount_minor": 1_250},
    },
}
_OPENED = {
    "email": "zoe@example.com",
    "timestamp": 1_769_860_800,
    "event": "open",
    "sg_event_id": "e1",
}
_CONTACT = {
    "eventId": 1,
    "subscriptionId": 2,
    "occurredAt": 1_769_860_800_000,
    "subscriptionType": "contact.creation",
    "objectId": 55,
}
WAYS: dict[str, tuple[Signing, bytes, str]] = {
    "shop": (standard, orjson.dumps(_ORDER), "order.placed"),
    "shop2": (asymmetric, orjson.dumps(_ORDER), "order.placed"),
    "till": (of_stripe, _paid("A-1042"), "order.placed"),
    "mail": (of_sendgrid, orjson.dumps([_OPENED]), "email.opened"),
    "crm": (of_hubspot, orjson.dumps([_CONTACT]), "customer.identified"),
}


@pytest.fixture(scope="module", params=["SQLite", "PostgreSQL"])
def ledger(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Bahi, str, io.StringIO]]:
    home: Path = tmp_path_factory.mktemp("webhooks")
    where: dict[str, str] = {}
    if request.param == "PostgreSQL":
        url = f"{request.getfixturevalue('postgres_url')}?schema=hooks_{uuid4().hex}"
        where = {"ledger": url, "vault": f"{url}_vault"}
    log = io.StringIO()
    settings = Settings(home=home, http_url="https://events.example.com", **where)  # type: ignore[arg-type]
    with Bahi.open(settings) as bahi:
        vault = bahi.ledger.vault
        public = ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key = SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        vault.put_webhook("shop", "standard", f"whsec_{b64encode(bytes(32)).decode()} {STANDARD}")
        vault.put_webhook("shop2", "standard", "whpk_" + b64encode(public).decode())
        vault.put_webhook("till", "stripe", STRIPE)
        vault.put_webhook("mail", "sendgrid", b64encode(key).decode())
        vault.put_webhook("crm", "hubspot", HUBSPOT)
        with served(bahi, log) as address:
            yield bahi, address, log


@pytest.mark.parametrize("source", WAYS)
def test_what_is_signed_arrives_once(source: str, ledger: tuple[Bahi, str, io.StringIO]) -> None:
    bahi, address, _ = ledger
    sign, body, topic = WAYS[source]
    head = bahi.ledger.book.head()

    for expected in ("appended", "duplicates"):
        answer = httpx.post(
            f"{address}/v1/webhooks/{source}", content=body, headers=sign(body, int(time.time()))
        )
        assert answer.status_code == 200, answer.text
        assert {name: count for name, count in answer.json().items() if count} == {expected: 1}

    (found,) = bahi.ledger.book.read(head)
    assert (found.event.type, found.event.source) == (topic, source)


def _cut(headers: Headers) -> Headers:
    """The same with every signature one character shorter."""
    return {
        name: value if "timestamp" in name.lower() or name == "webhook-id" else value[:-1]
        for name, value in headers.items()
    }


def _without(headers: Headers) -> Headers:
    return {}


FORGED: dict[str, Callable[[Signing, bytes], tuple[bytes, Headers]]] = {
    "of another body": lambda sign, body: (body, sign(body + b" ", int(time.time()))),
    "too old": lambda sign, body: (body, sign(body, int(time.time()) - 400)),
    "ahead of time": lambda sign, body: (body, sign(body, int(time.time()) + 400)),
    "cut": lambda sign, body: (body, _cut(sign(body, int(time.time())))),
    "none": lambda sign, body: (body, _without(sign(body, int(time.time())))),
    "garbage": lambda sign, body: (
        body,
        dict.fromkeys(sign(body, 0), "x,y=z é".encode().decode("latin-1")),
    ),
}


@pytest.mark.parametrize("forged", FORGED)
@pytest.mark.parametrize("source", WAYS)
def test_what_is_not_signed_by_the_source_is_not_read(
    source: str, forged: str, ledger: tuple[Bahi, str, io.StringIO]
) -> None:
    bahi, address, log = ledger
    sign, body, _ = WAYS[source]
    head, letters = bahi.ledger.book.head(), len(list(bahi.ledger.vault.letters()))
    sent, headers = FORGED[forged](sign, body)

    answer = httpx.post(
        f"{address}/v1/webhooks/{source}",
        content=sent,
        headers=[(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    )

    assert answer.status_code == 401, answer.text
    assert answer.json()["type"] == "/problems/bad-signature"
    assert bahi.ledger.book.head() == head
    assert len(list(bahi.ledger.vault.letters())) == letters
    assert "zoe" not in answer.text + log.getvalue()


def test_what_cannot_be_taken_is_kept_and_the_rest_goes_in(
    ledger: tuple[Bahi, str, io.StringIO],
) -> None:
    bahi, address, log = ledger
    kept = {letter.id for letter in bahi.ledger.vault.letters()}
    events: list[dict[str, Any]] = [
        {**_OPENED, "sg_event_id": "e2"},
        {**_OPENED, "sg_event_id": "e3", "timestamp": "soon"},
        {**_OPENED, "sg_event_id": "e4", "event": "deferred"},
    ]
    body = orjson.dumps(events)

    answer = httpx.post(
        f"{address}/v1/webhooks/mail", content=body, headers=of_sendgrid(body, int(time.time()))
    )

    assert answer.json() == {"appended": 1, "duplicates": 0, "refused": 1, "ignored": 1}
    (letter,) = (one for one in bahi.ledger.vault.letters() if one.id not in kept)
    assert letter.door == "webhook:mail"
    assert letter.field == "timestamp"
    assert letter.coordinates == {"provider": "sendgrid", "index": 1}
    assert "zoe" not in log.getvalue()

    head = bahi.ledger.book.head()
    corrected = {"timestamp": 1_769_860_800}
    ((_, outcome),) = replay(
        bahi.ledger, [letter.id], bahi.intake, corrections=corrected, actor=bahi.actor()
    )
    assert outcome.position == head + 1
    assert letter.id not in {one.id for one in bahi.ledger.vault.letters()}


def test_a_provider_that_is_there_no_more_is_said_to_be_so(
    ledger: tuple[Bahi, str, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    bahi, address, _ = ledger
    body = orjson.dumps([{**_OPENED, "sg_event_id": "e9", "timestamp": "soon"}])
    kept = {letter.id for letter in bahi.ledger.vault.letters()}
    headers = of_sendgrid(body, int(time.time()))
    httpx.post(f"{address}/v1/webhooks/mail", content=body, headers=headers)
    (letter,) = (one.id for one in bahi.ledger.vault.letters() if one.id not in kept)

    monkeypatch.delitem(PROVIDERS, "sendgrid")

    again = httpx.post(f"{address}/v1/webhooks/mail", content=body, headers=headers)
    assert again.status_code == 404
    ((_, outcome),) = replay(bahi.ledger, [letter], bahi.intake, actor=bahi.actor())
    assert outcome.refusal is not None
    assert outcome.refusal.field == "provider"


def test_a_source_that_nobody_has_added_is_not_there(
    ledger: tuple[Bahi, str, io.StringIO],
) -> None:
    _, address, _ = ledger
    assert httpx.post(f"{address}/v1/webhooks/nobody", content=b"{}").status_code == 404
