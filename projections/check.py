"""Trying a fold before it goes live: does it keep the merge law on real, or made, events?

The rules refuse what cannot merge; this tries what they let through, with the very statements the
engine runs, so that a mistake in either shows here and not in somebody's figures.
"""

import random
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import orjson
import pyarrow as pa

from ledger import catalogue, relation
from ledger.clock import from_us, to_us
from ledger.errors import DefinitionRefused
from ledger.relation import EventSource
from projections.definition import Fold
from projections.folding import CannotFold, Folder
from projections.ordered import in_order
from projections.sources import Source
from projections.sqlite import SqliteViews
from projections.store import Move

_ROUNDS = 6
_EVENTS = 3_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What was tried, and held: the fold, on how many events (real or made), in how many splits."""

    fold: Fold
    events: int
    real: bool
    splits: int

    def __str__(self) -> str:
        what = "events of the book" if self.real else "made-up events, as the book has none,"
        return (
            f"{self.fold.name}: may go live. {self.events:,} {what} were folded at once, "
            f"and in {self.splits:,} random splits: the same rows each time"
        )


def check_fold(fold: Fold, source: EventSource | None = None, seed: int = 1) -> Checked:
    """Fold at once, and split in random runs and orders: the same rows, or `DefinitionRefused`.

    The latest events of the source are taken, made ones where it has none.
    """
    chance = random.Random(seed)  # noqa: S311 — a seeded trial, not a secret
    events = _latest(fold, source) if source else None
    real = events is not None and events.num_rows > 0
    if events is None or not real:
        events = made_events(fold, _EVENTS, chance)
    splits = 0
    for _ in range(_ROUNDS):
        splits += _try_once(fold, events, chance)
    return Checked(fold, events.num_rows, real, splits)


def _try_once(fold: Fold, events: pa.Table, chance: random.Random) -> int:
    """One random split in a random order, merged by the store itself."""
    order = list(range(events.num_rows))
    chance.shuffle(order)
    cuts = sorted({0, len(order), *(chance.randrange(len(order) + 1) for _ in range(12))})
    folder = Folder()
    with tempfile.TemporaryDirectory() as folder_path:
        store = SqliteViews(Path(folder_path) / "views.db")
        try:
            whole = folder.fold(fold, events)
            table = store.create(fold)
            for first, last in pairwise(cuts):
                rows = folder.fold(fold, events.take(pa.array(order[first:last])))
                for why in store.advance(first, last, [Move(table, rows)]).values():
                    raise _would_stop(fold, why)
            kept = store.read(fold.name)
        except CannotFold as error:
            raise _would_stop(fold, str(error)) from error
        finally:
            store.close()
            folder.close()
    if kept is not None:
        _demand_equal(fold, whole, kept.rows)
    return len(cuts) - 1


def _would_stop(fold: Fold, why: str) -> DefinitionRefused:
    return DefinitionRefused(
        fold.name, "events", f"the fold would stop: {why}", "make the expression safer"
    )


def _demand_equal(fold: Fold, whole: pa.Table, merged: pa.Table) -> None:
    remedy = "use one of the aggregates that merge"
    if whole.num_rows != merged.num_rows:
        raise DefinitionRefused(
            fold.name,
            "key",
            f"{whole.num_rows:,} rows at once, {merged.num_rows:,} when split: it does not merge",
            "let the key compare by its bytes",
        )
    for name in whole.column_names:
        if not whole.column(name).combine_chunks().equals(merged.column(name).combine_chunks()):
            raise DefinitionRefused(
                fold.name, name, "folded at once and split it differs: it does not merge", remedy
            )


def _latest(fold: Fold, source: EventSource) -> pa.Table:
    head = source.head()
    after = max(head - _EVENTS, 0)
    batches = in_order(source.batches(after, fold.needs, upto=head), after, head)
    return pa.Table.from_batches(batches, schema=relation.schema(fold.needs))


def made_events(fold: Fold, count: int, chance: random.Random) -> pa.Table:
    """Events that this fold could meet: its own literals, the catalogue's types, nulls and ties."""
    definition = orjson.dumps(
        [[k.sql for k in fold.keys], [[m.sql, m.filter] for m in fold.measures], fold.where]
    ).decode()
    literals: list[str] = re.findall(r"'([^'%]*)'", definition)
    topics = [model.TOPIC for model in catalogue.types()]
    ordered = ["order.placed"] * len(topics) if fold.source is Source.ORDER_LINES else []
    people = [UUID(int=chance.getrandbits(128)) for _ in range(40)]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    moments = [to_us(start + timedelta(hours=chance.randrange(2_000))) for _ in range(count)]

    def text() -> str | None:
        return chance.choice([*literals, "a", "B", "ä", "", None])

    def value(name: str, kind: str, n: int) -> object:
        fixed = {
            "position": n + 1,
            "occurred_at": _naive(moments[n]),
            "recorded_at": _naive(moments[0] + n),
            "moment": UUID(int=((moments[n] + 2**63) << 64) | (n + 1)),
            "type": chance.choice([*literals, *topics, *ordered]),
            "domain": chance.choice([*literals, *catalogue.Domain]),
        }
        if name in fixed:
            return fixed[name]
        if kind != "VARCHAR" and chance.random() < 0.2:
            return None
        match kind:
            case "BIGINT":
                return chance.randrange(-1_000, 1_000_000)
            case "UUID":
                return chance.choice(people)
            case "TIMESTAMP":
                return _naive(moments[chance.randrange(count)])
            case "DATE":
                return date(2024, 1, 1) + timedelta(days=chance.randrange(90))
            case "BOOLEAN":
                return chance.random() < 0.5
            case "JSON" if name == "lines":
                return orjson.dumps(
                    [
                        {"product": text(), "quantity": n % 4, "amount_minor": n}
                        for _ in range(chance.randrange(4))
                    ]
                ).decode()
            case "JSON":
                return orjson.dumps({"a": text()}).decode()
            case _:
                return text()

    known = relation.columns()
    schema = relation.schema(fold.needs)
    columns = [
        _array([value(name, known[name].type, n) for n in range(count)], schema.field(name).type)
        for name in fold.needs
    ]
    return pa.table(columns, schema=schema)


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    if isinstance(kind, pa.UuidType):
        raw = [value.bytes if isinstance(value, UUID) else None for value in values]
        return pa.ExtensionArray.from_storage(kind, pa.array(raw, kind.storage_type))
    if isinstance(kind, pa.BaseExtensionType):
        plain = [int(v) if isinstance(v, bool) else v for v in values]  # bool8 is kept in int8
        return pa.ExtensionArray.from_storage(kind, pa.array(plain, kind.storage_type))
    return pa.array(values, kind)


def _naive(us: int) -> datetime:
    return from_us(us).replace(tzinfo=None)
