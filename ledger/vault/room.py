"""What the rooms of a vault share: a snapshot or a write, each with the keys that belong to it."""

from collections.abc import Callable
from typing import TypeVar

from ledger.clock import Ids, random_ids
from ledger.errors import KeysUnavailable
from ledger.keyring import Keyring, Keys
from ledger.vault.store import Questions, Rows, Store

T = TypeVar("T")


class Room:
    """A part of the vault, over the store of its rows."""

    def __init__(self, store: Store, keyring: Keyring, *, ids: Ids = random_ids) -> None:
        self._store = store
        self._keyring = keyring
        self._ids = ids

    def _read(self, work: Callable[[Questions, Keys], T]) -> T:
        """What `work` reads from one state of the vault, with the keys that open it."""
        return self._opened(lambda keys: self._store.read(lambda rows: work(rows, keys)))

    def _ask(self, work: Callable[[Questions, Keys], T]) -> T:
        """The same for work that asks one question only, which costs a server one trip and not three."""
        return self._opened(lambda keys: work(self._store, keys))

    def _opened(self, attempt: Callable[[Keys], T]) -> T:
        while True:
            keys = self._keyring.keys()
            try:
                return attempt(keys)
            except KeysUnavailable:
                # Since the keys were read, everything may have been wrapped anew.
                if self._keyring.keys() is keys:
                    raise

    def _write(self, work: Callable[[Rows, Keys], T]) -> T:
        """The write lock, and then the newest keys; committed at the end, or as if never begun.

        In that order, so that whoever wraps everything anew has passed nothing by: a write that
        gets the lock after a new epoch has begun wraps under that one.
        """

        def under_the_lock(rows: Rows) -> T:
            answer = work(rows, self._keyring.keys())
            rows.ask("next_generation")
            return answer

        return self._store.write(under_the_lock)


def generation_of(rows: Questions) -> int:
    """How often the vault was written."""
    ((_, generation),) = rows.ask("identity")
    return int(generation)
