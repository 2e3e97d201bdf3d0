"""Guarded commands take the steps of any other item: whom they name, what is kept, what comes again."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.persistence import ProgrammingError

from commands.deciding import Desk
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger import catalogue, money
from ledger.clock import random_ids
from ledger.dcb import BookRecorder
from ledger.errors import BadField, IdentityConflict, IdReused, NotAllowed
from ledger.event import MERGED
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.samples import (
    DAY,
    NOW,
    clock,
    customer_of,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)

CONSENT = {"purpose": "marketing", "channel": "email"}
PIPELINE = {"pipeline": "p", "stages": [{"stage": "lead", "win_percent": 10}]}
DEAL = {"pipeline": "p", "stage": "lead", "currency": "EUR", "amount_minor": 5}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with opened(tmp_path) as ledger:
        yield ledger


def do(ledger: Ledger, asked: Touchpoint) -> Outcome:
    return Desk(ledger, clock, random_ids, DAY).carry_out(asked, RULES[type(asked.payload)])


def given(message_id: str, **who: str) -> Touchpoint:
    return touchpoint(message_id, "consent.given", who=who, data=CONSENT)


def test_a_command_is_about_whom_the_same_names_would_be_recorded_for(ledger: Ledger) -> None:
    """An address that two share is no reason to give one of them the other's consent."""
    take(ledger, touchpoint("1", who={"user": "u1", "email": "shared@example.com"}))
    do(ledger, given("2", user="u2", email="shared@example.com"))
    (first, second) = recorded(ledger)
    assert second.event.customer == customer_of(ledger, "user", "u2") != first.event.customer
    (again,) = take(ledger, touchpoint("3", who={"user": "u2", "email": "shared@example.com"}))
    assert recorded(ledger)[again.position - 1 if again.position else -1].event.customer == (
        second.event.customer
    )


def test_what_a_command_names_anew_is_known_from_then_on(ledger: Ledger) -> None:
    take(ledger, touchpoint("1", who={"user": "u1"}))
    do(ledger, given("2", user="u1", email="anna@example.com"))
    assert customer_of(ledger, "email", "anna@example.com") == customer_of(ledger, "user", "u1")


def test_a_command_that_names_two_people_is_refused_and_merges_nobody(ledger: Ledger) -> None:
    take(
        ledger, touchpoint("1", who={"user": "u1"}), touchpoint("2", who={"email": "b@example.com"})
    )
    with pytest.raises(IdentityConflict) as refusal:
        do(ledger, given("3", user="u1", email="b@example.com"))
    assert str(refusal.value) == (
        "identifiers: expected those of one person, came those of 2 customers; "
        "if they are one, merge them first"
    )
    assert [event.event.type for event in recorded(ledger)] == ["order.placed"] * 2


def test_a_refused_command_leaves_nothing_behind(ledger: Ledger) -> None:
    do(ledger, touchpoint("0", "pipeline.defined", who={}, data=PIPELINE, at=NOW - 2 * DAY))
    before = ledger.vault.generation()
    unsealable = touchpoint(
        "1", "deal.opened", who={}, references={"deal": "D1"}, data={**DEAL, "subject": "zanna"}
    )
    with pytest.raises(BadField, match=r"^subject: expected a person under whose key"):
        do(ledger, unsealable)
    with pytest.raises(NotAllowed, match=r"^notice: expected one published by then"):
        do(
            ledger,
            touchpoint(
                "2",
                "consent.given",
                who={"email": "new@example.com"},
                data={**CONSENT, "notice": "n", "notice_version": "1"},
            ),
        )
    assert ledger.vault.look_up(Identifier("deal", "D1")) is None
    assert customer_of(ledger, "email", "new@example.com") is None
    assert ledger.vault.generation() == before
    assert len(recorded(ledger)) == 1


def test_the_same_id_for_somebody_else_is_no_repetition(ledger: Ledger) -> None:
    take(ledger, touchpoint("1", who={"user": "u1"}), touchpoint("2", who={"user": "u2"}))
    first = do(ledger, given("same", user="u1"))
    assert do(ledger, given("same", user="u1")) == Outcome(Fate.DUPLICATE, first.position)
    with pytest.raises(IdReused, match=r"with another customer$"):
        do(ledger, given("same", user="u2"))


def test_a_merge_by_a_rule_is_never_ahead_of_us(ledger: Ledger) -> None:
    take(
        ledger, touchpoint("1", who={"user": "u1"}), touchpoint("2", who={"email": "b@example.com"})
    )
    soon = touchpoint(
        "3", who={"user": "u1", "email": "b@example.com"}, at=NOW + timedelta(hours=9)
    )
    take(ledger, soon)
    (merge,) = [r.event for r in recorded(ledger) if r.event.type == MERGED]
    assert merge.occurred_at == NOW


def test_a_deal_goes_on_without_whom_is_being_erased(ledger: Ledger, tmp_path: Path) -> None:
    do(ledger, touchpoint("0", "pipeline.defined", who={}, data=PIPELINE, at=NOW - 2 * DAY))
    do(
        ledger,
        touchpoint("1", "deal.opened", who={"user": "u1"}, references={"deal": "D1"}, data=DEAL),
    )
    customer = recorded(ledger)[-1].event.customer
    assert customer is not None
    with sqlite3.connect(tmp_path / "vault" / "vault.db") as vault:
        vault.execute("INSERT INTO erasing VALUES (?)", (customer.bytes,))
    vault.close()
    won = touchpoint("2", "deal.won", who={}, references={"deal": "D1"})
    do(ledger, won)
    assert recorded(ledger)[-1].event.customer is None
    assert recorded(ledger)[-1].event.personal == b""


@pytest.mark.parametrize("source", ["bahi", "bahi:identity"])
def test_nobody_speaks_in_our_name(ledger: Ledger, source: str) -> None:
    assert told(take(ledger, touchpoint(source=source))) == [
        ("refused", "BadField source: expected one that is not ours, as bahi is, came 'bahi'")
    ]


@pytest.mark.parametrize(
    ("kind", "tags"),
    [("consent.given", []), ("schema.registered", []), ("own.happened", ["customer:1"])],
)
def test_the_librarys_door_takes_nothing_that_is_for_commands(
    ledger: Ledger, kind: str, tags: list[str]
) -> None:
    recorder = BookRecorder(ledger.book, clock)
    with pytest.raises(ProgrammingError, match=r"those come through commands"):
        recorder.append([DCBEvent(kind, b"{}", tags)])
    assert recorder.append([DCBEvent("own.happened", b"{}", ["thing:1"])]) == 1


def test_what_was_taken_once_is_taken_for_ever(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A currency that goes out of use does not close the deals that were made in it."""
    do(ledger, touchpoint("0", "pipeline.defined", who={}, data=PIPELINE, at=NOW - 2 * DAY))
    do(ledger, touchpoint("1", "deal.opened", who={}, references={"deal": "D1"}, data=DEAL))
    left = {code: digits for code, digits in money._digits().items() if code != "EUR"}
    monkeypatch.setattr(money, "_digits", lambda: left)
    with pytest.raises(BadField, match=r"^currency: expected an ISO 4217"):
        catalogue.parse("deal.opened", DEAL)
    won = do(ledger, touchpoint("2", "deal.won", who={}, references={"deal": "D1"}))
    assert won.fate is Fate.APPENDED


def test_money_that_went_out_of_use_was_money() -> None:
    for code in ("HRK", "BGN"):
        catalogue.parse("order.placed", {"currency": code, "amount_minor": 1})
        assert money.minor_digits(code) == 2
