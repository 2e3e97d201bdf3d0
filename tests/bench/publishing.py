"""Publishing to Kafka, against a bare producer of the client's that sends the very same messages."""

import atexit
import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from api.wiring import Bahi
from ledger.settings import Settings
from streams.kafka.publishing import Publisher
from streams.kafka.transactions import COMPRESSION
from tests.bench.catch_up import history
from tests.bench.runner import Comparison, Side
from tests.servers.kafka import Kafka

_AT_ONCE = 5_000
_PARTITIONS = 12
_SAME = 100_000
"""Messages of theirs, the first that we published: rates are compared."""


def comparisons(count: int) -> Iterator[Comparison]:
    """From a book in SQLite, its views current, to events and rows on the topics."""
    yield Comparison(
        what="publish to Kafka",
        baseline=f"a bare kafka-python producer, the same messages, keys and headers, {COMPRESSION}",
        durability=f"both: acks=all, idempotent, a transaction for {_AT_ONCE:,} events; one broker",
        ours=partial(_publishing, count),
        theirs=partial(producing, count),
        must=0.7,
        aim=0.9,
    )


@cache
def broker() -> str:
    """A broker of our own, stopped when the process ends."""
    server = Kafka().start()
    atexit.register(server.close)
    return server.bootstrap


@cache
def _home(count: int) -> Path:
    """A ledger with so many events, all folded; written once for all rounds."""
    home = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    events = history(count)
    with Bahi.open(_settings(home, "none")) as bahi:
        while batch := list(islice(events, _AT_ONCE)):
            bahi.ledger.book.append(batch)
        bahi.catch_up()
    return home


def _settings(home: Path, prefix: str) -> Settings:
    return Settings(
        home=home, ledger="", vault="", keyring=None, history=None,
        kafka=(broker(),), kafka_prefix=prefix, kafka_partitions=_PARTITIONS,
    )  # fmt: skip


@cache
def _published(count: int) -> str:
    """The prefix of topics on which everything has been published once."""
    prefix = f"bench-{uuid4().hex}"
    with Bahi.open(_settings(_home(count), prefix)) as bahi:
        Publisher(bahi.reading).run(lambda: False, once=True)
    return prefix


def _publishing(count: int, _folder: Path) -> Side:
    messages = sum(1 for _ in _messages(_published(count)))
    bahi = Bahi.open(_settings(_home(count), f"bench-{uuid4().hex}"))
    assert bahi.views.folds  # read from their files: whoever publishes for long has them

    as_a_process_of_its_own()

    def side() -> int:
        with bahi:
            Publisher(bahi.reading).run(lambda: False, once=True)
        return messages

    return side


def as_a_process_of_its_own() -> None:
    """Have cycles looked for as `bahi` does, and not in what the benchmark itself holds."""
    gc.set_threshold(100_000, 20, 100)
    gc.freeze()


def _messages(prefix: str) -> Iterator[Any]:
    """Everything on these topics, topic by topic."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker(), isolation_level="read_committed", enable_auto_commit=False
    )
    with closing(consumer):
        for topic in sorted(one for one in consumer.topics() if one.startswith(prefix)):
            places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
            consumer.assign(places)
            consumer.seek_to_beginning(*places)
            ends = consumer.end_offsets(places)
            while any(consumer.position(place) < end for place, end in ends.items()):
                for records in consumer.poll(200).values():
                    yield from records


def producing(count: int, _folder: Path) -> Side:
    """The first of what we published, sent again in transactions of as many, and nothing else done."""
    messages = [
        (one.topic.rpartition(".")[2], one.value, one.key, one.headers)
        for one in islice(_messages(_published(count)), _SAME)
    ]
    prefix = f"bench-{uuid4().hex}"
    topics = {name: f"{prefix}.{name}" for name, *_ in messages}
    with closing(KafkaAdminClient(bootstrap_servers=broker())) as admin:
        made = {name: {"num_partitions": _PARTITIONS} for name in topics.values()}
        admin.create_topics(made, wait_for_metadata=True)

    as_a_process_of_its_own()

    def side() -> int:
        producer = KafkaProducer(
            bootstrap_servers=broker(),
            transactional_id=prefix,
            compression_type=COMPRESSION,
            batch_size=262_144,
            linger_ms=20,
        )
        with closing(producer):
            producer.init_transactions()
            for start in range(0, len(messages), _AT_ONCE):
                producer.begin_transaction()
                for topic, value, key, headers in messages[start : start + _AT_ONCE]:
                    producer.send(topics[topic], value, key, headers)
                producer.commit_transaction()
        return len(messages)

    return side
