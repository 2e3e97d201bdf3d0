"""How answers are written: JSON by orjson, one document or a line for each of many; and how they are told apart."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import JSONResponse

JSON = "application/json"
NDJSON = "application/x-ndjson"
CSV = "text/csv"
PARQUET = "application/vnd.apache.parquet"
EVENT_STREAM = "text/event-stream"

POSITION = "Bahi-Position"
"""The header that says how much of the book is in an answer: everything up to there."""
NEXT = "Bahi-Next"
"""The header that has the cursor of the next page, where the body has no room for it."""


def write(document: Any) -> bytes:
    """A document in JSON: UUIDs and times as text, times in UTC with a Z."""
    return orjson.dumps(document, option=orjson.OPT_UTC_Z)


class Json(JSONResponse):
    """An answer that is one JSON document."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        return write(content)


def lines(documents: Iterable[Any]) -> Iterator[bytes]:
    """A line of JSON for each."""
    for document in documents:
        yield write(document) + b"\n"


def tag_of(*what: Any) -> str:
    """A weak ETag for what decides an answer; it says nothing of it to whoever does not know it."""
    digest = hashlib.sha256(orjson.dumps(what, default=str)).hexdigest()
    return f'W/"{digest[:32]}"'


def unchanged(request: Request, tag: str, headers: Mapping[str, str]) -> Response | None:
    """The answer to whoever has it already, by `If-None-Match`; None to everybody else."""
    given = request.headers.get("if-none-match", "")
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    if given.strip() != "*" and tag.removeprefix("W/") not in known:
        return None
    return Response(status_code=304, headers={**headers, "ETag": tag})


def wanted(request: Request, offered: Mapping[str, str]) -> str:
    """Which of the media types offered (each with what else it is called, or itself) Accept prefers; the first
    for whoever does not say, or wants none of them.
    """
    best, chosen = 0.0, next(iter(offered))
    for part in request.headers.get("accept", "").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        for media, also in offered.items():
            if name in (media, also) and quality > best:
                best, chosen = quality, media
    return chosen


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
