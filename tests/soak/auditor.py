"""The verdict on a round, by plain SQL, hashlib and json: nothing of Bahi is in here.

What writers noted that they sent and were acknowledged, what followers noted that they were handed,
and what users are shown of the views, against the rows of the book as they stand. Whatever is
wrong is a finding, told with the first place where it shows.
"""

import hashlib
import json
import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.soak.tables import Book, Row, Store, opened

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Audit:
    """What was counted, and what was wrong."""

    stored: int = 0
    acknowledged: int = 0
    unacknowledged: int = 0
    handed: int = 0
    checkpoints: int = 0
    findings: list[str] = field(default_factory=list)


def audit(folder: Path, store: Store) -> Audit:
    """Compare the notes in the folder with the tables of the store."""
    book = opened(folder, store)
    found = Audit(stored=len(book.rows), checkpoints=len(book.checkpoints))
    for name, check in CHECKS.items():
        findings = list(check(book))
        if findings:
            more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
            found.findings.append(f"{name}: {findings[0]}{more}")
    acknowledged = {
        (name, n)
        for name, notes in book.notes.items()
        for line in notes
        for n, _ in line.get("acked", ())
    }
    found.acknowledged = len(acknowledged)
    found.unacknowledged = len(book.rows) - len(acknowledged)
    found.handed = sum("at" in line for notes in book.notes.values() for line in notes)
    return found


# ---- the rows by themselves


def _gapless(book: Book) -> Iterator[str]:
    for expected, row in enumerate(book.rows, start=1):
        if row.position != expected:
            yield f"expected position {expected}, found {row.position}"
            return


def _recorded_in_order(book: Book) -> Iterator[str]:
    for one, other in pairwise(book.rows):
        if other.recorded_at < one.recorded_at:
            yield f"position {other.position} was recorded before position {one.position}"


def _each_id_once(book: Book) -> Iterator[str]:
    for event_id, count in Counter(row.id for row in book.rows).items():
        if count > 1:
            yield f"{event_id} is there {count} times"


def _columns(book: Book) -> Iterator[str]:
    for row in book.rows:
        envelope = row.envelope
        when = datetime.fromisoformat(envelope["occurred_at"]) - _EPOCH
        copies = (UUID(envelope["id"]), envelope["type"], when // timedelta(microseconds=1))
        if copies != (row.id, row.type, row.occurred_at):
            yield f"position {row.position}: a column is not what the envelope says"


def _canonical(book: Book) -> Iterator[str]:
    for row in book.rows:
        again = json.dumps(
            row.envelope, ensure_ascii=False, separators=(",", ":"), sort_keys=True
        ).encode()
        if again != row.body:
            yield f"position {row.position}: the envelope is not canonical JSON"


def _leaves(book: Book) -> Iterator[str]:
    for row in book.rows:
        if _leaf(row) != row.leaf:
            yield f"position {row.position}: its bytes are not those of its leaf"


def _leaf(row: Row) -> bytes:
    head = struct.pack(">BQI", 0, row.recorded_at, len(row.body))
    return hashlib.sha256(head + row.body + row.personal).digest()


def _checkpoints(book: Book) -> Iterator[str]:
    leaves = [_leaf(row) for row in book.rows]
    whole: dict[tuple[int, int], bytes] = {}
    for size, root in book.checkpoints:
        if size > len(leaves):
            yield f"a tree head over {size} events, and there are {len(leaves)}"
        elif _root(leaves, 0, size, whole) != bytes(root):
            yield f"the tree head over {size} events is not that of the first {size} events"
    if not book.checkpoints:
        yield "there is no tree head"


def _root(leaves: Sequence[bytes], begin: int, end: int, whole: dict[Any, bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, over leaves that are hashed already."""
    count = end - begin
    if count == 1:
        return leaves[begin]
    if (begin, end) not in whole:
        k = 1 << (count - 1).bit_length() - 1  # the largest power of two smaller than count
        left = _root(leaves, begin, begin + k, whole)
        right = _root(leaves, begin + k, end, whole)
        whole[begin, end] = hashlib.sha256(b"\x01" + left + right).digest()
    return whole[begin, end]


def _tags(book: Book) -> Iterator[str]:
    found = defaultdict(list)
    for position, tag in book.tags:
        found[position].append(tag)
    for row in book.rows:
        envelope = row.envelope
        about = [f"customer:{envelope['customer']}"] if "customer" in envelope else []
        if sorted({*envelope.get("tags", []), *about}) != sorted(found.pop(row.position, [])):
            yield f"position {row.position}: its tags are not those of the envelope"
    for position in found:
        yield f"position {position}: a tag is there, and no event"


# ---- what was sent, and what was answered


def _nothing_lost_doubled_or_moved(book: Book) -> Iterator[str]:
    """What was acknowledged is there, once, where the answer said."""
    at = {row.position: row for row in book.rows}
    for name, notes in book.notes.items():
        answered: dict[int, int] = {}
        for line in notes:
            for n, position in line.get("acked", ()):
                if answered.setdefault(n, position) != position:
                    yield f"{name} {n} was answered {answered[n]}, and then {position}"
                elif position not in at or _who(at[position]) != (name, n):
                    yield f"{name} {n} is not at position {position}, as was answered"
            if "closed" in line and str(getattr(at.get(line["closed"]), "id", "")) != line["id"]:
                yield f"the end is not at position {line['closed']}, as was answered"


def _who(row: Row) -> tuple[str, int]:
    """Which writer, and which of its events."""
    envelope = row.envelope
    return envelope["source"], envelope["data"].get("amount_minor", 0)


def _nothing_that_nobody_sent(book: Book) -> Iterator[str]:
    """Everything that is there was sent, as it is there, and once; the refused is not there."""
    sent: defaultdict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for name, notes in book.notes.items():
        for line in notes:
            for one in line.get("sent", ()):
                sent[name, one["n"]].append(one)
            for n in line.get("refused", ()):
                sent[name, n].pop()
    ends = [line["id"] for notes in book.notes.values() for line in notes if "closed" in line]
    for who, count in Counter(map(_who, book.rows)).items():
        if count > 1:
            yield f"{who[0]} {who[1]} is there {count} times"
    for row in book.rows:
        meant = sent[_who(row)]
        if str(row.id) not in ends and not any(_same(row, one) for one in meant):
            what = "was sent in other words" if meant else "was not sent by anybody"
            yield f"position {row.position} {what}"


def _same(row: Row, sent: Mapping[str, Any]) -> bool:
    envelope = row.envelope
    said = ("type", "occurred_at", "source", "tags", "data", "id", "customer")
    return (
        all(envelope.get(name) == sent[name] for name in said if name in sent)
        and envelope["version"] == 1
        and envelope["domain"] == "touchpoint"
        and ("person" in sent or row.personal.hex() == sent["personal"])
    )


def _one_customer_each(book: Book) -> Iterator[str]:
    """Who came by one name is one customer, and no other's."""
    person_of = {
        (name, one["n"]): one["person"]
        for name, notes in book.notes.items()
        for line in notes
        for one in line.get("sent", ())
        if "person" in one
    }
    customers: dict[str, str] = {}
    for row in book.rows:
        person = person_of.get(_who(row))
        if person is not None:
            customer = row.envelope["customer"]
            if customers.setdefault(person, customer) != customer:
                yield f"position {row.position}: a person was another customer before"
            if not row.personal:
                yield f"position {row.position}: nothing is sealed"
    if len(set(customers.values())) < len(customers):
        yield "two people are one customer"


def _no_lost_update(book: Book) -> Iterator[str]:
    """The n-th event of a guarded tag saw the n-1 before it."""
    counts: Counter[str] = Counter()
    for row in book.rows:
        envelope = row.envelope
        saw = envelope["data"].get("saw")
        for tag in envelope.get("tags", ()):
            if tag.startswith("deal:"):
                if saw != counts[tag]:
                    yield f"position {row.position} saw {saw} before it, there were {counts[tag]}"
                counts[tag] += 1


# ---- what was handed over


def _followers(book: Book) -> Iterator[str]:
    """Each saw every position once, in order, with the bytes that are stored."""
    for name in ("poll", "wait", "columns", "subscribe"):
        lines = book.notes.get(name, ())
        handed = [(line["at"], line["hash"]) for line in lines if "at" in line]
        for expected, (position, told) in enumerate(handed, start=1):
            if position != expected:
                yield f"{name} was handed {position} where {expected} was next"
                break
            if position > len(book.rows) or told != _handed(name, book.rows[position - 1]):
                yield f"{name} was handed other bytes at position {position}"
                break
        else:
            if len(handed) != len(book.rows):
                yield f"{name} was handed {len(handed)} events of {len(book.rows)}"


def _handed(name: str, row: Row) -> str:
    """The hash of what this follower should have been handed."""
    if name == "columns":
        data = json.dumps(
            row.envelope["data"], ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )
        return hashlib.sha256(f"{row.id} {row.type} {data}".encode()).hexdigest()
    sealed = b"" if name == "subscribe" else row.personal
    return hashlib.sha256(row.body + sealed).hexdigest()


# ---- what users are shown


def _verified(book: Book) -> Iterator[str]:
    """`bahi verify` has seen the whole of it and found nothing."""
    said = book.verified
    if said.get("ok") is not True or said.get("events") != len(book.rows):
        yield f"`bahi verify` said {json.dumps(said)[:500]}"
    elif said["root"] != _root([_leaf(row) for row in book.rows], 0, len(book.rows), {}).hex():
        yield "`bahi verify` found another root"
    elif not said["folds"]:
        yield "`bahi verify` compared no fold"


def _views(book: Book, view: str, fold: Callable[[Iterable[Row]], Counter[Any]]) -> Iterator[str]:
    """A view has the rows that this fold of all events has."""
    wanted = fold(book.rows)
    shown: Counter[Any] = Counter()
    for line in book.views:
        if line["view"] == view:
            row = json.loads(line["row"]) if isinstance(line["row"], str) else line["row"]
            shown.update(_shown(view, row))
    if shown != wanted:
        key = min((wanted - shown) + (shown - wanted), key=str)
        yield f"{view}: {key} is {shown[key]}, a fresh fold has {wanted[key]}"


def _shown(view: str, row: Mapping[str, Any]) -> Counter[Any]:
    keys, measures = _VIEWS[view]
    of = tuple(str(row[key]) for key in keys)
    return +Counter({(*of, name): row[name] or 0 for name in measures})


_VIEWS: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
    "daily": (("day", "type", "market", "currency"), ("events", "amount_minor")),
    "customer_360": (("customer",), ("touchpoints", "orders", "refunds")),
    "customer_money": (("customer", "currency"), ("orders", "ordered", "refunds", "refunded")),
}


def _daily(rows: Iterable[Row]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        envelope = row.envelope
        market = [t.removeprefix("market:") for t in envelope.get("tags", ()) if t[:7] == "market:"]
        of = (envelope["occurred_at"][:10], row.type, "".join(market))
        key = (*of, envelope["data"].get("currency", ""))
        found[(*key, "events")] += 1
        found[(*key, "amount_minor")] += envelope["data"].get("amount_minor", 0)
    return +found


def _customer_360(rows: Iterable[Row]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        envelope = row.envelope
        if "customer" in envelope:
            found[envelope["customer"], "touchpoints"] += 1
            found[envelope["customer"], "orders"] += row.type == "order.placed"
            found[envelope["customer"], "refunds"] += row.type == "order.refunded"
    return +found


def _customer_money(rows: Iterable[Row]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        envelope = row.envelope
        if "customer" in envelope:
            key = (envelope["customer"], envelope["data"]["currency"])
            many, much = (
                ("orders", "ordered") if row.type[6:] == "placed" else ("refunds", "refunded")
            )
            found[(*key, many)] += 1
            found[(*key, much)] += envelope["data"]["amount_minor"]
    return +found


Check = Callable[[Book], Iterator[str]]

CHECKS: Mapping[str, Check] = {
    "positions": _gapless,
    "recorded_at": _recorded_in_order,
    "ids": _each_id_once,
    "columns": _columns,
    "envelopes": _canonical,
    "leaves": _leaves,
    "tree heads": _checkpoints,
    "tags": _tags,
    "acknowledged": _nothing_lost_doubled_or_moved,
    "sent": _nothing_that_nobody_sent,
    "customers": _one_customer_each,
    "guarded": _no_lost_update,
    "followers": _followers,
    "verify": _verified,
    "daily": partial(_views, view="daily", fold=_daily),
    "customer_360": partial(_views, view="customer_360", fold=_customer_360),
    "customer_money": partial(_views, view="customer_money", fold=_customer_money),
}
