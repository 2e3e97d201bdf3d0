"""Rounds of consuming: what is sent comes in, each message once, whoever takes it and however often it is delivered."""

import json
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import NewTopic  # type: ignore[attr-defined]

from tests.soak.server import Server
from tests.soak.streams import consumed
from tests.soak.streams.broker import Broker
from tests.soak.streams.reading import admin
from tests.soak.streams.rounds import PATIENCE_S, Fault, Round, Stage, staged
from tests.soak.tables import PostgresStore

_PARTITIONS = 4
_ANSWERED_S = 10.0


def consuming_round(
    seed: int, folder: Path, broker: Broker, server: Server | None, faults: int
) -> Round:
    """A group takes in what is sent, while its members are killed, held and joined by others, messages are
    delivered anew from the first, and broker and ledger go away; without a server the ledger is a file.
    """
    with staged(Round(seed, "consuming"), folder, broker) as stage:
        schema, before = f"soak_{time.time_ns()}", Counter[str]()
        heavy = stage.broker_faults()
        if server is not None:
            before = server.done.copy()
            stage.address = f"{server.url}?schema={schema}&sslmode=disable&gssencmode=disable"
            stage.vault = stage.address.replace(schema, f"{schema}_vault")
            stage.store = PostgresStore(server.url, schema)
            heavy += [server.kill, server.restart, server.quit]
        group = _Group(stage, broker)
        stage.demand([stage.start("begin", "begin")], "it did not begin a ledger")
        stage.start("send", "send")
        group.start()
        group.start()
        light: list[Fault] = [
            group.kill,
            group.kill,
            group.hold,
            group.join,
            group.leave,
            group.rewind,
        ]
        stage.suffer(faults, light, heavy)
        stage.finish("send", "consume")
        group.wait_until_empty()  # else whoever comes next shares the topic with the dead
        stage.run("consume_all", "letters")
        result = stage.result
        told = (folder / "letters.said").read_text() or "[]"
        intake = consumed.opened(
            stage.store, broker.bootstrap, group.topic, f"{stage.prefix}.dead", json.loads(told)
        )
        result.events, result.records = len(intake.rows), len(intake.sent.records)
        result.wrong += consumed.audit(intake)
        if server is not None:
            result.done += server.done - before
            if result.wrong:
                server.keep(schema, folder)
            else:
                server.forget(schema)
    return result


class _Group:
    """Those who consume a topic of their own, and what is done to them; the group is called after the topic."""

    def __init__(self, stage: Stage, broker: Broker) -> None:
        self._stage = stage
        self._crew = stage.crew
        self._chance = stage.chance
        self.topic = f"{stage.prefix}-given"
        self._bootstrap = broker.bootstrap
        client = admin(broker.bootstrap)
        client.create_topics([NewTopic(self.topic, _PARTITIONS)])[self.topic].result(30)

    def start(self) -> None:
        self._stage.start("consume", f"consume{len(self._stage.of('consume'))}")

    def kill(self) -> None:
        one = self._chance.choice(self._stage.of("consume"))
        self._crew.kill(one, self._chance.uniform(0, 1))

    def hold(self) -> None:
        """Let one stand still for so long that it is missed, or not."""
        one = self._chance.choice(self._stage.of("consume"))
        self._crew.hold(one, self._chance.uniform(0.5, 4))

    def join(self) -> None:
        self.start()
        self._stage.result.done["joined"] += 1

    def leave(self) -> None:
        """One leaves in good order, and another joins."""
        one = self._chance.choice(self._stage.of("consume"))
        if not one.ended and one.back_at is None and one.held_until is None:
            one.process.terminate()
            self._stage.result.done["left"] += 1
        self.join()

    def rewind(self) -> None:
        """Have everything delivered anew, which takes a group that nobody is in."""
        for member in self._stage.of("consume"):
            self._crew.kill(member, PATIENCE_S)
        end = time.monotonic() + PATIENCE_S
        while not self._is_at_the_first():
            assert time.monotonic() < end, "members of the group are not missed"
            time.sleep(0.2)
        for member in self._stage.of("consume"):
            if member.back_at is not None:
                member.back_at = 0
        self._stage.result.done["delivered anew"] += 1

    def wait_until_empty(self) -> None:
        """Until the last who was killed is missed."""
        end = time.monotonic() + PATIENCE_S
        while not self._is_empty():
            assert time.monotonic() < end, "members of the group are not missed"
            time.sleep(0.2)

    def _is_empty(self) -> bool:
        with suppress(KafkaException, TimeoutError):  # the broker may just have come back
            client = admin(self._bootstrap)  # one that knew the broker before may wait for good
            (asked,) = client.describe_consumer_groups(
                [self.topic], request_timeout=_ANSWERED_S
            ).values()
            return not asked.result(_ANSWERED_S).members
        return False

    def _is_at_the_first(self) -> bool:
        places = [Place(self.topic, partition, 0) for partition in range(_PARTITIONS)]
        anew = ConsumerGroupTopicPartitions(self.topic, places)
        with suppress(KafkaException, TimeoutError):  # or somebody is not missed yet
            client = admin(self._bootstrap)
            (asked,) = client.alter_consumer_group_offsets(
                [anew], request_timeout=_ANSWERED_S
            ).values()
            return all(one.error is None for one in asked.result(_ANSWERED_S).topic_partitions)
        return False
