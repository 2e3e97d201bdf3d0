"""Consuming from Kafka, against recording the same touchpoints, parsed beforehand, in batches as large."""

import atexit
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaProducer

from api.wiring import Bahi
from commands.record import BATCH, record
from commands.touchpoint import Touchpoint
from ledger.settings import Settings
from streams.kafka.consuming import Consumer
from streams.kafka.messages import Reader
from tests.bench import made
from tests.bench.publishing import as_a_process_of_its_own
from tests.bench.runner import Comparison, Side
from tests.servers.kafka import Kafka

_PARTITIONS = 12


def comparisons(count: int) -> Iterator[Comparison]:
    """CloudEvents in binary mode into a book in SQLite."""
    yield Comparison(
        what="consume from Kafka",
        baseline=f"recording the same touchpoints, {BATCH:,} at once, without Kafka",
        durability="both: SQLite, synchronous=FULL, a commit an append; ours commits its offsets after it",
        ours=partial(_consuming, count),
        theirs=partial(_recording, count),
        must=0.5,
    )


@cache
def _broker() -> str:
    """A broker of our own, stopped when the process ends."""
    server = Kafka().start()
    atexit.register(server.close)
    return server.bootstrap


@cache
def _topic(count: int) -> str:
    """A topic with so many events, sent once for all rounds."""
    topic = f"bench-{uuid4().hex}"
    with closing(KafkaAdminClient(bootstrap_servers=_broker())) as admin:
        admin.create_topics({topic: {"num_partitions": _PARTITIONS}}, wait_for_metadata=True)
    with closing(KafkaProducer(bootstrap_servers=_broker(), compression_type="zstd")) as producer:
        for one in made.touchpoints(count):
            value, headers = _sent(one)
            producer.send(topic, value, one.identifiers[0].value.encode(), headers)
    return topic


def _sent(one: Touchpoint) -> tuple[bytes, list[tuple[str, bytes]]]:
    said = {
        "identifiers": {named.kind: named.value for named in one.identifiers},
        "tags": one.tags,
        "data": one.payload.clear(),
    }
    headers = {
        "ce_specversion": "1.0",
        "ce_id": one.message_id,
        "ce_source": "/shop",
        "ce_type": one.payload.TOPIC,
        "ce_time": one.occurred_at.isoformat(),
        "content-type": "application/json",
    }
    return json.dumps(said).encode(), [(name, text.encode()) for name, text in headers.items()]


def _opened(folder: Path) -> Bahi:
    settings = Settings(
        home=folder, ledger="", vault="", keyring=None, history=None,
        kafka=(_broker(),), kafka_prefix=f"bench-{uuid4().hex}", kafka_partitions=1,
    )  # fmt: skip
    return Bahi.open(settings)


def _consuming(count: int, folder: Path) -> Side:
    topic, bahi = _topic(count), _opened(folder)
    consumer = Consumer(
        bahi.ledger, bahi.settings, bahi.intake, [topic], source="shop", reader=Reader("shop")
    )

    as_a_process_of_its_own()

    def side() -> int:
        with bahi:
            taken = consumer.run(lambda: False, once=True)
        assert taken.appended == count
        return count

    return side


def _recording(count: int, folder: Path) -> Side:
    bahi, given = _opened(folder), list(made.touchpoints(count))
    as_a_process_of_its_own()

    def side() -> int:
        with bahi:
            tolerance = timedelta(days=1)
            for _ in record(bahi.ledger, given, clock=bahi.clock, future_tolerance=tolerance):
                pass
        return count

    return side
