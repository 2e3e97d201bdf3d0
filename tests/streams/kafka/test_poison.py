"""Messages that cannot be taken: kept, told and tried again, and in nobody's way."""

import json
import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kafka.errors import KafkaTimeoutError

from ledger.errors import BadUsage, NotFound, StoreUnavailable
from streams.files import parse_mapping
from streams.kafka import consuming, tolerance
from streams.kafka.consuming import Told
from streams.kafka.letters import replay_messages, wanted_by
from streams.kafka.messages import MAX_MESSAGE_BYTES, Reader
from tests.streams.kafka.sender import Sent, event, headers, order, send, topic
from tests.streams.kafka.shop import Shop, opened
from tests.streams.kafka.taking import (
    consume,
    consumer,
    counts,
    expect_once_each,
    numbered,
    numbers,
)

SECRET = "Schmidt-Wichtig"


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Shop]:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        yield shop


def poison(number: int) -> list[Sent]:
    """Bad in every way that a topic can hold."""
    said, good = order(str(number)), event(number).value
    assert good is not None
    return [
        Sent(None, headers(f"{number}-null"), key=b"u1"),
        Sent(good[:-7], headers(f"{number}-cut")),
        Sent(b"x" * (MAX_MESSAGE_BYTES + 1), headers(f"{number}-long")),
        Sent(good, [*headers(f"{number}-header"), ("x", b"y" * MAX_MESSAGE_BYTES)]),
        Sent(good, headers(f"{number}-kind", **{"content-type": "text/plain"})),
        Sent(good, headers(f"{number}-unknown", ce_type="order.schmidt")),
        Sent(good, headers(f"{number}-reserved", ce_type="customer.erased")),
        Sent(good, headers(f"{number}-year", ce_time="2099-01-01T00:00:00Z")),
        Sent(b"[" * 10_000 + str(number).encode(), headers(f"{number}-deep")),
        Sent(b'{"data": {}, "data": {"x": %d}}' % number, headers(f"{number}-twice")),
        Sent(good + b"\xff", headers(f"{number}-bytes")),
        Sent(good.replace(b"1250", b"NaN"), headers(f"{number}-nan")),
        Sent(json.dumps({**said, SECRET: 1}).encode(), headers(f"{number}-part")),
        Sent(good, [*headers(f"{number}-byte"), ("ce_subject", b"\xff")]),
        Sent(json.dumps(said).encode()),
        Sent(b""),
    ]


def test_a_tenth_of_poison_costs_no_good_message(shop: Shop) -> None:
    dice = random.Random(7)
    bad = [one for n in range(2) for one in poison(1_000 + n)]
    messages = [*bad, *(numbered(n) for n in range(9 * len(bad)))]
    dice.shuffle(messages)
    with topic(shop.bootstrap, config={"max.message.bytes": "20000000"}) as there:
        send(shop.bootstrap, there, messages, max_request_size=20_000_000, compression_type="gzip")
        good = len(messages) - len(bad)
        assert counts(consume(shop, there)) == (len(messages), good, 0, len(bad))
        expect_once_each(shop, range(good))
        where = {n: one for n, one in enumerate(messages) if one in bad}
        letters = [*shop.bahi.ledger.vault.letters()]
        assert {letter.coordinates["offset"] for letter in letters} == {*where}
        assert {letter.door for letter in letters} == {"kafka:shop"}
        dead = {one.value["offset"]: one for one in shop.committed("dead")}
        assert {*dead} == {*where}
        for letter in letters:
            offset = letter.coordinates["offset"]
            assert dead[offset].key == f"{there}/0/{offset}"
            assert dead[offset].value == {
                "topic": there, "partition": 0, "offset": offset, "source": "shop",
                "field": letter.field, "reason": letter.reason,
            }  # fmt: skip
        assert "chmidt" not in str(dead)
        # Delivered again, it is as it was: no event more, no letter more.
        again = consume(shop, there, group=f"g-{uuid4()}")
        assert counts(again) == (len(messages), 0, good, len(bad))
        assert len([*shop.bahi.ledger.vault.letters()]) == len(bad)


class Raw(str):
    """A name that a client sends as bytes of its own."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xc3" + str.encode(self)


def test_header_names_that_are_no_text_stop_nobody(shop: Shop) -> None:
    one, other = numbered(1), Sent(b"{", [(Raw("x"), b"y"), (Raw(""), b"\xff")])
    odd = Sent(one.value, [(Raw("ce_id"), b"\xc3"), *one.headers, (Raw("x"), b"")])
    sent = [numbered(0), odd, other, numbered(2)]
    with topic(shop.bootstrap) as there:
        for packing in (None, "gzip"):
            send(shop.bootstrap, there, sent, linger_ms=1_000, compression_type=packing)
        assert counts(consume(shop, there)) == (8, 3, 3, 2)
        expect_once_each(shop, range(3))


@pytest.mark.parametrize("packing", ["gzip", "lz4", "zstd"])
def test_a_batch_packed_of_more_than_there_is_memory_for_is_refused(
    shop: Shop, packing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tolerance, "MAX_UNPACKED_BYTES", 3_000_000)
    long = Sent(b"x" * 3_000_000, headers("x"))
    with topic(shop.bootstrap) as there:
        for batch in ([numbered(0)], [numbered(9), long, numbered(9)], [numbered(1)]):
            send(
                shop.bootstrap, there, batch,
                linger_ms=1_000, compression_type=packing, batch_size=9_000_000, max_request_size=9_000_000,
            )  # fmt: skip
        tracemalloc.start()
        assert counts(consume(shop, there)) == (5, 2, 0, 3)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000_000
        expect_once_each(shop, range(2))
        letters = {one.coordinates["offset"]: one.field for one in shop.bahi.ledger.vault.letters()}
        assert letters == dict.fromkeys((1, 2, 3), "batch")


def test_messages_of_ten_megabytes_are_passed_by_in_little_memory(shop: Shop) -> None:
    count, wide = 8, {"max.message.bytes": "20000000"}
    noise = random.Random(1).randbytes(10_000_000)
    with topic(shop.bootstrap, partitions=count, config=wide) as there:
        for n in range(count):
            both = [Sent(noise, headers(f"x{n}"), n), numbered(n, n)]
            send(shop.bootstrap, there, both, max_request_size=20_000_000)
        tracemalloc.start()
        assert counts(consume(shop, there)) == (2 * count, count, 0, count)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 90_000_000
        expect_once_each(shop, range(count))


def test_an_id_that_is_used_for_something_else_is_refused(shop: Shop) -> None:
    other = Sent(numbered(2).value, headers("1"))
    with topic(shop.bootstrap) as there:
        send(shop.bootstrap, there, [numbered(1), other, numbered(1)])
        assert counts(consume(shop, there)) == (3, 1, 1, 1)
        (letter,) = shop.bahi.ledger.vault.letters()
        assert letter.field == "id"
        assert numbers(shop) == [1]


def test_a_dead_letter_is_tried_again_after_a_fix(shop: Shop) -> None:
    vault = shop.bahi.ledger.vault
    with topic(shop.bootstrap) as there:
        late = Sent(numbered(1).value, headers("1", ce_time="2099-01-01T00:00:00Z"))
        row = {"when": "2026-01-02T03:04:05Z", "who": "u1", "minor": "x"}
        send(shop.bootstrap, there, [late, Sent(b"{"), Sent(json.dumps(row).encode())])
        mapping = parse_mapping("""
            source = "shop"
            [event]
            type = "order.placed"
            occurred_at = "when"
            [identifiers]
            user = "who"
            [fields]
            amount_minor = "minor"
            currency = { value = "EUR" }
        """)
        reader = Reader("shop", mapping=mapping)
        assert counts(consume(shop, there, reader=reader)) == (3, 0, 0, 3)
        by_offset = {one.coordinates["offset"]: one for one in vault.letters()}
        assert [by_offset[n].coordinates["format"] for n in range(3)] == [
            "cloudevents", "auto", "mapping",
        ]  # fmt: skip
        ids = {offset: letter.id for offset, letter in by_offset.items()}
        chosen = {letter.id for letter in by_offset.values() if wanted_by(None)(letter)}
        assert chosen == {ids[0], ids[1]}
        chosen = {letter.id for letter in by_offset.values() if wanted_by(mapping)(letter)}
        assert chosen == {ids[1], ids[2]}

        def replay(*offsets: int, **more: Any) -> list[str]:
            letters = [ids[offset] for offset in offsets]
            given = (shop.bahi.ledger, letters, shop.bahi.intake)
            return [outcome.fate.value for _, outcome in replay_messages(*given, **more)]

        assert replay(0, 1) == ["refused", "refused"]
        with pytest.raises(BadUsage, match="expected the mapping of shop"):
            replay(2)
        assert replay(2, mapping=mapping, corrections={"minor": 2}) == ["appended"]
        assert replay(0, corrections={"ce_time": "2026-01-02T03:04:05Z"}) == ["appended"]
        assert numbers(shop) == [2, 1]
        assert [one.coordinates["offset"] for one in vault.letters()] == [1]
        with pytest.raises(NotFound):
            replay(0)
        # The message itself comes again, and is the same event.
        assert counts(consume(shop, there, group=f"g-{uuid4()}", reader=reader))[1] == 0


def test_an_erasure_finds_the_letters_of_messages(shop: Shop) -> None:
    ada = shop.orders("ada")
    with topic(shop.bootstrap) as there:
        bad = [
            Sent(json.dumps(order(str(n), "ada")).encode(), headers(str(n), ce_time="soon"))
            for n in (1, 2)
        ]
        cut = Sent(json.dumps(order("3", "bob")).encode(), headers("3", ce_id=None))
        send(shop.bootstrap, there, [*bad, cut])
        assert counts(consume(shop, there)) == (3, 0, 0, 3)
        shop.erase(ada)
        assert [one.coordinates["offset"] for one in shop.bahi.ledger.vault.letters()] == [2]
        # Nor does one come back that is delivered again.
        consume(shop, there, group=f"g-{uuid4()}")
        assert [one.coordinates["offset"] for one in shop.bahi.ledger.vault.letters()] == [2]


def test_what_cannot_be_told_on_the_topic_is_delivered_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told, kept, committed, in this order: nothing that is refused is lost in between."""
    monkeypatch.setattr(consuming, "_PAUSES_S", (0.1,))
    tell, failures = (
        consuming._Refusals.tell,
        [KafkaTimeoutError("away"), StoreUnavailable("x", "y")],
    )
    troubles: list[str] = []

    def failing(self: Any, *given: Any) -> None:
        if failures:
            raise failures.pop()
        tell(self, *given)

    monkeypatch.setattr(consuming._Refusals, "tell", failing)
    with topic(shop.bootstrap) as there:
        send(shop.bootstrap, there, [numbered(1), Sent(b"{")])
        found = consumer(shop, there).run(lambda: False, Told(trouble=troubles.append), once=True)
        assert counts(found) == (6, 1, 2, 3)
        assert len(troubles) == 2
        assert numbers(shop) == [1]
        assert len([*shop.bahi.ledger.vault.letters()]) == 1
        assert [record.key for record in shop.committed("dead")] == [f"{there}/0/1"]
        assert counts(consume(shop, there)) == (0, 0, 0, 0)
