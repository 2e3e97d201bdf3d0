"""An erasure whose process is killed, after each step and amid some: never half, and carried on to the end.

For each point a process works on a ledger of its own until it kills itself there. Then the ledger is opened again,
as any command would.
"""

import os
import signal
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

import commands.privacy.erasing
import ledger.vault.erasing
from commands.privacy.erasing import Step, resume
from ledger.catalogue import Retention
from ledger.opening import Ledger
from ledger.vault import Belongings, Erasure
from tests.commands.erasures import Kept, erased, lives, merged, office, user
from tests.commands.samples import (
    NOW,
    customer_of,
    keep_on_server,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)
from tests.ledger.processes import Born

AMID = ["announced", "remembered", "destroying", "burying", "certifying", "ending"]
POINTS = [*AMID, *(step.value for step in Step)]
NEVER_BEGAN = {"announced", "remembered"}


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def erase_until(folder: Path, point: str, classes: Sequence[Retention]) -> None:
    with opened(folder) as ledger_:
        patch, vault = pytest.MonkeyPatch(), ledger_.vault
        announce, ended = vault.announce, vault.ended

        def die_announced(erasures: Iterable[Erasure], now: datetime) -> None:
            announce(erasures, now)  # in the vault, and nothing in the book
            die()

        def die_ending(events: Iterable[UUID]) -> None:
            if some := list(events):
                die()
            ended(some)

        if point == "announced":
            patch.setattr(vault, "announce", die_announced)
        elif point == "destroying":  # amid the vault's transaction
            patch.setattr(ledger.vault.erasing, "_written", die)
        elif point == "remembered":  # by the keyring, and nothing in the book
            patch.setattr(ledger_.book, "append", die)
        elif point == "burying":  # of two changes of the keyring one is made
            patch.setattr(
                vault, "scrub", partial(patch.setattr, ledger_.keyring, "raise_high_water", die)
            )
        elif point == "certifying":
            patch.setattr(commands.privacy.erasing, "_certified", die)
        elif point == "ending":
            patch.setattr(vault, "ended", die_ending)
        at = office(ledger_, told=lambda step: die() if step.value == point else None)
        anna, ben = customer_of(ledger_, "user", "anna"), customer_of(ledger_, "user", "ben")
        assert anna is not None
        assert ben is not None
        erased(ledger_, anna, ben, at=at, classes=classes or None)


@pytest.fixture(params=["sqlite", "postgres"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Path]:
    """Give a ledger for each point, in which three people live, one of them as two customers."""
    found = {point: tmp_path / point for point in POINTS}
    for folder in found.values():
        folder.mkdir()
        if request.param == "postgres":
            keep_on_server(folder, request.getfixturevalue("postgres_url"))
        with opened(folder) as ledger_:
            anna, hanna, _, _ = lives(ledger_, "anna", "hanna", "ben", "carl")
            merged(ledger_, anna, hanna)
    return found


def kill_at_each(folders: dict[str, Path], *classes: Retention) -> None:
    for point, folder in folders.items():
        assert Born(erase_until, folder, point, classes).end() == (-signal.SIGKILL, ""), point


def test_wherever_it_is_killed_an_erasure_of_one_class_ends_whole(folders: dict[str, Path]) -> None:
    kill_at_each(folders, Retention.CONTENT)
    for point, folder in folders.items():
        if point in NEVER_BEGAN:
            expect_nothing_happened(folder)
        else:
            expect_one_class_carried_on(folder, point)


def expect_one_class_carried_on(folder: Path, point: str) -> None:
    with opened(folder) as ledger_:
        begun = {r.event.customer for r in recorded(ledger_) if r.event.type == "customer.erasing"}
        people = sorted(one for one in begun if one)
        assert len(people) == 3, point
        assert resume(office(ledger_)) == 3, point
        assert resume(office(ledger_)) == 0
        assert ledger_.gone.now() == frozenset()
        assert ledger_.vault.announced() == []
        held = ledger_.vault.classes_held(people)
        assert [sorted(held[one]) for one in people] == [["behaviour", "identity"]] * 3, point
        ends = [r.event for r in recorded(ledger_) if r.event.type == "customer.erased"]
        assert sorted(one.customer for one in ends if one.customer) == people
        assert [one.data["keys_tried"] for one in ends] == [1] * 3
        words = {"channel": "email", "message": "it hurts"}
        late = touchpoint("late", "message.received", who={"user": "anna"}, data=words)
        assert told(take(ledger_, late))[0][0] == "appended"
        assert sorted(map(len, ledger_.vault.classes_held(people).values())) == [2, 2, 3]


def test_wherever_it_is_killed_an_erasure_ends_whole(folders: dict[str, Path]) -> None:
    kill_at_each(folders)
    for point, folder in folders.items():
        if point in NEVER_BEGAN:
            expect_nothing_happened(folder)
        else:
            expect_carried_on(folder, point)


def expect_nothing_happened(folder: Path) -> None:
    with opened(folder) as ledger_:
        assert len(ledger_.vault.announced()) == 3
        assert resume(office(ledger_)) == 0
        assert ledger_.gone.now() == frozenset()
        assert "customer.erasing" not in {r.event.type for r in recorded(ledger_)}
        anna = customer_of(ledger_, "user", "anna")
        assert anna is not None
        assert not ledger_.vault.fenced([anna])
        (outcome,) = take(ledger_, touchpoint("alive", who={"user": "anna"}))
        assert outcome.refusal is None
        assert len(ledger_.vault.announced()) == 3  # perhaps somebody is just about to begin it
        later = office(ledger_, clock=lambda: NOW + timedelta(days=1, seconds=1))
        assert resume(later) == 0
        assert ledger_.vault.announced() == []


def expect_carried_on(folder: Path, point: str) -> None:
    with opened(folder) as ledger_:
        begun = {r.event.customer for r in recorded(ledger_) if r.event.type == "customer.erasing"}
        assert len(begun) == 3, point
        assert ledger_.gone.now() == begun  # whatever else is undone, nobody sees them
        carl = customer_of(ledger_, "user", "carl")
        assert carl is not None
        assert carl not in begun
        late = touchpoint("late", who={"user": "carl"})
        assert told(take(ledger_, late))[0][0] == "appended"
        made = Kept()
        assert resume(office(ledger_, made)) == 3, point
        expect_erased(ledger_, {one for one in begun if one}, carl)
        assert resume(office(ledger_, made)) == 0
    with opened(folder) as ledger_:  # a vault in which any of their keys were left would not open
        expect_erased(ledger_, {one for one in begun if one}, carl)


def expect_erased(ledger_: Ledger, people: set[UUID], carl: UUID) -> None:
    ends = [r.event.customer for r in recorded(ledger_) if r.event.type == "customer.erased"]
    assert sorted(map(str, ends)) == sorted(map(str, people))  # exactly one each
    assert ledger_.vault.belongings(list(people)) == Belongings({}, {}, 0)
    assert ledger_.vault.holding([*people, carl]) == {carl}
    assert ledger_.vault.announced() == []
    assert ledger_.keyring.tombstones == people
    assert ledger_.vault.look_up(user("ben")) is None
    told_of = [r.event.data for r in recorded(ledger_) if r.event.type == "customer.erased"]
    assert [data["keys_tried"] for data in told_of] == [3] * 3
    assert [len(data["commitments"]) for data in told_of] == [3] * 3
