"""JSON Schemas of what stands on the topics: a value for each version of an event type, a row for each topic of rows.

They are open: whoever reads passes over what they do not know, since a version only adds. Draft 7, which
AsyncAPI embeds as it is; nothing in them refers to anything else.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from inspect import cleandoc
from typing import Any

import pyarrow as pa

from ledger import catalogue
from ledger.catalogue import REFERENCE_KINDS, TAG_KINDS, EventType
from projections.definition import Aggregate, Fold
from projections.questions import answer
from projections.value_types import ValueType
from projections.views import load
from streams.kafka.cloud_events import schema_of
from streams.kafka.rows import CONSENTS, CUSTOMERS, DEALS, PERMISSION
from streams.kafka.topics import Topic
from streams.outgoing import NOTICES, PUBLISHED

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"

ADDED: Mapping[str, Mapping[str, int]] = {
    "customer.erased": dict.fromkeys(
        ("classes", "epoch", "keys_tried", "identifiers_destroyed", "letters_destroyed"), 2
    ),
    "customer.rectified": {"withdrawn": 2, "request": 2},
}
"""By published type, the clear fields that came after its first version, and with which."""

ROWS = {
    Topic.CUSTOMERS: "Who a customer is to us, at a glance, merged people under the oldest of them.",
    Topic.CONSENTS: "Whether a customer may be sent something for a purpose on a channel, by which event, "
    "and until when, as of when the row was sent; `decided_by` is that event's position.",
    Topic.DEALS: "Where a deal stands, what it may be worth, and how it came to that.",
}
"""What a row of each topic of rows says."""

KEYS = {
    Topic.CUSTOMERS: ("customer",),
    Topic.CONSENTS: ("customer", "purpose", "channel"),
    Topic.DEALS: ("deal",),
}
"""The columns that make the key of a row, in this order, with `:` between them."""

_POSITION = {
    "type": "integer",
    "minimum": 0,
    "description": "the row has everything that the book took up to there, or further",
}
_NEVER_NULL = frozenset({*KEYS[Topic.CONSENTS], "allowed", "state"})
"""Columns of `permission`."""
_JSON_TYPES: Mapping[pa.DataType, Schema] = {
    ValueType.BOOLEAN.arrow: {"type": "boolean"},
    pa.bool8(): {"type": "boolean"},  # as a question has it
    ValueType.BIGINT.arrow: {"type": "integer"},
    ValueType.VARCHAR.arrow: {"type": "string"},
    ValueType.UUID.arrow: {"type": "string", "format": "uuid"},
    ValueType.TIMESTAMP.arrow: {"type": "string", "format": "date-time"},
    ValueType.DATE.arrow: {"type": "string", "format": "date"},
}


def published(topic: Topic) -> Iterator[type[EventType]]:
    """The types of a topic of events, in order of their names."""
    for model in catalogue.types():
        there = model.DOMAIN in PUBLISHED if topic is Topic.EVENTS else model.TOPIC in NOTICES
        if there:
            yield model


def event_schema(model: type[EventType], version: int) -> Schema:
    """The value of an event of that version: tags, what is in the clear, and what is sealed."""
    since = ADDED.get(model.TOPIC, {})
    whole = model.model_json_schema()
    found = _plain({**whole, "properties": _clear(model, whole)}, whole.get("$defs", {}))
    properties = {
        name: schema
        for name, schema in found["properties"].items()
        if since.get(name, 1) <= version
    }
    data: Schema = {"type": "object", "properties": properties}
    if required := [name for name in found.get("required", ()) if name in properties]:
        data["required"] = required
    return {
        "$schema": DRAFT,
        "$id": schema_of(model.TOPIC, version),
        "title": f"{model.TOPIC}, version {version}",
        "description": cleandoc(model.__doc__ or ""),
        "type": "object",
        "required": ["tags", "data", "personal"],
        "properties": {"tags": _tags(model), "data": data, "personal": _personal(model)},
    }


def row_schema(topic: Topic) -> Schema:
    """The value of a row of a topic; None, a tombstone, is not a row."""
    return {
        "$schema": DRAFT,
        "$id": f"urn:bahi:row:{topic}",
        "title": f"a row of {topic}",
        "description": ROWS[topic],
        "type": "object",
        # A row that was sent before its view had a column is there without it.
        "required": [*KEYS[topic], "position"],
        "properties": dict(_columns(topic)),
    }


def refusal_schema() -> Schema:
    """The value of a refusal: where the message is, and what was wrong with it."""
    whole, text = {"type": "integer", "minimum": 0}, {"type": "string"}
    said: Schema = {
        "topic": {**text, "description": "the message's topic"},
        "partition": whole,
        "offset": whole,
        "source": {
            **text,
            "description": "the system that it came from, as `bahi consume` was told",
        },
        "field": {**text, "description": "the field that was wrong, dotted"},
        "reason": {**text, "description": "what was expected and what came; no value is quoted"},
    }
    return {
        "$schema": DRAFT,
        "$id": "urn:bahi:refusal",
        "title": "a refusal",
        "description": "A message could not be taken. It is kept, sealed, and `bahi dead replay` tries it again.",
        "type": "object",
        "required": [*said],
        "properties": said,
    }


def _columns(topic: Topic) -> Iterator[tuple[str, Schema]]:
    folds = _shipped()
    if topic is Topic.CONSENTS:
        for field in _permission(folds[CONSENTS]):
            # The column of that name is the event that decides; a row's own position says how far it has come.
            name = "decided_by" if field.name == "position" else field.name
            yield name, _column(field.type, nullable=field.name not in _NEVER_NULL)
    else:
        fold = folds[CUSTOMERS if topic is Topic.CUSTOMERS else DEALS]
        for key in fold.keys:
            yield key.name, _column(key.type.arrow, nullable=False)
        for measure in fold.measures:
            counts = measure.aggregate is Aggregate.COUNT
            yield measure.name, _column(measure.type.arrow, nullable=not counts)
    yield "position", _POSITION


@cache
def _shipped() -> dict[str, Fold]:
    return load()[0]


def _permission(fold: Fold) -> pa.Schema:
    """The columns of the question, asked of nothing."""
    asked = {PERMISSION: load()[1][PERMISSION].sql(datetime(2000, 1, 1, tzinfo=UTC))}
    return answer(PERMISSION, {CONSENTS: fold.shown.empty_table()}, asked).schema


def _column(kind: pa.DataType, *, nullable: bool) -> Schema:
    found = _JSON_TYPES[kind]
    return {**found, "type": [found["type"], "null"]} if nullable else found


def _clear(model: type[EventType], whole: Schema) -> Schema:
    return {n: s for n, s in whole.get("properties", {}).items() if n not in model.RETENTIONS}


def _plain(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A schema of pydantic's without names of Python, with what it refers to in its place, and open.

    Absent is absent: what may be left out is never null.
    """
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]], **schema}
    some = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(some) == 1:
        schema = _plain({**schema, **some[0], "anyOf": ()}, definitions)
    elif some:
        raise TypeError("a field of two types has no plain schema")
    kept = {k: v for k, v in schema.items() if k not in _OF_PYDANTIC and (k, v) not in _CLOSED}
    if "\\p" in kept.get("pattern", ""):
        del kept["pattern"]  # a class of Unicode's: few readers' expressions know them
    if "properties" in kept:
        inner = kept["properties"].items()
        kept["properties"] = {name: _plain(one, definitions) for name, one in inner}
    if "items" in kept:
        kept["items"] = _plain(kept["items"], definitions)
    return kept


_OF_PYDANTIC = frozenset({"$defs", "$ref", "anyOf", "default", "title"})
_CLOSED = (("additionalProperties", False), ("additionalProperties", True))


def _tags(model: type[EventType]) -> Schema:
    kinds: Schema = {
        kind: {
            "type": "string",
            **({"format": "uuid"} if kind in REFERENCE_KINDS else {}),
            "description": f"random id of the {kind}" if kind in REFERENCE_KINDS else kind,
        }
        for kind in TAG_KINDS
    }
    tags: Schema = {
        "type": "object",
        "description": "what else it is about",
        "properties": kinds,
    }
    return {**tags, "required": [*model.NEEDS]} if model.NEEDS else tags


def _personal(model: type[EventType]) -> Schema:
    said = "base64 of each sealed blob, which only Bahi's own doors open, for whoever may"
    if model.RETENTIONS:
        fields = ", ".join(f"`{name}` ({why})" for name, why in sorted(model.RETENTIONS.items()))
        said += f"; what may be in them: {fields}, and by what the person was named"
    else:
        said += "; what may be in them: by what the person was named"
    return {
        "type": "array",
        "items": {"type": "string", "contentEncoding": "base64"},
        "description": said,
    }
