"""The port of the vault: who is who, and the keys of each person, apart from the book.

Whatever a vault stores is either a keyed digest (to find it by) or wrapped under the keyring's
newest epoch (to read it by). What is destroyed in it cannot be computed again from anywhere: keys
and ids are random.

Every method is atomic. What it returns is committed, so a book may rely on it. Safe to share
between threads; processes that race are given the same answers.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.catalogue import Retention
from ledger.errors import Refused
from ledger.identifiers import Identifier
from ledger.keyring import KEY_BYTES, Keyring
from ledger.naming import Limits, Named
from ledger.people import Persons

DEAD_LETTERS_KEPT = timedelta(days=30)
"""How long a refused item waits to be tried again."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """The key of one person for one retention class. Its repr shows no key.

    `commitment` (32 bytes) goes into the book, and binds the book to this key without revealing it;
    `logged` says that it is there.
    """

    subject: UUID
    retention: Retention
    version: int
    encryption: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    logged: bool


def split_key(
    subject: UUID, retention: Retention, version: int, secret: bytes, logged: bool
) -> SubjectKey:
    """Encryption key and commitment of a stored secret (32 bytes): HKDF-SHA-256, 64 bytes, halved."""
    both = HKDF(SHA256(), 2 * KEY_BYTES, None, b"bahi subject key 1").derive(secret)
    return SubjectKey(subject, retention, version, both[:KEY_BYTES], both[KEY_BYTES:], logged)


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """What can be listed of a dead letter without opening its content.

    `reason` is the refusal's message, `field` what it was about, `coordinates` (JSON values) where
    the item stood, as in `{"row": 7}`.
    """

    id: UUID
    kept_at: datetime
    door: str
    reason: str
    field: str
    coordinates: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeadLetter(KeptLetter):
    """A refused item, whole: `content` as it came, and whom it names, if that could be read."""

    content: bytes = field(repr=False)
    identifiers: tuple[Identifier, ...] = ()


class Vault(ABC):
    """Identifiers, subject keys, staff and dead letters of one ledger."""

    @property
    @abstractmethod
    def ledger_id(self) -> UUID | None:
        """Which ledger the vault belongs to; None in a new one."""

    @abstractmethod
    def adopt(self, ledger_id: UUID) -> None:
        """Make a new vault part of a ledger. Raises `KeyringForeign` if it belongs to another."""

    @abstractmethod
    def generation(self) -> int:
        """Grows with every write: a vault with a lower one than before is an older copy."""

    @abstractmethod
    def resolve(
        self,
        wanted: Sequence[Sequence[Identifier]],
        persons: Persons,
        limits: Limits,
        *,
        keep: bool = True,
    ) -> list[Named | Refused | None]:
        """Whom each item's normalised identifiers name; items see what earlier ones have linked.

        Without `keep`, nothing is linked: whoever is new has an id for this answer alone.

        None known: a new customer, to whom all of them are linked. Otherwise the customer of the most
        trusted one that is known, to whom the new ones are linked, unless their erasure has begun;
        with the customers whom the item shows to be the same person. What a limit forbids is left
        aside. The number of a thing among them: `BadField` in that place. No identifiers: None.
        """

    @abstractmethod
    def kinds(self, owners: Iterable[UUID]) -> Counter[str]:
        """How many identifiers of each kind name any of these ids."""

    @abstractmethod
    def look_up(self, identifier: Identifier) -> UUID | None:
        """Whom or what a normalised identifier names, if anybody ever told."""

    @abstractmethod
    def references(self, wanted: Sequence[Identifier]) -> list[UUID]:
        """The ids of accounts, deals, tickets and orders, made where they are new.

        Raises `BadField` for an identifier of another kind.
        """

    @abstractmethod
    def identifier_digests(self, owner: UUID) -> list[bytes]:
        """Digests of everything that names this id."""

    @abstractmethod
    def subject_keys(
        self, wanted: Iterable[tuple[UUID, Retention]]
    ) -> dict[tuple[UUID, Retention], SubjectKey]:
        """The latest key for each, made where there is none.

        Raises `Erased` for a person who is erased or being erased, and makes none at all then.
        """

    @abstractmethod
    def key(self, subject: UUID, retention: Retention, version: int) -> SubjectKey:
        """One key, to open with. Raises `Erased`, or `KeysUnavailable` if it is not here."""

    @abstractmethod
    def mark_logged(self, keys: Iterable[SubjectKey]) -> None:
        """The creation of these keys is in the book."""

    @abstractmethod
    def fenced(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them who are erased, or whose erasure has begun. Asked before every opening."""

    @abstractmethod
    def holding(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them for whom there is any key."""

    @abstractmethod
    def suppressed(self, identifiers: Iterable[Identifier], now: datetime) -> frozenset[Identifier]:
        """Those of them that belonged to somebody who was erased lately."""

    @abstractmethod
    def staff(self, name: str) -> UUID:
        """The actor id of a member of staff, or of a key of theirs; made if the name is new."""

    @abstractmethod
    def staff_name(self, actor: UUID) -> str | None:
        """Who that is; None if it is nobody of ours."""

    @abstractmethod
    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep refused items. The same content at the same door is one letter: its id stays, and
        time, reason and coordinates are those of its last refusal.
        """

    @abstractmethod
    def letters(self) -> Iterator[KeptLetter]:
        """Every dead letter, oldest first, its content unopened."""

    @abstractmethod
    def open_letter(self, letter: UUID) -> DeadLetter:
        """One dead letter, whole. Raises `NotFound`."""

    @abstractmethod
    def remove(self, letters: Iterable[UUID]) -> None:
        """Destroy these dead letters."""

    @abstractmethod
    def expire(self, now: datetime) -> int:
        """Destroy the dead letters that were kept for `DEAD_LETTERS_KEPT`; how many they were."""

    @abstractmethod
    def rewrap(self, keyring: Keyring) -> int:
        """Wrap everything under the newest epoch, then destroy the keys of older ones.

        In short transactions, while others read and write; after a crash, call it again. Returns how
        many secrets were wrapped anew. Older copies of the vault open no more.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what is held open. The vault is not used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
