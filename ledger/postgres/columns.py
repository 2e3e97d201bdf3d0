"""The book as columns: rows straight from COPY into Arrow, by ADBC."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress

import adbc_driver_manager
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from ledger import relation
from ledger.errors import StoreUnavailable
from ledger.postgres.address import Address
from ledger.postgres.connection import is_passing, patience, statement


class Columns:
    """Reads ranges of positions as batches shaped as `relation.RAW`, for any number of threads."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[dbapi.Connection] = []
        self._guard = threading.Lock()

    def batches(self, after: int, upto: int) -> Iterator[pa.RecordBatch]:
        """Events after a position up to and including another, in order; goes on after a lost connection."""
        pauses = patience()
        while after < upto:
            try:
                for batch in self._once(after, upto):
                    yield batch
                    after = batch["position"][-1].as_py()
            except (adbc_driver_manager.Error, OSError) as error:  # the latter from amid the rows
                sqlstate = getattr(error, "sqlstate", None)
                if not is_passing(sqlstate or None) or not next(pauses):
                    what = self._address.without_secrets(str(error))
                    raise StoreUnavailable(self._address.name, what) from None
            else:
                return

    def _once(self, after: int, upto: int) -> Iterator[pa.RecordBatch]:
        connection = self._take()
        try:
            with closing(connection.cursor()) as cursor:
                cursor.execute(statement("book/columns").format(after=int(after), upto=int(upto)))
                for batch in cursor.fetch_record_batch():
                    yield _raw(batch)
        except BaseException:
            # Left in the middle, it still has rows under way.
            with suppress(adbc_driver_manager.Error):
                connection.close()
            raise
        with self._guard:
            self._idle.append(connection)

    def _take(self) -> dbapi.Connection:
        with self._guard:
            if self._idle:
                return self._idle.pop()
        return dbapi.connect(self._address.conninfo, autocommit=True)

    def close(self) -> None:
        """Close the connections that are not at work."""
        with self._guard:
            while self._idle:
                self._idle.pop().close()


def _raw(batch: pa.RecordBatch) -> pa.RecordBatch:
    position, recorded_at, body = batch.columns
    return pa.RecordBatch.from_arrays(
        [position, recorded_at.cast(pa.timestamp("us")), body.cast(pa.string())],
        schema=relation.RAW,
    )
