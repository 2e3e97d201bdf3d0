"""How what is handed in, and what is answered, stands in the contract."""

from collections.abc import Mapping
from typing import Any

from api.http.answers import JSON, NDJSON

_Schema = dict[str, Any]

REFUSED = (
    "unknown-type",
    "reserved-type",
    "identity-conflict",
    "names-erased",
    "id-reused",
)
"""The problems that an item may have, besides a field that is wrong or a limit that is passed."""

_TEXT: _Schema = {"type": "string"}
_TEXTS: _Schema = {
    "type": "object",
    "additionalProperties": {"type": ["string", "integer", "null"]},
}
_ANYTHING: _Schema = {"type": "object", "additionalProperties": True}

EVENT: _Schema = {
    "title": "Event",
    "type": "object",
    "required": ["id", "type"],
    "additionalProperties": False,
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "description": "The sender's own id of this message: the same again is the same event.",
        },
        "type": {"type": "string", "description": "A type of the catalogue."},
        "occurred_at": {
            "type": "string",
            "format": "date-time",
            "description": "When it happened, with a zone; else when it came.",
        },
        "identifiers": _TEXTS | {"description": "Who it is about, the most trusted first."},
        "references": _TEXTS | {"description": "Numbers of an account, deal, ticket, order, task."},
        "tags": _TEXTS | {"description": "In the clear: campaign and market."},
        "data": _ANYTHING | {"description": "Attributes of the type, clear and personal."},
        "correlation": {"type": "string", "format": "uuid"},
        "causation": {"type": "string", "format": "uuid"},
    },
}
_EVENT_EXAMPLE = {
    "id": "A-1042",
    "type": "order.placed",
    "occurred_at": "2026-01-31T12:00:00Z",
    "identifiers": {"user": "u17", "email": "anna@example.com"},
    "references": {"order": "A-1042"},
    "tags": {"campaign": "spring", "market": "DE"},
    "data": {"amount_minor": 1250, "currency": "EUR"},
}
_CLOUDEVENT: _Schema = {
    "title": "CloudEvent",
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "additionalProperties": True,
    "properties": {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "minLength": 1},
        "type": {"type": "string", "description": "A type of the catalogue."},
        "time": {"type": "string", "format": "date-time"},
        "data": {
            "type": "object",
            "properties": dict.fromkeys(("identifiers", "references", "tags", "data"), _ANYTHING),
        },
    },
}
_CLOUDEVENT_EXAMPLE = {
    "specversion": "1.0",
    "id": "A-1042",
    "source": "/shop",
    "type": "order.placed",
    "time": "2026-01-31T12:00:00Z",
    "data": {name: _EVENT_EXAMPLE[name] for name in ("identifiers", "references", "tags", "data")},
}


def _content(schema: _Schema, **examples: Any) -> dict[str, Any]:
    shown = {name: {"value": value} for name, value in examples.items()}
    return {"schema": schema, "examples": shown}


EVENTS: Mapping[str, Any] = {
    "required": True,
    "description": "At most 10 MiB (unpacked, where it is gzip'd), 10,000 items and 1 MiB an item; JSON at "
    "most 32 levels deep. In binary mode a CloudEvent has its attributes in `ce-…` headers.",
    "content": {
        JSON: _content(
            {"anyOf": [EVENT, {"type": "array", "items": EVENT, "maxItems": 10_000}]},
            one=_EVENT_EXAMPLE,
            several=[_EVENT_EXAMPLE],
        ),
        NDJSON: {"schema": {"type": "string", "description": "An event a line."}},
        "application/cloudevents+json": _content(_CLOUDEVENT, one=_CLOUDEVENT_EXAMPLE),
        "application/cloudevents-batch+json": _content(
            {"type": "array", "items": _CLOUDEVENT, "maxItems": 10_000},
            several=[_CLOUDEVENT_EXAMPLE],
        ),
    },
}

_POSITION: _Schema = {
    "type": "integer",
    "minimum": 1,
    "description": "Where it stands in the book; reads take it as `min_position`. Client keys are not told.",
}
_TAKEN: _Schema = {
    "title": "Taken",
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": ["appended", "duplicate"]}, "position": _POSITION},
}
_OUTCOMES: _Schema = {
    "title": "Outcomes",
    "type": "object",
    "required": ["position", "appended", "duplicates", "refused", "outcomes"],
    "properties": {
        "position": {
            "type": ["integer", "null"],
            "description": "The last position of what is in the book.",
        },
        "appended": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "refused": {"type": "integer"},
        "outcomes": {
            "type": "array",
            "items": {
                "title": "Outcome",
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"enum": ["appended", "duplicate", "refused"]},
                    "position": _POSITION,
                    "problem": {"$ref": "#/components/schemas/Problem"},
                },
            },
        },
    },
}
_ONE_TAKEN = {"status": "appended", "position": 1043}
_ALL_TAKEN = {
    "position": 1043,
    "appended": 1,
    "duplicates": 0,
    "refused": 0,
    "outcomes": [_ONE_TAKEN],
}
_SOME_TAKEN = _ALL_TAKEN | {
    "refused": 1,
    "outcomes": [
        _ONE_TAKEN,
        {
            "status": "refused",
            "problem": {
                "type": "/problems/bad-field",
                "title": "A field is wrong",
                "status": 422,
                "detail": "id: expected text, came nothing",
                "field": "id",
                "expected": "text",
                "came": "nothing",
            },
        },
    ],
}

EVENTS_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "It was in the book already; or everything of several is.",
        "content": {
            JSON: _content(
                {"anyOf": [_TAKEN, _OUTCOMES]},
                one={"status": "duplicate", "position": 17},
                several=_ALL_TAKEN,
            )
        },
    },
    201: {
        "description": "It is in the book.",
        "content": {JSON: _content(_TAKEN, one=_ONE_TAKEN)},
    },
    207: {
        "description": "Some, or all, were refused, and wait as dead letters.",
        "content": {JSON: _content(_OUTCOMES, several=_SOME_TAKEN)},
    },
}

_MERGED = {
    "anonymousId": _TEXT,
    "userId": {"type": ["string", "integer", "null"]},
    "messageId": _TEXT | {"description": "The same again is the same event."},
    "timestamp": {"type": "string", "format": "date-time"},
    "originalTimestamp": {"type": "string", "format": "date-time"},
    "sentAt": {"type": "string", "format": "date-time"},
    "context": _ANYTHING,
    "integrations": _ANYTHING,
}
_OF_CALLS: Mapping[str, dict[str, _Schema]] = {
    "identify": {"traits": _ANYTHING},
    "track": {"event": _TEXT, "properties": _ANYTHING},
    "page": {"name": _TEXT, "properties": _ANYTHING},
    "screen": {"name": _TEXT, "properties": _ANYTHING},
    "group": {"groupId": _TEXT, "traits": _ANYTHING},
    "alias": {"previousId": _TEXT},
}
_EXAMPLES: Mapping[str, dict[str, Any]] = {
    "identify": {"traits": {"name": "Anna Beer", "email": "anna@example.com"}},
    "track": {"event": "Article Completed", "properties": {"section": "care"}},
    "page": {"name": "pricing", "properties": {"url": "https://example.com/pricing"}},
    "screen": {"name": "home"},
    "group": {"groupId": "acme"},
    "alias": {"previousId": "a-7f3c"},
}
_EXAMPLE = {"userId": "u17", "messageId": "m-1", "timestamp": "2026-01-31T12:00:00Z"}
_WRITE_KEY = _TEXT | {"description": "The key, where no Authorization brings it."}
# In words: writers of clients leave out a route that has a media type which they do not know.
_IN_BROWSERS = "Read as JSON whatever its content type, which browsers give as `text/plain`."


def segment_call(call: str) -> dict[str, Any]:
    """The body of one of Segment's calls."""
    schema = {
        "title": f"Segment{call.title()}",
        "type": "object",
        "additionalProperties": True,
        "properties": {**_MERGED, **_OF_CALLS[call], "writeKey": _WRITE_KEY},
    }
    return {
        "required": True,
        "description": f"At most 32 KiB. {_IN_BROWSERS}",
        "content": {JSON: _content(schema, one=_EXAMPLE | _EXAMPLES[call])},
    }


SEGMENT_BATCH: Mapping[str, Any] = {
    "required": True,
    "description": "At most 500 KiB and 2,500 calls, each of 32 KiB at the most. `context` and `integrations` "
    f"hold for each call that does not say otherwise. {_IN_BROWSERS}",
    "content": {
        JSON: _content(
            {
                "title": "SegmentBatch",
                "type": "object",
                "required": ["batch"],
                "additionalProperties": True,
                "properties": {
                    "batch": {"type": "array", "items": _ANYTHING, "maxItems": 2500},
                    "sentAt": {"type": "string", "format": "date-time"},
                    "context": _ANYTHING,
                    "integrations": _ANYTHING,
                    "writeKey": _WRITE_KEY,
                },
            },
            several={
                "batch": [{"type": call, **_EXAMPLE, **more} for call, more in _EXAMPLES.items()]
            },
        )
    },
}

SEGMENT_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "What could be taken is in the book for good; what was refused waits as a dead letter.",
        "headers": {
            "Bahi-Position": {
                "description": "The last position of what is in the book.",
                "schema": {"type": "integer"},
            },
            "Bahi-Refused": {
                "description": "How many were refused, if any.",
                "schema": {"type": "integer"},
            },
        },
        "content": {
            JSON: _content(
                {"type": "object", "properties": {"success": {"type": "boolean"}}},
                taken={"success": True},
            )
        },
    }
}
