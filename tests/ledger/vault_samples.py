"""What the tests of the vault have in common: people, a refused item, and a look behind its back."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from ledger.errors import Refused
from ledger.identifiers import Identifier
from ledger.keyring import Keyring
from ledger.naming import LIMITS, Named
from ledger.people import NOBODY_MERGED, Persons
from ledger.stores import open_vault, vault_file
from ledger.vault import DeadLetter, Vault

ANNA = Identifier("email", "anna@example.com")
ANNAS_PHONE = Identifier("phone", "+491711234567")
PRIYA = Identifier("email", "priya@example.com")
ORDER = Identifier("order", "2026-0007")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOMEBODY = UUID("aaaaaaaa-0000-4000-8000-000000000001")
LETTER = DeadLetter(
    id=UUID("dddddddd-0000-4000-8000-000000000001"),
    kept_at=NOON,
    door="import",
    reason="amount: expected money such as 12.50, came text of 4 characters",
    field="amount",
    coordinates={"row": 7, "line": 9, "file": "letters-from-anna.csv"},
    content="anna@example.com,12,5x,लिखा हुआ".encode(),
    identifiers=(ANNA, ANNAS_PHONE),
)

TABLES = ["migration", "vault", "generation", "identifier", "subject_key", "staff"]
TABLES += ["dead_letter", "dead_letter_identifier", "erasing", "suppression"]
TABLES += ["erasure", "destroyed_key", "lost_key", "api_key", "webhook"]
"""Of the vault on a server; in a file, the generation stands in `vault`."""

OPEN_VAULT = (
    "from tests.ledger.vault_samples import customers\n"
    "import sys; from pathlib import Path; from uuid import UUID\n"
    "from ledger.catalogue import Retention; from ledger.identifiers import Identifier\n"
    "from ledger.keyring import Keyring; from ledger.stores import open_vault\n"
    "from ledger.vault import rewrap\n"
    "keyring = Keyring.open(Path(sys.argv[2]) / 'keyring.json')\n"
    "vault = open_vault(sys.argv[1], keyring)\n"
)
"""Begins a process that is given the vault's address and the keyring's folder."""


def sql(address: str | Path, statement: str, *given: object) -> list[tuple[Any, ...]]:
    """What the store itself says, or is made to say, behind the vault's back; `?` for a value."""
    if not vault_file(address):
        url, _, schema = str(address).partition("?schema=")
        with psycopg.connect(url, options=f'-c search_path="{schema}"') as session:
            found = session.execute(statement.replace("?", "%s").encode(), given)
            return found.fetchall() if found.description else []
    with closing(sqlite3.connect(address)) as other, other:
        return other.execute(statement, given).fetchall()


def copy_vault(source: str | Path, target: str | Path, keyring: Keyring) -> None:
    """Make the target, which may be a vault already, what the source is now."""
    open_vault(target, keyring).close()
    if (file := vault_file(source)) is not None:
        with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(target)) as other:
            one.backup(other)
        return
    taken = str(source).partition("?schema=")[2]
    sql(target, f"TRUNCATE {', '.join(TABLES)}")
    for table in TABLES:
        sql(target, f'INSERT INTO {table} SELECT * FROM "{taken}".{table}')


def resolve(
    vault: Vault, wanted: Sequence[Sequence[Identifier]], persons: Persons = NOBODY_MERGED
) -> list[Named | Refused | None]:
    """Whom items name, by the limits that hold where nothing else is said."""
    return vault.resolve(wanted, persons, LIMITS)


def customers(vault: Vault, wanted: Sequence[Sequence[Identifier]]) -> list[UUID | Refused | None]:
    """Whom items name where nobody was ever merged; merges that they show are left out."""
    return [one.customer if isinstance(one, Named) else one for one in resolve(vault, wanted)]


def people(first: int, last: int) -> list[tuple[Identifier, ...]]:
    return [(Identifier("user", f"u{number}"),) for number in range(first, last)]
