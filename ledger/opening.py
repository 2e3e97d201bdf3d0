"""Opening a ledger: keyring, vault and book found, made in that order, and compared.

In that order, because each is proof of the one before it. A book with an identity has had a vault,
and a vault has had a keyring; so whatever is missing below something that exists was lost, and is
never made anew: fresh keys open nothing old. A crash while they are made is continued on the next
start, and processes that start at once end with the same three.
"""

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from ledger.book import Book
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import KeyringForeign, KeyringMissing, StoreRolledBack
from ledger.keyring import HighWater, Keyring
from ledger.people import People
from ledger.sealing import Sealer
from ledger.stores import open_vault, vault_exists, vault_name
from ledger.vault import Vault


@dataclass(frozen=True, slots=True)
class Ledger:
    """The stores of one ledger, checked against each other, and who is read as whom."""

    book: Book
    vault: Vault
    keyring: Keyring
    sealer: Sealer
    people: People = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", People(self.book))

    def close(self) -> None:
        """Close book and vault."""
        self.vault.close()
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_ledger(
    book: Book,
    vault_address: str | Path,
    keyring_path: Path,
    *,
    clock: Clock = system_clock,
    ids: Ids = random_ids,
) -> Ledger:
    """The ledger of this book; its keyring and vault are made if the book has none yet.

    The vault is a file, or a schema at an address such as `open_vault` takes.

    Raises `KeyringMissing` if they were lost, `KeyringForeign` if the three do not belong together,
    and `StoreRolledBack` if book or vault is older than the keyring remembers.
    """
    keyring = _open_keyring(book, vault_address, keyring_path, clock, ids)
    mark = keyring.high_water  # read before the stores: it follows them, and never leads
    _check_book(book, keyring.ledger_id, mark)
    vault = _open_vault(book, vault_address, keyring, mark, ids)
    try:
        _check_vault(vault, keyring, mark)
        if book.ledger_id is None:
            book.adopt(keyring.ledger_id)
    except BaseException:
        vault.close()
        raise
    return Ledger(book, vault, keyring, Sealer(keyring.ledger_id, vault))


def remember(ledger: Ledger) -> None:
    """Raise the keyring's high-water mark to what book and vault hold now."""
    size = ledger.book.head()
    generation = ledger.vault.generation()
    ledger.keyring.raise_high_water(size, ledger.book.root_at(size), generation)


def _open_keyring(
    book: Book, vault_address: str | Path, keyring_path: Path, clock: Clock, ids: Ids
) -> Keyring:
    # Youngest first: another process may be making all three, and what it made last is seen first.
    begun = book.ledger_id is not None or book.head() > 0 or vault_exists(vault_address)
    if keyring_path.exists():
        return Keyring.open(keyring_path, clock=clock)
    if begun:
        raise KeyringMissing(
            f"expected the keyring of this book at {keyring_path}, found none; restore it from its "
            f"backup: without it, what is sealed in the book cannot be read"
        )
    try:
        return Keyring.create(keyring_path, clock=clock, ids=ids)
    except FileExistsError:  # another process was quicker
        return Keyring.open(keyring_path, clock=clock)


def _check_book(book: Book, ledger_id: UUID, mark: HighWater) -> None:
    found, size = book.ledger_id, book.head()
    if found not in {None, ledger_id}:
        raise KeyringForeign(
            f"expected the book of ledger {ledger_id}, as keyed, came that of {found}"
        )
    if size < mark.size:
        raise _rolled_back("book", f"at least {mark.size:,} events", f"{size:,}")
    if found is None and size > 0:
        raise KeyringForeign(f"expected the book of ledger {ledger_id}, came one that names none")
    if mark.size > 0 and (root := book.root_at(mark.size)) != mark.root:
        raise _rolled_back(
            "book", f"root {mark.root.hex()} over the first {mark.size:,} events", root.hex()
        )


def _open_vault(
    book: Book, address: str | Path, keyring: Keyring, mark: HighWater, ids: Ids
) -> Vault:
    """The vault; a new one only for a book that has had none."""
    had_one = book.ledger_id is not None or mark.vault_generation > 0
    if had_one and not vault_exists(address):
        raise _rolled_back("vault", f"a vault at {vault_name(address)}", "none")
    vault = open_vault(address, keyring, ids=ids)
    if vault.ledger_id is None:
        if had_one:
            vault.close()
            raise _rolled_back(
                "vault", f"generation {mark.vault_generation} or later", "a new vault"
            )
        vault.adopt(keyring.ledger_id)
    return vault


def _check_vault(vault: Vault, keyring: Keyring, mark: HighWater) -> None:
    if vault.ledger_id != keyring.ledger_id:
        raise KeyringForeign(
            f"expected the vault of ledger {keyring.ledger_id}, came that of {vault.ledger_id}"
        )
    generation = vault.generation()
    if generation < mark.vault_generation:
        raise _rolled_back("vault", f"generation {mark.vault_generation} or later", str(generation))
    if returned := vault.holding(keyring.tombstones):
        raise _rolled_back(
            "vault", "no key of anybody erased", f"keys of {len(returned):,} customers"
        )


def _rolled_back(store: str, expected: str, found: str) -> StoreRolledBack:
    return StoreRolledBack(
        f"{store}: expected {expected}, as the keyring remembers, found {found}; it seems restored "
        f"from an older copy, in which erased people may live: bring back the newest copy"
    )
