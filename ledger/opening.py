"""Opening a ledger: keyring, vault and book found, made in that order, and compared.

In that order, because each is proof of the one before it. A book with an identity has had a vault,
and a vault has had a keyring; so whatever is missing below something that exists was lost, and is
never made anew: fresh keys open nothing old. A crash while they are made is continued on the next
start, and processes that start at once end with the same three.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from ledger.book import Book
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.erasings import Erasings, erasings
from ledger.errors import KeyringForeign, KeyringMissing, KeysUnavailable, StoreRolledBack
from ledger.gone import Gone, Living
from ledger.keyring import HighWater, Keyring
from ledger.people import People
from ledger.restricted import Restricted
from ledger.sealing import Sealer
from ledger.stores import open_vault, vault_exists, vault_name
from ledger.vault import Vault


@dataclass(frozen=True, slots=True)
class Ledger:
    """The stores of one ledger, checked against each other; who is read as whom, and who not at all."""

    book: Book
    vault: Vault
    keyring: Keyring
    sealer: Sealer
    people: People = field(init=False)
    gone: Gone = field(init=False)
    living: Living = field(init=False)
    restricted: Restricted = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "people", People(self.book))
        object.__setattr__(self, "gone", Gone(self.book, lambda: self.keyring.tombstones))
        object.__setattr__(self, "living", Living(self.people, self.gone))
        object.__setattr__(self, "restricted", Restricted(self.book, self.people))

    def fenced(self, customers: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them who are erased, or whose erasure has begun, by the book or by the vault.

        Asked after the book's head was read, it lets an append be made on condition that no erasure
        has begun since: then nothing passes one.
        """
        asked = frozenset(customers)
        return self.vault.fenced(asked) | (self.gone.now() & asked)

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
    `StoreRolledBack` if book or vault is older than the keyring or the other one remembers, and
    `KeysUnavailable` for a keyring from before the vault's epoch.
    """
    keyring = _open_keyring(book, vault_address, keyring_path, clock, ids)
    mark = keyring.high_water  # read before the stores: it follows them, and never leads
    _check_book(book, keyring.ledger_id, mark)
    vault = _open_vault(book, vault_address, keyring, mark, ids)
    try:
        _check_vault(vault, keyring, mark)
        ledger = _joined(book, vault, keyring)
        _check_erased(ledger, mark)
    except BaseException:
        vault.close()
        raise
    return ledger


@dataclass(frozen=True, slots=True)
class Standing:
    """How book and vault stand to what is remembered of them; see `open_restored`.

    Of `erased`, whom keyring or book know to be, the book does not say so of the `untold`, and the vault
    has keys or identifiers again of the `returned`. By the book's word the vault was written as often as
    `certified`, at the least.
    """

    remembered: HighWater
    found: HighWater
    book_is_older: bool
    vault_is_older: bool
    erased: frozenset[UUID]
    untold: frozenset[UUID]
    returned: frozenset[UUID]
    certified: int


def open_restored(
    book: Book,
    vault_address: str | Path,
    keyring_path: Path,
    *,
    clock: Clock = system_clock,
    ids: Ids = random_ids,
) -> tuple[Ledger, Standing]:
    """The ledger of stores that may be older than is remembered, not to be served before it is recovered.

    Raises as `open_ledger` for what no recovery can mend: a lost keyring or vault, stores of different
    ledgers, a vault whose keys were retired or are of a later epoch than the keyring's.
    """
    keyring = _open_keyring(book, vault_address, keyring_path, clock, ids)
    mark = keyring.high_water
    _check_book(book, keyring.ledger_id, HighWater())
    vault = _open_vault(book, vault_address, keyring, mark, ids)
    try:
        _check_vault(vault, keyring, HighWater())
        ledger = _joined(book, vault, keyring)
        return ledger, _standing(ledger, mark)
    except BaseException:
        vault.close()
        raise


def gone_from(book: Book, keyring_path: Path, *, clock: Clock = system_clock) -> Gone:
    """Who is gone from a book that is read without its vault; nothing is made.

    Where its keyring is at hand, tombstones count too, and the book has to be as new as they. Raises
    `KeyringForeign`, `StoreRolledBack`.
    """
    if not keyring_path.exists():
        return Gone(book)
    keyring = Keyring.open(keyring_path, clock=clock)
    mark, stones = keyring.high_water, keyring.tombstones  # before the book, which they follow
    _check_book(book, keyring.ledger_id, mark)
    gone = Gone(book, lambda: keyring.tombstones)
    _demand_told(stones, gone, book)
    return gone


def _joined(book: Book, vault: Vault, keyring: Keyring) -> Ledger:
    if book.ledger_id is None:
        book.adopt(keyring.ledger_id)
    return Ledger(book, vault, keyring, Sealer(keyring.ledger_id, vault))


def _standing(ledger: Ledger, mark: HighWater) -> Standing:
    told = erasings(ledger.book, ledger.keyring)
    erased = ledger.keyring.tombstones | told.ended_whole()
    book, size = ledger.book, ledger.book.head()
    found = HighWater(size, book.root_at(size), ledger.vault.generation())
    untold = erased - ledger.gone.between(0, size)
    older = size < mark.size or (mark.size > 0 and book.root_at(mark.size) != mark.root)
    return Standing(
        remembered=mark,
        found=found,
        book_is_older=older or bool(untold),
        vault_is_older=found.vault_generation < max(mark.vault_generation, told.generation()),
        erased=erased,
        untold=untold,
        returned=ledger.vault.knowing(erased),
        certified=told.generation(),
    )


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
    _check_epochs(vault, keyring)
    generation = vault.generation()
    if generation < mark.vault_generation:
        raise _rolled_back("vault", f"generation {mark.vault_generation} or later", str(generation))


def _check_epochs(vault: Vault, keyring: Keyring) -> None:
    """What is in the vault opens. Somebody may be changing its epoch: asked before and afterwards."""
    oldest = keyring.keys().epochs[0]
    found = vault.epochs_found()
    newest = keyring.keys().newest
    if found and max(found) > newest:
        raise KeysUnavailable(
            f"keyring: expected the one with epoch {max(found)}, as the vault has it, came one whose "
            f"newest is {newest}; it is an older copy: bring back the newest one"
        )
    if found and min(found) < oldest:
        raise StoreRolledBack(
            f"vault: expected one of epoch {oldest} or later, came one of epoch {min(found)}, whose key "
            f"was destroyed so that older copies are dead: bring back a newer copy"
        )


def _check_erased(ledger: Ledger, mark: HighWater) -> None:
    """Keyring and book both witness who is erased: what one of them has lost, the other still says.

    The keyring learns again what an older copy of it does not know.
    """
    stones = ledger.keyring.tombstones
    told = _told_since(ledger, mark)
    ended = told.ended_whole()
    if not ended <= stones:
        ledger.keyring.add_tombstone(*sorted(ended - stones))
    if returned := ledger.vault.holding(stones | ended):
        found = f"keys of {len(returned):,} customers"
        raise _rolled_back("vault", "no key of anybody erased", found)
    _demand_told(stones, ledger.gone, ledger.book)
    # Keyring and vault may both be older, and what an erasure of single classes destroyed be here again.
    if (generation := ledger.vault.generation()) < told.generation():
        expected = f"generation {told.generation()} or later"
        raise _rolled_back("vault", expected, str(generation), "book certifies")


def _demand_told(stones: frozenset[UUID], gone: Gone, book: Book) -> None:
    """The book tells of everybody whom the keyring has buried. Raises `StoreRolledBack`."""
    if untold := stones - gone.between(0, book.head()):
        found = f"none of {len(untold):,} customers"
        raise _rolled_back("book", "the erasing of everybody erased", found)


def _told_since(ledger: Ledger, mark: HighWater) -> Erasings:
    """The erasings in the book of which the keyring may not know: where it knows everybody who is gone,
    none is before its mark, which was raised for book and vault at once.
    """
    known = ledger.gone.between(0, ledger.book.head()) <= ledger.keyring.tombstones
    return erasings(ledger.book, ledger.keyring, mark.size if known else 0)


def _rolled_back(
    store: str, expected: str, found: str, witness: str = "keyring remembers"
) -> StoreRolledBack:
    return StoreRolledBack(
        f"{store}: expected {expected}, as the {witness}, found {found}; it seems restored "
        f"from an older copy, in which erased people may live: bring back the newest copy; "
        f"where there is none, `bahi recover` erases in this one whoever was erased"
    )
