"""Nobody can be read in a broker's files, and who is gone is gone from what it compacts.

The search is proven first, on texts planted under each compression.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
)

from tests.servers import Kafka
from tests.soak.streams.reading import admin, read
from tests.streams.kafka import shop
from tests.streams.kafka.shop import Shop
from tests.system.leaks import Search
from tests.system.people import Person, made, write
from tests.system.segments import unpacked
from tests.system.topics import Streaming

PEOPLE = 80
COMPACTED = ("customers", "consents", "deals", "publisher")
_AT_ONCE = {
    "segment.ms": "50",
    "min.cleanable.dirty.ratio": "0",
    "max.compaction.lag.ms": "1",
    "delete.retention.ms": "0",
}
_FILLER = "filler"
_PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka({"log.cleaner.backoff.ms": "100"}) as kafka:
        yield kafka


def _logs(kafka: Kafka) -> Path:
    return kafka.folder / "data"


def _in_files(kafka: Kafka, search: Search, but: str = "-") -> dict[str, set[str]]:
    """What can be read in the broker's files as they are, and in what is packed in them; where."""
    leaks = search.in_folder(_logs(kafka))
    for path, codec, records in unpacked(_logs(kafka)):
        leaks |= search.in_bytes(records, f"{path} ({codec})")
    found: dict[str, set[str]] = {}
    for leak in leaks:
        if f"/{but}-" not in leak.where:
            found.setdefault(leak.text, set()).add(leak.where)
    return found


def _create(client: AdminClient, topic: str, partitions: int, **config: str) -> None:
    client.create_topics([NewTopic(topic, partitions, config=config)])[topic].result(30)


def test_a_text_is_found_under_each_compression(kafka: Kafka) -> None:
    """Also under the broker's own, which Java has made: its snappy is not everybody's."""
    codecs = ("none", "gzip", "snappy", "lz4", "zstd", "snappy by Java")
    people, client = (
        dict(zip(codecs, made(len(codecs), seed=3), strict=True)),
        admin(kafka.bootstrap),
    )
    for codec, person in people.items():
        topic, (name, *by_broker) = f"planted-{codec.replace(' ', '-')}", codec.split(" ")
        config = {"compression.type": name} if by_broker else {}
        _create(client, topic, 1, **config)
        sent_as = "none" if by_broker else name
        producer = Producer(
            {"bootstrap.servers": kafka.bootstrap, "compression.type": sent_as, "log_level": 2}
        )
        for _ in range(20):
            producer.produce(topic, json.dumps(person.__dict__, ensure_ascii=False), "key")
        assert producer.flush(30) == 0
    search = Search([text for person in people.values() for text in person.texts()])
    found = _in_files(kafka, search)
    for codec, person in people.items():
        ending = f"({codec.partition(' ')[0]})"
        for text in person.texts():
            assert any(where.endswith(ending) for where in found[text]), codec
    as_they_are = {leak.text for leak in search.in_folder(_logs(kafka))}
    assert as_they_are.isdisjoint(people["gzip"].texts())  # it takes unpacking


def _send(scratch: Streaming, people: list[Person], topic: str) -> None:
    """What others send: CloudEvents, of which every fifth is cut off."""
    producer = Producer({"bootstrap.servers": scratch.bootstrap, "log_level": 2})
    for number, person in enumerate(people):
        event = {
            "specversion": "1.0", "id": str(number), "source": "/shop", "type": "order.placed",
            "time": "2026-01-05T00:00:00Z",
            "data": {
                "identifiers": {"user": person.user, "email": person.mail},
                "data": {"currency": "EUR", "amount_minor": 7, "note": person.note},
            },
        }  # fmt: skip
        text = json.dumps(event, ensure_ascii=False)
        kind: list[tuple[str, str | bytes | None]] = [
            ("content-type", "application/cloudevents+json")
        ]
        producer.produce(topic, text[: None if number % 5 else -20], person.mail, headers=kind)
    assert producer.flush(30) == 0


def _at_work(shop_: Shop, people: list[Person]) -> tuple[list[UUID], UUID]:
    """Consents and deals, merges, a restriction, and erasures; who is gone, and who is read as another."""
    ada, bob, eve, joe, kim, lea = (shop_.customer(person.user) for person in people)
    for one in (ada, bob, eve, joe, kim, lea):
        shop_.consents(one)
        shop_.deal(f"d-{one}", one)
    shop_.publish()
    shop_.merge(ada, bob)
    shop_.merge(joe, kim)
    shop_.restrict(lea)
    shop_.consents(lea, channel="sms")
    shop_.deal("held back", lea)
    assert shop_.publish().held_back == 1
    shop_.unrestrict(lea)
    shop_.erase(joe)  # and kim with her
    shop_.erase(lea)
    shop_.erase(eve)
    assert shop_.publish().held_back == 0
    (member,) = {ada, bob} - {shop_.bahi.reading.people.now().canonical(ada)}
    return [eve, joe, kim, lea], member


def _named_in_compacted(kafka: Kafka, prefix: str, gone: list[UUID], merged: UUID) -> set[str]:
    """Topics with any of these in any file, as it is or unpacked. A deal is with whom it was told to be
    with, also if that is read as another since.
    """
    found = set()
    for topic in COMPACTED:
        search = Search(map(str, gone if topic == "deals" else [*gone, merged]))
        for folder in _logs(kafka).glob(f"{prefix}.{topic}-*"):
            leaks = search.in_folder(folder)
            for path, codec, records in unpacked(folder):
                leaks |= search.in_bytes(records, f"{path} ({codec})")
            if leaks:
                found.add(topic)
    return found


def _compact(client: AdminClient, scratch: Streaming) -> None:
    """Have the broker compact at once whatever is not in the segment that is written to."""
    changes = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in _AT_ONCE.items()
    ]
    wanted = [
        ConfigResource(
            ConfigResource.Type.TOPIC, f"{scratch.prefix}.{topic}", incremental_configs=changes
        )
        for topic in COMPACTED
    ]
    for done in client.incremental_alter_configs(wanted).values():
        done.result(30)


def _write_on(scratch: Streaming) -> None:
    """A record more in each partition: by it a new segment begins."""
    producer = Producer({"bootstrap.servers": scratch.bootstrap, "log_level": 2})
    for topic in COMPACTED:
        for partition in range(1 if topic == "publisher" else shop.PARTITIONS):
            producer.produce(f"{scratch.prefix}.{topic}", "{}", _FILLER, partition=partition)
    assert producer.flush(30) == 0


def _latest(scratch: Streaming) -> dict[str, dict[str, object]]:
    found = {}
    for topic in COMPACTED:
        rows = read(scratch.bootstrap, f"{scratch.prefix}.{topic}").latest
        found[topic] = {key: value for key, value in rows.items() if key != _FILLER}
    return found


def test_nobody_is_readable_and_who_is_gone_is_compacted_away(kafka: Kafka, tmp_path: Path) -> None:
    people = made(PEOPLE, seed=13)
    search = Search([text for person in people for text in person.texts()])
    scratch = Streaming(tmp_path / "scratch", kafka.bootstrap, partitions=shop.PARTITIONS)
    scratch.folder.mkdir()
    for file, mapping in write(tmp_path / "given", people):
        scratch.run("import", file, "-m", mapping, code=3)
    given = f"{scratch.prefix}given"
    client = admin(kafka.bootstrap)
    _create(client, given, 2)
    _send(scratch, people, given)
    with shop.opened(scratch.home, kafka.bootstrap, scratch.prefix) as opened:
        opened.publish()
        taken = scratch.run("consume", given, "--source", "web", "--once", "--json", code=3).json
        assert (taken["appended"], taken["refused"]) == (PEOPLE * 4 // 5, PEOPLE // 5)
        gone, member = _at_work(opened, people[2:8])
        opened.publish()

    # What others sent is theirs to keep; in all that we wrote there is nothing to be read.
    assert {person.mail for person in people} <= _in_files(kafka, search).keys()
    assert _in_files(kafka, search, but=given) == {}
    dead = read(kafka.bootstrap, f"{scratch.prefix}.dead").records
    assert len(dead) == PEOPLE // 5

    # Who is gone has tombstones, and after a compaction not even those.
    before = _latest(scratch)
    assert _named_in_compacted(kafka, scratch.prefix, gone, member) == {*COMPACTED}
    _compact(client, scratch)
    end = time.monotonic() + _PATIENCE_S
    while named := _named_in_compacted(kafka, scratch.prefix, gone, member):
        assert time.monotonic() < end, f"they are still in {sorted(named)}"
        _write_on(scratch)
        time.sleep(0.5)
    assert _latest(scratch) == before
    assert min(map(len, before.values())) > 0
