"""Keys that a restored vault does not have, on both stores: lost or destroyed, and never made again."""

from uuid import UUID, uuid4

import pytest

from ledger.catalogue import Retention
from ledger.errors import Erased, KeysUnavailable
from ledger.vault import Erasure, Vault
from tests.ledger.vault_samples import NOON, SOMEBODY

CONTENT, IDENTITY = Retention.CONTENT, Retention.IDENTITY
OTHER = UUID("aaaaaaaa-0000-4000-8000-000000000002")


def named(vault: Vault, subject: UUID, version: int) -> str:
    try:
        vault.key(subject, CONTENT, version)
    except Erased:
        return "erased"
    except KeysUnavailable as error:
        return "lost" if "was lost" in str(error) else "missing"
    return "here"


def next_version(vault: Vault, subject: UUID) -> int:
    return vault.subject_keys([(subject, CONTENT)])[subject, CONTENT].version


def test_what_is_here_or_destroyed_is_not_lost(vault: Vault) -> None:
    made = vault.subject_keys([(SOMEBODY, CONTENT), (OTHER, CONTENT)])
    assert {key.version for key in made.values()} == {1}
    vault.announce([erasure := Erasure(uuid4(), OTHER, frozenset({CONTENT}))], NOON)
    vault.destroy([erasure], NOON)
    before = vault.generation()
    assert vault.lose([(SOMEBODY, CONTENT, 1), (OTHER, CONTENT, 1)], ()) == 0
    assert vault.lose([], ()) == 0
    assert vault.lost([SOMEBODY, OTHER]) == frozenset()
    assert vault.generation() == before
    assert [named(vault, one, 1) for one in (SOMEBODY, OTHER)] == ["here", "erased"]


def test_what_is_lost_is_told_from_what_was_destroyed_with_the_newer_vault(vault: Vault) -> None:
    sealed = [(SOMEBODY, CONTENT, version) for version in (1, 2, 3)]
    assert named(vault, SOMEBODY, 3) == "missing"
    assert vault.lose(sealed, [(SOMEBODY, CONTENT, 1), (SOMEBODY, CONTENT, 2)]) == 1
    assert vault.lose(sealed, []) == 0
    assert [named(vault, SOMEBODY, version) for version in (1, 2, 3)] == ["erased"] * 2 + ["lost"]
    assert vault.lost([SOMEBODY, OTHER]) == {(SOMEBODY, CONTENT, 3)}
    assert named(vault, SOMEBODY, 4) == "missing"


@pytest.mark.parametrize(("lost", "destroyed"), [([2, 5], []), ([2], [5]), ([5], [2]), ([], [5])])
def test_the_next_key_has_a_number_that_nothing_has(
    vault: Vault, lost: list[int], destroyed: list[int]
) -> None:
    gone = [(SOMEBODY, CONTENT, version) for version in destroyed]
    for version in sorted({*lost, *destroyed}):
        vault.lose([(SOMEBODY, CONTENT, version)], gone)
    assert next_version(vault, SOMEBODY) == 6
    assert next_version(vault, OTHER) == 1
    assert vault.subject_keys([(SOMEBODY, IDENTITY)])[SOMEBODY, IDENTITY].version == 1
    assert next_version(vault, SOMEBODY) == 6


def test_nothing_is_lost_of_whom_is_erased(vault: Vault) -> None:
    vault.announce([erasure := Erasure(uuid4(), SOMEBODY)], NOON)
    vault.destroy([erasure], NOON)
    assert vault.lose([(SOMEBODY, CONTENT, 1)], ()) == 0
    assert named(vault, SOMEBODY, 1) == "erased"


def test_a_lost_key_stays_lost_when_the_next_one_is_destroyed(vault: Vault) -> None:
    vault.lose([(SOMEBODY, CONTENT, 1)], ())
    assert next_version(vault, SOMEBODY) == 2
    vault.announce([erasure := Erasure(uuid4(), SOMEBODY, frozenset({CONTENT}))], NOON)
    vault.destroy([erasure], NOON)
    assert [named(vault, SOMEBODY, version) for version in (1, 2)] == ["lost", "erased"]
    assert next_version(vault, SOMEBODY) == 3
