"""SQL over history, in a cage: one SELECT, and nothing outside the tables it is handed.

The query is parsed first and must be a single SELECT; the tables it names are copied into a
database of its own, in memory; then access to files, network, extensions and Python is switched
off, the switches are locked, and only then does the query run, with bounds on memory and time.
"""

import resource
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp

from ledger.errors import BadUsage, NotFound

MEMORY_MB = 2_048
TIMEOUT_S = 120.0

Table = Callable[[frozenset[str] | None], pa.RecordBatchReader | pa.Table]
"""Makes a table's rows; given the columns that are named in the query, or None for all of them."""

_NARROWED = {
    "HUGEINT": "BIGINT",
    "UHUGEINT": "BIGINT",
    "INTERVAL": "VARCHAR",
    "TIME WITH TIME ZONE": "VARCHAR",
    "BIT": "VARCHAR",
}

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
    for name in sorted(named - _own_names(tree) - set(tables)):
        raise NotFound("table", name, "there are " + ", ".join(sorted(tables)))
    columns = _column_names(tree)
    connection = duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "temp_directory": ""})
    connection.execute("SET arrow_lossless_conversion = true")
    try:
        # Also one that a CTE is named after: inside that CTE, the name may mean ours.
        for name in sorted(named & set(tables)):
            connection.register("incoming", tables[name](columns))
            connection.sql("SELECT * FROM incoming").create(name)
            connection.unregister("incoming")
        connection.execute(_LOCK)
        with _at_most(memory_mb):
            return _bounded(connection, query, timeout_s)
    except (duckdb.OutOfMemoryException, MemoryError):
        raise BadUsage(
            f"expected a query that fits into {memory_mb} MB, came a larger one"
        ) from None
    finally:
        connection.close()


def _bounded(connection: duckdb.DuckDBPyConnection, query: str, timeout_s: float) -> pa.Table:
    timer = threading.Timer(timeout_s, connection.interrupt)
    timer.start()
    try:
        return _typed_for_all(connection.sql(query)).to_arrow_table()
    except duckdb.InterruptException:
        raise BadUsage(f"expected an answer within {timeout_s:g} s, came none") from None
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise BadUsage(f"the query failed: {error}") from None
    finally:
        timer.cancel()


def _typed_for_all(answer: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The answer in types that Parquet, JSON and data frames have too, each column with its own name.

    Sums of whole numbers are 128 bits wide in DuckDB; a sum of ours that needs them is an error.
    """
    columns = []
    seen: dict[str, int] = {}
    for place, (name, kind) in enumerate(zip(answer.columns, answer.types, strict=True), start=1):
        again = seen[name.lower()] = seen.get(name.lower(), -1) + 1
        cast = f"::{_NARROWED[str(kind)]}" if str(kind) in _NARROWED else ""
        shown = (f"{name}_{again}" if again else name).replace('"', '""')
        columns.append(f'#{place}{cast} AS "{shown}"')
    return answer.project(", ".join(columns))


@contextmanager
def _at_most(memory_mb: int) -> Iterator[None]:
    """This process may grow by so much meanwhile.

    DuckDB counts its buffers, but neither a single huge value nor the answer on its way out; for
    those an allocation has to fail. Where the system does not say how large we are (it does on
    Linux), DuckDB's own limit stands alone.
    """
    sizes = Path("/proc/self/statm")
    if not sizes.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    used = int(sizes.read_text().split()[5]) * resource.getpagesize()
    allowed = used + memory_mb * 1024 * 1024
    tighter = allowed if soft == resource.RLIM_INFINITY else min(allowed, soft)
    resource.setrlimit(resource.RLIMIT_DATA, (tighter, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _one_select(query: str) -> exp.Query:
    """The query as a tree. DuckDB must find one SELECT in it as well: it is the one to run it."""
    try:
        found = duckdb.extract_statements(query)
        if [statement.type for statement in found] == [duckdb.StatementType.SELECT]:
            tree = sqlglot.parse_one(query, read="duckdb")
            if isinstance(tree, exp.Query):
                return tree
    except (duckdb.Error, sqlglot.errors.SqlglotError) as error:
        raise BadUsage(f"the query cannot be read: {error}") from None
    raise BadUsage("expected one SELECT, came something else")


def _table_names(tree: exp.Query) -> set[str]:
    return {table.name.lower() for table in tree.find_all(exp.Table) if table.name}


def _own_names(tree: exp.Query) -> set[str]:
    return {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}


def _column_names(tree: exp.Query) -> frozenset[str] | None:
    """The columns that the query can be seen to read; None where only DuckDB could tell."""
    if any(tree.find_all(exp.Star, exp.Columns, exp.Pivot)):
        return None
    joins = list(tree.find_all(exp.Join))
    named = {column.name.lower() for column in tree.find_all(exp.Column)}
    named |= {name.name.lower() for join in joins for name in join.args.get("using") or ()}
    rows = {table.alias_or_name.lower() for table in tree.find_all(exp.Table)}
    natural = any(join.args.get("method") for join in joins)
    return None if natural or named & rows else frozenset(named)
