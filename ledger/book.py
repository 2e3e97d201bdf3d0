"""The port of the book: what every store promises, whatever it is built on.

Guarantees, each held by the contract suite:

1. What was acknowledged survives the death of the process; an append is all there or not at all.
2. Positions are 1, 2, 3 … without gaps, and a reader that has seen p never misses anything up to p.
3. The same event twice is one event, also when writers race; the answer names its position.
4. The database itself refuses to change or remove an event.
5. A waiting reader is woken; a lost wake-up only delays it.
6. The schema is changed by numbered migrations, each run once under a lock.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import NamedTuple, Self
from uuid import UUID

import orjson
import pyarrow as pa

from ledger.errors import ConditionFailed, Refused
from ledger.event import MERGED, SPLIT, Event, Recorded, encode_body

STORED = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("recorded_us", pa.int64(), nullable=False),
        pa.field("body", pa.binary()),
        pa.field("personal", pa.binary()),
        pa.field("leaf", pa.binary(32), nullable=False),
        pa.field("remains", pa.binary()),
    ]
)
"""Rows of the book, byte for byte. Only where `body` was removed, `remains` is what stands for it."""

MAX_POSITION = 2**63 - 1
"""No event ever stands there."""

CUSTOMER_TAG = "customer:"
"""Every event about a person is tagged with that person, so conditions can name them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Events of one of these types (none: any type) that carry all of these tags."""

    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Append only if no event after position `after` meets any of `unless`.

    The boundary of a decision: what it read, and up to where it had read.
    """

    unless: tuple[Match, ...]
    after: int = 0


class Status(StrEnum):
    """What the book did with one event."""

    APPENDED = "appended"
    DUPLICATE = "duplicate"
    REUSED = "reused"


class Receipt(NamedTuple):
    """The answer for one event of an append: where it stands. `fields` differ if it was REUSED."""

    status: Status
    position: int
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """What one of several callers wants appended: all of it or nothing, as `Book.append` has it.

    Making one raises `BadField` or `TooLarge` for an event that has no canonical form. `bodies` are the
    events' clear envelopes.
    """

    events: Sequence[Event]
    condition: Condition | None = None
    bodies: Sequence[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bodies", [encode_body(event) for event in self.events])

    @property
    def size(self) -> int:
        """Bytes of its events, as they will be stored."""
        return sum(map(len, self.bodies)) + sum(len(event.personal) for event in self.events)


Answer = list[Receipt] | ConditionFailed | Refused
"""What a member of a group is told: its receipts, or why nothing of it was written."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the book as it stands in the store, columns and all, for verification.

    `body` or `personal` is None where it was removed; its leaf stands.
    """

    position: int
    recorded_us: int
    id: bytes
    type: str
    occurred_us: int
    body: bytes | None
    personal: bytes | None
    leaf: bytes
    tags: frozenset[str]


def index_tags(event: Event) -> tuple[str, ...]:
    """The tags by which an event is found: its own, its customer, and the other one of whom it tells."""
    if event.customer is None:
        return event.tags
    # As str has it, at a third of the cost.
    tags = (*event.tags, CUSTOMER_TAG + orjson.dumps(event.customer)[1:-1].decode())
    if event.type in (MERGED, SPLIT):
        return (*tags, f"{CUSTOMER_TAG}{event.data['other']}")
    return tags if event.another is None else (*tags, f"{CUSTOMER_TAG}{event.another}")


class Book(ABC):
    """An append-only log of events. Safe to share between threads."""

    @property
    @abstractmethod
    def ledger_id(self) -> UUID | None:
        """Which ledger the book belongs to; None until a keyring has been made for it."""

    @abstractmethod
    def adopt(self, ledger_id: UUID) -> None:
        """Make an empty book part of a ledger. Raises `KeyringForeign` if it belongs to another."""

    @abstractmethod
    def append_group(self, members: Sequence[Member]) -> list[Answer]:
        """Append what several callers bring as if each had called `append`, one after the other.

        They share a transaction, or as few as may be. So a condition sees what stands before it in the
        group, and an id that an earlier member brought is known. Each is refused alone, with an answer
        of its own, and answers are given when everything is durable. An error of the store is
        everybody's, and raised: the same group again finds out what was written, and answers for that
        `DUPLICATE`.
        """

    def append(self, events: Sequence[Event], condition: Condition | None = None) -> list[Receipt]:
        """Append what is new of `events`, in order and in one transaction; a receipt for each.

        An id that is recorded already, or stood earlier in `events`, is answered with its position:
        `DUPLICATE`, or `REUSED` if clear fields differ, and then it is not written. Only if
        something is new is the condition judged. With a condition, a reused id refuses the whole.

        Raises `ConditionFailed` or `IdReused`, and `BadField` or `TooLarge` for an event that has no
        canonical form; nothing is written then.
        """
        (answer,) = self.append_group([Member(events, condition)])
        if isinstance(answer, list):
            return answer
        raise answer

    @abstractmethod
    def head(self) -> int:
        """The last position; 0 in an empty book."""

    @abstractmethod
    def wait(self, after: int, timeout_s: float) -> int:
        """The head, as soon as it is past `after`, else when the time is up."""

    @abstractmethod
    def read(
        self,
        after: int = 0,
        *,
        matching: Sequence[Match] = (),
        upto: int | None = None,
        limit: int | None = None,
    ) -> Iterator[Recorded]:
        """Events after a position, in order, that meet any of `matching` (none: all of them).

        Reads up to and including `upto`, else to the head as it is when reading begins. An event whose
        envelope was removed comes as its `ledger.event.remains` to who reads all of them; it matches
        nothing any more.
        """

    @abstractmethod
    def known(self, ids: Iterable[UUID]) -> dict[UUID, tuple[int, bytes]]:
        """Of these ids, those that are recorded: position and clear envelope."""

    @abstractmethod
    def known_at(self, moment: datetime) -> int:
        """The last position that the book had taken by `moment`, inclusive; 0 if none."""

    @abstractmethod
    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """Events as columns of the `events` relation; see `ledger.relation.EventSource`."""

    @abstractmethod
    def stored(
        self, after: int, *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """Rows after a position as they are stored, shaped as `STORED`, at most `size` at once, in order.

        Reads up to and including `upto`, else to the head as it was when reading began. It is how the
        book is copied: no row is made an object, and no more than a few batches are held.
        """

    @abstractmethod
    def checkpoint(self) -> tuple[int, bytes]:
        """Write a tree head over everything recorded so far, if there is none; size and root."""

    @abstractmethod
    def checkpoints(self) -> Iterator[tuple[int, bytes]]:
        """Every tree head that was written: size and root, in order."""

    @abstractmethod
    def root_at(self, size: int) -> bytes:
        """The root over the first `size` leaves as they are stored; `size` is at most the head."""

    @abstractmethod
    def rows(self, after: int = 0, *, upto: int | None = None) -> Iterator[Row]:
        """Every row as it stands, for verification; nothing is interpreted. No row after `upto` is read.

        Read to the end, it raises `BookAltered` for a tag behind the last event.
        """

    @abstractmethod
    def redact(self, position: int, removed: Collection[str]) -> None:
        """Remove `body`, `personal` or both of the event at a position; its leaf stands.

        With the body go the tags that it was found by. It is the database that asks whether an
        `event.redacted` of this very book names the event and these bytes, and refuses otherwise.
        When this returns, the store keeps no copy that it could clear away: an SQLite file holds none
        in free space nor in its log. Done again, it changes nothing.

        Raises `NotAllowed` where the book does not say so, and `StoreUnavailable` if others keep a
        copy from being cleared away; then the same again does it. Until `redacted` is told, `redacting`
        names the event, so that a crash in between is known.
        """

    @abstractmethod
    def redacting(self) -> list[int]:
        """Positions of events whose removed bytes may still be in free space, or in somebody's view."""

    @abstractmethod
    def redacted(self, position: int) -> None:
        """Note that all which was to be done after `redact` has been done."""

    @abstractmethod
    def demand_redactable(self) -> None:
        """Raises `BadUsage` where whoever has opened the store has no right to remove bytes from it."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held open. The book is not used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def timeline(self, customers: Sequence[UUID]) -> list[Recorded]:
        """Everything about these customers, in the order in which it happened."""
        matching = [Match(tags=(f"{CUSTOMER_TAG}{customer}",)) for customer in customers]
        return sorted(self.read(matching=matching), key=lambda r: (r.event.occurred_at, r.position))
