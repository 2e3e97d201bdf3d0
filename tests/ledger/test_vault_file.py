"""The vault's file: nobody else's to open, nothing in it readable, nothing left of what is destroyed."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import pytest

from ledger.catalogue import Retention
from ledger.errors import BadUsage
from ledger.keyring import Keyring
from ledger.sqlite.vault import SqliteVault
from tests.ledger.vault_samples import (
    ANNA,
    ANNAS_PHONE,
    LETTER,
    ORDER,
    customers,
    sql,
)


@pytest.fixture
def vault(tmp_path: Path, keyring: Keyring) -> Iterator[SqliteVault]:
    with SqliteVault(tmp_path / "vault.db", keyring) as vault:
        vault.adopt(keyring.ledger_id)
        yield vault


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("vault.db*")))


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
    links = b"".join(
        bytes(w) for (w,) in sql(tmp_path / "vault.db", "SELECT wrapped FROM identifier")
    )
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
    ((sealed,),) = sql(tmp_path / "vault.db", "SELECT content FROM dead_letter")
    assert isinstance(sealed, bytes)
    assert sealed in files_of(tmp_path)
    vault.remove([LETTER.id])
    vault.rewrap(keyring)  # empties the write-ahead log
    assert sealed not in files_of(tmp_path)
    assert (tmp_path / "vault.db-wal").stat().st_size == 0


def test_what_one_store_is_asked_the_other_can_be_asked() -> None:
    names = [
        {file.name for file in files(package).joinpath("sql", "vault").iterdir()}
        for package in ("ledger.sqlite", "ledger.postgres")
    ]
    one, other = ({name for name in each if not name[0].isdigit()} for each in names)
    assert other - one == {"begin_read.sql", "begin_write.sql"}
    assert one <= other
