"""Who must not come back: people who are erased, or whose erasure has begun."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from ledger.errors import Erased
from ledger.identifiers import Identifier
from ledger.keyring import Keys
from ledger.vault.room import Room
from ledger.vault.store import Questions
from ledger.vault.suppression import erased_lately


class Fence(Room):
    """What is asked before anything is made or opened for somebody."""

    def fenced(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them who are erased, or whose erasure has begun. Asked before every opening."""
        asked = set(subjects)
        return self._ask(lambda rows, keys: fenced_among(rows, keys, asked))

    def suppressed(self, identifiers: Iterable[Identifier], now: datetime) -> frozenset[Identifier]:
        """Those of them that belonged to somebody who was erased lately."""
        digests = {i: self._keyring.identifier_digest(i) for i in identifiers}
        return self._ask(lambda rows, keys: frozenset(erased_lately(rows, keys, digests, now)))


def fenced_among(rows: Questions, keys: Keys, subjects: Iterable[UUID]) -> frozenset[UUID]:
    """Those of them who are fenced, in the snapshot of `rows`."""
    asked = set(subjects)
    buried = asked & keys.tombstones
    begun = rows.find("erasing", [(subject.bytes,) for subject in asked - buried])
    return frozenset(buried.union(UUID(bytes=subject) for (subject,) in begun))


def demand_living(rows: Questions, keys: Keys, subjects: Iterable[UUID]) -> None:
    """Raises `Erased` if any of them is fenced."""
    for subject in fenced_among(rows, keys, subjects):
        raise Erased(f"customer {subject} is erased: the keys were destroyed on purpose")
