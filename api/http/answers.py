"""How answers are written: JSON by orjson, one document or a line for each of many."""

from typing import Any

import orjson
from fastapi import Response

JSON = "application/json"
NDJSON = "application/x-ndjson"


def write(document: Any) -> bytes:
    """A document in JSON: UUIDs and times as text, times in UTC with a Z."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


class Json(Response):
    """An answer that is one JSON document."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        return write(content)
