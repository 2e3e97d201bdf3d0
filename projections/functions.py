"""What DuckDB's own parser and catalogue say about a piece of SQL.

sqlglot reads definitions; DuckDB runs them. Where it matters whether something is a function, a
table or a parameter, the one that will run it is asked.
"""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import duckdb
import orjson

_CLOCK_READERS = {("age", 1): "it reads the clock, though DuckDB calls it consistent"}
"""(function, number of arguments) that DuckDB 2.0 lists as CONSISTENT and that are not."""


UNKNOWN = "DuckDB knows no such function"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a SELECT mentions: functions with their number of arguments, tables, and the rest."""

    functions: tuple[tuple[str, int], ...]
    tables: frozenset[str]
    """Tables as written, qualified by dots; names of common table expressions are left out."""
    columns: tuple[str, ...]
    table_functions: tuple[str, ...]
    classes: frozenset[str]
    """DuckDB's classes of expression: COLUMN_REF, FUNCTION, CAST …"""


class NotOneSelect(ValueError):
    """DuckDB's parser does not take this as one SELECT; the message is DuckDB's."""


def connect(*, files: bool = False) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory: UTC, types kept in Arrow, no files, no network, no Python variables.

    With `files`, what it is told to read may be in files. It writes none, be memory short or not.
    """
    connection = duckdb.connect(config={"python_enable_replacements": False})
    connection.execute(
        "SET arrow_lossless_conversion = true; SET TimeZone = 'UTC';"
        "SET preserve_insertion_order = false"
    )
    if files:
        connection.execute(
            "SET autoload_known_extensions = false; SET max_temp_directory_size = '0B';"
            "SET enable_external_file_cache = false"
        )
        with suppress(
            duckdb.InvalidInputException
        ):  # in Jupyter a bar needs widgets, printed or not
            connection.execute(
                "SET enable_progress_bar = true; SET enable_progress_bar_print = false"
            )
    else:
        connection.execute("SET enable_external_access = false")
    return connection


_local = threading.local()


def _connection() -> duckdb.DuckDBPyConnection:
    """This thread's DuckDB, opened when it is first needed."""
    if not hasattr(_local, "connection"):
        _local.connection = connect()
    found: duckdb.DuckDBPyConnection = _local.connection
    return found


def cursor() -> duckdb.DuckDBPyConnection:
    """This thread's DuckDB under a cursor of its own: what is registered there is seen there only."""
    return _connection().cursor()


@cache
def _catalogue() -> dict[str, list[tuple[str, str | None, str | None, tuple[str, ...]]]]:
    """Function name → (kind, stability, macro definition, parameters) of each of its forms."""
    found: dict[str, list[tuple[str, str | None, str | None, tuple[str, ...]]]] = {}
    listed = (
        _connection()
        .execute(
            "SELECT function_name, function_type, stability, macro_definition, parameters"
            " FROM duckdb_functions()"
        )
        .fetchall()
    )
    for name, kind, stability, definition, parameters in listed:
        found.setdefault(name, []).append((kind, stability, definition, tuple(parameters or ())))
    return found


@lru_cache(maxsize=1_000)  # a fold's conditions say the same many times over
def read(sql: str) -> Reading:
    """What one SELECT mentions. Raises `NotOneSelect`."""
    answer = _connection().execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchall()
    tree = orjson.loads(answer[0][0])
    if tree["error"]:
        raise NotOneSelect(tree["error_message"])
    if len(tree["statements"]) != 1:
        raise NotOneSelect(f"{len(tree['statements'])} statements")
    nodes = list(_nodes(tree["statements"]))
    shared = {
        entry["key"].lower() for node in nodes for entry in node.get("cte_map", {}).get("map", [])
    }
    tables = {_qualified(node) for node in nodes if node.get("type") == "BASE_TABLE"}
    inside = {id(node["function"]) for node in nodes if node.get("type") == "TABLE_FUNCTION"}
    calls = [node for node in nodes if node.get("class") in {"FUNCTION", "WINDOW"}]
    return Reading(
        functions=tuple(
            (
                node["function_name"].lower(),
                len(node.get("arguments") or node.get("children") or ()),
            )
            for node in calls
            if id(node) not in inside and node["function_name"]
        ),
        tables=frozenset(tables - shared),
        columns=tuple(
            ".".join(node["column_names"]) for node in nodes if node.get("class") == "COLUMN_REF"
        ),
        table_functions=tuple(
            node["function"].get("function_name", "a table function")
            for node in nodes
            if node.get("type") == "TABLE_FUNCTION"
        ),
        classes=frozenset(node["class"] for node in nodes if "class" in node),
    )


def is_aggregate(function: str) -> bool:
    """Whether DuckDB folds rows with it."""
    kinds = {kind for kind, *_ in _catalogue().get(function, ())}
    return "aggregate" in kinds and "scalar" not in kinds


def unsteady(function: str, arguments: int) -> str | None:
    """Why the same arguments may not always give the same answer; None where they do."""
    if why := _CLOCK_READERS.get((function, arguments)):
        return why
    forms = _catalogue().get(function)
    if forms is None:
        return UNKNOWN
    for kind, stability, definition, parameters in forms:
        if kind in {"table", "table_macro", "pragma"}:
            continue
        if kind == "macro":
            if definition is None or not _steady_macro(function, definition, parameters):
                return "what stands behind it may give another answer each time"
        elif stability != "CONSISTENT":
            return (
                f"DuckDB calls it {stability or 'neither consistent nor volatile'}, not CONSISTENT"
            )
    if all(kind in {"table", "table_macro", "pragma"} for kind, *_ in forms):
        return "it is a table function"
    return None


BARE = frozenset(
    {
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "user",
    }
)
"""Names that DuckDB calls as functions where no column has them."""


@cache
def template(name: str) -> str:
    """A template of this package's SQL, by file name."""
    return files("projections").joinpath("templates", name).read_text(encoding="utf-8")


def _steady_macro(name: str, definition: str, parameters: tuple[str, ...]) -> bool:
    try:
        reading = read(f"SELECT {definition}")
    except NotOneSelect:
        return False
    known = {parameter.lower() for parameter in parameters}
    if any(column.split(".")[0].lower() not in known for column in reading.columns):
        return False  # a bare name such as current_timestamp
    return all(
        called != name and unsteady(called, arguments) is None
        for called, arguments in reading.functions
    )


def _qualified(node: dict[str, Any]) -> str:
    parts = (node.get("catalog_name"), node.get("schema_name"), node["table_name"])
    return ".".join(part for part in parts if part).lower()


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for inner in tree.values():
            yield from _nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _nodes(inner)
