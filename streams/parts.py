"""Parts of JSON that others made up, taken out: each a value of the kind expected, or a `BadField`."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger.errors import BadField, came
from streams.files.rows import parse_json

Json = Mapping[str, Any]

CONTENT_TYPE = "content-type"
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s";]+)', re.IGNORECASE)

_REMEMBERED = 4_096


def json_of(value: bytes | None, field: str) -> Any:
    """JSON in UTF-8, as `parse_json` reads it. Raises `Refused`."""
    if value is None:
        raise BadField(field, "JSON", "nothing")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise BadField(field, "text in UTF-8", f"another byte at {error.start:,}") from None
    return parse_json(text, field)


def is_json(kind: str) -> bool:
    """Whether a media type, in small letters and without parameters, is one of JSON."""
    return kind == "application/json" or kind.endswith("+json")


def demand_json(content_type: str, *, as_said: bool) -> None:
    """Raises `BadField` for a content type that is no JSON `as_said`, or in another charset than UTF-8."""
    if not as_said:
        expected = "application/json or application/cloudevents+json"
        raise BadField(CONTENT_TYPE, expected, came(content_type))
    charset = _CHARSET.search(content_type)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        raise BadField(CONTENT_TYPE, "charset utf-8", came(content_type))


def object_of(within: Json, name: str, field: str) -> Json:
    """An object; an absent one is empty."""
    value = within.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise BadField(field, "an object", came(value))
    return value


def text_of(within: Json, name: str, field: str) -> str | None:
    """A text, from which blanks around it are taken; an empty one is absent. Whole numbers are written out."""
    value = within.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise BadField(field, "text", came(value))
    if "\x00" in value:
        raise BadField(field, "text without U+0000", came(value))
    return value.strip() or None


def moment_of(within: Json, name: str, field: str) -> datetime | None:
    """A moment, in UTC."""
    value = within.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadField(field, _A_TIME, came(value))
    return _moment(value, field)


_A_TIME = "a time such as 2026-01-31T12:00:00Z"


@lru_cache(_REMEMBERED)
def _moment(text: str, field: str) -> datetime:
    """Read once; many events of a batch share one."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise BadField(field, "a time with a zone", "one without")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadField(field, _A_TIME, came(text)) from None
