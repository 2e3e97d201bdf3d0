"""The vault in one SQLite file: embedded, one short writer at a time, any number of processes."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from ledger.catalogue import REFERENCE_KINDS, Retention
from ledger.clock import Ids, random_ids, to_us
from ledger.errors import (
    BadField,
    Erased,
    KeyringForeign,
    KeysUnavailable,
    Refused,
    came,
)
from ledger.identifiers import Identifier
from ledger.keyring import KEY_BYTES, Keyring, Keys, Wrapped
from ledger.naming import Limits, Named, Naming
from ledger.people import Persons
from ledger.sqlite import rewrap
from ledger.sqlite.connection import statement
from ledger.sqlite.dead_letters import DeadLetters
from ledger.sqlite.vault_file import VaultFile, key_context, link_context, staff_context
from ledger.vault import DeadLetter, KeptLetter, SubjectKey, Vault, split_key

_Digests = dict[Identifier, bytes]
_Links = dict[bytes, UUID]
_Wanted = tuple[UUID, Retention]


class SqliteVault(Vault):
    """The vault in the file `path` (mode 0600), made if it is not there."""

    def __init__(self, path: Path, keyring: Keyring, *, ids: Ids = random_ids) -> None:
        self._keyring = keyring
        self._ids = ids
        self._file = VaultFile(path, keyring)
        self._execute = self._file.connection.execute
        self._letters = DeadLetters(self._file)

    @property
    def ledger_id(self) -> UUID | None:
        found = self._file.read(lambda _: self._execute(statement("vault/identity")).fetchone()[0])
        return UUID(bytes=found) if found else None

    def adopt(self, ledger_id: UUID) -> None:
        with self._file.write():
            self._execute(statement("vault/adopt"), (ledger_id.bytes,))
            owner = self._execute(statement("vault/identity")).fetchone()[0]
            if owner != ledger_id.bytes:
                raise KeyringForeign(f"expected a vault of ledger {ledger_id}, came one of another")

    def generation(self) -> int:
        return self._file.read(lambda _: self._generation())

    def _generation(self) -> int:
        return int(self._execute(statement("vault/identity")).fetchone()[1])

    # Who is who

    def resolve(
        self,
        wanted: Sequence[Sequence[Identifier]],
        persons: Persons,
        limits: Limits,
        *,
        keep: bool = True,
    ) -> list[Named | Refused | None]:
        digests = self._digests(identifier for item in wanted for identifier in item)

        def read(keys: Keys) -> tuple[Naming, list[Named | Refused | None]]:
            links = self._read_links(keys, digests.values())
            owners = {i: links[digest] for i, digest in digests.items() if digest in links}
            people = {member for owner in owners.values() for member in persons.members(owner)}
            naming = Naming(
                owners=owners,
                counts=lambda customer: self._kinds(keys, [customer]),
                persons=persons,
                limits=limits,
                ids=self._ids,
                fenced=self._fenced(keys, people),
            )
            return naming, [naming.name(item) for item in wanted]

        generation, (naming, answers) = self._file.read(
            lambda keys: (self._generation(), read(keys))
        )
        if keep and naming.linked:
            with self._file.write() as keys:
                # Others may have linked or erased them since; only under the lock is it so.
                if self._generation() != generation:
                    naming, answers = read(keys)
                rows = [_link_row(keys, i, digests[i], owner) for i, owner in naming.linked]
                self._file.connection.executemany(statement("vault/insert_identifier"), rows)
        return answers

    def kinds(self, owners: Iterable[UUID]) -> Counter[str]:
        return self._file.read(lambda keys: self._kinds(keys, owners))

    def _kinds(self, keys: Keys, owners: Iterable[UUID]) -> Counter[str]:
        # During a change of epochs, some links are found by the old one and some by the new.
        query = statement("vault/kinds_of_owner")
        found: Counter[str] = Counter()
        for owner in owners:
            for epoch in keys.epochs:
                found.update(dict(self._execute(query, (keys.owner_digest(owner, epoch),))))
        return found

    def look_up(self, identifier: Identifier) -> UUID | None:
        digest = self._keyring.identifier_digest(identifier)
        return self._links([digest]).get(digest)

    def references(self, wanted: Sequence[Identifier]) -> list[UUID]:
        for reference in wanted:
            if reference.kind not in REFERENCE_KINDS:
                raise BadField(
                    "references", "one of " + ", ".join(REFERENCE_KINDS), came(reference.kind)
                )
        digests = self._digests(wanted)
        links = self._links(digests.values())
        new = [reference for reference in digests if digests[reference] not in links]
        if new:
            with self._file.write() as keys:
                links |= self._read_links(keys, [digests[reference] for reference in new])
                rows = []
                for reference in new:
                    digest = digests[reference]
                    if digest not in links:
                        links[digest] = self._ids()
                        rows.append(_link_row(keys, reference, digest, links[digest]))
                self._file.connection.executemany(statement("vault/insert_identifier"), rows)
        return [links[digests[reference]] for reference in wanted]

    def identifier_digests(self, owner: UUID) -> list[bytes]:
        def read(keys: Keys) -> list[bytes]:
            # During a change of epochs, some links are found by the old one and some by the new.
            query = statement("vault/identifiers_of_owner")
            owners = [keys.owner_digest(owner, epoch) for epoch in keys.epochs]
            return sorted(digest for o in owners for (digest,) in self._execute(query, (o,)))

        return self._file.read(read)

    def _digests(self, identifiers: Iterable[Identifier]) -> _Digests:
        """Each identifier once; the HMAC key never changes, so any moment's keys will do."""
        return {i: self._keyring.identifier_digest(i) for i in dict.fromkeys(identifiers)}

    def _links(self, digests: Iterable[bytes]) -> _Links:
        return self._file.read(lambda keys: self._read_links(keys, digests))

    def _read_links(self, keys: Keys, digests: Iterable[bytes]) -> _Links:
        query = statement("vault/find_identifier")
        found = {}
        for digest in digests:
            row = self._execute(query, (digest,)).fetchone()
            if row is not None:
                found[digest] = UUID(bytes=keys.unwrap(Wrapped(*row), link_context(digest)))
        return found

    # The keys of each person

    def subject_keys(self, wanted: Iterable[_Wanted]) -> dict[_Wanted, SubjectKey]:
        asked = list(dict.fromkeys(wanted))
        found = self._file.read(lambda keys: self._latest(keys, asked))
        missing = [key for key in asked if key not in found]
        if missing:
            with self._file.write() as keys:
                found |= self._latest(keys, missing)
                rows = []
                for subject, retention in (key for key in missing if key not in found):
                    secret = os.urandom(KEY_BYTES)
                    epoch, blob = keys.wrap(secret, key_context(subject.bytes, retention, 1))
                    rows.append((subject.bytes, retention.value, 1, epoch, blob))
                    key = split_key(subject, retention, 1, secret, logged=False)
                    found[subject, retention] = key
                self._file.connection.executemany(statement("vault/insert_subject_key"), rows)
        return found

    def _latest(self, keys: Keys, wanted: Sequence[_Wanted]) -> dict[_Wanted, SubjectKey]:
        self._demand_living(keys, {subject for subject, _ in wanted})
        query = statement("vault/latest_subject_key")
        found = {}
        for subject, retention in wanted:
            row = self._execute(query, (subject.bytes, retention.value)).fetchone()
            if row is not None:
                version, epoch, blob, logged = row
                context = key_context(subject.bytes, retention, version)
                secret = keys.unwrap(Wrapped(epoch, blob), context)
                key = split_key(subject, retention, version, secret, bool(logged))
                found[subject, retention] = key
        return found

    def key(self, subject: UUID, retention: Retention, version: int) -> SubjectKey:
        def read(keys: Keys) -> SubjectKey:
            self._demand_living(keys, [subject])
            named = (subject.bytes, retention.value, version)
            row = self._execute(statement("vault/subject_key"), named).fetchone()
            if row is None:
                raise KeysUnavailable(
                    f"expected key {version} of class {retention.value} for {subject} "
                    f"in the vault, found none"
                )
            epoch, blob, logged = row
            secret = keys.unwrap(
                Wrapped(epoch, blob), key_context(subject.bytes, retention, version)
            )
            return split_key(subject, retention, version, secret, bool(logged))

        return self._file.read(read)

    def mark_logged(self, keys: Iterable[SubjectKey]) -> None:
        rows = [(key.subject.bytes, key.retention.value, key.version) for key in keys]
        if rows:
            with self._file.write():
                self._file.connection.executemany(statement("vault/mark_logged"), rows)

    # Who must not come back

    def fenced(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        return self._file.read(lambda keys: self._fenced(keys, subjects))

    def _fenced(self, keys: Keys, subjects: Iterable[UUID]) -> frozenset[UUID]:
        query = statement("vault/erasing")
        return frozenset(
            subject
            for subject in subjects
            if subject in keys.tombstones or self._execute(query, (subject.bytes,)).fetchone()
        )

    def _demand_living(self, keys: Keys, subjects: Iterable[UUID]) -> None:
        for subject in self._fenced(keys, subjects):
            raise Erased(f"customer {subject} is erased: the keys were destroyed on purpose")

    def holding(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        query = statement("vault/any_subject_key")
        return self._file.read(
            lambda _: frozenset(s for s in subjects if self._execute(query, (s.bytes,)).fetchone())
        )

    def suppressed(self, identifiers: Iterable[Identifier], now: datetime) -> frozenset[Identifier]:
        query, moment = statement("vault/suppressed"), to_us(now)
        return self._file.read(
            lambda keys: frozenset(
                identifier
                for identifier in identifiers
                if self._execute(query, (keys.suppression_digest(identifier), moment)).fetchone()
            )
        )

    # Staff

    def staff(self, name: str) -> UUID:
        name = unicodedata.normalize("NFC", name).strip()
        if not name:
            raise BadField("actor", "the name of a member of staff", "nothing")
        digest = self._keyring.identifier_digest(Identifier("staff", name))
        find = statement("vault/find_staff")
        row = self._file.read(lambda _: self._execute(find, (digest,)).fetchone())
        if row is None:
            with self._file.write() as keys:
                row = self._execute(find, (digest,)).fetchone()
                if row is None:
                    row = (self._ids().bytes,)
                    wrapped = keys.wrap(name.encode(), staff_context(row[0]))
                    self._execute(statement("vault/insert_staff"), (row[0], digest, *wrapped))
        return UUID(bytes=row[0])

    def staff_name(self, actor: UUID) -> str | None:
        def read(keys: Keys) -> str | None:
            row = self._execute(statement("vault/staff"), (actor.bytes,)).fetchone()
            return keys.unwrap(Wrapped(*row), staff_context(actor.bytes)).decode() if row else None

        return self._file.read(read)

    # Refused items

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        self._letters.keep(letters)

    def letters(self) -> Iterator[KeptLetter]:
        return self._letters.letters()

    def open_letter(self, letter: UUID) -> DeadLetter:
        return self._letters.open(letter)

    def remove(self, letters: Iterable[UUID]) -> None:
        self._letters.remove(letters)

    def expire(self, now: datetime) -> int:
        return self._letters.expire(now)

    def rewrap(self, keyring: Keyring) -> int:
        return rewrap.rewrap(self._file, keyring)

    def close(self) -> None:
        self._file.close()


def _link_row(
    keys: Keys, identifier: Identifier, digest: bytes, owner: UUID
) -> tuple[bytes, str, int, bytes, bytes]:
    epoch, blob = keys.wrap(owner.bytes, link_context(digest))
    return (digest, identifier.kind, epoch, blob, keys.owner_digest(owner, epoch))
