"""The keys of each person, by retention class: random, wrapped, and in no other place."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Never
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.catalogue import Retention
from ledger.errors import Erased, KeysUnavailable
from ledger.keyring import KEY_BYTES, Keys, Wrapped
from ledger.vault.fence import demand_living, fenced_among
from ledger.vault.places import key_context
from ledger.vault.room import Room
from ledger.vault.store import Questions, Row, Rows

_Wanted = tuple[UUID, Retention]
_Named = tuple[UUID, Retention, int]


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

        Raises `Erased` for a person who is erased or being erased, and makes none at all then. A new
        one has a higher version than any that was destroyed or lost.
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
            return opened_key(keys, subject, retention, found[0]) if found else gone(rows)

        def gone(rows: Questions) -> Never:
            named = f"key {version} of class {retention.value} for {subject}"
            if (subject, retention, version) in _lost(rows, [subject]):
                raise KeysUnavailable(
                    f"{named} was lost: the vault was restored from an older copy"
                )
            destroyed = _highest(rows, "destroyed_keys", [(subject, retention)])
            if version <= destroyed[subject, retention]:
                raise Erased(f"{named} was destroyed on purpose")
            raise KeysUnavailable(f"expected {named} in the vault, found none")

        return self._read(read)

    def usable(self, named: Iterable[_Named]) -> frozenset[_Named]:
        """Those of these keys that were not destroyed, and whose person is not being erased."""
        asked = {(s.bytes, r.value, version): (s, r, version) for s, r, version in named}

        def read(rows: Questions, keys: Keys) -> frozenset[_Named]:
            found = (asked[row] for row in rows.find("usable_keys", asked))
            return frozenset(one for one in found if one[0] not in keys.tombstones)

        return self._ask(read)

    def classes_held(self, subjects: Iterable[UUID]) -> dict[UUID, frozenset[Retention]]:
        """Of which classes there are keys, for each of these subjects for whom there is any."""
        asked = [(subject.bytes,) for subject in dict.fromkeys(subjects)]
        held: dict[UUID, frozenset[Retention]] = {}
        for row in self._ask(lambda rows, _: rows.find("keys_of_subjects", asked)):
            subject = UUID(bytes=row[0])
            held[subject] = held.get(subject, frozenset()) | {Retention(row[1])}
        return held

    def lose(self, sealed_under: Iterable[_Named], destroyed: Collection[_Named]) -> int:
        """Remember which of these keys are no more in a vault that was restored; how many were lost.

        They are those under which something is sealed. What is neither here nor known to be gone, nor of
        a person who is erased, was lost with the newer vault; of the `destroyed` it was destroyed there.
        """
        asked = frozenset(sealed_under)
        subjects = {(subject.bytes,) for subject, _, _ in asked}

        def missing(rows: Questions, keys: Keys) -> frozenset[_Named]:
            fenced = fenced_among(rows, keys, {subject for subject, _, _ in asked})
            here = {_named(row) for row in rows.find("keys_of_subjects", subjects)}
            upto = _highest(rows, "destroyed_keys", {(s, retention) for s, retention, _ in asked})
            rest = asked - here - _lost(rows, [subject for subject, _, _ in asked])
            return frozenset(
                one for one in rest if one[0] not in fenced and one[2] > upto[one[0], one[1]]
            )

        def remember(rows: Rows, keys: Keys) -> int:
            gone = missing(rows, keys)
            upto = {(s.bytes, r.value): v for s, r, v in sorted(gone.intersection(destroyed))}
            rows.put("put_destroyed_keys", [(*named, version) for named, version in upto.items()])
            lost = gone.difference(destroyed)
            rows.put("put_lost_keys", [(s.bytes, r.value, version) for s, r, version in lost])
            return len(lost)

        return self._write(remember) if self._read(missing) else 0

    def lost(self, subjects: Iterable[UUID]) -> frozenset[_Named]:
        """Every key of these subjects that was lost."""
        asked = set(subjects)
        return self._ask(lambda rows, _: _lost(rows, asked))

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
        found[asked] = opened_key(keys, *asked, row)
    return found


def _latest_or_new(rows: Rows, keys: Keys, wanted: Sequence[_Wanted]) -> dict[_Wanted, SubjectKey]:
    found = _latest(rows, keys, wanted)
    missing = [one for one in wanted if one not in found]
    gone = _highest(rows, "keys_gone", missing)
    made = []
    for subject, retention in missing:
        secret, version = os.urandom(KEY_BYTES), 1 + gone[subject, retention]
        epoch, blob = keys.wrap(secret, key_context(subject.bytes, retention, version))
        made.append((subject.bytes, retention.value, version, epoch, blob))
        found[subject, retention] = _split(subject, retention, version, secret, logged=False)
    rows.put("insert_subject_keys", made)
    return found


def _highest(rows: Questions, name: str, wanted: Iterable[_Wanted]) -> Counter[_Wanted]:
    """The highest version that a statement has for each of these; 0: none."""
    asked = [(subject.bytes, retention.value) for subject, retention in wanted]
    highest = Counter[_Wanted]()
    for subject, retention, version in map(_named, rows.find(name, asked)):
        highest[subject, retention] = max(version, highest[subject, retention])
    return highest


def _lost(rows: Questions, subjects: Iterable[UUID]) -> frozenset[_Named]:
    found = rows.find("lost_keys", {(subject.bytes,) for subject in subjects})
    return frozenset(map(_named, found))


def _named(row: Row) -> _Named:
    return UUID(bytes=row[0]), Retention(row[1]), row[2]


def opened_key(keys: Keys, subject: UUID, retention: Retention, row: Row) -> SubjectKey:
    """The key in a row. Raises `KeysUnavailable` if its epoch is gone, or it was altered."""
    stored, _, version, epoch, blob, logged = row
    secret = keys.unwrap(Wrapped(epoch, blob), key_context(stored, retention, version))
    return _split(subject, retention, version, secret, bool(logged))


def _split(
    subject: UUID, retention: Retention, version: int, secret: bytes, logged: bool
) -> SubjectKey:
    """Encryption key and commitment of a stored secret (32 bytes): HKDF-SHA-256, 64 bytes, halved."""
    both = HKDF(SHA256(), 2 * KEY_BYTES, None, b"bahi subject key 1").derive(secret)
    return SubjectKey(subject, retention, version, both[:KEY_BYTES], both[KEY_BYTES:], logged)
