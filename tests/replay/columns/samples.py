"""A history of everything that the catalogue knows, and segments so small that a test has many."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import duckdb
import pyarrow as pa

from ledger import catalogue, relation
from ledger.book import Book
from ledger.event import Event
from replay.columns import Columns
from replay.columns.writing import Sizes
from tests.ledger.samples import an_event, customer, event_id

B = TypeVar("B", bound=Book)

SIZES = Sizes(group=32, small=32, large=128)
LEDGER = UUID(int=7)
EXAMPLES = Path(__file__).parents[2] / "ledger" / "examples"
START = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = tuple(relation.columns())


@cache
def examples() -> Sequence[tuple[str, int, dict[str, object]]]:
    """Type, version and clear attributes of each hand-written example."""
    found = []
    for path in sorted(EXAMPLES.glob("*.json")):
        given = json.loads(path.read_text())
        found.append((given["type"], given["version"], given["data"]))
    return found


def history(first: int, last: int) -> list[Event]:
    """Events `first` to `last`: every type in turn, every column used, some of them late."""
    made = []
    domains = {model.TOPIC: model.DOMAIN for model in catalogue.types()}
    for n in range(first, last + 1):
        dice = random.Random(n)
        topic, version, data = examples()[n % len(examples())]
        if (
            topic == "event.redacted" or n % 10 == 0
        ):  # the word of the first counts; the other may go
            topic, version, data = next(one for one in examples() if one[0] == "order.placed")
        tags = tuple(
            f"{kind}:{kind} {n % 7}" for kind in catalogue.TAG_KINDS if dice.random() < 0.3
        )
        made.append(
            Event(
                id=event_id(n),
                type=topic,
                version=version,
                domain=domains[topic],
                occurred_at=START + timedelta(microseconds=dice.randrange(10**12)),
                source="shop",
                data=data,
                customer=customer(n % 5) if dice.random() < 0.8 else None,
                tags=tags,
                actor=customer(100 + n % 3) if dice.random() < 0.5 else None,
                correlation=event_id(n - 1) if dice.random() < 0.5 else None,
                causation=event_id(n + 1) if dice.random() < 0.5 else None,
                personal=dice.randbytes(dice.randrange(0, 200)),
            )
        )
    return made


def begun(book: B, count: int) -> B:
    """The book, of a ledger, with so many events."""
    book.adopt(LEDGER)
    book.append(history(1, count))
    return book


def columns_of(
    folder: Path, book: Book, *, grace_s: float = 0.0, clock: Callable[[], datetime] | None = None
) -> Columns:
    given = {} if clock is None else {"clock": clock}
    return Columns(folder, book, sizes=SIZES, grace_s=grace_s, **given)


def ranges(columns: Columns) -> list[tuple[int, int]]:
    """The positions of each segment."""
    return [(one.first, one.last) for one in columns.catalogue().segments]


def small(first: int, last: int) -> list[tuple[int, int]]:
    """Small ranges from one position to another."""
    return [(at, at + SIZES.small - 1) for at in range(first, last, SIZES.small)]


def parquet_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if ".parquet" in path.name}


def as_table(
    source: Book | Columns, names: Sequence[str] = NAMES, after: int = 0, upto: int | None = None
) -> pa.Table:
    batches = source.batches(after, names, upto=upto, size=21)
    return pa.Table.from_batches(batches, relation.schema(tuple(names))).combine_chunks()


def scanned(
    columns: Columns, names: Sequence[str] = NAMES, after: int = 0, upto: int | None = None
) -> pa.Table:
    """What DuckDB reads of it, in order of position."""
    with duckdb.connect() as connection:
        connection.execute("SET arrow_lossless_conversion = true")
        with columns.scan(
            connection, [*dict.fromkeys((*names, "position"))], after=after, upto=upto
        ) as sql:
            chosen = ", ".join(f'"{name}"' for name in names)
            query = f"SELECT {chosen} FROM {sql} AS e ORDER BY e.position"
            return connection.sql(query).to_arrow_table().combine_chunks()


def redaction(n: int, position: int, removed: Sequence[str]) -> Event:
    """Event `n`, by which two approve that bytes of the event at a position go."""
    said = {
        "redacted_position": position,
        "redacted_id": str(event_id(position)),
        "ground": "mistaken",
        "approvers": [str(customer(101)), str(customer(102))],
        "removed": [*removed],
    }
    return replace(an_event(n, "event.redacted", data=said), domain="privacy")
