"""Events for tests: a source in memory, and a seeded history that looks like a shop's."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

import duckdb
import pyarrow as pa

from ledger import relation
from ledger.clock import to_us
from ledger.event import Event, encode_body

START = datetime(2024, 1, 1, tzinfo=UTC)


def as_raw(events: Sequence[Event], first: int = 1) -> pa.Table:
    """Events at positions from `first` on, as a store would hand them over."""
    return pa.table(
        {
            "position": pa.array(range(first, first + len(events)), pa.int64()),
            "recorded_at": pa.array(
                [to_us(START) + first + n for n in range(len(events))], pa.int64()
            ).cast(pa.timestamp("us")),
            "body": [encode_body(event).decode() for event in events],
        },
        schema=relation.RAW,
    )


@dataclass
class MemorySource:
    """An `EventSource` over events in memory; `cuts` are the sizes of the batches it hands out."""

    raw: pa.Table
    cuts: Sequence[int] = ()
    again: int = 0
    """Events before the wanted ones that are delivered once more with each batch."""
    reads: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    @classmethod
    def of(cls, events: Sequence[Event], **kwargs: Any) -> Self:
        return cls(as_raw(events), **kwargs)

    def head(self) -> int:
        return int(self.raw.num_rows)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        self.reads.append((after, tuple(columns)))
        end = self.head() if upto is None else min(upto, self.head())
        cuts = list(self.cuts) or [size]
        turn = 0
        while after < end:
            count = min(max(cuts[turn % len(cuts)], 1), size, end - after)
            turn += 1
            start = max(after - self.again, 0)
            part = relation.project(self.raw.slice(start, after + count - start), columns)
            part = part.cast(relation.schema(tuple(columns))).combine_chunks()
            yield from part.to_batches()
            after += count


@dataclass
class ScannedSource(MemorySource):
    """The same where DuckDB can read them by itself."""

    scans: list[tuple[int, int]] = field(default_factory=list)

    @contextmanager
    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> Iterator[str]:
        end = self.head() if upto is None else upto
        self.scans.append((after, end))
        connection.register("scanned", relation.project(self.raw, [*{*columns, "position"}]))
        chosen = ", ".join(f'"{column}"' for column in columns)
        yield f"(SELECT {chosen} FROM scanned WHERE position > {after} AND position <= {end})"
        connection.unregister("scanned")


@dataclass
class ColumnSource:
    """An `EventSource` over columns that are ready: what history in columns will be."""

    table: pa.Table

    def head(self) -> int:
        return int(self.table.num_rows)

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        end = self.head() if upto is None else min(upto, self.head())
        part = self.table.select(list(columns)).slice(after, max(end - after, 0))
        yield from part.to_batches(max_chunksize=size)


_TYPES = (
    ("order.placed", 30), ("order.refunded", 4), ("order.cancelled", 2), ("email.sent", 20),
    ("email.delivered", 15), ("email.opened", 10), ("email.clicked", 5), ("email.bounced", 1),
    ("email.unsubscribed", 1), ("preference.set", 4), ("customer.identified", 2),
    ("subscription.started", 2), ("subscription.renewed", 2), ("subscription.cancelled", 1),
    ("loyalty.earned", 3), ("loyalty.redeemed", 1), ("referral.made", 1), ("rate.published", 1),
)  # fmt: skip


def shop(count: int, customers: int, seed: int = 1) -> list[Event]:
    """A seeded history: late events, ties, currencies, campaigns, facts about nobody."""
    chance = random.Random(seed)
    people = [UUID(int=chance.getrandbits(128), version=4) for _ in range(customers)]
    kinds = [name for name, _ in _TYPES]
    weights = [weight for _, weight in _TYPES]
    events = []
    for n in range(count):
        kind = chance.choices(kinds, weights)[0]
        happened = START + timedelta(
            minutes=n // 3 * 7 - (chance.randrange(99_999) if n % 9 == 0 else 0)
        )
        tags = []
        if chance.random() < 0.3:
            tags.append("campaign:" + chance.choice(["spring", "Sale", "über"]))
        if chance.random() < 0.5:
            tags.append("market:" + chance.choice(["IN", "DE", "BR"]))
        about = kind != "rate.published"
        events.append(
            Event(
                id=UUID(int=chance.getrandbits(128), version=4),
                type=kind,
                version=1,
                domain="touchpoint" if about else "reference",
                occurred_at=happened,
                source=chance.choice(["web", "crm"]),
                data=_data(kind, chance),
                customer=chance.choice(people) if about else None,
                tags=tuple(tags),
            )
        )
    return events


def _data(kind: str, chance: random.Random) -> dict[str, Any]:
    currency = chance.choice(["EUR", "INR", "JPY"])
    if kind in {"order.placed", "order.refunded"}:
        return {"amount_minor": chance.randrange(1, 50_000), "currency": currency, "quantity": 2}
    if kind.startswith("subscription."):
        return {"plan": chance.choice(["basic", "Pro"]), "amount_minor": 999, "currency": currency}
    if kind == "preference.set":
        return {
            key: chance.choice(values)
            for key, values in (("language", ["hi", "de"]), ("time_zone", ["Asia/Kolkata"]))
            if chance.random() < 0.7
        }
    if kind == "email.bounced":
        return {"bounce": chance.choice(["hard", "soft"])}
    if kind.startswith("loyalty."):
        return {"points": chance.randrange(500)}
    return {}


def columns_of(raw: pa.Table) -> pa.Table:
    """All columns of the relation for these events."""
    return relation.project(raw, tuple(relation.columns()))
