"""The vault's file: refused items sealed, nothing readable, and old copies dead after an epoch."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.catalogue import Retention
from ledger.errors import (
    BadUsage,
    KeyringForeign,
    KeysUnavailable,
    NotFound,
)
from ledger.keyring import Keyring, Keys, Wrapped
from ledger.sqlite.vault import SqliteVault
from ledger.vault import KeptLetter
from tests.ledger.processes import CUE, DIE, race, run_until_killed, start
from tests.ledger.vault_samples import (
    ANNA,
    ANNAS_PHONE,
    LETTER,
    NOON,
    OPEN_VAULT,
    ORDER,
    PRIYA,
    SOMEBODY,
    customers,
    files_of,
    people,
    sql,
)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keyring.json")


@pytest.fixture
def vault(tmp_path: Path, keyring: Keyring) -> Iterator[SqliteVault]:
    with SqliteVault(tmp_path / "vault.db", keyring) as vault:
        vault.adopt(keyring.ledger_id)
        yield vault


# Refused items


def test_a_dead_letter_comes_back_as_it_was(vault: SqliteVault) -> None:
    vault.keep([LETTER])
    assert vault.open_letter(LETTER.id) == LETTER
    (listed,) = vault.letters()
    assert listed == KeptLetter(
        LETTER.id, NOON, "import", LETTER.reason, "amount", LETTER.coordinates
    )


def test_the_same_item_refused_twice_is_one_letter_with_the_last_reason(vault: SqliteVault) -> None:
    later = NOON + timedelta(days=1)
    again = replace(LETTER, id=uuid4(), kept_at=later, reason="other", coordinates={"row": 8})
    elsewhere = replace(LETTER, id=uuid4(), door="http")
    vault.keep([LETTER, again])
    vault.keep([elsewhere, again])
    assert [letter.id for letter in vault.letters()] == [elsewhere.id, LETTER.id]
    assert vault.open_letter(LETTER.id) == replace(again, id=LETTER.id)


def test_rows_too_long_to_be_kept_are_letters_by_where_they_stood(vault: SqliteVault) -> None:
    seventh = replace(LETTER, content=b"")
    eighth = replace(LETTER, id=uuid4(), content=b"", coordinates={"row": 8})
    vault.keep([seventh, eighth, replace(eighth, id=uuid4())])
    assert {letter.id for letter in vault.letters()} == {seventh.id, eighth.id}


def test_letters_are_listed_oldest_first_however_many(vault: SqliteVault) -> None:
    letters = [
        replace(LETTER, id=uuid4(), kept_at=NOON - timedelta(hours=n % 7), content=b"%d" % n)
        for n in range(1_203)
    ]
    vault.keep(letters)
    in_order = sorted(letters, key=lambda letter: (letter.kept_at, letter.id.bytes))
    assert [letter.id for letter in vault.letters()] == [letter.id for letter in in_order]


def test_a_letter_is_gone_after_thirty_days_or_when_removed(
    vault: SqliteVault, tmp_path: Path
) -> None:
    second, third = (replace(LETTER, id=uuid4(), content=bytes([n])) for n in range(2))
    young = replace(LETTER, id=uuid4(), kept_at=NOON + timedelta(microseconds=1), content=b"new")
    vault.keep([LETTER, second, third, young])
    vault.remove([second.id])
    assert vault.expire(NOON + timedelta(days=30)) == 2
    assert [letter.id for letter in vault.letters()] == [young.id]
    assert sql(tmp_path, "SELECT DISTINCT letter FROM dead_letter_identifier") == [
        (young.id.bytes,)
    ]
    with pytest.raises(NotFound, match=f"no dead letter {LETTER.id}"):
        vault.open_letter(LETTER.id)


def test_letters_are_found_by_whom_they_name(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    vault.keep([LETTER, replace(LETTER, id=uuid4(), content=b"x", identifiers=(PRIYA,))])
    query = "SELECT letter FROM dead_letter_identifier WHERE digest = ?"
    assert sql(tmp_path, query, keyring.identifier_digest(ANNA)) == [(LETTER.id.bytes,)]


# What the file gives away


def test_nobody_else_can_read_its_files(vault: SqliteVault, tmp_path: Path) -> None:
    customers(vault, [[ANNA]])
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.glob("vault.db*")}
    assert modes == {"vault.db": "0o600", "vault.db-wal": "0o600", "vault.db-shm": "0o600"}


def test_a_path_that_cannot_be_used_is_said_to_be_so(keyring: Keyring, tmp_path: Path) -> None:
    with pytest.raises(BadUsage, match=r"vault\.db: expected a file to read and write, came: "):
        SqliteVault(tmp_path / "keyring.json" / "vault.db", keyring)


def test_nothing_in_its_files_can_be_read(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    (anna,) = customers(vault, [[ANNA, ANNAS_PHONE]])
    assert isinstance(anna, UUID)
    vault.references([ORDER])
    clerk = vault.staff("Mika Kanerva")
    vault.keep([LETTER])
    links = b"".join(bytes(w) for (w,) in sql(tmp_path, "SELECT wrapped FROM identifier"))  # type: ignore[call-overload]
    assert anna.bytes not in links
    assert anna.bytes not in files_of(tmp_path)  # nor anywhere, until they have a key
    (key,) = vault.subject_keys([(anna, Retention.IDENTITY)]).values()
    names = [i.value.encode() for i in (ANNA, ANNAS_PHONE, ORDER)]
    secrets = [*names, b"Mika Kanerva", LETTER.content, b"letters-from-anna"]
    secrets += ["लिखा".encode(), key.encryption, key.commitment]
    found = files_of(tmp_path)
    assert LETTER.reason.encode() in found  # the search finds what is there to be found
    assert clerk.bytes in found
    assert [secret for secret in secrets if secret in found] == []
    mine = bytes.fromhex("".join(_hex_keys(tmp_path / "keyring.json")))
    assert [n for n in range(0, len(mine), 32) if mine[n : n + 32] in found] == []


def _hex_keys(path: Path) -> list[str]:
    keys = [line.split('"')[3] for line in path.read_text().splitlines() if "key" in line]
    assert [len(key) for key in keys] == [64] * 5
    return keys


def test_what_is_destroyed_is_overwritten(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    vault.keep([LETTER])
    ((sealed,),) = sql(tmp_path, "SELECT content FROM dead_letter")
    assert isinstance(sealed, bytes)
    assert sealed in files_of(tmp_path)
    vault.remove([LETTER.id])
    vault.rewrap(keyring)  # empties the write-ahead log
    assert sealed not in files_of(tmp_path)
    assert (tmp_path / "vault.db-wal").stat().st_size == 0


def test_the_generation_grows_with_every_write_and_no_read(
    vault: SqliteVault, keyring: Keyring
) -> None:
    made = vault.subject_keys([(SOMEBODY, Retention.LEGAL)]).values()
    writes: list[Callable[[], object]] = [
        lambda: customers(vault, [[ANNA]]),
        lambda: vault.references([ORDER]),
        lambda: vault.subject_keys([(SOMEBODY, Retention.CONTENT)]),
        lambda: vault.mark_logged(made),
        lambda: vault.staff("Mika"),
        lambda: vault.keep([LETTER]),
        lambda: vault.remove([LETTER.id]),
        lambda: vault.keep([LETTER]),
        lambda: vault.expire(NOON + timedelta(days=30)),
        lambda: vault.rewrap(keyring),
    ]
    for write in writes:
        before = vault.generation()
        write()
        assert vault.generation() > before
    before = vault.generation()
    customers(vault, [[ANNA]])
    vault.references([ORDER])
    vault.subject_keys([(SOMEBODY, Retention.CONTENT)])
    vault.staff("Mika")
    vault.look_up(PRIYA)
    list(vault.letters())
    vault.expire(NOON)
    vault.mark_logged([])
    vault.keep([])
    assert vault.generation() == before


def test_a_vault_belongs_to_one_ledger(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    customers(vault, [[ANNA]])
    vault.adopt(keyring.ledger_id)
    with pytest.raises(KeyringForeign, match="came one of another"):
        vault.adopt(SOMEBODY)
    assert vault.ledger_id == keyring.ledger_id
    foreign = Keyring.create(tmp_path / "foreign.json")
    with SqliteVault(tmp_path / "vault.db", foreign) as other:
        assert other.look_up(ANNA) is None  # not even found
        with pytest.raises(KeysUnavailable, match="made by another ledger"):
            other._read_links(foreign.keys(), [keyring.identifier_digest(ANNA)])


# Epochs


def fill(vault: SqliteVault, first: int, last: int) -> list[object]:
    """Everything that a vault can hold, and what it answers about it."""
    known = customers(vault, people(first, last))
    wanted = [(UUID(int=n), Retention.CONTENT) for n in range(first, last)]
    keys = vault.subject_keys(wanted)
    vault.keep([
        replace(LETTER, id=UUID(int=n), content=b"%d" % n) for n in range(first, min(last, first + 9))
    ])  # fmt: skip
    named = vault.staff_name(vault.staff(f"clerk {first}"))
    return [known, list(keys.values()), sorted(map(str, vault.letters())), named]


def test_wrapped_anew_everything_opens_and_nothing_old_is_left(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    before = fill(vault, 0, 1_100)
    assert keyring.begin_epoch() == 2
    assert vault.rewrap(keyring) == 1_100 + 1_100 + 9 + 1
    assert keyring.keys().epochs == (2,)
    assert fill(vault, 0, 1_100) == before
    for table in ("identifier", "subject_key", "staff", "dead_letter"):
        assert sql(tmp_path, f"SELECT DISTINCT epoch FROM {table}") == [(2,)]
    assert vault.rewrap(keyring) == 0


def test_an_older_copy_of_the_vault_is_dead_after_an_epoch(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    (anna,) = customers(vault, [[ANNA]])
    assert isinstance(anna, UUID)
    vault.subject_keys([(anna, Retention.IDENTITY)])
    clerk = vault.staff("Mika")
    vault.keep([LETTER])
    vault._file.truncate_log()
    copy = tmp_path / "copy.db"
    shutil.copy(tmp_path / "vault.db", copy)
    with SqliteVault(copy, keyring) as old:
        assert old.look_up(ANNA) == anna
    keyring.begin_epoch()
    vault.rewrap(keyring)
    with SqliteVault(copy, keyring) as old:
        for ask in (
            lambda: old.look_up(ANNA),
            lambda: customers(old, [[ANNA]]),
            lambda: old.key(anna, Retention.IDENTITY, 1),
            lambda: old.subject_keys([(anna, Retention.IDENTITY)]),
            lambda: old.staff_name(clerk),
            lambda: list(old.letters()),
            lambda: old.open_letter(LETTER.id),
        ):
            with pytest.raises(KeysUnavailable, match="came one of epoch 1"):
                ask()
        assert old.identifier_digests(anna) == []
    assert vault.look_up(ANNA) == anna


def test_killed_while_wrapping_anew_it_can_be_begun_again(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    before = fill(vault, 0, 60)
    run_until_killed(
        OPEN_VAULT + "rewrap._PAGE = 10; done = 0; anew = rewrap._anew\n"
        "def dying(*given):\n"
        "    global done; done += 1\n"
        "    if done == 75:\n        " + DIE + "    return anew(*given)\n"
        "rewrap._anew = dying\n"
        "keyring.begin_epoch(); vault.rewrap(keyring)\n",
        tmp_path,
    )
    epochs = "SELECT epoch, count(*) FROM subject_key GROUP BY 1"
    assert sql(tmp_path, epochs) == [(1, 50), (2, 10)]
    assert keyring.keys().epochs == (1, 2)
    assert fill(vault, 0, 60) == before
    assert vault.rewrap(keyring) == 50 + 1  # the letters were kept again just now
    assert keyring.keys().epochs == (2,)
    assert fill(vault, 0, 60) == before


def test_a_writer_loses_nothing_while_everything_is_wrapped_anew(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    code = (
        OPEN_VAULT + CUE + "for n in range(250):\n"
        "    (customer,) = customers(vault, [(Identifier('user', f'u{n}'),)])\n"
        "    assert vault.look_up(Identifier('user', f'u{n // 2}')) is not None\n"
        "    wanted = (customer, Retention.CONTENT)\n"
        "    print(customer, vault.subject_keys([wanted])[wanted].commitment.hex())\n"
    )
    writers = [start(code, tmp_path), start(code, tmp_path)]
    printed: list[str] = []
    writing = threading.Thread(target=lambda: printed.extend(race(*writers)))
    writing.start()
    while writing.is_alive():
        keyring.begin_epoch()
        vault.rewrap(keyring)
    writing.join()
    assert len(printed) == 2
    assert printed[0] == printed[1]
    known = customers(vault, people(0, 250))
    keys = vault.subject_keys([(c, Retention.CONTENT) for c in known if isinstance(c, UUID)])
    held = [f"{customer} {key.commitment.hex()}" for (customer, _), key in keys.items()]
    assert held == printed[0].splitlines()


class Overtaken(Keyring):
    """Hands out its keys as a process does that is stopped for a while just then."""

    meanwhile: Callable[[], object] | None = None

    def keys(self) -> Keys:
        keys = super().keys()
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return keys


def test_a_reader_that_is_overtaken_by_a_new_epoch_reads_again(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    anna = customers(vault, [[ANNA]])

    def wrap_anew() -> None:
        keyring.begin_epoch()
        vault.rewrap(keyring)

    slow = Overtaken.open(tmp_path / "keyring.json")
    with SqliteVault(tmp_path / "vault.db", slow) as reader:
        slow.meanwhile = wrap_anew
        assert customers(reader, [[ANNA]]) == anna
        assert slow.meanwhile is None


def test_a_secret_opens_in_its_own_row_only(
    vault: SqliteVault, keyring: Keyring, tmp_path: Path
) -> None:
    customers(vault, [[ANNA], [PRIYA]])
    digest = keyring.identifier_digest(PRIYA)
    stolen = "UPDATE identifier SET wrapped = (SELECT wrapped FROM identifier WHERE digest != ?1)"
    sql(tmp_path, stolen + " WHERE digest = ?1", digest)
    with pytest.raises(KeysUnavailable, match="altered, moved"):
        vault.look_up(PRIYA)
    ((blob, epoch),) = sql(
        tmp_path, "SELECT wrapped, epoch FROM identifier WHERE digest = ?", digest
    )
    assert isinstance(blob, bytes)
    assert isinstance(epoch, int)
    with pytest.raises(KeysUnavailable):
        keyring.unwrap(Wrapped(epoch, blob), b"")
