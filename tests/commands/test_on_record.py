"""Who looked: an event a person, before anything is shown; the same within the hour is one."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.dead_letters import RefusedItem, keep_refused, open_refused
from commands.on_record import opened as to_open
from commands.on_record import put_export_on_record, put_on_record
from ledger.catalogue import Retention, parse
from ledger.catalogue.audit import PersonalDataExported
from ledger.clock import random_ids
from ledger.errors import BadField, BadUsage, Erased
from ledger.event import Event
from ledger.identifiers import Identifier
from ledger.on_record import OnRecord
from ledger.opening import Ledger
from tests.commands.samples import (
    CLERK,
    NOW,
    OPEN,
    clock,
    customer_of,
    opened,
    recorded,
    stores_of,
    take,
    touchpoint,
)
from tests.ledger.openings import unsealed
from tests.ledger.processes import CUE, race, start
from tests.ledger.vault_samples import sql

LOOK = (
    OPEN
    + """
import os
from commands.on_record import opened as to_open, put_on_record
from uuid import UUID
def own_clock():
    return NOW + timedelta(microseconds=os.getpid())
with opened(folder) as ledger:
    ledger.people.now()
"""
    + "".join(f"    {line}\n" for line in CUE.splitlines())
    + """
    for n in range(8):
        put_on_record(ledger, [UUID(sys.argv[2])], CLERK, to_open("service", f"{n}"), clock=own_clock)
"""
)


def known(ledger: Ledger, *users: str) -> list[UUID]:
    """Customers who ordered something."""
    take(ledger, *(touchpoint(user, who={"user": user}) for user in users))
    found = [customer_of(ledger, "user", user) for user in users]
    return [customer for customer in found if customer is not None]


def look(
    ledger: Ledger,
    *customers: UUID,
    actor: UUID = CLERK,
    purpose: str = "service",
    reason: str = "they called",
    at: datetime = NOW,
    about: UUID | None = None,
) -> OnRecord:
    asked = to_open(purpose, reason)
    return put_on_record(ledger, customers, actor, asked, clock=lambda: at, about=about)


def openings(ledger: Ledger) -> list[Event]:
    return [r.event for r in recorded(ledger) if r.event.domain == "audit"]


def test_an_opening_of_several_people_is_an_event_each(folder: Path) -> None:
    with opened(folder) as ledger:
        one, other = known(ledger, "u1", "u2")
        proof = look(ledger, one, other, one)
        assert proof.subjects == {one, other}
        found = openings(ledger)
        assert [(e.type, e.customer, e.actor, e.occurred_at, e.source) for e in found] == [
            ("personal_data.opened", customer, CLERK, NOW, "bahi") for customer in (one, other)
        ]
        for event in found:
            assert event.data == {"purpose": "service"}
            assert unsealed(ledger, event) == {
                (event.customer, Retention.CONTENT): {"reason_given": "they called"}
            }
        assert all(
            key.logged for key in ledger.vault.subject_keys([(one, Retention.CONTENT)]).values()
        )


def test_what_is_repeated_within_the_hour_is_one_event(folder: Path) -> None:
    with opened(folder) as ledger:
        one, other = known(ledger, "u1", "u2")
        first = look(ledger, one)
        for minutes in (1, 30, 59):
            assert look(ledger, one, at=NOW + timedelta(minutes=minutes)).openings == first.openings
        assert look(ledger, one, other).subjects == {one, other}
        assert [event.customer for event in openings(ledger)] == [one, other]


@pytest.mark.parametrize("change", ["hour", "actor", "purpose", "reason", "about"])
def test_everything_else_is_another_event(tmp_path: Path, change: str) -> None:
    with opened(tmp_path) as ledger:
        (one,) = known(ledger, "u1")
        look(ledger, one)
        match change:
            case "hour":
                look(ledger, one, at=NOW + timedelta(hours=1))
            case "actor":
                look(ledger, one, actor=uuid4())
            case "purpose":
                look(ledger, one, purpose="marketing")
            case "reason":
                look(ledger, one, reason="they called again")
            case _:
                look(ledger, one, about=one)
        assert len(openings(ledger)) == 2


def test_of_nobody_who_is_known_purpose_and_actor_stand_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        letter = uuid4()
        assert look(ledger, about=letter).subjects == {letter}
        look(ledger, about=letter)
        (event,) = openings(ledger)
        assert (event.customer, event.actor, event.correlation) == (None, CLERK, letter)
        assert event.personal == b""


def test_nobody_who_is_erased_is_opened_again_also_not_within_the_hour(folder: Path) -> None:
    with opened(folder) as ledger:
        one, other = known(ledger, "u1", "u2")
        look(ledger, one)
        sql(stores_of(folder)[1], "INSERT INTO erasing VALUES (?)", one.bytes)
        for customers in ([one], [other, one]):
            with pytest.raises(Erased):
                look(ledger, *customers)
        assert [event.customer for event in openings(ledger)] == [one]


def test_whoever_is_gone_by_the_book_is_not_opened(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        (one,) = known(ledger, "u1")
        ledger.book.append([erasing(one)])
        with pytest.raises(Erased):
            look(ledger, one)


def erasing(customer: UUID) -> Event:
    data = {"legal_basis": "art17"}
    return Event(uuid4(), "customer.erasing", 1, "privacy", NOW, "bahi", data, customer)


def test_an_erasure_that_begins_in_that_moment_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger:
        (one,) = known(ledger, "u1")
        fenced = ledger.vault.fenced

        def then_erased(subjects: list[UUID]) -> frozenset[UUID]:
            answer = fenced(subjects)
            monkeypatch.undo()
            ledger.book.append([erasing(one)])
            return answer

        monkeypatch.setattr(ledger.vault, "fenced", then_erased)
        with pytest.raises(Erased):
            look(ledger, one)
        assert openings(ledger) == []


def test_what_cannot_be_put_on_record_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger:
        (one,) = known(ledger, "u1")

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(ledger.book, "append", full)
        with pytest.raises(OSError, match="No space"):
            look(ledger, one)


def test_processes_that_say_the_same_at_once_say_it_once(folder: Path) -> None:
    with opened(folder) as ledger:
        (one,) = known(ledger, "u1")
        race(*(start(LOOK, folder, one) for _ in range(2)))
        found = openings(ledger)
        assert len(found) == 8
        assert {
            fields["reason_given"] for e in found for fields in unsealed(ledger, e).values()
        } == {str(n) for n in range(8)}


def test_a_letter_is_opened_on_record_of_all_whom_it_names(folder: Path) -> None:
    with opened(folder) as ledger:
        one, other = known(ledger, "u1", "u2")
        named = (Identifier("user", "u1"), Identifier("user", "u2"), Identifier("user", "u9"))
        item = RefusedItem(BadField("a", "b", "c"), {"row": 7}, b"zanna", named)
        keep_refused(ledger, "file:shop", [item], clock=clock, ids=random_ids)
        (letter,) = ledger.vault.letters()
        with pytest.raises(BadUsage):
            open_refused(ledger, letter.id, actor=CLERK, purpose="m", reason=" ", clock=clock)
        assert openings(ledger) == []
        found = open_refused(ledger, letter.id, actor=CLERK, purpose="m", reason="y", clock=clock)
        assert (found.content, found.identifiers) == (b"zanna", named)
        assert {e.customer for e in openings(ledger)} == {one, other}
        assert {e.correlation for e in openings(ledger)} == {letter.id}


def test_an_export_is_on_record_for_each_and_never_of_the_erased(folder: Path) -> None:
    given = {"purpose": "access", "recipient": "person", "reason_given": "zanna asked"}
    given["archive_digest"] = "0" * 64
    exported = parse("personal_data.exported", given, at_a_door=False)
    assert isinstance(exported, PersonalDataExported)
    with opened(folder) as ledger:
        one, other = known(ledger, "u1", "u2")
        for _ in range(2):
            put_export_on_record(ledger, [one, other], CLERK, exported, clock=clock)
        found = openings(ledger)
        assert [(e.type, e.customer, e.data["archive_digest"]) for e in found] == [
            ("personal_data.exported", customer, "0" * 64) for customer in (one, other)
        ]
        sql(stores_of(folder)[1], "INSERT INTO erasing VALUES (?)", one.bytes)
        with pytest.raises(Erased):
            put_export_on_record(ledger, [one, other], CLERK, exported, clock=clock)


def test_a_thousand_people_and_more(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        (one,) = known(ledger, "u1")
        many = [one, *(uuid4() for _ in range(2_100))]
        assert look(ledger, *many).subjects == set(many)
        assert len(openings(ledger)) == 2_101
