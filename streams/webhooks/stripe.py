"""Stripe: `Stripe-Signature: t=…,v1=…`, HMAC-SHA-256 of `t.body` with the endpoint's secret, in hex.

| event                          | means                  | of it                                                         |
| ------------------------------ | ---------------------- | ------------------------------------------------------------- |
| charge.succeeded               | order.placed           | amount, currency; who paid; `metadata.order_id`, else the payment, is the order |
| charge.refunded                | order.refunded         | by how much more than before, currency; of the same order     |
| customer.created, .updated     | customer.identified, .updated | name, e-mail, telephone, address                       |
| customer.subscription.created  | subscription.started   | price, amount, interval                                       |
| invoice.paid, of another cycle | subscription.renewed   | price, amount                                                 |
| customer.subscription.deleted  | subscription.cancelled | price                                                         |

All else means nothing here: a purchase is told by many events, and counts once. A person is a `stripe` customer; an
e-mail address that came with a payment names them too.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from commands.touchpoint import Touchpoint
from ledger.errors import BadField, BadSignature, came
from ledger.identifiers import Identifier
from ledger.money import minor_digits
from streams.parts import Json, json_of, object_of, text_of
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

_AS_IF_IN_HUNDREDTHS = frozenset({"ISK", "UGX"})
"""Currencies without minor units of which Stripe counts hundredths all the same."""


class Stripe(Provider):
    """Payments and subscriptions."""

    NAME = "stripe"

    def demand_signed(self, delivery: Delivery, secrets: Sequence[str]) -> None:
        parts = [part.partition("=") for part in header(delivery, "stripe-signature").split(",")]
        signed_at = next((value for name, _, value in parts if name.strip() == "t"), None)
        if signed_at is None:
            raise BadSignature("stripe-signature: expected t=, came none")
        demand_lately(delivery, signed_at)
        content = b"%b.%b" % (signed_at.encode(), delivery.body)
        given = [value.strip().encode() for name, _, value in parts if name.strip() == "v1"]
        expected = [
            hmac.new(secret.encode(), content, hashlib.sha256).hexdigest().encode()
            for secret in secrets
        ]
        demand_one_of(given, expected)

    def items(self, delivery: Delivery) -> Iterator[Json]:
        yield an_object(json_of(delivery.body, "body"), "body")

    def meaning(self, item: Json, source: str) -> Touchpoint | None:
        reads = _MEANINGS.get(str(item.get("type")))
        if reads is None:
            return None
        data = object_of(item, "data", "data")
        told = object_of(data, "object", "data.object")
        found = reads(told, object_of(data, "previous_attributes", "data.previous_attributes"))
        if found is None:
            return None
        topic, data, references = found
        at, named = happened_at(item, "created"), _named(told)
        return touchpoint(topic, data, at, source, id_of(item), named, references)

    def named(self, item: Json) -> tuple[Identifier, ...]:
        data = item.get("data")
        told = data.get("object") if isinstance(data, Mapping) else None
        try:
            return _named(told) if isinstance(told, Mapping) else ()
        except BadField:
            return ()


_Meaning = tuple[str, dict[str, Any], tuple[Identifier, ...]]
"""A type of ours, its attributes, and what it refers to."""
_Reader = Callable[[Json, Json], _Meaning | None]
"""Reads an object of theirs, and what of it was different before."""


def _named(told: Json) -> tuple[Identifier, ...]:
    """Who it is about: a customer of theirs, and by which address."""
    is_customer = told.get("object") == "customer"
    customer = text_of(told, "id", "id") if is_customer else _id(told, "customer")
    billing = object_of(told, "billing_details", "billing_details")
    email = (
        text_of(told, "email", "email")
        or text_of(billing, "email", "billing_details.email")
        or text_of(told, "receipt_email", "receipt_email")
        or text_of(told, "customer_email", "customer_email")
    )
    return identifiers(("stripe", customer), ("email", email))


def _id(told: Json, name: str) -> str | None:
    """An id of theirs, where the thing itself may stand instead of it."""
    value = told.get(name)
    return text_of(value, "id", name) if isinstance(value, Mapping) else text_of(told, name, name)


def _charged(told: Json, _: Json) -> _Meaning | None:
    return "order.placed", _money(told, "amount"), _order(told)


def _refunded(told: Json, before: Json) -> _Meaning | None:
    """A charge tells what was refunded of it in all; what it had told before is in the same event."""
    now = _money(told, "amount_refunded")
    then = _money({"amount_refunded": 0, **before, "currency": now["currency"]}, "amount_refunded")
    more = {**now, "amount_minor": now["amount_minor"] - then["amount_minor"]}
    return "order.refunded", more, _order(told)


def _order(told: Json) -> tuple[Identifier, ...]:
    """The number that the shop gave it, else the payment's."""
    metadata = object_of(told, "metadata", "metadata")
    number = text_of(metadata, "order_id", "metadata.order_id")
    return identifiers(("order", number or _id(told, "payment_intent") or id_of(told)))


def _identified(topic: str) -> _Reader:
    def read(told: Json, _: Json) -> _Meaning | None:
        address = object_of(told, "address", "address")
        data = {
            "name": text_of(told, "name", "name"),
            "email": text_of(told, "email", "email"),
            "phone": text_of(told, "phone", "phone"),
            "address": json.dumps(dict(address), ensure_ascii=False) if address else None,
        }
        return topic, data, ()

    return read


def _started(told: Json, _: Json) -> _Meaning | None:
    price = _price(told, "items")
    recurring = object_of(price, "recurring", "items.price.recurring")
    every, count = recurring.get("interval"), recurring.get("interval_count", 1)
    interval = "quarter" if (every, count) == ("month", 3) else every if count == 1 else None
    data = {
        **_money(
            {**price, "currency": price.get("currency") or told.get("currency")}, "unit_amount"
        ),
        "plan": id_of(price),
        "billing_interval": interval,
        "trial_until": _moment(told, "trial_end"),
    }
    return "subscription.started", data, ()


def _renewed(told: Json, _: Json) -> _Meaning | None:
    if told.get("billing_reason") != "subscription_cycle":
        return None
    return (
        "subscription.renewed",
        {**_money(told, "amount_paid"), "plan": _plan_of_invoice(told)},
        (),
    )


def _ended(told: Json, _: Json) -> _Meaning | None:
    data = {"plan": id_of(_price(told, "items")), "ends_at": _moment(told, "ended_at")}
    return "subscription.cancelled", data, ()


def _moment(told: Json, name: str) -> datetime | None:
    return None if told.get(name) is None else happened_at(told, name)


def _first(told: Json, name: str) -> Json:
    lines = object_of(told, name, name).get("data")
    if not isinstance(lines, list) or not lines:
        raise BadField(f"{name}.data", "at least one", came(lines))
    return an_object(lines[0], f"{name}.data")


def _price(told: Json, name: str) -> Json:
    return object_of(_first(told, name), "price", f"{name}.price")


def _plan_of_invoice(told: Json) -> str:
    """The price of its first line: since 2025 within `pricing`, before that as `price`."""
    line = _first(told, "lines")
    pricing = object_of(line, "pricing", "lines.pricing")
    details = object_of(pricing, "price_details", "lines.pricing.price_details")
    return _id(details, "price") or id_of(object_of(line, "price", "lines.price"))


def _money(told: Json, name: str) -> dict[str, Any]:
    currency, amount = text_of(told, "currency", "currency"), told.get(name)
    code = (currency or "").upper()
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise BadField(name, "a whole number of minor units", came(amount))
    if code in _AS_IF_IN_HUNDREDTHS and minor_digits(code) == 0:
        amount //= 100
    return {"currency": code, "amount_minor": amount}


_MEANINGS: Mapping[str, _Reader] = {
    "charge.succeeded": _charged,
    "charge.refunded": _refunded,
    "customer.created": _identified("customer.identified"),
    "customer.updated": _identified("customer.updated"),
    "customer.subscription.created": _started,
    "invoice.paid": _renewed,
    "customer.subscription.deleted": _ended,
}
