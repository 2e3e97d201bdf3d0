"""The two clocks of history: what had happened by then, and what the book knew by then."""

import re
from datetime import UTC, datetime, timedelta

from ledger.errors import BadUsage

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)


def parse_moment(text: str, name: str) -> datetime:
    """A moment as people write it: `1997-09-30T12:00:00Z`, or a bare date for the end of that day, UTC.

    The moment itself is included by whoever asks. Raises `BadUsage` for anything else, a time
    without a zone among it: it would mean another moment on another machine.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadUsage(f"{name}: expected a date or a time such as 2026-01-31T12:00:00Z") from None
    if _DATE.fullmatch(text):
        return moment.replace(tzinfo=UTC) + _DAY - _MICROSECOND
    if moment.utcoffset() is None:
        raise BadUsage(f"{name}: expected a zone, such as {text}Z or {text}+05:30")
    return moment.astimezone(UTC)
