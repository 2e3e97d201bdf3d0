"""What a door hands in, and what it gets back for each item."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ledger.catalogue import EventType
from ledger.errors import Refused
from ledger.identifiers import Identifier


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """One thing that happened, parsed by a door and not yet resolved, sealed or recorded.

    `identifiers` name the person, in order of trust; `references` name an order, deal, ticket or
    account by the number that the source uses; `tags` are clear: campaign and market.
    `customer` and `things` (kind → random id) name the same where a command of ours knows them by their
    ids; what comes from outside never does. `claimed` (JSON) is what a sender whom nobody trusts says of who
    it is: kept sealed with the event, and gone by in nothing.
    `source` and `message_id` together make the event's id, so the same pair is the same event.
    """

    payload: EventType
    occurred_at: datetime
    source: str
    message_id: str
    identifiers: tuple[Identifier, ...] = ()
    references: tuple[Identifier, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    customer: UUID | None = None
    things: Mapping[str, UUID] = field(default_factory=dict)
    actor: UUID | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    claimed: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def says_the_same(self, other: "Touchpoint") -> bool:
        """Whether it is the other one, word for word."""
        return self is other or (self == other and _words(self) == _words(other))


def _words(touchpoint: Touchpoint) -> str:
    """What it says, as JSON: 1, 1.0 and true are equal in Python, and not the same fact."""
    return json.dumps(touchpoint.payload.model_dump(mode="json"), sort_keys=True)


class Fate(StrEnum):
    """What became of one item."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one item: its position in the book, or why it was refused."""

    fate: Fate
    position: int | None = None
    refusal: Refused | None = None
