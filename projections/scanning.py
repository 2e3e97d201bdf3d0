"""Folding by DuckDB's own scan of a source: with all its threads, and no event through Python."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import duckdb
import pyarrow as pa

from ledger.errors import BookAltered, StoreUnavailable
from ledger.relation import Scannable
from projections import functions, sql
from projections.definition import Fold
from projections.folding import CannotFold, as_table, told_apart

T = TypeVar("T")
Part = Callable[[float], object]
"""Told how much of a scan is done, from 0 to 1, several times a second; what it raises ends the scan."""

_UNREADABLE = {duckdb.Error, duckdb.IOException, duckdb.InvalidInputException}
"""What DuckDB says of a file that is not as it was written, whatever is wrong with it."""
_LOOK_S = 0.1
_SLICE = 100_000_000
"""Positions that are looked at together: a bit each in every thread."""


class Scan:
    """Events that DuckDB reads by itself, as often as it is asked to."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def fold(self, fold: Fold, told: Part = lambda _: None) -> pa.Table | CannotFold:
        """The rows (`fold.stored`, in key order) of all these events. Memory follows the keys."""
        return self._told_apart(lambda: self._folded(fold), told)

    def select(self, select: str, given: Mapping[str, pa.Table]) -> pa.Table | CannotFold:
        """The answer of a SELECT over these `events`, and over what is given besides."""
        for name, table in given.items():
            self._connection.register(name, table)
        return self._told_apart(lambda: self._connection.sql(select).to_arrow_table())

    def _folded(self, fold: Fold) -> pa.Table:
        return as_table(self._connection.sql(sql.fold_sql(fold)), fold.stored)

    def _told_apart(
        self, work: Callable[[], pa.Table], told: Part = lambda _: None
    ) -> pa.Table | CannotFold:
        try:
            with told_apart():
                return self._watched(work, told)
        except CannotFold as error:
            self._watched(self._read, told)  # DuckDB says the same of a file that it cannot unpack
            return error
        except duckdb.OutOfMemoryException:
            return CannotFold("more keys than fit in memory")

    def _read(self) -> object:
        """Every value of the events."""
        return self._connection.execute(functions.template("readable.sql")).fetchall()

    def demand_gapless(self, after: int, upto: int, told: Part) -> None:
        """Each position of (after, upto] once, and no other. Raises `BookAltered`."""
        for first in range(after + 1, upto + 1, _SLICE):
            last = min(first + _SLICE - 1, upto)
            missing = self._asked("gapless.sql", first, last, told)
            if missing:
                raise BookAltered(first + missing - 1, "no event from the source")
        if self._asked("too_many.sql", after + 1, upto, told):
            unasked = self._asked("unasked.sql", after + 1, upto, told)
            raise BookAltered(unasked, "more than one event from the source, or not asked for")

    def _asked(self, name: str, first: int, last: int, told: Part) -> int:
        text = functions.template(name).format(first=first, last=last)
        ((answer,),) = self._watched(lambda: self._connection.execute(text).fetchall(), told)
        return int(answer)

    def _watched(self, work: Callable[[], T], told: Part) -> T:
        """What `work` makes in a thread of its own, so that ours hears of signals; whatever `told`
        raises interrupts it.
        """
        with ThreadPoolExecutor(1, "scan") as threads:
            result = threads.submit(work)
            try:
                while not wait([result], _LOOK_S).done:
                    told(max(self._connection.query_progress(), 0) / 100)
            except BaseException:
                while not wait([result], _LOOK_S).done:  # one before it has begun is forgotten
                    self._connection.interrupt()
                raise
            return result.result()


@contextmanager
def scanned(
    source: Scannable,
    columns: Sequence[str],
    after: int,
    upto: int,
    told: Part = lambda _: None,
) -> Iterator[Scan]:
    """The events of (after, upto] as DuckDB reads them, in one snapshot.

    `told` hears of the look whether they are all there. Raises `BookAltered` if not, and
    `StoreUnavailable` where a file of them cannot be read.
    """
    try:
        with (
            functions.connect(files=True) as connection,
            source.scan(connection, columns, after=after, upto=upto) as relation,
        ):
            connection.execute(functions.template("scanned.sql").format(relation=relation))
            scan = Scan(connection)
            scan.demand_gapless(after, upto, told)
            yield scan
    except duckdb.Error as error:
        if type(error) not in _UNREADABLE:
            raise
        what = "a file cannot be read; `bahi verify` names it: deleted, it is written anew"
        raise StoreUnavailable("the history", what) from error
