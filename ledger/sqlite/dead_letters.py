"""Dead letters in the vault's file: refused items, each sealed under a key of its own."""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.clock import from_us, to_us
from ledger.errors import NotFound
from ledger.identifiers import Identifier
from ledger.keyring import KEY_BYTES, Keys, Wrapped, decrypt, encrypt, framed
from ledger.sqlite.connection import statement
from ledger.sqlite.vault_file import VaultFile, letter_context
from ledger.vault import DEAD_LETTERS_KEPT, DeadLetter, KeptLetter

_PAGE = 500
_SORTED = orjson.OPT_SORT_KEYS


class DeadLetters:
    """See `Vault.keep` and what follows it there."""

    def __init__(self, file: VaultFile) -> None:
        self._file = file

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return
        execute = self._file.connection.execute
        with self._file.write() as keys:
            for letter in letters:
                # A row that was too long to keep has no content, and is known by where it stood.
                whole = letter.content or orjson.dumps(letter.coordinates, option=_SORTED)
                identity = keys.content_digest(letter.door.encode(), whole)
                known = execute(statement("vault/find_dead_letter"), (identity,)).fetchone()
                row = _seal(keys, letter, known[0] if known else letter.id.bytes)
                execute(statement("vault/put_dead_letter"), {**row, "identity": identity})
                for identifier in letter.identifiers:
                    digest = keys.identifier_digest(identifier)
                    execute(statement("vault/insert_dead_letter_identifier"), (digest, row["id"]))

    def letters(self) -> Iterator[KeptLetter]:
        kept_us, letter = -(2**63), b""
        while page := self._page(kept_us, letter):
            yield from page
            kept_us, letter = to_us(page[-1].kept_at), page[-1].id.bytes

    def _page(self, kept_us: int, letter: bytes) -> list[KeptLetter]:
        after = {"kept_at": kept_us, "id": letter, "limit": _PAGE}

        def read(keys: Keys) -> list[KeptLetter]:
            rows = self._file.connection.execute(statement("vault/dead_letters_page"), after)
            return [_kept(keys, row) for row in rows]

        return self._file.read(read)

    def open(self, letter: UUID) -> DeadLetter:
        return self._file.read(lambda keys: self._open(keys, letter))

    def _open(self, keys: Keys, letter: UUID) -> DeadLetter:
        row = self._file.connection.execute(
            statement("vault/dead_letter"), (letter.bytes,)
        ).fetchone()
        if row is None:
            raise NotFound("dead letter", str(letter), "`bahi dead list` lists them")
        kept = _kept(keys, row[:8])
        content = _open_part(keys, row, b"content", row[8])
        length = int.from_bytes(content[:4])
        identifiers = tuple(Identifier(*pair) for pair in orjson.loads(content[4 : 4 + length]))
        return DeadLetter(
            id=kept.id,
            kept_at=kept.kept_at,
            door=kept.door,
            reason=kept.reason,
            field=kept.field,
            coordinates=kept.coordinates,
            content=content[4 + length :],
            identifiers=identifiers,
        )

    def remove(self, letters: Iterable[UUID]) -> None:
        with self._file.write():
            self._file.connection.executemany(
                statement("vault/remove_dead_letter"), [(letter.bytes,) for letter in letters]
            )

    def expire(self, now: datetime) -> int:
        latest = (to_us(now - DEAD_LETTERS_KEPT),)
        execute = self._file.connection.execute
        any_expired = statement("vault/any_dead_letter_until")
        if not self._file.read(lambda _: execute(any_expired, latest).fetchone()):
            return 0
        with self._file.write():
            return execute(statement("vault/expire_dead_letters"), latest).rowcount


def _seal(keys: Keys, letter: DeadLetter, letter_id: bytes) -> dict[str, Any]:
    """The row of a letter; its identifiers are sealed in front of its content."""
    secret = os.urandom(KEY_BYTES)
    cipher = AESGCM(secret)
    wrapped = keys.wrap(secret, letter_context(letter_id))
    names = orjson.dumps([(i.kind, i.value) for i in letter.identifiers])
    content = framed(names) + letter.content
    coordinates = orjson.dumps(letter.coordinates, option=_SORTED)
    return {
        "id": letter_id,
        "kept_at": to_us(letter.kept_at),
        "door": letter.door,
        "reason": letter.reason,
        "field": letter.field,
        "epoch": wrapped.epoch,
        "wrapped": wrapped.blob,
        "coordinates": encrypt(cipher, coordinates, _associated(keys, letter_id, b"coordinates")),
        "content": encrypt(cipher, content, _associated(keys, letter_id, b"content")),
    }


def _kept(keys: Keys, row: tuple[Any, ...]) -> KeptLetter:
    letter_id, kept_us, door, reason, field, _, _, sealed = row
    coordinates = orjson.loads(_open_part(keys, row, b"coordinates", sealed))
    return KeptLetter(UUID(bytes=letter_id), from_us(kept_us), door, reason, field, coordinates)


def _open_part(keys: Keys, row: tuple[Any, ...], part: bytes, sealed: bytes) -> bytes:
    letter_id, epoch, wrapped = row[0], row[5], row[6]
    secret = keys.unwrap(Wrapped(epoch, wrapped), letter_context(letter_id))
    return decrypt(AESGCM(secret), sealed, _associated(keys, letter_id, part))


def _associated(keys: Keys, letter_id: bytes, part: bytes) -> bytes:
    return framed(keys.ledger_id.bytes, letter_id, part)
