"""What a body holds by what its head says: one item, or several, and in which form.

Sources: RFC 8259, NDJSON (one JSON text a line), and CloudEvents 1.0.2, HTTP protocol binding, §3.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import unquote_to_bytes

from api.http.problems import Problem
from ledger.errors import BadField, Refused, TooLarge, came
from streams import cloudevents
from streams.arrays import elements
from streams.parts import CONTENT_TYPE, demand_json, is_json, json_of
from streams.posted import MAX_ITEM_BYTES, Form, Posted

MAX_ITEMS = 10_000
"""Most items of one request."""
MAX_BYTES = 10 * 1024 * 1024
"""Most bytes of one request, unpacked."""

_CE = "ce-"
_LINE = re.compile(rb"\S[^\n]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_ESCAPED = re.compile(r"\\(.)")
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl")
_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"
READ = ("application/json", _LINES[0], _STRUCTURED, _BATCH)
"""Content types that are read."""


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed in: items, or a single one that is answered alone."""

    items: list[Posted]
    single: bool


def handed_in(headers: Iterable[tuple[bytes, bytes]], body: bytes, received_at: datetime) -> Handed:
    """The items of a body. Raises `Problem` where the whole of it cannot be read."""
    pairs = [(name.decode("latin-1"), value) for name, value in headers]
    try:
        told = cloudevents.in_headers(pairs, _CE, (CONTENT_TYPE,))
        return _handed_in(told, body, received_at)
    except TooLarge as refusal:
        raise _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", refusal) from None
    except Refused as refusal:
        unread = refusal.field == CONTENT_TYPE
        status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE if unread else HTTPStatus.BAD_REQUEST
        raise _problem(
            status, "unsupported-media-type" if unread else "malformed", refusal
        ) from None


def _handed_in(headers: dict[str, str], body: bytes, at: datetime) -> Handed:
    said = headers.pop(CONTENT_TYPE, "")
    kind = said.partition(";")[0].strip().lower()
    demand_json(said, as_said=not kind or is_json(kind) or kind in _LINES)
    if kind == _BATCH:
        return _unread(elements(body, "body", MAX_ITEMS), Form.CLOUDEVENT, at)
    if kind == _STRUCTURED:
        return _alone(Form.CLOUDEVENT, _object(body), at)
    if kind.startswith("application/cloudevents"):
        raise BadField(CONTENT_TYPE, "one of " + ", ".join(READ), came(said))
    if "ce-specversion" in headers:
        attributes = {name.removeprefix(_CE): _decoded(text) for name, text in headers.items()}
        data = _json(body) if body else None
        return _alone(Form.CLOUDEVENT, cloudevents.put_together(attributes, data), at)
    if kind in _LINES:
        return _unread(_lines(body), Form.EVENT, at)
    if body.lstrip().startswith(b"["):
        return _unread(elements(body, "body", MAX_ITEMS), Form.EVENT, at)
    return _alone(Form.EVENT, _object(body), at)


def _alone(form: Form, item: Any, at: datetime) -> Handed:
    return Handed([Posted(form, at, item)], single=True)


def _unread(texts: Iterable[bytes], form: Form, at: datetime) -> Handed:
    items = [Posted(form, at, None, text, index) for index, text in enumerate(texts)]
    return Handed(items, single=False)


def _lines(body: bytes) -> list[bytes]:
    lines = [line[0] for line in islice(_LINE.finditer(body), MAX_ITEMS + 1)]
    if len(lines) > MAX_ITEMS:
        raise TooLarge("body", f"at most {MAX_ITEMS:,} items", "more")
    return lines


def _json(body: bytes) -> Any:
    if len(body) > MAX_ITEM_BYTES:
        raise TooLarge("body", f"an item of at most {MAX_ITEM_BYTES:,} bytes", f"{len(body):,}")
    return json_of(body, "body")


def _object(body: bytes) -> dict[str, Any]:
    found = _json(body)
    if not isinstance(found, dict):
        raise BadField("body", "a JSON object", came(found))
    return found


def _decoded(text: str) -> str:
    """A header's value: it may stand in quotes (RFC 9110, §5.6.4), and what is no printable ASCII stands in it
    as the bytes of UTF-8, each after a %.
    """
    if quoted := _QUOTED.fullmatch(text):
        text = _ESCAPED.sub(r"\1", quoted[1])
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise BadField("headers", "text in UTF-8 after each %", came(text)) from None


def _problem(status: HTTPStatus, kind: str, refusal: Refused) -> Problem:
    return Problem(
        status,
        kind,
        str(refusal),
        field=refusal.field,
        expected=refusal.expected,
        came=refusal.came,
    )
