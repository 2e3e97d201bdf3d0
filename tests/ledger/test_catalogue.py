"""What holds for every type of the catalogue, those that are still to come included."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel

from ledger import catalogue, relation
from ledger.catalogue import (
    REFERENCE_KINDS,
    TAG_KINDS,
    About,
    Domain,
    EventType,
    Personal,
    find,
    load,
    parse,
)
from ledger.catalogue.fields import (
    SAFE_TEXT,
    Code,
    ContentObject,
    Country,
    Currency,
    Digest,
    JsonObject,
    Language,
    Purpose,
    TimeZone,
)
from ledger.errors import ReservedType
from ledger.event import Event, decode_body, encode_body

EXAMPLES = Path(__file__).parent / "examples"
TYPES = list(catalogue.types())
EVERY_TYPE = pytest.mark.parametrize("model", TYPES, ids=lambda model: model.TOPIC)
EVERY_EXAMPLE = pytest.mark.parametrize("file", sorted(EXAMPLES.iterdir()), ids=lambda f: f.stem)

CLOSED_TEXT = (Code, Country, Currency, Digest, Language, Purpose, TimeZone)
"""Text that cannot say anything about anybody: codes, digests, and names from a published list."""
PLAIN_VALUES = (bool, int, date, datetime, UUID, NoneType, AwareDatetime)


def attributes(example: dict[str, Any]) -> dict[str, Any]:
    """Return everything that a sender would have sent."""
    sealed = {name: value for part in example["personal"].values() for name, value in part.items()}
    return {**example["data"], **sealed}


def read(file: Path) -> dict[str, Any]:
    example: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return example


# ---- examples, which must load for ever


def test_every_version_of_every_type_has_an_example() -> None:
    wanted = {
        f"{model.TOPIC}.v{version}.json"
        for model in TYPES
        for version in range(1, model.VERSION + 1)
    }
    assert {file.name for file in EXAMPLES.iterdir()} == wanted


@EVERY_EXAMPLE
def test_an_example_loads_and_splits_into_clear_and_personal(file: Path) -> None:
    example = read(file)
    assert file.stem == f"{example['type']}.v{example['version']}"
    event = parse(example["type"], attributes(example), at_a_door=False)
    assert event.clear() == example["data"]
    assert event.personal() == example["personal"]


@EVERY_EXAMPLE
def test_an_example_loads_without_what_is_sealed(file: Path) -> None:
    example = read(file)
    event = load(example["type"], example["data"])
    assert (event.clear(), event.personal()) == (example["data"], {})


@EVERY_EXAMPLE
def test_what_an_example_shows_in_the_clear_fits_into_the_book(file: Path) -> None:
    example = read(file)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    model = find(example["type"])
    event = Event(UUID(int=0), model.TOPIC, model.VERSION, model.DOMAIN, at, "s", example["data"])
    assert decode_body(encode_body(event)) == event


def test_no_two_examples_are_alike() -> None:
    shown = [json.dumps(attributes(read(file)), sort_keys=True) for file in EXAMPLES.iterdir()]
    assert len(set(shown)) == len(shown)


@EVERY_TYPE
def test_the_newest_example_shows_every_field(model: type[EventType]) -> None:
    example = read(EXAMPLES / f"{model.TOPIC}.v{model.VERSION}.json")
    assert set(attributes(example)) == set(model.model_fields)


# ---- what a type must say of itself


@EVERY_TYPE
def test_a_type_says_when_it_happens_and_where_it_belongs(model: type[EventType]) -> None:
    own = vars(model).get("__doc__")
    assert own
    assert len(own.split()) > 3
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", model.TOPIC)
    assert model.DOMAIN in Domain
    assert model.VERSION >= 1
    assert find(model.TOPIC) is model


@EVERY_TYPE
def test_a_type_has_a_json_schema(model: type[EventType]) -> None:
    schema = model.model_json_schema()
    assert set(schema.get("properties", {})) == set(model.model_fields)
    assert schema["additionalProperties"] is False
    json.dumps(schema)


@EVERY_TYPE
def test_a_type_is_frozen(model: type[EventType]) -> None:
    assert model.model_config["frozen"]
    assert model.model_config["extra"] == "forbid"


@EVERY_TYPE
def test_personal_fields_are_optional_since_they_may_be_erased(model: type[EventType]) -> None:
    for name in model.RETENTIONS:
        info = model.model_fields[name]
        assert not info.is_required()
        assert info.default is None


@EVERY_TYPE
def test_what_is_about_nobody_seals_nothing_since_there_is_no_key(model: type[EventType]) -> None:
    assert model.ABOUT in About
    if model.ABOUT is About.NOBODY:
        assert model.RETENTIONS == {}


@EVERY_TYPE
def test_a_type_needs_tags_that_there_are(model: type[EventType]) -> None:
    assert set(model.NEEDS) <= set(TAG_KINDS)
    assert len(set(model.NEEDS)) == len(model.NEEDS)


def test_what_happens_to_a_deal_ticket_task_or_account_says_to_which() -> None:
    """The first word of a type names what it happens to."""
    for model in TYPES:
        group = model.TOPIC.partition(".")[0]
        needed = "account" if group == "member" else group
        named = needed in {"account", "campaign", "deal", "task", "ticket"}
        assert list(model.NEEDS) == [needed] * named


def test_the_types_that_happen_to_nobody_or_perhaps_to_somebody() -> None:
    found = {about: {m.TOPIC for m in TYPES if m.ABOUT is about} for about in About}
    assert found[About.NOBODY] == {
        "account.identified", "campaign.cost_recorded", "campaign.launched", "goal.set",
        "ledger.recovered", "notice.published", "pipeline.defined", "rate.published",
        "redaction.proposed", "schema.registered",
    }  # fmt: skip
    assert found[About.MAYBE] == {"event.redacted", "personal_data.opened"} | {
        model.TOPIC for model in TYPES if model.TOPIC.startswith(("deal.", "task.", "ticket."))
    }


def test_the_types_that_happen_without_a_person_turning_to_us() -> None:
    """Of each that a door may append about somebody, a reader has judged which it is."""
    passive = {
        "ad.clicked", "call.logged", "cart.abandoned", "chat.ended", "chat.handed_over",
        "consent.requested", "custom.tracked", "customer.identified", "customer.updated",
        "deal.amount_changed", "deal.lost", "deal.moved", "deal.reopened", "deal.won",
        "email.bounced", "email.clicked", "email.complained", "email.delivered", "email.opened",
        "email.sent", "feature.used", "lead.captured", "lead.disqualified", "lead.qualified",
        "loyalty.earned", "member.joined", "member.left", "message.sent", "order.cancelled",
        "order.refunded", "page.viewed", "score.recorded", "social.engaged",
        "subscription.cancelled", "subscription.renewed", "task.completed", "task.scheduled",
        "ticket.assigned", "ticket.closed", "ticket.escalated", "ticket.resolved",
    }  # fmt: skip
    deeds = {
        "chat.messaged", "chat.started", "consent.given", "consent.refused", "consent.withdrawn",
        "deal.opened", "email.unsubscribed", "event.attended", "form.submitted", "loyalty.redeemed",
        "meeting.held", "message.received", "objection.lifted", "objection.raised", "order.placed",
        "preference.set", "referral.made", "subscription.started", "survey.answered",
        "ticket.opened", "ticket.reopened", "ticket.replied",
    }  # fmt: skip
    doors = [m for m in TYPES if not m.RESERVED and m.ABOUT is not About.NOBODY]
    assert {m.TOPIC for m in doors if m.PASSIVE} == passive
    assert {m.TOPIC for m in doors if not m.PASSIVE} == deeds
    assert not any(m.PASSIVE for m in TYPES if m not in doors)


# ---- nothing personal in the clear


def faults(hint: Any, *, nested: bool = False) -> Iterator[str]:
    """Yield why a field is not fit to stand in the clear; a marked one, at the top, may hold anything.

    Written from the annotations, not from `RETENTIONS`, so that a mark which the mechanism
    overlooks is found as well.
    """
    if any(hint == closed for closed in CLOSED_TEXT) or hint in PLAIN_VALUES:
        return
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if any(isinstance(mark, Personal) for mark in inner[1:]):
            if nested:
                yield "marked inside another model, where nothing seals it"
            return
        yield from faults(inner[0], nested=nested)
    elif origin in (Union, UnionType, tuple, list):
        for one in inner:
            if one is not Ellipsis:
                yield from faults(one, nested=nested)
    elif origin is Literal or (isinstance(hint, type) and issubclass(hint, Enum)):
        return
    elif isinstance(hint, type) and issubclass(hint, BaseModel):
        for name, within in get_type_hints(hint, include_extras=True).items():
            if name in hint.model_fields:
                yield from (f"{name}: {fault}" for fault in faults(within, nested=True))
    else:
        yield f"{hint} may hold any text"


def hints(model: type[EventType]) -> dict[str, Any]:
    found = get_type_hints(model, include_extras=True)
    return {name: found[name] for name in model.model_fields}


@EVERY_TYPE
def test_free_text_is_marked_personal_or_known_to_be_safe(model: type[EventType]) -> None:
    found = {
        name: list(faults(hint))
        for name, hint in hints(model).items()
        if (model.TOPIC, name) not in SAFE_TEXT
    }
    assert {name: why for name, why in found.items() if why} == {}


def test_safe_text_is_named_where_it_stands() -> None:
    for topic, name in SAFE_TEXT:
        assert name in find(topic).model_fields
        assert list(faults(hints(find(topic))[name]))
        assert name not in find(topic).RETENTIONS


class Inner(BaseModel):
    code: Code
    said: str
    heard: Annotated[str, Personal(catalogue.Retention.CONTENT)]


@pytest.mark.parametrize(
    ("hint", "why"),
    [
        (str, ["<class 'str'> may hold any text"]),
        (str | None, ["<class 'str'> may hold any text"]),
        (Annotated[str, "note"], ["<class 'str'> may hold any text"]),
        (tuple[str, ...], ["<class 'str'> may hold any text"]),
        (dict[str, int], ["dict[str, int] may hold any text"]),
        (Any, ["typing.Any may hold any text"]),
        (
            tuple[Inner, ...] | None,
            [
                "said: <class 'str'> may hold any text",
                "heard: marked inside another model, where nothing seals it",
            ],
        ),
        (Annotated[str, Personal(catalogue.Retention.LEGAL)] | None, []),
        (list[Code] | Literal["a", "b"] | None, []),
        (tuple[Domain, ...] | None, []),
        (JsonObject | None, ["dict[str, typing.Any] may hold any text"]),
        (ContentObject | None, []),
    ],
)
def test_the_walk_sees_free_text_wherever_it_hides(hint: Any, why: list[str]) -> None:
    assert list(faults(hint)) == why


def shape(hint: Any) -> str:
    """Return what a field is, without whether it may be absent."""
    if get_origin(hint) in (Union, UnionType):
        return " | ".join(sorted(str(one) for one in get_args(hint) if one is not NoneType))
    return str(hint)


def test_one_name_means_one_thing_in_every_type() -> None:
    meanings: dict[str, set[tuple[str, object]]] = defaultdict(set)
    for model in TYPES:
        for name, hint in hints(model).items():
            meanings[name].add((shape(hint), model.RETENTIONS.get(name)))
    assert {name: found for name, found in meanings.items() if len(found) > 1} == {}


@EVERY_TYPE
def test_what_is_marked_is_what_is_sealed(model: type[EventType]) -> None:
    marked = {name for name, hint in hints(model).items() if "Personal(" in str(hint)}
    assert set(model.RETENTIONS) == marked


# ---- the events relation covers the catalogue

ENVELOPE = {
    "position", "recorded_at", "id", "type", "version", "domain", "customer", "occurred_at",
    "source", "actor", "correlation", "causation", "moment",
}  # fmt: skip


def test_the_relation_has_a_column_for_each_clear_attribute_and_tag_and_nothing_personal() -> None:
    clear = {n for model in TYPES for n in model.model_fields if n not in model.RETENTIONS}
    sealed = {n for model in TYPES for n in model.RETENTIONS}
    columns = relation.columns()
    assert set(columns) == ENVELOPE | set(TAG_KINDS) | clear | {"data"}
    assert not set(columns) & sealed
    assert set(REFERENCE_KINDS) <= set(TAG_KINDS)
    for name, column in columns.items():
        assert column.name == name
        assert column.meaning


# ---- the door


@EVERY_TYPE
def test_reserved_types_do_not_come_through_a_door(model: type[EventType]) -> None:
    given = attributes(read(EXAMPLES / f"{model.TOPIC}.v{model.VERSION}.json"))
    if model.RESERVED:
        message = f"type: expected a type that a door may append, came '{model.TOPIC}'"
        with pytest.raises(ReservedType, match=f"^{re.escape(message)}$"):
            parse(model.TOPIC, given)
    else:
        assert parse(model.TOPIC, given) == parse(model.TOPIC, given, at_a_door=False)


def test_the_types_that_only_commands_may_append() -> None:
    reserved = {model.TOPIC for model in TYPES if model.RESERVED}
    assert reserved == {
        "customer.erased", "customer.erasing", "customer.rectified", "customer.restricted",
        "customer.unrestricted", "customers.merged", "customers.split", "event.redacted",
        "hold.placed", "hold.released", "ledger.recovered", "notice.published", "personal_data.exported",
        "personal_data.opened", "pipeline.defined", "privacy.challenged", "privacy.confirmed",
        "privacy.extended", "privacy.fulfilled", "privacy.refused", "privacy.requested",
        "privacy.verified", "redaction.proposed", "schema.registered",
    }  # fmt: skip
    in_privacy = {model.TOPIC for model in TYPES if model.DOMAIN is Domain.PRIVACY}
    assert in_privacy <= reserved
