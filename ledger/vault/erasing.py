"""Destroying what is known of somebody: their keys, what they were named by, and their dead letters.

An erasure is announced here before anything of it stands in the book, and struck off when all of it
is done, so whoever opens the vault after a crash finds here what to carry on. Everything that is
destroyed goes in one transaction, with the fence that keeps it from being made again.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson

from ledger.catalogue import Retention
from ledger.clock import from_us, to_us
from ledger.errors import KeysUnavailable
from ledger.keyring import Keys
from ledger.vault.links import owner_digests
from ledger.vault.person_keys import opened_key
from ledger.vault.room import Room, generation_of
from ledger.vault.store import Questions, Row, Rows
from ledger.vault.suppression import SUPPRESSED_FOR

EPOCH_LASTS = timedelta(days=7)
"""After how long the keys of the vault's copies are due to be retired."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is to be destroyed, and the event that says so.

    `classes` None: the whole person, who is gone. Else only the keys of those classes go, and the
    person stays. `others` are subjects with keys of their own that go along, such as requests.
    """

    event: UUID
    subject: UUID
    classes: frozenset[Retention] | None = None
    others: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Announced:
    """An erasure that has not ended; whether its event came into the book, the book knows."""

    event: UUID
    subject: UUID
    begun_at: datetime


class DestroyedKey(NamedTuple):
    """A key that is no more; `commitment` (hex) is None if it could not be opened even then."""

    subject: UUID
    retention: Retention
    version: int
    commitment: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one erasure destroyed: keys, identifiers and dead letters.

    The vault was then written for the `generation`-th time, under `epoch`: copies of it from before are
    dead when the key of that epoch is, from the day `dead_from` on if epochs are changed every week.
    """

    keys: tuple[DestroyedKey, ...]
    identifiers: int
    letters: int
    generation: int
    epoch: int
    dead_from: date


@dataclass(frozen=True, slots=True)
class Belongings:
    """What the vault has of somebody: keys by class, identifiers by kind, dead letters."""

    keys: Mapping[Retention, int]
    identifiers: Mapping[str, int]
    letters: int


class Erasing(Room):
    """The vault's part in an erasure."""

    def announce(self, erasures: Iterable[Erasure], now: datetime) -> None:
        """These are about to begin. Said twice is said once.

        Where not the whole person goes, those of their keys go which there are now: what is sealed for
        them from here on is sealed under new ones.
        """
        asked = list(erasures)
        self._write(lambda rows, _: _announce(rows, asked, to_us(now)))

    def announced(self) -> list[Announced]:
        """Every erasure that has not ended, in the order in which they were announced."""
        return [
            Announced(UUID(bytes=event), UUID(bytes=subject), from_us(begun_us))
            for event, subject, begun_us, _ in self._ask(lambda rows, _: rows.ask("erasures"))
        ]

    def destroy(self, erasures: Sequence[Erasure], now: datetime) -> dict[UUID, Receipt]:
        """Destroy what they say, all at once; what was destroyed, by the event.

        What is destroyed already stays as it is, and is answered with its receipt. For one that has
        ended meanwhile, or never was announced, nothing is done and there is no answer.
        """
        return self._write(lambda rows, keys: _destroy(rows, keys, erasures, now))

    def scrub(self) -> None:
        """Overwrite what was destroyed, as far as the store lets us; a server keeps it until its epoch
        is over. Raises `StoreUnavailable` while a reader keeps the old pages from going.
        """
        self._store.scrub()

    def opening(self, keys: Iterable[DestroyedKey]) -> list[DestroyedKey]:
        """Those of these keys that open after all, whatever the fence says: none, unless an older copy
        of the vault was brought back.
        """
        asked = {(key.subject.bytes, key.retention.value, key.version): key for key in keys}
        subjects = {(subject,) for subject, _, _ in asked}

        def tried(rows: Questions, now: Keys) -> list[DestroyedKey]:
            found = [row for row in rows.find("keys_of_subjects", subjects) if row[:3] in asked]
            return [asked[row[:3]] for row in found if _destroyed(now, row).commitment is not None]

        return self._ask(tried)

    def ended(self, events: Iterable[UUID]) -> None:
        """These have ended: they are in the book from beginning to end, or were never begun."""
        rows = [(event.bytes,) for event in events]
        if rows:
            self._write(lambda vault, _: vault.put("end_erasures", rows))

    def destroy_keys(self, subject: UUID) -> int:
        """Destroy the keys of a subject that is no person, such as a request; how many there were."""

        def destroy(rows: Rows, _: Keys) -> int:
            found = rows.find("keys_of_subjects", [(subject.bytes,)])
            _remove_keys(rows, found, living={subject.bytes})
            return len(found)

        if not self.holding([subject]):
            return 0
        count = self._write(destroy)
        self._store.scrub()
        return count

    def holding(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them for whom there is any key."""
        asked = [(subject.bytes,) for subject in set(subjects)]
        found = self._ask(lambda rows, _: rows.find("holding", asked))
        return frozenset(UUID(bytes=subject) for (subject,) in found)

    def knowing(self, subjects: Collection[UUID]) -> frozenset[UUID]:
        """Those of them for whom there is any key, or anything that they are named by."""

        def read(rows: Questions, keys: Keys) -> frozenset[UUID]:
            held = rows.find("holding", [(subject.bytes,) for subject in subjects])
            owners = owner_digests(keys, subjects)
            named = rows.find("owned_identifiers", [(digest,) for digest in owners])
            by_name = {owners[owner] for owner, _ in named}
            return frozenset(by_name.union(UUID(bytes=subject) for (subject,) in held))

        return self._read(read)

    def holding_any(self, destroyed: Mapping[UUID, Collection[str]]) -> frozenset[UUID]:
        """Those of these people for whom there is a key with one of their commitments (hex)."""

        def read(rows: Questions, keys: Keys) -> frozenset[UUID]:
            found = rows.find("keys_of_subjects", [(subject.bytes,) for subject in destroyed])
            opened = ((UUID(bytes=row[0]), _destroyed(keys, row).commitment) for row in found)
            return frozenset(subject for subject, made in opened if made in destroyed[subject])

        return self._read(read)

    def belongings(self, subjects: Collection[UUID]) -> Belongings:
        """What there is of these people; nothing is opened for that."""

        def count(rows: Questions, keys: Keys) -> Belongings:
            stored = rows.find("keys_of_subjects", [(subject.bytes,) for subject in subjects])
            owners = [(digest,) for digest in owner_digests(keys, subjects)]
            kinds: Counter[str] = Counter()
            for _, kind, number in rows.find("kinds_of_owners", owners):
                kinds[kind] += number
            named = [(digest,) for _, digest in rows.find("owned_identifiers", owners)]
            letters = {letter for _, letter in rows.find("letters_of_identifiers", named)}
            by_class = Counter(Retention(row[1]) for row in stored)
            return Belongings(by_class, kinds, len(letters))

        return self._read(count)

    def expire_suppressions(self, now: datetime) -> None:
        """Forget the suppressed identifiers that have had their time."""
        moment = to_us(now)
        if self._ask(lambda rows, _: rows.ask("any_suppression_until", moment)):
            self._write(lambda rows, _: rows.ask("expire_suppressions", moment))


def _announce(rows: Rows, erasures: Sequence[Erasure], now_us: int) -> None:
    parts = [one for one in erasures if one.classes is not None]
    said = {event for event, *_ in rows.find("find_erasures", [(p.event.bytes,) for p in parts])}
    stored = _keys_of(rows, [one.subject for one in parts])
    upto: dict[UUID, dict[str, int]] = {}
    for one in parts:
        going = [row[1:3] for row in stored[one.subject.bytes] if row[1] in (one.classes or ())]
        upto[one.event] = dict(sorted(going))
    rows.put(
        "put_destroyed_keys",
        {
            (one.subject.bytes, retention): (one.subject.bytes, retention, version)
            for one in parts
            if one.event.bytes not in said
            for retention, version in upto[one.event].items()
        }.values(),
    )
    told = {event: orjson.dumps(versions).decode() for event, versions in upto.items()}
    rows.put(
        "begin_erasures",
        [(one.event.bytes, one.subject.bytes, now_us, told.get(one.event)) for one in erasures],
    )


def _destroy(
    rows: Rows, keys: Keys, erasures: Sequence[Erasure], now: datetime
) -> dict[UUID, Receipt]:
    found = rows.find("find_erasures", [(one.event.bytes,) for one in erasures])
    standing: dict[bytes, str | None] = {event: receipt for event, receipt, _ in found}
    upto = {UUID(bytes=event): orjson.loads(told) for event, _, told in found if told is not None}
    receipts: dict[UUID, Receipt] = {}
    new = []
    for one in erasures:
        if one.event.bytes in standing:
            told = standing[one.event.bytes]
            if told is None:
                new.append(one)
            else:
                receipts[one.event] = _read_receipt(told)
    destroyed = _remove_all(rows, keys, new, upto, now)
    rows.put(
        "keep_receipts",
        [(_written(receipt), event.bytes) for event, receipt in destroyed.items()],
    )
    return receipts | destroyed


def _remove_all(
    rows: Rows,
    keys: Keys,
    erasures: Sequence[Erasure],
    upto: Mapping[UUID, Mapping[str, int]],
    now: datetime,
) -> dict[UUID, Receipt]:
    """Everything of all of them, found by index and in as many trips as one of them takes."""
    whole = {one.subject for one in erasures if one.classes is None}
    rows.put("insert_erasing", [(subject.bytes,) for subject in whole])
    stored = _keys_of(rows, [s for one in erasures for s in (one.subject, *one.others)])
    named, letters = _named(rows, keys, [one.subject for one in erasures])
    receipts, gone, digests, lost = {}, list[Row](), set[bytes](), set[bytes]()
    generation, dead_from = generation_of(rows) + 1, _dead_from(keys, now)
    for one in erasures:
        own = [row for row in stored[one.subject.bytes] if _concerns(one, row, upto)]
        own += [row for other in one.others for row in stored[other.bytes]]
        names = named[one.subject.bytes] if _names_go(one) else []
        # A letter goes where names go, and counts once, for the first of those whom it names.
        theirs = {letter for digest in names for letter in letters[digest]} - lost
        gone += own
        digests.update(names)
        lost |= theirs
        receipts[one.event] = Receipt(
            tuple(_destroyed(keys, row) for row in own),
            len(names),
            len(theirs),
            generation,
            keys.newest,
            dead_from,
        )
    _remove_keys(rows, gone, living={row[0] for row in gone} - {s.bytes for s in whole})
    rows.put("delete_identifiers", [(digest,) for digest in digests])
    rows.put("remove_dead_letters", [(letter,) for letter in lost])
    late = {digest for subject in whole for digest in named[subject.bytes]}
    until = to_us(now + SUPPRESSED_FOR)
    rows.put("put_suppressions", [(keys.suppression_of(digest), until) for digest in late])
    return receipts


def _keys_of(rows: Questions, subjects: Iterable[UUID]) -> defaultdict[bytes, list[Row]]:
    found = defaultdict[bytes, list[Row]](list)
    for row in rows.find("keys_of_subjects", [(s.bytes,) for s in dict.fromkeys(subjects)]):
        found[row[0]].append(row)
    return found


def _named(
    rows: Questions, keys: Keys, subjects: Iterable[UUID]
) -> tuple[defaultdict[bytes, list[bytes]], defaultdict[bytes, list[bytes]]]:
    """The digests that name each subject, and the dead letters that each digest is named in."""
    owners = owner_digests(keys, subjects)
    named = defaultdict[bytes, list[bytes]](list)
    for owner, digest in rows.find("owned_identifiers", [(digest,) for digest in owners]):
        named[owners[owner].bytes].append(digest)
    letters = defaultdict[bytes, list[bytes]](list)
    asked = [(digest,) for digests in named.values() for digest in digests]
    for digest, letter in rows.find("letters_of_identifiers", asked):
        letters[digest].append(letter)
    return named, letters


def _concerns(erasure: Erasure, row: Row, upto: Mapping[UUID, Mapping[str, int]]) -> bool:
    """Whether that key goes: of single classes, those that there were when it was announced."""
    _, retention, version, *_ = row
    if erasure.classes is None:
        return True
    return retention in erasure.classes and version <= upto[erasure.event].get(retention, 0)


def _names_go(erasure: Erasure) -> bool:
    """What somebody is named by says who they are, as their identity data does."""
    return erasure.classes is None or Retention.IDENTITY in erasure.classes


def _remove_keys(rows: Rows, stored: Sequence[Row], *, living: Collection[bytes]) -> None:
    """Delete them; of subjects that go on, up to which version they are gone is remembered."""
    rows.put("delete_subject_keys", [row[:3] for row in stored])
    highest: dict[tuple[bytes, str], int] = {}
    for subject, retention, version, *_ in stored:
        if subject in living:
            named = (subject, retention)
            highest[named] = max(version, highest.get(named, 0))
    rows.put("put_destroyed_keys", [(*named, version) for named, version in highest.items()])


def _destroyed(keys: Keys, row: Row) -> DestroyedKey:
    subject, retention, version = UUID(bytes=row[0]), Retention(row[1]), row[2]
    try:
        commitment = opened_key(keys, subject, retention, row).commitment.hex()
    except KeysUnavailable:  # nobody could have opened anything with it
        commitment = None
    return DestroyedKey(subject, retention, version, commitment)


def _dead_from(keys: Keys, now: datetime) -> date:
    """The first day on which copies of the vault from before cannot be opened, if the epoch ends when
    it is due, or at once where it is overdue.
    """
    return (max(keys.newest_since + EPOCH_LASTS, now) + _DAY).date()


def _written(receipt: Receipt) -> str:
    told = {
        "keys": [[k.subject, k.retention.value, k.version, k.commitment] for k in receipt.keys],
        "identifiers": receipt.identifiers,
        "letters": receipt.letters,
        "generation": receipt.generation,
        "epoch": receipt.epoch,
        "dead_from": receipt.dead_from,
    }
    return orjson.dumps(told).decode()


def _read_receipt(text: str) -> Receipt:
    told = orjson.loads(text)
    return Receipt(
        tuple(
            DestroyedKey(UUID(subject), Retention(retention), version, commitment)
            for subject, retention, version, commitment in told["keys"]
        ),
        told["identifiers"],
        told["letters"],
        told["generation"],
        told["epoch"],
        date.fromisoformat(told["dead_from"]),
    )
