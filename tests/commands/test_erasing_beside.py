"""Erasing somebody beside the living: nobody is bound to the erased, and nobody goes unasked."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.privacy.certificate import certificates_of
from commands.privacy.checking import check_certificate
from commands.privacy.erasing import Step, erase_each
from commands.privacy.ordering import Order, begin
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import NotFound
from ledger.event import Event
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.erasures import BASIS, LEO, MIA, ask, erased, hold, lives, merged, office
from tests.commands.samples import DAY, NOW, OPEN, clock, opened, recorded, take, touchpoint
from tests.ledger.processes import CUE, race, start

PAIRS = 30


def phone(number: int) -> str:
    return f"+9198123{45000 + number}"


def both(number: int) -> list[tuple[str, str]]:
    """An item of these names somebody living first, and somebody who is being erased besides."""
    return [("email", f"b{number}@example.com"), ("phone", phone(number))]


def pair(ledger: Ledger, number: int = 0) -> tuple[UUID, UUID]:
    """Who is to be erased, known by phone, and who is to live, known by e-mail."""
    take(
        ledger,
        touchpoint(f"a{number}", who={"phone": phone(number)}),
        touchpoint(f"b{number}", who={"email": f"b{number}@example.com"}),
    )
    a, b = map(ledger.vault.look_up, (Identifier(*one) for one in reversed(both(number))))
    assert a is not None
    assert b is not None
    return a, b


def release(ledger: Ledger, customer: UUID, name: str) -> None:
    payload = catalogue.parse("hold.released", {"hold": name}, at_a_door=False)
    asked = Touchpoint(payload, NOW, "desk", f"free {customer}", customer=customer, actor=MIA)
    Desk(ledger, clock, uuid4, DAY).carry_out(asked, RULES[type(payload)])


def demand_free(ledger: Ledger, customer: UUID) -> None:
    """They are nobody else, and can be held, answered and erased like anybody."""
    with pytest.raises(NotFound):
        certificates_of(ledger, customer)
    name = str(customer)
    assert ledger.living.now().members(customer) == (customer,)
    hold(ledger, customer, "claim")
    request = ask(ledger, "privacy.requested", name, customer, right="access")
    assert ask(ledger, "privacy.verified", name, customer) == request
    ask(ledger, "privacy.fulfilled", name, customer)
    release(ledger, customer, "claim")


@pytest.mark.parametrize("step", [Step.BEGUN, Step.DESTROYED, Step.TRIED])
def test_what_names_two_while_one_of_them_is_erased_joins_nobody(folder: Path, step: Step) -> None:
    with opened(folder) as ledger:
        a, b = pair(ledger)

        def sneak(now: Step) -> None:
            if now is step:
                outcomes = take(ledger, touchpoint("late", who=both(0)))
                assert [one.refusal for one in outcomes] == [None]

        (certificate,) = erased(ledger, a, at=office(ledger, told=sneak))
        assert "customers.merged" not in {r.event.type for r in recorded(ledger)}
        assert [r.event.customer for r in recorded(ledger) if r.event.type == "order.placed"] == [
            a, b, b,
        ]  # fmt: skip
        assert all(check.ok for check in check_certificate(ledger, certificate, NOW.date()))
        demand_free(ledger, b)
        assert [one.members for one in erased(ledger, b)] == [(b,)]


def test_whoever_begins_right_before_the_append_meets_its_condition(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(folder) as ledger, opened(folder) as other:
        a, b = pair(ledger)
        asked, begun = ledger.gone.now, list[int]()

        def begun_right_after() -> frozenset[UUID]:
            found = asked()
            if not begun:  # in the book alone: the vault has not heard of it yet
                begun.extend(
                    one.position
                    for one in begin(office(other).desk, [a], Order.of(LEO, BASIS)).begun
                )
            return found

        monkeypatch.setattr(ledger.gone, "now", begun_right_after)
        take(ledger, touchpoint("late", who=both(0)))
        assert begun == [3]
        assert [(r.event.type, r.event.customer) for r in recorded(ledger)][2:] == [
            ("customer.erasing", a),
            ("order.placed", b),
        ]


WRITE = (
    OPEN
    + """
from tests.commands.test_erasing_beside import *
with opened(folder) as ledger:
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for number in range(PAIRS):
        take(ledger, touchpoint(f"{sys.argv[2]} {number}", who=both(number)))
"""
)
ERASE = (
    OPEN
    + """
from tests.commands.test_erasing_beside import *
with opened(folder) as ledger:
    found = [ledger.vault.look_up(Identifier("phone", phone(n))) for n in range(PAIRS)]
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for one in reversed(found):
        list(erase_each(office(ledger), [one], Order.of(LEO, BASIS)))
"""
)


def test_two_write_of_pairs_while_one_of_each_is_erased(folder: Path) -> None:
    with opened(folder) as ledger:
        for number in range(PAIRS):
            pair(ledger, number)
        race(start(ERASE, folder), *(start(WRITE, folder, name) for name in ("x", "y")))
        gone = ledger.gone.now()
        links = [r for r in recorded(ledger) if r.event.type == "customers.merged"]
        assert gone
        for link in links:  # who was one person when the erasure began went whole
            assert {link.event.customer, UUID(link.event.data["other"])} <= gone
        owners = {r.event.customer for r in recorded(ledger) if r.event.type == "order.placed"}
        living = sorted(one for one in owners if one is not None and one not in gone)
        for customer in living:
            demand_free(ledger, customer)
        assert [one.members for one in erased(ledger, *living)] == [(one,) for one in living]
        assert all(
            check.ok
            for customer in gone
            for certificate in certificates_of(ledger, customer)
            for check in check_certificate(ledger, certificate, NOW.date())
        )


def test_a_link_to_somebody_gone_that_stands_in_a_book_binds_nobody(folder: Path) -> None:
    """As an earlier program may have left one."""
    with opened(folder) as ledger:
        a, b = pair(ledger)
        _, c = pair(ledger, 1)
        erased(ledger, a)
        for one in (b, c):
            data = {"other": str(a)}
            link = Event(
                uuid4(), "customers.merged", 1, "touchpoint", NOW, "bahi:identity", data, one
            )
            ledger.book.append([link])
        assert set(ledger.people.now().members(b)) == {a, b, c}
        for one in (b, c):
            demand_free(ledger, one)
        merged(ledger, b, c)
        assert ledger.living.now().members(c) == (b, c)
        assert len(erased(ledger, c)) == 1
        assert ledger.gone.now() == {a, b, c}


def test_nobody_goes_who_was_not_shown(folder: Path) -> None:
    """Two become one person between what somebody agreed to and the erasing."""
    with opened(folder) as ledger:
        anna, hanna, ben = lives(ledger, "anna", "hanna", "ben")
        shown = {one: ledger.living.now().members(one) for one in (anna, ben)}
        merged(ledger, anna, hanna)
        order = Order.of(LEO, BASIS)
        answers = list(erase_each(office(ledger), [anna, ben], order, shown))
        assert [str(one.refusal) for one in answers] == [
            "customer: expected the person that was shown, known as 1 customers, came others, known as 2",
            "None",
        ]
        assert ledger.gone.now() == {ben}
        assert ledger.vault.announced() == []
        shown = {hanna: (hanna, anna)}
        assert [one.refusal for one in erase_each(office(ledger), [hanna], order, shown)] == [None]
