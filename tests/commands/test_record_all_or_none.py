"""Touchpoints of which all are recorded or none: in one go, beside others, and through a crash."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from commands.together import record_together
from commands.touchpoint import Outcome, Touchpoint
from ledger.errors import TooLarge
from ledger.opening import Ledger
from tests.commands.samples import (
    DAY,
    OPEN,
    clock,
    customer_of,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)
from tests.ledger.processes import CUE, race, run_until_killed, start

TOGETHER = (
    OPEN
    + """
from commands.together import record_together
def together(ledger, items):
    return record_together(ledger, items, clock=clock, future_tolerance=DAY)
"""
)

DIE = (
    TOGETHER
    + """
import os, signal
with opened(folder) as ledger:
    rows = ledger.{owner}.{method}
    def deadly(*given, **named):
        {after}
        os.kill(os.getpid(), signal.SIGKILL)
    ledger.{owner}.{method} = deadly
    together(ledger, [touchpoint(f"{{n}}", who={{"user": f"u{{n}}"}}) for n in range(40)])
"""
)

TAKE_TWENTIES = (
    TOGETHER
    + """
me = sys.argv[2]
with opened(folder) as ledger:
    mine = [[touchpoint(f"{n}-{m}", who={"user": f"u{m}", "device": f"{n}"}, data={"currency": "EUR", "amount_minor": int(me)})
             for m in range(20)] for n in range(10)]
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for items in mine:
        together(ledger, items)
"""
)


def together(ledger: Ledger, *items: Touchpoint) -> list[Outcome | None]:
    return record_together(ledger, items, clock=clock, future_tolerance=DAY)


def shape(outcomes: list[Outcome | None]) -> list[tuple[str, int | str | None] | None]:
    """Each outcome as its fate and position, or its fate and the field that was wrong."""
    return [
        None
        if one is None
        else (one.fate.value, one.refusal.field if one.refusal else one.position)
        for one in outcomes
    ]


def test_all_are_recorded_as_they_would_be_one_by_one(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, touchpoint("0", who={"device": "d"}))
        items = [
            touchpoint("1", who={"user": "u"}),
            touchpoint("0", who={"device": "d"}),
            touchpoint("2", who={"user": "u", "device": "d"}),
            touchpoint("1", who={"user": "u"}),
        ]
        assert shape(together(ledger, *items)) == [
            ("appended", 2), ("duplicate", 1), ("appended", 4), ("duplicate", 2),
        ]  # fmt: skip
        assert recorded(ledger)[2].event.type == "customers.merged"
        assert shape(together(ledger, *items)) == [
            ("duplicate", 2), ("duplicate", 1), ("duplicate", 4), ("duplicate", 2),
        ]  # fmt: skip
        assert ledger.book.head() == 4
        assert shape(together(ledger)) == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (touchpoint("9", source="bahi"), "source"),
        (touchpoint("9", who={}), "identifiers"),
        (touchpoint("9", tags={"market": "XX"}), "tags.market"),
        (touchpoint("0", tags={"market": "DE"}), "id"),
        (touchpoint("1", who={"user": "another"}), "id"),
    ],
)
def test_one_that_is_refused_refuses_all(folder: Path, wrong: Touchpoint, field: str) -> None:
    with opened(folder) as ledger:
        take(ledger, touchpoint("0"))
        items = [touchpoint("1", who={"user": "new"}), touchpoint("0"), wrong, touchpoint("2")]
        assert shape(together(ledger, *items)) == [
            None, ("duplicate", 1), ("refused", field), None,
        ]  # fmt: skip
        assert ledger.book.head() == 1
        assert shape(together(ledger, *items[:2])) == [("appended", 2), ("duplicate", 1)]


def test_there_is_a_limit_to_what_goes_into_one_append(folder: Path) -> None:
    with opened(folder) as ledger:
        items = [touchpoint(f"{n}") for n in range(1_001)]
        with pytest.raises(TooLarge, match=r"at most 1,000 .* came 1,001$"):
            together(ledger, *items)
        assert len(together(ledger, *items[:1_000])) == 1_000
        assert ledger.book.head() == 1_000


def test_about_nobody_it_is_no_less_all_or_none(folder: Path) -> None:
    """Somebody is quicker with the same id and other words, in the very last moment."""
    rate = {"currency": "EUR", "quote": "USD", "rate_millionths": 1, "rate_date": "2026-01-31"}

    def published(message_id: str, **given: object) -> Touchpoint:
        return touchpoint(message_id, "rate.published", who={}, data=rate | given)

    with opened(folder) as ledger, opened(folder) as other:
        append = ledger.book.append

        def after_another(*given: object) -> object:
            ledger.book.append = append  # type: ignore[method-assign]
            assert told(take(other, published("2", rate_millionths=2))) == [("appended", 1)]
            return append(*given)  # type: ignore[arg-type]

        ledger.book.append = after_another  # type: ignore[method-assign, assignment]
        outcomes = together(ledger, published("1"), published("2"), published("3"))
        assert shape(outcomes) == [None, ("refused", "id"), None]
        assert ledger.book.head() == 1


@pytest.mark.parametrize(
    ("owner", "method", "after", "head"),
    [
        ("book", "append", "", 0),
        ("book", "append", "rows(*given, **named)", 40),
    ],
)
def test_killed_on_the_way_it_is_all_there_or_nothing(
    folder: Path, owner: str, method: str, after: str, head: int
) -> None:
    run_until_killed(DIE.format(owner=owner, method=method, after=after), folder)
    with opened(folder) as ledger:
        assert ledger.book.head() == head
        items = [touchpoint(f"{n}", who={"user": f"u{n}"}) for n in range(40)]
        fates = [one and one.fate.value for one in together(ledger, *items)]
        assert fates == ["duplicate" if head else "appended"] * 40
        assert ledger.book.head() == 40
        assert len({one.event.customer for one in recorded(ledger)}) == 40


def test_of_writers_who_race_with_the_same_ids_one_has_all_of_each(folder: Path) -> None:
    with opened(folder) as ledger:
        race(*(start(TAKE_TWENTIES, folder, n) for n in (1, 2)))
        events = [one.event for one in recorded(ledger) if one.event.type == "order.placed"]
        assert len(events) == 200
        amounts = [event.data["amount_minor"] for event in events]
        for start_at in range(0, 200, 20):
            assert len(set(amounts[start_at : start_at + 20])) == 1
        assert customer_of(ledger, "user", "u1") is not None


def test_threads_that_bring_halves_of_each_other_agree(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one = [touchpoint(f"{n}", who={"user": "u"}) for n in range(10)]
        two = [touchpoint(f"{n}", who={"user": "u"}) for n in range(5, 15)]
        with ThreadPoolExecutor(2) as threads:
            found = [*threads.map(lambda some: together(ledger, *some), (one, two))]
        assert ledger.book.head() == 15
        assert all(outcome for outcomes in found for outcome in outcomes)
