"""What keeps an erased person from coming back by the news that is still on its way.

For a while after an erasure the vault knows, under a key of its own, which identifiers it destroyed.
What happened before, and what happens without the person turning to us, is refused for them. Whoever
acts anew is a new customer; from then on nothing stands in the way of what follows.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.clock import from_us, to_us
from ledger.errors import NamesErased
from ledger.identifiers import Identifier
from ledger.keyring import Keys
from ledger.vault.store import Questions

SUPPRESSED_FOR = timedelta(days=35)
"""How long what arrives late for an erased identifier is refused."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An item as it comes in at `at`: when it happened, and whether that says nothing of the person's will."""

    at: datetime
    occurred_at: datetime
    passive: bool


def erased_lately(
    rows: Questions, keys: Keys, digests: Mapping[Identifier, bytes], now: datetime
) -> dict[Identifier, datetime]:
    """Those of these identifiers that belonged to somebody erased lately, and when that was."""
    named = {keys.suppression_of(digest): identifier for identifier, digest in digests.items()}
    found = rows.find("suppressed", [(digest, to_us(now)) for digest in named])
    return {named[digest]: from_us(until) - SUPPRESSED_FOR for digest, until in found}


def in_question(
    rows: Questions,
    wanted: Sequence[Sequence[Identifier]],
    arrivals: Sequence[Arrival],
    known: Collection[Identifier],
) -> set[Identifier]:
    """Identifiers that may stand in the way of an item: few, where what happens is told at once."""
    now = min(arrival.at for arrival in arrivals)
    ((until,),) = rows.ask("latest_suppression", to_us(now))
    if until is None:
        return set()
    latest = from_us(until) - SUPPRESSED_FOR
    return {
        identifier
        for item, arrival in zip(wanted, arrivals, strict=True)
        for identifier in item
        if arrival.occurred_at <= latest or (arrival.passive and identifier not in known)
    }


def admitted(
    item: Sequence[Identifier],
    arrival: Arrival,
    erased: Mapping[Identifier, datetime],
    known: Collection[Identifier],
) -> Sequence[Identifier] | NamesErased:
    """The identifiers by which an item may be named; a refusal if it is about somebody who was erased.

    The most trusted one that is `known`, or names somebody erased, says whom it is about. Where that
    is somebody else, what belonged to the erased is left aside: nobody comes by it in that way.
    """

    def stands_in_the_way(identifier: Identifier) -> bool:
        when = erased.get(identifier)
        if when is None:
            return False
        return arrival.occurred_at <= when or (arrival.passive and identifier not in known)

    struck = {identifier for identifier in item if stands_in_the_way(identifier)}
    for identifier in item:
        if identifier in struck:
            return NamesErased(
                "identifiers",
                "a person who was not erased, or has turned to us since",
                f"one who was erased in the last {SUPPRESSED_FOR.days} days",
            )
        if identifier in known:
            break
    return [identifier for identifier in item if identifier not in struck] if struck else item
