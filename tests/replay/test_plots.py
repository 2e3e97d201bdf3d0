"""Pictures show what the views say of each day, look the same each time, and need no display."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadUsage
from replay import History, plots
from tests.api.doors import here
from tests.system.told import copied

TODAY, A_WEEK_BEFORE, SINCE = date(2026, 6, 30), date(2026, 6, 21), date(2026, 6, 15)
MINOR = {"BRL": 100, "EUR": 100, "INR": 100, "JPY": 1, "USD": 100}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory, "drawn").home


@pytest.fixture(scope="module")
def history(home: Path) -> Iterator[History]:
    with History.open(home) as history:
        yield history


def test_the_pipeline_is_what_the_view_says_at_each_end_of_a_week(history: History) -> None:
    days, found = plots.open_by_week(history, TODAY, since=SINCE)
    assert days == [A_WEEK_BEFORE, date(2026, 6, 28), TODAY]
    for place, day in ((-1, TODAY), (days.index(A_WEEK_BEFORE), A_WEEK_BEFORE)):
        expected: dict[tuple[str, str, str], float] = defaultdict(float)
        for row in history.view("pipeline", day, where="kind = 'open' AND amount_minor > 0"):
            of = row["pipeline"], row["currency"], row["stage"]
            expected[of] += row["amount_minor"] / MINOR[row["currency"]]
        drawn = {
            (*of, stage): values[place]
            for of, stages in found.items()
            for stage, values in stages.items()
            if values[place]
        }
        assert drawn == expected
        assert len(drawn) > 20


def test_the_pipeline_of_a_market_is_a_part_of_it(history: History) -> None:
    days, found = plots.open_by_week(history, TODAY, "IN")
    assert days[:2] == [date(2025, 1, 12), date(2025, 1, 19)]
    deals = history.view("deal", TODAY, where="market = 'IN' AND state IN ('deal.opened', 'deal.reopened')")  # fmt: skip
    total = sum(row["amount_minor"] or 0 for row in deals if row["currency"] == "INR") / 100
    drawn = sum(values[-1] for of, s in found.items() if of[1] == "INR" for values in s.values())
    assert 0 < drawn == total
    assert {currency for _, currency in found} == {row["currency"] for row in deals} == {"INR"}


def test_cohorts_are_those_of_the_view(history: History) -> None:
    for market in (None, "IN"):
        (axis, *_) = plots.cohorts(history, TODAY, market).axes
        drawn = axis.images[0].get_array()
        assert drawn is not None
        where = "market IS NULL" if market is None else f"market = '{market}'"
        rows = history.view("retention", TODAY, where=f"{where} AND months_since > 0").rows()
        assert drawn.count() == len(rows)  # type: ignore[attr-defined]
        first = min(row["cohort"] for row in rows)
        shares = [row["retained"] / 100 for row in rows if row["cohort"] == first]
        months = [label.get_text() for label in axis.get_yticklabels()]
        assert months[0].startswith(f"{first:%b %Y}")
        assert [float(share) for share in drawn[0]] == shares
        assert len(shares) > 5


def test_a_yes_is_what_the_view_permits_at_each_end_of_a_week(history: History) -> None:
    days, found = plots.yes_by_week(history, TODAY, None, SINCE)
    _, of_market = plots.yes_by_week(history, TODAY, "IN", SINCE)
    for place, day in ((-1, TODAY), (days.index(A_WEEK_BEFORE), A_WEEK_BEFORE)):
        allowed = history.view("permission", day, where="allowed AND purpose <> ''")
        people: dict[str, set[object]] = defaultdict(set)
        for row in allowed:
            people[row["purpose"]].add(row["customer"])
        assert {p: values[place] for p, values in found.items()} == {
            purpose: len(who) for purpose, who in people.items()
        }
        mine = history.view("customer_milestone", TODAY, where="market = 'IN'")
        indian = {row["customer"] for row in mine}
        assert {p: values[place] for p, values in of_market.items()} == {
            purpose: len(who & indian) for purpose, who in people.items()
        }


def test_a_picture_is_the_same_each_time_and_names_its_day(history: History) -> None:
    one, two = (plots.encoded(plots.cohorts(history, TODAY), ".svg") for _ in range(2))
    assert one == two
    text = one.decode()
    assert "<svg" in text
    assert "as of 2026-06-30" in text
    assert not re.search(r"<dc:date>|/matplotlib/", text)


def test_there_is_nothing_to_draw_where_nothing_was(history: History) -> None:
    for draw in (plots.pipeline, plots.cohorts, plots.consent):
        with pytest.raises(BadUsage, match="expected"):
            draw(history, TODAY, "AQ", TODAY)


def test_the_last_point_is_of_the_moment_that_is_asked_for(history: History) -> None:
    opened = history.events("type = 'deal.opened'", ["occurred_at"], as_of=TODAY).rows()
    last = max(row["occurred_at"] for row in opened)
    for moment in (last - timedelta(microseconds=1), last):
        _, found = plots.open_by_week(history, moment, since=last.date() - timedelta(days=9))
        total = sum(values[-1] for stages in found.values() for values in stages.values())
        rows = history.view("pipeline", moment, where="kind = 'open' AND amount_minor > 0")
        assert total == pytest.approx(
            sum(row["amount_minor"] / MINOR[row["currency"]] for row in rows)
        )
    assert (
        last.date().isoformat() + "T"
        in plots.encoded(plots.cohorts(history, last), ".svg").decode()
    )


def test_a_picture_has_two_days_at_least(history: History) -> None:
    first = date(2025, 1, 1)
    assert plots.open_by_week(history, first)[0] == [date(2024, 12, 31), first]
    for since in (TODAY, date(2030, 1, 1)):
        with pytest.raises(BadUsage, match="since: expected a day before 2026-06-30"):
            plots.consent(history, TODAY, since=since)


def test_the_command_draws_to_a_file(
    home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BAHI_HOME", str(home))
    monkeypatch.delenv("DISPLAY", raising=False)

    def plot(*given: str) -> tuple[int, str]:
        ended = here(capsys, monkeypatch, tmp_path, "plot", *given)
        assert ended.out == ""
        return ended.code, ended.err

    options = ("--as-of", "2026-06-30", "--market", "IN", "--since", "2026-05-01")
    assert plot("cohorts", "--out", "cohorts.svg", *options)[0] == 0
    assert ", market IN" in (tmp_path / "cohorts.svg").read_text()
    assert plot("pipeline", "--out", "pipeline.png", *options)[0] == 0
    assert (tmp_path / "pipeline.png").read_bytes().startswith(b"\x89PNG")
    assert plot("consent", "--out", "consent.pdf") == (
        2, "bahi: --out: expected a file named .svg or .png, came .pdf\n",
    )  # fmt: skip
    code, said = plot("cohorts", "--out", "nowhere/cohorts.svg", *options)
    assert (code, "nowhere" in said) == (2, True)


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(0, 400))
def test_ends_of_weeks_are_sundays_and_the_last_day(first: date, days: int) -> None:
    last = date.fromordinal(first.toordinal() + days)
    ends = plots.week_ends(first, last)
    assert ends[-1] == last
    assert all(end.isoweekday() == 7 for end in ends[:-1])
    assert ends == sorted(set(ends))
    between = [date.fromordinal(n) for n in range(first.toordinal(), last.toordinal())]
    assert {day for day in between if day.isoweekday() == 7} == set(ends[:-1])
