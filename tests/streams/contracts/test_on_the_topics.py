"""What really stands on the topics is what was promised: every record of the demo, and of a shop where much happens to people."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streams.kafka.consuming import Consumer
from streams.kafka.messages import Reader
from tests.streams.contracts.test_contracts import HELD
from tests.streams.kafka.demo import published_demo
from tests.streams.kafka.sender import Sent, event, send, topic
from tests.streams.kafka.shop import Seen, committed, opened

OF_PEOPLE = ("events", "erasures", "customers", "consents", "deals")
NONE: dict[str, Counter[str]] = {channel: Counter() for channel in OF_PEOPLE}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> dict[str, list[Seen]]:
    """Every record of its topics."""
    prefix = published_demo(tmp_path_factory, kafka_bootstrap)
    return {channel: committed(kafka_bootstrap, f"{prefix}.{channel}") for channel in OF_PEOPLE}


def problems(channel: str, records: list[Seen]) -> Counter[str]:
    return Counter(told for one in records for told in HELD.problems(channel, one))


def test_every_record_of_the_demo_is_as_promised(demo: dict[str, list[Seen]]) -> None:
    assert {channel: problems(channel, records) for channel, records in demo.items()} == NONE
    assert all(demo.values())
    kinds = {one.headers.get("ce_type") for records in demo.values() for one in records}
    assert len(kinds) > 50


def test_so_is_what_happens_to_people(tmp_path: Path, kafka_bootstrap: str) -> None:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        ada, eve, bob = shop.orders("ada", 2), shop.orders("eve"), shop.orders("bob")
        shop.deal("d1", ada)
        shop.consents(ada)
        shop.consents(eve)
        shop.publish()
        shop.merge(ada, eve)
        shop.publish()
        shop.split(ada, eve)
        shop.restrict(eve)
        shop.publish()
        shop.unrestrict(eve)
        shop.say("customer.rectified", bob, name="Bob", withdrawn=["phone"])
        shop.erase(ada)
        shop.orders("bob")
        shop.publish()
        found = {channel: shop.committed(channel) for channel in OF_PEOPLE}
    told = {one.headers["ce_type"] for one in found["erasures"]}
    assert told == {*HELD.messages("erasures")}
    assert any(one.value is None for one in found["customers"])
    assert {channel: problems(channel, records) for channel, records in found.items()} == NONE


def test_so_is_what_is_told_of_a_refused_message(tmp_path: Path, kafka_bootstrap: str) -> None:
    with opened(tmp_path / "home", kafka_bootstrap) as shop, topic(kafka_bootstrap) as there:
        send(kafka_bootstrap, there, [event(1), Sent(b"{"), event(2, data={"currency": "none"})])
        taken = Consumer(
            shop.bahi.ledger, shop.bahi.settings, shop.bahi.intake, [there],
            source="shop", reader=Reader("shop"),
        ).run(lambda: False, once=True)  # fmt: skip
        found = shop.committed("dead")
    assert (taken.appended, len(found)) == (1, 2)
    assert problems("dead", found) == Counter()


@pytest.mark.parametrize(
    ("spoiled", "told"),
    [
        ({"key": "zoe"}, "order.placed key"),
        ({"header": ("ce_id", "1")}, "order.placed headers: ce_id"),
        ({"header": ("ce_time", "soon")}, "order.placed headers: ce_time"),
        ({"header": ("ce_mood", "good")}, "order.placed headers: : Additional"),
        ({"data": ("amount_minor", "12")}, "order.placed value: data.amount_minor"),
        ({"data": ("note", "hello")}, "order.placed value: data: Additional"),
    ],
)
def test_a_record_that_is_otherwise_is_found_out(
    demo: dict[str, list[Seen]], spoiled: dict[str, Any], told: str
) -> None:
    one = next(one for one in demo["events"] if one.headers["ce_type"] == "order.placed")
    headers = {**one.headers, **dict([spoiled["header"]] if "header" in spoiled else [])}
    value = {
        **one.value,
        "data": {**one.value["data"], **dict([spoiled["data"]] if "data" in spoiled else [])},
    }
    found = [*HELD.problems("events", Seen(spoiled.get("key", one.key), value, headers))]
    assert [problem.startswith(told) for problem in found] == [True], found


def test_the_topics_are_kept_as_the_document_says() -> None:
    """`test_topics` asks a broker for the same."""
    policies = {
        name: channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        for name, channel in HELD.document["channels"].items()
    }
    assert policies == {
        "events": ["delete"], "erasures": ["delete"], "dead": ["delete"],
        "customers": ["compact"], "consents": ["compact"], "deals": ["compact"],
    }  # fmt: skip
