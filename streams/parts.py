"""Parts of JSON that others made up, taken out: each a value of the kind expected, or a `BadField`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from ledger.errors import BadField, came

Json = Mapping[str, Any]

_REMEMBERED = 4_096


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
