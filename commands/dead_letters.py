"""Items that a door could not hand in, kept sealed in the vault until they are tried again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from commands.on_record import opened, put_on_record
from ledger.clock import Clock, Ids
from ledger.errors import NamesErased, Refused
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from ledger.vault import DeadLetter


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """One refused item: why, where it stood at its door, and the item itself as it came.

    `coordinates` are JSON values without personal data, such as `{"row": 7}`; `identifiers` are
    those that could be read, so that an erasure finds the letter.
    """

    refusal: Refused
    coordinates: Mapping[str, Any]
    content: bytes
    identifiers: tuple[Identifier, ...] = ()


def keep_refused(
    ledger: Ledger, door: str, items: Collection[RefusedItem], *, clock: Clock, ids: Ids
) -> int:
    """Keep refused items as dead letters, in one transaction; how many there are.

    Letters older than 30 days are destroyed on the way. The same item at the same door stays one
    letter, however often it is refused. Of items about people who are erased, or were lately and have
    not turned to us since, none is kept: they would be back in it.
    """
    now = clock()
    unwanted = _erased(ledger, items, now)
    letters = [
        DeadLetter(
            id=ids(),
            kept_at=now,
            door=door,
            reason=str(item.refusal),
            field=item.refusal.field,
            coordinates=item.coordinates,
            content=item.content,
            identifiers=item.identifiers,
        )
        for item in items
        if not isinstance(item.refusal, NamesErased) and unwanted.isdisjoint(item.identifiers)
    ]
    ledger.vault.expire(now)
    if letters:
        ledger.vault.keep(letters)
    return len(letters)


def _erased(ledger: Ledger, items: Collection[RefusedItem], now: datetime) -> frozenset[Identifier]:
    """Identifiers of people who were erased lately, and by which nobody else is known."""
    late = ledger.vault.suppressed({i for item in items for i in item.identifiers}, now)
    return frozenset(i for i in late if ledger.vault.look_up(i) is None)


def open_refused(
    ledger: Ledger,
    letter: UUID,
    *,
    actor: UUID,
    purpose: str,
    reason: str,
    clock: Clock,
) -> DeadLetter:
    """One dead letter, whole; before it is opened, that is on record for all whom it names.

    Raises `BadUsage` without a reason, `NotFound`, and `Erased` if somebody it names is being erased.
    """
    opening = opened(purpose, reason)
    named = ledger.vault.named_in(letter)
    on_record = put_on_record(ledger, named, actor, opening, clock=clock, about=letter)
    return ledger.vault.open_letter(letter, on_record)
