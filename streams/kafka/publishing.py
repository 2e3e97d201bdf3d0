"""Publishing: what the book takes goes out once, in order, and how far is told by the same transaction.

A transaction has events of a range of positions, in that order, and with them where it ended: it is there as
a whole or not at all. Whoever begins reads that point after all before were fenced, so nothing of theirs can
come later. When everything is out, rows of views that these events touched go with it, from views that
have come as far; after a long way they come behind, in transactions of their own, each key once.

Of whoever is erased goes out what happened, of nobody. What happened to somebody whose data is restricted
is held back, and comes after the restriction, in order and before anything later of theirs.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

import orjson

from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue.privacy import (
    CustomerErased,
    CustomerErasing,
    CustomerRectified,
    CustomerRestricted,
    CustomerUnrestricted,
)
from ledger.clock import to_us
from ledger.errors import BadUsage, StoreUnavailable
from ledger.event import MERGED, SPLIT, Recorded
from replay.opening import Reading
from streams.kafka.address import Kafka
from streams.kafka.cloud_events import PUBLISHED, CloudEvents, Record
from streams.kafka.resuming import Point, demand_same_book, resume, withheld_record
from streams.kafka.rows import Rows
from streams.kafka.topics import Topic, Topics, ensure
from streams.kafka.transactions import Sent, Stopped, Transactions, wait

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
"""Types that `bahi.erasures` tells of."""

_EVENTS = 5_000
"""Positions of one transaction: a quarter of a second's work, so that one is soon told to stop."""
_SPAN = 1_000_000
"""Positions after which rows are sent though events are still coming."""
_WAIT_S = 0.5
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Before the next try; the first is long enough for whoever fenced us to say so in the topics."""
_FEW_KEYS = 1_000
"""Keys whose rows go with the events that touched them."""
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Lag:
    """How far publishing has come: positions, and the age of the oldest event that is not out."""

    head: int
    position: int
    rows: int
    behind_s: float
    held_back: int
    """Customers of whom events are held back."""

    @property
    def all_out(self) -> bool:
        """Whether everything is out that is to go out now."""
        return self.head == self.position == self.rows


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told how it goes: `far` after each transaction, `trouble` in words, when it begins."""

    far: Callable[[Lag], object] = lambda _: None
    trouble: Callable[[str], object] = lambda _: None


class Publisher:
    """Publishes one ledger, as the only one who does."""

    def __init__(self, reading: Reading) -> None:
        """Raises `BadUsage` for settings that name no Kafka, or an empty place with no ledger."""
        self._reading = reading
        self._kafka = Kafka.of(reading.settings)
        if reading.book.ledger_id is None:
            raise BadUsage("expected a ledger with a keyring, came a book that belongs to none")
        self._ledger_id = reading.book.ledger_id
        self._token = str(uuid4())
        self._lag = Lag(0, 0, 0, 0.0, 0)

    def run(
        self, stopped: Callable[[], bool], told: Told | None = None, *, once: bool = False
    ) -> Lag:
        """Publish until `stopped`, or with `once` until the head is out; how far it came.

        Brokers or a store that go away are waited for, and it goes on from what was committed. Raises
        `StoreUnavailable` where they are not there to begin with, and where another publisher of this
        ledger has taken over; `BadUsage` for topics that are not as they should be; `StoreRolledBack`
        for a book that is not the one that was published.
        """
        told = Told() if told is None else told
        begun, ours, pauses = False, True, iter(_PAUSES_S)
        try:
            while True:
                try:
                    with self._kafka.spoken_to():
                        if not ours:
                            self._demand_ours(stopped)
                        with closing(self._session(stopped, told)) as session:
                            begun, ours, pauses = True, True, iter(_PAUSES_S)
                            session.run(once=once)
                            return self._lag
                except StoreUnavailable as error:
                    if not begun:
                        raise
                    ours = False
                    told.trouble(f"{error}; trying again")
                _pause(next(pauses, _PAUSES_S[-1]), stopped)
        except Stopped:
            return self._lag
        except _TakenOver:
            raise StoreUnavailable(
                f"kafka {self._kafka.name}",
                "another publisher of this ledger has taken over; this one has stopped, and wrote nothing since",
            ) from None

    def _session(self, stopped: Callable[[], bool], told: Told) -> "_Session":
        """The right to publish, and where to begin."""
        reading = self._reading
        topics = wait(lambda: ensure(reading.settings), stopped)
        names = [topics[topic] for topic in Topic]
        name = f"{topics.prefix}-{self._ledger_id}"
        writer = Transactions(self._kafka, name, names, stopped)
        try:
            resumed = wait(lambda: resume(self._kafka, topics[Topic.PUBLISHER]), stopped)
            point = resumed.point or Point(str(self._ledger_id), self._token)
            demand_same_book(reading.book, point, topics.prefix)

            def came_to(lag: Lag) -> None:
                self._lag = lag
                told.far(lag)

            session = _Session(
                reading, self._ledger_id, topics, writer, stopped, told.trouble, came_to
            )
            session.begin(replace(point, publisher=self._token), resumed.withheld)
        except BaseException:
            writer.close()
            raise
        return session

    def _demand_ours(self, stopped: Callable[[], bool]) -> None:
        """Whether nobody else has taken over: to be fenced and to have been away look the same to the client."""
        topic = Topics(self._reading.settings.kafka_prefix)[Topic.PUBLISHER]
        point = wait(lambda: resume(self._kafka, topic), stopped).point
        if point is not None and point.publisher != self._token:
            raise _TakenOver


class _TakenOver(Exception):
    """The topic has another publisher's word."""


class _Session:
    """Publishing by one producer, from where the topics say it was, until something fails."""

    def __init__(
        self,
        reading: Reading,
        ledger_id: UUID,
        topics: Topics,
        writer: Transactions,
        stopped: Callable[[], bool],
        trouble: Callable[[str], object],
        came_to: Callable[[Lag], object],
    ) -> None:
        self._reading = reading
        self._topics = topics
        self._writer = writer
        self._stopped = stopped
        self._trouble = trouble
        self._came_to = came_to
        self._events = CloudEvents(ledger_id)
        self._rows = Rows(reading, topics)
        self._stuck = ""

    def begin(self, point: Point, withheld: dict[str, int]) -> None:
        """Say in the topics that it is we who publish from here on."""
        self._point, self._withheld = point, withheld
        self._write([self._resume_at(point)])

    def close(self) -> None:
        """Let go of the producer."""
        self._rows.close()
        self._writer.close()

    def run(self, *, once: bool) -> None:
        """Publish until told to stop, or with `once` until everything is out."""
        book = self._reading.book
        while not self._stopped():
            head = book.head()
            if back := self._may_come_back():
                self._release(back)
            elif self._rows_are_due(head) and self._send_rows():
                continue
            elif self._point.position < head:
                self._send_events(head)
            elif once:
                return
            else:
                book.wait(self._point.position, _WAIT_S)

    def _send_events(self, head: int) -> None:
        """A transaction of events; if that is all there are, with the rows that they touched."""
        point = self._point
        upto = min(head, point.position + _EVENTS)
        rows: list[Sent] | None = None
        if upto == head and point.rows == point.position and self._catch_up():
            touched = self._rows.touched(point.position, upto)
            if len(touched) <= _FEW_KEYS:
                rows = [one for some in self._rows.records(touched, upto) for one in some]
        self._write(self._transaction(upto, rows))

    def _transaction(self, upto: int, rows: list[Sent] | None) -> Iterator[Sent]:
        """The records of the events up to a position, of these rows, and of where that is."""
        point, leaf = self._point, b""
        reading, erased = self._reading, []
        gone = _texts(reading.gone.now())
        kept_back = _texts(reading.restricted.now()) | {*self._withheld}
        events, erasures = self._topics[Topic.EVENTS], self._topics[Topic.ERASURES]
        record, loads = self._events.record, orjson.loads
        for batch in reading.book.stored(point.position, upto=upto, size=_EVENTS):
            columns = [column.to_pylist() for column in batch.columns[:5]]
            for position, recorded_us, body, personal, leaf in zip(*columns, strict=True):  # noqa: B007
                if body is None:  # what is left of it says nothing
                    continue
                envelope = loads(body)
                customer = envelope.get("customer")
                if envelope["domain"] in PUBLISHED:
                    if customer in gone:
                        yield events, record(position, recorded_us, envelope, b"", nameless=True)
                    elif customer in kept_back:
                        if customer not in self._withheld:
                            yield self._hold_back(customer, position - 1)
                    else:
                        yield events, record(position, recorded_us, envelope, personal or b"")
                elif _is_notice(envelope, gone):
                    yield erasures, record(position, recorded_us, envelope, personal or b"")
                elif _is_end(envelope):
                    erased.append(UUID(customer))
        if rows is None:
            # What the views say may come late; that somebody is gone may not.
            yield from self._rows.tombstones(erased)
            yield self._resume_at(replace(point, position=upto, leaf=leaf.hex()))
        else:
            yield from rows
            yield self._resume_at(replace(point, position=upto, rows=upto, leaf=leaf.hex()))

    def _rows_are_due(self, head: int) -> bool:
        """Whether rows come before events: when no more of these wait, and when too many went without."""
        point = self._point
        return point.rows < point.position and (
            point.position >= head or point.position - point.rows >= _SPAN
        )

    def _send_rows(self) -> bool:
        """The rows that everything published so far has touched; whether there was anything to do."""
        if not self._catch_up():
            return False
        upto = self._point.position
        touched = self._rows.touched(self._point.rows, upto)
        for some in self._rows.records(touched, upto):
            self._write(some)
            if self._stopped():
                return True
        self._write([self._resume_at(replace(self._point, rows=upto))])
        return True

    def _catch_up(self) -> bool:
        """Have the views as far as the book; whether those that we send go on."""

        def heed(_done: int, _total: int) -> None:
            if self._stopped():
                raise Stopped

        self._reading.views.catch_up(self._reading.columns, heed)
        failures = "; ".join(str(failure) for failure in self._rows.failures())
        if failures and failures != self._stuck:
            self._trouble(f"{failures}; events go out, and no rows until it is mended")
        self._stuck = failures
        return not failures

    def _may_come_back(self) -> str:
        """Somebody of whom events are held back without need."""
        if not self._withheld:
            return ""
        still = _texts(self._reading.restricted.now()) - _texts(self._reading.gone.now())
        return next((customer for customer in self._withheld if customer not in still), "")

    def _release(self, customer: str) -> None:
        """Send what was held back of one customer, so much of it as a transaction takes."""
        after, nameless = self._withheld[customer], UUID(customer) in self._reading.gone.now()
        tagged = Match(tags=(f"{CUSTOMER_TAG}{customer}",))
        found = [
            *self._reading.book.read(
                after, matching=[tagged], upto=self._point.position, limit=_EVENTS
            )
        ]
        events = self._topics[Topic.EVENTS]
        sent = [(events, self._again(one, nameless)) for one in found if _is_of(one, customer)]
        if len(found) < _EVENTS:
            del self._withheld[customer]
            sent.append((self._topics[Topic.PUBLISHER], withheld_record(customer, None)))
        else:
            sent.append(self._hold_back(customer, found[-1].position))
        self._write(sent)

    def _again(self, one: Recorded, nameless: bool) -> Record:
        envelope, us = orjson.loads(one.body), to_us(one.recorded_at)
        return self._events.record(
            one.position, us, envelope, one.event.personal, nameless=nameless
        )

    def _hold_back(self, customer: str, after: int) -> Sent:
        self._withheld[customer] = after
        return self._topics[Topic.PUBLISHER], withheld_record(customer, after)

    def _resume_at(self, point: Point) -> Sent:
        """The record of a point, at which we are once it is written."""
        self._next = point
        return self._topics[Topic.PUBLISHER], point.record

    def _write(self, records: Iterable[Sent]) -> None:
        self._writer.write(records)
        self._point = self._next
        self._came_to(self._lag())

    def _lag(self) -> Lag:
        book, point = self._reading.book, self._point
        head, behind_s = book.head(), 0.0
        if point.position < head:
            (oldest,) = book.read(point.position, upto=point.position + 1)
            behind_s = max((self._reading.clock() - oldest.recorded_at).total_seconds(), 0.0)
        return Lag(head, point.position, point.rows, behind_s, len(self._withheld))


def _is_of(recorded: Recorded, customer: str) -> bool:
    """Whether it happened to this customer, and goes out: others are found by the same tag."""
    event = recorded.event
    return str(event.customer) == customer and event.domain in PUBLISHED


def _is_notice(envelope: Mapping[str, Any], gone: frozenset[str]) -> bool:
    """Whether subscribers are told of it: a link to somebody who is gone binds nobody."""
    if envelope["type"] not in NOTICES or "customer" not in envelope:
        return False
    other = envelope["data"].get("other")
    return other is None or gone.isdisjoint({envelope["customer"], other})


def _is_end(envelope: Mapping[str, Any]) -> bool:
    """Whether it is the end of a customer, and not of some of their data alone."""
    ends = envelope["type"] == CustomerErasing.TOPIC and "customer" in envelope
    return ends and not envelope["data"].get("classes")


@lru_cache(maxsize=4)
def _texts(customers: frozenset[UUID]) -> frozenset[str]:
    """Customers as envelopes name them."""
    return frozenset(map(str, customers))


def _pause(seconds: float, stopped: Callable[[], bool]) -> None:
    """Wait so long, but no longer than until we are told to stop: then it raises `Stopped`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if stopped():
            raise Stopped
        time.sleep(_LOOK_S)
