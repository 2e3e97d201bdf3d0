"""Listeners with SASL and TLS: in and out through each, and whoever is not let in is told why, without a secret."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaConsumer, TopicPartition
from pydantic import SecretStr

from api.wiring import Bahi
from ledger.errors import StoreUnavailable
from ledger.settings import Settings
from streams.kafka import address
from streams.kafka.address import Kafka
from streams.kafka.consuming import Consumer
from streams.kafka.messages import Reader
from streams.kafka.publishing import Publisher
from streams.kafka.topics import Topic, ensure
from tests.streams.kafka.guarded import PASSWORD, USER, Authority, Guarded, guarded
from tests.streams.kafka.sender import event, send
from tests.streams.kafka.shop import Shop, opened

WRONG = "wr0ng-password"
NOBODY = {"kafka_user": "", "kafka_password": SecretStr("")}

WAYS = [
    pytest.param("SASL_SSL", {}, id="SCRAM-SHA-512, encrypted"),
    pytest.param("SASL_SSL", {"kafka_mechanism": "SCRAM-SHA-256"}, id="SCRAM-SHA-256, encrypted"),
    pytest.param("SASL_SSL", {"kafka_mechanism": "PLAIN"}, id="PLAIN, encrypted"),
    pytest.param("SSL", NOBODY, id="encrypted, without a user"),
    pytest.param("SASL_PLAINTEXT", {"kafka_ca": None}, id="SCRAM-SHA-512, in the clear"),
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("certificates")) as broker:
        yield broker


@pytest.fixture(scope="module")
def shop(broker: Guarded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A book with something in it; whoever publishes it brings settings of their own."""
    with opened(tmp_path_factory.mktemp("shop") / "home", broker.at("SASL_SSL")) as shop:
        shop.orders("ada", 3)
        yield shop


@pytest.fixture(autouse=True)
def _told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "_CONNECTED_WITHIN_MS", 800)


def settings(broker: Guarded, listener: str, **given: Any) -> Settings:
    said: dict[str, Any] = {
        "kafka": (broker.at(listener),),
        "kafka_security": listener,
        "kafka_user": USER,
        "kafka_password": SecretStr(PASSWORD),
        "kafka_ca": broker.ca,
        "kafka_prefix": f"t-{uuid4().hex[:12]}",
        "kafka_partitions": 1,
    }
    return Settings(**{**said, **given})


@pytest.mark.parametrize(("listener", "given"), WAYS)
def test_what_is_published_over_a_guarded_listener_can_be_read_there(
    shop: Shop, broker: Guarded, listener: str, given: dict[str, Any]
) -> None:
    said = settings(broker, listener, **given)
    theirs = shop.bahi.settings.model_copy(update={k: getattr(said, k) for k in _OF_KAFKA})
    shop.bahi.reading.settings = theirs
    assert Publisher(shop.bahi.reading).run(lambda: False, once=True).all_out
    kafka = Kafka.of(said)
    place = TopicPartition(f"{said.kafka_prefix}.{Topic.EVENTS}", 0)
    reader = KafkaConsumer(
        **kafka.arguments, isolation_level="read_committed", enable_auto_commit=False
    )
    with closing(reader) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        found: list[bytes] = []
        while consumer.position(place) < consumer.end_offsets([place])[place]:
            found += [record.key for batch in consumer.poll(200).values() for record in batch]
    assert found == [str(shop.customer("ada")).encode()] * 3


def test_what_others_send_over_a_guarded_listener_is_taken_in(
    tmp_path: Path, broker: Guarded
) -> None:
    others, said = settings(broker, "SASL_SSL"), settings(broker, "SASL_SSL")
    ensure(others)
    client = dict(Kafka.of(said).arguments)
    there = f"{others.kafka_prefix}.{Topic.EVENTS}"
    send(client.pop("bootstrap_servers"), there, [event(1), event(2)], **client)
    with Bahi.open(said.model_copy(update={"home": tmp_path / "home"})) as bahi:
        taken = Consumer(
            bahi.ledger, bahi.settings, bahi.intake, [there], source="shop", reader=Reader("shop")
        ).run(lambda: False, once=True)
    assert (taken.read, taken.appended) == (2, 2)


_OF_KAFKA = [name for name in Settings.model_fields if name.startswith("kafka")]


NOT_LET_IN = [
    pytest.param(
        "SASL_SSL", {"kafka_password": SecretStr(WRONG)},
        "expected a listener of SASL_SSL that knows user and password by SCRAM-SHA-512",
        id="a wrong password",
    ),
    pytest.param(
        "SASL_SSL", {"kafka_password": SecretStr(WRONG), "kafka_mechanism": "PLAIN"},
        "expected a listener of SASL_SSL that knows user and password by PLAIN",
        id="a wrong password that the broker sees",
    ),
    pytest.param(
        "SASL_SSL", {"kafka_user": "nobody"},
        "expected a listener of SASL_SSL that knows user and password by SCRAM-SHA-512",
        id="an unknown user",
    ),
    pytest.param(
        "SASL_SSL", {"kafka_security": "SSL", **NOBODY},
        "expected a listener of SSL",
        id="no user where one is asked for",
    ),
    pytest.param(
        "SASL_SSL", {"kafka_security": "PLAINTEXT", **NOBODY, "kafka_ca": None},
        "expected a listener of PLAINTEXT",
        id="in the clear where it is encrypted",
    ),
    pytest.param(
        "SASL_PLAINTEXT", {"kafka_security": "SASL_SSL"},
        "expected a listener with TLS, came ",
        id="encrypted where it is in the clear",
    ),
    pytest.param(
        "SASL_SSL", {"kafka_ca": None},
        "expected a certificate that can be trusted: unable to get local issuer certificate",
        id="vouched for by nobody whom the system knows",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("listener", "given", "why"), NOT_LET_IN)
def test_whoever_is_not_let_in_is_told_why(
    broker: Guarded,
    caplog: pytest.LogCaptureFixture,
    listener: str,
    given: dict[str, Any],
    why: str,
) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        ensure(settings(broker, listener, **given))
    assert f"kafka {broker.at(listener)}: " in str(refused.value)
    assert why in str(refused.value)
    expect_no_secret(str(refused.value), caplog)


def test_a_broker_that_another_vouched_for_is_not_spoken_to(
    broker: Guarded, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = Authority(tmp_path, "another").file
    with pytest.raises(StoreUnavailable, match="unable to get local issuer certificate") as refused:
        ensure(settings(broker, "SASL_SSL", kafka_ca=other))
    expect_no_secret(str(refused.value), caplog)


def test_a_broker_by_another_name_is_not_spoken_to(
    broker: Guarded, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = broker.at("SASL_SSL", "127.0.0.1")
    with pytest.raises(StoreUnavailable, match=r"not valid for '127\.0\.0\.1'") as refused:
        ensure(settings(broker, "SASL_SSL", kafka=(elsewhere,)))
    expect_no_secret(str(refused.value), caplog)


def expect_no_secret(told: str, caplog: pytest.LogCaptureFixture) -> None:
    for secret in (PASSWORD, WRONG):
        assert secret not in told
        assert secret not in caplog.text
