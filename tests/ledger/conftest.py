"""Vaults for tests: each test of the vault runs over both of its stores."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.keyring import Keyring
from ledger.stores import open_vault
from ledger.vault import Vault

MakeAddress = Callable[[Path], str]


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def new_vault_address(request: pytest.FixtureRequest) -> MakeAddress:
    """Give the address of a vault that is not there yet, once for each store."""
    if request.param == "sqlite":
        return lambda folder: str(folder / "vault.db")
    url = request.getfixturevalue("postgres_url")
    return lambda folder: f"{url}?schema=vault_{uuid4().hex}"


@pytest.fixture
def vault_address(new_vault_address: MakeAddress, tmp_path: Path) -> str:
    return new_vault_address(tmp_path)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.create(tmp_path / "keyring.json")


@pytest.fixture
def vault(vault_address: str, keyring: Keyring) -> Iterator[Vault]:
    with open_vault(vault_address, keyring) as vault:
        vault.adopt(keyring.ledger_id)
        yield vault
