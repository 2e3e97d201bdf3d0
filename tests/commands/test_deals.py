"""Deals: what may be done with one as it stands, and what is said when it may not."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import BadField, IdReused, NotAllowed, NotFound
from ledger.opening import Ledger
from tests.commands.judging import ALLOWED, Said, judged
from tests.commands.samples import DAY, NOW, clock, customer_of, opened, recorded, take, touchpoint
from tests.ledger.openings import unsealed

STAGES = [{"stage": name, "win_percent": 10} for name in ("lead", "offer", "contract")]
FEWER = [{"stage": name, "win_percent": 10} for name in ("lead", "contract")]
OTHER_DEAL = {"deal": "another"}


def defined(day: int, stages: list[dict[str, Any]], **more: str) -> Said:
    return day, "pipeline.defined", {"pipeline": "inbound", "stages": stages, **more}


def deal_in(stage: str, pipeline: str = "inbound") -> Said:
    return 2, "deal.opened", {"pipeline": pipeline, "stage": stage}


def moved(day: int, stage: str) -> Said:
    return day, "deal.moved", {"stage": stage}


def priced(day: int, currency: str) -> Said:
    return day, "deal.amount_changed", {"currency": currency, "amount_minor": 5}


DEFINED = defined(1, STAGES)
OPENED = deal_in("lead")
FOR_EUR = defined(1, STAGES, currency="EUR")
IN_EUR: Said = (2, "deal.opened", {**OPENED[2], "currency": "EUR"})
MOVED = moved(3, "offer")
WON: Said = (4, "deal.won", {})
LOST: Said = (4, "deal.lost", {"reason": "price"})
REOPENED: Said = (5, "deal.reopened", {"stage": "offer"})

NOT_OPEN = "NotAllowed deal: expected one that is open, came one that was "
TABLE: list[tuple[str, list[Said], Said, str]] = [
    ("opened", [DEFINED], OPENED, ALLOWED),
    ("opened twice", [DEFINED, OPENED], (3, *OPENED[1:]),
     "NotAllowed deal: expected one that is not in the book, came one that was opened on 2026-03-02 at position 2"),
    ("opened beside another", [DEFINED, (2, "deal.opened", {**OPENED[2], "tags": OTHER_DEAL})], OPENED,
     ALLOWED),
    ("opened in no pipeline", [], OPENED,
     "NotAllowed pipeline: expected one that was defined by 2026-03-02 00:00:00 UTC, came 'inbound'"),
    ("opened in another pipeline", [DEFINED, (1, "pipeline.defined", {"pipeline": "at-fairs", "stages": STAGES})], deal_in("lead", "outbound"),
     "NotAllowed pipeline: expected one of at-fairs, inbound, came 'outbound'"),
    ("opened before its pipeline was defined", [(3, *DEFINED[1:])], OPENED,
     "NotAllowed pipeline: expected one that was defined by 2026-03-02 00:00:00 UTC, came 'inbound'"),
    ("opened as its pipeline is defined", [(2, *DEFINED[1:])], OPENED, ALLOWED),
    ("opened in a later stage", [DEFINED], deal_in("offer"), ALLOWED),
    ("opened in a stage that is none", [DEFINED], deal_in("offr"),
     "NotAllowed stage: expected one of lead, offer, contract, came 'offr'"),
    ("opened with an amount of nothing", [DEFINED], (2, "deal.opened", {**OPENED[2], "amount_minor": 5}),
     "BadField currency: expected one, since there is an amount, came none"),
    ("opened in its pipeline's currency", [FOR_EUR], IN_EUR, ALLOWED),
    ("opened in no currency", [FOR_EUR], OPENED, ALLOWED),
    ("opened in another currency than its pipeline's", [FOR_EUR], (2, "deal.opened", {**OPENED[2], "currency": "USD"}),
     "NotAllowed currency: expected EUR, as pipeline inbound has it, came 'USD'"),
    ("opened in the currency that its pipeline had", [FOR_EUR, defined(3, STAGES)], IN_EUR, ALLOWED),
    ("opened when its pipeline has no currency any more", [FOR_EUR, DEFINED], (2, "deal.opened", {**OPENED[2], "currency": "USD"}),
     ALLOWED),
    ("moved", [DEFINED, OPENED], MOVED, ALLOWED),
    ("moved back", [DEFINED, OPENED, MOVED], moved(4, "lead"), ALLOWED),
    ("moved to where it is", [DEFINED, OPENED, MOVED], moved(4, "offer"),
     "NotAllowed stage: expected one of lead, contract, came 'offer', where it is"),
    ("moved where there is no other stage", [defined(1, STAGES[:1]), OPENED], moved(4, "lead"),
     "NotAllowed stage: expected another, and there is none, came 'lead', where it is"),
    ("moved to no stage", [DEFINED, OPENED], moved(3, "offr"),
     "NotAllowed stage: expected one of lead, offer, contract, came 'offr'"),
    ("moved to a stage that has gone", [DEFINED, OPENED, defined(3, FEWER)], moved(3, "offer"),
     "NotAllowed stage: expected one of lead, contract, came 'offer'"),
    ("moved to a stage that will go", [DEFINED, OPENED, defined(4, FEWER)], moved(3, "offer"), ALLOWED),
    ("moved out of a stage that has gone", [DEFINED, OPENED, MOVED, defined(3, FEWER)], moved(4, "contract"),
     ALLOWED),
    ("moved, when a definition came late", [OPENED, defined(3, FEWER), DEFINED], moved(3, "offer"),
     "NotAllowed stage: expected one of lead, contract, came 'offer'"),
    ("moved before it was opened", [DEFINED, OPENED], moved(1, "offer"),
     "BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC, came 2026-03-01 00:00:00 UTC"),
    ("moved as it is opened", [DEFINED, OPENED], moved(2, "offer"), ALLOWED),
    ("moved when it is won", [DEFINED, OPENED, WON], moved(5, "offer"),
     NOT_OPEN + "won on 2026-03-04 at position 3"),
    ("moved, and never opened", [DEFINED], MOVED,
     "NotAllowed deal: expected one that is open, came one that is not in the book"),
    ("priced", [OPENED], priced(3, "EUR"), ALLOWED),
    ("priced anew", [IN_EUR], priced(3, "EUR"), ALLOWED),
    ("priced in another currency", [IN_EUR], priced(3, "USD"),
     "NotAllowed currency: expected EUR, which the deal is in, came 'USD'"),
    ("priced in another currency than before", [OPENED, priced(3, "INR")], priced(3, "EUR"),
     "NotAllowed currency: expected INR, which the deal is in, came 'EUR'"),
    ("priced first in its pipeline's currency", [FOR_EUR, OPENED], priced(3, "EUR"), ALLOWED),
    ("priced first in another currency than its pipeline's", [FOR_EUR, OPENED], priced(3, "USD"),
     "NotAllowed currency: expected EUR, as pipeline inbound has it, came 'USD'"),
    ("priced in its own currency, when its pipeline has another", [IN_EUR, defined(3, STAGES, currency="USD")],
     priced(4, "EUR"), ALLOWED),
    ("priced before its pipeline has a currency", [DEFINED, OPENED, defined(4, STAGES, currency="EUR")],
     priced(3, "USD"), ALLOWED),
    ("priced when it is lost", [IN_EUR, LOST], priced(5, "EUR"),
     NOT_OPEN + "lost on 2026-03-04 at position 2"),
    ("won", [OPENED], WON, ALLOWED),
    ("won without a pipeline in view", [OPENED, MOVED], WON, ALLOWED),
    ("won twice", [OPENED, WON], (5, "deal.won", {}), NOT_OPEN + "won on 2026-03-04 at position 2"),
    ("won when it is lost", [OPENED, LOST], WON, NOT_OPEN + "lost on 2026-03-04 at position 2"),
    ("lost", [OPENED], LOST, ALLOWED),
    ("lost when it is won", [OPENED, WON], LOST, NOT_OPEN + "won on 2026-03-04 at position 2"),
    ("lost again", [OPENED, WON, REOPENED], (6, "deal.lost", {}), ALLOWED),
    ("won late, by the moment and not by the position", [OPENED, REOPENED, WON], (6, "deal.won", {}),
     ALLOWED),
    ("reopened when it is won", [DEFINED, OPENED, WON], REOPENED, ALLOWED),
    ("reopened when it is lost", [DEFINED, OPENED, LOST], REOPENED, ALLOWED),
    ("reopened where it is", [DEFINED, OPENED, MOVED, LOST], (4, "deal.reopened", {"stage": "offer"}),
     ALLOWED),
    ("reopened when it is open", [DEFINED, OPENED], REOPENED,
     "NotAllowed deal: expected one that is won or lost, came one that was opened on 2026-03-02 at position 2"),
    ("reopened again", [DEFINED, OPENED, WON, REOPENED], (6, "deal.reopened", {"stage": "lead"}),
     "NotAllowed deal: expected one that is won or lost, came one that was reopened on 2026-03-05 at position 4"),
    ("reopened in no stage", [DEFINED, OPENED, WON], (5, "deal.reopened", {"stage": "won"}),
     "NotAllowed stage: expected one of lead, offer, contract, came 'won'"),
    ("reopened, and never opened", [DEFINED, LOST], REOPENED,
     "NotAllowed deal: expected one whose opening is in the book, came one that was lost on 2026-03-04 at position 2"),
    ("moved after it was reopened, and never opened", [DEFINED, LOST, REOPENED], moved(6, "lead"),
     "NotAllowed deal: expected one whose opening is in the book, came one that was reopened on 2026-03-05 at position 3"),
    ("moved after it was reopened", [DEFINED, OPENED, WON, REOPENED], moved(6, "offer"),
     "NotAllowed stage: expected one of lead, contract, came 'offer', where it is"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_deal_is(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


# On a book: what the rule does not decide itself.


def desk(ledger: Ledger) -> Desk:
    return Desk(ledger, clock, uuid4, DAY)


def ask(ledger: Ledger, asked: Touchpoint) -> tuple[str, int | None]:
    outcome = desk(ledger).carry_out(asked, RULES[type(asked.payload)])
    return outcome.fate.value, outcome.position


def define(ledger: Ledger) -> None:
    defined = touchpoint("0", "pipeline.defined", who={}, data=DEFINED[2], at=NOW - 9 * DAY)
    assert ask(ledger, defined) == ("appended", 1)


def deal(
    message_id: str,
    what: str,
    *,
    who: dict[str, str] | None = None,
    at: int = 8,
    number: str = "D-1",
    **data: object,
) -> Touchpoint:
    return touchpoint(
        message_id,
        f"deal.{what}",
        who=who or {},
        references={"deal": number},
        at=NOW - at * DAY,
        data=data,
    )


def test_whoever_it_is_with_is_who_it_was_with(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        zoe, mia = {"email": "zoe@example.com"}, {"email": "mia@example.com"}
        ask(ledger, deal("1", "opened", who=zoe, pipeline="inbound", stage="lead"))
        ask(ledger, deal("2", "moved", stage="offer", at=6))
        take(ledger, touchpoint("x", who=mia))
        ask(ledger, deal("3", "amount_changed", who=mia, currency="EUR", amount_minor=5, at=5))
        ask(ledger, deal("4", "won", note="she said so", at=4))
        found = recorded(ledger)
        one, other = (customer_of(ledger, "email", who["email"]) for who in (zoe, mia))
        with_whom = [event.event.customer for event in found if event.event.domain == "sales"]
        assert with_whom == [None, one, one, other, other]
        sealed = unsealed(ledger, found[-1].event)
        assert {"note": "she said so"} in sealed.values()


def test_what_is_personal_needs_a_person(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        ask(ledger, deal("1", "opened", pipeline="inbound", stage="lead"))
        with pytest.raises(BadField) as refused:
            ask(ledger, deal("2", "won", note="she said so"))
        assert str(refused.value) == (
            "note: expected a person under whose key it can be sealed, came nobody"
        )
        assert ledger.book.head() == 2


def test_the_same_command_again_is_the_same_event_whatever_has_happened_since(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        opening = deal("1", "opened", pipeline="inbound", stage="lead")
        assert ask(ledger, opening) == ("appended", 2)
        assert ask(ledger, deal("2", "lost", at=5)) == ("appended", 3)
        assert ask(ledger, opening) == ("duplicate", 2)
        with pytest.raises(IdReused) as refused:
            ask(ledger, deal("1", "opened", pipeline="inbound", stage="offer"))
        assert refused.value.fields == ("data",)
        assert ledger.book.head() == 3


def test_a_deal_is_named_by_its_id_as_well_as_by_its_number(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        ask(ledger, deal("1", "opened", pipeline="inbound", stage="lead"))
        (tag,) = recorded(ledger)[1].event.tags
        by_id = Touchpoint(
            catalogue.parse("deal.won", {}), NOW, "shop", "2", things={"deal": UUID(tag[5:])}
        )
        assert ask(ledger, by_id) == ("appended", 3)
        assert ask(ledger, deal("2", "won", at=0)) == ("duplicate", 3)
        with pytest.raises(NotAllowed):
            ask(ledger, deal("3", "won", at=0))


def test_nobody_hears_of_what_was_refused(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        generation = ledger.vault.generation()
        with pytest.raises(NotAllowed):
            ask(ledger, deal("1", "opened", who={"user": "u9"}, pipeline="inbound", stage="offr"))
        with pytest.raises(NotFound) as refused:
            ask(ledger, deal("1", "won"))
        assert str(refused.value) == "no deal of that number"
        assert (ledger.vault.generation(), ledger.book.head()) == (generation, 1)
        assert customer_of(ledger, "user", "u9") is None


def test_what_came_through_a_door_is_seen_in_its_place(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        define(ledger)
        ask(ledger, deal("1", "opened", pipeline="inbound", stage="lead"))
        ask(ledger, deal("2", "moved", stage="contract", at=3))
        take(ledger, deal("late", "moved", stage="offer", at=5))
        with pytest.raises(NotAllowed) as refused:
            ask(ledger, deal("3", "moved", stage="contract", at=2))
        assert str(refused.value) == (
            "stage: expected one of lead, offer, came 'contract', where it is"
        )
        take(ledger, deal("later", "won", at=1))
        with pytest.raises(BadField) as before:
            ask(ledger, deal("4", "lost", at=2))
        assert before.value.field == "occurred_at"
