"""A topic as a subscriber of what is committed finds it: by librdkafka, which shares nothing with us."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Record:
    """One record: of two with the same content each is one."""

    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    ms: int = 0
    """When it was sent, since 1970."""

    @cached_property
    def said(self) -> Mapping[str, str]:
        """The headers by name."""
        return {name: text.decode() for name, text in self.headers}

    @cached_property
    def json(self) -> Any:
        """The value; None for a tombstone."""
        return None if self.value is None else orjson.loads(self.value)

    @property
    def position(self) -> int:
        """Of the event that it tells of."""
        return int(self.said["ce_position"])


@dataclass(frozen=True)
class Topic:
    """Every committed record, partition by partition, in order."""

    records: Sequence[Record] = ()
    open: Mapping[int, int] = field(default_factory=dict)
    """How many offsets of each partition are behind the begin of a transaction that is not ended."""

    @cached_property
    def latest(self) -> Mapping[str, Any]:
        """What compaction would leave in the end: the last value of each key, without tombstones."""
        values = {record.key: record for record in self.records}
        return {key: record.json for key, record in values.items() if record.value is not None}


def read(bootstrap: str, topic: str) -> Topic:
    """A topic from its beginning to where everything before is committed or aborted."""
    places = _places(bootstrap, topic)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"audit-{uuid4()}",
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "log_level": 2,
        }
    )
    found: dict[int, list[Record]] = {place.partition: [] for place in places}
    with closing(consumer):
        consumer.assign([Place(topic, place.partition, 0) for place in places])
        at_end: set[int] = set()
        while len(at_end) < len(places):
            message = consumer.poll(_PATIENCE_S)
            if message is None:
                raise TimeoutError(f"topic {topic} cannot be read to its end")
            partition = message.partition()
            assert partition is not None
            if (error := message.error()) is None:
                at_end.discard(partition)
                found[partition].append(_record(partition, message))
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(partition)
            else:
                raise KafkaException(error)
    return Topic(
        [record for partition in sorted(found) for record in found[partition]],
        dict(_open(bootstrap, places)),
    )


def _record(partition: int, message: Message) -> Record:
    key, value, offset = message.key(), message.value(), message.offset()
    assert isinstance(key, bytes)
    assert offset is not None
    assert value is None or isinstance(value, bytes)
    told = message.headers() or ()
    pairs = told.items() if isinstance(told, dict) else told
    headers = [(name, text) for name, text in pairs if isinstance(text, bytes)]
    return Record(partition, offset, key.decode(), value, headers, message.timestamp()[1])


def admin(bootstrap: str) -> AdminClient:
    # It tells stderr of a broker that was away, and that is none of its business.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})


def _places(bootstrap: str, topic: str) -> list[Place]:
    told = admin(bootstrap).list_topics(topic, timeout=_PATIENCE_S)
    places = [Place(topic, partition) for partition in sorted(told.topics[topic].partitions)]
    if not places:
        raise LookupError(f"there is no topic {topic}")
    return places


def _open(bootstrap: str, places: Sequence[Place]) -> Iterator[tuple[int, int]]:
    """Partitions with more than is committed or aborted."""
    client = admin(bootstrap)
    latest: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = [
        {
            place: asked.result(_PATIENCE_S).offset
            for place, asked in client.list_offsets(
                dict.fromkeys(places, latest), isolation_level=level
            ).items()
        }
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
    ]
    for place, end in ends[0].items():
        if ends[1][place] > end:
            yield place.partition, ends[1][place] - end
