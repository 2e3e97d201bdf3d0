"""The provider that docs/webhooks.md shows is all that one takes."""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import BadSignature
from streams.webhooks.provider import Delivery, Provider

_PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
_IMPORTS = """
import hashlib, hmac
from collections.abc import Iterator, Sequence
from commands.touchpoint import Touchpoint
from ledger.identifiers import Identifier
from streams.parts import Json, json_of
from streams.webhooks.provider import *
from streams.webhooks.provider import Delivery, Provider
"""
_NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
_BODY = (
    b'{"id": "k1", "event": "boiled", "at": 1769860800, "litres": 2, "owner": "zoe@example.com"}'
)


@pytest.fixture(scope="module")
def kettle() -> Provider:
    (code,) = re.findall(r"```python\n(class Kettle.*?)```", _PAGE.read_text(), re.DOTALL)
    named: dict[str, Any] = {}
    exec(_IMPORTS + code, named)  # noqa: S102 - the page's own
    found = named["Kettle"]()
    assert isinstance(found, Provider)
    return found


def _delivered(secret: bytes) -> Delivery:
    at = str(int(_NOW.timestamp()))
    signature = hmac.new(secret, at.encode() + _BODY, hashlib.sha256).hexdigest()
    headers = {"kettle-time": at, "kettle-signature": signature}
    return Delivery("POST", "http://127.0.0.1/v1/webhooks/kettle", headers, _BODY, _NOW)


def test_it_takes_what_is_signed_and_nothing_else(kettle: Provider) -> None:
    kettle.demand_signed(_delivered(b"secret"), ["older", "secret"])
    with pytest.raises(BadSignature):
        kettle.demand_signed(_delivered(b"another"), ["older", "secret"])


def test_it_says_what_a_message_means(kettle: Provider) -> None:
    (item,) = kettle.items(_delivered(b"secret"))
    found = kettle.meaning(item, "kitchen")
    assert found is not None
    assert (found.payload.TOPIC, found.message_id, found.source) == (
        "custom.tracked",
        "k1",
        "kitchen",
    )
    assert [(one.kind, one.value) for one in found.identifiers] == [("email", "zoe@example.com")]
