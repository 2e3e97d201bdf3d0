"""The keys of each person, by retention class: random, wrapped, and in no other place."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.catalogue import Retention
from ledger.errors import KeysUnavailable
from ledger.keyring import KEY_BYTES, Keys, Wrapped
from ledger.vault.fence import demand_living
from ledger.vault.places import key_context
from ledger.vault.room import Room
from ledger.vault.store import Questions, Row, Rows

_Wanted = tuple[UUID, Retention]


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


class PersonKeys(Room):
    """Subject keys: made where there are none, opened while their person lives."""

    def subject_keys(self, wanted: Iterable[_Wanted]) -> dict[_Wanted, SubjectKey]:
        """The latest key for each, made where there is none.

        Raises `Erased` for a person who is erased or being erased, and makes none at all then.
        """
        asked = list(dict.fromkeys(wanted))
        if not asked:
            return {}
        found = self._read(lambda rows, keys: _latest(rows, keys, asked))
        missing = [key for key in asked if key not in found]
        if missing:
            found |= self._write(lambda rows, keys: _latest_or_new(rows, keys, missing))
        return found

    def key(self, subject: UUID, retention: Retention, version: int) -> SubjectKey:
        """One key, to open with. Raises `Erased`, or `KeysUnavailable` if it is not here."""

        def read(rows: Questions, keys: Keys) -> SubjectKey:
            demand_living(rows, keys, [subject])
            found = rows.ask("subject_key", subject.bytes, retention.value, version)
            if not found:
                raise KeysUnavailable(
                    f"expected key {version} of class {retention.value} for {subject} "
                    f"in the vault, found none"
                )
            return _opened(keys, subject, retention, found[0])

        return self._read(read)

    def mark_logged(self, keys: Iterable[SubjectKey]) -> None:
        """The creation of these keys is in the book."""
        rows = list(dict.fromkeys((k.subject.bytes, k.retention.value, k.version) for k in keys))
        if rows:
            self._write(lambda vault, _: vault.put("mark_logged", rows))


def _latest(rows: Questions, keys: Keys, wanted: Sequence[_Wanted]) -> dict[_Wanted, SubjectKey]:
    demand_living(rows, keys, {subject for subject, _ in wanted})
    named = {
        (subject.bytes, retention.value): (subject, retention) for subject, retention in wanted
    }
    found = {}
    for row in rows.find("latest_subject_keys", named):
        asked = named[row[:2]]
        found[asked] = _opened(keys, *asked, row)
    return found


def _latest_or_new(rows: Rows, keys: Keys, wanted: Sequence[_Wanted]) -> dict[_Wanted, SubjectKey]:
    found = _latest(rows, keys, wanted)
    made = []
    for subject, retention in wanted:
        if (subject, retention) not in found:
            secret = os.urandom(KEY_BYTES)
            epoch, blob = keys.wrap(secret, key_context(subject.bytes, retention, 1))
            made.append((subject.bytes, retention.value, 1, epoch, blob))
            found[subject, retention] = _split(subject, retention, 1, secret, logged=False)
    rows.put("insert_subject_keys", made)
    return found


def _opened(keys: Keys, subject: UUID, retention: Retention, row: Row) -> SubjectKey:
    stored, _, version, epoch, blob, logged = row
    secret = keys.unwrap(Wrapped(epoch, blob), key_context(stored, retention, version))
    return _split(subject, retention, version, secret, bool(logged))


def _split(
    subject: UUID, retention: Retention, version: int, secret: bytes, logged: bool
) -> SubjectKey:
    """Encryption key and commitment of a stored secret (32 bytes): HKDF-SHA-256, 64 bytes, halved."""
    both = HKDF(SHA256(), 2 * KEY_BYTES, None, b"bahi subject key 1").derive(secret)
    return SubjectKey(subject, retention, version, both[:KEY_BYTES], both[KEY_BYTES:], logged)
