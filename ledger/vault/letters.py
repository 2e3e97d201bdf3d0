"""Dead letters: refused items, each sealed under a key of its own."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.clock import from_us, to_us
from ledger.errors import BadUsage, NotFound
from ledger.identifiers import Identifier
from ledger.keyring import KEY_BYTES, Keys, Wrapped, decrypt, encrypt, framed
from ledger.on_record import OnRecord
from ledger.vault.places import letter_context, link_context
from ledger.vault.room import Room
from ledger.vault.store import Questions, Row, Rows

DEAD_LETTERS_KEPT = timedelta(days=30)
"""How long a refused item waits to be tried again."""

_PAGE = 500
_SORTED = orjson.OPT_SORT_KEYS


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


class DeadLetters(Room):
    """Items that wait to be tried again."""

    def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Keep refused items. The same content at the same door is one letter: its id stays, and
        time, reason and coordinates are those of its last refusal.
        """

        def put(rows: Rows, keys: Keys) -> None:
            told = [(_identity(keys, letter), letter) for letter in letters]
            ids = {identity: letter.id.bytes for identity, letter in reversed(told)}
            ids |= dict(rows.find("find_dead_letters", [(identity,) for identity in ids]))
            last = dict(told)
            sealed = [_seal(keys, last[one], ids[one], one) for one in last]
            named = {(i, ids[one]) for one, letter in told for i in letter.identifiers}
            rows.put("put_dead_letters", sealed)
            rows.put(
                "insert_dead_letter_identifiers",
                [(keys.identifier_digest(identifier), letter) for identifier, letter in named],
            )

        if letters:
            self._write(put)

    def letter(self, letter: UUID) -> KeptLetter:
        """What can be listed of one dead letter. Raises `NotFound`."""

        def read(rows: Questions, keys: Keys) -> KeptLetter:
            found = rows.ask("dead_letter", letter.bytes)
            if not found:
                raise _not_found(letter)
            return _kept(keys, found[0][:8])

        return self._ask(read)

    def letters(self, after: tuple[datetime, UUID] | None = None) -> Iterator[KeptLetter]:
        """Every dead letter, oldest first, its content unopened; those that stand `after` one that was kept
        then.
        """
        kept_us, letter = (to_us(after[0]), after[1].bytes) if after else (-(2**63), b"")
        while page := self._page(kept_us, letter):
            yield from page
            kept_us, letter = to_us(page[-1].kept_at), page[-1].id.bytes

    def _page(self, kept_us: int, letter: bytes) -> list[KeptLetter]:
        def read(rows: Questions, keys: Keys) -> list[KeptLetter]:
            return [
                _kept(keys, row) for row in rows.ask("dead_letters_page", kept_us, letter, _PAGE)
            ]

        return self._ask(read)

    def named_in(self, letter: UUID) -> frozenset[UUID]:
        """The people whom a dead letter names, of those who are known; nothing is opened for that.

        Raises `NotFound`.
        """
        return self._read(lambda rows, keys: _named(rows, keys, letter))

    def open_letter(self, letter: UUID, on_record: OnRecord) -> DeadLetter:
        """One dead letter, whole. Raises `NotFound`, and `BadUsage` unless it is on record that this very
        one is opened.
        """
        if letter not in on_record.subjects:
            raise BadUsage("expected a dead letter whose opening is on record, came another")
        return self._ask(lambda rows, keys: _open(rows, keys, letter))

    def letter_again(self, letter: UUID) -> DeadLetter:
        """One dead letter, whole, for a door that takes it in again; nobody is to see it then.

        Raises `NotFound`.
        """
        return self._ask(lambda rows, keys: _open(rows, keys, letter))

    def remove(self, letters: Iterable[UUID]) -> None:
        """Destroy these dead letters."""
        gone = [(letter,) for letter in dict.fromkeys(letter.bytes for letter in letters)]
        self._write(lambda rows, _: rows.put("remove_dead_letters", gone))

    def expire(self, now: datetime) -> int:
        """Destroy the dead letters that were kept for `DEAD_LETTERS_KEPT`; how many they were."""
        latest = to_us(now - DEAD_LETTERS_KEPT)
        if not self._ask(lambda rows, _: rows.ask("any_dead_letter_until", latest)):
            return 0
        return len(self._write(lambda rows, _: rows.ask("expire_dead_letters", latest)))


def _identity(keys: Keys, letter: DeadLetter) -> bytes:
    # A row that was too long to keep has no content, and is known by where it stood.
    whole = letter.content or orjson.dumps(letter.coordinates, option=_SORTED)
    return keys.content_digest(letter.door.encode(), whole)


def _seal(keys: Keys, letter: DeadLetter, letter_id: bytes, identity: bytes) -> Row:
    """The row of a letter; its identifiers are sealed in front of its content.

    A server keeps no U+0000 in text, which a message about somebody's JSON may quote.
    """
    secret = os.urandom(KEY_BYTES)
    cipher = AESGCM(secret)
    names = orjson.dumps([(i.kind, i.value) for i in letter.identifiers])
    content = framed(names) + letter.content
    coordinates = orjson.dumps(letter.coordinates, option=_SORTED)
    return (
        letter_id,
        identity,
        to_us(letter.kept_at),
        *(text.replace("\0", "\ufffd") for text in (letter.door, letter.reason, letter.field)),
        *keys.wrap(secret, letter_context(letter_id)),
        encrypt(cipher, coordinates, _associated(keys, letter_id, b"coordinates")),
        encrypt(cipher, content, _associated(keys, letter_id, b"content")),
    )


def _open(rows: Questions, keys: Keys, letter: UUID) -> DeadLetter:
    found = rows.ask("dead_letter", letter.bytes)
    if not found:
        raise _not_found(letter)
    kept = _kept(keys, found[0][:8])
    content = _open_part(keys, found[0], b"content", found[0][8])
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


def _named(rows: Questions, keys: Keys, letter: UUID) -> frozenset[UUID]:
    if not rows.ask("dead_letter", letter.bytes):
        raise _not_found(letter)
    digests = rows.ask("identifiers_of_letter", letter.bytes)
    return frozenset(
        UUID(bytes=keys.unwrap(Wrapped(epoch, blob), link_context(digest)))
        for digest, epoch, blob in rows.find("find_identifiers", digests)
    )


def _not_found(letter: UUID) -> NotFound:
    return NotFound("dead letter", str(letter), "`bahi dead list` lists them")


def _kept(keys: Keys, row: Row) -> KeptLetter:
    letter_id, kept_us, door, reason, about, _, _, sealed = row
    coordinates = orjson.loads(_open_part(keys, row, b"coordinates", sealed))
    return KeptLetter(UUID(bytes=letter_id), from_us(kept_us), door, reason, about, coordinates)


def _open_part(keys: Keys, row: Row, part: bytes, sealed: bytes) -> bytes:
    letter_id, epoch, wrapped = row[0], row[5], row[6]
    secret = keys.unwrap(Wrapped(epoch, wrapped), letter_context(letter_id))
    return decrypt(AESGCM(secret), sealed, _associated(keys, letter_id, part))


def _associated(keys: Keys, letter_id: bytes, part: bytes) -> bytes:
    return framed(keys.ledger_id.bytes, letter_id, part)
