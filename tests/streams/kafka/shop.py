"""A small shop whose book is published, and a look at its topics that shares nothing with the publisher."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from kafka import KafkaConsumer, TopicPartition

from api.wiring import Bahi
from commands.identity import merge, split
from commands.privacy.erasing import erase
from commands.record import record
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.identifiers import Identifier
from ledger.settings import Settings
from streams.kafka.publishing import Lag, Publisher, Told
from tests.commands.samples import CLERK, touchpoint

PARTITIONS = 3


class Seen(NamedTuple):
    """A record as a subscriber sees it."""

    key: str
    value: Any
    headers: dict[str, str]

    @property
    def position(self) -> int:
        return int(self.headers["ce_position"])


def committed(bootstrap: str, topic: str) -> list[Seen]:
    """Every committed record of a topic, partition by partition, in order."""
    consumer = KafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", enable_auto_commit=False
    )
    with closing(consumer):
        places = [
            TopicPartition(topic, one) for one in sorted(consumer.partitions_for_topic(topic))
        ]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: dict[TopicPartition, list[Seen]] = {place: [] for place in places}
        while any(consumer.position(place) < end for place, end in ends.items()):
            for place, records in consumer.poll(200).items():
                found[place] += [_seen(one) for one in records]
    return [one for place in places for one in found[place]]


def _seen(one: Any) -> Seen:
    value = None if one.value is None else json.loads(one.value)
    headers = {name: text.decode() for name, text in one.headers}
    assert len(headers) == len(one.headers)
    return Seen(one.key.decode(), value, headers)


def latest(bootstrap: str, topic: str) -> dict[str, Any]:
    """What compaction would leave: the last value of each key, without those that end in a tombstone."""
    values = {one.key: one.value for one in committed(bootstrap, topic)}
    return {key: value for key, value in values.items() if value is not None}


def recorded(home: Path) -> list[tuple[int, dict[str, Any]]]:
    """Position and envelope of every event, by plain SQL."""
    with closing(sqlite3.connect(home / "book" / "book.db")) as connection:
        rows = connection.execute("SELECT position, body FROM event ORDER BY position").fetchall()
    return [(position, json.loads(body)) for position, body in rows]


def published(home: Path) -> list[tuple[str, int]]:
    """Key and position of each event that is for everybody, as the book has them."""
    return [
        (event.get("customer") or event["type"], position)
        for position, event in recorded(home)
        if event["domain"] in {"touchpoint", "sales", "service"}
    ]


def by_key(pairs: Sequence[tuple[str, int]]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for key, position in pairs:
        found.setdefault(key, []).append(position)
    return found


def expect_each_once(shop: "Shop") -> None:
    """Records, not distinct ones: every event under its key, in order."""
    seen = [(one.key, one.position) for one in shop.committed("events")]
    assert by_key(seen) == by_key(published(shop.home))


class Shop:
    """The shop, open, with topics of its own."""

    def __init__(self, bahi: Bahi, bootstrap: str) -> None:
        self.bahi = bahi
        self.bootstrap = bootstrap
        self.home = bahi.settings.home
        self._count = 0

    def topic(self, name: str) -> str:
        return f"{self.bahi.settings.kafka_prefix}.{name}"

    def committed(self, name: str) -> list[Seen]:
        return committed(self.bootstrap, self.topic(name))

    def latest(self, name: str) -> dict[str, Any]:
        return latest(self.bootstrap, self.topic(name))

    def publish(self, told: Told | None = None) -> Lag:
        return Publisher(self.bahi.reading).run(lambda: False, told, once=True)

    def orders(self, who: str, count: int = 1) -> UUID:
        """So many orders of somebody; their customer."""
        named = {"user": who, "email": f"{who}@example.com"}
        self.take(*(touchpoint(self._new(), who=named) for _ in range(count)))
        return self.customer(who)

    def take(self, *items: Touchpoint) -> None:
        outcomes = record(
            self.bahi.ledger, items, clock=self.bahi.clock, future_tolerance=timedelta(days=1)
        )
        assert [outcome.refusal for outcome in outcomes] == [None] * len(items)

    def customer(self, who: str) -> UUID:
        found = self.bahi.ledger.vault.look_up(Identifier("user", who))
        assert found is not None
        return found

    def consents(self, who: UUID, purpose: str = "marketing", channel: str = "email") -> None:
        self.take(
            self._of(
                who, "consent.given", data={"purpose": purpose, "channel": channel}, source="web"
            )
        )

    def deal(self, number: str, who: UUID) -> None:
        data = {"pipeline": "new", "stage": "first"}
        self.take(
            self._of(who, "deal.opened", data=data, references={"deal": number}, source="crm")
        )

    def _of(self, who: UUID, topic: str, **said: Any) -> Touchpoint:
        return replace(touchpoint(self._new(), topic, who={}, **said), customer=who)

    def say(self, topic: str, who: UUID, **data: Any) -> None:
        """A guarded command about somebody."""
        payload = catalogue.parse(topic, data, at_a_door=False)
        asked = Touchpoint(
            payload, self.bahi.clock(), "bahi", self._new(), customer=who, actor=CLERK
        )
        if topic == "customers.merged":
            merge(self.bahi.desk, asked, despite_identifiers=True)
        elif topic == "customers.split":
            split(self.bahi.desk, asked)
        else:
            self.bahi.desk.carry_out(asked, RULES[type(payload)])

    def merge(self, one: UUID, other: UUID) -> None:
        self.say("customers.merged", one, other=str(other), reason_given="same")

    def split(self, one: UUID, other: UUID) -> None:
        self.say("customers.split", one, other=str(other), reason_given="not the same")

    def restrict(self, who: UUID) -> None:
        self.say("customer.restricted", who, ground="contested")

    def unrestrict(self, who: UUID) -> None:
        self.say("customer.unrestricted", who, ground="settled")

    def erase(self, who: UUID) -> None:
        erase(self.bahi.office, [who], legal_basis="gdpr-17-1-b", actor=CLERK)

    def _new(self) -> str:
        self._count += 1
        return f"m{self._count}-{uuid4()}"


@contextmanager
def opened(home: Path, bootstrap: str, prefix: str | None = None) -> Iterator[Shop]:
    """The shop in a folder, with topics of a new prefix unless one is given."""
    settings = Settings(
        home=home,
        ledger="",
        vault="",
        keyring=None,
        history=None,
        kafka=(bootstrap,),
        kafka_prefix=prefix or f"t-{uuid4().hex[:12]}",
        kafka_partitions=PARTITIONS,
    )
    with Bahi.open(settings) as bahi:
        yield Shop(bahi, bootstrap)
