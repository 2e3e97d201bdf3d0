"""What is still on its way about somebody who was erased brings nobody back; whoever acts anew is new."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.dead_letters import RefusedItem, keep_refused
from commands.deciding import Desk
from commands.record import record
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger import catalogue
from ledger.errors import BadField, NamesErased
from ledger.opening import Ledger
from ledger.vault import SUPPRESSED_FOR
from tests.commands.erasures import erased, lives, office, user
from tests.commands.samples import DAY, NOW, customer_of, opened, recorded, touchpoint

BEFORE, HOUR = NOW - DAY, timedelta(hours=1)
SINCE = NOW + HOUR
"""They are erased at `NOW`."""
REFUSAL = (
    "identifiers: expected a person who was not erased, or has turned to us since, "
    "came one who was erased in the last 35 days"
)
OPENED, ORDERED, WROTE = "email.opened", "order.placed", "message.received"
DATA = {
    WROTE: {"channel": "email"},
    "email.bounced": {"bounce": "hard"},
    "form.submitted": {"form": "contact"},
}
"""What these types have to say."""
ANNA = {"user": "anna", "email": "anna@example.com"}


def item(type_: str, at: datetime, who: dict[str, str] | None = None) -> Touchpoint:
    return touchpoint(str(uuid4()), type_, at=at, who=who or ANNA, data=DATA.get(type_))


def take(ledger: Ledger, *items: Touchpoint, at: datetime = SINCE) -> list[Outcome]:
    return list(record(ledger, items, clock=lambda: at, future_tolerance=DAY))


def fates(outcomes: list[Outcome]) -> list[str]:
    assert {str(o.refusal) for o in outcomes if o.refusal is not None} <= {REFUSAL}
    return ["new" if o.fate is Fate.APPENDED else o.fate.value for o in outcomes]


def without_anna(ledger: Ledger) -> UUID:
    (anna,) = lives(ledger, "anna")
    erased(ledger, anna)
    return anna


@pytest.mark.parametrize(
    ("type_", "at", "fate"),
    [
        (OPENED, BEFORE, "refused"),
        (OPENED, SINCE, "refused"),
        ("email.delivered", SINCE, "refused"),
        ("email.bounced", SINCE, "refused"),
        ("ad.clicked", SINCE, "refused"),
        ("customer.updated", SINCE, "refused"),
        (ORDERED, BEFORE, "refused"),
        (ORDERED, NOW, "refused"),
        (ORDERED, SINCE, "new"),
        ("chat.started", SINCE, "new"),
        ("form.submitted", SINCE, "new"),
        (WROTE, SINCE, "new"),
    ],
)
def test_what_comes_for_somebody_erased(folder: Path, type_: str, at: datetime, fate: str) -> None:
    with opened(folder) as ledger:
        anna = without_anna(ledger)
        head, generation = ledger.book.head(), ledger.vault.generation()
        assert fates(take(ledger, item(type_, at))) == [fate]
        somebody = customer_of(ledger, "user", "anna")
        if fate == "refused":
            assert (ledger.book.head(), ledger.vault.generation()) == (head, generation)
            assert somebody is None
        else:
            assert somebody not in {None, anna}
            assert recorded(ledger)[-1].event.customer == somebody


def test_who_has_turned_to_us_anew_is_seen_again_but_not_what_was_before(folder: Path) -> None:
    with opened(folder) as ledger:
        anna = without_anna(ledger)
        # In one batch or in several: each item sees what the ones before it have made.
        wave = [
            item(OPENED, SINCE),
            item(ORDERED, SINCE),
            item(OPENED, SINCE),
            item(OPENED, BEFORE),
        ]
        assert fates(take(ledger, *wave)) == ["refused", "new", "new", "refused"]
        later = [item(OPENED, SINCE + HOUR), item(ORDERED, BEFORE)]
        assert [fates(take(ledger, one)) for one in later] == [["new"], ["refused"]]
        known = {r.event.customer for r in recorded(ledger)[-3:]}
        assert len(known) == 1
        assert anna not in known


def test_after_its_time_nothing_stands_in_the_way(folder: Path) -> None:
    with opened(folder) as ledger:
        without_anna(ledger)
        over = NOW + SUPPRESSED_FOR
        just_before = over - timedelta(microseconds=1)
        assert fates(take(ledger, item(OPENED, SINCE), at=just_before)) == ["refused"]
        assert fates(take(ledger, item(OPENED, SINCE), at=over)) == ["new"]


def test_what_is_known_is_answered_and_names_nobody(folder: Path) -> None:
    with opened(folder) as ledger:
        old = item(ORDERED, BEFORE)
        (first,) = take(ledger, old, at=NOW)
        anna = customer_of(ledger, "user", "anna")
        assert anna is not None
        erased(ledger, anna)
        (again,) = take(ledger, old)
        assert (again.fate, again.position) == (Fate.DUPLICATE, first.position)
        assert customer_of(ledger, "user", "anna") is None


def test_news_of_somebody_else_does_not_carry_what_belonged_to_the_erased(folder: Path) -> None:
    with opened(folder) as ledger:
        lives(ledger, "ben")
        ben = customer_of(ledger, "user", "ben")
        without_anna(ledger)
        both = {"user": "ben", "email": "anna@example.com"}
        assert fates(take(ledger, item(OPENED, SINCE, both), item(ORDERED, BEFORE, both))) == [
            "new",
            "new",
        ]
        assert recorded(ledger)[-1].event.customer == ben
        assert customer_of(ledger, "email", "anna@example.com") is None
        # Less trusted than what was hers, it does not make the news somebody else's.
        shared = {"email": "anna@example.com", "user": "ben"}
        assert fates(take(ledger, item(OPENED, SINCE, shared))) == ["refused"]
        # By what he does himself, her former address is his.
        assert fates(take(ledger, item(ORDERED, SINCE, both))) == ["new"]
        assert customer_of(ledger, "email", "anna@example.com") == ben
        mine = {"email": "anna@example.com"}
        assert fates(take(ledger, item(OPENED, SINCE, mine), item(OPENED, BEFORE, mine))) == [
            "new",
            "refused",
        ]


def test_a_command_says_who_has_turned_to_us_and_nothing_of_before(folder: Path) -> None:
    with opened(folder) as ledger:
        anna = without_anna(ledger)
        desk = Desk(ledger, lambda: SINCE, uuid4, DAY)

        def objection(at: datetime, name: str) -> Touchpoint:
            payload = catalogue.parse("objection.raised", {"purpose": "marketing"})
            return Touchpoint(payload, at, "desk", name, (user("anna"),))

        rule = RULES[type(objection(SINCE, "x").payload)]
        with pytest.raises(NamesErased, match="turned to us since"):
            desk.carry_out(objection(BEFORE, "before"), rule)
        assert customer_of(ledger, "user", "anna") is None
        assert desk.carry_out(objection(SINCE, "since"), rule).fate is Fate.APPENDED
        assert customer_of(ledger, "user", "anna") not in {None, anna}


def test_nothing_about_them_is_kept_as_a_dead_letter(folder: Path) -> None:
    def kept(ledger: Ledger, refusal: BadField | NamesErased, *names: str) -> int:
        named = tuple(user(name) for name in names)
        asked = [RefusedItem(refusal, {"row": 1}, b" ".join(n.encode() for n in names), named)]
        return keep_refused(ledger, "file:x", asked, clock=lambda: SINCE, ids=uuid4)

    with opened(folder) as ledger:
        without_anna(ledger)
        bad = BadField("amount", "a number", "none")
        assert kept(ledger, NamesErased("identifiers", "x", "y"), "ben") == 0
        assert kept(ledger, bad, "anna") == 0
        assert kept(ledger, bad, "ben", "anna") == 0
        assert kept(ledger, bad, "ben") == 1
        take(ledger, item(ORDERED, SINCE))
        assert kept(ledger, bad, "anna") == 1  # somebody new by now, whose item it is
        assert len(list(ledger.vault.letters())) == 2


def test_whose_erasure_is_on_its_way_is_not_kept_either(folder: Path) -> None:
    """Between the event and the destruction of the keys, what comes is refused as erased."""
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        refusals: list[object] = []

        def meanwhile(_: object) -> None:
            (outcome,) = take(ledger, item(ORDERED, SINCE))
            refusals.append(type(outcome.refusal))

        erased(ledger, anna, at=office(ledger, told=meanwhile))
        assert refusals[0] is NamesErased
