"""When a person may be written to: by their own clock, wherever it jumps."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from commands.consent.hours import Hours, next_hour
from ledger.errors import BadUsage
from ledger.settings import read_settings


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CASES: list[tuple[str, str, Hours, str]] = [
    # The clock in UTC, the zone, the hours, and the next moment in UTC.
    ("2026-01-05T12:34:56", "UTC", (8, 20), "2026-01-05T12:34:56"),
    ("2026-01-05T08:00:00", "UTC", (8, 20), "2026-01-05T08:00:00"),
    ("2026-01-05T07:59:59.999999", "UTC", (8, 20), "2026-01-05T08:00:00"),
    ("2026-01-05T19:59:59.999999", "UTC", (8, 20), "2026-01-05T19:59:59.999999"),
    ("2026-01-05T20:00:00", "UTC", (8, 20), "2026-01-06T08:00:00"),
    ("2026-01-05T23:30:00", "Asia/Kolkata", (8, 20), "2026-01-06T02:30:00"),
    ("2026-01-05T14:31:00", "Asia/Kolkata", (8, 20), "2026-01-06T02:30:00"),
    ("2026-01-05T02:30:00", "Asia/Kolkata", (8, 20), "2026-01-05T02:30:00"),
    ("2026-07-05T22:00:00", "America/Sao_Paulo", (8, 20), "2026-07-05T22:00:00"),
    ("2026-07-05T23:00:00", "America/Sao_Paulo", (8, 20), "2026-07-06T11:00:00"),
    # In Berlin the clock goes forward on 29 March and back on 25 October.
    ("2026-03-28T23:00:00", "Europe/Berlin", (8, 20), "2026-03-29T06:00:00"),
    ("2026-03-27T23:00:00", "Europe/Berlin", (8, 20), "2026-03-28T07:00:00"),
    ("2026-10-24T21:00:00", "Europe/Berlin", (8, 20), "2026-10-25T07:00:00"),
    ("2026-10-23T21:00:00", "Europe/Berlin", (8, 20), "2026-10-24T06:00:00"),
    # Two o'clock is not on the clock there on the first of these days, and comes twice on the second.
    ("2026-03-28T23:00:00", "Europe/Berlin", (2, 4), "2026-03-29T01:00:00"),
    ("2026-03-29T02:00:00", "Europe/Berlin", (2, 3), "2026-03-30T00:00:00"),
    ("2026-10-24T23:30:00", "Europe/Berlin", (2, 3), "2026-10-25T00:00:00"),
    ("2026-10-25T00:59:00", "Europe/Berlin", (2, 3), "2026-10-25T00:59:00"),
    ("2026-10-25T01:30:00", "Europe/Berlin", (2, 3), "2026-10-25T01:30:00"),
    # The day that Samoa left out, and the two hours that Troll leaves out in spring.
    ("2011-12-30T08:00:00", "Pacific/Apia", (8, 20), "2011-12-30T18:00:00"),
    ("2026-03-29T00:30:00", "Antarctica/Troll", (2, 4), "2026-03-29T01:00:00"),
    ("2026-01-05T23:00:00", "Asia/Kathmandu", (0, 24), "2026-01-05T23:00:00"),
]


@pytest.mark.parametrize(("now", "zone", "hours", "then"), CASES)
def test_the_next_hour_by_their_clock(now: str, zone: str, hours: Hours, then: str) -> None:
    assert next_hour(utc(now), ZoneInfo(zone), hours) == utc(then)


@pytest.mark.parametrize(("text", "hours"), [("9-18", (9, 18)), ("0-24", (0, 24)), ("", (8, 20))])
def test_the_hours_are_a_setting(monkeypatch: pytest.MonkeyPatch, text: str, hours: Hours) -> None:
    monkeypatch.setenv("BAHI_SENDING_HOURS", text)
    assert read_settings().sending_hours == hours


@pytest.mark.parametrize("text", ["8", "20-8", "8-8", "8-25", "a-b", "-1-8", "8-20-22"])
def test_hours_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("BAHI_SENDING_HOURS", text)
    with pytest.raises(BadUsage, match=r"BAHI_SENDING_HOURS: expected two hours .*such as 8-20"):
        read_settings()
