"""A message that cannot be taken is refused alone, and says nothing of what is in it."""

import json
from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commands.touchpoint import Touchpoint
from ledger.errors import Refused
from ledger.identifiers import Identifier
from streams.kafka.messages import MAX_MESSAGE_BYTES, Message
from tests.streams.kafka.reading import MAPPING, message, of, read
from tests.streams.kafka.sender import Headers, event, headers, order, structured

SECRET = "Schmidt-Wichtig"

JSON_KIND = "content-type: expected application/json or application/cloudevents+json, came text of "

BAD: list[tuple[str, Message, str]] = [
    ("a null value", message(None, headers("1")), "value: expected JSON, came nothing"),
    ("nothing", message(b"", headers("1")), "value: expected JSON, came something else at character 1"),
    (
        "truncated", message(event("1").value[:-9], headers("1")),  # type: ignore[index]
        "value: expected JSON, came something else at character 119",
    ),
    ("no object", message([1], headers("1")), "data: expected an object of identifiers, references, tags, data, came list of 1"),
    (
        "another byte", message(b'{"data": "\xff"}', headers("1")),
        "value: expected text in UTF-8, came another byte at 10",
    ),
    (
        "a name twice", message(b'{"data": {}, "data": {}}', headers("1")),
        "value: expected JSON with each name once in an object, came one twice",
    ),
    (
        "not a number", message(b'{"data": {"amount_minor": NaN}}', headers("1")),
        "value: expected JSON with numbers of ordinary size, came text of 31 characters",
    ),
    (
        "ten thousand deep", message(b"[" * 10_000 + b"]" * 10_000, headers("1")),
        "value: expected JSON at most 32 levels deep, came more of them",
    ),
    (
        "ten megabytes", message(b"x" * 10_000_000, headers("1")),
        "message: expected at most 1,048,576 bytes, came 10,000,111 bytes",
    ),
    (
        "huge headers", message(order("1"), [*headers("1"), ("x", b"x" * MAX_MESSAGE_BYTES)]),
        "message: expected at most 1,048,576 bytes, came 1,048,828 bytes",
    ),
    (
        "another type of content", message(order("1"), headers("1", **{"content-type": "application/avro"})),
        JSON_KIND + "16 characters",
    ),
    (
        "another mode", message(order("1"), [("content-type", b"application/cloudevents-batch+json")]),
        JSON_KIND + "34 characters",
    ),
    (
        "another charset", message(order("1"), headers("1", **{"content-type": "application/json; charset=latin1"})),
        "content-type: expected charset utf-8, came text of 32 characters",
    ),
    ("no id", message(order("1"), headers("1", ce_id=None)), "id: expected text, came nothing"),
    ("no type", message(order("1"), headers("1", ce_type="")), "type: expected text, came nothing"),
    (
        "another version", message(order("1"), headers("1", ce_specversion="0.3")),
        "specversion: expected 1.0, came text of 3 characters",
    ),
    (
        "a header twice", message(order("1"), [*headers("1"), ("ce_id", b"2")]),
        "ce_id: expected one header of this name, came several",
    ),
    (
        "another byte in a header", message(order("1"), [*headers("1", ce_id=None), ("ce_id", b"\xff")]),
        "ce_id: expected text in UTF-8, came another byte at 0",
    ),
    (
        "a header named after somebody", message(order("1"), [*headers("1"), (f"ce_{SECRET}", b"\xff")]),
        "headers: expected text in UTF-8, came another byte at 0",
    ),
    (
        "a reserved type", message(order("1"), headers("1", ce_type="customer.erased")),
        "type: expected a type that a door may append, came 'customer.erased'",
    ),
    (
        "no time", message(order("1"), headers("1", ce_time="soon")),
        "time: expected a time such as 2026-01-31T12:00:00Z, came text of 4 characters",
    ),
    (
        "a time without a zone", message(order("1"), headers("1", ce_time="2026-01-02T03:04:05")),
        "time: expected a time with a zone, came one without",
    ),
    (
        "its own topic", message(order("1"), headers("1", ce_source="/bahi/x/shop")),
        "source: expected a sender's own, came one of a ledger, which has it already",
    ),
    (
        "an unknown part", message({**order("1"), SECRET: 1}, headers("1")),
        "data: expected no other than identifiers, references, tags, data, came text of 15 characters",
    ),
    (
        "an unknown tag", message(order("1", tags={SECRET: "x"}), headers("1")),
        "tags: expected one of campaign, market, came text of 15 characters",
    ),
    (
        "an unknown reference", message(order("1", references={SECRET: "x"}), headers("1")),
        "references: expected one of account, deal, ticket, order, task, came text of 15 characters",
    ),
    (
        "a name that is none", message(order("1", identifiers={"user": ["u"]}), headers("1")),
        "identifiers: expected text, came list of 1",
    ),
    (
        "a chain that is none", message(order("1"), headers("1", ce_causation="x")),
        "causation: expected a UUID, came text of 1 characters",
    ),
    ("neither", message({"type": "buy"}), "value: expected a CloudEvent or one of Segment's calls, came dict of 1"),
    ("a type that is none", message({"type": ["track"]}), "value: expected a CloudEvent or one of Segment's calls, came dict of 1"),
    ("no event", message({"type": "track", "userId": "u"}), "event: expected the name of what happened, came nothing"),
    ("no traits", message({"type": "identify", "traits": "x"}), "traits: expected an object, came text of 1 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "why"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
def test_a_bad_message_is_refused_alone(one: Message, why: str) -> None:
    item = read(one).item
    assert isinstance(item, Refused)
    assert str(item) == why
    assert item.__context__ is None
    assert SECRET not in f"{item!r}{one!r}"


def test_an_unknown_type_is_not_quoted() -> None:
    for kind in ("customer.schmidt", "anna.schmidt", SECRET):
        item = read(message(order("1"), headers("1", ce_type=kind))).item
        assert isinstance(item, Refused)
        assert "chmidt" not in str(item)
        assert item.field == "type"


def test_a_refused_message_still_tells_whom_it_names() -> None:
    """So that an erasure finds its dead letter."""
    user, market = (Identifier("user", "u1"),), "DE"
    late = headers("1", ce_time="soon")
    wrong = headers("1", **{"content-type": "text/plain"})
    for one in (message(order("1"), late), message(order("1"), wrong)):
        assert (read(one).named, read(one).market) == (user, market)
    assert read(of(structured("1", {"time": "soon"}))).named == user
    assert read(of(structured("1", {"id": None}))).named == user
    assert read(message({"type": "buy", "userId": "u1"})).named == user
    row = {"when": "soon", "customer": {"no": "u1"}, "total": 1}
    assert read(message(row), mapping=MAPPING).named == user
    # Also in what is not even JSON as it has to be, but can still be read.
    inside = {"data": None, "data_base64": b64encode(json.dumps(order("1")).encode()).decode()}
    assert read(of(structured("1", {**inside, "id": {}}))).named == user
    assert read(of(structured("1", {"id": {}})), mapping=MAPPING).named == user
    numbers = (b"NaN", b"1e9999999999999999999", b"1" * 5_000)
    for text in (
        b'{"a": 1, "a": 2, %s}',
        b'{"a": "\xff", %s}',
        *(b'{"a": %b, %%s}' % n for n in numbers),
    ):
        assert read(message(text % b'"identifiers": {"user": "u1"}', headers("1"))).named == user
    other = {"referred": "bob@example.com", SECRET: 1}
    referral = message({**order("1"), "data": other}, headers("1", ce_type="referral.made"))
    assert read(referral).named == (*user, Identifier("email", "bob@example.com"))
    assert read(message(b'{"identifiers": {"user": "u1"}')).named == ()


WHOLE = [
    of(event("9")),
    of(structured("9")),
    message(None, key=b"\xff\x00"),
    message(b"a\nb\xff", [("x", b"\xfe"), ("x", "ä".encode()), ("", b"")], key=b"k\n"),
    message(b""),
]


@pytest.mark.parametrize("one", WHOLE)
def test_a_dead_letter_has_the_message_as_it_came(one: Message) -> None:
    assert Message.again(one.content) == one


def test_of_a_message_over_the_limit_no_dead_letter_keeps_anything() -> None:
    long = message(b"x" * (MAX_MESSAGE_BYTES + 1))
    assert long.content == b""
    with pytest.raises(Refused, match="a longer one"):
        Message.again(long.content)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["u1", "2026-01-02T03:04:05Z", "track", "a@example.com", "1.0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["type", "data", "identifiers", "tags", "traits", "userId", "context", "when"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    VALUES, st.sampled_from([[], headers("1"), [("content-type", b"application/cloudevents+json")]])
)
@example({"type": "identify", "traits": {"address": {"no": 10**40}}}, [])
@example({"type": "track", "event": "x", "properties": {"x": 1e300}}, [])
def test_whatever_is_in_a_message_is_taken_or_refused(value: object, given: Headers) -> None:
    one = message(json.dumps(value).encode(), given)
    for mapping in (None, MAPPING):
        found = read(one, mapping=mapping)
        assert isinstance(found.item, Touchpoint | Refused)
    assert Message.again(one.content) == one
