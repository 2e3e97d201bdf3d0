"""Merging and splitting by judgement: rules as tables, and what a ledger keeps of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from commands.deciding import Happened, Proposed
from commands.identity import Merge, Split
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import BadField, IdentityConflict, Refused
from ledger.event import MERGED, Event, Recorded, moment_of
from ledger.people import persons_of
from tests.commands.identity_samples import judge, kind_of, known
from tests.commands.samples import (
    CLERK,
    DAY,
    NOW,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)
from tests.ledger.openings import unsealed

A, B, C, D = (UUID(int=n) for n in (10, 11, 12, 13))
ALLOWED = ""
Said = tuple[int, str, UUID, UUID]
"""A day, `+` for merged or `-` for split, and the two."""


def day(number: int) -> datetime:
    return datetime(2026, 3, number, tzinfo=UTC)


TABLE: list[tuple[str, Sequence[Said], Said, str]] = [
    ("two become one", [], (2, "+", A, B), ALLOWED),
    ("nobody is two", [], (2, "+", A, A), "IdentityConflict customers: expected two, came one customer twice"),
    ("one is not split", [], (2, "-", A, A), "IdentityConflict customers: expected two, came one customer twice"),
    ("once is enough", [(1, "+", A, B)], (2, "+", A, B), "NotAllowed customers: expected two who were not merged yet, came two who were"),
    ("either way round", [(1, "+", A, B)], (2, "+", B, A), "NotAllowed customers: expected two who were not merged yet, came two who were"),
    ("by way of others it is another link", [(1, "+", A, B), (1, "+", B, C)], (2, "+", A, C), ALLOWED),
    ("two again", [(1, "+", A, B)], (2, "-", A, B), ALLOWED),
    ("either way round, too", [(1, "+", A, B)], (2, "-", B, A), ALLOWED),
    ("there was no merge", [], (2, "-", A, B), "NotAllowed customers: expected two who were merged, came one who was merged with nobody"),
    ("it was with others", [(1, "+", A, C), (1, "+", D, A), (1, "+", B, C)], (2, "-", A, B), f"NotAllowed customers: expected one that was merged with {A}: {C}, {D}, came {B}"),
    ("taken back already", [(1, "+", A, B), (2, "-", A, B)], (3, "-", A, B), "NotAllowed customers: expected two who were merged, came one who was merged with nobody"),
    ("and one once more", [(1, "+", A, B), (2, "-", A, B)], (3, "+", B, A), ALLOWED),
    ("at the same moment", [(2, "+", A, B)], (2, "-", A, B), ALLOWED),
    ("not before it was merged", [(2, "+", A, B)], (1, "-", A, B), "BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC, came 2026-03-01 00:00:00 UTC"),
    ("what others did is no matter", [(1, "+", A, B), (3, "+", B, C)], (2, "-", A, B), ALLOWED),
    ("told late, in its place", [(3, "-", A, B), (1, "+", A, B)], (4, "-", A, B), "NotAllowed customers: expected two who were merged, came one who was merged with nobody"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_who_may_be_merged_and_split(given: Sequence[Said], when: Said, then: str) -> None:
    number, sign, one, other = when
    links = [stored(position, said) for position, said in enumerate(given, 1)]
    persons = persons_of(links, lambda customer: (0, customer))
    payload = catalogue.parse(kind_of(sign), {"other": other}, at_a_door=False)
    rule = (Merge if sign == "+" else Split)(Proposed(payload, day(number), one, {}, persons))
    for link in sorted(links, key=moment_of):
        Happened(link, catalogue.load(link.event.type, link.event.data)).mutate(rule)
    assert refusal_of(rule.execute) == then
    assert [tagged.decision for tagged in rule.new_decisions] == ([] if then else [payload])


def stored(position: int, said: Said) -> Recorded:
    number, sign, one, other = said
    data = {"other": str(other)}
    event = Event(UUID(int=position), kind_of(sign), 1, "audit", day(number), "test", data, one)
    return Recorded(position, day(31), event, b"")


def refusal_of(act: Callable[[], object]) -> str:
    try:
        act()
    except Refused as refusal:
        return f"{type(refusal).__name__} {refusal}"
    return ALLOWED


# On a ledger


def test_a_judgement_is_on_record_and_its_reason_sealed(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one, other = known(ledger, "user:u1", "crm:c1")
        assert told([judge(ledger, "+", one, other, message_id="m")]) == [("appended", 3)]
        assert told([judge(ledger, "+", one, other, message_id="m")]) == [("duplicate", 3)]
        assert ledger.people.now().members(other) == (one, other)
        assert told([judge(ledger, "-", other, one)]) == [("appended", 4)]
        assert told([judge(ledger, "+", one, other, message_id="m")]) == [("duplicate", 3)]
        assert ledger.people.now().members(other) == (other,)
        *_, found = recorded(ledger)
        assert b"zanna" not in found.body
        assert found.event.data == {"other": str(one)}
        assert (found.event.customer, found.event.actor) == (other, CLERK)
        assert unsealed(ledger, found.event) == {
            (other, Retention.CONTENT): {"reason_given": "zanna's voice"}
        }


def test_two_accounts_are_one_person_only_if_somebody_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one, other, third = known(ledger, "user:u1", "user:u2", "crm:c1")
        with pytest.raises(IdentityConflict) as refused:
            judge(ledger, "+", one, other)
        assert str(refused.value) == (
            "identifiers: expected at most 1 of kind user for one person, came 2"
        )
        judge(ledger, "+", third, other)
        with pytest.raises(IdentityConflict):
            judge(ledger, "+", one, third)
        judge(ledger, "+", one, third, despite=True)
        judge(ledger, "+", one, other)  # they are one person by now
        assert len(ledger.people.now().members(one)) == 3


def test_who_is_being_erased_is_merged_with_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one, other = known(ledger, "user:u1", "crm:c1")
        ledger.keyring.add_tombstone(other)
        for two in ((one, other), (other, one)):
            with pytest.raises(BadField, match="not being erased, came one who is"):
                judge(ledger, "+", *two, despite=True)


# By what touchpoints show


def test_a_merge_has_time_cause_and_chain_of_the_touchpoint_that_showed_it(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one, other = known(ledger, "user:u1", "crm:c1")
        shown = touchpoint("3", who=[("crm", "c1"), ("user", "u1")], at=NOW - 9 * DAY, actor=CLERK)
        assert told(take(ledger, replace(shown, correlation=one))) == [("appended", 4)]
        *_, merged, showing = recorded(ledger)
        event = merged.event
        assert (event.type, event.customer, event.data) == (MERGED, other, {"other": str(one)})
        assert (event.occurred_at, event.causation) == (NOW - 9 * DAY, showing.event.id)
        assert (event.actor, event.correlation) == (CLERK, one)
        assert (event.source, event.personal) == ("bahi:identity", b"")
        assert ledger.people.now().since(one, other) == (NOW - 9 * DAY, 3)
        assert ledger.people.now().canonical(other) == one
        assert ledger.people.at(NOW - 9 * DAY - timedelta(microseconds=1)).canonical(other) == other


def test_what_somebody_has_parted_no_touchpoint_joins(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one, other = known(ledger, "user:u1", "crm:c1")
        both = {"user": "u1", "crm": "c1"}
        take(ledger, touchpoint("3", who=both))
        judge(ledger, "-", one, other)
        before = ledger.book.head()
        late, next_one = (
            touchpoint("4", who=both, at=NOW - 20 * DAY),
            touchpoint("5", who=both, at=NOW),
        )
        take(ledger, late, next_one)
        take(ledger, touchpoint("6", who={"crm": "c1", "phone": "+49 171 1234567"}))
        take(ledger, touchpoint("7", who={"user": "u1", "phone": "+49 171 1234567"}))
        assert ledger.book.head() == before + 4
        assert ledger.people.now().canonical(other) == other
        judge(ledger, "+", other, one)
        take(ledger, touchpoint("8", who=both))
        assert ledger.people.now().members(other) == (one, other)
        assert ledger.book.head() == before + 6


def test_a_batch_and_one_by_one_put_the_same_at_the_same_places(tmp_path: Path) -> None:
    items = [
        touchpoint("1", who={"user": "u1"}),
        touchpoint("2", who={"crm": "c1"}),
        touchpoint("3", who={"crm": "c1", "user": "u1"}),
        touchpoint("4", who={"device": "d1"}),
        touchpoint("5", who={"user": "u1", "device": "d1"}),
        touchpoint("6", who={"crm": "c1", "device": "d1"}),
        touchpoint("7", who={"crm": "c1", "device": "d1"}),
    ]
    told_by = []
    for name in ("batch", "alone"):
        with opened(tmp_path / name) as ledger:
            for batch in [items] if name == "batch" else [[item] for item in items]:
                take(ledger, *batch)
            people: dict[object, int] = {}
            told_by.append([
                (r.event.type, people.setdefault(r.event.customer, len(people)),
                 people.get(UUID(r.event.data["other"])) if "other" in r.event.data else None)
                for r in recorded(ledger)
            ])  # fmt: skip
    assert told_by[0] == told_by[1]
    order, merged = "order.placed", MERGED
    assert told_by[0] == [
        (order, 0, None), (order, 1, None), (merged, 1, 0), (order, 1, None), (order, 2, None),
        (merged, 0, 2), (order, 0, None), (merged, 1, 2), (order, 1, None), (order, 1, None),
    ]  # fmt: skip
