"""The vault grows with every write, belongs to one ledger, and leaves old copies dead after an epoch."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger.catalogue import Retention
from ledger.errors import KeyringForeign, KeysUnavailable
from ledger.keyring import Keyring, Keys, Wrapped
from ledger.stores import open_vault
from ledger.vault import Vault, links, rewrap
from ledger.vault.erasing import EPOCH_LASTS
from ledger.vault.store import Row
from tests.ledger.conftest import MakeAddress
from tests.ledger.processes import CUE, DIE, race, run_until_killed, start
from tests.ledger.vault_samples import (
    ANNA,
    LETTER,
    NOON,
    OPEN_VAULT,
    ORDER,
    PRIYA,
    SOMEBODY,
    copy_vault,
    customers,
    people,
    sql,
)


def test_the_generation_grows_with_every_write_and_no_read(vault: Vault, keyring: Keyring) -> None:
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
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    customers(vault, [[ANNA]])
    vault.adopt(keyring.ledger_id)
    with pytest.raises(KeyringForeign, match="came one of another"):
        vault.adopt(SOMEBODY)
    assert vault.ledger_id == keyring.ledger_id
    foreign = Keyring.create(tmp_path / "foreign.json")
    with open_vault(vault_address, foreign) as other:
        assert other.look_up(ANNA) is None  # not even found
        with pytest.raises(KeysUnavailable, match="made by another ledger"):
            other._read(
                lambda rows, keys: links._links(rows, keys, [keyring.identifier_digest(ANNA)])
            )


# Epochs


def fill(vault: Vault, first: int, last: int) -> list[object]:
    """Everything that a vault can hold, and what it answers about it."""
    known = customers(vault, people(first, last))
    wanted = [(UUID(int=n), Retention.CONTENT) for n in range(first, last)]
    keys = vault.subject_keys(wanted)
    vault.keep([
        replace(LETTER, id=UUID(int=n), content=b"%d" % n) for n in range(first, min(last, first + 9))
    ])  # fmt: skip
    named = vault.staff_name(vault.staff(f"clerk {first}"))
    return [known, keys, sorted(map(str, vault.letters())), named]


def test_wrapped_anew_everything_opens_and_nothing_old_is_left(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    before = fill(vault, 0, 1_100)
    assert keyring.begin_epoch() == 2
    assert vault.rewrap(keyring) == 1_100 + 1_100 + 9 + 1
    assert keyring.keys().epochs == (2,)
    assert fill(vault, 0, 1_100) == before
    for table in ("identifier", "subject_key", "staff", "dead_letter"):
        assert sql(vault_address, f"SELECT DISTINCT epoch FROM {table}") == [(2,)]
    assert vault.rewrap(keyring) == 0


def test_an_older_copy_of_the_vault_is_dead_after_an_epoch(
    vault: Vault,
    keyring: Keyring,
    vault_address: str,
    new_vault_address: MakeAddress,
    tmp_path: Path,
) -> None:
    (anna,) = customers(vault, [[ANNA]])
    assert isinstance(anna, UUID)
    vault.subject_keys([(anna, Retention.IDENTITY)])
    clerk = vault.staff("Mika")
    vault.keep([LETTER])
    (tmp_path / "older").mkdir()
    copy = new_vault_address(tmp_path / "older")
    copy_vault(vault_address, copy, keyring)
    with open_vault(copy, keyring) as old:
        assert old.look_up(ANNA) == anna
    keyring.begin_epoch()
    vault.rewrap(keyring)
    with open_vault(copy, keyring) as old:
        for ask in (
            lambda: old.look_up(ANNA),
            lambda: customers(old, [[ANNA]]),
            lambda: old.key(anna, Retention.IDENTITY, 1),
            lambda: old.subject_keys([(anna, Retention.IDENTITY)]),
            lambda: old.staff_name(clerk),
            lambda: list(old.letters()),
            lambda: old.letter_again(LETTER.id),
        ):
            with pytest.raises(KeysUnavailable, match="came one of epoch 1"):
                ask()
        assert old.identifier_digests(anna) == []
    assert vault.look_up(ANNA) == anna


def test_killed_while_wrapping_anew_it_can_be_begun_again(
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    before = fill(vault, 0, 60)
    run_until_killed(
        OPEN_VAULT + "rewrap._PAGE = 10; done = 0; anew = rewrap._anew\n"
        "def dying(*given):\n"
        "    global done; done += 1\n"
        "    if done == 75:\n        " + DIE + "    return anew(*given)\n"
        "rewrap._anew = dying\n"
        "keyring.begin_epoch(); vault.rewrap(keyring)\n",
        vault_address,
        tmp_path,
    )
    epochs = "SELECT epoch, count(*) FROM subject_key GROUP BY 1 ORDER BY 1"
    assert sql(vault_address, epochs) == [(1, 50), (2, 10)]
    assert keyring.keys().epochs == (1, 2)
    assert fill(vault, 0, 60) == before
    assert vault.rewrap(keyring) == 50 + 1  # the letters were kept again just now
    assert keyring.keys().epochs == (2,)
    assert fill(vault, 0, 60) == before


def test_an_epoch_lasts_a_week_and_whoever_opens_then_ends_it(
    vault_address: str, tmp_path: Path
) -> None:
    keyring = Keyring.create(tmp_path / "own.json", clock=lambda: NOON)
    with open_vault(vault_address, keyring) as vault:
        before = fill(vault, 0, 20)
        assert vault.renew(keyring, NOON + EPOCH_LASTS - timedelta(microseconds=1)) is None
        assert keyring.keys().epochs == (1,)
        told: list[tuple[int, int]] = []
        week_later = NOON + EPOCH_LASTS
        later = Keyring.open(tmp_path / "own.json", clock=lambda: week_later)
        assert vault.renew(later, week_later, lambda *one: told.append(one)) == 20 + 20 + 9 + 1
        assert (keyring.keys().epochs, keyring.keys().newest_since) == ((2,), week_later)
        assert told == [(20, 50), (40, 50), (41, 50), (50, 50)]
        assert vault.epochs_found() == {2}
        assert vault.renew(later, week_later) is None
        assert fill(vault, 0, 20) == before


def test_an_epoch_that_somebody_began_and_did_not_end_is_ended(
    vault: Vault, keyring: Keyring
) -> None:
    fill(vault, 0, 20)
    keyring.begin_epoch()
    assert vault.renew(keyring, NOON) == 50
    assert keyring.keys().epochs == (2,)


def test_processes_that_end_an_epoch_at_once_harm_nobody(
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    before = fill(vault, 0, 300)
    code = OPEN_VAULT + CUE + "for n in range(8): keyring.begin_epoch(); vault.rewrap(keyring)\n"
    race(*(start(code, vault_address, tmp_path) for _ in range(3)))
    assert keyring.keys().epochs == (25,)
    assert fill(vault, 0, 300) == before


def test_of_those_who_find_an_epoch_over_one_begins_the_next(
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    before = fill(vault, 0, 100)
    over = keyring.keys().newest_since + EPOCH_LASTS
    code = OPEN_VAULT + "from datetime import datetime\n" + CUE
    code += "vault.renew(keyring, datetime.fromisoformat(sys.argv[3]))\n"
    race(*(start(code, vault_address, tmp_path, over.isoformat()) for _ in range(3)))
    assert keyring.keys().epochs == (2,)
    assert fill(vault, 0, 100) == before


def test_a_writer_loses_nothing_while_everything_is_wrapped_anew(
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    code = (
        OPEN_VAULT + CUE + "for n in range(150):\n"
        "    (customer,) = customers(vault, [(Identifier('user', f'u{n}'),)])\n"
        "    assert vault.look_up(Identifier('user', f'u{n // 2}')) is not None\n"
        "    wanted = (customer, Retention.CONTENT)\n"
        "    print(customer, vault.subject_keys([wanted])[wanted].commitment.hex())\n"
    )
    writers = [start(code, vault_address, tmp_path), start(code, vault_address, tmp_path)]
    printed: list[str] = []
    writing = threading.Thread(target=lambda: printed.extend(race(*writers)))
    writing.start()
    while writing.is_alive():
        keyring.begin_epoch()
        vault.rewrap(keyring)
    writing.join()
    assert len(printed) == 2
    assert printed[0] == printed[1]
    known = customers(vault, people(0, 150))
    keys = vault.subject_keys([(c, Retention.CONTENT) for c in known if isinstance(c, UUID)])
    held = {f"{customer} {key.commitment.hex()}" for (customer, _), key in keys.items()}
    assert held == set(printed[0].splitlines())


def test_a_write_that_began_under_the_old_epoch_is_waited_for(
    vault: Vault, keyring: Keyring, vault_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    link = links._link

    def slow(*given: Any) -> Row:
        begun.set()
        go_on.wait()
        return link(*given)

    monkeypatch.setattr(links, "_link", slow)
    with open_vault(vault_address, keyring) as other:
        writing = threading.Thread(target=customers, args=(vault, [[ANNA]]))
        writing.start()
        begun.wait()
        keyring.begin_epoch()
        wrapping = threading.Thread(target=other.rewrap, args=(keyring,))
        wrapping.start()
        wrapping.join(0.2)
        go_on.set()
        writing.join()
        wrapping.join()
    assert keyring.keys().epochs == (2,)
    assert vault.look_up(ANNA) is not None


def test_what_is_written_while_a_page_is_wrapped_anew_stays_as_it_was_written(
    vault: Vault, keyring: Keyring, vault_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = replace(LETTER, id=uuid4(), content=b"removed")
    vault.keep([LETTER, removed])
    put = rewrap.Epochs._replace

    def late(epochs: rewrap.Epochs, table: Any, page: Any) -> None:
        with open_vault(vault_address, keyring) as other:
            other.keep([again])  # sealed under a key that is not in the page
            other.remove([removed.id])
        put(epochs, table, page)

    again = replace(LETTER, reason="other")
    monkeypatch.setattr(rewrap.Epochs, "_replace", late)
    keyring.begin_epoch()
    vault.rewrap(keyring)
    assert vault.letter_again(LETTER.id) == again
    assert [letter.id for letter in vault.letters()] == [LETTER.id]


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
    vault: Vault, keyring: Keyring, vault_address: str, tmp_path: Path
) -> None:
    anna = customers(vault, [[ANNA]])

    def wrap_anew() -> None:
        keyring.begin_epoch()
        vault.rewrap(keyring)

    slow = Overtaken.open(tmp_path / "keyring.json")
    with open_vault(vault_address, slow) as reader:
        slow.meanwhile = wrap_anew
        assert customers(reader, [[ANNA]]) == anna
        assert slow.meanwhile is None


def test_a_secret_opens_in_its_own_row_only(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    customers(vault, [[ANNA], [PRIYA]])
    digest = keyring.identifier_digest(PRIYA)
    stolen = "UPDATE identifier SET wrapped = (SELECT wrapped FROM identifier WHERE digest != ?)"
    sql(vault_address, stolen + " WHERE digest = ?", digest, digest)
    with pytest.raises(KeysUnavailable, match="altered, moved"):
        vault.look_up(PRIYA)
    ((blob, epoch),) = sql(
        vault_address, "SELECT wrapped, epoch FROM identifier WHERE digest = ?", digest
    )
    assert isinstance(blob, bytes)
    assert isinstance(epoch, int)
    with pytest.raises(KeysUnavailable):
        keyring.keys().unwrap(Wrapped(epoch, blob), b"")


def test_a_file_is_written_anew_when_an_epoch_ends(tmp_path: Path) -> None:
    """SQLite leaves a copy of a row where it moved it to another page, and overwrites it with no deletion."""
    keyring, file = Keyring.create(tmp_path / "keyring.json"), tmp_path / "vault.db"
    left_behind = b"a copy that nothing points at" * 400
    with open_vault(str(file), keyring) as vault:
        (key,) = vault.subject_keys([(SOMEBODY, Retention.LEGAL)]).values()
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("CREATE TABLE moved AS SELECT ? AS row", (left_behind,))
            connection.execute("DROP TABLE moved")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert left_behind[:100] in file.read_bytes()

        keyring.begin_epoch()
        vault.rewrap(keyring)
        found = b"".join(one.read_bytes() for one in tmp_path.glob("vault.db*"))
        assert left_behind[:100] not in found
        assert vault.key(SOMEBODY, Retention.LEGAL, key.version).encryption == key.encryption
