"""Somebody else's programs: topics that are not ours, and messages in them, good and bad."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from uuid import uuid4

from kafka import KafkaAdminClient, KafkaProducer

Headers = list[tuple[str, bytes]]


class Sent(NamedTuple):
    """One message to be sent."""

    value: bytes | None
    headers: Headers = []  # noqa: RUF012 -- never written to
    partition: int = 0
    key: bytes | None = None


def order(number: str, who: str = "u1", **more: Any) -> dict[str, Any]:
    """The data of an order of somebody, as a CloudEvent brings it."""
    return {
        "identifiers": {"user": who},
        "references": {"order": f"A-{number}"},
        "tags": {"market": "DE"},
        "data": {"currency": "EUR", "amount_minor": 1250},
        **more,
    }


def headers(number: str, **more: str | None) -> Headers:
    """Those of an `order.placed`; with None, without one of them."""
    said: dict[str, str | None] = {
        "ce_specversion": "1.0",
        "ce_id": number,
        "ce_source": "/shop",
        "ce_type": "order.placed",
        "ce_time": "2026-01-02T03:04:05Z",
        "content-type": "application/json",
        **more,
    }
    return [(name, text.encode()) for name, text in said.items() if text is not None]


def event(number: object, who: str = "u1", partition: int = 0, **more: Any) -> Sent:
    """A CloudEvent in binary mode."""
    value = json.dumps(order(str(number), who, **more)).encode()
    return Sent(value, headers(str(number)), partition)


def structured(number: str, said: Mapping[str, Any] | None = None) -> Sent:
    """A CloudEvent in structured mode."""
    whole = {
        "specversion": "1.0",
        "id": number,
        "source": "/shop",
        "type": "order.placed",
        "time": "2026-01-02T03:04:05Z",
        "data": order(number),
        **(said or {}),
    }
    kind = b"application/cloudevents+json; charset=UTF-8"
    return Sent(json.dumps(whole).encode(), [("content-type", kind)])


@contextmanager
def topic(
    bootstrap: str, partitions: int = 1, config: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A topic of somebody else's."""
    name = f"t-{uuid4().hex[:12]}"
    wanted = {"num_partitions": partitions, "replication_factor": 1, "configs": dict(config or {})}
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.create_topics({name: wanted}, wait_for_metadata=True)
    yield name


def send(bootstrap: str, topic: str, messages: Sequence[Sent], **config: Any) -> None:
    """Have them in the topic, in this order."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, allow_auto_create_topics=False, **config)
    with closing(producer):
        answers = [
            producer.send(topic, one.value, one.key, one.headers, one.partition) for one in messages
        ]
        producer.flush()
        for answer in answers:
            answer.get(10)
