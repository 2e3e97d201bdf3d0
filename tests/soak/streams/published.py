"""The verdict on what went out, by plain SQL, json and another client library: nothing of Bahi is in here.

Records on the topics against the rows of the book as they stand. Whatever is wrong is a finding, told with
the first place where it shows. It is meant for a book whose publisher has come to the end, and in which
nobody's data is restricted any more.
"""

import json
import re
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.soak.streams.reading import Record, Topic, read
from tests.soak.tables import Row, Store, rows_of

TOPICS = ("events", "customers", "consents", "deals", "erasures", "publisher")
_OUT = {"touchpoint", "sales", "service"}
_OF_ONE = {f"customer.{what}" for what in ("erased", "restricted", "unrestricted", "rectified")}
_OF_TWO = {"customers.merged", "customers.split"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ledger:
    """The rows of a book, and what was published of it."""

    rows: Sequence[Row]
    topics: Mapping[str, Topic]

    @cached_property
    def at(self) -> Mapping[int, Row]:
        return {row.position: row for row in self.rows}

    @cached_property
    def erased(self) -> frozenset[str]:
        """Whoever was erased, or is about to be: all of them, not some classes of their data."""
        return frozenset(
            row.envelope["customer"]
            for row in self.rows
            if row.type == "customer.erasing" and not row.envelope["data"].get("classes")
        )

    @cached_property
    def person(self) -> Callable[[str], str]:
        """Under whom a customer is seen: the first heard of among those linked, the erased left out."""
        linked: dict[frozenset[str], bool] = {}
        first: dict[str, int] = {}
        for row in sorted(self.rows, key=lambda row: (row.occurred_at, row.position)):
            if row.type in _OF_TWO:
                pair = frozenset({row.envelope["customer"], row.envelope["data"]["other"]})
                linked[pair] = row.type == "customers.merged"
        for row in self.rows:
            if "customer" in row.envelope and row.type not in _OF_TWO:
                first.setdefault(row.envelope["customer"], row.position)
        group = {customer: {customer} for customer in first}
        for pair, on in linked.items():
            if on and pair.isdisjoint(self.erased):
                one, other = pair
                together = group.setdefault(one, {one}) | group.setdefault(other, {other})
                group.update(dict.fromkeys(together, together))
        eldest = {customer: min(all_, key=first.__getitem__) for customer, all_ in group.items()}
        return eldest.__getitem__


def opened(store: Store, bootstrap: str, prefix: str) -> Ledger:
    """The book by plain SQL, the topics by librdkafka."""
    topics = {name: read(bootstrap, f"{prefix}.{name}") for name in TOPICS}
    return Ledger(rows_of(store), topics)


def keep(ledger: Ledger, file: Path) -> None:
    """Write down what stands on the topics, for whoever looks into a failed round."""
    with file.open("w") as kept:
        for name, topic in ledger.topics.items():
            for one in topic.records:
                said = json.dumps(
                    [name, one.partition, one.offset, one.ms, one.key, dict(one.said)]
                )
                kept.write(f"{said} {(one.value or b'').decode()}\n")


def audit(ledger: Ledger) -> list[str]:
    """What is wrong, each check with the first place where it shows."""
    wrong = []
    for name, check in CHECKS.items():
        findings = [*check(ledger)]
        if findings:
            more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
            wrong.append(f"{name}: {findings[0]}{more}")
    return wrong


# ---- transactions


def _none_is_open(ledger: Ledger) -> Iterator[str]:
    for name, topic in ledger.topics.items():
        for partition, behind in topic.open.items():
            yield f"{name}, partition {partition}: {behind} offsets are not committed yet"


def _one_publisher_at_a_time(ledger: Ledger) -> Iterator[str]:
    """Who was fenced says nothing more; whoever comes goes on from where others have come; nobody goes back."""
    points = [r.json for r in ledger.topics["publisher"].records if r.key == "publisher"]
    fenced = set()
    for one, other in pairwise(points):
        if one["publisher"] != other["publisher"]:
            fenced.add(one["publisher"])
            if other["publisher"] in fenced:
                yield f"who was fenced has taken over again, at position {other['position']}"
        for what in ("position", "rows"):
            if other[what] < one[what]:
                yield f"the resume point went back from {what} {one[what]} to {other[what]}"
            elif one["publisher"] != other["publisher"] and other[what] != one[what]:
                yield f"another goes on from {what} {other[what]}, where {one[what]} was last"
    last = points[-1] if points else {"position": 0, "rows": 0}
    if (last["position"], last["rows"]) != (len(ledger.rows), len(ledger.rows)):
        yield f"the resume point is {last['position']}, rows {last['rows']}, of {len(ledger.rows)}"
    if any(key != "publisher" for key in ledger.topics["publisher"].latest):
        yield "something is held back"


# ---- events


def _each_once(ledger: Ledger) -> Iterator[str]:
    """Records, not distinct ones."""
    wanted = Counter(row.position for row in ledger.rows if row.envelope["domain"] in _OUT)
    yield from _compared(wanted, ledger.topics["events"])


def _each_notice_once(ledger: Ledger) -> Iterator[str]:
    wanted, may = Counter[int](), Counter[int]()
    for row in ledger.rows:
        if row.type in _OF_ONE and "customer" in row.envelope:
            wanted[row.position] += 1
        elif row.type in _OF_TWO:
            # A link to somebody who is gone binds nobody; it went out if it was sooner.
            pair = {row.envelope["customer"], row.envelope["data"]["other"]}
            (wanted if ledger.erased.isdisjoint(pair) else may)[row.position] += 1
    yield from _compared(wanted, ledger.topics["erasures"], may)


def _compared(wanted: Counter[int], topic: Topic, may: Counter[int] | None = None) -> Iterator[str]:
    found = Counter(record.position for record in topic.records)
    for position, count in (wanted - found).items():
        yield f"position {position} is there {wanted[position] - count} times"
    for position in found - wanted - (may or Counter()):
        yield f"position {position} is there {found[position]} times"


def _in_order(ledger: Ledger) -> Iterator[str]:
    """Of one customer under one key positions only rise; of the erased many share a key."""
    for name in ("events", "erasures"):
        last: dict[tuple[str, str], int] = {}
        for record in ledger.topics[name].records:
            row = ledger.at.get(record.position)
            whose = "" if row is None else row.envelope.get("customer", "")
            before = last.get((record.key, whose), 0)
            if before > record.position:
                yield f"{name}: position {record.position} comes after {before}"
            last[record.key, whose] = record.position


def _one_partition_a_key(ledger: Ledger) -> Iterator[str]:
    for name, topic in ledger.topics.items():
        places: defaultdict[str, set[int]] = defaultdict(set)
        for record in topic.records:
            places[record.key].add(record.partition)
        for found in places.values():
            if len(found) > 1:
                yield f"{name}: a key is in partitions {sorted(found)}"


def _as_in_the_book(ledger: Ledger) -> Iterator[str]:
    for name in ("events", "erasures"):
        for record in ledger.topics[name].records:
            row = ledger.at.get(record.position)
            if row is not None and (found := _differs(record, row, ledger.erased)):
                yield f"{name}: of position {record.position} the {found} is not the book's"


def _differs(record: Record, row: Row, erased: frozenset[str]) -> str:
    """What of a record is not what it should be; nothing if all is."""
    envelope, said, value = row.envelope, record.said, record.json
    customer, subject = envelope.get("customer"), said.get("ce_subject")
    # Of somebody who is erased it may have gone out before.
    named = subject is not None or (customer is not None and customer not in erased)
    sealed = [*map(b64decode, value["personal"])]
    source = re.fullmatch(r"/bahi/[0-9a-f-]{36}/([^/?#]+)", said["ce_source"])
    recorded_at = (datetime.fromisoformat(said["ce_recordedtime"]) - _EPOCH) // timedelta(
        microseconds=1
    )
    pairs = {
        "number of headers": (len(said), len(record.headers)),
        "key": (record.key, customer if named else envelope["type"]),
        "partition key": (said["ce_partitionkey"], record.key),
        "subject": (subject, customer if named else None),
        "CloudEvents version": (said["ce_specversion"], "1.0"),
        "id": (said["ce_id"], str(row.id)),
        "type": (said["ce_type"], row.type),
        "version": (said["ce_typeversion"], str(envelope["version"])),
        "domain": (said["ce_domain"], envelope["domain"]),
        "source": (source and unquote(source[1]), envelope["source"]),
        "time": (said["ce_time"], envelope["occurred_at"]),
        "recorded time": (recorded_at, row.recorded_at),
        "correlation": (said.get("ce_correlation"), envelope.get("correlation")),
        "causation": (said.get("ce_causation"), envelope.get("causation")),
        "content type": (said["content-type"], "application/json"),
        "data": (value["data"], envelope["data"]),
        "tags": (value["tags"], dict(tag.split(":", 1) for tag in envelope.get("tags", ()))),
        "sealed part": (sealed, [*_blobs(row.personal)] if named else []),
        "value": (sorted(value), ["data", "personal", "tags"]),
    }
    return next((what for what, (came, wanted) in pairs.items() if came != wanted), "")


def _blobs(personal: bytes) -> Iterator[bytes]:
    """What is sealed, by section 3 of the design; records of keys are no business of subscribers."""
    while personal:
        size = 52
        if personal[0] == 1:
            size = 36 + int.from_bytes(personal[32:36])
            yield personal[:size]
        personal = personal[size:]


# ---- the latest of each key


def _customers(ledger: Ledger) -> Iterator[str]:
    """One row a person who is there to be seen, and nothing else."""
    wanted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in ledger.rows:
        customer = row.envelope.get("customer", "")
        if customer and row.envelope["domain"] == "touchpoint" and customer not in ledger.erased:
            counts = wanted[ledger.person(customer)]
            counts["touchpoints"] += 1
            counts["orders"] += row.type == "order.placed"
    found = ledger.topics["customers"].latest
    yield from _same_keys("customers", set(wanted), found)
    for key in wanted.keys() & found.keys():
        for what in ("touchpoints", "orders"):
            if found[key][what] != wanted[key][what]:
                yield f"a customer has {found[key][what]} {what}, and {wanted[key][what]} in the book"


def _consents(ledger: Ledger) -> Iterator[str]:
    """A row a person, purpose and channel of which they ever spoke."""
    wanted = set()
    for row in ledger.rows:
        customer, spoken = row.envelope.get("customer", ""), _spoken_of(row)
        if customer and spoken is not None and customer not in ledger.erased:
            wanted.add(f"{ledger.person(customer)}:{spoken}")
    yield from _same_keys("consents", wanted, ledger.topics["consents"].latest)


def _spoken_of(row: Row) -> str | None:
    """Purpose and channel of which an event says something; what is left out holds for all."""
    data = row.envelope["data"]
    if row.type.startswith("consent."):
        return f"{data['purpose']}:{data['channel']}"
    if row.type.startswith("objection."):
        return f"{data['purpose']}:"
    if row.type in {"email.unsubscribed", "email.complained"}:
        return ":email"
    return ":" if row.type in {"customer.restricted", "customer.unrestricted"} else None


def _deals(ledger: Ledger) -> Iterator[str]:
    """A row a deal, with whom it is made as far as they are there to be seen."""
    wanted: dict[str, str | None] = {}
    for row in sorted(ledger.rows, key=lambda row: (row.occurred_at, row.position)):
        if row.type.startswith("deal."):
            customer = row.envelope.get("customer")
            seen = None if customer in ledger.erased else customer
            for tag in row.envelope.get("tags", ()):
                if tag.startswith("deal:"):
                    wanted[tag[5:]] = seen
    found = ledger.topics["deals"].latest
    yield from _same_keys("deals", set(wanted), found)
    for key in wanted.keys() & found.keys():
        if found[key]["contact"] != wanted[key]:
            yield f"deal {key} is with {found[key]['contact']}, and in the book with {wanted[key]}"


def _same_keys(name: str, wanted: set[str], found: Mapping[str, Any]) -> Iterator[str]:
    if missing := wanted - found.keys():
        yield f"{name}: no row under {min(missing)}"
    if more := found.keys() - wanted:
        yield f"{name}: a row under {min(more)}"


def _nobody_erased(ledger: Ledger) -> Iterator[str]:
    for name in ("customers", "consents", "deals", "publisher"):
        for key, value in ledger.topics[name].latest.items():
            if any(one in key or one in json.dumps(value) for one in ledger.erased):
                yield f"{name}: somebody who is erased"


CHECKS: Mapping[str, Callable[[Ledger], Iterator[str]]] = {
    "no transaction is open": _none_is_open,
    "one publisher at a time": _one_publisher_at_a_time,
    "each event once": _each_once,
    "each notice once": _each_notice_once,
    "in order of each key": _in_order,
    "one partition a key": _one_partition_a_key,
    "as in the book": _as_in_the_book,
    "rows of customers": _customers,
    "rows of consents": _consents,
    "rows of deals": _deals,
    "nobody who is erased": _nobody_erased,
}
