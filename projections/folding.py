"""Folding in DuckDB: a batch at once, or any number of events in one pass with flat memory."""

import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from uuid import UUID

import duckdb
import pyarrow as pa

from ledger.gone import HIDDEN
from ledger.relation import Feed
from projections import functions, sql
from projections.definition import Fold

_FEW = 1_000
_AHEAD = 4
"""Batches that may wait for a fold; more would only be memory."""


class CannotFold(Exception):
    """An event among these cannot be folded; the message names no value of it."""


class Folder:
    """Folds in DuckDB, for one thread at a time; `close` it."""

    def __init__(self) -> None:
        self._batch: _Batch | None = None

    def close(self) -> None:
        if self._batch is not None:
            self._batch.close()
            self._batch = None

    def fold(self, fold: Fold, events: pa.Table) -> pa.Table:
        """The rows (`fold.stored`, in key order) of these events. Raises `CannotFold`."""
        (rows,) = self.fold_batch([fold], events)
        if isinstance(rows, CannotFold):
            raise rows
        return rows

    def fold_batch(self, folds: Sequence[Fold], events: pa.Table) -> list[pa.Table | CannotFold]:
        """The rows of each fold from one batch, in the order of the folds.

        Statements are kept: folds that come again over the same columns are not planned again, which
        takes longer than folding a few events.
        """
        if self._batch is None or not self._batch.fits(events.schema):
            self.close()
            self._batch = _Batch(events.schema)
        return self._batch.fold(folds, events)

    def fold_stream(
        self, folds: Sequence[Fold], schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> list[pa.Table | CannotFold]:
        """The rows of each fold, from one reading of the batches, in the order of the folds.

        The batches are drawn in the caller's thread, since whoever reads a store may be bound to
        it; each fold runs in a thread of its own. Memory follows the keys, not the events.
        """
        with (
            functions.connect() as connection
        ):  # gives back to the system what one of the thread's keeps
            lanes = [_Lane(connection.cursor(), fold, schema) for fold in folds]
            try:
                for batch in batches:
                    for lane in lanes:
                        lane.put(batch)
            except BaseException:
                for lane in lanes:
                    lane.abandon()
                raise
            return [lane.finish() for lane in lanes]


def merge(
    fold: Fold, folded: pa.Table, aliases: pa.Table | None, hidden: pa.Table | None
) -> pa.Table:
    """Shown rows from folded ones: customers merged by `aliases`, `hidden` ones left out.

    Where a row of something else has a hidden customer in it, there is null instead. A fold of privacy
    hides nobody.
    """
    if not folded.num_rows:
        return fold.nothing_shown
    if fold.by_customer and aliases is not None and aliases.num_rows:
        hiding = HIDDEN.empty_table() if hidden is None or fold.of_privacy else hidden
        tables = {"folded": folded, "aliases": aliases, "hidden": hiding}
        try:
            folded = _answer(sql.merge_sql(fold), tables, fold)
        except duckdb.Error as error:
            raise CannotFold("a total of merged customers is too large for its column") from error
    return seen(fold, folded.select(fold.shown.names), hidden)


def seen(fold: Fold, rows: pa.Table, hidden: pa.Table | None) -> pa.Table:
    """What is seen of shown rows where some are `hidden`; see `merge`."""
    names_people = (fold.person_keys or fold.person_measures) and not fold.of_privacy
    if hidden is None or not hidden.num_rows or not names_people or not rows.num_rows:
        return rows
    if rows.num_rows <= _FEW and not _names_any(fold, rows, hidden):
        return rows
    return _answer(sql.seen_sql(fold), {"merged": rows, "hidden": hidden}, fold)


def _answer(query: str, tables: Mapping[str, pa.Table], fold: Fold) -> pa.Table:
    cursor = functions.cursor()
    try:
        for name, table in tables.items():
            cursor.register(name, table)
        return as_table(cursor.sql(query), fold.shown)
    finally:
        cursor.close()


def _names_any(fold: Fold, rows: pa.Table, hidden: pa.Table) -> bool:
    """Whether these rows name anybody hidden."""
    import pyarrow.compute as pc  # slow to load, and most ledgers hide nobody

    kind = pa.binary(16)
    whom = hidden.column("customer").cast(kind)
    names = (*fold.person_keys, *fold.person_measures)
    return any(pc.any(pc.is_in(rows.column(n).cast(kind), value_set=whom)).as_py() for n in names)


def without(fold: Fold, rows: pa.Table, customers: frozenset[UUID]) -> pa.Table:
    """The rows, folded or shown, but for those of these customers. A fold of privacy keeps them."""
    if not customers or not fold.person_keys or fold.of_privacy or not rows.num_rows:
        return rows
    for key in fold.person_keys:
        if rows.num_rows <= _FEW:  # fewer than may be gone: nobody is to look through those
            mine = pa.array([who not in customers for who in rows.column(key).to_pylist()])
        else:
            import pyarrow.compute as pc  # slow to load, and most ledgers have forgotten nobody yet

            gone = _ids(customers)
            whose = pc.cast(rows.column(key), gone.type)
            mine = pc.invert(pc.is_in(whose, value_set=gone))
        rows = rows.filter(mine)
    return rows


@lru_cache(maxsize=2)
def _ids(customers: frozenset[UUID]) -> pa.Array:
    return pa.array([customer.bytes for customer in customers], pa.binary(16))


def as_table(relation: duckdb.DuckDBPyRelation, schema: pa.Schema) -> pa.Table:
    """A relation's rows with exactly this schema."""
    table = relation.to_arrow_table()
    return table if table.schema.equals(schema) else table.cast(schema)


@contextmanager
def told_apart() -> Iterator[None]:
    """Errors of the events as `CannotFold`; any other is ours."""
    try:
        yield
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        raise CannotFold("a value is too large for its column, or not of its type") from error
    except duckdb.InvalidInputException as error:
        raise CannotFold("a function does not take a value") from error


class _Batch:
    """Folds over batches of the same columns, prepared once each."""

    def __init__(self, schema: pa.Schema) -> None:
        self._events = Feed(schema)
        self._prepared: set[str] = set()
        self._connection = functions.connect()
        self._connection.execute("SET threads = 1")  # it is over before another one is awake
        self._connection.register("events", self._events)

    def close(self) -> None:
        self._connection.close()

    def fits(self, schema: pa.Schema) -> bool:
        return bool(self._events.table.schema.equals(schema))

    def fold(self, folds: Sequence[Fold], events: pa.Table) -> list[pa.Table | CannotFold]:
        self._events.table = events
        try:
            touched = self._touched(folds)
            return [
                self._rows(fold) if touches else fold.nothing_stored
                for fold, touches in zip(folds, touched, strict=True)
            ]
        finally:
            self._events.table = events.schema.empty_table()

    def _touched(self, folds: Sequence[Fold]) -> Sequence[bool]:
        """Which of the folds these events may have rows in; a few events touch a few."""
        if len(folds) == 1:
            return [True]
        together = hashlib.sha256("".join(fold.hash for fold in folds).encode()).hexdigest()
        try:
            (touched,) = self._execute(together, lambda: sql.touched_sql(folds)).fetchall()
        except duckdb.Error:
            return [True] * len(folds)  # whichever of them cannot be asked will say so itself
        return [bool(touches) for touches in touched]

    def _rows(self, fold: Fold) -> pa.Table | CannotFold:
        try:
            with told_apart():
                return as_table(self._execute(fold.hash, lambda: sql.fold_sql(fold)), fold.stored)
        except CannotFold as error:
            return error

    def _execute(self, name: str, select: Callable[[], str]) -> duckdb.DuckDBPyRelation:
        if name not in self._prepared:
            self._connection.execute(f'PREPARE "{name}" AS {select()}')
            self._prepared.add(name)
        return self._connection.sql(f'EXECUTE "{name}"')


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
            with told_apart():
                self._result = as_table(
                    self._connection.sql(sql.fold_sql(self._fold)), self._fold.stored
                )
        except BaseException as error:  # noqa: BLE001 — handed to the caller's thread by finish()
            self._result = error
        finally:
            # Whoever feeds this lane must not wait on a queue that nobody empties.
            while not self._drained:
                self._drained = self._waiting.get() is None
            self._connection.close()
