"""A query as DuckDB reads it: one SELECT, what it names of ours, and nothing that reaches beyond that.

The parser that is asked is the one that runs it, so no spelling means one thing here and another
there. What is not known to be harmless is refused: statements, relations and functions are let in by
name, or because DuckDB's catalogue says that their answer follows from their arguments.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
import orjson

from ledger.errors import BadUsage, NotFound
from projections import functions

LONGEST = 1_000_000
"""Characters of a query; parsing has no limit of its own."""

TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
"""All others are refused: most of them read files, settings, or the catalogue, which names files."""

_SELECTS = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_RELATIONS = frozenset(
    {"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY", "TABLE_FUNCTION"}
)
_CLOCK_AND_CHANCE = frozenset(
    {
        "age", "ago", "current_date", "current_localtime", "current_localtimestamp", "error",
        "gen_random_uuid", "get_current_time", "get_current_timestamp", "now", "random", "today",
        "transaction_timestamp", "uuid", "uuidv4", "uuidv7",
    }
)  # fmt: skip
"""Their answer follows from more than their arguments, and yet tells nothing of this machine."""
_TELLS_FILES = frozenset({"json_serialize_plan"})
"""A plan names the files that it reads, and is CONSISTENT all the same."""


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT: the tables of ours that it names, and the columns it may read of them."""

    text: str
    tables: frozenset[str]
    columns: frozenset[str] | None
    """In lower case, more rather than fewer; None where only DuckDB could tell."""


def read(text: str, known: Collection[str]) -> Query:
    """The query, if it is one SELECT over `known` tables.

    Raises `BadUsage`; `NotFound` for a table that is neither of these nor the query's own.
    """
    select = _one_select(text)
    try:
        nodes = list(_nodes(select))
        tables = frozenset(_tables(select, frozenset(), frozenset(known)))
    except RecursionError:
        raise BadUsage("expected a query that is nested less deeply") from None
    for node in nodes:
        _demand_harmless(node)
    return Query(text, tables, _columns(nodes))


def _one_select(text: str) -> Any:
    if len(text) > LONGEST:
        raise BadUsage(f"expected a query of at most {LONGEST:,} characters, came {len(text):,}")
    try:
        with functions.cursor() as cursor:
            found = cursor.execute("SELECT json_serialize_sql($sql)", {"sql": text}).fetchall()
        tree = orjson.loads(found[0][0])
    except duckdb.Error as error:
        raise BadUsage(f"the query cannot be read: {error}") from None
    except orjson.JSONDecodeError:
        raise BadUsage("expected a query that is nested less deeply") from None
    except UnicodeError:
        raise BadUsage("the query cannot be read: it is no Unicode text") from None
    if tree["error"] and tree["error_type"] != "not implemented":
        raise BadUsage(f"the query cannot be read: {tree['error_message']}")
    if tree["error"] or len(tree["statements"]) != 1:
        raise BadUsage("expected one SELECT, came something else")
    return tree["statements"][0]


def _tables(tree: Any, own: frozenset[str], known: frozenset[str]) -> Iterator[str]:
    """Yield each table of ours that is named; `own` are the query's own names that can be seen here.

    A name that is seen nowhere is looked up in the catalogue, then taken for a file: it has to be
    found here, at the very place where it stands.
    """
    if isinstance(tree, list):
        for inner in tree:
            yield from _tables(inner, own, known)
        return
    if not isinstance(tree, dict):
        return
    if tree.get("type") == "BASE_TABLE":
        yield from _table(tree, own, known)
    if tree.get("type") == "RECURSIVE_CTE_NODE":
        yield from _tables(tree["left"], own, known)
        own = own | {_plain(tree["cte_name"])}
    for entry in tree.get("cte_map", {}).get("map", ()):
        yield from _tables(entry["value"], own, known)
        own = own | {_plain(entry["key"])}
    for key, inner in tree.items():
        if key != "cte_map" and not (key == "left" and "cte_name" in tree):
            yield from _tables(inner, own, known)


def _table(node: dict[str, Any], own: frozenset[str], known: frozenset[str]) -> Iterator[str]:
    name = _plain(node["table_name"])
    qualified = ".".join(node["qualified_name"]["path"])
    if qualified == node["table_name"] and name in own:
        return
    if qualified != node["table_name"] or name not in known:
        raise NotFound("table", qualified, "there are " + ", ".join(sorted(known)))
    yield name


def _demand_harmless(node: dict[str, Any]) -> None:
    kind = node.get("type")
    if "cte_map" in node and kind not in _SELECTS:
        raise BadUsage("expected one SELECT, came something else")
    if "sample" in node and "alias" in node and kind not in _RELATIONS:
        raise BadUsage("expected one SELECT, came something else")
    if kind == "TABLE_FUNCTION":
        name = _plain(node["function"].get("function_name", ""))
        if name not in TABLE_FUNCTIONS:
            listed = ", ".join(sorted(TABLE_FUNCTIONS))
            raise BadUsage(f"expected one of {listed} for rows, came {name}")
    elif node.get("class") in {"FUNCTION", "WINDOW"}:
        name = _plain(node["function_name"])
        if _reaches_beyond(name):
            raise BadUsage(f"{name}: expected a function whose answer follows from its arguments")


def _reaches_beyond(function: str) -> bool:
    """Whether it may tell of settings, sessions or files. One that DuckDB does not know does nothing."""
    if function in _TELLS_FILES:
        return True
    if function in _CLOCK_AND_CHANCE:
        return False
    for stability, definition in _catalogue().get(function, ()):
        if definition is None and stability != "CONSISTENT":
            return True
        if definition is not None and _macro_reaches_beyond(function, definition):
            return True
    return False


def _macro_reaches_beyond(name: str, definition: str) -> bool:
    """Some macros read the catalogue: `pg_get_viewdef` tells what a view is made of."""
    reading = functions.read(f"SELECT {definition}")
    if reading.tables or not TABLE_FUNCTIONS.issuperset(reading.table_functions):
        return True
    return any(called != name and _reaches_beyond(called) for called, _ in reading.functions)


@cache
def _catalogue() -> dict[str, list[tuple[str | None, str | None]]]:
    """Function name → (stability, macro definition) of each of its forms that gives a value."""
    found: dict[str, list[tuple[str | None, str | None]]] = {}
    with functions.cursor() as cursor:
        listed = cursor.execute(
            "SELECT function_name, stability, macro_definition FROM duckdb_functions()"
            " WHERE function_type NOT IN ('table', 'table_macro', 'pragma')"
        ).fetchall()
    for name, stability, definition in listed:
        found.setdefault(_plain(name), []).append((stability, definition))
    return found


def _columns(nodes: Collection[dict[str, Any]]) -> frozenset[str] | None:
    """Every word of the query that could be a column; None where it reads whole rows, patterns or places."""
    if any(map(_is_of_all_columns, nodes)):
        return None
    rows = {
        _plain(n.get("alias") or n["table_name"]) for n in nodes if n.get("type") == "BASE_TABLE"
    }
    rows |= {_plain(n["alias"]) for n in nodes if n.get("type") in _RELATIONS and n.get("alias")}
    words: set[str] = set()
    for node in nodes:
        if node.get("class") == "COLUMN_REF":
            names = [_plain(name) for name in node["column_names"]]
            if names[-1] in rows:
                return None
            words |= set(names)
        words |= {_plain(name) for name in node.get("using_columns") or () if isinstance(name, str)}
    return frozenset(words)


def _is_of_all_columns(node: dict[str, Any]) -> bool:
    """Whether what it says hangs on which columns there are, and on their order: `#2`, `events AS e(a, b)`."""
    return (
        node.get("class") in {"STAR", "POSITIONAL_REFERENCE"}
        or node.get("ref_type") == "NATURAL"
        or node.get("type") == "PIVOT"
        or (node.get("type") == "BASE_TABLE" and bool(node.get("column_name_alias")))
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        for inner in tree.values():
            yield from _nodes(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _nodes(inner)


def _plain(name: str) -> str:
    """As DuckDB compares names: ASCII letters alone have a lower case. K (Kelvin) is no k."""
    return name.encode("utf-8", "replace").lower().decode("utf-8")
