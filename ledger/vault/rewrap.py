"""Everything in the vault wrapped under the newest epoch, so that older copies of it are dead."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ledger.keyring import Keyring, Keys, Wrapped
from ledger.vault.erasing import EPOCH_LASTS
from ledger.vault.places import (
    api_key_context,
    key_context,
    letter_context,
    link_context,
    staff_context,
    webhook_context,
)
from ledger.vault.room import Room
from ledger.vault.store import Questions, Row

Progress = Callable[[int, int], None]
"""Told how many secrets have been wrapped anew, and of how many."""

_PAGE = 500
"""Secrets a transaction: others wait for the write lock for a few milliseconds at most."""


class _Table(NamedTuple):
    name: str
    before_first: Row
    context: Callable[..., bytes]


_TABLES = (
    _Table("identifiers", (b"",), link_context),
    _Table("subject_keys", (b"", "", 0), key_context),
    _Table("staff", (b"",), staff_context),
    _Table("dead_letters", (b"",), letter_context),
    _Table("api_keys", (b"",), api_key_context),
    _Table("webhooks", (b"",), webhook_context),
)
"""What is wrapped, the key before the first, and what each row of it is wrapped for."""


class _Stale(NamedTuple):
    """A secret under an older epoch: its row's key, itself, and how it is wrapped there."""

    key: Row
    secret: bytes
    blob: bytes


class Epochs(Room):
    """The change from one epoch to the next."""

    def renew(
        self, keyring: Keyring, now: datetime, progress: Progress | None = None
    ) -> int | None:
        """Begin a new epoch where the newest has lasted long enough, and end what was begun and not ended.

        Returns what `rewrap` does; None where nothing is due. Processes that come at once begin one.
        """
        due = now - EPOCH_LASTS
        keys = keyring.keys()
        if keys.newest_since > due and len(keys.epochs) == 1:
            return None
        keyring.begin_epoch(if_before=due)
        return self.rewrap(keyring, progress)

    def epochs_found(self) -> frozenset[int]:
        """Epochs under which the first secrets of each kind are wrapped."""
        return self._ask(lambda rows, _: frozenset(epoch for (epoch,) in rows.ask("some_epochs")))

    def rewrap(self, keyring: Keyring, progress: Progress | None = None) -> int:
        """Wrap everything under the newest epoch, then destroy the keys of older ones.

        In short transactions, while others read and write, also while others do the same; after a
        crash, call it again. Returns how many secrets were wrapped anew. Older copies of the vault
        open no more.
        """
        newest = keyring.keys().newest
        # Who had the write lock with older keys has given it back by then, and who gets it after
        # this one has seen the newest epoch: nothing stale can come any more.
        self._write(lambda *_: None)
        told = _Told(progress, self._count(newest) if progress else 0)
        count = sum(self._rewrap(table, newest, told) for table in _TABLES)
        keyring.retire_epochs_before(newest)
        self._store.write_anew()
        return count

    def _count(self, newest: int) -> int:
        ((count,),) = self._ask(lambda rows, _: rows.ask("count_stale", *[newest] * len(_TABLES)))
        return int(count)

    def _rewrap(self, table: _Table, newest: int, told: "_Told") -> int:
        count, after = 0, table.before_first
        # The next ones may be a long walk away, so they are looked for without the lock.
        while page := self._stale(table, newest, after):
            self._replace(table, page)
            count, after = count + len(page), page[-1].key
            told.more(len(page))
        return count

    def _stale(self, table: _Table, newest: int, after: Row) -> list[_Stale]:
        def read(rows: Questions, keys: Keys) -> list[_Stale]:
            found = rows.ask(f"stale_{table.name}", newest, *after, _PAGE)
            return [_opened(keys, row, table.context) for row in found]

        return self._ask(read)

    def _replace(self, table: _Table, page: list[_Stale]) -> None:
        """Wrap them anew, each unless its row was destroyed or written by others meanwhile."""
        self._write(
            lambda rows, keys: rows.put(
                f"rewrap_{table.name}", [_anew(keys, stale, table.context) for stale in page]
            )
        )


class _Told:
    """Tells how many secrets of how many are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._done, self._total = 0, total

    def more(self, count: int) -> None:
        self._done += count
        if self._progress is not None:
            self._progress(self._done, max(self._done, self._total))


def _opened(keys: Keys, row: Row, context: Callable[..., bytes]) -> _Stale:
    *key, epoch, blob = row
    return _Stale(tuple(key), keys.unwrap(Wrapped(epoch, blob), context(*key)), blob)


def _anew(keys: Keys, stale: _Stale, context: Callable[..., bytes]) -> Row:
    wrapped = keys.wrap(stale.secret, context(*stale.key))
    if context is link_context:
        owner = keys.owner_digest(UUID(bytes=stale.secret), wrapped.epoch)
        return (*wrapped, owner, *stale.key, stale.blob)
    return (*wrapped, *stale.key, stale.blob)
