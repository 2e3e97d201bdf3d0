"""How the answers of reading are documented: what comes in each form, with an example."""

from collections.abc import Mapping
from typing import Any

from api.http.answers import JSON, NEXT, POSITION

Schema = Mapping[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
ID: Schema = {"type": "string", "format": "uuid"}
CURSOR: Schema = {
    "type": ["string", "null"],
    "description": "Of the next page, for `cursor`; null where there is none.",
}

_POSITION = {"description": "Everything up to there is in it.", "schema": {"type": "integer"}}
_NEXT = {"description": "The cursor of the next page.", "schema": {"type": "string"}}
_TAG = {"description": "For If-None-Match.", "schema": {"type": "string"}}

UNCHANGED: Mapping[int | str, dict[str, Any]] = {
    304: {"description": "As it was, for whoever sent its ETag in If-None-Match."}
}


def objects(required: Mapping[str, Schema], more: Mapping[str, Schema] | None = None) -> Schema:
    """An object that has these, and may have more."""
    properties = {**required, **(more or {})}
    return {"type": "object", "required": [*required], "properties": properties}


def listed(items: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items}


def answer(
    description: str, schema: Schema, example: Any, others: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """An answer in JSON, and in other forms by their media type, each with an example."""
    content: dict[str, Any] = {JSON: {"schema": schema, "example": example}}
    for media, one in (others or {}).items():
        content[media] = {"schema": {"type": "string"}, "example": one}
    headers = {POSITION: _POSITION, "ETag": _TAG}
    if others:
        headers[NEXT] = _NEXT
    return {"description": description, "headers": headers, "content": content}
