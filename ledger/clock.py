"""Time and randomness as arguments: whoever decides, folds or records is handed these."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

Clock = Callable[[], datetime]
"""Returns the present moment, in UTC."""

Ids = Callable[[], UUID]
"""Returns a new random id."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def system_clock() -> datetime:
    """The machine's clock, µs, UTC."""
    return datetime.now(UTC)


def random_ids() -> UUID:
    """A random UUIDv4: tells nothing about whom it will stand for."""
    return uuid4()


def to_us(moment: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly; `moment` carries a zone."""
    return (moment - EPOCH) // _MICROSECOND


def from_us(us: int) -> datetime:
    """The moment, in UTC, that many microseconds after 1970-01-01."""
    return EPOCH + us * _MICROSECOND
