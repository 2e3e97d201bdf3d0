"""The auditor of what goes out finds what is planted, each with the check that is for it, and nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer

from tests.soak.streams.published import Ledger, audit, opened
from tests.soak.streams.reading import Record, Topic
from tests.soak.tables import SqliteStore
from tests.streams.kafka import shop
from tests.streams.kafka.shop import Shop


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> Iterator[Shop]:
    home = tmp_path_factory.mktemp("audited") / "home"
    with shop.opened(home, kafka_bootstrap) as opened_:
        ada, bob, eve = (opened_.orders(who, 3) for who in ("ada", "bob", "eve"))
        mallory = opened_.orders("mallory", 2)
        for one in (ada, bob, mallory):
            opened_.consents(one)
            opened_.deal(f"d-{one}", one)
        opened_.publish()
        opened_.merge(ada, bob)
        opened_.restrict(eve)
        opened_.orders("eve", 3)
        opened_.publish()
        opened_.orders("mallory", 2)
        opened_.unrestrict(eve)
        opened_.erase(mallory)
        opened_.orders("ada", 2)
        opened_.publish()
        yield opened_


@pytest.fixture(scope="module")
def sound(published: Shop) -> Ledger:
    return _read(published)


def _read(published: Shop) -> Ledger:
    book = SqliteStore(published.home / "book" / "book.db")
    return opened(book, published.bootstrap, published.bahi.settings.kafka_prefix)


def test_what_is_sound_is_found_sound(sound: Ledger) -> None:
    assert len(sound.topics["events"].records) == 21
    assert len(sound.topics["erasures"].records) == 4
    assert audit(sound) == []


Records = Sequence[Record]
Change = Callable[[Records], Records]


def _twice(records: Records) -> Records:
    """One that others of its key came after, once more at the end."""
    one = next(
        one for place, one in enumerate(records) if one.key in {r.key for r in records[place + 1 :]}
    )
    return [*records, one]


def _missing(records: Records) -> Records:
    return [*records[:2], *records[3:]]


def _swapped(records: Records) -> Records:
    """The first two of one key, the other way round."""
    first = next(
        place for place, one in enumerate(records) if one.key == records[place + 1].key
    )  # fmt: skip
    return [*records[:first], records[first + 1], records[first], *records[first + 2 :]]


def _elsewhere(records: Records) -> Records:
    return [*records[:-1], replace(records[-1], partition=records[0].partition + 7)]


def _changed(what: str, value: object) -> Change:
    """The first record that is about somebody, with another value."""

    def change(records: Records) -> Records:
        place = next(n for n, one in enumerate(records) if "ce_subject" in one.said)
        said = orjson.dumps({**records[place].json, what: value})
        return [*records[:place], replace(records[place], value=said), *records[place + 1 :]]

    return change


def _header(name: str, text: str) -> Change:
    def change(records: Records) -> Records:
        kept = [pair for pair in records[0].headers if pair[0] != name]
        return [replace(records[0], headers=[*kept, (name, text.encode())]), *records[1:]]

    return change


def _row(**said: object) -> Change:
    """The last row that is still there, with other values."""

    def change(records: Records) -> Records:
        there = Topic(records).latest
        last = [one for one in records if one.value is not None and one.key in there][-1]
        return [*records, replace(last, value=orjson.dumps({**last.json, **said}))]

    return change


def _untombed(records: Records) -> Records:
    return [one for one in records if one.value is not None]


def _point(**said: object) -> Change:
    def change(records: Records) -> Records:
        return [*records[:-1], replace(records[-1], value=orjson.dumps({**_last(records), **said}))]

    return change


def _last(records: Records) -> Any:
    return records[-1].json


def _spoken_on(records: Records) -> Records:
    """The publisher of the first of three runs says once more how far the others have come."""
    first, last = records[0].json["publisher"], records[-1]
    said = orjson.dumps({**last.json, "publisher": first})
    return [*records, replace(last, value=said)]


def _gone_back(records: Records) -> Records:
    last = records[-1]
    return [*records, replace(last, value=orjson.dumps({**last.json, "position": 1})), last]


PLANTED: Mapping[str, tuple[str, Change, set[str]]] = {
    "a record twice": (
        "events",
        _twice,
        {"each event once", "in order of each key"},
    ),
    "a record missing": ("events", _missing, {"each event once"}),
    "one before its time": ("events", _swapped, {"in order of each key"}),
    "one in another partition": ("events", _elsewhere, {"one partition a key"}),
    "other data": ("events", _changed("data", {"amount_minor": 1}), {"as in the book"}),
    "no sealed part": ("events", _changed("personal", []), {"as in the book"}),
    "another type": ("events", _header("ce_type", "order.refunded"), {"as in the book"}),
    "another customer": ("events", _header("ce_subject", "x"), {"as in the book"}),
    "a notice twice": ("erasures", lambda them: [*them, them[-1]], {"each notice once"}),
    "a notice missing": ("erasures", lambda them: them[1:], {"each notice once"}),
    "a transaction without its events": (
        "events",
        lambda them: [one for one in them if one.position < 20],
        {"each event once"},
    ),
    "a transaction without its end": (
        "publisher",
        _point(position=5),
        {"one publisher at a time"},
    ),
    "who was fenced goes on": ("publisher", _spoken_on, {"one publisher at a time"}),
    "who publishes goes back": ("publisher", _gone_back, {"one publisher at a time"}),
    "somebody held back": (
        "publisher",
        lambda them: [replace(them[0], key="withheld:x"), *them],
        {"one publisher at a time"},
    ),
    "a row of before": ("customers", _row(touchpoints=1), {"rows of customers"}),
    "the erased and the merged are there": (
        "customers",
        _untombed,
        {"rows of customers", "nobody who is erased"},
    ),
    "consents of the erased": (
        "consents",
        _untombed,
        {"rows of consents", "nobody who is erased"},
    ),
    "a deal with another": ("deals", _row(contact="x"), {"rows of deals"}),
    "no deals": ("deals", lambda _: [], {"rows of deals"}),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_what_is_planted_is_found(sound: Ledger, fault: str) -> None:
    topic, change, expected = PLANTED[fault]
    topics = {**sound.topics, topic: Topic(change(sound.topics[topic].records))}
    found = audit(replace(sound, topics=topics))
    assert {finding.partition(":")[0] for finding in found} == expected, found


@contextmanager
def _transaction(published: Shop, name: str) -> Iterator[Producer]:
    """A transaction with a copy of a true record in it, sent and not ended."""
    producer = Producer(
        {"bootstrap.servers": published.bootstrap, "transactional.id": f"{name}-{published.home}"}
    )
    producer.init_transactions()
    producer.begin_transaction()
    one = published.committed("events")[0]
    topic = published.topic("events")
    headers: list[tuple[str, str | bytes | None]] = [*one.headers.items()]
    producer.produce(topic, orjson.dumps(one.value), one.key, headers=headers)
    producer.flush()
    yield producer


def test_what_is_not_committed_is_not_counted_and_told_while_it_is_open(published: Shop) -> None:
    with _transaction(published, "half") as producer:
        found = audit(_read(published))
        assert [finding.partition(":")[0] for finding in found] == ["no transaction is open"]
        producer.abort_transaction()
    assert audit(_read(published)) == []


def test_what_another_committed_is_found(published: Shop) -> None:
    with _transaction(published, "whole") as producer:
        producer.commit_transaction()
    found = {finding.partition(":")[0] for finding in audit(_read(published))}
    assert found >= {"each event once"}


def test_nothing_of_bahi_is_in_the_auditor() -> None:
    """Neither here nor in what it reads with."""
    ours = ("ledger", "commands", "projections", "replay", "streams", "api")
    for name in ("published.py", "consumed.py", "reading.py", "../tables.py"):
        lines = (Path(__file__).parent / name).read_text().splitlines()
        imported = [line.split()[1] for line in lines if line.startswith(("import ", "from "))]
        assert not [name for name in imported if name.split(".")[0] in ours]
