"""What goes out of the book to whoever subscribes, by a topic or over HTTP: which events, and as what.

Touchpoints, sales and service, as CloudEvents with what is personal sealed; and what was done with people, so
that subscribers honour it. Of whoever is erased goes out what happened, of nobody. What happened to somebody
whose data is restricted is held back.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from ledger.book import Match
from ledger.catalogue import Domain
from ledger.catalogue.privacy import (
    CustomerErased,
    CustomerRectified,
    CustomerRestricted,
    CustomerUnrestricted,
)
from ledger.clock import to_us
from ledger.event import MERGED, SPLIT
from replay.opening import Reading
from streams.kafka.cloud_events import CloudEvents, Record

PUBLISHED = frozenset({Domain.TOUCHPOINT.value, Domain.SALES.value, Domain.SERVICE.value})
"""Domains of the events that go out."""

NOTICES = frozenset(
    {
        CustomerErased.TOPIC,
        CustomerRestricted.TOPIC,
        CustomerUnrestricted.TOPIC,
        CustomerRectified.TOPIC,
        MERGED,
        SPLIT,
    }
)
"""Types that subscribers are told of besides, each about the people it names."""

_ATTRIBUTE = "ce_"
_AT_ONCE = 1_000
"""Positions that are looked at together."""
_FULL = 1024 * 1024
"""Bytes of a page after which no event is added to it."""


def is_notice(envelope: Mapping[str, Any], gone: frozenset[str]) -> bool:
    """Whether subscribers are told of it: a link to somebody who is gone binds nobody."""
    if envelope["type"] not in NOTICES or "customer" not in envelope:
        return False
    other = envelope["data"].get("other")
    return other is None or gone.isdisjoint({envelope["customer"], other})


def structured(record: Record) -> bytes:
    """A record as a CloudEvent in structured mode: one JSON object, of the same attributes and data."""
    said: dict[str, Any] = {
        name.removeprefix(_ATTRIBUTE): value.decode()
        for name, value in record.headers
        if name.startswith(_ATTRIBUTE)
    }
    said["position"] = int(said["position"])
    said["datacontenttype"] = "application/json"
    assert record.value is not None
    return orjson.dumps({**said, "data": orjson.Fragment(record.value)})


class Page(NamedTuple):
    """Events in order, each with its position and as a CloudEvent, and the position looked at up to."""

    events: list[tuple[int, bytes]]
    position: int


class Outgoing:
    """The stream of one ledger, for who reads it by position. Safe to share between threads.

    What is held back is passed over: whoever reads that part again after the restriction finds it.
    """

    def __init__(self, reading: Reading, ledger_id: UUID) -> None:
        self._reading = reading
        self._events = CloudEvents(ledger_id)

    def page(self, after: int, types: Collection[str] = (), most: int = _AT_ONCE) -> Page:
        """At most so many events after a position, of these types; none: of all that go out.

        The page's position is where to go on from; it may have come further with no event at all.
        """
        head = self._reading.book.head()
        if after >= head:
            return Page([], after)
        # Asked after the head: whoever is gone or restricted by an event up to there, is so here.
        gone = _texts(self._reading.gone.now())
        held_back = _texts(self._reading.restricted.now())
        upto = head if types else min(head, after + _AT_ONCE)
        events: list[tuple[int, bytes]] = []
        size = 0
        for position, us, body, personal in self._rows(after, upto, types, most):
            record = self._record(position, us, orjson.loads(body), personal, gone, held_back)
            if record is not None:
                events.append((position, structured(record)))
                size += len(events[-1][1])
                if len(events) == most or size >= _FULL:
                    return Page(events, position)
        return Page(events, upto)

    def _rows(
        self, after: int, upto: int, types: Collection[str], most: int
    ) -> Iterator[tuple[int, int, bytes, bytes]]:
        book = self._reading.book
        if types:  # found by index, however rare they are
            while after < upto:
                found = [*book.read(after, matching=[Match(tuple(types))], upto=upto, limit=most)]
                for one in found:
                    yield one.position, to_us(one.recorded_at), one.body, one.event.personal
                if len(found) < most:
                    return
                after = found[-1].position
            return
        for batch in book.stored(after, upto=upto, size=_AT_ONCE):
            for row in zip(*(column.to_pylist() for column in batch.columns[:4]), strict=True):
                if row[2] is not None:  # what is left of one that was removed says nothing
                    yield (*row[:3], row[3] or b"")

    def _record(
        self,
        position: int,
        us: int,
        envelope: Mapping[str, Any],
        personal: bytes,
        gone: frozenset[str],
        held_back: frozenset[str],
    ) -> Record | None:
        """What goes out of an event, if anything does."""
        customer = envelope.get("customer")
        if envelope["domain"] not in PUBLISHED:
            told = is_notice(envelope, gone)
            return self._events.record(position, us, envelope, personal) if told else None
        if customer in gone:
            return self._events.record(position, us, envelope, b"", nameless=True)
        if customer in held_back:
            return None
        return self._events.record(position, us, envelope, personal)


@lru_cache(maxsize=4)
def _texts(customers: frozenset[UUID]) -> frozenset[str]:
    """Customers as envelopes name them."""
    return frozenset(map(str, customers))
