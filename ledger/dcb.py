"""Any book as a recorder of the `eventsourcing` library, so that its applications run on ours.

An application of that library brings opaque bytes; they are kept in the clear envelope of an event
of their own type, and come back as they were. Events of our catalogue read as their envelope, and
carry the event itself for whoever knows it: see `NativeEvent`.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
)
from eventsourcing.dcb.persistence import DCBInfrastructureFactory, DCBListenNotifySubscription
from eventsourcing.persistence import IntegrityError, ProgrammingError

from ledger.book import CUSTOMER_TAG, Book, Condition, Match, Receipt, index_tags
from ledger.catalogue import Domain, types
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import ConditionFailed
from ledger.event import Event, Recorded
from ledger.stores import open_book

_CATALOGUED = frozenset(model.TOPIC for model in types())
_OPAQUE = "opaque"
_SOURCE = "eventsourcing"
_WAIT_S = 0.2


@dataclass
class NativeEvent(DCBEvent):
    """An event of the catalogue: `event` to be appended as it is, or `recorded` as it was read."""

    event: Event | None = None
    recorded: Recorded | None = None


class BookRecorder(DCBRecorder):
    """Presents a book as a `DCBRecorder`."""

    COMMANDS: ClassVar[bool] = False
    """Whether it writes for our own commands, and so events of the catalogue."""

    def __init__(self, book: Book, clock: Clock = system_clock, ids: Ids = random_ids) -> None:
        self.book = book
        self._clock = clock
        self._ids = ids

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        head = self.book.head()
        events = self.book.read(after or 0, matching=_matches(query), upto=head, limit=limit)
        if limit is None:
            return _Response(events, head or None)
        page = list(events)
        return _Response(iter(page), page[-1].position if page else None)

    def append(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> int:
        return self.record(events, condition)[-1].position

    def record(
        self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None
    ) -> list[Receipt]:
        """The same as `append`, with the book's receipts."""
        if not events:
            raise ProgrammingError("expected at least one event, came none")
        try:
            return self.book.append([self._ours(event) for event in events], _judged(condition))
        except ConditionFailed as error:
            raise IntegrityError(str(error)) from error

    def subscribe(
        self, query: DCBQuery | None = None, *, after: int | None = None
    ) -> "BookSubscription":
        return BookSubscription(self, query=query, after=after)

    def _ours(self, event: DCBEvent) -> Event:
        if self.COMMANDS and isinstance(event, NativeEvent) and event.event is not None:
            return event.event
        if event.type in _CATALOGUED or any(tag.startswith(CUSTOMER_TAG) for tag in event.tags):
            raise ProgrammingError(
                "expected an event of the application's own, came one of the catalogue's type, or "
                "about a customer: those come through commands"
            )
        return Event(
            id=self._ids(),
            type=event.type,
            version=1,
            domain=Domain.REFERENCE,
            occurred_at=self._clock(),
            source=_SOURCE,
            data={_OPAQUE: base64.b64encode(event.data).decode()},
            tags=tuple(event.tags),
        )


class BookSubscription(DCBListenNotifySubscription[BookRecorder]):
    """Follows the book; woken by it, and looking by itself as well."""

    def _loop_on_pull(self) -> None:
        try:
            head = 0
            while not self._has_been_stopped:
                head = self._recorder.book.wait(head, _WAIT_S)
                self._pull()
        except BaseException as error:  # noqa: BLE001 — handed to whoever iterates
            self._thread_error = error
            self.stop()


class _Response(DCBReadResponse):
    """Events of one read, and the book's head; with a limit, the position of the last event."""

    def __init__(self, events: Iterator[Recorded], head: int | None) -> None:
        self._events = events
        self._head = head

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        recorded = next(self._events)
        return DCBSequencedEvent(event=_theirs(recorded), position=recorded.position)


class BookFactory(DCBInfrastructureFactory[Any]):
    """Lets an application name us: `PERSISTENCE_MODULE=ledger.dcb`, `BAHI_LEDGER=sqlite:///folder`."""

    def dcb_recorder(self) -> DCBRecorder:
        self._book = open_book(self.env.get("BAHI_LEDGER", ""))
        return BookRecorder(self._book)

    def close(self) -> None:
        self._book.close()


def _matches(query: DCBQuery | None) -> list[Match]:
    items = query.items if query else []
    return [Match(tuple(item.types), tuple(item.tags)) for item in items]


def _judged(condition: DCBAppendCondition | None) -> Condition | None:
    if condition is None:
        return None
    unless = tuple(_matches(condition.fail_if_events_match)) or (Match(),)
    return Condition(unless, condition.after or 0)


def _theirs(recorded: Recorded) -> DCBEvent:
    event = recorded.event
    tags = list(index_tags(event))
    opaque = event.data.get(_OPAQUE) if event.source == _SOURCE else None
    if opaque is not None:
        return DCBEvent(type=event.type, data=base64.b64decode(opaque), tags=tags)
    return NativeEvent(type=event.type, data=recorded.body, tags=tags, recorded=recorded)
