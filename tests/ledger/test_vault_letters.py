"""Dead letters: refused items, sealed, and found by whom they name."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.errors import BadUsage, NotFound
from ledger.keyring import Keyring
from ledger.naming import LIMITS, Named
from ledger.people import NOBODY_MERGED
from ledger.vault import KeptLetter, Vault
from tests.ledger.openings import on_record_in
from tests.ledger.vault_samples import ANNA, LETTER, NOON, PRIYA, sql


def test_a_dead_letter_comes_back_as_it_was(vault: Vault) -> None:
    vault.keep([LETTER])
    assert vault.letter_again(LETTER.id) == LETTER
    (listed,) = vault.letters()
    assert listed == KeptLetter(
        LETTER.id, NOON, "import", LETTER.reason, "amount", LETTER.coordinates
    )


def test_the_same_item_refused_twice_is_one_letter_with_the_last_reason(vault: Vault) -> None:
    later = NOON + timedelta(days=1)
    again = replace(LETTER, id=uuid4(), kept_at=later, reason="other", coordinates={"row": 8})
    elsewhere = replace(LETTER, id=uuid4(), door="http")
    vault.keep([LETTER, again])
    vault.keep([elsewhere, again])
    assert [letter.id for letter in vault.letters()] == [elsewhere.id, LETTER.id]
    assert vault.letter_again(LETTER.id) == replace(again, id=LETTER.id)


def test_rows_too_long_to_be_kept_are_letters_by_where_they_stood(vault: Vault) -> None:
    seventh = replace(LETTER, content=b"")
    eighth = replace(LETTER, id=uuid4(), content=b"", coordinates={"row": 8})
    vault.keep([seventh, eighth, replace(eighth, id=uuid4())])
    assert {letter.id for letter in vault.letters()} == {seventh.id, eighth.id}


def test_letters_are_listed_oldest_first_however_many(vault: Vault) -> None:
    letters = [
        replace(LETTER, id=uuid4(), kept_at=NOON - timedelta(hours=n % 7), content=b"%d" % n)
        for n in range(1_203)
    ]
    vault.keep(letters)
    in_order = sorted(letters, key=lambda letter: (letter.kept_at, letter.id.bytes))
    assert [letter.id for letter in vault.letters()] == [letter.id for letter in in_order]


def test_a_letter_is_gone_after_thirty_days_or_when_removed(
    vault: Vault, vault_address: str
) -> None:
    second, third = (replace(LETTER, id=uuid4(), content=bytes([n])) for n in range(2))
    young = replace(LETTER, id=uuid4(), kept_at=NOON + timedelta(microseconds=1), content=b"new")
    vault.keep([LETTER, second, third, young])
    vault.remove([second.id])
    assert vault.expire(NOON + timedelta(days=30)) == 2
    assert [letter.id for letter in vault.letters()] == [young.id]
    assert sql(vault_address, "SELECT DISTINCT letter FROM dead_letter_identifier") == [
        (young.id.bytes,)
    ]
    with pytest.raises(NotFound, match=f"no dead letter {LETTER.id}"):
        vault.letter_again(LETTER.id)


def test_a_letter_about_somebodys_zeros_is_kept(vault: Vault) -> None:
    zeros = replace(
        LETTER, reason="properties.a\0b: expected", field="properties.a\0b", content=b"\0"
    )
    vault.keep([zeros])
    (listed,) = vault.letters()
    assert (listed.reason, listed.field) == ("properties.a\ufffdb: expected", "properties.a\ufffdb")
    assert vault.letter_again(LETTER.id).content == b"\0"


def test_letters_are_found_by_whom_they_name(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    vault.keep([LETTER, replace(LETTER, id=uuid4(), content=b"x", identifiers=(PRIYA,))])
    query = "SELECT letter FROM dead_letter_identifier WHERE digest = ?"
    assert sql(vault_address, query, keyring.identifier_digest(ANNA)) == [(LETTER.id.bytes,)]


def test_a_letter_opens_only_when_that_is_on_record_and_of_whom_is_known_before(
    vault: Vault, tmp_path: Path
) -> None:
    vault.keep([LETTER])
    assert vault.named_in(LETTER.id) == frozenset()
    (anna,) = vault.resolve([[ANNA]], NOBODY_MERGED, LIMITS)
    assert isinstance(anna, Named)
    assert vault.named_in(LETTER.id) == {anna.customer}
    assert vault.open_letter(LETTER.id, on_record_in(tmp_path, about=LETTER.id)) == LETTER
    for other in (on_record_in(tmp_path, anna.customer), on_record_in(tmp_path, about=uuid4())):
        with pytest.raises(BadUsage, match=r"whose opening is on record, came another$"):
            vault.open_letter(LETTER.id, other)
    with pytest.raises(NotFound):
        vault.named_in(uuid4())
