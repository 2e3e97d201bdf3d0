"""Letting go of what is due: who stays, judged again until the moment at which it begins; what goes."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commands.privacy import ordering
from commands.privacy.retention import Rules, let_go, read_rules
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import Erased
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.keeping import a_rule, ago, found, listed, merge, office, person, say
from tests.commands.samples import CLERK, DAY, NOW, customer_of, opened, recorded, take, told
from tests.ledger.openings import on_record, unsealed


def test_what_is_due_is_destroyed_and_nothing_else(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400, "u1"), ago(400, "u2"), ago(3, "u2"))
        u1 = person(ledger, "u1")
        dues = found(ledger, a_rule("words"))
        ((rule, answer),) = let_go(office(ledger), Rules(rule=(a_rule("words"),)), dues, CLERK)
        assert (rule.name, answer.customer, answer.refusal) == ("words", u1, None)
        erasing, erased = (found.event for found in recorded(ledger)[-2:])
        assert (erasing.type, erased.type) == ("customer.erasing", "customer.erased")
        assert erasing.data == {"legal_basis": "retention:words", "classes": ["content"]}
        with ledger.sealer.opening(on_record(ledger.book, u1)) as opening:
            old = opening.open(recorded(ledger)[0].event)
        assert isinstance(old[u1, Retention.CONTENT], Erased)
        assert old[u1, Retention.IDENTITY] == {"identifiers": [["user", "u1"]]}
        assert found(ledger, a_rule("words")) == []
        assert told(take(ledger, ago(1, "u1"))) == [("appended", 7)]
        words = unsealed(ledger, recorded(ledger)[-1].event)[u1, Retention.CONTENT]
        assert words == {"message": "words of u1"}
        later = found(ledger, a_rule("words"), at=NOW + 365 * DAY)
        assert {one.customer for one in later} == {u1, person(ledger, "u2")}


def test_who_is_held_or_restricted_stays_and_it_says_so(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400, "u1"), ago(400, "u2"), ago(400, "u3"))
        say(ledger, "u1", "hold.placed", hold="claim-1", ground="litigation")
        say(ledger, "u2", "customer.restricted", ground="accuracy")
        dues = found(ledger, a_rule())
        why = {one.customer: str(one.against) for one in dues if one.against is not None}
        assert why[person(ledger, "u2")] == (
            "customer: expected one who is not restricted, came one restricted on 2026-02-27 at position 5"
        )
        assert why[person(ledger, "u1")].startswith(
            "hold: expected none on this person, came claim-1"
        )
        answers = list(let_go(office(ledger), Rules(rule=(a_rule(),)), dues, CLERK))
        assert [answer.customer for _, answer in answers] == [person(ledger, "u3")]


REQUEST = UUID(int=77)


def test_who_has_a_request_open_stays_until_it_is_answered(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400))
        say(
            ledger,
            "u1",
            "privacy.requested",
            5,
            request=REQUEST,
            right="access",
            law="gdpr",
            due_on="2026-03-24",
        )
        rules = Rules(rule=(a_rule(),))
        for state, days in (("challenged", 4), ("verified", 3)):
            word = f"privacy.{state}"
            before = listed(found(ledger, *rules.rule))
            say(
                ledger,
                "u1",
                word,
                days,
                request=REQUEST,
                **({"due_on": "2026-03-25"} if days == 3 else {}),
            )
            after = listed(found(ledger, *rules.rule))
            assert before != after
            assert (
                f"request: expected none that is open, came one that was {state} on" in after[0][2]
            )
        (stale,) = (replace(one, against=None) for one in found(ledger, *rules.rule))
        ((_, answer),) = let_go(office(ledger), rules, [stale], CLERK)
        assert str(answer.refusal) == after[0][2]
        say(ledger, "u1", "privacy.fulfilled", 1, request=REQUEST)
        ((_, answer),) = let_go(office(ledger), rules, found(ledger, *rules.rule), CLERK)
        assert answer.refusal is None


def test_a_request_of_either_customer_keeps_both(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, ago(400, "u1"), ago(400, "u2"))
        one, other = person(ledger, "u1"), person(ledger, "u2")
        merge(ledger, one, other)
        say(
            ledger,
            "u2",
            "privacy.requested",
            1,
            request=REQUEST,
            right="access",
            law="gdpr",
            due_on="2026-03-30",
        )
        ((customer, _, why),) = listed(found(ledger, a_rule()))
        assert (customer in {one, other}, "none that is open" in why) == (True, True)


@pytest.mark.parametrize(
    ("meanwhile", "why"),
    [
        ("order", "period: expected one that is over, came one that is until 2027-03-01"),
        ("restricted", "customer: expected one who is not restricted, came one restricted on 2026-02-27 at position 3"),
        ("request", "request: expected none that is open, came one that was requested on 2026-02-27 at position 3"),
        ("market", "period: expected one that is over, came one that is until 2026-06-10"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("late", [False, True], ids=["before", "while it begins"])
def test_what_has_happened_since_the_list_was_made_counts(
    folder: Path, meanwhile: str, why: str, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what comes when the rule has read: then the append is refused, and it is judged anew."""
    rules = Rules(
        rule=(
            a_rule(types=["message.received", "order.placed"], domains=[]),
            a_rule("german", types=["message.received", "order.placed"], domains=[], period="P500D", markets=["DE"]),
        )
    )  # fmt: skip

    def happens(ledger: Ledger) -> None:
        order = {"currency": "EUR", "amount_minor": 1}
        if meanwhile == "order":
            take(ledger, ago(1, "u1", type="order.placed", data=order))
        elif meanwhile == "restricted":
            say(ledger, "u1", "customer.restricted", ground="accuracy")
        elif meanwhile == "request":
            say(
                ledger,
                "u1",
                "privacy.requested",
                request=REQUEST,
                right="access",
                law="gdpr",
                due_on="2026-03-27",
            )
        else:
            take(ledger, ago(0, "u1", type="page.viewed", data={}, tags={"market": "DE"}))

    with opened(folder) as ledger:
        take(ledger, ago(400, "u1"), ago(400, "u2"))
        dues = found(ledger, *rules.rule)
        assert [one.against for one in dues] == [None, None]
        if late:
            announce = ordering._announce

            def announce_(*given: Any) -> None:
                announce(*given)
                monkeypatch.undo()
                happens(ledger)

            monkeypatch.setattr(ordering, "_announce", announce_)
        else:
            happens(ledger)
        answers = {
            answer.customer: answer.refusal
            for _, answer in let_go(office(ledger), rules, dues, CLERK)
        }
        assert answers.pop(person(ledger, "u2")) is None
        assert {customer: str(refusal) for customer, refusal in answers.items()} == {
            person(ledger, "u1"): why
        }
        gone = [
            one.event.customer for one in recorded(ledger) if one.event.type == "customer.erased"
        ]
        assert gone == [person(ledger, "u2")]


def test_letting_go_of_one_class_keeps_no_other(folder: Path) -> None:
    """By the rules that are shipped, in one run and in several: what we did ourselves is nothing they did."""
    rules = read_rules(None)
    with opened(folder) as ledger:
        take(
            ledger,
            ago(1600, "u1"),
            ago(1600, "u1", "2", type="page.viewed", data={"url": "https://a.example/"}),
        )
        dues = found(ledger, *rules.rule)
        assert {one.rule.name for one in dues} == {"behaviour", "content", "identity"}
        answers = list(
            let_go(
                office(ledger), rules, [one for one in dues if one.rule.name == "behaviour"], CLERK
            )
        )
        answers += let_go(office(ledger), rules, found(ledger, *rules.rule), CLERK)
        assert [(rule.name, answer.refusal) for rule, answer in answers] == [
            ("behaviour", None), ("content", None), ("identity", None),
        ]  # fmt: skip


def test_somebody_known_by_a_request_alone_is_due_as_well(folder: Path) -> None:
    rules = read_rules(None)
    with opened(folder) as ledger:
        payload = catalogue.parse(
            "privacy.requested",
            {"request": REQUEST, "right": "access", "law": "gdpr", "due_on": "2022-04-01", "contact": "Ulm"},
            at_a_door=False,
        )  # fmt: skip
        at = datetime(2022, 3, 1, 12, tzinfo=UTC)
        named = (Identifier("email", "zoe@example.com"),)
        desk = office(ledger).desk
        desk.carry_out(
            Touchpoint(payload, at, "bahi", "r", identifiers=named, actor=CLERK),
            RULES[type(payload)],
        )
        customer = customer_of(ledger, "email", "zoe@example.com")
        refusal = catalogue.parse(
            "privacy.refused", {"request": REQUEST, "ground": "cannot-identify"}, at_a_door=False
        )
        asked = Touchpoint(refusal, at + DAY, "bahi", "f", customer=customer, actor=CLERK)
        desk.carry_out(asked, RULES[type(refusal)])
        ((_, answer),) = let_go(office(ledger), rules, found(ledger, *rules.rule), CLERK)
        assert (answer.customer, answer.refusal) == (customer, None)
        assert customer_of(ledger, "email", "zoe@example.com") is None
