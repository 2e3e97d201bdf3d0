"""The AsyncAPI document: the topics, what is on each, under which key, and how long it stays.

Source: AsyncAPI 3.0.0, with its Kafka bindings 0.5.0. Values are described by the schemas beside it.
"""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

from ledger.catalogue import About, Domain, EventType
from ledger.settings import Settings
from streams.contracts.schemas import KEYS, ROWS, Schema, published
from streams.kafka.cloud_events import schema_of
from streams.kafka.topics import TOPICS, Kept, Topic

_BINDING = "0.5.0"
_SCHEMA_FORMAT = "application/schema+json;version=draft-07"

_INTRODUCTION = """\
What the book takes goes out once, in the order of its position within each key, in transactions: read with
`isolation.level=read_committed`. Nothing on any topic is readable about anybody; what is personal is sealed.
Schemas are open, and a version only adds: pass over what you do not know."""

_TOPICS = {
    Topic.EVENTS: "What happened: touchpoints, sales and service, each event once, as CloudEvents in binary mode. "
    "Of somebody who is erased it says what happened, of nobody.",
    Topic.ERASURES: "Whom to forget, whom to leave alone for now, who is one person and who is two. "
    "Never deleted: whoever subscribes late has as much to forget.",
    Topic.CUSTOMERS: "The latest row of each customer; a tombstone when they are erased, restricted or merged.",
    Topic.CONSENTS: "The latest answer for each customer, purpose and channel; a tombstone when they are "
    "erased, restricted or merged.",
    Topic.DEALS: "The latest row of each deal.",
    Topic.DEAD: "Messages of others that `bahi consume` could not take: where and why, and nothing of what is "
    "in them. One that is read again, after a crash, is told again under the same key.",
}

_CLOUD_EVENT: Mapping[str, tuple[Schema, str]] = {
    "ce_specversion": ({"const": "1.0"}, "CloudEvents"),
    "ce_id": ({"format": "uuid"}, "the event's own id, the same for ever"),
    "ce_source": ({"format": "uri-reference"}, "the ledger, and the system it came through"),
    "ce_type": ({}, "its type"),
    "ce_time": ({"format": "date-time"}, "when it happened, by the source; may be late"),
    "ce_dataschema": ({"format": "uri"}, "the schema of the value"),
    "ce_position": ({"pattern": "^[1-9][0-9]*$"}, "its place in the book: 1, 2, 3 …"),
    "ce_recordedtime": ({"format": "date-time"}, "when the book took it; never decreases"),
    "ce_domain": ({"enum": [domain.value for domain in Domain]}, "part of the business"),
    "ce_typeversion": ({"pattern": "^[1-9][0-9]*$"}, "the version of its type"),
    "ce_partitionkey": ({}, "the record's key"),
    "content-type": ({"const": "application/json"}, "how the value is written"),
    "ce_subject": ({"format": "uuid"}, "the customer, a random id; absent where it is of nobody"),
    "ce_correlation": ({"format": "uuid"}, "ties a chain of events together"),
    "ce_causation": ({"format": "uuid"}, "the event that led to this one"),
}
_MAY_BE_ABSENT = frozenset({"ce_subject", "ce_correlation", "ce_causation"})

_WRITERS = {Topic.DEAD: "consume"}
_EVENT_TOPICS = (Topic.EVENTS, Topic.ERASURES)


def schema_file(model: type[EventType], number: int) -> str:
    """Where the schema of a version of a type stands, beside the document."""
    return f"schemas/{model.TOPIC}.v{number}.json"


def row_file(topic: Topic) -> str:
    """Where the schema of a topic's rows stands."""
    return f"schemas/row.{topic}.json"


REFUSAL_FILE = "schemas/refusal.json"
"""Where the schema of a refusal stands."""


def asyncapi(settings: Settings) -> Schema:
    """The document for topics that are named and kept as the settings say."""
    messages: Schema = {}
    channels: Schema = {}
    operations: Schema = {}
    for topic, says in _TOPICS.items():
        theirs = dict(_messages(topic))
        messages |= theirs
        channels[topic] = {
            "address": f"{settings.kafka_prefix}.{topic}",
            "description": says,
            "messages": {name: _ref("messages", name) for name in theirs},
            "bindings": {"kafka": _kept(TOPICS[topic], settings)},
        }
        operations[f"write-{topic}"] = {
            "action": "send",
            "channel": {"$ref": f"#/channels/{topic}"},
            "summary": f"`bahi {_WRITERS.get(topic, 'publish')}` writes {settings.kafka_prefix}.{topic}; "
            "nobody else does.",
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Bahi: the topics",
            "version": version("bahi"),
            "description": _INTRODUCTION,
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "schemas": {"cloudEvent": _headers()}},
    }


def _messages(topic: Topic) -> Iterator[tuple[str, Schema]]:
    if topic in _EVENT_TOPICS:
        return _of_events(topic)
    return iter([_refusal()]) if topic is Topic.DEAD else _of_rows(topic)


def _of_events(topic: Topic) -> Iterator[tuple[str, Schema]]:
    for model in published(topic):
        numbers = range(1, model.VERSION + 1)
        customer: Schema = {"type": "string", "format": "uuid"}
        key: Schema = {"description": "the customer", **customer}
        if topic is Topic.EVENTS:  # of the erased, too, there is the type alone
            nobody = {"const": model.TOPIC}
            said = "its type, since it is of nobody"
            key = {"description": said, **nobody}
            if model.ABOUT is not About.NOBODY:
                key = {"description": f"the customer, else {said}", "anyOf": [customer, nobody]}
        own: Schema = {
            "properties": {
                "ce_type": {"const": model.TOPIC},
                "ce_domain": {"const": model.DOMAIN.value},
                "ce_typeversion": {"enum": [str(number) for number in numbers]},
                "ce_dataschema": {"enum": [schema_of(model.TOPIC, number) for number in numbers]},
            }
        }
        if topic is Topic.ERASURES:
            own["required"] = ["ce_subject"]
        yield (
            model.TOPIC,
            {
                "name": model.TOPIC,
                "title": model.TOPIC,
                "description": cleandoc(model.__doc__ or ""),
                "contentType": "application/json",
                "headers": {"allOf": [_ref("schemas", "cloudEvent"), own]},
                # The newest takes what was written by all before.
                "payload": _payload(schema_file(model, model.VERSION)),
                "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
            },
        )


def _of_rows(topic: Topic) -> Iterator[tuple[str, Schema]]:
    of = ":".join(KEYS[topic])
    binding: Schema = {
        "kafka": {"key": {"type": "string", "description": of}, "bindingVersion": _BINDING}
    }
    row: Schema = {"name": f"{topic}.row", "description": ROWS[topic]}
    yield (
        f"{topic}.row",
        {
            **row,
            "contentType": "application/json",
            "headers": _object({"content-type": {"const": "application/json"}}),
            "payload": _payload(row_file(topic)),
            "bindings": binding,
        },
    )
    yield (
        f"{topic}.tombstone",
        {
            "name": f"{topic}.tombstone",
            "description": "There is no row under this key any more: remove it.",
            "payload": {"type": "null"},
            "bindings": binding,
        },
    )


def _refusal() -> tuple[str, Schema]:
    key: Schema = {"type": "string", "description": "topic/partition/offset of the message"}
    return "refusal", {
        "name": "refusal",
        "contentType": "application/json",
        "headers": _object({"content-type": {"const": "application/json"}}),
        "payload": _payload(REFUSAL_FILE),
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _payload(file: str) -> Schema:
    return {"schemaFormat": _SCHEMA_FORMAT, "schema": {"$ref": file}}


def _headers() -> Schema:
    return _object(
        {name: {"description": says, **kind} for name, (kind, says) in _CLOUD_EVENT.items()}
    )


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": [name for name in properties if name not in _MAY_BE_ABSENT],
        "properties": {name: {"type": "string", **kind} for name, kind in properties.items()},
    }


def _kept(kept: Kept, settings: Settings) -> Schema:
    config: dict[str, Any] = {"cleanup.policy": [kept.cleanup.value]}
    config |= {name: int(value) for name, value in kept.config.items()}
    return {
        "partitions": kept.partitions or settings.kafka_partitions,
        "topicConfiguration": config,
        "bindingVersion": _BINDING,
    }


def _ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}
