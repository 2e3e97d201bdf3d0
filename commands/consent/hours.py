"""When a person may be written to: between two hours of their own day."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ledger.settings import SENDING_HOURS, Hours

__all__ = ["SENDING_HOURS", "Hours", "next_hour"]


def next_hour(now: datetime, zone: ZoneInfo, hours: Hours = SENDING_HOURS) -> datetime:
    """The first moment from `now` on at which a clock in `zone` shows an hour within `hours`.

    `now` itself, if it is one of them. Clocks there may jump, by an hour or by a day: we walk by the
    minute and look, since jumps happen on whole minutes.
    """
    first, end = hours
    moment = now
    while not first <= moment.astimezone(zone).hour < end:
        moment = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return moment
