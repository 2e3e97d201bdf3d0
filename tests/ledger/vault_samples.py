"""What the tests of the vault have in common: people, a refused item, and a look behind its back."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from ledger.errors import Refused
from ledger.identifiers import Identifier
from ledger.naming import LIMITS, Named
from ledger.people import NOBODY_MERGED, Persons
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

OPEN_VAULT = (
    "from tests.ledger.vault_samples import customers\n"
    "import sys; from pathlib import Path; from uuid import UUID\n"
    "from ledger.catalogue import Retention; from ledger.identifiers import Identifier\n"
    "from ledger.keyring import Keyring; from ledger.sqlite import rewrap\n"
    "from ledger.sqlite.vault import SqliteVault\n"
    "folder = Path(sys.argv[1]); keyring = Keyring.open(folder / 'keyring.json')\n"
    "vault = SqliteVault(folder / 'vault.db', keyring)\n"
)


def sql(folder: Path, statement: str, *given: object) -> list[tuple[object, ...]]:
    """What the file itself says, or is made to say, behind the vault's back."""
    with closing(sqlite3.connect(folder / "vault.db")) as other, other:
        return other.execute(statement, given).fetchall()


def files_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("vault.db*")))


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
