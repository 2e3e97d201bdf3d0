"""Who must not come back: people who are erased, or whose erasure has begun."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from ledger.clock import to_us
from ledger.errors import Erased
from ledger.identifiers import Identifier
from ledger.keyring import Keys
from ledger.vault.room import Room
from ledger.vault.store import Questions


class Fence(Room):
    """What is asked before anything is made or opened for somebody."""

    def fenced(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them who are erased, or whose erasure has begun. Asked before every opening."""
        asked = set(subjects)
        return self._ask(lambda rows, keys: fenced_among(rows, keys, asked))

    def holding(self, subjects: Iterable[UUID]) -> frozenset[UUID]:
        """Those of them for whom there is any key."""
        asked = [(subject.bytes,) for subject in set(subjects)]
        found = self._ask(lambda rows, _: rows.find("holding", asked))
        return frozenset(UUID(bytes=subject) for (subject,) in found)

    def suppressed(self, identifiers: Iterable[Identifier], now: datetime) -> frozenset[Identifier]:
        """Those of them that belonged to somebody who was erased lately."""
        asked, moment = list(identifiers), to_us(now)

        def read(rows: Questions, keys: Keys) -> frozenset[Identifier]:
            digests = {keys.suppression_digest(identifier): identifier for identifier in asked}
            found = rows.find("suppressed", [(digest, moment) for digest in digests])
            return frozenset(digests[digest] for (digest,) in found)

        return self._ask(read)


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
