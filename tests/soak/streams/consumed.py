"""The verdict on what came in, by plain SQL, json and another client library: nothing of Bahi is in here.

What stands on a topic, as another client library finds it, against the rows of the book, what is told of the
refused, and how far the group says it is. Good messages are numbered: number `n` is an order of `n` cents, or in
Segment's way a look at page `pn`.
It is meant for a group that has come to the end of its topic.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka import TopicPartition as Place

from tests.soak.streams.reading import Record, Topic, admin, read
from tests.soak.tables import Row, Store, rows_of

BAD = "x-bad"
"""The header of a message that cannot be taken; it says how it is bad."""
NUMBER = "x-number"
"""And of a good one."""
FORM = "x-form"
"""How a good one is said."""
SECRET = "zxqv-nobody-may-read-this"
"""It is in every message, and is to be sealed."""


@dataclass(frozen=True)
class Intake:
    """What was sent, and what became of it."""

    topic: str
    sent: Topic
    rows: Sequence[Row]
    dead: Topic
    letters: Sequence[Mapping[str, Any]]
    """What is kept of the refused, as a user is shown it."""
    committed: Mapping[int, int]
    ends: Mapping[int, int]

    @cached_property
    def good(self) -> Sequence[tuple[int, Record]]:
        return [(int(r.said[NUMBER]), r) for r in self.sent.records if NUMBER in r.said]

    @cached_property
    def bad(self) -> Sequence[Record]:
        return [record for record in self.sent.records if BAD in record.said]

    @cached_property
    def taken(self) -> Sequence[tuple[int, Row]]:
        return [(_number(row.envelope["data"]), row) for row in self.rows]


def _number(data: Mapping[str, Any]) -> int:
    """Which message an event is of; 0 if that cannot be told."""
    said = data.get("amount_minor") or str(data.get("page", "")).removeprefix("p")
    return int(said or 0)


def opened(
    store: Store, bootstrap: str, topic: str, dead: str, letters: Sequence[Mapping[str, Any]]
) -> Intake:
    """The book by plain SQL, the topics by librdkafka; the group is called after the topic."""
    sent = read(bootstrap, topic)
    ends: Counter[int] = Counter()
    for record in sent.records:
        ends[record.partition] = record.offset + 1
    client = admin(bootstrap)  # a name of its own: without one it would go before it answers
    places = ConsumerGroupTopicPartitions(topic, [Place(topic, one) for one in ends])
    (asked,) = client.list_consumer_group_offsets([places]).values()
    committed = {one.partition: one.offset for one in asked.result(30).topic_partitions}
    return Intake(
        topic, sent, rows_of(store), read(bootstrap, dead), letters, committed, dict(ends)
    )


def audit(intake: Intake) -> list[str]:
    """What is wrong, each check with the first place where it shows."""
    wrong = []
    for name, check in CHECKS.items():
        findings = [*check(intake)]
        if findings:
            more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
            wrong.append(f"{name}: {findings[0]}{more}")
    return wrong


def _each_once(intake: Intake) -> Iterator[str]:
    """Each message is one event, however often it was sent and delivered; and nothing else is."""
    sent = {n for n, _ in intake.good}
    found = Counter(n for n, _ in intake.taken)
    for n in sorted(sent - found.keys()):
        yield f"message {n} is not in the book"
    for n, count in found.items():
        if n not in sent:
            yield f"the book has {n}, which nobody sent"
        elif count > 1:
            yield f"message {n} is in the book {count} times"


def _in_order(intake: Intake) -> Iterator[str]:
    """Of one key, events are in the book as their messages are on the topic."""
    place: dict[int, tuple[int, int]] = {}
    whose: dict[int, str] = {}
    for n, record in intake.good:
        place.setdefault(n, (record.partition, record.offset))
        whose[n] = record.key
    last: dict[str, tuple[int, int]] = {}
    for n, row in intake.taken:
        if n in place:
            if place[n] < last.get(whose[n], (0, -1)):
                yield f"position {row.position} was sent before one that stands before it"
            last[whose[n]] = place[n]


def _one_customer_a_key(intake: Intake) -> Iterator[str]:
    whose = {n: record.key for n, record in intake.good}
    customers: defaultdict[str, set[str]] = defaultdict(set)
    for n, row in intake.taken:
        customers[whose.get(n, "")].add(row.envelope.get("customer", ""))
    for found in customers.values():
        if len(found) > 1:
            yield f"a person is {len(found)} customers"
    if len(set().union(*customers.values())) < len(customers):
        yield "two people are one customer"


def _as_sent(intake: Intake) -> Iterator[str]:
    sources = {row.envelope["source"] for row in intake.rows}
    if sources - {"web"}:
        yield f"events of {sorted(sources)}"
    forms = {n: record.said.get(FORM) for n, record in intake.good}
    for n, row in intake.taken:
        data = {"page": f"p{n}"}, {"amount_minor": n, "currency": "EUR"}
        expected = (
            ("page.viewed", data[0]) if forms.get(n) == "segment" else ("order.placed", data[1])
        )
        if (row.type, row.envelope["data"]) != expected:
            yield f"position {row.position} is not what was sent"
        elif not row.personal:
            yield f"position {row.position}: nothing is sealed"


def _refusals(intake: Intake) -> Iterator[str]:
    """Each bad message is told, by its place, and kept; and no other is."""
    bad = {f"{intake.topic}/{one.partition}/{one.offset}" for one in intake.bad}
    told = {record.key for record in intake.dead.records}
    kept = {"{topic}/{partition}/{offset}".format(**one) for one in intake.letters}
    for name, found in (("told", told), ("kept", kept)):
        for where in sorted(bad - found):
            yield f"{where} is not {name}"
        for where in sorted(found - bad):
            yield f"{where} is {name}, and is good"
    for record in intake.dead.records:
        said = record.json
        where = "{topic}/{partition}/{offset}".format(**said)
        if where != record.key or not (said["reason"] and said["field"]):
            yield f"{record.key} is told as {where}, without a reason"


def _nothing_readable(intake: Intake) -> Iterator[str]:
    for record in intake.dead.records:
        if SECRET.encode() in (record.value or b"") or SECRET in str(record.headers):
            yield f"the refusal of {record.key} quotes what it refused"
    for row in intake.rows:
        if SECRET.encode() in row.body + row.personal:
            yield f"position {row.position} has in the clear what a bad message had"


def _at_the_end(intake: Intake) -> Iterator[str]:
    for partition, end in intake.ends.items():
        if intake.committed.get(partition) != end:
            yield f"partition {partition} ends at {end}, committed is {intake.committed.get(partition)}"


CHECKS: Mapping[str, Callable[[Intake], Iterator[str]]] = {
    "each message once": _each_once,
    "in order of each key": _in_order,
    "one customer a key": _one_customer_a_key,
    "as it was sent": _as_sent,
    "refusals": _refusals,
    "nothing readable": _nothing_readable,
    "committed to the end": _at_the_end,
}
