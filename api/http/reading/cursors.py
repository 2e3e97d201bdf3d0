"""Cursors: where a page ended, in a form that promises nothing but to go on.

They are no secret and are not signed: what is in one was in the page, and whoever makes one up is shown what they
could have asked for without it.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import orjson

from api.http.answers import write
from ledger.errors import BadField

MAX_CURSOR = 4_096
"""Characters."""


def cursor_of(kind: Sequence[str], values: Sequence[Any]) -> str:
    """The cursor after what has these values, in a list of this kind: of what, and in which order."""
    return urlsafe_b64encode(write([_short(kind), *values])).decode().rstrip("=")


def values_of(kind: Sequence[str], cursor: str | None, most: int) -> list[Any]:
    """The values of a cursor; none for none. Raises `BadField` for one that is of another list."""
    if cursor is None:
        return []
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        found = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (binascii.Error, UnicodeEncodeError, orjson.JSONDecodeError):
        found = None
    if not isinstance(found, list) or not 2 <= len(found) <= most + 1 or found[0] != _short(kind):
        raise no_cursor()
    values: list[Any] = found[1:]
    return values


def no_cursor() -> BadField:
    """The refusal of what no answer of ours had for a cursor."""
    return BadField("cursor", "one from an answer to this very question", "another")


def _short(kind: Sequence[str]) -> str:
    return hashlib.sha256(orjson.dumps([*kind])).hexdigest()[:8]
