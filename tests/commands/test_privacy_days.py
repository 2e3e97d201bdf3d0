"""Due dates, day by day: every row was worked out by hand on a calendar."""

from datetime import UTC, date, datetime

import pycountry
import pytest

from commands.privacy.days import day_of, is_working_day, start_of, working_days_after
from commands.privacy.laws import answer_by, confirm_by
from ledger.catalogue.privacy import Law, Right


def on(text: str) -> date:
    return date.fromisoformat(text)


GDPR: list[tuple[str, str, str | None, str]] = [
    # received, what falls on the last day, whose holidays, due
    ("2026-03-17", "a Friday", "DE", "2026-04-17"),
    ("2026-03-05", "Easter Sunday, then a Monday that is one", "DE", "2026-04-07"),
    ("2026-03-05", "a Sunday where no holidays are known", None, "2026-04-06"),
    ("2026-08-31", "no 31 September", "DE", "2026-09-30"),
    ("2025-01-31", "no 31 February", "DE", "2025-02-28"),
    ("2025-01-29", "no 29 February", "DE", "2025-02-28"),
    ("2026-01-31", "no 31 February, and the 28th is a Saturday", "DE", "2026-03-02"),
    ("2024-01-31", "a leap year", "DE", "2024-02-29"),
    ("2024-01-29", "a leap year, the same number", "DE", "2024-02-29"),
    ("2100-01-31", "no leap year, and a Sunday", None, "2100-03-01"),
    ("2024-02-29", "Good Friday, and Easter Monday three days on", "DE", "2024-04-02"),
    ("2024-02-29", "a Good Friday on which France works", "FR", "2024-03-29"),
    ("2026-02-28", "a Saturday", "DE", "2026-03-30"),
    ("2025-12-31", "the next year, a Saturday", "DE", "2026-02-02"),
    ("2025-11-30", "the last days of a year", "DE", "2025-12-30"),
    ("2026-11-25", "Christmas, Saturday, Sunday", "DE", "2026-12-28"),
    ("2026-11-25", "Christmas, and Boxing Day kept on Monday", "GB", "2026-12-29"),
    ("2026-12-01", "New Year, a Friday", "DE", "2027-01-04"),
    ("2026-04-01", "1 May, a Friday", "DE", "2026-05-04"),
    ("2026-04-01", "1 May, on which Ireland works", "IE", "2026-05-01"),
    ("2026-04-14", "Ascension Day, a Thursday", "DE", "2026-05-15"),
    ("2026-04-14", "Ascension Day, on which Italy works", "IT", "2026-05-14"),
    ("2026-05-04", "Corpus Christi, a holiday in parts of Germany alone", "DE", "2026-06-04"),
    ("2026-05-06", "a Saturday", "DE", "2026-06-08"),
]
EXTENDED: list[tuple[str, str]] = [
    ("2026-03-05", "2026-06-05"),
    ("2025-12-31", "2026-03-31"),
    ("2026-01-31", "2026-04-30"),  # three months of one period, and not two after 28 February
    ("2025-11-30", "2026-03-02"),  # 28 February 2026 is a Saturday
    ("2023-11-30", "2024-02-29"),
    ("2026-10-01", "2027-01-04"),
    ("2026-07-03", "2026-10-05"),  # the Day of German Unity is a Saturday
]
WAITED: list[tuple[str, int, bool, str]] = [
    ("2026-03-05", 0, False, "2026-04-07"),
    ("2026-03-05", 1, False, "2026-04-07"),  # from Sunday to Monday, which is Easter Monday
    ("2026-03-05", 2, False, "2026-04-07"),
    ("2026-03-05", 3, False, "2026-04-08"),
    ("2026-03-05", 14, False, "2026-04-20"),  # from a Sunday to a Sunday
    (
        "2026-01-31",
        3,
        False,
        "2026-03-03",
    ),  # counted from 28 February, and not from the Monday after
    ("2025-11-30", 1, True, "2026-03-02"),
    ("2026-03-05", 14, True, "2026-06-19"),
]
CCPA: list[tuple[str, Right, bool, str]] = [
    ("2026-03-05", "access", False, "2026-04-19"),  # a Sunday: calendar days are calendar days
    ("2026-03-05", "erasure", True, "2026-06-03"),
    ("2023-12-31", "rectification", False, "2024-02-14"),
    ("2023-12-31", "portability", True, "2024-03-30"),
    ("2026-03-05", "objection", False, "2026-03-26"),  # 15 business days
    ("2026-11-20", "restriction", False, "2026-12-14"),  # Thanksgiving between
]
CONFIRM: list[tuple[str, str]] = [
    ("2026-03-05", "2026-03-19"),
    ("2026-03-07", "2026-03-20"),  # a Saturday
    ("2026-06-27", "2026-07-13"),  # 4 July is a Saturday, and kept on Friday
    ("2026-11-20", "2026-12-07"),
    ("2026-12-18", "2027-01-05"),
]
LGPD: list[tuple[str, str]] = [
    ("2026-02-14", "2026-03-01"),
    ("2024-02-14", "2024-02-29"),
    ("2026-12-20", "2027-01-04"),
]


@pytest.mark.parametrize(("received", "_", "country", "due"), GDPR)
def test_a_month_by_the_regulation_on_periods(
    received: str, _: str, country: str | None, due: str
) -> None:
    assert answer_by("gdpr", "access", on(received), country) == on(due)
    assert confirm_by("gdpr", "access", on(received)) is None


@pytest.mark.parametrize(("received", "due"), EXTENDED)
def test_extended_it_is_three_months_from_receipt(received: str, due: str) -> None:
    assert answer_by("gdpr", "erasure", on(received), "DE", extended=True) == on(due)


@pytest.mark.parametrize(("received", "days", "extended", "due"), WAITED)
def test_days_of_waiting_are_added_before_the_last_day_moves(
    received: str, days: int, extended: bool, due: str
) -> None:
    given = answer_by("gdpr", "access", on(received), "DE", extended=extended, waited_days=days)
    assert given == on(due)


@pytest.mark.parametrize(("received", "right", "extended", "due"), CCPA)
def test_california_counts_calendar_days_and_opting_out_in_business_days(
    received: str, right: Right, extended: bool, due: str
) -> None:
    for country in (None, "DE"):
        given = answer_by("ccpa", right, on(received), country, extended=extended, waited_days=9)
        assert given == on(due)


@pytest.mark.parametrize(("received", "by"), CONFIRM)
def test_california_has_receipt_confirmed_within_ten_business_days(received: str, by: str) -> None:
    assert confirm_by("ccpa", "access", on(received)) == on(by)
    assert confirm_by("ccpa", "objection", on(received)) is None


@pytest.mark.parametrize(("received", "due"), LGPD)
def test_brazil_gives_fifteen_days_whatever_they_are(received: str, due: str) -> None:
    assert answer_by("lgpd", "access", on(received), "BR", waited_days=5) == on(due)
    assert confirm_by("lgpd", "access", on(received)) is None


ZONES = [
    ("2026-03-28T22:59:59Z", "Europe/Berlin", "2026-03-28"),
    ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29"),  # a day of 23 hours begins
    ("2026-03-29T21:59:59Z", "Europe/Berlin", "2026-03-29"),
    ("2026-03-29T22:00:00Z", "Europe/Berlin", "2026-03-30"),
    ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25"),  # one of 25
    ("2026-10-25T22:59:59Z", "Europe/Berlin", "2026-10-25"),
    ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-26"),
    ("2026-03-09T06:59:59Z", "America/Los_Angeles", "2026-03-08"),
    ("2026-03-09T07:00:00Z", "America/Los_Angeles", "2026-03-09"),
    ("2026-03-05T18:30:00Z", "Asia/Kolkata", "2026-03-06"),
    ("2026-12-31T10:00:00Z", "Pacific/Kiritimati", "2027-01-01"),
    ("2011-12-30T09:59:59Z", "Pacific/Apia", "2011-12-29"),
    ("2011-12-30T10:00:00Z", "Pacific/Apia", "2011-12-31"),  # they had no 30th
]
BEGINNINGS = [
    ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00Z"),
    ("2026-03-30", "Europe/Berlin", "2026-03-29T22:00:00Z"),
    ("2026-03-29", "Asia/Beirut", "2026-03-28T22:00:00Z"),  # clocks jump from midnight to one
    ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("2026-11-01", "America/Havana", "2026-11-01T04:00:00Z"),  # midnight comes twice: the first
    ("2026-07-01", "UTC", "2026-07-01T00:00:00Z"),
]


@pytest.mark.parametrize(("moment", "zone", "day"), ZONES)
def test_a_day_is_one_where_the_request_is_answered(moment: str, zone: str, day: str) -> None:
    assert day_of(datetime.fromisoformat(moment), zone) == on(day)


@pytest.mark.parametrize(("day", "zone", "moment"), BEGINNINGS)
def test_a_day_begins_with_its_first_moment(day: str, zone: str, moment: str) -> None:
    began = start_of(on(day), zone)
    assert began == datetime.fromisoformat(moment)
    assert began.tzinfo is UTC
    assert day_of(began, zone) == on(day)


def test_the_day_of_receipt_is_never_one_of_the_working_days() -> None:
    assert working_days_after(on("2026-03-05"), 0, "DE") == on("2026-03-05")
    assert working_days_after(on("2026-03-05"), 1, "DE") == on("2026-03-06")
    assert working_days_after(on("2026-04-02"), 1, "DE") == on("2026-04-07")
    assert is_working_day(on("2026-04-07"), "DE")


def test_the_holidays_of_every_country_are_known() -> None:
    new_year = date(2026, 1, 1)
    working = {c.alpha_2 for c in pycountry.countries if is_working_day(new_year, c.alpha_2)}
    assert working.isdisjoint({"DE", "US", "BR", "JP", "NZ"})
    assert working >= {"IN", "EG"}  # whose years begin on other days
    assert len(working) < 30


@pytest.mark.parametrize("law", ["gdpr", "ccpa", "lgpd"])
def test_no_answer_is_due_before_it_is_asked_for_nor_earlier_for_what_comes_later(law: Law) -> None:
    days = [date.fromordinal(on("2023-12-01").toordinal() + n) for n in range(800)]
    due = [answer_by(law, "access", day, "DE") for day in days]
    assert due == sorted(due)
    assert all(15 <= (last - day).days <= 45 for day, last in zip(days, due, strict=True))
