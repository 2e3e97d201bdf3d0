"""Sealing: personal data as bytes in the book that only the vault's keys make readable.

The `personal` bytes of an event are records, one after the other, numbers big-endian:

    blob    1 · subject(16) · class(1) · key version(u16) · nonce(12) · length(u32) · ciphertext
    key     2 · subject(16) · class(1) · key version(u16) · commitment(32)

`length` counts the ciphertext, tag included, so that records end where they say. A blob holds the
fields of one person and one retention class as JSON, padded (`length(u32) · JSON · zeros`) to a
multiple of 64 bytes, under AES-256-GCM with a random nonce. What it was sealed for is authenticated
with it, each part after its length: ledger id, event id, stored type, version, subject, class, key
version. So a blob opens in its own place and in no other.

A key record says that the key was made: the book is bound to it, and knows nothing of it. The first
event under a key carries it; after a crash a second one may say the same again.
"""

import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Protocol, Self
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.catalogue import Retention
from ledger.errors import BadField, BadUsage, KeysUnavailable
from ledger.event import Event
from ledger.keyring import NONCE_BYTES, framed
from ledger.on_record import OnRecord
from ledger.vault import SubjectKey, Vault

_BLOB, _KEY = 1, 2
_PADDED_TO = 64
_TAG_BYTES = 16

_HEAD = struct.Struct(">B16sBH")
_BLOB_HEAD = struct.Struct(">B16sBH12sI")
_KEY_RECORD = struct.Struct(">B16sBH32s")
_LENGTH = struct.Struct(">I")

_CODES = {
    Retention.IDENTITY: 1,
    Retention.BEHAVIOUR: 2,
    Retention.CONTENT: 3,
    Retention.LEGAL: 4,
}
"""Retention classes as they are stored; a number is never given away again."""
_CLASSES = {code: retention for retention, code in _CODES.items()}

Part = tuple[UUID, Retention]
"""What has a key of its own: a person, and why their data is kept."""


class Header(Protocol):
    """What a blob is bound to, besides the ledger: an `Event` is one."""

    @property
    def id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Blob:
    """Sealed fields of one person and class, as they are stored."""

    subject: UUID
    retention: Retention
    key_version: int
    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key was made; `commitment` is the 32 bytes by which it can be recognised."""

    subject: UUID
    retention: Retention
    key_version: int
    commitment: bytes


def encode_records(records: Iterable[Blob | KeyRecord]) -> bytes:
    """The records, one after the other."""
    return b"".join([_encode(record) for record in records])


def sealed_size(parts: Iterable[Mapping[str, Any]]) -> int:
    """The most bytes that sealing makes of these parts, if every key is new and has to be recorded.

    Raises `BadField` as `Sealer.seal` does, so that an event can be refused before keys are made.
    """
    around = _KEY_RECORD.size + _BLOB_HEAD.size + _TAG_BYTES
    return sum(around + len(_pad(fields)) for fields in parts)


def blobs(personal: bytes) -> Iterator[Blob | KeyRecord]:
    """The records in the `personal` bytes of an event; nothing is opened and no key is needed.

    Raises `BadField` where the bytes are not records from end to end.
    """
    at = 0
    while at < len(personal):
        try:
            kind, subject, code, version = _HEAD.unpack_from(personal, at)
            retention = _CLASSES[code]
            if kind == _BLOB:
                *_, nonce, length = _BLOB_HEAD.unpack_from(personal, at)
                start = at + _BLOB_HEAD.size
                at = start + length
                if at > len(personal) or length < _TAG_BYTES:
                    raise _garbled(personal)
                blob = Blob(UUID(bytes=subject), retention, version, nonce, personal[start:at])
                yield blob
            elif kind == _KEY:
                *_, commitment = _KEY_RECORD.unpack_from(personal, at)
                at += _KEY_RECORD.size
                yield KeyRecord(UUID(bytes=subject), retention, version, commitment)
            else:
                raise _garbled(personal)
        except (struct.error, KeyError):
            raise _garbled(personal) from None


def sealed_bytes(personal: bytes) -> list[bytes]:
    """Each sealed blob of an event as it is stored; records of keys are left out.

    Raises `BadField` where the bytes are not records from end to end.
    """
    found: list[bytes] = []
    at, end = 0, len(personal)
    try:
        while at < end:
            if personal[at] == _BLOB:
                start, at = at, at + _BLOB_HEAD.size
                at += _LENGTH.unpack_from(personal, at - _LENGTH.size)[0]
                found.append(personal[start:at])
            elif personal[at] == _KEY:
                at += _KEY_RECORD.size
            else:
                raise _garbled(personal)
    except struct.error:
        raise _garbled(personal) from None
    if at > end:
        raise _garbled(personal)
    return found


class Sealer:
    """Seals and opens for one ledger, under the keys of its vault. It keeps no key itself."""

    def __init__(self, ledger_id: UUID, vault: Vault) -> None:
        self._ledger_id = ledger_id
        self._vault = vault

    def seal(
        self,
        header: Header,
        parts: Mapping[Part, Mapping[str, Any]],
        keys: Mapping[Part, SubjectKey],
    ) -> bytes:
        """The `personal` bytes of an event: a blob a part, and a record of each key not logged yet.

        `keys` come from `Vault.subject_keys`, for one event or for thousands. `SealedBatch` also
        keeps account of what is logged. Raises `BadField` for text that is not Unicode.
        """
        records: list[Blob | KeyRecord] = []
        for (subject, retention), fields in parts.items():
            key = keys[subject, retention]
            if not key.logged:
                records.append(KeyRecord(subject, retention, key.version, key.commitment))
            nonce = os.urandom(NONCE_BYTES)
            bound = self._bound_to(header, subject, retention, key.version)
            ciphertext = AESGCM(key.encryption).encrypt(nonce, _pad(fields), bound)
            records.append(Blob(subject, retention, key.version, nonce, ciphertext))
        return encode_records(records)

    def batch(self, wanted: Iterable[Part]) -> "SealedBatch":
        """Seal many events with one look into the vault; `wanted` is every part of all of them."""
        return SealedBatch(self, self._vault, wanted)

    def opening(self, on_record: OnRecord) -> "Opening":
        """Open what was sealed, for one request: `with sealer.opening(…) as opening`.

        Who opens and what for stands in the book by then: there is no `OnRecord` before.
        """
        return Opening(self, self._vault, on_record)

    def unseal(self, header: Header, blob: Blob, key: SubjectKey) -> dict[str, Any]:
        """The fields of one blob. Raises `KeysUnavailable` if it was altered or moved."""
        bound = self._bound_to(header, blob.subject, blob.retention, blob.key_version)
        try:
            padded = AESGCM(key.encryption).decrypt(blob.nonce, blob.ciphertext, bound)
        except InvalidTag:
            raise KeysUnavailable(
                f"event {header.id}: the {blob.retention.value} data of {blob.subject} does not open "
                f"with its key: it was altered, or moved here from another event"
            ) from None
        (length,) = _LENGTH.unpack_from(padded)
        fields: dict[str, Any] = orjson.loads(padded[_LENGTH.size : _LENGTH.size + length])
        return fields

    def _bound_to(
        self, header: Header, subject: UUID, retention: Retention, key_version: int
    ) -> bytes:
        return framed(
            self._ledger_id.bytes,
            header.id.bytes,
            header.type.encode(),
            str(header.version).encode(),
            subject.bytes,
            bytes([_CODES[retention]]),
            key_version.to_bytes(2),
        )


class SealedBatch:
    """Events sealed together: each new key is recorded by the first of them that uses it."""

    def __init__(self, sealer: Sealer, vault: Vault, wanted: Iterable[Part]) -> None:
        self._sealer = sealer
        self._vault = vault
        self._keys = vault.subject_keys(wanted)
        self._recorded: dict[UUID, list[SubjectKey]] = {}

    def seal(self, header: Header, parts: Mapping[Part, Mapping[str, Any]]) -> bytes:
        """See `Sealer.seal`."""
        personal = self._sealer.seal(header, parts, self._keys)
        fresh = [key for key in map(self._keys.__getitem__, parts) if not key.logged]
        for key in fresh:
            self._keys[key.subject, key.retention] = replace(key, logged=True)
        if fresh:
            self._recorded[header.id] = fresh
        return personal

    def appended(self, events: Iterable[UUID]) -> None:
        """These events are in the book, and with them the keys that they record."""
        self._vault.mark_logged(key for event in events for key in self._recorded.get(event, ()))


class Opening:
    """One request to read personal data of those who are on record for it. Its keys end with it."""

    def __init__(self, sealer: Sealer, vault: Vault, on_record: OnRecord) -> None:
        self.on_record = on_record
        self._sealer = sealer
        self._vault = vault
        self._keys: dict[tuple[UUID, Retention, int], SubjectKey] | None = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keys = None

    def open(self, event: Event) -> dict[Part, dict[str, Any] | KeysUnavailable]:
        """The sealed fields by person and class, of those people who are on record for it.

        What a request of theirs has under a key of its own is theirs too. Parts of others are left
        out: nothing is said of them. Where a part cannot be read, the error stands in its place and
        says why: `Erased` if it is gone for ever, else `KeysUnavailable`. Nobody's erasure is
        overlooked, not even one that began during this request. Raises `BadUsage` when the request
        is over.
        """
        (opened,) = self.open_all([event])
        return opened

    def open_all(
        self, events: Sequence[Event]
    ) -> list[dict[Part, dict[str, Any] | KeysUnavailable]]:
        """See `open`; for many events with one look at who is being erased."""
        if self._keys is None:
            raise BadUsage("expected an opening that is still under way, came one that has ended")
        sealed = [self._sealed(event) for event in events]
        wanted = {(b.subject, b.retention, b.key_version) for of_event in sealed for b in of_event}
        usable = self._vault.usable(wanted & self._keys.keys())
        stale = wanted - usable
        self._keys = {named: key for named, key in self._keys.items() if named not in stale}
        opened: list[dict[Part, dict[str, Any] | KeysUnavailable]] = []
        for event, of_event in zip(events, sealed, strict=True):
            parts: dict[Part, dict[str, Any] | KeysUnavailable] = {}
            for blob in of_event:
                try:
                    parts[blob.subject, blob.retention] = self._open(event, blob, self._keys)
                except KeysUnavailable as error:
                    parts[blob.subject, blob.retention] = error
            opened.append(parts)
        return opened

    def _sealed(self, event: Event) -> list[Blob]:
        """The sealed parts of an event that may be opened."""
        subjects, request = self.on_record.subjects, event.data.get("request")
        theirs = event.customer in subjects
        return [
            record
            for record in blobs(event.personal)
            if isinstance(record, Blob)
            and (record.subject in subjects or (theirs and str(record.subject) == request))
        ]

    def _open(
        self, event: Event, blob: Blob, keys: dict[tuple[UUID, Retention, int], SubjectKey]
    ) -> dict[str, Any]:
        named = (blob.subject, blob.retention, blob.key_version)
        if named not in keys:
            keys[named] = self._vault.key(*named)
        return self._sealer.unseal(event, blob, keys[named])


def _encode(record: Blob | KeyRecord) -> bytes:
    subject, code = record.subject.bytes, _CODES[record.retention]
    if isinstance(record, KeyRecord):
        return _KEY_RECORD.pack(_KEY, subject, code, record.key_version, record.commitment)
    length = len(record.ciphertext)
    head = _BLOB_HEAD.pack(_BLOB, subject, code, record.key_version, record.nonce, length)
    return head + record.ciphertext


def _pad(fields: Mapping[str, Any]) -> bytes:
    """JSON after its length, and zeros up to a multiple of 64: lengths tell less."""
    try:
        text = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise BadField(
            "personal", "JSON values, their text in Unicode", "something else"
        ) from error
    filled = _LENGTH.pack(len(text)) + text
    return filled.ljust(-(-len(filled) // _PADDED_TO) * _PADDED_TO, b"\x00")


def _garbled(personal: bytes) -> BadField:
    return BadField("personal", "sealed records from end to end", f"{len(personal):,} other bytes")
