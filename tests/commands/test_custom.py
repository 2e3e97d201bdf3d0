"""Custom events: what a schema calls safe is clear, the rest is sealed, and nothing is lost between the two."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, reject, settings
from hypothesis import strategies as st

from commands.custom import REGISTRATION, Registered, Schemas, as_sent, check_schema, split
from ledger.book import Book, Condition
from ledger.catalogue import parse
from ledger.catalogue.reference import CustomTracked
from ledger.errors import BadField, ConditionFailed, Refused
from ledger.event import Event, different_fields, encode_body
from ledger.stores import open_book

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
VIDEO = {
    "type": "object",
    "properties": {
        "seconds": {"type": "integer", "minimum": 0},
        "quality": {"enum": ["sd", "hd"]},
        "viewer": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "required": ["seconds"],
}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    ticks = count()
    with open_book(
        f"sqlite:///{tmp_path / 'book'}", lambda: BEGIN + timedelta(seconds=next(ticks))
    ) as book:
        yield book


def event(n: int, topic: str, data: Mapping[str, Any]) -> Event:
    id_ = UUID(int=(8 << 76) | (2 << 62) | (n << 80))
    return Event(id_, topic, 1, "touchpoint", BEGIN, "app", data)


def register(book: Book, n: int, name: str, schema: Mapping[str, Any]) -> int:
    """Append a registration that has been checked; its position."""
    check_schema(name, schema)
    data = {"event_name": name, "safe_properties": schema}
    return book.append([event(n, "schema.registered", data)])[0].position


def sent(**attributes: Any) -> CustomTracked:
    parsed = parse("custom.tracked", attributes)
    assert isinstance(parsed, CustomTracked)
    return parsed


def shown(event: CustomTracked) -> tuple[str | None, Any, str | None, Any]:
    return event.event_name, event.properties, event.tracked_name, event.tracked_properties


# ---- splitting


def test_an_event_that_nobody_registered_is_sealed_name_and_all(book: Book) -> None:
    found = split("video_watched", {"seconds": 3}, Schemas(book).now())
    assert shown(found) == (None, None, "video_watched", {"seconds": 3})
    assert found.clear() == {}


CASES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"seconds": 3}, {"seconds": 3}),
    ({"seconds": 0, "quality": "hd"}, {"seconds": 0, "quality": "hd"}),
    ({"seconds": -1}, {}),
    ({"seconds": True}, {}),
    ({"seconds": 3.0}, {}),
    ({"seconds": "3"}, {}),
    ({"seconds": None}, {}),
    ({"seconds": 2**53 - 1}, {"seconds": 2**53 - 1}),
    ({"seconds": 2**53}, {}),
    ({"Seconds": 3, "seconds ": 3}, {}),
    ({"quality": "anna@example.com"}, {}),
    ({"email": "anna@example.com", "quality": "sd"}, {"quality": "sd"}),
    ({"viewer": {"age": 4}}, {"viewer": {"age": 4}}),
    ({"viewer": {"उम्र": 4}}, {}),
    ({"viewer": {"age": 4.5}}, {}),
    ({"viewer": {"name": "Anna"}}, {}),
    ({}, {}),
]


@pytest.mark.parametrize(("properties", "clear"), CASES, ids=map(str, CASES))
def test_what_the_schema_lists_and_the_envelope_carries_is_clear(
    book: Book, properties: dict[str, Any], clear: dict[str, Any]
) -> None:
    register(book, 1, "video_watched", VIDEO)
    found = split("video_watched", properties, Schemas(book).now())
    sealed = {name: value for name, value in properties.items() if name not in clear}
    assert shown(found) == ("video_watched", clear or None, None, sealed or None)


def test_other_names_stay_sealed_however_alike(book: Book) -> None:
    register(book, 1, "video_watched", VIDEO)
    for name in ("video_watche", "Video_watched", "video_watched ", "動画を見た"):
        found = split(name, {"seconds": 3}, Schemas(book).now())
        assert shown(found) == (None, None, name, {"seconds": 3})


@pytest.mark.parametrize("name", [None, ""])
def test_an_event_without_a_name_says_nothing(book: Book, name: str | None) -> None:
    with pytest.raises(BadField, match=r"^tracked_name: expected a name, came nothing$"):
        split(name, {"seconds": 3}, Schemas(book).now())


def test_a_value_is_clear_as_deep_as_the_envelope_goes(book: Book) -> None:
    register(book, 1, "nested", {"type": "object", "properties": {"x": True}})
    for depth, clear in ((98, True), (99, False)):
        value: list[Any] = []
        for _ in range(depth - 1):
            value = [value]
        found = split("nested", {"x": value}, Schemas(book).now())
        assert (found.properties is not None) is clear
        encode_body(event(2, "custom.tracked", found.clear()))


def test_formats_are_enforced(book: Book) -> None:
    day = {"type": "object", "properties": {"day": {"type": "string", "format": "date"}}}
    register(book, 1, "booked", day)
    for value, clear in (("2026-03-01", True), ("anna@example.com", False), ("2026-02-30", False)):
        found = split("booked", {"day": value}, Schemas(book).now())
        assert (found.properties is not None) is clear


# ---- what a sender says is clear


@pytest.mark.parametrize(
    ("given", "name", "properties"),
    [
        ({"tracked_name": "a"}, "a", {}),
        ({"event_name": "a", "properties": {"x": 1}}, "a", {"x": 1}),
        (
            {"event_name": "a", "tracked_name": "a", "tracked_properties": {"x": 1}},
            "a",
            {"x": 1},
        ),
        (
            {"tracked_name": "a", "properties": {"x": 1}, "tracked_properties": {"y": 2}},
            "a",
            {"x": 1, "y": 2},
        ),
        ({"properties": {"x": 1}}, None, {"x": 1}),
    ],
)
def test_what_was_sent_is_one_wherever_it_stood(
    given: dict[str, Any], name: str | None, properties: dict[str, Any]
) -> None:
    assert as_sent(sent(**given)) == (name, properties)


def test_a_sender_cannot_say_what_is_safe(book: Book) -> None:
    claimed = sent(event_name="signup", properties={"seconds": 1, "email": "anna@example.com"})
    found = split(*as_sent(claimed), Schemas(book).now())
    assert shown(found) == (None, None, "signup", claimed.properties)
    register(book, 1, "signup", VIDEO)
    found = split(*as_sent(claimed), Schemas(book).now())
    assert shown(found) == ("signup", {"seconds": 1}, None, {"email": "anna@example.com"})


def test_what_has_been_split_is_split_the_same_again(book: Book) -> None:
    register(book, 1, "video_watched", VIDEO)
    registered = Schemas(book).now()
    once = split("video_watched", {"seconds": 1, "who": "Anna"}, registered)
    assert split(*as_sent(once), registered) == once


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"event_name": "a", "tracked_name": "anna@example.com"},
            "event_name: expected the same as tracked_name, or none, came text of 1 characters",
        ),
        (
            {"tracked_name": "a", "properties": {"anna": 1}, "tracked_properties": {"anna": 1}},
            "properties: expected none that tracked_properties has too, came dict of 1",
        ),
    ],
)
def test_contradictions_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadField, match=f"^{re.escape(message)}$"):
        as_sent(sent(**given))


def test_too_many_properties_are_refused_as_the_catalogue_does(book: Book) -> None:
    claimed = sent(event_name="a", properties={f"p{n}": n for n in range(1001)})
    with pytest.raises(BadField, match=r"^tracked_properties: expected at most 1000 items"):
        split(*as_sent(claimed), Schemas(book).now())


# ---- whatever the properties


def is_date(value: object) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


RULES: list[tuple[Any, Any]] = [
    (True, lambda value: True),
    (False, lambda value: False),
    ({"type": "boolean"}, lambda value: isinstance(value, bool)),
    ({"type": "integer", "minimum": 0}, lambda value: type(value) is int and value >= 0),
    ({"type": "number"}, lambda value: type(value) in (int, float)),
    ({"type": "string", "maxLength": 3}, lambda value: isinstance(value, str) and len(value) < 4),
    ({"type": "string", "format": "date"}, is_date),
    ({"enum": ["a", 1, None]}, lambda value: value in ("a", None) or (type(value) is int and value == 1)),
    ({"type": "object"}, lambda value: isinstance(value, dict)),
    (
        {"type": "array", "items": {"type": "integer"}},
        lambda value: isinstance(value, list) and all(type(one) is int for one in value),
    ),
]  # fmt: skip
"""A schema, and in plain words of Python what is valid by it."""


def carried(value: object) -> bool:
    """Whether the clear envelope carries a value, by the words of its contract."""
    if isinstance(value, dict):
        return all(name.isascii() and carried(inner) for name, inner in value.items())
    if isinstance(value, list):
        return all(map(carried, value))
    return not isinstance(value, float) and not (type(value) is int and abs(value) >= 2**53)


TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6),
                 st.sampled_from(["a", "2026-03-01", "2026-02-30", "क्या", "e\u0301"]))  # fmt: skip
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.integers(-2, 2), st.just(1.0),
        st.floats(allow_nan=False, allow_infinity=False), TEXT,
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
NAMES = st.one_of(st.sampled_from(["a", "b", "c", "d"]), TEXT)


def exact(value: object) -> str:
    """A value as text that tells 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Book, Schemas]]:
    place = tmp_path_factory.mktemp("custom") / "book"
    with open_book(f"sqlite:///{place}", lambda: BEGIN) as book:
        yield book, Schemas(book)


@settings(max_examples=250, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a", "b", "c", "x"]), st.sampled_from(RULES), max_size=4),
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.sets(st.sampled_from(["a", "b", "c"])),
)
@example({"a": RULES[7], "b": RULES[7], "c": RULES[7]}, {"a": True, "b": 1.0, "c": 1}, set())
def test_nothing_is_lost_and_nothing_else_is_clear(
    shared: tuple[Book, Schemas],
    rules: dict[str, tuple[Any, Any]],
    properties: dict[str, Any],
    claimed: set[str],
) -> None:
    book, schemas = shared
    schema = {"type": "object", "properties": {name: rule for name, (rule, _) in rules.items()}}
    register(book, book.head() + 1, "happened", schema)
    try:
        came = sent(
            tracked_name="happened",
            properties={n: v for n, v in properties.items() if n in claimed},
            tracked_properties={n: v for n, v in properties.items() if n not in claimed},
        )
        name, whole = as_sent(came)
    except Refused:
        reject()  # two names that are one in NFC
    assert len(whole) == len(properties)
    found = split(name, whole, schemas.now())
    clear, sealed = found.properties or {}, found.tracked_properties or {}
    assert (found.event_name, found.tracked_name) == ("happened", None)
    assert clear.keys().isdisjoint(sealed)
    assert exact({**clear, **sealed}) == exact(whole)
    wanted = {n: v for n, v in whole.items() if n in rules and rules[n][1](v) and carried(v)}
    assert exact(clear) == exact(wanted)
    encode_body(event(1, "custom.tracked", found.clear()))
    other = split("happened2", whole, schemas.now())
    assert (other.clear(), exact(other.tracked_properties or {})) == ({}, exact(whole))


# ---- what is registered, as of when


def listed(registered: Registered, name: str) -> set[str] | None:
    safe = registered.safe(name)
    return None if safe is None else set(safe)


def test_of_a_name_the_newest_schema_up_to_the_position_holds(book: Book) -> None:
    """At each position, against the registrations counted by hand; asked in both directions."""
    story = [("a", "x"), None, ("b", "y"), ("a", "z"), None, ("b", ""), ("a", "x"), None]
    for n, step in enumerate(story, 1):
        if step is None:
            book.append([event(n, "custom.tracked", {"event_name": "a"})])
        else:
            names = {step[1]: {"type": "string"}} if step[1] else {}
            register(book, n, step[0], {"type": "object", "properties": names})
    once = Schemas(book)
    for position in [*range(len(story) + 1), *reversed(range(len(story)))]:
        wanted: dict[str, set[str]] = {}
        for step in story[:position]:
            if step is not None:
                wanted[step[0]] = {step[1]} - {""}
        for schemas in (once, Schemas(book)):
            found = schemas.upto(position)
            assert [listed(found, name) for name in "abc"] == [wanted.get(name) for name in "abc"]
            assert found.position == position


def test_a_registration_of_another_process_is_seen_and_the_past_stands(
    book: Book, tmp_path: Path
) -> None:
    schemas = Schemas(book)
    before = schemas.now()
    with open_book(f"sqlite:///{tmp_path / 'book'}", lambda: BEGIN) as elsewhere:
        position = register(elsewhere, 1, "a", VIDEO)
    assert listed(schemas.upto(0), "a") is None
    assert listed(schemas.now(), "a") == set(VIDEO["properties"])
    assert (before.position, listed(before, "a")) == (0, None)
    assert schemas.upto(position + 100).safe("a") is schemas.now().safe("a")
    with open_book(f"sqlite:///{tmp_path / 'book'}", lambda: BEGIN) as elsewhere:
        register(elsewhere, 2, "b", VIDEO)
    assert listed(schemas.now(), "b") == set(VIDEO["properties"])


def test_an_event_that_comes_again_is_compared_as_it_was_split(book: Book) -> None:
    schemas, came = Schemas(book), ("video_watched", {"seconds": 3, "who": "Anna"})

    def recorded_again(n: int, registered: Registered) -> tuple[str, ...]:
        again = event(n, "custom.tracked", split(*came, registered).clear())
        return different_fields(again, book.known([again.id])[again.id][1])

    positions = {}
    for n in (1, 3, 5):
        payload = split(*came, schemas.now())
        positions[n] = book.append([event(n, "custom.tracked", payload.clear())])[0].position
        seconds = {"seconds": {"type": "integer"}} if n == 1 else {}
        register(book, n + 1, "video_watched", {"type": "object", "properties": seconds})
    for n, position in positions.items():
        assert recorded_again(n, schemas.upto(position)) == ()
    assert [recorded_again(n, schemas.now()) for n in positions] == [("data",), ("data",), ()]


def test_an_append_can_be_held_against_a_schema_registered_meanwhile(book: Book) -> None:
    registered = Schemas(book).now()
    register(book, 1, "a", VIDEO)
    with pytest.raises(ConditionFailed):
        book.append(
            [event(2, "custom.tracked", {})], Condition((REGISTRATION,), registered.position)
        )
