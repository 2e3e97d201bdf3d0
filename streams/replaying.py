"""Dead letters tried again, whichever door they came through: one table of doors."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

from commands.touchpoint import Outcome
from ledger.errors import BadUsage
from ledger.opening import Ledger
from ledger.vault import KeptLetter
from streams.files import Mapping as FileMapping
from streams.imports import DOOR as FILES
from streams.imports import Intake, replay_letters
from streams.kafka.letters import DOOR as KAFKA
from streams.kafka.letters import replay_messages, wanted_by
from streams.posted import DOOR as HTTP
from streams.posted import replay_posted
from streams.webhooks.letters import DOOR as WEBHOOK
from streams.webhooks.letters import replay_webhooks


class Replay(Protocol):
    """Tries letters of one kind of door again; see `replay_posted`."""

    def __call__(
        self,
        ledger: Ledger,
        letters: Iterable[UUID],
        *,
        intake: Intake,
        corrections: Mapping[str, Any] | None = None,
        actor: UUID | None = None,
    ) -> Iterator[tuple[UUID, Outcome]]: ...


_NEED_NO_MAPPING: Mapping[str, Replay] = {HTTP: replay_posted, WEBHOOK: replay_webhooks}
"""How doors begin whose letters say all by themselves, and who tries those again."""


def replay(
    ledger: Ledger,
    letters: Collection[UUID],
    intake: Intake,
    mapping: FileMapping | None = None,
    *,
    corrections: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> Iterator[tuple[UUID, Outcome]]:
    """Try these letters again; without any, all that this mapping reads, or, without one, that need none.

    Raises, before any of its door is tried, `NotFound` for a letter that is not there, and `BadUsage` for
    one that cannot be read so.
    """
    named = map(ledger.vault.letter, dict.fromkeys(letters))
    by_door: dict[str, list[UUID]] = {}
    for letter in named if letters else _wanted(ledger.vault.letters(), mapping):
        by_door.setdefault(_door(letter), []).append(letter.id)
    if FILES in by_door and mapping is None:
        raise BadUsage("expected the mapping that reads the rows of a file, came none")
    doors = dict(_NEED_NO_MAPPING)
    doors[KAFKA] = partial(replay_messages, mapping=mapping)
    if mapping is not None:
        doors[FILES] = partial(replay_letters, mapping=mapping)
    return chain.from_iterable(
        doors[door](ledger, of_door, intake=intake, corrections=corrections, actor=actor)
        for door, of_door in by_door.items()
    )


def _wanted(kept: Iterable[KeptLetter], mapping: FileMapping | None) -> list[KeptLetter]:
    """Letters that are tried where none is named."""
    of_source, messages = f"{FILES}:{mapping.source}" if mapping else "", wanted_by(mapping)
    return [
        letter
        for letter in kept
        if letter.door == of_source
        or messages(letter)
        or (mapping is None and _door(letter) in _NEED_NO_MAPPING)
    ]


def _door(letter: KeptLetter) -> str:
    """What kind of door a letter came through, as the table has it."""
    kinds = (KAFKA, *_NEED_NO_MAPPING)
    return next((kind for kind in kinds if letter.door.startswith(kind)), FILES)
