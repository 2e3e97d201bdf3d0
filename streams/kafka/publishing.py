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
from ledger.catalogue.privacy import CustomerErasing
from ledger.clock import to_us
from ledger.errors import BadUsage, StoreUnavailable
from ledger.event import Recorded
from replay.opening import Reading
from streams.kafka.address import Kafka
from streams.kafka.cloud_events import CloudEvents, Record
from streams.kafka.holding import Hold, TakenOver
from streams.kafka.resuming import Point, demand_same_book, resume, shown_since, withheld_record
from streams.kafka.rows import Rows, Touched
from streams.kafka.topics import Topic, Topics, ensure
from streams.kafka.transactions import Sent, Stopped, Transactions, wait
from streams.outgoing import PUBLISHED, is_notice

_EVENTS = 5_000
"""Positions of one transaction: a quarter of a second's work, so that one is soon told to stop."""
_BYTES = 32 * 1024 * 1024
"""Bytes of events after which a transaction takes no further one: all of it is held in memory."""
_AT_ONCE = 500
"""Events that are read together."""
_SPAN = 1_000_000
"""Positions after which rows are sent though events are still coming."""
_WAIT_S = 0.5
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Before the next try."""
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


_NOWHERE = Lag(0, 0, 0, 0.0, 0)


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
        self._reached: Lag | None = None

    def lag(self) -> Lag | None:
        """How far behind the book it is by now, also while it waits for brokers; None until the topics have
        said where it is.
        """
        return None if self._reached is None else _as_of_now(self._reading, self._reached)

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
        topics = Topics(self._reading.settings.kafka_prefix)
        hold, pauses = Hold(self._kafka, f"{topics.prefix}-{self._ledger_id}"), iter(_PAUSES_S)
        try:
            while True:
                try:
                    with (
                        self._kafka.spoken_to(),
                        closing(self._session(hold, stopped, told)) as session,
                    ):
                        pauses = iter(_PAUSES_S)
                        session.run(once=once)
                        return self._reached or _NOWHERE
                except StoreUnavailable as error:
                    if not hold.begun:
                        raise
                    told.trouble(f"{error}; trying again")
                _pause(next(pauses, _PAUSES_S[-1]), stopped)
        except Stopped:
            return self._reached or _NOWHERE
        except TakenOver:
            raise StoreUnavailable(
                f"kafka {self._kafka.name}",
                "another publisher of this ledger has taken over; this one has stopped, and wrote nothing since",
            ) from None

    def _session(self, hold: Hold, stopped: Callable[[], bool], told: Told) -> "_Session":
        """The right to publish, and where to begin."""
        reading = self._reading
        topics = wait(lambda: ensure(reading.settings), stopped)
        names = [topics[topic] for topic in Topic]
        writer = Transactions(self._kafka, hold, names, stopped)
        try:
            resumed = wait(lambda: resume(self._kafka, topics[Topic.PUBLISHER]), stopped)
            point = resumed.point or Point(str(self._ledger_id), self._token)
            demand_same_book(reading.book, point, topics.prefix)

            def came_to(lag: Lag) -> None:
                self._reached = lag
                told.far(lag)

            session = _Session(
                reading, self._ledger_id, topics, writer, stopped, told.trouble, came_to
            )
            session.begin(replace(point, publisher=self._token), resumed.withheld)
        except BaseException:
            writer.close()
            raise
        return session


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
            touched = self._touched(upto)
            if len(touched) <= _FEW_KEYS:
                rows = [one for some in self._rows.records(touched, upto) for one in some]
        self._write(self._transaction(upto, rows))

    def _transaction(self, upto: int, rows: list[Sent] | None) -> Iterator[Sent]:
        """The records of the events up to a position, of these rows, and of where that is.

        Where the events are too much for one, it ends before that position and without the rows.
        """
        point, position, leaf = self._point, 0, b""
        reading, erased = self._reading, []
        gone = _texts(reading.gone.now())
        kept_back = _texts(reading.restricted.now()) | {*self._withheld}
        events, erasures = self._topics[Topic.EVENTS], self._topics[Topic.ERASURES]
        record, loads = self._events.record, orjson.loads
        for position, recorded_us, body, personal, leaf in self._stored(upto):  # noqa: B007
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
            elif is_notice(envelope, gone):
                yield erasures, record(position, recorded_us, envelope, personal or b"")
            elif _is_end(envelope):
                erased.append(UUID(customer))
        here = replace(point, position=position, leaf=leaf.hex())
        if rows is None or position < upto:
            # What the views say may come late; that somebody is gone may not.
            yield from self._rows.tombstones(erased)
            yield self._resume_at(here)
        else:
            yield from rows
            yield self._resume_at(replace(here, rows=upto))

    def _stored(self, upto: int) -> Iterator[tuple[int, int, bytes | None, bytes | None, bytes]]:
        """What is next up to a position, one event at least: position, time, body, sealed part and leaf."""
        size = 0
        for batch in self._reading.book.stored(self._point.position, upto=upto, size=_AT_ONCE):
            columns = [column.to_pylist() for column in batch.columns[:5]]
            for row in zip(*columns, strict=True):
                yield row
                size += len(row[2] or b"") + len(row[3] or b"")
                if size > _BYTES:
                    return

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
        touched = self._touched(upto)
        for some in self._rows.records(touched, upto):
            self._write(some)
            if self._stopped():
                return True
        self._write([self._resume_at(replace(self._point, rows=upto))])
        return True

    def _touched(self, upto: int) -> Touched:
        """What events touched whose rows are not out; and where an envelope was removed, of which nobody can
        tell any more whose it was, the customers that had a row since.
        """
        after = self._point.rows
        touched = self._rows.touched(after, upto)
        if removed := self._rows.redacted(after, upto):
            kafka, topic = Kafka.of(self._reading.settings), self._topics[Topic.CUSTOMERS]
            shown = wait(lambda: shown_since(kafka, topic, min(removed)), self._stopped)
            touched.joined |= {frozenset({one}) for one in shown}
        return touched

    def _catch_up(self) -> bool:
        """Have the views as far as the book; whether those that we send go on."""

        def heed(_done: int, _total: int) -> None:
            if self._stopped():
                raise Stopped

        self._reading.views.catch_up(self._reading.columns, heed)
        troubles = "; ".join(self._rows.troubles(self._point.rows))
        if troubles and troubles != self._stuck:
            self._trouble(f"{troubles}; events go out, and no rows until then")
        self._stuck = troubles
        return not troubles

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
        found = self._reading.book.read(after, matching=[tagged], upto=self._point.position)
        events, sent, size = self._topics[Topic.EVENTS], list[Sent](), 0
        for one in found:
            if _is_of(one, customer):
                sent.append((events, self._again(one, nameless)))
            size += len(one.body) + len(one.event.personal)
            if len(sent) >= _EVENTS or size > _BYTES:
                sent.append(self._hold_back(customer, one.position))
                break
        else:
            del self._withheld[customer]
            sent.append((self._topics[Topic.PUBLISHER], withheld_record(customer, None)))
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
        reached = Lag(0, self._point.position, self._point.rows, 0.0, len(self._withheld))
        self._came_to(_as_of_now(self._reading, reached))


def _as_of_now(reading: Reading, reached: Lag) -> Lag:
    head, behind_s = reading.book.head(), 0.0
    if reached.position < head:
        (oldest,) = reading.book.read(reached.position, upto=reached.position + 1)
        behind_s = max((reading.clock() - oldest.recorded_at).total_seconds(), 0.0)
    return replace(reached, head=head, behind_s=behind_s)


def _is_of(recorded: Recorded, customer: str) -> bool:
    """Whether it happened to this customer, and goes out: others are found by the same tag."""
    event = recorded.event
    return str(event.customer) == customer and event.domain in PUBLISHED


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
