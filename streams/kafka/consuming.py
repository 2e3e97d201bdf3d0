"""Consuming: what others publish comes into the book, each message once, however often it is delivered.

A batch of messages is recorded, what of it was refused is kept and told, and only then are its offsets
committed. Whoever dies in between leaves the same messages to the next, for whom they are known by their
ids. Partitions are ours or somebody else's only between batches, so none changes hands with work on it; and
no more is fetched than a batch ahead.

A ledger or brokers that go away are waited for outside of the group: others of it may still reach them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from kafka import (
    ConsumerRebalanceListener,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    TopicPartition,
)
from kafka.errors import (
    CommitFailedError,
    KafkaError,
    KafkaTimeoutError,
    RebalanceInProgressError,
    UnsupportedCodecError,
)

from commands.dead_letters import keep_refused
from commands.record import BATCH
from commands.touchpoint import Fate
from ledger.errors import BadUsage, NamesErased, NotFound, Refused, StoreUnavailable
from ledger.opening import Ledger
from ledger.settings import Settings
from streams.imports import Intake, outcomes_of
from streams.kafka.address import Kafka
from streams.kafka.letters import DOOR, refusal_record, refused_item
from streams.kafka.messages import Message, Reader
from streams.kafka.tolerance import tolerate
from streams.kafka.topics import Topic, Topics, ensure

_POLL_MS = 200
_SESSION_MS = 15_000
"""Whoever was killed is missed after so long, and others have its partitions."""
_PATIENCE_MS = 5_000
_FAREWELL_MS = 2_000
_FETCHED_BYTES = 8 * 1024 * 1024
"""What a broker sends at once, as it is compressed; a longer message comes all the same, alone."""
_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
_LOOK_S = 0.1


@dataclass(slots=True)
class Taken:
    """What became of the messages so far, and how many of each partition (`topic/0`) are still to come."""

    read: int = 0
    appended: int = 0
    duplicates: int = 0
    refused: int = 0
    waiting: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told how it goes: `far` after each batch and whenever there is none, `trouble` in words."""

    far: Callable[[Taken], object] = lambda _: None
    trouble: Callable[[str], object] = lambda _: None


class Consumer:
    """Takes the messages of topics into a ledger, beside any number of others of its group."""

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        intake: Intake,
        topics: Sequence[str],
        *,
        source: str,
        reader: Reader,
        group: str = "",
    ) -> None:
        """Without a `group`, one of this ledger's own. Raises `BadUsage` for settings that name no Kafka,
        and for topics that we write ourselves.
        """
        ours = Topics(settings.kafka_prefix)
        written = {ours[topic] for topic in Topic}.intersection(topics)
        if written:
            raise BadUsage(f"expected topics of others, came {', '.join(sorted(written))}")
        self._kafka = Kafka.of(settings)
        self._settings = settings
        self._ledger = ledger
        self._intake = intake
        self._topics = topics
        self._source = source
        self._reader = reader
        self._group = group or f"{settings.kafka_prefix}-{ledger.keyring.ledger_id}"
        self._taken = Taken()

    def run(
        self, stopped: Callable[[], bool], told: Told | None = None, *, once: bool = False
    ) -> Taken:
        """Take messages until `stopped`, or with `once` until there are no more; what became of them.

        Raises `NotFound` for a topic that is not there, and `StoreUnavailable` where brokers or ledger are
        not there to begin with, or messages cannot be read by this client.
        """
        told = Told() if told is None else told
        begun, pauses = False, iter(_PAUSES_S)
        while True:
            try:
                with self._kafka.spoken_to(), closing(self._session(told)) as session:
                    for taken in session.batches(stopped, once=once):
                        begun = True
                        if taken:
                            pauses = iter(_PAUSES_S)
                    return self._taken
            except StoreUnavailable as error:
                if not begun:
                    raise
                told.trouble(f"{error}; trying again")
            except _Unreadable as error:
                raise StoreUnavailable(f"kafka {self._kafka.name}", str(error)) from None
            if not _paused(next(pauses, _PAUSES_S[-1]), stopped):
                return self._taken

    def _session(self, told: Told) -> "_Session":
        dead = ensure(self._settings, [Topic.DEAD])[Topic.DEAD]
        with closing(KafkaAdminClient(**self._kafka.arguments)) as admin:
            missing = sorted({*self._topics}.difference(admin.list_topics()))
        if missing:
            raise NotFound("topic", ", ".join(missing), f"the brokers at {self._kafka.name} say so")
        tolerate()
        consumer = KafkaConsumer(
            **self._kafka.arguments,
            group_id=self._group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            session_timeout_ms=_SESSION_MS,
            heartbeat_interval_ms=_SESSION_MS // 5,
            max_poll_records=BATCH,
            fetch_max_bytes=_FETCHED_BYTES,
            metrics_enabled=False,
        )
        taking = _Taking(self._ledger, self._intake, self._source, self._reader, self._taken)
        return _Session(consumer, self._topics, _Refusals(self._kafka, dead), taking, told)


class _Unreadable(Exception):
    """The client cannot make messages of what it was sent; trying again will not help."""


@dataclass(frozen=True, slots=True)
class _Taking:
    """Messages made into events of the ledger."""

    ledger: Ledger
    intake: Intake
    source: str
    reader: Reader
    counted: Taken

    def take(self, messages: Sequence[Message]) -> list[tuple[Message, Refused]]:
        """Record them, and keep those that are refused; durable when it returns. The refused are returned."""
        read = [self.reader.read(message) for message in messages]
        outcomes = outcomes_of(self.ledger, [one.item for one in read], self.intake)
        refused, items = [], []
        for message, one, outcome in zip(messages, read, outcomes, strict=True):
            if outcome.refusal is not None:
                refused.append((message, outcome.refusal))
                items.append(refused_item(message, one, outcome.refusal, self.intake))
        if items:
            door = f"{DOOR}{self.source}"
            keep_refused(self.ledger, door, items, clock=self.intake.clock, ids=self.intake.ids)
        fates = [outcome.fate for outcome in outcomes]
        counted = self.counted
        counted.read += len(fates)
        counted.appended += fates.count(Fate.APPENDED)
        counted.duplicates += fates.count(Fate.DUPLICATE)
        counted.refused += fates.count(Fate.REFUSED)
        return refused


class _Refusals:
    """The topic of refusals; spoken to only when there are any."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer: Any = None

    def tell(self, refused: Sequence[tuple[Message, Refused]], source: str) -> None:
        """Say where messages are that were refused, and why; of the erased nothing. Raises `KafkaError`."""
        told = [one for one in refused if not isinstance(one[1], NamesErased)]
        if not told:
            return
        if self._producer is None:
            arguments = self._kafka.arguments | {"allow_auto_create_topics": False}
            self._producer = KafkaProducer(
                **arguments, linger_ms=5, max_block_ms=_PATIENCE_MS, metrics_enabled=False
            )
        answers = []
        for message, refusal in told:
            record = refusal_record(message, source, refusal)
            answers.append(
                self._producer.send(self._topic, record.value, record.key, record.headers)
            )
        self._producer.flush(timeout=_PATIENCE_MS / 1_000)
        for answer in answers:
            if not answer.succeeded():
                raise answer.exception or KafkaTimeoutError("a refusal could not be told")

    def close(self) -> None:
        if self._producer is not None:
            with suppress(KafkaError):
                self._producer.close(timeout=_FAREWELL_MS / 1_000)


class _Session(ConsumerRebalanceListener):  # type: ignore[misc]
    """Membership in the group, from joining it until something fails."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        topics: Sequence[str],
        refusals: _Refusals,
        taking: _Taking,
        told: Told,
    ) -> None:
        self._consumer: Any = consumer
        self._refusals = refusals
        self._taking = taking
        self._told = told
        self._topics = topics
        self._joined = False
        self._committed: dict[TopicPartition, int | None] = {}
        self._left: dict[str, int] = {}
        self._left_since = 0.0
        """Since when others have had the same left."""
        try:
            # Known beforehand, or whoever deals them out might find nothing to deal.
            for topic in topics:
                consumer.partitions_for_topic(topic)
            consumer.subscribe(topics, listener=self)
        except BaseException:
            self.close()
            raise

    def on_partitions_assigned(self, assigned: object) -> None:  # noqa: ARG002 -- theirs
        """See `ConsumerRebalanceListener`."""
        self._joined = True
        self._committed = {}

    def on_partitions_revoked(self, revoked: object) -> None:
        """See `ConsumerRebalanceListener`; what was fetched of them is recorded and committed by now."""

    def close(self) -> None:
        """Leave the group."""
        self._refusals.close()
        with suppress(KafkaError):
            self._consumer.close(autocommit=False, timeout_ms=_FAREWELL_MS)

    def batches(self, stopped: Callable[[], bool], *, once: bool) -> Iterator[int]:
        """Take batch after batch; yields on joining, and then how many messages were taken, also none."""
        while not stopped():
            with self._readable():
                found = self._consumer.poll(_POLL_MS)
            if not self._joined:
                continue
            yield 0
            messages = [Message.of(record) for records in found.values() for record in records]
            if messages:
                refused = self._taking.take(messages)
                self._refusals.tell(refused, self._taking.source)
            self._commit()
            if messages:
                yield len(messages)
            self._taking.counted.waiting = self._waiting()
            self._told.far(self._taking.counted)
            if once and not messages and self._is_at_the_end():
                return

    def _commit(self) -> None:
        """Commit how far we are, which is also behind what was taken back or only marks an end."""
        read = [one for one in self._consumer.assignment() if self._consumer.highwater(one)]
        at = {place: self._at(place) for place in read}
        if at == self._committed:
            return
        # Whose the partitions are by now if that fails is given these messages again, and knows them.
        with suppress(CommitFailedError, RebalanceInProgressError):
            self._consumer.commit(timeout_ms=_PATIENCE_MS)
            self._committed = at

    def _at(self, place: TopicPartition) -> int | None:
        """The next offset of what is ours, where it is known."""
        at: int | None = self._consumer.position(place, timeout_ms=_PATIENCE_MS)
        return at

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, OSError) as error:
            if isinstance(error, UnsupportedCodecError):
                raise _Unreadable(str(error)) from None
            raise
        except Exception as error:  # noqa: BLE001 -- whatever the client stumbles over
            # Not in the error's own words: they may quote what was sent.
            where = ", ".join(f"{place}/{at}" for place, at in self._positions().items())
            raise _Unreadable(
                f"messages cannot be read ({type(error).__name__}), at or after one of {where}"
            ) from None

    def _positions(self) -> Mapping[str, int]:
        """The next offset of each partition, where it is known."""
        found = {}
        for place in sorted(self._consumer.assignment()):
            with suppress(KafkaError):
                if (at := self._at(place)) is not None:
                    found[_named(place)] = at
        return found

    def _waiting(self) -> dict[str, int]:
        """Messages that are still to come, of partitions of which it is known."""
        found = {}
        for place in self._consumer.assignment():
            end = self._consumer.highwater(place)
            at = None if end is None else self._at(place)
            if end is not None and at is not None:
                found[_named(place)] = max(end - at, 0)
        return dict(sorted(found.items()))

    def _is_at_the_end(self) -> bool:
        """Whether all of the topics was taken, by us or by others of the group.

        Others are waited for while they get on. What somebody has who died comes to us when they are missed.
        """
        known = self._consumer.partitions_for_topic
        places = [TopicPartition(topic, n) for topic in self._topics for n in known(topic) or ()]
        ends = self._consumer.end_offsets(places, timeout_ms=_PATIENCE_MS)
        ours = self._consumer.assignment()
        left: dict[str, int] = {}
        for place, end in ends.items():
            if place in ours:
                if (self._at(place) or 0) < end:
                    self._left = {}
                    return False
            elif at := end - (self._consumer.committed(place, timeout_ms=_PATIENCE_MS) or 0):
                left[_named(place)] = at
        now = time.monotonic()
        if left != self._left:
            self._left, self._left_since = left, now
        self._taking.counted.waiting |= left
        return not left or now - self._left_since > 2 * _SESSION_MS / 1_000


def _named(place: TopicPartition) -> str:
    return f"{place.topic}/{place.partition}"


def _paused(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Wait so long; whether we were not told to stop meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if stopped():
            return False
        time.sleep(_LOOK_S)
    return True
