"""What each provider's messages mean: examples written by hand, which hold for ever."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.errors import BadUsage, Refused
from streams.webhooks import PROVIDERS

_EXAMPLES = Path(__file__).parent / "examples"


_ALL = [
    pytest.param(file.stem, example, id=f"{file.stem}-{number}")
    for file in sorted(_EXAMPLES.glob("*.json"))
    for number, example in enumerate(orjson.loads(file.read_bytes()))
]


def test_every_provider_has_examples() -> None:
    assert {file.stem for file in _EXAMPLES.glob("*.json")} == set(PROVIDERS)


@pytest.mark.parametrize(("provider", "example"), _ALL)
def test_a_message_means_what_its_example_says(provider: str, example: dict[str, Any]) -> None:
    means, payload = example.get("means"), example["payload"]
    if "refused" in example:
        with pytest.raises(Refused) as refusal:
            PROVIDERS[provider].meaning(payload, "shop")
        assert refusal.value.field == example["refused"]
        return
    found = PROVIDERS[provider].meaning(payload, "shop")
    if means is None:
        assert found is None
        return
    assert found is not None
    assert found.source == "shop"
    told = {
        "type": found.payload.TOPIC,
        "at": found.occurred_at,
        "id": found.message_id,
        "identifiers": [(one.kind, one.value) for one in found.identifiers],
        "references": {one.kind: one.value for one in found.references},
        "data": {
            name: value for name, value in found.payload.as_dict().items() if value is not None
        },
    }
    named = means["identifiers"]
    assert told == {
        **means,
        "at": datetime.fromisoformat(means["at"]),
        "identifiers": [*map(tuple, named.items() if isinstance(named, dict) else named)],
        "data": {name: _moment(value) for name, value in means["data"].items()},
    }


def _moment(value: Any) -> Any:
    """A text that is a time, as one."""
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize(
    "item",
    [
        {},
        {"type": 7},
        {"data": "x"},
        {"email": 7, "mergedObjectIds": 3},
        {
            "subscriptionType": "contact.propertyChange",
            "propertyName": ["email"],
            "occurredAt": 1,
            "eventId": "1",
            "subscriptionId": "2",
            "objectId": "3",
        },
    ],
)
def test_nothing_makes_it_stumble(provider: str, item: dict[str, Any]) -> None:
    PROVIDERS[provider].named(item)
    with suppress(Refused):
        PROVIDERS[provider].meaning(item, "shop")


@pytest.mark.parametrize(
    ("provider", "secret"),
    [
        ("standard", "whsec_not base64"),
        ("standard", "whsec_"),
        ("standard", "whsec_AAAA"),
        ("standard", "whpk_AAAA"),
        ("sendgrid", "AAAA"),
    ],
)
def test_a_secret_that_cannot_be_one_is_told_at_once(provider: str, secret: str) -> None:
    with pytest.raises(BadUsage, match="expected"):
        PROVIDERS[provider].demand_secret(secret)
