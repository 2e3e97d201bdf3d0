"""Columns from and to PostgreSQL: rows straight from COPY into Arrow and back, by ADBC."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from ledger import relation
from ledger.book import STORED
from ledger.errors import StoreUnavailable
from ledger.postgres.address import Address
from ledger.postgres.connection import is_passing, patience, statement

Connection = Any  # a `dbapi.Connection`; the driver ships no types
Answer = TypeVar("Answer")


class ColumnConnections:
    """Connections that speak Arrow, lent to one user at a time, kept for the next."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []
        self._guard = threading.Lock()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One in autocommit. Whoever leaves it in the middle of something has it closed."""
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = dbapi.connect(self._address.conninfo, autocommit=True)
        try:
            yield connection
        except BaseException:
            with suppress(adbc_driver_manager.Error):
                connection.close()
            raise
        with self._guard:
            self._idle.append(connection)

    def patiently(self, work: Callable[[Connection], Answer]) -> Answer:
        """Do the work, which may be done twice; on another connection, after a pause, if one is lost.

        Raises `StoreUnavailable` when the server has not come back in time, or cannot do it.
        """
        pauses = patience()
        while True:
            try:
                with self.connection() as connection:
                    return work(connection)
            except (adbc_driver_manager.Error, OSError) as error:
                self.demand_passing(error, pauses)

    def demand_passing(self, error: Exception, pauses: Iterator[bool]) -> None:
        """Pause, if another connection may do after this error; else raise it in our words."""
        # An OSError comes from amid the rows, and has no state.
        sqlstate = getattr(error, "sqlstate", None)
        if not is_passing(sqlstate or None) or not next(pauses):
            what = self._address.without_secrets(str(error))
            raise StoreUnavailable(self._address.name, what) from None
        with self._guard:  # the others of the same server are as dead
            while self._idle:
                with suppress(adbc_driver_manager.Error):
                    self._idle.pop().close()

    def close(self) -> None:
        """Close the connections that are not at work."""
        with self._guard:
            while self._idle:
                self._idle.pop().close()


class Columns:
    """Reads ranges of positions as batches shaped as `relation.RAW`, for any number of threads."""

    def __init__(self, address: Address) -> None:
        self._connections = ColumnConnections(address)

    def batches(
        self, after: int, upto: int, remains: Callable[[int], bytes]
    ) -> Iterator[pa.RecordBatch]:
        """Events after a position up to and including another, in order; goes on after a lost connection.

        `remains` gives what stands for an envelope that was removed.
        """
        for batch in self._patiently("book/columns", after, upto):
            yield _raw(batch, remains)

    def stored(
        self, after: int, upto: int, remains: Callable[[int], bytes]
    ) -> Iterator[pa.RecordBatch]:
        """The same rows byte for byte, as batches shaped as `STORED`."""
        for batch in self._patiently("book/stored", after, upto):
            yield _stored(batch, remains)

    def _patiently(self, name: str, after: int, upto: int) -> Iterator[pa.RecordBatch]:
        pauses = patience()
        while after < upto:
            try:
                for batch in self._once(name, after, upto):
                    yield batch
                    after = batch["position"][-1].as_py()
                    pauses = patience()  # each loss is a new one
            except (adbc_driver_manager.Error, OSError) as error:
                self._connections.demand_passing(error, pauses)
            else:
                return

    def _once(self, name: str, after: int, upto: int) -> Iterator[pa.RecordBatch]:
        with self._connections.connection() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(statement(name).format(after=int(after), upto=int(upto)))
            yield from cursor.fetch_record_batch()

    def close(self) -> None:
        """Close the connections that are not at work."""
        self._connections.close()


def _raw(batch: pa.RecordBatch, remains: Callable[[int], bytes]) -> pa.RecordBatch:
    position, recorded_at, body = batch.columns
    if body.null_count:
        pairs = zip(position.to_pylist(), body.to_pylist(), strict=True)
        body = pa.array(
            [remains(at) if stored is None else stored for at, stored in pairs], body.type
        )
    return pa.RecordBatch.from_arrays(
        [position, recorded_at.cast(pa.timestamp("us")), body.cast(pa.string())],
        schema=relation.RAW,
    )


def _stored(batch: pa.RecordBatch, remains: Callable[[int], bytes]) -> pa.RecordBatch:
    position, recorded_us, body, personal, leaf = batch.columns
    left = pa.nulls(batch.num_rows, pa.binary())
    if body.null_count:
        pairs = zip(position.to_pylist(), body.is_null().to_pylist(), strict=True)
        left = pa.array([remains(at) if gone else None for at, gone in pairs], pa.binary())
    arrays = [position, recorded_us, body, personal, leaf.cast(pa.binary(32)), left]
    return pa.RecordBatch.from_arrays(arrays, schema=STORED)
