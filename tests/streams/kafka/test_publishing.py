"""What the book takes is published: each event once, in order, through stops, kills, rivals and privacy."""

import shutil
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ledger.errors import BadUsage, StoreRolledBack, StoreUnavailable
from ledger.event import MAX_EVENT_BYTES
from streams.kafka import publishing
from streams.kafka.publishing import Lag, Publisher, Told
from tests.commands.samples import touchpoint
from tests.ledger.processes import run_until_killed
from tests.streams.kafka.shop import Shop, by_key, expect_each_once, opened


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setattr(publishing, "_EVENTS", 7)  # many transactions of few events
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        yield shop


def test_each_event_is_published_once_and_in_order_of_its_key(shop: Shop) -> None:
    for who in ("ada", "bob", "eve", "ada"):
        shop.orders(who, 6)
    lag = shop.publish()
    assert (lag.head, lag.position, lag.rows) == (24, 24, 24)
    expect_each_once(shop)
    assert shop.publish() == lag
    expect_each_once(shop)


def test_it_goes_on_from_where_it_stopped(shop: Shop) -> None:
    shop.orders("ada", 30)
    told: list[Lag] = []
    Publisher(shop.bahi.reading).run(lambda: len(told) >= 3, Told(told.append))
    assert 0 < told[-1].position < 30
    shop.orders("bob", 3)
    shop.publish()
    expect_each_once(shop)


def test_whoever_waits_is_told_of_what_comes(shop: Shop) -> None:
    positions: list[int] = []
    publisher = Publisher(shop.bahi.reading)
    running = threading.Thread(
        target=publisher.run,
        args=(
            lambda: bool(positions) and positions[-1] == 2,
            Told(lambda lag: positions.append(lag.rows)),
        ),
    )
    running.start()
    shop.orders("ada", 2)
    running.join(60)
    assert not running.is_alive()
    expect_each_once(shop)


def test_a_transaction_of_large_events_has_fewer(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "_EVENTS", 5_000)
    monkeypatch.setattr(publishing, "_BYTES", 2_000)
    positions = [0]
    told = Told(lambda lag: positions.append(lag.position))
    ada = shop.orders("ada", 20)
    shop.restrict(ada)
    shop.orders("bob", 20)
    assert shop.publish(told).all_out
    shop.unrestrict(ada)
    before = len(positions)
    assert shop.publish(told).held_back == 0
    assert max(after - one for one, after in pairwise(positions)) < 10
    assert len(positions) - before > 3  # what was held back does not come at once, either
    expect_each_once(shop)


def test_the_largest_event_goes_out_as_the_others_do(shop: Shop) -> None:
    shop.orders("ada")
    longest = MAX_EVENT_BYTES - 4_000
    note = chr(0x20000) * (longest // 4)
    data = {"currency": "EUR", "amount_minor": 1, "note": note}
    shop.take(*(touchpoint(f"large{n}", who={"user": "ada"}, data=data) for n in range(3)))
    shop.orders("ada")
    shop.publish()
    expect_each_once(shop)
    sealed = [len(blob) for one in shop.committed("events") for blob in one.value["personal"]]
    assert sum(size > longest for size in sealed) == 3


def test_how_far_it_is_behind_is_known_while_it_can_write_nothing(shop: Shop) -> None:
    publisher = Publisher(shop.bahi.reading)
    assert publisher.lag() is None
    shop.orders("ada", 2)
    publisher.run(lambda: False, once=True)
    assert publisher.lag() == Lag(2, 2, 2, 0.0, 0)
    shop.orders("ada", 3)
    behind = publisher.lag()
    assert behind is not None
    assert (behind.head, behind.position) == (5, 2)
    assert behind.behind_s > 0


def test_a_second_publisher_takes_over_and_the_first_stops_with_a_word(shop: Shop) -> None:
    shop.orders("ada", 5)
    began = threading.Event()
    ended: list[BaseException] = []

    def first() -> None:
        try:
            Publisher(shop.bahi.reading).run(lambda: False, Told(lambda _: began.set()))
        except StoreUnavailable as error:
            ended.append(error)

    running = threading.Thread(target=first)
    running.start()
    assert began.wait(60)
    shop.publish()  # fences it, and has written so before it may notice
    shop.orders("bob", 5)
    running.join(60)
    assert not running.is_alive()
    assert "another publisher of this ledger has taken over" in str(ended[0])
    shop.publish()
    expect_each_once(shop)


KILLED = """
import os, signal, sys
from pathlib import Path
from streams.kafka import publishing, transactions
from tests.streams.kafka.shop import opened

publishing._EVENTS = 7
home, bootstrap, prefix, write = sys.argv[1:]

def killed_amid(self, call):
    # What was sent is with the broker by now, and the transaction is open.
    call()
    if call.__name__ == "_flush":
        left.pop()
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

left = [None] * int(write)
real = transactions.Transactions._wait
transactions.Transactions._wait = (
    lambda self, call: killed_amid(self, call) if getattr(call, "__name__", "") == "_flush" else real(self, call)
)
with opened(Path(home), bootstrap, prefix) as shop:
    shop.publish()
"""


def test_a_publisher_killed_amid_a_transaction_has_published_nothing_of_it(shop: Shop) -> None:
    shop.orders("ada", 20)
    shop.orders("bob", 10)
    prefix = shop.bahi.settings.kafka_prefix
    run_until_killed(KILLED, shop.home, shop.bootstrap, prefix, 3)
    shop.publish()
    expect_each_once(shop)


def test_topics_of_another_ledger_are_not_taken_for_ours(shop: Shop, tmp_path: Path) -> None:
    shop.orders("ada")
    shop.publish()
    prefix = shop.bahi.settings.kafka_prefix
    with opened(tmp_path / "other", shop.bootstrap, prefix) as other:
        other.orders("bob")
        with pytest.raises(BadUsage, match="found those of ledger"):
            other.publish()
    expect_each_once(shop)


def test_a_book_restored_from_before_is_refused(tmp_path: Path, kafka_bootstrap: str) -> None:
    home, copy = tmp_path / "home", tmp_path / "copy"
    with opened(home, kafka_bootstrap) as shop:
        shop.orders("ada", 3)
        prefix = shop.bahi.settings.kafka_prefix
    shutil.copytree(home, copy)
    with opened(home, kafka_bootstrap, prefix) as shop:
        shop.orders("ada", 3)
        shop.publish()
    with opened(copy, kafka_bootstrap, prefix) as old:
        with pytest.raises(StoreRolledBack, match="up to position 6, and the book ends at 3"):
            old.publish()
        old.orders("eve", 3)
        with pytest.raises(StoreRolledBack, match="position 6 is not the one that was published"):
            old.publish()


def test_what_is_restricted_is_held_back_and_comes_after_the_lift_in_order(shop: Shop) -> None:
    ada, bob = shop.orders("ada", 2), shop.orders("bob", 2)
    shop.publish()
    shop.restrict(ada)
    shop.orders("ada", 16)
    shop.orders("bob", 2)
    lag = shop.publish()
    assert (lag.position, lag.held_back) == (lag.head, 1)
    seen = by_key([(one.key, one.position) for one in shop.committed("events")])
    assert (len(seen[str(ada)]), len(seen[str(bob)])) == (2, 4)
    shop.unrestrict(ada)
    shop.orders("ada", 2)
    assert shop.publish().held_back == 0
    expect_each_once(shop)


def test_a_restriction_is_one_of_every_member_of_the_person(shop: Shop) -> None:
    ada, eve = shop.orders("ada"), shop.orders("eve")
    shop.merge(ada, eve)
    shop.restrict(ada)
    shop.publish()
    assert shop.committed("events") == []
    shop.unrestrict(ada)
    shop.publish()
    expect_each_once(shop)


def test_of_the_erased_goes_out_what_happened_and_nobody(shop: Shop) -> None:
    ada = shop.orders("ada", 2)
    shop.publish()
    shop.orders("ada", 9)
    shop.orders("bob")
    shop.erase(ada)
    shop.publish()
    events = {one.position: one for one in shop.committed("events")}
    assert len(events) == len(shop.committed("events")) == 12
    late = [events[position] for position in range(3, 12)]
    assert [one.key for one in late] == ["order.placed"] * 9
    assert all(one.value["personal"] == [] and "ce_subject" not in one.headers for one in late)
    assert all(one.value["data"] == {"amount_minor": 1250, "currency": "EUR"} for one in late)
    assert not any(str(ada) in str(one) for one in late)


def test_what_was_held_back_of_somebody_who_is_then_erased_comes_of_nobody(shop: Shop) -> None:
    ada = shop.orders("ada")
    shop.restrict(ada)
    shop.orders("ada", 8)
    assert shop.publish().held_back == 1
    shop.unrestrict(ada)
    shop.erase(ada)
    assert shop.publish().held_back == 0
    events = shop.committed("events")
    assert len(events) == 9
    assert {one.key for one in events} == {"order.placed"}


def test_subscribers_are_told_what_became_of_people(shop: Shop) -> None:
    ada, eve, bob = (shop.orders(who) for who in ("ada", "eve", "bob"))
    shop.merge(ada, eve)
    shop.restrict(ada)
    shop.publish()
    shop.unrestrict(ada)
    shop.split(ada, eve)
    shop.erase(bob)
    shop.publish()
    told = sorted(shop.committed("erasures"), key=lambda one: one.position)
    assert [(one.headers["ce_type"], one.key) for one in told] == [
        ("customers.merged", str(ada)),
        ("customer.restricted", str(ada)),
        ("customer.unrestricted", str(ada)),
        ("customers.split", str(ada)),
        ("customer.erased", str(bob)),
    ]
    assert told[0].value["data"]["other"] == str(eve)
