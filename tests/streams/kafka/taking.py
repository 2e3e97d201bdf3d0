"""A shop that consumes, and what its book then has of each message."""

from collections import Counter
from typing import Any

from streams.kafka.consuming import Consumer, Taken
from streams.kafka.messages import Reader
from tests.streams.kafka.sender import Sent, event
from tests.streams.kafka.shop import Shop, recorded


def consumer(shop: Shop, *topics: str, **more: Any) -> Consumer:
    bahi = shop.bahi
    reader = more.pop("reader", None) or Reader("shop")
    source = more.pop("source", "shop")
    return Consumer(
        bahi.ledger, bahi.settings, bahi.intake, topics, source=source, reader=reader, **more
    )


def consume(shop: Shop, *topics: str, **more: Any) -> Taken:
    return consumer(shop, *topics, **more).run(lambda: False, once=True)


def counts(taken: Taken) -> tuple[int, int, int, int]:
    return taken.read, taken.appended, taken.duplicates, taken.refused


def numbers(shop: Shop) -> list[int]:
    """The amounts in the book, by plain SQL: each order below has its own number for one."""
    return [event["data"]["amount_minor"] for _, event in recorded(shop.home)]


def numbered(number: int, partition: int = 0, who: str = "u1") -> Sent:
    said = {"data": {"currency": "EUR", "amount_minor": number}}
    return event(number, who, partition, **said)


def expect_once_each(shop: Shop, expected: range) -> None:
    assert Counter(numbers(shop)) == Counter(expected)
