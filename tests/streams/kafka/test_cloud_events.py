"""A record is a CloudEvent to whoever knows the standard, and tells no more of people than it may."""

import base64
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from hypothesis import given
from hypothesis import strategies as st

from ledger.catalogue import Retention
from ledger.errors import BadField
from ledger.event import Event, encode_body
from ledger.sealing import Blob, KeyRecord, encode_records, sealed_bytes
from streams.kafka.cloud_events import CloudEvents, Record

LEDGER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
ADA = UUID("cccccccc-0000-4000-8000-000000000001")
AT = datetime(2026, 1, 31, 23, 59, 59, 5, UTC)
RECORDED_US = 1_769_904_000_000_000
BLOBS = [
    Blob(ADA, Retention.IDENTITY, 1, b"n" * 12, b"c" * 80),
    Blob(ADA, Retention.CONTENT, 2, b"m" * 12, b"d" * 144),
]


def event(**given: Any) -> Event:
    said: dict[str, Any] = {
        "id": UUID(int=5),
        "type": "order.placed",
        "version": 1,
        "domain": "touchpoint",
        "occurred_at": AT,
        "source": "shop",
        "data": {"amount_minor": 1250, "currency": "EUR"},
        "customer": ADA,
        "tags": ("campaign:spring:1", "order:o1"),
        "correlation": UUID(int=6),
    }
    return Event(**{**said, **given})


def record(one: Event, *, nameless: bool = False) -> Record:
    envelope = json.loads(encode_body(one))
    return CloudEvents(LEDGER).record(7, RECORDED_US, envelope, one.personal, nameless=nameless)


def parsed(one: Record) -> tuple[dict[str, Any], Any]:
    """The attributes and the data, by the standard's own library."""
    assert one.value is not None
    found = from_binary_event(KafkaMessage(dict(one.headers), one.key, one.value))
    return found.get_attributes(), found.get_data()


def test_the_standard_s_library_reads_every_attribute() -> None:
    keyed = KeyRecord(ADA, Retention.IDENTITY, 1, b"k" * 32)
    attributes, data = parsed(record(event(personal=encode_records([keyed, *BLOBS]))))
    assert attributes == {
        "specversion": "1.0",
        "id": str(UUID(int=5)),
        "source": f"/bahi/{LEDGER}/shop",
        "type": "order.placed",
        "time": AT,
        "subject": str(ADA),
        "datacontenttype": "application/json",
        "dataschema": "urn:bahi:order.placed:1",
        "position": "7",
        "recordedtime": "2026-02-01T00:00:00.000000Z",
        "domain": "touchpoint",
        "typeversion": "1",
        "correlation": str(UUID(int=6)),
        "partitionkey": str(ADA),
    }
    assert data == {
        "tags": {"campaign": "spring:1", "order": "o1"},
        "data": {"amount_minor": 1250, "currency": "EUR"},
        "personal": [base64.b64encode(encode_records([blob])).decode() for blob in BLOBS],
    }


def test_what_is_about_nobody_has_its_type_for_a_key() -> None:
    one = record(event(customer=None, causation=UUID(int=8), correlation=None))
    attributes, data = parsed(one)
    assert (one.key, attributes["partitionkey"]) == (b"order.placed", "order.placed")
    assert attributes.keys().isdisjoint({"subject", "correlation"})
    assert (attributes["causation"], data["personal"]) == (str(UUID(int=8)), [])


def test_of_whoever_is_erased_nothing_is_left_but_what_happened() -> None:
    one = record(event(personal=encode_records(BLOBS)), nameless=True)
    assert str(ADA).encode() not in repr(one).encode()
    attributes, data = parsed(one)
    assert "subject" not in attributes
    assert (data["personal"], data["data"]["amount_minor"]) == ([], 1250)


@given(st.text(min_size=1, max_size=40).filter(str.isprintable))
def test_any_source_makes_a_reference_that_is_a_uri(source: str) -> None:
    said = dict(record(event(source=source)).headers)["ce_source"].decode()
    assert said.isascii()
    assert " " not in said
    assert said.count("/") == 3


@given(st.lists(st.sampled_from([*BLOBS, KeyRecord(ADA, Retention.LEGAL, 1, b"k" * 32)])))
def test_every_sealed_blob_is_there_and_no_record_of_a_key(records: list[Blob | KeyRecord]) -> None:
    expected = [encode_records([one]) for one in records if isinstance(one, Blob)]
    assert sealed_bytes(encode_records(records)) == expected


@pytest.mark.parametrize("cut", [1, 20, 33, 50, 112])
def test_bytes_that_are_no_records_are_refused(cut: int) -> None:
    with pytest.raises(BadField):
        sealed_bytes(encode_records(BLOBS)[:cut])
    with pytest.raises(BadField):
        sealed_bytes(b"\x09" + encode_records(BLOBS))
