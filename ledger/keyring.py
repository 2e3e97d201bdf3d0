"""The keyring: the few keys on which every other secret hangs, in one file of mode 0600.

It holds the key-encryption keys by epoch, the HMAC keys, the signing key, and what must outlive a
restored backup: the high-water mark of book and vault, the tombstones of erased customers, and
which secrets of callers were withdrawn.
Whoever has it can open the vault; without it, vault and book are noise.

The file is JSON, replaced whole: written beside, flushed, renamed, and the folder flushed, so a
crash leaves the old keyring or the new one. A lock on a file beside it orders those who change it.
Readers notice a replaced file and read it again.
"""

import hmac
import os
import stat
import struct
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import BadUsage, KeyringMissing, KeysUnavailable
from ledger.identifiers import Identifier
from ledger.whole_file import locked, replace_whole

KEY_BYTES = 32
NONCE_BYTES = 12

_MODE = 0o600
_OTHERS = 0o077


class Wrapped(NamedTuple):
    """A secret under the key of an epoch: `nonce(12) ‖ ciphertext ‖ tag(16)`."""

    epoch: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class HighWater:
    """What book and vault had reached when it was last written down; neither ever goes back."""

    size: int = 0
    root: bytes = b""
    vault_generation: int = 0


def framed(*parts: bytes) -> bytes:
    """The parts, each after its length (u32be): no two lists of parts make the same bytes."""
    return b"".join([struct.pack(">I", len(part)) + part for part in parts])


def encrypt(cipher: AESGCM, plain: bytes, associated: bytes) -> bytes:
    """`nonce(12) ‖ ciphertext ‖ tag(16)`; the nonce is random."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, associated)


def decrypt(cipher: AESGCM, blob: bytes, associated: bytes) -> bytes:
    """What `encrypt` was given. Raises `InvalidTag` if anything at all is different."""
    return cipher.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], associated)


_Key = Annotated[bytes, Field(min_length=KEY_BYTES, max_length=KEY_BYTES, repr=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_bytes="hex",
        val_json_bytes="hex",
        hide_input_in_errors=True,
    )


class _Epoch(_Frozen):
    number: Annotated[int, Field(ge=1)]
    created_at: AwareDatetime
    key: _Key


class _File(_Frozen):
    """The file, field by field; bytes are hex."""

    format: Literal[1] = 1
    ledger_id: UUID
    epochs: Annotated[tuple[_Epoch, ...], Field(min_length=1)]
    event_id_key: _Key
    identifier_key: _Key
    suppression_key: _Key
    signing_key: _Key
    high_water: HighWater = HighWater()
    tombstones: tuple[UUID, ...] = ()
    withdrawn: dict[str, AwareDatetime] = {}


class Keys:
    """The keyring as it stood at one moment, parsed once; cheap to use a million times."""

    def __init__(self, file: _File) -> None:
        self.ledger_id = file.ledger_id
        self.newest = file.epochs[-1].number
        self.newest_since = file.epochs[-1].created_at
        self.high_water = file.high_water
        self.tombstones = frozenset(file.tombstones)
        self.withdrawn = file.withdrawn
        self._ciphers = {epoch.number: AESGCM(epoch.key) for epoch in file.epochs}
        self._owner_keys = {epoch.number: _owner_key(epoch.key) for epoch in file.epochs}
        self._event_id_key = file.event_id_key
        self._identifier_key = file.identifier_key
        self._suppression_key = file.suppression_key
        self._signing_key = file.signing_key

    def __repr__(self) -> str:
        return f"Keys(ledger {self.ledger_id}, epochs {self.epochs})"

    @property
    def epochs(self) -> tuple[int, ...]:
        """Epochs whose values can still be opened, oldest first."""
        return tuple(self._ciphers)

    @property
    def signing_key(self) -> Ed25519PrivateKey:
        """The Ed25519 key that speaks for this ledger."""
        return Ed25519PrivateKey.from_private_bytes(self._signing_key)

    def event_id(self, source: str, message_id: str) -> UUID:
        """UUIDv8 (RFC 9562 §5.8) of a source's own message id: HMAC-SHA-256, cut to 122 bits.

        Keyed, because message ids can be guessed, and a plain hash would confirm a guess.
        """
        message = framed(source.encode(), message_id.encode())
        number = int.from_bytes(hmac.digest(self._event_id_key, message, "sha256")[:16])
        number = number & ~(0xF << 76) | 0x8 << 76  # version
        return UUID(int=number & ~(0b11 << 62) | 0b10 << 62)  # variant

    def identifier_digest(self, identifier: Identifier) -> bytes:
        """HMAC-SHA-256 (32 bytes) of a normalised identifier."""
        return hmac.digest(self._identifier_key, _named(identifier), "sha256")

    def suppression_of(self, digest: bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) of an identifier's digest under a key of its own: nobody without it
        can join the two.
        """
        return hmac.digest(self._suppression_key, digest, "sha256")

    def content_digest(self, *parts: bytes) -> bytes:
        """HMAC-SHA-256 (32 bytes) that tells whether two sealed contents were the same."""
        return hmac.digest(self._identifier_key, b"content" + framed(*parts), "sha256")

    def owner_digest(self, owner: UUID, epoch: int) -> bytes:
        """HMAC-SHA-256 (32 bytes) by which all that belongs to one id is found, for one epoch.

        Under a key of the epoch: when that is retired, an old copy no longer says what belonged
        together with whom.
        """
        return hmac.digest(self._owner_keys[epoch], owner.bytes, "sha256")

    def wrap(self, plain: bytes, context: bytes) -> Wrapped:
        """Encrypted under the newest epoch, for this place (`context`) of this ledger alone."""
        associated = framed(self.ledger_id.bytes, context)
        return Wrapped(self.newest, encrypt(self._ciphers[self.newest], plain, associated))

    def unwrap(self, wrapped: Wrapped, context: bytes) -> bytes:
        """What was wrapped. Raises `KeysUnavailable` if its epoch is gone or anything differs."""
        cipher = self._ciphers.get(wrapped.epoch)
        if cipher is None:
            kept = ", ".join(map(str, self.epochs))
            raise KeysUnavailable(
                f"expected a secret of epoch {kept}, came one of epoch {wrapped.epoch}, "
                f"whose key was retired or never was in this keyring"
            )
        try:
            return decrypt(cipher, wrapped.blob, framed(self.ledger_id.bytes, context))
        except InvalidTag:
            raise KeysUnavailable(
                f"a secret of epoch {wrapped.epoch} does not open: "
                f"it was altered, moved or made by another ledger"
            ) from None


class Keyring:
    """The keys of one ledger, in one file. Safe to share between threads and processes."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._reading = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._file: weakref.finalize[[int], Keyring] | None = None
        self._keys = self._load()

    def __repr__(self) -> str:
        return f"Keyring({str(self._path)!r}, {self._keys!r})"

    @classmethod
    def create(cls, path: Path, *, clock: Clock = system_clock, ids: Ids = random_ids) -> Self:
        """A new ledger's keyring, on the disk before it is returned.

        Raises `FileExistsError`, as `open(path, "x")` does: a keyring is never overwritten.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path):
            if path.exists():
                raise FileExistsError(f"expected no keyring at {path}, found one")
            fresh = _File(
                ledger_id=ids(),
                epochs=(_Epoch(number=1, created_at=clock(), key=os.urandom(KEY_BYTES)),),
                event_id_key=os.urandom(KEY_BYTES),
                identifier_key=os.urandom(KEY_BYTES),
                suppression_key=os.urandom(KEY_BYTES),
                signing_key=os.urandom(KEY_BYTES),
            )
            replace_whole(path, _written(fresh), _MODE)
        return cls(path, clock)

    @classmethod
    def open(cls, path: Path, *, clock: Clock = system_clock) -> Self:
        """The keyring at `path`.

        Raises `KeyringMissing` if there is none, `KeysUnavailable` if others can read it or it is
        no keyring.
        """
        return cls(path, clock)

    def keys(self) -> Keys:
        """The keys as the file holds them now; it is read again only when it was replaced."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if (status.st_dev, status.st_ino) != self._seen:
            with self._reading:
                self._keys = self._load()
        return self._keys

    @property
    def ledger_id(self) -> UUID:
        return self._keys.ledger_id

    @property
    def high_water(self) -> HighWater:
        return self.keys().high_water

    @property
    def tombstones(self) -> frozenset[UUID]:
        """Customers that were erased; their data must never open again."""
        return self.keys().tombstones

    def event_id(self, source: str, message_id: str) -> UUID:
        """See `Keys.event_id`; the key behind it never changes."""
        return self._keys.event_id(source, message_id)

    def identifier_digest(self, identifier: Identifier) -> bytes:
        """See `Keys.identifier_digest`; the key behind it never changes."""
        return self._keys.identifier_digest(identifier)

    def begin_epoch(self, *, if_before: datetime | None = None) -> int:
        """Wrap under a new key from now on; returns its number. Older ones still open.

        With `if_before`, only where the newest was begun by that moment; else that one stays.
        """

        def begin(file: _File) -> _File:
            if if_before is not None and file.epochs[-1].created_at > if_before:
                return file
            number = file.epochs[-1].number + 1
            epoch = _Epoch(number=number, created_at=self._clock(), key=os.urandom(KEY_BYTES))
            return file.model_copy(update={"epochs": (*file.epochs, epoch)})

        return self._change(begin).epochs[-1].number

    def retire_epochs_before(self, number: int) -> None:
        """Destroy the keys of older epochs: what is still wrapped under them is lost for ever.

        Raises `BadUsage` if there has been no such epoch yet, so that one always remains. Where others
        have retired that one as well meanwhile, nothing is left to do.
        """

        def retire(file: _File) -> _File:
            if number > file.epochs[-1].number:
                raise BadUsage(f"expected an epoch of this keyring, came {number}")
            kept = tuple(epoch for epoch in file.epochs if epoch.number >= number)
            # What let nobody in any more when the epoch began is in no vault that still opens.
            out = {what: at for what, at in file.withdrawn.items() if at > kept[0].created_at}
            return file.model_copy(update={"epochs": kept, "withdrawn": out})

        self._change(retire)

    def raise_high_water(self, size: int, root: bytes, vault_generation: int) -> None:
        """Remember how far book and vault have come. Lower figures change nothing."""

        def raised(file: _File) -> _File:
            old = file.high_water
            book = (size, root) if size > old.size else (old.size, old.root)
            mark = HighWater(*book, max(vault_generation, old.vault_generation))
            return file.model_copy(update={"high_water": mark})

        self._change(raised)

    def lower_high_water(self, mark: HighWater) -> None:
        """Remember what stands as all that there is, though there was more: what is lost is lost.

        For recovery alone, when everybody who was erased is erased again and the book tells of the loss.
        """
        self._change(lambda file: file.model_copy(update={"high_water": mark}))

    def add_tombstone(self, *customers: UUID) -> None:
        """Remember for ever that these customers were erased."""

        def buried(file: _File) -> _File:
            stones = dict.fromkeys((*file.tombstones, *customers))
            return file.model_copy(update={"tombstones": tuple(stones)})

        self._change(buried)

    def withdraw(self, digests: Iterable[bytes], at: datetime | None = None) -> None:
        """Remember that secrets of these digests let nobody in from then on, or from now: a restored vault
        may not know it.
        """
        told = dict.fromkeys((digest.hex() for digest in digests), at or self._clock())
        self._change(lambda f: f.model_copy(update={"withdrawn": f.withdrawn | told}))

    def _change(self, change: Callable[[_File], _File]) -> _File:
        """Read, change and replace the file under the lock; nothing is written if nothing changed."""
        with locked(self._path):
            old = _parse(self._path, self._path.read_bytes())
            new = change(old)
            if new != old:
                replace_whole(self._path, _written(new), _MODE)
        self.keys()
        return new

    def _load(self) -> Keys:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        # It stays open for as long as its keys are used, so that its inode number cannot be given
        # to a later file: a replaced keyring is always told from this one, whatever the clock says.
        opened = weakref.finalize(self, os.close, descriptor)
        mode = stat.S_IMODE((status := os.fstat(descriptor)).st_mode)
        if mode & _OTHERS:
            raise KeysUnavailable(
                f"keyring {self._path}: expected mode 0600, came {mode:04o}; "
                f"others may have read it: `chmod 600` it, then `bahi keys rotate`, "
                f"which does not renew its HMAC keys"
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            keys = Keys(_parse(self._path, file.read()))
        if self._file is not None:
            self._file()
        self._file = opened
        self._seen = (status.st_dev, status.st_ino)
        return keys


def _owner_key(epoch_key: bytes) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, None, b"bahi owner 1").derive(epoch_key)


def _named(identifier: Identifier) -> bytes:
    return framed(identifier.kind.encode(), identifier.value.encode())


def _unreadable(path: Path, error: OSError) -> KeysUnavailable:
    if isinstance(error, FileNotFoundError):
        return KeyringMissing(f"expected a keyring at {path}, found none; restore its backup")
    return KeysUnavailable(f"keyring {path}: expected a file to read, came: {error.strerror}")


def _parse(path: Path, raw: bytes) -> _File:
    try:
        return _File.model_validate_json(raw)
    except ValidationError:  # its text may hold keys
        raise KeysUnavailable(f"{path}: expected a keyring of format 1, came another") from None


def _written(file: _File) -> bytes:
    return file.model_dump_json(indent=2).encode()
