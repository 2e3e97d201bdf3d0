"""What of a webhook could not be taken: kept in the vault, and tried again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from commands.dead_letters import RefusedItem
from commands.touchpoint import Outcome, Touchpoint
from ledger.errors import BadField, BadUsage, Refused
from ledger.opening import Ledger
from ledger.vault import DeadLetter
from streams.files.rows import content_of, raw_of
from streams.imports import Intake, try_again, whom
from streams.parts import Json
from streams.webhooks import PROVIDERS, Provider

DOOR = "webhook:"
"""How the doors of webhooks begin; what follows is their source."""


def refused_item(
    provider: Provider,
    item: Json,
    read: Touchpoint | Refused,
    refusal: Refused,
    index: int,
    intake: Intake,
) -> RefusedItem:
    """What is kept of one thing that a webhook told of; `index` is its place in it, from 0."""
    where = {"provider": provider.NAME, "index": index}
    named = whom(read, provider.named(item), None, intake)
    return RefusedItem(refusal, where, content_of(dict(item)), named)


def replay_webhooks(
    ledger: Ledger,
    letters: Iterable[UUID],
    intake: Intake,
    *,
    corrections: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> Iterator[tuple[UUID, Outcome]]:
    """Try them again, as `replay_letters` does rows; a correction names a part of the item.

    Before any is tried, raises `NotFound` for a letter that is not there, and `BadUsage` for one that came
    another way.
    """
    wanted = list(dict.fromkeys(letters))
    for kept in map(ledger.vault.letter, wanted):
        if not kept.door.startswith(DOOR):
            raise BadUsage(f"expected a letter of {DOOR}…, came one of {kept.door}")

    def item(letter: DeadLetter) -> Touchpoint:
        provider = PROVIDERS.get(letter.coordinates["provider"])
        if provider is None:
            raise BadField(
                "provider", f"one of {', '.join(PROVIDERS)}", "one that is there no more"
            )
        said = {**raw_of(letter.content), **(corrections or {})}
        found = provider.meaning(said, letter.door.removeprefix(DOOR))
        if found is None:
            raise BadField("type", "one that means something here", "another")
        return replace(found, actor=actor)

    yield from try_again(ledger, wanted, item, intake)
