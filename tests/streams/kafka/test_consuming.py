"""What others publish is taken in: each message once, through kills, redelivery and rebalances."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from ledger.errors import BadUsage, NotFound, StoreUnavailable
from streams.files import parse_mapping
from streams.kafka import consuming
from streams.kafka.consuming import Taken
from streams.kafka.messages import Reader
from tests.ledger.processes import run_until_killed
from tests.streams.kafka.sender import Sent, event, send, structured, topic
from tests.streams.kafka.shop import Shop, opened, recorded
from tests.streams.kafka.taking import (
    consume,
    consumer,
    counts,
    expect_once_each,
    numbered,
    numbers,
)


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Shop]:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        yield shop


def test_messages_are_taken_once_and_in_order(shop: Shop) -> None:
    with topic(shop.bootstrap, partitions=2) as there:
        send(shop.bootstrap, there, [numbered(n, n % 2) for n in range(100)])
        taken = consume(shop, there)
        assert counts(taken) == (100, 100, 0, 0)
        assert taken.waiting == {f"{there}/0": 0, f"{there}/1": 0}
        for parity in (0, 1):
            assert [n for n in numbers(shop) if n % 2 == parity] == [*range(parity, 100, 2)]
        assert counts(consume(shop, there)) == (0, 0, 0, 0)  # from what was committed
        send(shop.bootstrap, there, [numbered(n) for n in (3, 100)])  # one is sent again
        assert counts(consume(shop, there)) == (2, 1, 1, 0)
        assert counts(consume(shop, there, group=f"g-{uuid4()}")) == (102, 0, 102, 0)
        expect_once_each(shop, range(101))


def test_what_a_sender_has_not_committed_is_not_taken(shop: Shop) -> None:
    with topic(shop.bootstrap) as there:
        one = numbered(1)
        producer = KafkaProducer(bootstrap_servers=shop.bootstrap, transactional_id=f"x-{uuid4()}")
        producer.init_transactions()
        for end in (producer.abort_transaction, producer.commit_transaction):
            producer.begin_transaction()
            producer.send(there, one.value, None, one.headers)
            producer.flush()
            end()
        producer.close()
        assert counts(consume(shop, there)) == (1, 1, 0, 0)


def test_each_format_is_taken_for_what_it_is(shop: Shop) -> None:
    mapping = parse_mapping("""
        source = "shop"
        [event]
        type = "order.placed"
        occurred_at = "when"
        [identifiers]
        user = "who"
        [fields]
        amount_minor = "minor"
        currency = { value = "EUR" }
    """)
    row = {"when": "2026-01-02T03:04:05Z", "who": "u1", "minor": 5}
    call = {"type": "track", "event": "x", "userId": "u1", "messageId": "m-1"}
    with topic(shop.bootstrap) as mapped, topic(shop.bootstrap) as others:
        send(shop.bootstrap, mapped, [Sent(json.dumps(row).encode()), event("1")])
        send(shop.bootstrap, others, [Sent(json.dumps(call).encode()), structured("2")])
        with_mapping = Reader("shop", mapping=mapping)
        assert counts(consume(shop, mapped, reader=with_mapping)) == (2, 2, 0, 0)
        assert counts(consume(shop, others)) == (2, 2, 0, 0)
        kinds = Counter(event["type"] for _, event in recorded(shop.home))
        assert kinds == {"order.placed": 3, "custom.tracked": 1}


def test_topics_that_are_not_there_and_those_of_ours_are_refused(shop: Shop) -> None:
    with pytest.raises(NotFound, match="no topic nowhere"):
        consume(shop, "nowhere")
    with pytest.raises(BadUsage, match="expected topics of others"):
        consume(shop, shop.topic("events"))


def test_nobody_listening_is_said_at_once(tmp_path: Path) -> None:
    with opened(tmp_path / "home", "127.0.0.1:9") as shop, pytest.raises(StoreUnavailable):
        consume(shop, "orders")


KILLED = """
import os, signal, sys
from pathlib import Path
from streams.kafka import consuming
from tests.streams.kafka.shop import opened
from tests.streams.kafka.taking import consume

home, bootstrap, prefix, topic, group, batches = sys.argv[1:]
left = [None] * int(batches)
consuming.BATCH = 10
consuming._SESSION_MS = 2_000
commit = consuming._Session._commit

def killed(self):
    # What was fetched is in the book by now.
    left.pop()
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
    commit(self)

consuming._Session._commit = killed
with opened(Path(home), bootstrap, prefix) as shop:
    consume(shop, topic, group=group)
"""


def test_a_consumer_killed_between_append_and_commit_has_taken_each_once(shop: Shop) -> None:
    prefix, group = shop.bahi.settings.kafka_prefix, f"g-{uuid4()}"
    with topic(shop.bootstrap) as there:
        send(shop.bootstrap, there, [numbered(n) for n in range(50)])
        run_until_killed(KILLED, shop.home, shop.bootstrap, prefix, there, group, 2)
        before = len(numbers(shop))
        assert before >= 11
        taken = consume(shop, there, group=group)
        assert taken.duplicates > 0
        assert taken.appended == 50 - before
        expect_once_each(shop, range(50))


DEAD = """
import os, signal, sys
from kafka import KafkaConsumer

signal.alarm(60)  # whoever started it may have died
topic, group, bootstrap = sys.argv[1:]
member = KafkaConsumer(
    bootstrap_servers=bootstrap, group_id=group, session_timeout_ms=2_000,
    heartbeat_interval_ms=100, enable_auto_commit=False, auto_offset_reset="earliest",
)
member.partitions_for_topic(topic)
member.subscribe([topic])
while len(member.assignment()) != 2:
    member.poll(50)
print("alone", flush=True)
while len(member.assignment()) != 1:
    member.poll(50)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_end_is_not_before_what_a_dead_member_of_the_group_still_holds(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_SESSION_MS", 2_000)
    group = f"g-{uuid4()}"
    with topic(shop.bootstrap, partitions=2) as there:
        send(shop.bootstrap, there, [numbered(n, n % 2) for n in range(20)])
        given = [sys.executable, "-c", DEAD, there, group, shop.bootstrap]
        with subprocess.Popen(given, stdout=subprocess.PIPE, text=True) as member:
            try:
                assert member.stdout is not None
                assert member.stdout.readline() == "alone\n"
                taken = consume(shop, there, group=group)
            except BaseException:
                member.kill()
                raise
        assert member.returncode == -signal.SIGKILL
        assert counts(taken) == (20, 20, 0, 0)
        assert sum(taken.waiting.values()) == 0
        expect_once_each(shop, range(20))


def test_what_others_of_the_group_do_not_get_on_with_is_told_as_waiting(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "_SESSION_MS", 1_000)
    group = f"g-{uuid4()}"
    with topic(shop.bootstrap, partitions=2) as there:
        send(shop.bootstrap, there, [numbered(n, n % 2) for n in range(20)])
        idle = KafkaConsumer(
            bootstrap_servers=shop.bootstrap, group_id=group,
            enable_auto_commit=False, auto_offset_reset="earliest",
        )  # fmt: skip
        idle.partitions_for_topic(there)
        idle.subscribe([there])
        stop = threading.Event()

        def be_idle() -> None:
            while not stop.is_set():
                idle.poll(50)

        with closing(idle):
            until(lambda: bool(idle.poll(50) or idle.assignment()))
            thread = threading.Thread(target=be_idle)
            thread.start()
            try:
                taken = consume(shop, there, group=group)
            finally:
                stop.set()
                thread.join()
        assert counts(taken) == (10, 10, 0, 0)
        assert sorted(taken.waiting.values()) == [0, 10]


def test_how_far_it_is_is_committed_also_behind_what_was_taken_back(shop: Shop) -> None:
    group = f"g-{uuid4()}"
    with topic(shop.bootstrap) as there:
        one = numbered(1)
        producer = KafkaProducer(bootstrap_servers=shop.bootstrap, transactional_id=f"x-{uuid4()}")
        producer.init_transactions()
        for end, count in ((producer.commit_transaction, 1), (producer.abort_transaction, 0)):
            producer.begin_transaction()
            producer.send(there, one.value, None, one.headers)
            producer.flush()
            end()
            assert counts(consume(shop, there, group=group)) == (count, count, 0, 0)
        producer.close()
        with closing(KafkaConsumer(bootstrap_servers=shop.bootstrap, group_id=group)) as asking:
            place = TopicPartition(there, 0)
            ends = asking.end_offsets([place])
            assert asking.committed(place) == ends[place] == 4


def test_two_of_a_group_share_the_messages_and_either_goes_on_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consuming, "BATCH", 7)
    group, count, partitions = f"g-{uuid4()}", 300, 4
    stops = [threading.Event(), threading.Event()]
    told: list[Taken] = [Taken(), Taken()]
    with topic(shop.bootstrap, partitions=partitions) as there:
        send(shop.bootstrap, there, [numbered(n, n % partitions) for n in range(count // 2)])

        def run(which: int) -> None:
            one = consumer(shop, there, group=group)
            told[which] = one.run(stops[which].is_set)

        threads = [threading.Thread(target=run, args=(which,)) for which in (0, 1)]
        threads[0].start()
        until(lambda: len(numbers(shop)) > 10)
        threads[1].start()
        until(lambda: len(numbers(shop)) >= count // 2)
        send(shop.bootstrap, there, [numbered(n, n % partitions) for n in range(count // 2, count)])
        stops[0].set()
        until(lambda: len(numbers(shop)) >= count)
        stops[1].set()
        for thread in threads:
            thread.join(30)
        expect_once_each(shop, range(count))
        assert sum(one.appended for one in told) == count
        assert all(one.appended for one in told)
        assert sum(one.refused for one in told) == 0
        assert counts(consume(shop, there, group=group)) == (0, 0, 0, 0)


def until(there: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not there():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)
