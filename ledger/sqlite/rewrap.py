"""Everything in the vault wrapped under the newest epoch, so that older copies of it are dead."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from ledger.keyring import Keyring, Keys, Wrapped
from ledger.sqlite.connection import statement
from ledger.sqlite.vault_file import (
    VaultFile,
    key_context,
    letter_context,
    link_context,
    staff_context,
)

_PAGE = 500
"""Secrets a transaction: others wait for the write lock for a few milliseconds at most."""


_Columns = tuple[Any, ...]

_TABLES: tuple[tuple[str, str, _Columns, Callable[..., bytes]], ...] = (
    ("stale_identifiers", "rewrap_identifier", (b"",), link_context),
    ("stale_subject_keys", "rewrap_subject_key", (b"", "", 0), key_context),
    ("stale_staff", "rewrap_staff", (b"",), staff_context),
    ("stale_dead_letters", "rewrap_dead_letter", (b"",), letter_context),
)
"""What reads a page, what writes one row, the key before the first, and a row's context."""


def rewrap(file: VaultFile, keyring: Keyring) -> int:
    """See `Vault.rewrap`."""
    newest = keyring.keys().newest
    count = 0
    while _any_stale(file, newest):
        count += sum(_pages(file, keyring, newest))
    # Nothing older is left, nor can it come: who writes from here on has seen the newest epoch.
    keyring.retire_epochs_before(newest)
    # What the log still holds of the old rows is noise by now; a reader may keep it from going.
    file.truncate_log()
    return count


def _any_stale(file: VaultFile, newest: int) -> bool:
    """Asked under the write lock: a write that began with an older epoch has ended by then."""
    with file.write():
        row = file.connection.execute(statement("vault/stale"), {"epoch": newest}).fetchone()
        return bool(row[0])


def _pages(file: VaultFile, keyring: Keyring, newest: int) -> Iterator[int]:
    for read, write, before_first, context in _TABLES:
        after, full = before_first, True
        while full:
            with file.write():
                keys = keyring.keys()
                given = (newest, _PAGE, *after)
                rows = file.connection.execute(statement(f"vault/{read}"), given).fetchall()
                anew = [_anew(keys, row, context) for row in rows]
                file.connection.executemany(statement(f"vault/{write}"), anew)
            full = len(rows) == _PAGE
            after = rows[-1][:-2] if rows else after
            yield len(rows)


def _anew(keys: Keys, row: _Columns, context: Callable[..., bytes]) -> _Columns:
    *key, epoch, blob = row
    place = context(*key)
    secret = keys.unwrap(Wrapped(epoch, blob), place)
    wrapped = keys.wrap(secret, place)
    if context is link_context:
        return (*wrapped, keys.owner_digest(UUID(bytes=secret), wrapped.epoch), *key)
    return (*wrapped, *key)
