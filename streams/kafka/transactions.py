"""Writing to topics in transactions: all of one is there for whoever reads what is committed, or nothing is.

One transactional id has one producer: whoever comes later fences who was before. The client does much by
itself that could end with less than all: it gives up a batch after a while and commits the rest, or gets
itself a new epoch. So each record's own answer is looked at before a commit, and after any error a producer
is thrown away; the next one, if nobody has taken over, begins at what the topics say.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, TypeVar

from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.partitioner import murmur2

from streams.kafka.address import Kafka
from streams.kafka.cloud_events import Record
from streams.kafka.holding import Hold

Answer = TypeVar("Answer")
Sent = tuple[str, Record]
"""A topic by its name, and what goes there."""

COMPRESSION = "zstd"
"""Chosen by measurement: see docs/performance.md."""

_BATCH_BYTES = 262_144
_LINGER_MS = 20
_TRANSACTION_MS = 60_000
"""For how long one may be open: so long, readers of what is committed wait for whoever was killed amid one."""
_LOOK_S = 0.1
_GRACE_S = 0.7
"""What was begun may take so long when told to stop: brokers that are there are done by then."""


class Stopped(Exception):
    """Told to stop while the brokers did not answer: what was not committed is for the next to do."""


class Transactions:
    """A producer of one transactional id, from the moment that it has fenced all before it."""

    def __init__(
        self,
        kafka: Kafka,
        hold: Hold,
        topics: Iterable[str],
        stopped: Callable[[], bool],
    ) -> None:
        """Raises `KafkaError`, `TakenOver`, and `Stopped`."""
        self._stopped = stopped
        self._hold = hold
        self._producer: Any = self._wait(lambda: _producer(kafka, hold.transactional_id))
        try:
            self._wait(partial(hold.take, self._producer))
            self._partitions = self._wait(partial(_partitions, self._producer, [*topics]))
        except BaseException:
            self.close()
            raise

    def write(self, records: Iterable[Sent]) -> int:
        """Write these as one transaction; how many they were. Keys are where the client's own
        partitioner, and Java's, would have them.

        Raises `KafkaError` where it is not known to be committed: then nothing is to be done with this
        producer any more, and it may have been.
        """
        send, partitions = self._producer.send, self._partitions
        self._producer.begin_transaction()
        answers = []
        for topic, (key, value, headers) in records:
            partition = _hash(key) % partitions[topic]
            answers.append(send(topic, value, key, headers, partition))
        self._wait(self._flush)
        for answer in answers:
            if not answer.succeeded():
                raise answer.exception or KafkaError("a record was given up")
        self._wait(self._producer.commit_transaction)
        return len(answers)

    def close(self) -> None:
        """Let go of the producer; a transaction that is open stays open until the next comes, or its time is up."""
        producer = getattr(self, "_producer", None)
        if producer is not None:
            self._hold.keep(producer)
            # Otherwise it waits for answers that may never come.
            producer._sender.force_close()  # noqa: SLF001 - the client has no other way to end now
            with suppress(KafkaError):
                producer.close(timeout=1)

    def _flush(self) -> None:
        self._producer.flush()

    def _wait(self, call: Callable[[], Answer]) -> Answer:
        """Do what may block for as long as the brokers are away, in a thread that can be left there."""
        return wait(call, self._stopped)


def wait(call: Callable[[], Answer], stopped: Callable[[], bool]) -> Answer:
    """The answer of a call that may block; raises `Stopped` a moment after we were told to."""
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again by who waits
            errors.append(error)

    thread = threading.Thread(target=work, name="kafka-call", daemon=True)
    thread.start()
    told_at: float | None = None
    while True:
        thread.join(_LOOK_S)
        if not thread.is_alive():
            break
        if told_at is None and stopped():
            told_at = time.monotonic()
        if told_at is not None and time.monotonic() - told_at > _GRACE_S:
            raise Stopped
    if errors:
        raise errors[0]
    return answers[0]


def _producer(kafka: Kafka, transactional_id: str) -> KafkaProducer:
    return KafkaProducer(
        **kafka.arguments,
        transactional_id=transactional_id,
        transaction_timeout_ms=_TRANSACTION_MS,
        compression_type=COMPRESSION,
        batch_size=_BATCH_BYTES,
        linger_ms=_LINGER_MS,
        metrics_enabled=False,
        allow_auto_create_topics=False,
    )


def _partitions(producer: KafkaProducer, topics: Sequence[str]) -> dict[str, int]:
    """How many each topic has. Asked at once, since each answer takes the client a tenth of a second."""
    with ThreadPoolExecutor(len(topics)) as asking:
        return {
            topic: len(found)
            for topic, found in zip(
                topics, asking.map(producer.partitions_for, topics), strict=True
            )
        }


@lru_cache(50_000)
def _hash(key: bytes) -> int:
    """A key's place before it is divided by the number of partitions; the same customers come again."""
    hashed: int = murmur2(key) & 0x7FFFFFFF
    return hashed
