"""Erasing while others are at work: nobody passes an erasure, and of two erasers one erases."""

import contextlib
import threading
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.on_record import opened as to_record
from commands.on_record import put_on_record
from commands.privacy.certificate import Certificate
from commands.privacy.checking import check_certificate
from commands.privacy.erasing import Step, resume
from commands.privacy.ordering import Order, begin
from commands.privacy.recovering import recover, to_erase
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import Erased, NotAllowed, Refused
from ledger.event import Event, Recorded
from ledger.opening import Ledger, open_restored
from ledger.sealing import Blob, blobs
from ledger.stores import open_book
from tests.commands.erasures import BASIS, LEO, MIA, erased, lives, office, user
from tests.commands.samples import (
    DAY,
    NOW,
    OPEN,
    clock,
    opened,
    recorded,
    stores_of,
    take,
    touchpoint,
)
from tests.ledger.openings import on_record
from tests.ledger.processes import CUE, race, start

PEOPLE = [f"p{number}" for number in range(20)]

ERASE_ALL = (
    OPEN
    + """
from tests.commands.test_erasing_together import *
with opened(folder) as ledger:
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for name in PEOPLE:
        print(erase_one(ledger, name))
"""
)


def erase_one(ledger: Ledger, name: str) -> str:
    """Say how it went: `done`, or the refusal."""
    customer = ledger.vault.look_up(user(name))
    if customer is None:
        return "gone"
    try:
        erased(ledger, customer)
    except NotAllowed as refusal:
        return str(refusal)
    return "done"


def ends(ledger: Ledger, type_: str) -> dict[UUID | None, list[int]]:
    found: dict[UUID | None, list[int]] = {}
    for one in recorded(ledger):
        if one.event.type == type_:
            found.setdefault(one.event.customer, []).append(one.position)
    return found


def test_of_two_processes_one_erases_each(folder: Path) -> None:
    with opened(folder) as ledger:
        people = lives(ledger, *PEOPLE)
        one, other = (text.split("\n") for text in race(*(start(ERASE_ALL, folder) for _ in "ab")))
        for mine, theirs in zip(one[:-1], other[:-1], strict=True):
            assert [mine, theirs].count("done") == 1
            late = theirs if mine == "done" else mine
            assert late == "gone" or late.startswith("customer: expected one who is not ")
        for type_ in ("customer.erasing", "customer.erased"):
            assert {
                customer: len(at) for customer, at in ends(ledger, type_).items()
            } == dict.fromkeys(people, 1)
        assert ledger.vault.announced() == []
        assert ledger.vault.holding(people) == frozenset()


def test_nothing_about_a_person_passes_their_erasure(folder: Path) -> None:
    """Others write about them all the while, by their names, by their ids, and through rules."""
    with opened(folder) as ledger:
        people = lives(ledger, *PEOPLE)
        done = threading.Event()
        stopped: list[str] = []

        def write(how: str) -> None:
            with opened(folder) as own:
                number = 0
                while not done.is_set():
                    number += 1
                    name, customer = PEOPLE[number % len(PEOPLE)], people[number % len(PEOPLE)]
                    WRITERS[how](own, f"{how} {number}", name, customer)
            stopped.append(how)

        writers = [threading.Thread(target=write, args=(how,)) for how in WRITERS]
        for writer in writers:
            writer.start()
        for customer in people:
            erased(ledger, customer)
        done.set()
        for writer in writers:
            writer.join()
        assert sorted(stopped) == sorted(WRITERS)
        began, ended = ends(ledger, "customer.erasing"), ends(ledger, "customer.erased")
        assert set(began) == set(ended) == set(people)
        late = [r for r in recorded(ledger) if r.event.customer in began and after(r, began)]
        assert {r.position for r in late} == {
            at for positions in ended.values() for at in positions
        }
        assert ledger.vault.holding(people) == frozenset()
        # What had been in the way of it is seen, or nothing was put to the test.
        written = {r.event.source for r in recorded(ledger) if r.position > 3 * len(PEOPLE)}
        assert {"named", "known", "ruled", "bahi"} <= written


def after(one: Recorded, began: dict[UUID | None, list[int]]) -> bool:
    return one.position > began[one.event.customer][0]


def write_named(ledger: Ledger, message: str, name: str, _: UUID) -> None:
    take(ledger, touchpoint(message, who={"user": name}, source="named"))


def write_known(ledger: Ledger, message: str, _: str, customer: UUID) -> None:
    payload = catalogue.parse("message.received", {"channel": "email", "message": "late"})
    take(ledger, Touchpoint(payload, NOW - DAY, "known", message, customer=customer))


def write_ruled(ledger: Ledger, message: str, _: str, customer: UUID) -> None:
    data = {"ground": "accuracy"}
    kind = "customer.restricted" if message.endswith(("0", "2", "4", "6", "8")) else None
    payload = catalogue.parse(kind or "customer.unrestricted", data, at_a_door=False)
    asked = Touchpoint(payload, NOW, "ruled", message, customer=customer, actor=MIA)
    with contextlib.suppress(Refused):
        Desk(ledger, clock, uuid4, DAY).carry_out(asked, RULES[type(payload)])


def look(ledger: Ledger, message: str, _: str, customer: UUID) -> None:
    with contextlib.suppress(Erased):
        put_on_record(ledger, [customer], LEO, to_record("service", message), clock=clock)


WRITERS = {"named": write_named, "known": write_known, "ruled": write_ruled, "looks": look}


@pytest.mark.parametrize("how", WRITERS)
def test_whoever_had_asked_right_before_it_began_is_too_late(
    folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    with opened(folder) as ledger, opened(folder) as other:
        (anna,) = lives(ledger, "anna")
        asked, begun = ledger.gone.now, list[int]()

        def begun_right_after() -> frozenset[UUID]:
            found = asked()
            if not begun:  # in the book alone: the vault has not heard of it yet
                (one,) = begin(office(other).desk, [anna], Order.of(LEO, BASIS)).begun
                begun.append(one.position)
            return found

        monkeypatch.setattr(ledger.gone, "now", begun_right_after)
        WRITERS[how](ledger, "2", "anna", anna)
        assert begun == [4]
        assert [r.event.type for r in recorded(ledger)][3:] == ["customer.erasing"]
        assert resume(office(ledger)) == 1


@pytest.mark.parametrize("classes", [None, [Retention.CONTENT]])
def test_a_key_in_hand_opens_nothing_any_longer(
    folder: Path, classes: list[Retention] | None
) -> None:
    with opened(folder) as ledger, opened(folder) as other:
        (anna,) = lives(ledger, "anna")
        wrote = recorded(ledger)[1].event
        with ledger.sealer.opening(on_record(ledger.book, anna)) as opening:
            assert opening.open(wrote)[anna, Retention.CONTENT] == {
                "message": "anna: my knee hurts since Tuesday"
            }
            erased(other, anna, classes=classes)
            told = opening.open(wrote)
            assert isinstance(told[anna, Retention.CONTENT], Erased)
            assert isinstance(told[anna, Retention.IDENTITY], Erased) == (classes is None)


def test_two_may_carry_on_what_a_third_has_begun(folder: Path) -> None:
    with opened(folder) as ledger, opened(folder) as other:
        people = lives(ledger, *PEOPLE[:10])

        class Stop(Exception):
            pass

        def stop(step: object) -> None:
            if step == "destroyed":
                raise Stop

        for customer in people:
            with pytest.raises(Stop):
                erased(ledger, customer, at=office(ledger, told=stop))
        counts: list[int] = []
        both = [
            threading.Thread(target=lambda own=own: counts.append(resume(office(own))))
            for own in (ledger, other)
        ]
        for one in both:
            one.start()
        for one in both:
            one.join()
        assert len(counts) == 2
        assert {customer: len(at) for customer, at in ends(ledger, "customer.erased").items()} == (
            dict.fromkeys(people, 1)
        )
        assert ledger.vault.announced() == []


@pytest.mark.parametrize("classes", [None, [Retention.CONTENT]], ids=["whole", "content"])
@pytest.mark.parametrize("killed", [False, True])
def test_what_was_struck_off_before_it_was_done_is_announced_anew(
    folder: Path, classes: list[Retention] | None, killed: bool
) -> None:
    """As by another process, whose clock runs ahead."""

    class Killed(Exception):
        pass

    def strike(step: Step) -> None:
        if step is Step.BEGUN:
            ledger.vault.ended([one.event for one in ledger.vault.announced()])
            if killed:
                raise Killed

    with opened(folder) as ledger:
        anna, ben = lives(ledger, "anna", "ben")
        with contextlib.suppress(Killed):
            erased(ledger, anna, ben, classes=classes, at=office(ledger, told=strike))
        assert resume(office(ledger)) == (2 if killed else 0)
        assert ends(ledger, "customer.erased").keys() == {anna, ben}
        held = ledger.vault.classes_held([anna, ben])
        assert len(held) == (2 if classes else 0)
        assert not any(Retention.CONTENT in kept for kept in held.values())
        assert ledger.vault.announced() == []


def message(name: str) -> Touchpoint:
    data = {"channel": "email", "message": "that was meant to stay"}
    return touchpoint(name, "message.received", who={"user": "anna"}, at=NOW, data=data)


def test_what_somebody_sends_while_one_class_goes_stays(folder: Path) -> None:
    def send(step: Step) -> None:
        if step is Step.BEGUN:
            assert take(ledger, message("meanwhile"))[0].refusal is None

    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        (certificate,) = erased(
            ledger, anna, classes=[Retention.CONTENT], at=office(ledger, told=send)
        )
        assert certificate.keys_tried == 1
        expect_kept_apart(ledger, certificate, stays=1)


def test_what_somebody_sends_just_before_one_class_goes_goes_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is made after the announcement and stands before the erasing in the book."""
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        announce = ledger.vault.announce

        def send(*given: Any) -> None:
            announce(*given)
            monkeypatch.undo()
            assert take(ledger, message("just before"))[0].refusal is None

        monkeypatch.setattr(ledger.vault, "announce", send)
        (certificate,) = erased(ledger, anna, classes=[Retention.CONTENT])
        assert certificate.keys_tried == 2
        expect_kept_apart(ledger, certificate, stays=0)


def expect_kept_apart(ledger: Ledger, certificate: Certificate, stays: int) -> None:
    """What came before the erasing is gone, what came after it opens."""
    kept = 0
    began = next(r.position for r in recorded(ledger) if r.event.type == "customer.erasing")
    for one in recorded(ledger):
        for blob in blobs(one.event.personal):
            if isinstance(blob, Blob) and blob.retention is Retention.CONTENT:
                key = (blob.subject, blob.retention, blob.key_version)
                assert (key in ledger.vault.usable([key])) == (one.position > began)
                kept += one.position > began
    assert kept == stays
    assert [c.found for c in check_certificate(ledger, certificate, NOW.date()) if not c.ok] == []


def test_a_word_that_is_slipped_into_the_book_destroys_nothing(folder: Path) -> None:
    """As whoever owns the book's database might: readers believe it, and no key goes."""
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        for type_ in ("customer.erasing", "customer.erased"):
            data = {"legal_basis": "because"} | (
                {} if type_ == "customer.erasing" else
                {"commitments": [], "book_size": 1, "vault_generation": 1, "backups_dead_from": "2026-01-01"}
            )  # fmt: skip
            begun = None if type_ == "customer.erasing" else recorded(ledger)[-1].event.id
            slipped = Event(
                uuid4(), type_, 1, "privacy", NOW, "bahi", data, anna, actor=LEO, causation=begun
            )
            ledger.book.append([slipped])
        assert resume(office(ledger)) == 0
        expect_kept(ledger, anna)
    with opened(folder) as ledger:  # who opens it next believes neither
        assert resume(office(ledger)) == 0
        expect_kept(ledger, anna)
    book, vault = stores_of(folder)
    ledger, standing = open_restored(
        open_book(book, clock), vault, folder / "keyring.json", clock=clock
    )
    with ledger:
        assert (standing.erased, standing.book_is_older, standing.vault_is_older) == (
            frozenset(),
            False,
            False,
        )
        assert to_erase(ledger, standing) == []
        assert recover(office(ledger), standing, lambda: LEO).erased_again == 0
        expect_kept(ledger, anna)


def expect_kept(ledger: Ledger, anna: UUID) -> None:
    assert ledger.keyring.tombstones == frozenset()
    assert ledger.vault.holding([anna]) == {anna}
    assert ledger.vault.look_up(user("anna")) == anna
