"""Days as the law counts them: ends of months, weekends, public holidays, and where midnight is.

Pure functions of their arguments. Holidays are those of a whole country, by the `holidays` library:
keeping such tables is work for many, every year. What only a part of a country celebrates does not
count, so that a date may come a day too early and never too late.

Source: Regulation (EEC, Euratom) No 1182/71 determining the rules applicable to periods, dates and
time limits, Art. 2 and 3.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
_SATURDAY = 5


def day_of(moment: datetime, zone: str) -> date:
    """The day that a calendar in that zone shows at this moment."""
    return moment.astimezone(ZoneInfo(zone)).date()


def start_of(day: date, zone: str) -> datetime:
    """The first moment of that day there, in UTC. Where clocks jump over midnight, it begins later."""
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


def months_after(day: date, months: int) -> date:
    """The day of the same number so many months later; the last of that month where it has none.

    Art. 3(2)(c): what runs from 5 March for a month ends with 5 April, from 31 August with 30 September.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def is_working_day(day: date, country: str | None) -> bool:
    """Art. 2(2): neither a public holiday there, nor a Sunday, nor a Saturday.

    `country` is an ISO code; without one only weekends count.
    """
    return day.weekday() < _SATURDAY and day not in _holidays(country, day.year)


def working_day_from(day: date, country: str | None) -> date:
    """That day, or the next working day: where a period that ends on it really ends, by Art. 3(4)."""
    while not is_working_day(day, country):
        day += DAY
    return day


def working_days_after(day: date, count: int, country: str | None) -> date:
    """The last of so many working days after that day, which itself is not counted."""
    for _ in range(count):
        day = working_day_from(day + DAY, country)
    return day


@cache
def _holidays(country: str | None, year: int) -> frozenset[date]:
    if country is None:
        return frozenset()
    import holidays  # takes its time, and only requests need it

    return frozenset(holidays.country_holidays(country, years=year, expand=False))
