"""Folding in DuckDB: a batch at once, or any number of events in one pass with flat memory."""

import queue
import threading
from collections.abc import Iterable, Iterator, Sequence

import duckdb
import pyarrow as pa

from ledger.people import ALIASES
from projections import functions, sql
from projections.definition import Fold

_AHEAD = 4
"""Batches that may wait for a fold; more would only be memory."""


class CannotFold(Exception):
    """An event among these cannot be folded; the message names no value of it."""


class Folder:
    """Folds in this thread's DuckDB; `close` it."""

    def __init__(self) -> None:
        self._connection = functions.cursor()

    def close(self) -> None:
        self._connection.close()

    def fold(self, fold: Fold, events: pa.Table) -> pa.Table:
        """The rows (`fold.stored`, in key order) of these events. Raises `CannotFold`."""
        self._connection.register("events", events)
        try:
            return _run(self._connection, fold)
        finally:
            self._connection.unregister("events")

    def fold_stream(
        self, folds: Sequence[Fold], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> list[pa.Table | CannotFold]:
        """The rows of each fold, from one reading of the batches, in the order of the folds.

        The batches are drawn in the caller's thread, since whoever reads a store may be bound to
        it; each fold runs in a thread of its own. Memory follows the keys, not the events.
        """
        lanes = [_Lane(self._connection.cursor(), fold, schema) for fold in folds]
        try:
            for batch in batches:
                for lane in lanes:
                    lane.put(batch)
        except BaseException:
            for lane in lanes:
                lane.abandon()
            raise
        return [lane.finish() for lane in lanes]


HIDDEN = pa.schema([("customer", pa.uuid())])
"""Customers whose rows nobody is to see."""


def merge(
    fold: Fold, folded: pa.Table, aliases: pa.Table | None, hidden: pa.Table | None
) -> pa.Table:
    """Shown rows from folded ones: customers merged by `aliases`, `hidden` ones left out."""
    aliases = ALIASES.empty_table() if aliases is None else aliases
    hidden = HIDDEN.empty_table() if hidden is None else hidden
    if not fold.by_customer or not (aliases.num_rows or hidden.num_rows):
        return folded.select(fold.shown.names)
    cursor = functions.cursor()
    try:
        for name, table in (("folded", folded), ("aliases", aliases), ("hidden", hidden)):
            cursor.register(name, table)
        return as_table(cursor.sql(sql.merge_sql(fold)), fold.shown)
    except duckdb.Error as error:
        raise CannotFold("a total of merged customers is too large for its column") from error
    finally:
        cursor.close()


def as_table(relation: duckdb.DuckDBPyRelation, schema: pa.Schema) -> pa.Table:
    """A relation's rows with exactly this schema."""
    table = relation.to_arrow_table()
    return table if table.schema.equals(schema) else table.cast(schema)


def _run(connection: duckdb.DuckDBPyConnection, fold: Fold) -> pa.Table:
    try:
        return as_table(connection.sql(sql.fold_sql(fold)), fold.stored)
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise CannotFold("a value is too large for its column, or not of its type") from error
    except duckdb.InvalidInputException as error:
        raise CannotFold("a function does not take a value") from error


class _Lane:
    """A fold in its thread, fed through a short queue."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, fold: Fold, schema: pa.Schema
    ) -> None:
        self._waiting: queue.Queue[pa.RecordBatch | None] = queue.Queue(_AHEAD)
        self._schema = schema
        self._connection = connection
        self._fold = fold
        self._drained = False
        self._abandoned = False
        self._result: pa.Table | BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"fold-{fold.name}", daemon=True)
        self._thread.start()

    def put(self, batch: pa.RecordBatch) -> None:
        self._waiting.put(batch)

    def finish(self) -> pa.Table | CannotFold:
        self._waiting.put(None)
        self._thread.join()
        if isinstance(self._result, BaseException) and not isinstance(self._result, CannotFold):
            raise self._result
        return self._result

    def abandon(self) -> None:
        """The reading failed: let the thread end, and forget what it made."""
        self._abandoned = True
        self._waiting.put(None)
        self._thread.join()

    def _batches(self) -> Iterator[pa.RecordBatch]:
        while (batch := self._waiting.get()) is not None:
            yield batch
        self._drained = True

    def _work(self) -> None:
        try:
            reader = pa.RecordBatchReader.from_batches(self._schema, self._batches())
            self._connection.register("events", reader)
            self._result = _run(self._connection, self._fold)
        except BaseException as error:  # noqa: BLE001 — handed to the caller's thread by finish()
            self._result = error
        finally:
            # Whoever feeds this lane must not wait on a queue that nobody empties.
            while not self._drained:
                self._drained = self._waiting.get() is None
            self._connection.close()
