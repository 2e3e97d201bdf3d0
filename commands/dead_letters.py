"""Items that a door could not hand in, kept sealed in the vault until they are tried again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from commands.on_record import opened, put_on_record
from ledger.clock import Clock, Ids
from ledger.errors import Erased, Refused
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
    ledger: Ledger, door: str, items: Iterable[RefusedItem], *, clock: Clock, ids: Ids
) -> int:
    """Keep refused items as dead letters, in one transaction; how many there were.

    Letters older than 30 days are destroyed on the way. The same item at the same door stays one
    letter, however often it is refused.
    """
    now = clock()
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
    ]
    ledger.vault.expire(now)
    if letters:
        ledger.vault.keep(letters)
    return len(letters)


def open_refused(
    ledger: Ledger,
    letter: UUID,
    *,
    actor: UUID,
    purpose: str,
    reason: str,
    clock: Clock,
    ids: Ids,
) -> DeadLetter:
    """One dead letter, whole; when it is returned, its opening is on record for all whom it names.

    Raises `BadUsage` without a reason, `NotFound`, and `Erased` if somebody it names is being erased.
    """
    opening = opened(purpose, reason)
    found = ledger.vault.open_letter(letter)
    looked_up = (ledger.vault.look_up(identifier) for identifier in found.identifiers)
    named = {customer for customer in looked_up if customer is not None}
    if ledger.vault.fenced(named):
        raise Erased("somebody whom this letter names is erased, or being erased")
    for customer in named or (None,):
        put_on_record(ledger, customer, actor, opening, clock=clock, ids=ids)
    return found
