"""The stored bytes of an event: canonical JSON, read back as it was, refused where it has no form."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.clock import from_us, to_us
from ledger.errors import BadField, TooLarge
from ledger.event import (
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    Event,
    Recorded,
    decode_body,
    different_fields,
    encode_body,
    leaf_hash,
)
from ledger.tree import Tree

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "stored_bytes.json").read_text("utf-8")
)
IDS = ("customer", "actor", "correlation", "causation", "another")
SEEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)

EVENT = Event(UUID(int=1), "order.placed", 1, "touchpoint", SEEN, "shop", {"currency": "EUR"})


def of_vector(given: Mapping[str, Any]) -> Event:
    """Return the event that a vector describes, built by hand and not by `decode_body`."""
    unit, times = given["personal"]
    return Event(
        id=UUID(given["id"]),
        type=given["type"],
        version=given["version"],
        domain=given["domain"],
        occurred_at=datetime.fromisoformat(given["occurred_at"]),
        source=given["source"],
        data=given["data"],
        tags=tuple(given["tags"]),
        personal=bytes.fromhex(unit) * times,
        **{name: UUID(given[name]) for name in IDS if name in given},
    )


# ---- the vectors: bytes, leaf and root as another implementation computed them


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["name"])
def test_body_and_leaf_are_those_of_the_second_implementation(vector: dict[str, Any]) -> None:
    event = of_vector(vector["event"])
    body = encode_body(event)
    assert body.decode() == vector["body"]
    assert leaf_hash(vector["recorded_at_us"], body, event.personal).hex() == vector["leaf"]
    assert decode_body(body, event.personal) == event


def test_the_root_over_the_vectors_is_that_of_the_second_implementation() -> None:
    tree = Tree()
    roots = []
    for position, vector in enumerate(VECTORS, start=1):
        event = of_vector(vector["event"])
        recorded_at = from_us(vector["recorded_at_us"])
        tree.add(Recorded(position, recorded_at, event, encode_body(event)).leaf)
        roots.append(tree.root().hex())
    assert roots == [vector["root"] for vector in VECTORS]


# ---- any event that is allowed

text = st.text(max_size=12)
names = st.text(st.characters(max_codepoint=127), max_size=6)
whole = st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)
values = st.recursive(
    st.none() | st.booleans() | whole | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)
# The offset is kept within a day of either end, where UTC has no such year.
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 -- the strategy adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=zones,
)
maybe_id = st.none() | st.uuids()
events = st.builds(
    Event,
    id=st.uuids(),
    type=text,
    version=st.integers(1, 99),
    domain=text,
    occurred_at=moments,
    source=text,
    data=st.dictionaries(names, values, max_size=5),
    customer=maybe_id,
    tags=st.lists(text, max_size=3).map(tuple),
    actor=maybe_id,
    correlation=maybe_id,
    causation=maybe_id,
    personal=st.binary(max_size=64),
    another=maybe_id,
)


def envelope(event: Event) -> dict[str, Any]:
    """Return what the body says, spelled out once more."""
    utc = event.occurred_at.astimezone(UTC)
    told: dict[str, Any] = {
        "id": str(event.id),
        "type": event.type,
        "version": event.version,
        "domain": event.domain,
        "occurred_at": f"{utc.year:04}-{utc.month:02}-{utc.day:02}T"
        f"{utc.hour:02}:{utc.minute:02}:{utc.second:02}.{utc.microsecond:06}Z",
        "source": event.source,
        "data": event.data,
    }
    if event.tags:
        told["tags"] = list(event.tags)
    for name in IDS:
        if getattr(event, name) is not None:
            told[name] = str(getattr(event, name))
    return told


@given(events)
def test_the_body_is_canonical_json_by_rfc_8785(event: Event) -> None:
    assert encode_body(event) == rfc8785.dumps(envelope(event))


@given(events)
def test_what_was_written_is_read_back(event: Event) -> None:
    read = decode_body(encode_body(event), event.personal)
    assert read == event
    assert read.occurred_at.utcoffset() == timedelta(0)


@given(moments, moments)
def test_stored_times_sort_as_text_as_they_do_as_times(one: datetime, other: datetime) -> None:
    first, second = (
        json.loads(encode_body(replace(EVENT, occurred_at=moment)))["occurred_at"]
        for moment in (one, other)
    )
    assert (first < second, first == second) == (one < other, one == other)


@given(
    st.integers(to_us(datetime.min.replace(tzinfo=UTC)), to_us(datetime.max.replace(tzinfo=UTC)))
)
def test_microseconds_and_moments_are_one_to_one(us: int) -> None:
    assert to_us(from_us(us)) == us


def test_a_mapping_that_is_no_dict_is_written_like_one() -> None:
    frozen = MappingProxyType({"lines": (MappingProxyType({"quantity": 1}),)})
    assert encode_body(replace(EVENT, data=frozen)) == encode_body(
        replace(EVENT, data={"lines": [{"quantity": 1}]})
    )


def test_the_sealed_part_is_no_part_of_the_body_and_any_part_of_the_leaf() -> None:
    body = encode_body(EVENT)
    assert encode_body(replace(EVENT, personal=b"sealed")) == body
    assert leaf_hash(1, body, b"sealed") != leaf_hash(1, body, b"sealee")


# ---- what has no stored form

HALF = "\ud83d"


def nested(depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for _ in range(depth - 1):
        data = {"in": data}
    return data


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"data": {"rate": 1.5}}, BadField,
     "data.rate: expected text, whole numbers, true, false or lists of them, came float"),
    ({"data": {"rate": float("nan")}}, BadField,
     "data.rate: expected text, whole numbers, true, false or lists of them, came float"),
    ({"data": {"lines": [{"at": SEEN}]}}, BadField,
     "data.lines.at: expected text, whole numbers, true, false or lists of them, came datetime"),
    ({"data": {"n": 2**53}}, BadField, "data.n: expected an integer of at most 2^53-1, came a larger one"),
    ({"data": {"n": -(2**53)}}, BadField, "data.n: expected an integer of at most 2^53-1, came a larger one"),
    ({"data": {"größe": 1}}, BadField, "data: expected names in ASCII, came text of 5 characters"),
    ({"data": {"in": {7: 1}}}, BadField, "data.in: expected names in ASCII, came int"),
    ({"data": {"name": "Anna" + HALF}}, BadField,
     "data: expected text in Unicode, came half of a surrogate pair"),
    ({"type": HALF}, BadField, "type: expected text in Unicode, came half of a surrogate pair"),
    ({"source": HALF}, BadField, "source: expected text in Unicode, came half of a surrogate pair"),
    ({"tags": ("market:" + HALF,)}, BadField,
     "tags: expected text in Unicode, came half of a surrogate pair"),
    ({"occurred_at": SEEN.replace(tzinfo=None)}, BadField,
     "occurred_at: expected a time with a zone, came a time without one"),
    ({"occurred_at": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))}, BadField,
     "occurred_at: expected a time from year 1 to 9999 in UTC, came one beyond"),
    ({"occurred_at": datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=1)))}, BadField,
     "occurred_at: expected a time from year 1 to 9999 in UTC, came one beyond"),
    ({"tags": ("market:IN", "x" * 256)}, TooLarge,
     "tags: expected at most 255 bytes a tag, came text of 256 characters"),
    ({"tags": ("é" * 128,)}, TooLarge, "tags: expected at most 255 bytes a tag, came text of 128 characters"),
    ({"data": {"text": "x" * MAX_EVENT_BYTES}}, TooLarge,
     "event: expected at most 262,144 bytes, came 262,324 bytes"),
    ({"personal": bytes(MAX_EVENT_BYTES)}, TooLarge,
     "event: expected at most 262,144 bytes, came 262,331 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "message"), REFUSED, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_is_refused_and_in_which_words(
    change: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        encode_body(replace(EVENT, **change))


def test_nesting_has_a_limit_long_before_anything_breaks() -> None:
    encode_body(replace(EVENT, data=nested(MAX_DEPTH)))
    for depth in (MAX_DEPTH + 1, 5_000):
        with pytest.raises(
            TooLarge, match=r"at most 100 lists and objects in one another, came more$"
        ):
            encode_body(replace(EVENT, data=nested(depth)))


def test_limits_are_inclusive() -> None:
    encode_body(replace(EVENT, tags=("x" * 255,)))
    room = MAX_EVENT_BYTES - len(encode_body(EVENT))
    assert len(encode_body(replace(EVENT, personal=bytes(room)))) + room == MAX_EVENT_BYTES
    with pytest.raises(TooLarge):
        encode_body(replace(EVENT, personal=bytes(room + 1)))


# ---- the same id again: the same fact, or another

SAME: list[dict[str, Any]] = [
    {},
    {"customer": UUID(int=7)},
    {"another": UUID(int=7)},
    {"actor": UUID(int=7), "correlation": UUID(int=8), "causation": UUID(int=9)},
    {"personal": b"sealed once more, with another nonce"},
    {"occurred_at": SEEN.astimezone(timezone(timedelta(hours=9)))},
]
OTHER: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"type": "order.refunded"}, ("type",)),
    ({"version": 2}, ("version",)),
    ({"domain": "sales"}, ("domain",)),
    ({"tags": ("market:IN",)}, ("tags",)),
    ({"occurred_at": SEEN + timedelta(microseconds=1)}, ("occurred_at",)),
    ({"source": "till"}, ("source",)),
    ({"data": {"currency": "INR"}}, ("data",)),
    ({"data": {}, "tags": ("market:IN",), "version": 3}, ("version", "tags", "data")),
]


@pytest.mark.parametrize("change", SAME)
def test_who_it_is_about_and_who_brought_it_may_differ(change: dict[str, Any]) -> None:
    assert different_fields(replace(EVENT, **change), encode_body(EVENT)) == ()


@pytest.mark.parametrize(("change", "fields"), OTHER)
def test_another_fact_is_named_by_its_fields(
    change: dict[str, Any], fields: tuple[str, ...]
) -> None:
    assert different_fields(replace(EVENT, **change), encode_body(EVENT)) == fields


def test_one_is_not_true() -> None:
    stored = encode_body(replace(EVENT, data={"subscribed": True}))
    assert different_fields(replace(EVENT, data={"subscribed": 1}), stored) == ("data",)
