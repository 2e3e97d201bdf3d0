"""A source of events that counts how many were read of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from ledger.relation import Scannable


class Counted:
    """The same events as those of `source`; `events` counts them, in each reading anew."""

    def __init__(self, source: Scannable) -> None:
        self._source = source
        self.events = 0

    def head(self) -> int:
        """See `EventSource`."""
        return self._source.head()

    def batches(
        self, after: int, columns: Sequence[str], *, upto: int | None = None, size: int = 20_000
    ) -> Iterator[pa.RecordBatch]:
        """See `EventSource`."""
        for batch in self._source.batches(after, columns, upto=upto, size=size):
            self.events += batch.num_rows
            yield batch

    @contextmanager
    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> Iterator[str]:
        """See `Scannable`. DuckDB leaves out what a query does not want: counted is what it looked at."""
        upto = self._source.head() if upto is None else upto
        with self._source.scan(connection, columns, after=after, upto=upto) as relation:
            self.events += max(upto - after, 0)
            yield relation
