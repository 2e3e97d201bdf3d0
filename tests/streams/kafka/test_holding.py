"""A transactional id is whose who asked last: whoever had it before knows that for certain, whatever the timing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any
from uuid import uuid4

import pytest
from kafka.errors import ProducerFencedError

from ledger.errors import StoreUnavailable
from ledger.settings import Settings
from streams.kafka import transactions
from streams.kafka.address import Kafka
from streams.kafka.cloud_events import Record
from streams.kafka.holding import Epoch, Hold, TakenOver
from streams.kafka.publishing import Publisher, Told
from streams.kafka.topics import Topic, Topics, ensure
from streams.kafka.transactions import Transactions
from tests.streams.kafka.shop import Shop, expect_each_once, opened


@pytest.fixture(scope="module")
def settings(kafka_bootstrap: str) -> Settings:
    prefix = f"t-{uuid4().hex[:12]}"
    said = Settings(kafka=(kafka_bootstrap,), kafka_prefix=prefix, kafka_partitions=1)
    ensure(said, [Topic.PUBLISHER])
    return said


@pytest.fixture
def hold(settings: Settings) -> Hold:
    """One that somebody has had, and lost their producer."""
    hold = Hold(Kafka.of(settings), f"{settings.kafka_prefix}-{uuid4()}")
    with _writer(hold, settings):
        pass
    return hold


@contextmanager
def _writer(hold: Hold, settings: Settings) -> Iterator[Transactions]:
    topic = Topics(settings.kafka_prefix)[Topic.PUBLISHER]
    writer = Transactions(Kafka.of(settings), hold, [topic], lambda: False)
    try:
        yield writer
    finally:
        writer.close()


def _other(hold: Hold, settings: Settings) -> Hold:
    return Hold(Kafka.of(settings), hold.transactional_id)


def _write(writer: Transactions, settings: Settings) -> None:
    writer.write([(Topics(settings.kafka_prefix)[Topic.PUBLISHER], Record(b"k", b"{}", []))])


def test_who_lost_a_producer_goes_on_if_nobody_asked(hold: Hold, settings: Settings) -> None:
    for _ in range(2):
        with _writer(hold, settings) as writer:
            _write(writer, settings)


def _asks(other: Hold, settings: Settings) -> None:
    with _writer(other, settings):
        pass


def _writes(other: Hold, settings: Settings) -> None:
    with _writer(other, settings) as writer:
        _write(writer, settings)


def _is_amid(other: Hold, settings: Settings) -> None:
    with _writer(other, settings) as writer:
        writer._producer.begin_transaction()
        sent = writer._producer.send(Topics(settings.kafka_prefix)[Topic.PUBLISHER], b"{}", b"k")
        sent.get(30)


@pytest.mark.parametrize("does", [_asks, _writes, _is_amid])
def test_who_lost_a_producer_ends_if_another_asked(
    hold: Hold, settings: Settings, does: Callable[[Hold, Settings], None]
) -> None:
    other = _other(hold, settings)
    does(other, settings)
    for _ in range(2):
        with pytest.raises(TakenOver), _writer(hold, settings):
            pass
    with _writer(other, settings) as writer:  # and has taken nothing from them
        _write(writer, settings)


def test_another_who_asks_between_the_look_and_the_question_is_not_driven_out(
    hold: Hold, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, look = _other(hold, settings), hold._look

    def look_away(ours: Epoch) -> Any:
        found = look(ours)
        _asks(other, settings)
        return found

    with monkeypatch.context() as amid:
        amid.setattr(hold, "_look", look_away)
        with pytest.raises(ProducerFencedError), _writer(hold, settings):
            pass
    with pytest.raises(TakenOver), _writer(hold, settings):
        pass
    with _writer(other, settings) as writer:
        _write(writer, settings)


def test_an_answer_that_was_lost_is_had_again(hold: Hold, settings: Settings) -> None:
    with _writer(copy(hold), settings):
        pass
    with _writer(hold, settings) as writer:
        _write(writer, settings)


def test_an_id_that_the_brokers_have_forgotten_is_had_again(hold: Hold, settings: Settings) -> None:
    forgotten = Hold(Kafka.of(settings), f"{settings.kafka_prefix}-{uuid4()}")
    forgotten._epoch = hold._epoch
    with _writer(forgotten, settings) as writer:
        _write(writer, settings)


@pytest.mark.parametrize("open_for_too_long", [True, False])
def test_who_was_amid_a_transaction_goes_on(
    hold: Hold, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, open_for_too_long: bool
) -> None:
    monkeypatch.setattr(transactions, "_TRANSACTION_MS", 500 if open_for_too_long else 60_000)
    _is_amid(hold, settings)
    sleep(2 * open_for_too_long)
    with _writer(hold, settings) as writer:
        _write(writer, settings)


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Shop]:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        shop.orders("ada", 5)
        yield shop


def test_a_publisher_that_was_fenced_stops_though_the_other_never_says_a_word(shop: Shop) -> None:
    began, ended = Event(), list[BaseException]()

    def publish() -> None:
        try:
            Publisher(shop.bahi.reading).run(lambda: False, Told(lambda _: began.set()))
        except StoreUnavailable as error:
            ended.append(error)

    running = Thread(target=publish)
    running.start()
    assert began.wait(60)
    name = f"{shop.bahi.settings.kafka_prefix}-{shop.bahi.reading.book.ledger_id}"
    other = Hold(Kafka.of(shop.bahi.settings), name)
    _asks(other, shop.bahi.settings)
    shop.orders("bob", 5)
    running.join(60)
    assert not running.is_alive()
    assert "another publisher of this ledger has taken over" in str(ended[0])
    with _writer(other, shop.bahi.settings) as writer:
        _write(writer, shop.bahi.settings)


def test_a_publisher_whose_transaction_was_open_for_too_long_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "_TRANSACTION_MS", 500)
    flush, troubles = Transactions._flush, list[str]()

    def stand_still(writer: Transactions) -> None:
        flush(writer)
        if not troubles and writer._producer._transaction_manager._transaction_started:
            sleep(2)

    monkeypatch.setattr(Transactions, "_flush", stand_still)
    assert shop.publish(Told(trouble=troubles.append)).all_out
    assert troubles
    expect_each_once(shop)


def test_whoever_begins_as_another_does_stops_with_a_word(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{shop.bahi.settings.kafka_prefix}-{shop.bahi.reading.book.ledger_id}"
    take = Hold.take

    def just_before(hold: Hold, producer: Any) -> None:
        take(hold, producer)
        monkeypatch.setattr(Hold, "take", take)
        _asks(Hold(Kafka.of(shop.bahi.settings), name), shop.bahi.settings)

    monkeypatch.setattr(Hold, "take", just_before)
    with pytest.raises(StoreUnavailable, match="has taken over"):
        shop.publish()
