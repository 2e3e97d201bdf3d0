"""Events as readers see them where some customers are hidden: the event stays, nobody is named.

What was done with somebody's data (domain privacy) goes on naming them: it proves that it was done.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from uuid import UUID

import pyarrow as pa

from ledger.catalogue import Domain
from ledger.event import MERGED, SPLIT, Recorded

NEEDS = ("customer", "domain", "other")
"""The columns that tell whom an event names."""
NAMING = frozenset({"customer", "other", "data"})
"""The columns that name them."""


def with_needs(columns: Sequence[str]) -> list[str]:
    """The same, with what it takes to name nobody in them who is hidden."""
    missing = [column for column in NEEDS if column not in columns]
    return [*columns, *missing] if NAMING.intersection(columns) else [*columns]


def nameless(
    batches: Iterator[pa.RecordBatch], hidden: Collection[UUID]
) -> Iterator[pa.RecordBatch]:
    """Batches with columns of `with_needs`, null in place of every hidden customer."""
    customers = pa.array([customer.bytes for customer in hidden], pa.binary(16))
    for batch in batches:
        named = hidden and set(NEEDS) <= set(batch.schema.names)
        yield _nameless(batch, customers) if named else batch


def _nameless(batch: pa.RecordBatch, hidden: pa.Array) -> pa.RecordBatch:
    import pyarrow.compute as pc  # slow to load, and most ledgers hide nobody

    def is_hidden(column: str) -> pa.Array:
        return pc.is_in(batch.column(column).storage, value_set=hidden)

    kept = pc.equal(batch.column("domain"), Domain.PRIVACY.value)
    mine, others = pc.and_not(is_hidden("customer"), kept), is_hidden("other")
    linked = pc.and_(mine, pc.is_valid(batch.column("other")))
    where = {"customer": mine, "other": others, "data": pc.or_(others, linked)}
    columns = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in where and pc.any(where[name]).as_py():
            left = pc.if_else(where[name], None, column.storage)
            column = pa.ExtensionArray.from_storage(column.type, left)  # noqa: PLW2901
        columns.append(column)
    return pa.record_batch(columns, schema=batch.schema)


def about_nobody(recorded: Recorded, hidden: Collection[UUID]) -> Recorded | None:
    """The same for one event; None for a merge or split that names somebody hidden."""
    event = recorded.event
    if event.type in (MERGED, SPLIT):
        two = {event.customer, UUID(event.data["other"])}
        return recorded if two.isdisjoint(hidden) else None
    if event.customer not in hidden or event.domain == Domain.PRIVACY:
        return recorded
    return replace(recorded, event=replace(event, customer=None))
