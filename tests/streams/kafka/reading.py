"""Messages of others, and what a reader makes of them."""

import json
from datetime import UTC, datetime
from typing import Any

from commands.touchpoint import Touchpoint
from streams.files import parse_mapping
from streams.kafka.messages import Format, Message, Read, Reader
from tests.streams.kafka.sender import Headers, Sent

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SENT_AT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)

MAPPING = parse_mapping("""
source = "till"
[event]
type = "order.placed"
occurred_at = "when"
[identifiers]
user = "customer.no"
[fields]
amount_minor = { column = "total", money = { currency = "EUR" } }
currency = { value = "EUR" }
""")


def message(
    value: object = b"", given: Headers | None = None, key: bytes | None = None, offset: int = 7
) -> Message:
    if not isinstance(value, bytes | None):
        value = json.dumps(value).encode()
    at = int(SENT_AT.timestamp() * 1000)
    return Message("orders", 3, offset, at, key, tuple(given or ()), value)


def of(sent: Sent) -> Message:
    return message(sent.value, sent.headers)


def read(one: Message, form: Format = Format.AUTO, **more: Any) -> Read:
    return Reader("shop", form, **more).read(one)


def taken(one: Message, form: Format = Format.AUTO, **more: Any) -> Touchpoint:
    item = read(one, form, **more).item
    assert isinstance(item, Touchpoint), str(item)
    return item
