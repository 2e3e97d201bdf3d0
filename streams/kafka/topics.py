"""Our topics: what they are called, how they are kept, and that they are as they should be.

Which partition a key is in follows from how many there are, and the order of one person's events hangs on
that; and a topic that keeps the latest of each key is no log. So neither is ever changed here.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError

from ledger.errors import BadUsage
from ledger.settings import Settings
from streams.kafka.address import Kafka

_DAY_MS = 86_400_000
_COMPACTED = MappingProxyType(
    {
        # What a tombstone replaces is really removed within about a day, however little else is written.
        "max.compaction.lag.ms": str(_DAY_MS),
        # A subscriber that was away for a week still learns what is no longer there.
        "delete.retention.ms": str(7 * _DAY_MS),
    }
)


class Topic(StrEnum):
    """Each topic, by what follows the prefix."""

    EVENTS = "events"
    CUSTOMERS = "customers"
    CONSENTS = "consents"
    DEALS = "deals"
    ERASURES = "erasures"
    PUBLISHER = "publisher"
    """How far was published, and what is held back: for the publisher alone."""
    DEAD = "dead"
    """Messages that were refused: why and where, and nothing of what was in them."""


class Cleanup(StrEnum):
    """What becomes of old records."""

    DELETE = "delete"
    """They go after a time."""
    COMPACT = "compact"
    """They go when there is a newer one with the same key."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a topic is kept: `partitions` where that is not for the settings to say."""

    cleanup: Cleanup
    partitions: int | None = None
    config: Mapping[str, str] = field(default_factory=dict)


TOPICS: Mapping[Topic, Kept] = {
    Topic.EVENTS: Kept(Cleanup.DELETE),
    Topic.CUSTOMERS: Kept(Cleanup.COMPACT, config=_COMPACTED),
    Topic.CONSENTS: Kept(Cleanup.COMPACT, config=_COMPACTED),
    Topic.DEALS: Kept(Cleanup.COMPACT, config=_COMPACTED),
    # Who subscribes late has as much to forget: these are never deleted.
    Topic.ERASURES: Kept(Cleanup.DELETE, config={"retention.ms": "-1"}),
    # Each who begins to publish reads it from its beginning, and each transaction has written there.
    Topic.PUBLISHER: Kept(
        Cleanup.COMPACT, partitions=1, config={"max.compaction.lag.ms": str(_DAY_MS // 4)}
    ),
    Topic.DEAD: Kept(Cleanup.DELETE),
}


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one prefix."""

    prefix: str

    def __getitem__(self, topic: Topic) -> str:
        return f"{self.prefix}.{topic}"


def ensure(settings: Settings, wanted: Iterable[Topic] = tuple(Topic)) -> Topics:
    """Create what is missing of these topics, and take no other for them.

    Raises `BadUsage` for one that is there with another cleanup or another number of partitions, naming
    what was expected and what was found, and `StoreUnavailable` where the brokers cannot be asked.
    """
    kafka, topics = Kafka.of(settings), Topics(settings.kafka_prefix)
    names = {topics[topic]: TOPICS[topic] for topic in wanted}
    kafka.demand_answering()
    with kafka.spoken_to(), closing(KafkaAdminClient(**kafka.arguments)) as admin:
        there = {*admin.list_topics()}
        missing = {name: _new(kept, settings) for name, kept in names.items() if name not in there}
        if missing:
            try:
                admin.create_topics(missing, wait_for_metadata=True)
            except (
                TopicAlreadyExistsError
            ):  # by another of us, at the same time: it is looked at below
                admin.wait_for_topics([*missing])
        _demand_as_expected(admin, names, settings)
    return topics


def _new(kept: Kept, settings: Settings) -> dict[str, Any]:
    return {
        "num_partitions": kept.partitions or settings.kafka_partitions,
        "replication_factor": settings.kafka_replication or -1,
        "configs": {"cleanup.policy": kept.cleanup.value, **kept.config},
    }


def _demand_as_expected(
    admin: KafkaAdminClient, names: Mapping[str, Kept], settings: Settings
) -> None:
    described = {one["name"]: len(one["partitions"]) for one in admin.describe_topics([*names])}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = admin.describe_configs(resources, config_filter="all")["topic"]
    for name, kept in names.items():
        expected, found = kept.partitions or settings.kafka_partitions, described[name]
        if expected != found:
            raise BadUsage(
                f"topic {name}: expected {expected:,} partitions, found {found:,}; another number would move "
                "keys between them: set BAHI_KAFKA_PARTITIONS to what is there, or take another BAHI_KAFKA_PREFIX"
            )
        cleanup = configs[name]["cleanup.policy"]["value"]
        if cleanup != kept.cleanup:
            raise BadUsage(
                f"topic {name}: expected cleanup.policy={kept.cleanup}, found {cleanup}; "
                "change it there, or take another BAHI_KAFKA_PREFIX"
            )
