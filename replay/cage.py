"""SQL over history, in a cage: one SELECT, and nothing outside the tables it is handed.

The query is parsed first and must be a single SELECT; the tables it names are copied into a
database of its own, in memory; then access to files, network, extensions and Python is switched
off, the switches are locked, and only then does the query run, with bounds on memory and time.
"""

import threading
from collections.abc import Callable, Iterable, Mapping

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from ledger.errors import BadUsage, NotFound

MEMORY_MB = 2_048
TIMEOUT_S = 120.0

Table = Callable[[frozenset[str] | None], pa.RecordBatchReader | pa.Table]
"""Makes a table's rows; given the columns that are named in the query, or None for all of them."""

_LOCK = """
SET enable_external_access = false;
SET autoinstall_known_extensions = false;
SET autoload_known_extensions = false;
SET python_enable_replacements = false;
SET lock_configuration = true;
"""


def run(
    query: str,
    tables: Mapping[str, Table],
    *,
    memory_mb: int = MEMORY_MB,
    timeout_s: float = TIMEOUT_S,
) -> pa.Table:
    """The answer to one SELECT over `tables`.

    Raises `BadUsage` for anything but one SELECT, for a query that fails and for one that runs out
    of time or memory; `NotFound` for a table that is not there.
    """
    tree = _one_select(query)
    named = _table_names(tree)
    for name in sorted(named - set(tables)):
        raise NotFound("table", name, "there are " + ", ".join(sorted(tables)))
    columns = None if any(tree.find_all(exp.Star)) else _column_names(tree)
    connection = duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "temp_directory": ""})
    connection.execute("SET arrow_lossless_conversion = true")
    try:
        for name in sorted(named):
            connection.register("incoming", tables[name](columns))
            connection.sql("SELECT * FROM incoming").create(name)
            connection.unregister("incoming")
        connection.execute(_LOCK)
        return _bounded(connection, query, timeout_s)
    except duckdb.OutOfMemoryException:
        raise BadUsage(
            f"expected a query that fits into {memory_mb} MB, came a larger one"
        ) from None
    finally:
        connection.close()


def _bounded(connection: duckdb.DuckDBPyConnection, query: str, timeout_s: float) -> pa.Table:
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.start()
    try:
        return connection.sql(query).to_arrow_table()
    except duckdb.InterruptException:
        raise BadUsage(f"expected an answer within {timeout_s:g} s, came none") from None
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadUsage(f"the query failed: {error}") from None
    finally:
        timer.cancel()


def _one_select(query: str) -> exp.Query:
    try:
        statements = [s for s in sqlglot.parse(query, read="duckdb") if s is not None]
    except sqlglot.errors.SqlglotError as error:
        raise BadUsage(f"the query cannot be read: {error}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise BadUsage("expected one SELECT, came something else")
    return statements[0]


def _table_names(tree: exp.Query) -> set[str]:
    own = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    return {table.name for table in tree.find_all(exp.Table) if table.name} - own


def _column_names(tree: exp.Query) -> frozenset[str]:
    return frozenset(_names(tree.find_all(exp.Column)))


def _names(columns: Iterable[exp.Column]) -> Iterable[str]:
    return (column.name for column in columns)
