"""Whom an item names that could not be taken, in whatever way it may name them: an erasure must find it."""

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from ledger.identifiers import Identifier
from streams import events, segment

Whom = tuple[tuple[Identifier, ...], str | None]
"""Whom an item names, and in which market."""


def named_anyhow(item: Mapping[str, Any], *ways: Whom) -> Whom:
    """Whom it names as an event in our form, as a CloudEvent and as one of Segment's calls; before those come
    the `ways` that only its door knows.
    """
    bodies = (item, item.get("data"), leniently(_unpacked(item.get("data_base64"))))
    every = (*ways, *map(events.named_in, bodies), (segment.named_in(item), None))
    named = dict.fromkeys(one for found, _ in every for one in found)
    return (*named,), next((market for _, market in every if market), None)


def leniently(value: bytes | None) -> dict[str, Any]:
    """An object, also where it has what no item may: a name twice, a number that is none, another byte.

    Numbers are as they are spelled; what is no object is an empty one.
    """
    try:
        found = _LENIENT.decode((value or b"").decode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def _unpacked(text: object) -> bytes:
    try:
        return b64decode(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
