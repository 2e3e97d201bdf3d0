"""SQL over history, in a cage: one SELECT, and nothing outside the tables it is handed.

The query is read first, by the parser that runs it (`replay.cage.query`), and may name our tables, harmless
functions, and nothing else. What it names is laid before it in a database of its own, in memory: small
tables are copied, history is a view over its files. Then access to all other files, to network,
extensions and Python is switched off, the switches are locked, and only then does the query run, with
bounds on memory and time.
"""

import resource
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from ledger.errors import BadUsage, StoreUnavailable
from projections import functions
from replay.cage import query as query_
from replay.rows.kinds import narrowed

MEMORY_MB = 2_048
TIMEOUT_S = 120.0
_GRACE_S = 2.0
"""How long a query may take to heed that it is to stop. Some never do: a single step may last for days."""

Table = Callable[[frozenset[str] | None], pa.RecordBatchReader | pa.Table]
"""Makes a table's rows; given the columns that are named in the query, or None for all of them."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """A table that DuckDB reads by itself, from files.

    `scan` lays out what it needs on the connection, given columns as a `Table` is, and yields the SQL
    of a relation. The files that this SQL names as text are the only ones that can then be read.
    """

    scan: Callable[[duckdb.DuckDBPyConnection, frozenset[str] | None], AbstractContextManager[str]]


def run(
    query: str,
    tables: Mapping[str, Table | Scanned],
    *,
    memory_mb: int = MEMORY_MB,
    timeout_s: float = TIMEOUT_S,
) -> pa.Table:
    """The answer to one SELECT over `tables`.

    Raises `BadUsage` for anything but one SELECT, for one that reaches beyond the tables, that fails, or
    that runs out of time or memory; `NotFound` for a table that is not there; `StoreUnavailable` where
    history cannot be read.
    """
    asked = query_.read(query, tables)
    try:
        with ExitStack() as held:
            connection = held.enter_context(_database(memory_mb))
            named = _lay_out(connection, asked, tables, held)
            connection.execute("SET allowed_paths = $files", {"files": sorted(named)})
            connection.execute(_sql("lock.sql"))
            with _at_most(memory_mb):
                return _answer(connection, query, timeout_s, held, named)
    except (duckdb.OutOfMemoryException, MemoryError):
        raise BadUsage(
            f"expected a query that fits into {memory_mb} MB, came a larger one"
        ) from None


def _sql(name: str) -> str:
    return files("replay.cage").joinpath("sql", name).read_text(encoding="utf-8")


def _database(memory_mb: int) -> duckdb.DuckDBPyConnection:
    limits = {"memory_limit": f"{memory_mb}MB", "temp_directory": ""}
    connection = duckdb.connect(config={**limits, "python_enable_replacements": False})
    connection.execute("SET arrow_lossless_conversion = true; SET TimeZone = 'UTC'")
    return connection


def _lay_out(
    connection: duckdb.DuckDBPyConnection,
    asked: query_.Query,
    tables: Mapping[str, Table | Scanned],
    held: ExitStack,
) -> frozenset[str]:
    """Put the tables that are named before the query; the files that it may then read."""
    named: frozenset[str] = frozenset()
    for name in sorted(asked.tables):
        table = tables[name]
        if isinstance(table, Scanned):
            relation = held.enter_context(table.scan(connection, asked.columns))
            select = _sql("whole.sql").format(relation=relation)
            named |= _files_in(select)
            try:
                connection.sql(select).create_view(name)
            except duckdb.Error as error:
                raise _unreadable(error) from None
        else:
            connection.register("incoming", table(asked.columns))
            connection.sql("SELECT * FROM incoming").create(name)
            connection.unregister("incoming")
    return named


def _files_in(select: str) -> frozenset[str]:
    """The files that a SELECT of ours names as text."""
    with functions.cursor() as cursor:
        found = cursor.execute("SELECT json_serialize_sql($sql)", {"sql": select}).fetchall()
    return frozenset(text for text in _texts(orjson.loads(found[0][0])) if Path(text).is_file())


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _texts(inner)


class _Asking(threading.Thread):
    """Runs the query in a thread of its own, so that whoever asked can leave one that does not stop."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, query: str) -> None:
        super().__init__(daemon=True)
        self._connection = connection
        self._query = query
        self._lock = threading.Lock()
        self._left: ExitStack | None = None
        self._over = False
        self.answer: pa.Table | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = _typed_for_all(self._connection.sql(self._query)).to_arrow_table()
        except BaseException as error:  # noqa: BLE001 (whoever asked raises it)
            self.error = error
        with self._lock:
            self._over = True
            if self._left is not None:
                self._left.close()

    def stop(self, held: ExitStack) -> None:
        """Have it stop soon, or leave it, and what it holds, to itself."""
        for _ in range(int(_GRACE_S / 0.05)):
            if not self.is_alive():
                return
            self._connection.interrupt()  # one that comes between two statements is forgotten
            self.join(0.05)
        with self._lock:
            if not self._over:
                self._left = held.pop_all()


def _answer(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    timeout_s: float,
    held: ExitStack,
    named: frozenset[str],
) -> pa.Table:
    asking = _Asking(connection, query)
    asking.start()
    try:
        asking.join(timeout_s)
    finally:
        late = asking.is_alive()
        asking.stop(held)
    if asking.answer is not None and not late:
        return asking.answer
    if late or isinstance(asking.error, duckdb.InterruptException):
        raise BadUsage(f"expected an answer within {timeout_s:g} s, came none")
    if isinstance(asking.error, duckdb.OutOfMemoryException | MemoryError):
        raise asking.error
    if isinstance(asking.error, duckdb.IOException | duckdb.PermissionException):
        raise _unreadable(asking.error)
    if not isinstance(asking.error, duckdb.Error):
        raise asking.error or AssertionError("neither an answer nor an error")
    raise BadUsage(f"the query failed: {_without(named, str(asking.error))}")


def _unreadable(error: BaseException) -> StoreUnavailable:
    """No query can name a file: it is one of ours that is not as it was. The message would tell where."""
    return StoreUnavailable("history", f"its files cannot be read ({type(error).__name__})")


def _without(named: frozenset[str], message: str) -> str:
    """A message of DuckDB's that does not tell where files are."""
    for file in named:
        message = message.replace(file, "a file of history")
    return message


def _typed_for_all(answer: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The answer in types that Parquet, JSON and data frames have too, each column with its own name."""
    columns = []
    given, seen = {name.lower() for name in answer.columns}, set[str]()
    for place, (name, kind) in enumerate(zip(answer.columns, answer.types, strict=True), start=1):
        shown, again = name, 0
        while shown.lower() in seen or (again and shown.lower() in given):
            again += 1
            shown = f"{name}_{again}"
        seen.add(shown.lower())
        type_ = narrowed(kind)
        cast = f"::{type_}" if type_ else ""
        quoted = shown.replace('"', '""')
        columns.append(f'#{place}{cast} AS "{quoted}"')
    return answer.project(", ".join(columns))


_growing = threading.Lock()
_limits: list[tuple[int, int]] = []
"""The limit as it was before each of the cages that are open now; the first is the one to come back to."""


@contextmanager
def _at_most(memory_mb: int) -> Iterator[None]:
    """This process may grow by so much meanwhile, for each query that is being asked.

    DuckDB counts its buffers, but neither a single huge value nor the answer on its way out; for
    those an allocation has to fail. Where the system does not say how large we are (it does on
    Linux), DuckDB's own limit stands alone.
    """
    sizes = Path("/proc/self/statm")
    if not sizes.exists():
        yield
        return
    with _growing:
        _limits.append(resource.getrlimit(resource.RLIMIT_DATA))
        soft, hard = _limits[0]
        used = int(sizes.read_text().split()[5]) * resource.getpagesize()
        allowed = used + len(_limits) * memory_mb * 1024 * 1024
        tighter = allowed if soft == resource.RLIM_INFINITY else min(allowed, soft)
        resource.setrlimit(resource.RLIMIT_DATA, (tighter, hard))
    try:
        yield
    finally:
        with _growing:
            before = _limits[0]
            _limits.pop()
            if not _limits:
                resource.setrlimit(resource.RLIMIT_DATA, before)
