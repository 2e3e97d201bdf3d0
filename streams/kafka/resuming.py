"""How far was published, told by the topic that the same transactions write."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from uuid import UUID

import orjson
from kafka import KafkaConsumer, TopicPartition

from ledger.book import Book
from ledger.errors import BadUsage, StoreRolledBack, StoreUnavailable
from streams.kafka.address import Kafka
from streams.kafka.cloud_events import Record

_KEY = b"publisher"
_WITHHELD = b"withheld:"
_POLL_MS = 200
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Point:
    """How far was published: events up to `position`, and the rows of views up to `rows`.

    `leaf` (hex) is of the event at `position`, by which another history is known, and `publisher` is
    drawn anew by each who publishes.
    """

    ledger: str
    publisher: str
    position: int = 0
    rows: int = 0
    leaf: str = ""

    @property
    def record(self) -> Record:
        """The point as it stands in the topic."""
        return Record(_KEY, orjson.dumps(asdict(self)), [])


@dataclass(slots=True)
class Resumed:
    """What the topic tells: the point, if there is one, and after which position events of whom are held back."""

    point: Point | None = None
    withheld: dict[str, int] = field(default_factory=dict)


def withheld_record(customer: str, after: int | None) -> Record:
    """That events of a customer are held back after a position; or, with None, that they no longer are."""
    return Record(
        _WITHHELD + customer.encode(),
        None if after is None else orjson.dumps({"after": after}),
        [],
    )


def resume(kafka: Kafka, topic: str) -> Resumed:
    """What was committed to the publisher's topic.

    Raises `StoreUnavailable` if it cannot be read to its end, and `KafkaError`.
    """
    found = Resumed()
    for key, value in _committed(kafka, topic):
        _take(found, key, value)
    return found


def shown_since(kafka: Kafka, topic: str, position: int) -> set[UUID]:
    """The customers whose row on a topic may have the event at a position in it.

    Raises `StoreUnavailable` if it cannot be read to its end, and `KafkaError`.
    """
    has: dict[bytes, int] = {}
    for key, value in _committed(kafka, topic):
        has[key] = 0 if value is None else orjson.loads(value)["position"]
    return {UUID(key.decode()) for key, upto in has.items() if upto >= position}


def _committed(kafka: Kafka, topic: str) -> Iterator[tuple[bytes, bytes | None]]:
    """Key and value of everything on a topic, in order of each key."""
    kafka.demand_answering()
    reader = KafkaConsumer(
        **kafka.arguments,
        isolation_level="read_committed",
        enable_auto_commit=False,
        group_id=None,
        metrics_enabled=False,
    )
    with closing(reader) as consumer:
        places = [TopicPartition(topic, one) for one in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        until = time.monotonic() + _PATIENCE_S
        while any(consumer.position(place) < end for place, end in ends.items()):
            for records in consumer.poll(_POLL_MS).values():
                until = time.monotonic() + _PATIENCE_S
                yield from ((record.key, record.value) for record in records)
            if time.monotonic() > until:
                raise StoreUnavailable(f"kafka {kafka.name}", f"topic {topic}: cannot be read")


def _take(found: Resumed, key: bytes, value: bytes | None) -> None:
    if key == _KEY and value is not None:
        found.point = Point(**orjson.loads(value))
    elif key.startswith(_WITHHELD):
        customer = key.removeprefix(_WITHHELD).decode()
        if value is None:
            found.withheld.pop(customer, None)
        else:
            found.withheld[customer] = orjson.loads(value)["after"]


def demand_same_book(book: Book, point: Point, prefix: str) -> None:
    """Whether the book is the one that was published, and has all that was.

    Raises `BadUsage` for another ledger's topics, `StoreRolledBack` for a book that is older or has
    another history.
    """
    if point.ledger != str(book.ledger_id):
        raise BadUsage(
            f"topics {prefix}.*: expected those of ledger {book.ledger_id}, found those of ledger "
            f"{point.ledger}; take another BAHI_KAFKA_PREFIX"
        )
    head = book.head()
    if head < point.position:
        raise StoreRolledBack(
            f"topics {prefix}.*: published up to position {point.position:,}, and the book ends at {head:,}: "
            "it is an older copy"
        )
    if point.position and leaf_at(book, point.position) != point.leaf:
        raise StoreRolledBack(
            f"topics {prefix}.*: the event at position {point.position:,} is not the one that was published: "
            "the book is another copy, gone on by itself"
        )


def leaf_at(book: Book, position: int) -> str:
    """The leaf (hex) of the event at a position that the book has."""
    (row,) = book.rows(position - 1, upto=position)
    return row.leaf.hex()
