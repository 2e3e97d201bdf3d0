"""Topics are made as they must be, and none that is otherwise is taken for ours."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError
from pydantic import SecretStr

from ledger.errors import BadUsage, StoreUnavailable
from ledger.settings import Settings
from streams.kafka.address import Kafka
from streams.kafka.topics import Topic, ensure

COMPACTED = {"max.compaction.lag.ms": "86400000", "delete.retention.ms": "604800000"}
EXPECTED = {
    "events": (3, "delete", {}),
    "customers": (3, "compact", COMPACTED),
    "consents": (3, "compact", COMPACTED),
    "deals": (3, "compact", COMPACTED),
    "erasures": (3, "delete", {"retention.ms": "-1"}),
    "publisher": (1, "compact", {"max.compaction.lag.ms": "21600000"}),
    "dead": (3, "delete", {}),
}


def settings(bootstrap: str, **given: Any) -> Settings:
    return Settings(
        kafka=(bootstrap,), **{"kafka_prefix": f"t-{uuid4().hex}", "kafka_partitions": 3, **given}
    )


@pytest.fixture
def admin(kafka_bootstrap: str) -> Iterator[KafkaAdminClient]:
    with closing(KafkaAdminClient(bootstrap_servers=kafka_bootstrap)) as admin:
        yield admin


def found(admin: KafkaAdminClient, names: list[str]) -> dict[str, tuple[int, str, dict[str, str]]]:
    partitions = {one["name"]: len(one["partitions"]) for one in admin.describe_topics(names)}
    asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = admin.describe_configs(asked, config_filter="all")["topic"]
    return {
        name: (
            partitions[name],
            configs[name]["cleanup.policy"]["value"],
            {key: configs[name][key]["value"] for key in EXPECTED[name.rpartition(".")[2]][2]},
        )
        for name in names
    }


def test_every_topic_has_its_partitions_and_its_cleanup(
    kafka_bootstrap: str, admin: KafkaAdminClient
) -> None:
    given = settings(kafka_bootstrap)
    topics = ensure(given)
    names = [topics[topic] for topic in Topic]
    assert found(admin, names) == {
        f"{given.kafka_prefix}.{name}": kept for name, kept in EXPECTED.items()
    }
    assert ensure(given) == topics


def test_topics_with_other_partitions_are_refused(kafka_bootstrap: str) -> None:
    given = settings(kafka_bootstrap)
    ensure(given)
    with pytest.raises(BadUsage, match=r"\.events: expected 4 partitions, found 3"):
        ensure(given.model_copy(update={"kafka_partitions": 4}))


def test_a_topic_that_is_kept_otherwise_is_refused(
    kafka_bootstrap: str, admin: KafkaAdminClient
) -> None:
    given = settings(kafka_bootstrap)
    admin.create_topics({f"{given.kafka_prefix}.customers": {"num_partitions": 3}})
    with pytest.raises(BadUsage, match=r"customers: expected cleanup.policy=compact, found delete"):
        ensure(given)


def test_brokers_that_are_not_there_are_named() -> None:
    with pytest.raises(StoreUnavailable, match="kafka localhost:1: "):
        ensure(settings("localhost:1"))


def test_a_password_is_in_no_message() -> None:
    given = settings(
        "localhost:1",
        kafka_security="SASL_SSL",
        kafka_user="bahi",
        kafka_password=SecretStr("hunter2"),
    )
    kafka = Kafka.of(given)
    assert kafka.arguments["sasl_plain_password"] == "hunter2"
    told = [repr(given), repr(kafka), str(kafka.unavailable(KafkaError("no hunter2 here")))]
    assert not any("hunter2" in text for text in told)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kafka": ()}, "BAHI_KAFKA: expected the brokers"),
        ({"kafka_security": "SASL_SSL"}, "BAHI_KAFKA_USER and BAHI_KAFKA_PASSWORD: expected"),
        ({"kafka_user": "bahi"}, "BAHI_KAFKA_SECURITY: expected SASL_SSL or SASL_PLAINTEXT"),
        ({"kafka_ca": "ca.pem"}, "BAHI_KAFKA_SECURITY: expected SSL or SASL_SSL"),
        ({"kafka_ca": "no.pem", "kafka_security": "SSL"}, "BAHI_KAFKA_CA: expected a file"),
    ],
)
def test_settings_that_make_no_sense_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadUsage, match=message):
        Kafka.of(Settings(**{"kafka": ("localhost:1",), **given}))
