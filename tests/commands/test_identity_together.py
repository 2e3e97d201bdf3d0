"""Merging and splitting by several at once, and after somebody was killed in the middle."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ledger.event import MERGED, SPLIT
from ledger.opening import Ledger
from tests.commands.identity_samples import judge, known
from tests.commands.samples import OPEN, opened, recorded, take, told, touchpoint
from tests.ledger.processes import race, run_until_killed, start

PAIRS = 12
BOTH = {"user": "u1", "crm": "c1"}
BEGIN = (
    OPEN + "from tests.commands.identity_samples import *\nfrom ledger.errors import NotAllowed\n"
)

SHOW = (
    BEGIN
    + """
who = sys.argv[2]
with opened(folder) as ledger:
    print("ready", flush=True); sys.stdin.readline()
    for n in range(12) if who == "a" else reversed(range(12)):
        for again in range(3):
            take(ledger, touchpoint(f"{who}-{n}-{again}", who={"user": f"u{n}", "crm": f"c{n}"}))
"""
)

JUDGE = (
    BEGIN
    + """
signs = sys.argv[2]
with opened(folder) as ledger:
    pairs = [[customer_of(ledger, kind, f"{kind[0]}{n}") for kind in ("user", "crm")] for n in range(12)]
    print("ready", flush=True); sys.stdin.readline()
    for one, other in pairs:
        for sign in signs:
            done = False
            while not done:
                try:
                    judge(ledger, sign, one, other)
                    done = True
                except NotAllowed as refusal:
                    done = sign == "+"  # somebody else was quicker; to split, wait for a merge
"""
)


def pairs_of(ledger: Ledger) -> list[list[UUID]]:
    return [known(ledger, f"user:u{n}", f"crm:c{n}") for n in range(PAIRS)]


def links(ledger: Ledger) -> dict[frozenset[UUID], Counter[str]]:
    """How often each pair was merged and split."""
    found: dict[frozenset[UUID], Counter[str]] = {}
    for each in recorded(ledger):
        if each.event.type in (MERGED, SPLIT) and each.event.customer:
            two = frozenset({each.event.customer, UUID(each.event.data["other"])})
            found.setdefault(two, Counter())[each.event.type] += 1
    return found


def everything_is_there(ledger: Ledger, whose: Iterable[str]) -> None:
    """Each touchpoint of theirs once, recorded for whom its first identifier names."""
    ids = Counter(each.event.id for each in recorded(ledger))
    assert max(ids.values()) == 1
    for who in whose:
        for n in range(PAIRS):
            for again in range(3):
                assert ids[ledger.keyring.event_id("shop", f"{who}-{n}-{again}")] == 1


def test_processes_that_show_the_same_pairs_merge_each_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        pairs = pairs_of(ledger)
        race(*(start(SHOW, tmp_path, who) for who in "ab"))
        everything_is_there(ledger, "ab")
        assert links(ledger) == {frozenset(two): Counter({MERGED: 1}) for two in pairs}
        assert ledger.book.head() == PAIRS * (2 + 2 * 3 + 1)


def test_people_who_merge_the_same_pairs_at_once_do_so_once(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        pairs = pairs_of(ledger)
        race(*(start(JUDGE, tmp_path, "+") for _ in range(2)))
        assert links(ledger) == {frozenset(two): Counter({MERGED: 1}) for two in pairs}


def test_what_one_parts_while_another_shows_it_stays_parted(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        pairs = pairs_of(ledger)
        race(start(SHOW, tmp_path, "a"), start(JUDGE, tmp_path, "+-"))
        everything_is_there(ledger, "a")
        assert links(ledger) == {frozenset(two): Counter({MERGED: 1, SPLIT: 1}) for two in pairs}
        persons = ledger.people.now()
        assert all(persons.members(one) == (one,) for two in pairs for one in two)


@pytest.mark.parametrize("sign", ["+", "+-"])
def test_a_judgement_between_naming_and_appending_is_minded(tmp_path: Path, sign: str) -> None:
    """The narrowest place: somebody judges after the batch has seen who is who."""
    with opened(tmp_path) as ledger, opened(tmp_path) as elsewhere:
        one, other = known(ledger, "user:u1", "crm:c1")
        resolve, rest = ledger.vault.resolve, list(sign)

        def interrupted(*given: Any, **named: Any) -> Any:
            answer = resolve(*given, **named)
            while rest:
                judge(elsewhere, rest.pop(0), one, other)
            return answer

        ledger.vault.resolve = interrupted  # type: ignore[method-assign]
        assert told(take(ledger, touchpoint("3", who=BOTH))) == [("appended", 3 + len(sign))]
        assert links(ledger) == {frozenset({one, other}): Counter(merges_of(sign))}
        assert ledger.people.now().links == elsewhere.people.now().links
        assert len(ledger.people.now().links) == (sign == "+")


def merges_of(sign: str) -> dict[str, int]:
    return {MERGED: 1} if sign == "+" else {MERGED: 1, SPLIT: 1}


def test_the_same_id_recorded_meanwhile_is_answered_beside_a_merge(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger, opened(tmp_path) as elsewhere:
        known(ledger, "user:u1", "crm:c1")
        people, words = (
            ledger.people.now,
            [touchpoint("x", data={"currency": "EUR", "amount_minor": 1})],
        )

        def interrupted() -> Any:
            take(elsewhere, *words)
            words.clear()
            return people()

        ledger.people.now = interrupted  # type: ignore[method-assign]
        answers = take(ledger, touchpoint("x"), touchpoint("3", who=BOTH))
        refused, appended = told(answers)
        assert str(refused[1]).startswith("IdReused id: expected the event already recorded at")
        assert appended == ("appended", 5)


DIE_WHEN_WRITTEN = (
    BEGIN
    + """
import os, signal
import ledger.sqlite.book as store
with opened(folder) as ledger:
    store._placed = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
    take(ledger, touchpoint("3", who={"user": "u1", "crm": "c1"}))
"""
)

DIE_WHEN_APPENDED = (
    BEGIN
    + """
import os, signal
with opened(folder) as ledger:
    append = ledger.book.append
    ledger.book.append = lambda *given: (append(*given), os.kill(os.getpid(), signal.SIGKILL))
    take(ledger, touchpoint("3", who={"user": "u1", "crm": "c1"}))
"""
)


@pytest.mark.parametrize(
    ("death", "there", "answer"),
    [
        (DIE_WHEN_WRITTEN, 2, ("appended", 4)),
        (DIE_WHEN_APPENDED, 4, ("duplicate", 4)),
    ],
)
def test_a_merge_and_what_shows_it_are_there_both_or_not_at_all(
    tmp_path: Path, death: str, there: int, answer: tuple[str, int]
) -> None:
    with opened(tmp_path) as ledger:
        one, other = known(ledger, "user:u1", "crm:c1")
    run_until_killed(death, tmp_path)
    with opened(tmp_path) as ledger:
        assert ledger.book.head() == there
        assert told(take(ledger, touchpoint("3", who=BOTH))) == [answer]
        assert links(ledger) == {frozenset({one, other}): Counter({MERGED: 1})}
        assert ledger.people.now().members(other) == (one, other)
        assert ledger.book.head() == 4
