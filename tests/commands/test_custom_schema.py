"""Which schemas may be registered: those whose properties can each be judged, here and alone."""

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from commands.custom import check_schema
from ledger.catalogue import parse
from ledger.errors import BadField

WATCHED = {
    "type": "object",
    "properties": {"seconds": {"type": "integer"}},
    "required": ["seconds"],
}


def schema_of(x: object, **more: object) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": x}, **more}


FORMATS = "one of " + ", ".join(sorted(Draft202012Validator.FORMAT_CHECKER.checkers))
ALONE = "safe_properties: expected properties, each judged by itself, came "
WHOLE = "safe_properties: expected a schema that needs no other, came "
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("a b", WATCHED, "event_name: expected a name of 1 to 64 letters, digits and _.:/+-, came text of 3 characters"),
    ("a", {}, "safe_properties.type: expected object, came nothing"),
    ("a", {"type": "array"}, "safe_properties.type: expected object, came text of 5 characters"),
    ("a", {"type": ["object"]}, "safe_properties.type: expected object, came list of 1"),
    ("a", schema_of({"$ref": "https://example.com/s"}), WHOLE + "'$ref'"),
    ("a", schema_of({"items": {"anyOf": [{"$dynamicRef": "#n"}]}}), WHOLE + "'$dynamicRef'"),
    ("a", schema_of({"$recursiveRef": "#"}), WHOLE + "'$recursiveRef'"),
    ("a", schema_of(True, additionalProperties={"$ref": "#"}), WHOLE + "'$ref'"),
    ("a", schema_of(True, allOf=[{"maxProperties": 1}]), ALONE + "'allOf'"),
    ("a", {"type": "object", "if": {}, "then": False}, ALONE + "'if'"),
    ("a", {"type": "object", "patternProperties": {"^x": True}}, ALONE + "'patternProperties'"),
    ("a", schema_of(True, **{"$schema": "http://json-schema.org/draft-07/schema#"}),
     "safe_properties.$schema: expected https://json-schema.org/draft/2020-12/schema, or none, came text of 39 characters"),
    ("a", schema_of({"format": "telephone"}), f"safe_properties.format: expected {FORMATS}, came 'telephone'"),
    ("a", schema_of({"type": "text"}), "safe_properties.properties.x.type: expected JSON Schema of 2020-12, came text of 4 characters"),
    ("a", schema_of({"pattern": "("}), "safe_properties.properties.x.pattern: expected JSON Schema of 2020-12, came text of 1 characters"),
    ("a", schema_of(5), "safe_properties.properties.x: expected JSON Schema of 2020-12, came int"),
    ("a", {"type": "object", "properties": []}, "safe_properties.properties: expected JSON Schema of 2020-12, came list of 0"),
    ("a", schema_of({"minimum": 0.5}), "safe_properties: expected text, whole numbers, true, false or lists of them, came float"),
    ("a", {"type": "object", "properties": {"कब": True}}, "safe_properties: expected names in ASCII, came text of 2 characters"),
    ("a", schema_of({"const": 2**53}), "safe_properties: expected an integer of at most 2^53-1, came a larger one"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "schema", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_a_schema_that_cannot_be_enforced_is_refused(
    name: str, schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadField, match=f"^{re.escape(message)}$") as refusal:
        check_schema(name, schema)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(
    "schema",
    [
        WATCHED,
        {"type": "object"},
        schema_of(True, title="Seen", description="क्या देखा", additionalProperties=False),
        schema_of({"format": "uuid"}, **{"$schema": "https://json-schema.org/draft/2020-12/schema"}),
        {"type": "object", "properties": {"format": {"type": "string"}, "type": {"const": "a"}}},
        schema_of({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}),
    ],
)  # fmt: skip
def test_a_schema_that_can_be_enforced_is_taken(schema: dict[str, Any]) -> None:
    check_schema("a", schema)
    parse("schema.registered", {"event_name": "a", "safe_properties": schema}, at_a_door=False)
