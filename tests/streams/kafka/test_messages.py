"""Messages made into touchpoints, each by what it is."""

import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commands.touchpoint import Touchpoint
from ledger.errors import BadUsage
from ledger.identifiers import Identifier
from streams.kafka.messages import Format, Reader
from tests.streams.kafka.reading import AT, MAPPING, SENT_AT, message, of, taken
from tests.streams.kafka.sender import event, headers, order, structured


def told(item: Touchpoint) -> dict[str, Any]:
    """What a touchpoint says, without what is absent."""
    return {
        "type": item.payload.TOPIC,
        "named": {one.kind: one.value for one in item.identifiers},
        "said": item.payload.model_dump(mode="json", exclude_none=True),
    }


def test_a_cloudevent_in_binary_mode() -> None:
    chain = {
        "ce_correlation": "11111111-0000-4000-8000-000000000000",
        "ce_causation": "22222222-0000-4000-8000-000000000000",
    }
    said = order("17", "u1")
    said["identifiers"] = {"email": "anna@example.com", "user": 17, "phone": None}
    item = taken(message(said, [*headers("e-1", **chain), ("traceparent", b"x")]))
    assert (item.source, item.message_id) == ("shop", '["/shop","e-1"]')
    assert item.occurred_at == AT
    assert item.identifiers == (Identifier("email", "anna@example.com"), Identifier("user", "17"))
    assert item.references == (Identifier("order", "A-17"),)
    assert item.tags == {"market": "DE"}
    assert item.payload.clear() == {"currency": "EUR", "amount_minor": 1250}
    assert (item.correlation, item.causation) == tuple(UUID(one) for one in chain.values())


def test_a_cloudevent_is_the_same_in_either_mode() -> None:
    inside = {"data": None, "data_base64": b64encode(json.dumps(order("9")).encode()).decode()}
    once = taken(of(event("9")))
    assert taken(of(structured("9"))) == once
    assert taken(of(structured("9", inside))) == once
    assert taken(of(structured("9")), Format.CLOUDEVENTS) == once


def test_without_a_time_it_happened_when_it_was_sent() -> None:
    assert taken(message(order("1"), headers("1", ce_time=None))).occurred_at == SENT_AT


ANNA = {
    "userId": "u1",
    "anonymousId": "a-1",
    "messageId": "m-1",
    "timestamp": "2026-01-02T03:04:05Z",
}

CALLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "type": "identify",
            "traits": {
                "firstName": "Anna", "email": "anna@example.com", "phone": "ask me", "age": 30,
                "company": {"name": "Ost", "id": 1}, "address": {"city": "Köln"}, "title": " CEO ",
            },
        },
        {
            "type": "customer.identified",
            "named": {"user": "u1", "email": "anna@example.com", "anonymous": "a-1"},
            "said": {
                "given_name": "Anna", "email": "anna@example.com", "phone": "ask me", "company": "Ost",
                "address": '{"city": "Köln"}', "job_title": "CEO",
            },
        },
    ),
    (
        {"type": "track", "event": "Song Played", "properties": {"name": "x", "length": 1.5}},
        {
            "type": "custom.tracked",
            "named": {"user": "u1", "anonymous": "a-1"},
            "said": {"tracked_name": "Song Played", "tracked_properties": {"name": "x", "length": 1.5}},
        },
    ),
    (
        {
            "type": "page", "name": "Home", "properties": {"url": "https://shop/1"},
            "context": {"ip": "192.0.2.1", "userAgent": "M", "page": {"url": "x", "referrer": "r"}},
        },
        {
            "type": "page.viewed",
            "named": {"user": "u1", "anonymous": "a-1"},
            "said": {
                "page": "Home", "url": "https://shop/1", "referrer": "r", "ip": "192.0.2.1", "user_agent": "M",
            },
        },
    ),
    (
        {"type": "screen", "name": "Letters of Anna", "context": {"traits": {"email": "a@example.com"}}},
        {
            "type": "page.viewed",
            "named": {"user": "u1", "email": "a@example.com", "anonymous": "a-1"},
            "said": {},
        },
    ),
    (
        {"type": "group", "groupId": "g-7", "traits": {"name": "Ost GmbH"}},
        {"type": "member.joined", "named": {"user": "u1", "anonymous": "a-1"}, "said": {}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=[call["type"] for call, _ in CALLS])
def test_a_call_as_segments_libraries_send_it(
    call: dict[str, Any], expected: dict[str, Any]
) -> None:
    item = taken(message({**ANNA, **call}))
    assert told(item) == expected
    assert (item.source, item.message_id, item.occurred_at) == ("shop", "m-1", AT)


def test_an_alias_says_that_two_names_are_one_person() -> None:
    item = taken(message({"type": "alias", "userId": "u1", "previousId": "a-1"}))
    assert told(item)["named"] == {"user": "u1", "anonymous": "a-1"}
    assert item.payload.TOPIC == "customer.updated"


def test_a_group_is_an_account() -> None:
    call = {**ANNA, "type": "group", "groupId": "g-7"}
    assert taken(message(call)).references == (Identifier("account", "g-7"),)


def test_an_address_of_a_group_is_nobodys() -> None:
    """Else its members would be one person."""
    theirs = {"email": "info@ost.example", "phone": "+49 30 901820"}
    call = {**ANNA, "type": "group", "groupId": "g-7", "traits": theirs}
    call["context"] = {"traits": {"email": "anna@example.com"}}
    assert told(taken(message(call)))["named"] == {
        "user": "u1", "email": "anna@example.com", "anonymous": "a-1",
    }  # fmt: skip


def test_a_clock_that_is_off_is_set_right_by_when_the_call_was_sent_and_came() -> None:
    times = {
        "originalTimestamp": "2026-01-02T04:04:00Z",
        "sentAt": "2026-01-02T04:04:10Z",
        "receivedAt": "2026-01-02T03:04:15Z",
    }
    call: dict[str, Any] = {"type": "page", "userId": "u1", **times}
    assert taken(message(call)).occurred_at == AT
    del call["receivedAt"]
    assert taken(message(call)).occurred_at.isoformat() == "2026-01-02T04:04:00+00:00"


def test_what_a_mapping_reads() -> None:
    row = {"when": "2026-01-02T03:04:05Z", "customer": {"no": 17}, "total": 12.5}
    item = taken(message(row), mapping=MAPPING)
    assert (item.source, item.occurred_at) == ("till", AT)
    assert item.identifiers == (Identifier("user", "17"),)
    assert item.payload.clear() == {"currency": "EUR", "amount_minor": 1250}
    assert taken(of(event("9")), mapping=MAPPING).payload.TOPIC == "order.placed"
    with pytest.raises(BadUsage, match="expected a mapping"):
        Reader("shop", Format.MAPPING)


@pytest.mark.parametrize("source", ["", "Anna Schmidt", "bahi", "bahi:identity", "x" * 65])
def test_a_source_that_no_message_could_have_is_wrong_usage(source: str) -> None:
    with pytest.raises(BadUsage, match="source"):
        Reader(source)


def test_a_message_without_an_id_is_known_by_its_place_and_time() -> None:
    call = {"type": "track", "event": "x", "userId": "u1"}
    mapped = {"when": "2026-01-02T03:04:05Z", "customer": {"no": 17}, "total": 1}
    ways: list[tuple[object, dict[str, Any]]] = [(call, {}), (mapped, {"mapping": MAPPING})]
    for value, more in ways:
        ids = [taken(message(value, offset=offset), **more).message_id for offset in (7, 7, 8)]
        assert ids[0] == ids[1] == f"orders/3/7/{int(SENT_AT.timestamp() * 1000)}"
        assert ids[2] != ids[0]


def examples() -> list[dict[str, Any]]:
    """The messages that senders are shown."""
    page = Path(__file__).parents[3] / "docs" / "consume.md"
    blocks = re.findall(r"^```json\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [json.loads(block) for block in blocks]


def test_the_messages_that_senders_are_shown_are_taken() -> None:
    data, whole, call = examples()
    assert taken(message(data, headers("1"))).identifiers[1].value == "anna@example.com"
    kind = [("content-type", b"application/cloudevents+json")]
    assert taken(message(whole, kind)).message_id == '["/shop","e-1042"]'
    assert taken(message(call)).payload.TOPIC == "customer.identified"
