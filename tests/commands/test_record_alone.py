"""One item that cannot be taken stops nobody else's, and leaves nothing behind."""

from datetime import timedelta
from pathlib import Path

from commands.touchpoint import Fate
from ledger.identifiers import Identifier
from tests.commands.samples import DAY, NOW, opened, stores_of, take, touchpoint
from tests.ledger.vault_samples import sql


def test_somebody_being_erased_is_refused_alone(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, touchpoint("1", who={"user": "anna"}))
        anna = ledger.vault.look_up(Identifier("user", "anna"))
        assert anna is not None
        sql(stores_of(folder)[1], "INSERT INTO erasing VALUES (?)", anna.bytes)
        people = (("2", "ben"), ("3", "anna"), ("4", "carl"))
        outcomes = take(ledger, *(touchpoint(no, who={"user": who}) for no, who in people))
    assert [o.fate for o in outcomes] == [Fate.APPENDED, Fate.REFUSED, Fate.APPENDED]
    assert str(outcomes[1].refusal) == (
        "identifiers: expected a person who is not being erased, came one who is"
    )


def test_a_refused_item_leaves_no_number_in_the_vault(folder: Path) -> None:
    late = touchpoint("1", at=NOW + timedelta(days=30), references={"order": "A-1"})
    with opened(folder) as ledger:
        (outcome,) = take(ledger, late)
        assert outcome.fate is Fate.REFUSED
        assert ledger.vault.look_up(Identifier("order", "A-1")) is None
        take(ledger, touchpoint("2", at=NOW - DAY, references={"order": "A-1"}))
        assert ledger.vault.look_up(Identifier("order", "A-1")) is not None
