"""A schema may get more to say, and nothing that it said may change: a row for each way to break that."""

from copy import deepcopy
from typing import Any

import pytest

from streams.contracts import broken, changes

BEFORE: dict[str, Any] = {
    "$id": "urn:bahi:order.placed:1",
    "title": "order.placed, version 1",
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "object",
            "required": ["amount_minor"],
            "properties": {
                "amount_minor": {"type": "integer", "minimum": 0},
                "plan": {"type": "string", "enum": ["week", "month"]},
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"product": {"type": "string"}}},
                },
            },
        }
    },
}
NEW = {"type": "string", "format": "uuid"}


def changed(*path: str, to: Any = None) -> dict[str, Any]:
    """The schema with what stands at that place replaced, or gone."""
    schema = deepcopy(BEFORE)
    at: Any = schema
    for step in path[:-1]:
        at = at[step]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return schema


FIELDS = ("properties", "data", "properties")
LINE = (*FIELDS, "lines", "items", "properties")

SAME = [
    pytest.param(changed("title", to="another"), id="another title"),
    pytest.param(changed(*FIELDS, "plan", "description", to="how often"), id="a description"),
]
MORE = [
    pytest.param(changed(*FIELDS, "voucher", to=NEW), "data.voucher", id="a field"),
    pytest.param(changed(*LINE, "colour", to=NEW), "data.lines[].colour", id="a field of an item"),
]
OTHERWISE = [
    pytest.param(
        changed(*FIELDS, "plan"), "data.plan: expected it to stay, came nothing", id="a field gone"
    ),
    pytest.param(
        changed(*FIELDS, "amount_minor", "type", to="number"),
        "data.amount_minor: type: expected integer, came number",
        id="another type",
    ),
    pytest.param(
        changed(*FIELDS, "amount_minor", "minimum"),
        "data.amount_minor: minimum: expected 0, came None",
        id="another range",
    ),
    pytest.param(
        changed(*FIELDS, "plan", "enum", to=["week", "month", "year"]),
        "data.plan: enum: expected ['week', 'month'], came ['week', 'month', 'year']",
        id="a value nobody reckons with",
    ),
    pytest.param(
        changed("properties", "data", "required", to=["amount_minor", "plan"]),
        "data: required: expected ['amount_minor'], came ['amount_minor', 'plan']",
        id="one more that has to be there",
    ),
    pytest.param(
        changed("properties", "data", "required"),
        "data: required: expected ['amount_minor'], came None",
        id="one less that is always there",
    ),
    pytest.param(
        changed("properties", "data", "additionalProperties", to=False),
        "data: additionalProperties: expected None, came False",
        id="closed",
    ),
    pytest.param(
        changed(*FIELDS, "lines", "items"),
        "data.lines: items: expected some, came none",
        id="items of any kind",
    ),
    pytest.param(
        changed(*LINE, "product", "type", to="integer"),
        "data.lines[].product: type: expected string, came integer",
        id="another type in an item",
    ),
]


@pytest.mark.parametrize("after", SAME)
@pytest.mark.parametrize("more", [True, False])
def test_words_for_people_may_change(after: dict[str, Any], more: bool) -> None:
    assert [*changes(BEFORE, after, more=more)] == []


@pytest.mark.parametrize(("after", "field"), MORE)
def test_a_new_optional_field_is_more_and_nothing_else(after: dict[str, Any], field: str) -> None:
    assert [*changes(BEFORE, after, more=True)] == []
    assert [*changes(BEFORE, after, more=False)] == [f"{field}: expected no new field, came one"]


@pytest.mark.parametrize(("after", "told"), OTHERWISE)
@pytest.mark.parametrize("more", [True, False])
def test_what_stands_stays(after: dict[str, Any], told: str, more: bool) -> None:
    assert [*changes(BEFORE, after, more=more)] == [told]


V1, V2, ROW = "schemas/order.placed.v1.json", "schemas/order.placed.v2.json", "schemas/row.x.json"
GROWN, BENT = changed(*FIELDS, "voucher", to=NEW), changed(*FIELDS, "amount_minor", to=NEW)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({V1: BEFORE}, {V1: BEFORE, V2: GROWN}, []),
        ({ROW: BEFORE}, {ROW: GROWN}, []),
        ({V1: BEFORE}, {}, [f"{V1}: expected it to stay, came nothing"]),
        ({V1: BEFORE}, {V1: GROWN}, [f"{V1}: data.voucher: expected no new field, came one"]),
        ({V1: BEFORE, V2: GROWN}, {V1: BEFORE, V2: BEFORE},
         [f"{V2}: data.voucher: expected it to stay, came nothing"]),
        ({}, {V1: GROWN, V2: BEFORE}, [f"{V2}: data.voucher: expected it to stay, came nothing"]),
        ({}, {V1: BEFORE, V2: BENT},
         [f"{V2}: data.amount_minor: format: expected None, came uuid",
          f"{V2}: data.amount_minor: minimum: expected 0, came None",
          f"{V2}: data.amount_minor: type: expected integer, came string"]),
    ],
)  # fmt: skip
def test_a_version_stays_and_the_next_one_only_adds(
    before: dict[str, Any], after: dict[str, Any], told: list[str]
) -> None:
    assert [*broken(before, after)] == told
