"""The programs of docs/subscribe.md, as they stand there, against a broker: killed, doubled, and right in the end."""

import json
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from tests.streams.kafka import kcat
from tests.streams.kafka.demo import published_demo
from tests.streams.kafka.shop import PARTITIONS, Seen, Shop, committed, opened
from tests.system.cli import Scratch
from tests.system.pages import SUBSCRIBE, lines, on_path
from tests.system.told import copied

_PATIENCE_S = 60.0
_BROKER = "localhost:9092"


def programs() -> dict[str, str]:
    """The Python of the page, by the name that its first line gives."""
    blocks = re.findall(
        r"^```python\n(.*?)^```$", SUBSCRIBE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    return {block.removeprefix("# ").partition(":")[0]: block for block in blocks}


@dataclass
class Subscriber:
    """A program of the page in a folder of its own, with a broker and a prefix in place of the page's."""

    name: str
    folder: Path
    bootstrap: str
    prefix: str
    running: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        text = programs()[self.name]
        assert _BROKER in text
        assert '"bahi.' in text
        text = text.replace(_BROKER, self.bootstrap).replace('"bahi.', f'"{self.prefix}.')
        # All tests share one broker, and a group is one for all topics.
        text = re.sub(r'(group[._]id"?[=:] ?)"\w+"', rf'\1"{self.prefix}"', text)
        (self.folder / self.name).write_text(text, encoding="utf-8")

    def start(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "out").open("ab") as out, (self.folder / "err").open("ab") as err:
            one = subprocess.Popen(
                [sys.executable, self.name], cwd=self.folder, stdout=out, stderr=err
            )
        self.running.append(one)
        return one

    def kill(self) -> None:
        """End every copy as a crash would; how those had ended that were not running any more."""
        for one in self.running:
            one.send_signal(signal.SIGKILL)
            one.wait()
            assert one.returncode in {-signal.SIGKILL, 1}
        self.running.clear()

    @property
    def out(self) -> list[str]:
        return (self.folder / "out").read_text("utf-8").splitlines()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text("utf-8")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What it keeps; nothing, before it has begun to."""
        database = self.folder / self.name.replace(".py", ".db")
        if not database.exists():
            return []
        with closing(sqlite3.connect(database, timeout=60)) as db:
            try:
                return db.execute(query).fetchall()
            except sqlite3.OperationalError:  # the tables are not there yet
                return []

    def until(self, wanted: Callable[[], bool]) -> None:
        """Wait until it is so; a copy must be running as long."""
        until = time.monotonic() + _PATIENCE_S
        while not wanted():
            assert time.monotonic() < until, self.err
            assert any(one.poll() is None for one in self.running), self.err
            time.sleep(0.05)


Begin = Callable[[str, str], Subscriber]


@pytest.fixture
def begin(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Begin]:
    begun: list[Subscriber] = []

    def begin(name: str, prefix: str) -> Subscriber:
        folder = tmp_path / name.removesuffix(".py")
        begun.append(Subscriber(name, folder, kafka_bootstrap, prefix))
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()


@pytest.fixture
def shop(tmp_path: Path, kafka_bootstrap: str) -> Iterator[Shop]:
    with opened(tmp_path / "home", kafka_bootstrap) as shop:
        yield shop


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, kafka_bootstrap: str) -> str:
    return published_demo(tmp_path_factory, kafka_bootstrap)


def prefix(shop: Shop) -> str:
    return shop.bahi.settings.kafka_prefix


def spent(records: list[Seen]) -> set[tuple[str, str, int, int]]:
    """What each customer has ordered, told by every record once."""
    orders: Counter[tuple[str, str]] = Counter()
    amounts: Counter[tuple[str, str]] = Counter()
    for one in records:
        if one.headers["ce_type"] == "order.placed" and "ce_subject" in one.headers:
            key = one.headers["ce_subject"], one.value["data"]["currency"]
            orders[key] += 1
            amounts[key] += one.value["data"]["amount_minor"]
    return {(*key, orders[key], amounts[key]) for key in orders}


def test_the_page_has_these_programs() -> None:
    assert [*programs()] == ["look.py", "spent.py", "customers.py"]


def test_looking_shows_every_event_and_goes_on_from_where_it_was(shop: Shop, begin: Begin) -> None:
    shop.orders("ada", 3)
    shop.publish()
    look = begin("look.py", prefix(shop))
    look.start()
    look.until(lambda: len(look.out) == 3)
    time.sleep(1.5)  # it commits when it has nothing to read
    look.kill()
    shop.orders("bob", 2)
    shop.publish()
    look.start()
    look.until(lambda: len(look.out) >= 5)
    look.kill()
    seen = sorted(shop.committed("events"), key=lambda one: one.position)
    assert sorted(look.out, key=lambda line: int(line.split()[0])) == [
        f"{one.position} {one.headers['ce_type']} {one.key} {one.value['data']}" for one in seen
    ]


def test_each_order_counts_once_however_often_the_program_is_killed_and_doubled(
    demo: str, kafka_bootstrap: str, begin: Begin
) -> None:
    expected = spent(committed(kafka_bootstrap, f"{demo}.events"))
    assert len(expected) > 500
    one = begin("spent.py", demo)

    def place() -> int:
        return sum(n or 0 for (n,) in one.rows("SELECT sum(next) FROM place"))

    for _ in range(3):
        before = place()
        one.start()
        one.start()
        one.until(lambda before=before: place() > before + 3_000)  # type: ignore[misc]
        one.kill()
    one.start()
    one.until(lambda: {*one.rows("SELECT * FROM spent")} == expected)
    one.kill()
    assert {line for line in one.err.splitlines() if "Warning" not in line} <= {
        "another copy of this program has gone on from here"
    }


def test_who_is_erased_is_forgotten_and_who_is_restricted_rests(shop: Shop, begin: Begin) -> None:
    ada, eve, bob = shop.orders("ada", 3), shop.orders("eve", 2), shop.orders("bob")
    shop.merge(ada, eve)
    shop.publish()
    one = begin("spent.py", prefix(shop))
    one.start()
    one.until(lambda: len(one.rows("SELECT * FROM spent")) == 3)
    one.until(lambda: one.rows("SELECT * FROM linked") == [tuple(sorted([str(ada), str(eve)]))])

    shop.split(ada, eve)
    shop.restrict(bob)
    shop.publish()
    one.until(lambda: one.rows("SELECT * FROM resting") == [(str(bob),)])
    one.until(lambda: one.rows("SELECT * FROM linked") == [])
    shop.unrestrict(bob)
    shop.merge(ada, eve)
    shop.publish()
    one.until(lambda: one.rows("SELECT * FROM resting") == [])
    shop.erase(eve)
    shop.publish()
    one.until(lambda: {*one.rows("SELECT * FROM gone")} == {(str(ada),), (str(eve),)})
    one.until(lambda: [row[0] for row in one.rows("SELECT * FROM spent")] == [str(bob)])
    assert one.rows("SELECT * FROM linked") == []
    one.kill()

    # One that begins now reads of them, before or after it reads that they are gone: the end is the same.
    shutil.rmtree(one.folder)
    late = begin("spent.py", prefix(shop))
    late.start()
    late.until(lambda: {*late.rows("SELECT * FROM gone")} == {(str(ada),), (str(eve),)})
    late.until(lambda: [row[0] for row in late.rows("SELECT * FROM spent")] == [str(bob)])
    theirs = next(one for one in shop.committed("events") if one.key == str(eve))
    place = sent_again(shop, theirs)
    late.until(
        lambda: place in late.rows("SELECT part, next FROM place WHERE topic LIKE '%.events'")
    )
    assert [row[0] for row in late.rows("SELECT * FROM spent")] == [str(bob)]


def sent_again(shop: Shop, one: Seen) -> tuple[int, int]:
    """Let an event come when its customer is gone; the partition, and the offset after it."""
    headers = [(name, text.encode()) for name, text in one.headers.items()]
    value, key = json.dumps(one.value).encode(), one.key.encode()
    with closing(KafkaProducer(bootstrap_servers=shop.bootstrap)) as producer:
        there = producer.send(shop.topic("events"), value, key, headers).get(10)
    return there.partition, there.offset + 1


def test_a_table_of_the_latest_follows_its_topic_through_crashes(
    demo: str, kafka_bootstrap: str, begin: Begin
) -> None:
    values = {one.key: one.value for one in committed(kafka_bootstrap, f"{demo}.customers")}
    expected = {
        (key, row["orders"], row["last_seen"]) for key, row in values.items() if row is not None
    }
    assert len(expected) > 1_500
    one = begin("customers.py", demo)
    one.start()
    one.until(lambda: len(one.rows("SELECT * FROM place")) > 0)
    one.kill()
    one.start()
    one.until(lambda: {*one.rows("SELECT * FROM customers")} == expected)


def test_the_table_loses_whoever_is_erased(shop: Shop, begin: Begin) -> None:
    ada, bob = shop.orders("ada", 2), shop.orders("bob")
    shop.publish()
    one = begin("customers.py", prefix(shop))
    one.start()
    query = "SELECT customer, orders FROM customers ORDER BY customer"
    one.until(lambda: one.rows(query) == sorted([(str(ada), 2), (str(bob), 1)]))
    shop.erase(ada)
    shop.publish()
    one.until(lambda: one.rows(query) == [(str(bob), 1)])


def test_the_line_of_kcat_shows_every_notice(
    shop: Shop, tmp_path: Path, kafka_bootstrap: str
) -> None:
    """By kcat where the machine has one, else by the library that it is made of."""
    ada, eve = shop.orders("ada"), shop.orders("eve")
    shop.merge(ada, eve)
    shop.restrict(ada)
    shop.publish()
    (line,) = re.findall(r"^kcat .*$", SUBSCRIBE.read_text("utf-8"), re.MULTILINE)
    line = line.replace(_BROKER, kafka_bootstrap).replace("bahi.", f"{prefix(shop)}.")
    program, *given = shlex.split(line)
    found = shutil.which(program)
    command = [found] if found else [sys.executable, str(kcat.__file__)]
    done = subprocess.run([*command, *given], capture_output=True, text=True, check=True)
    expected = [
        f"{one.key} " + ",".join(f"{name}={value}" for name, value in one.headers.items())
        for one in shop.committed("erasures")
    ]
    assert len(expected) == 2
    assert sorted(done.stdout.splitlines()) == sorted(expected)


@dataclass(frozen=True)
class _Subscribed(Scratch):
    """A copy of the demo whose topics are there already."""

    prefix: str

    def environment(self) -> dict[str, str]:
        return {
            **super().environment(),
            "PYTHONWARNINGS": "ignore",  # of the client's, as it reads its schemas
            "BAHI_KAFKA_PREFIX": self.prefix,
            "BAHI_KAFKA_PARTITIONS": str(PARTITIONS),
        }


def test_every_line_of_bahi_runs_as_it_stands(
    tmp_path_factory: pytest.TempPathFactory, demo: str, kafka_bootstrap: str
) -> None:
    scratch = _Subscribed(copied(tmp_path_factory, "subscribed").folder, demo)
    typed = [*lines(SUBSCRIBE)]
    assert len(typed) == 3
    told = {}
    for line in typed:
        command = line.replace(_BROKER, kafka_bootstrap)
        done = scratch.run_command(["sh", "-ec", on_path(command)])
        assert done.code == 0, f"{line}\n{done.err}"
        told[line] = done
    published, made, shown = told.values()
    assert "published up to position " in published.err
    assert (scratch.folder / "contracts" / "asyncapi.json").exists()
    assert "files written" in made.err
    assert "personal_data.opened" in shown.out
