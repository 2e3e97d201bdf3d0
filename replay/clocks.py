"""The two clocks of history: what had happened by then, and what the book knew by then."""

from datetime import UTC, date, datetime, time

from ledger.errors import BadUsage

Moment = str | date | datetime
"""A moment as whoever writes Python gives it: text as for `parse_moment`, a day, or a time with a zone."""


def read_moment(given: Moment, name: str) -> datetime:
    """The moment that is meant; a day is the end of it, UTC. Raises `BadUsage`, for a naive time too."""
    return parse_moment(given if isinstance(given, str) else given.isoformat(), name)


def shown(moment: datetime) -> str:
    """A moment for people, as they may give it: the end of a day is that day."""
    end = moment.time() == time.max
    return f"{moment:%Y-%m-%d}" if end else moment.isoformat().replace("+00:00", "Z")


def parse_moment(text: str, name: str) -> datetime:
    """A moment as people write it: `1997-09-30T12:00:00Z`, or a bare date for the end of that day, UTC.

    The moment itself is included by whoever asks. Raises `BadUsage` for anything else, a time
    without a zone among it: it would mean another moment on another machine.
    """
    try:
        return datetime.combine(date.fromisoformat(text), time.max, UTC)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # before the year 1 or past 9999, seen from UTC
        raise BadUsage(f"{name}: expected a date or a time such as 2026-01-31T12:00:00Z") from None
    raise BadUsage(f"{name}: expected a zone, such as {text}Z or {text}+05:30")
