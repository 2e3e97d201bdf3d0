"""Moments as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.errors import BadUsage
from replay.clocks import parse_moment

END = timedelta(days=1) - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1997-09-30", datetime(1997, 9, 30, tzinfo=UTC) + END),
        ("19970930", datetime(1997, 9, 30, tzinfo=UTC) + END),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC) + END),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC) + END),
        ("1997-09-30T00:00:00Z", datetime(1997, 9, 30, tzinfo=UTC)),
        ("1997-09-30T00:00:00.000001Z", datetime(1997, 9, 30, 0, 0, 0, 1, tzinfo=UTC)),
        ("1997-09-30 05:30+05:30", datetime(1997, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_bare_date_is_the_end_of_that_day_a_time_is_itself(text: str, moment: datetime) -> None:
    assert parse_moment(text, "--as-of") == moment
    assert parse_moment(text, "--as-of").tzinfo is UTC


ANY = "--as-of: expected a date or a time such as 2026-01-31T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ANY),
        ("yesterday", ANY),
        ("2026-02-30", ANY),
        ("2026-01", ANY),
        ("31.01.2026", ANY),
        ("0001-01-01T00:00:00+14:00", ANY),
        ("9999-12-31T23:59:59-14:00", ANY),
        (
            "2026-01-31T12:00",
            "--as-of: expected a zone, such as 2026-01-31T12:00Z or 2026-01-31T12:00+05:30",
        ),
    ],
)
def test_anything_else_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadUsage) as refused:
        parse_moment(text, "--as-of")
    assert str(refused.value) == message
