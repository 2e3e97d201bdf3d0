"""The shape of a definition: its name and purpose, one SELECT, and the clauses that a fold may have."""

import re
from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError

from ledger.errors import DefinitionRefused
from projections.sources import Source

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What views and their columns may be called."""
_OF_THE_STORE = frozenset({"view_table", "hidden_customer", "migration"})
"""Tables that stand beside views, which people may read as a view's name says."""
_RESERVED_VIEWS = _OF_THE_STORE | {*Source, "aliases", "hidden", "folded", "merged", "joined"}

_CLAUSES: Mapping[str, tuple[str, str, str]] = {
    "with_": (
        "WITH",
        "a fold reads events and nothing else",
        "write the expression where it is used",
    ),
    "distinct": (
        "DISTINCT",
        "distinct rows of two runs do not add up",
        "put the columns in the key",
    ),
    "joins": ("FROM", "a fold reads events alone", "join views in a question"),
    "laterals": ("FROM", "a fold reads events alone", "join views in a question"),
    "having": ("HAVING", "a row left out today may be needed tomorrow", "filter in a question"),
    "qualify": ("QUALIFY", "a window needs all rows at once", "use a window in a question"),
    "windows": ("WINDOW", "a window needs all rows at once", "use a window in a question"),
    "order": ("ORDER BY", "the rows of a view have no order", "order in a question, or on reading"),
    "limit": ("LIMIT", "a row left out today may be needed tomorrow", "limit in a question"),
    "offset": ("OFFSET", "a row left out today may be needed tomorrow", "limit in a question"),
    "sample": ("SAMPLE", "a fold reads every event", "leave it out"),
    "pivots": (
        "PIVOT",
        "a fold has the columns it names",
        "write one aggregate with a FILTER a column",
    ),
}
_KEPT_CLAUSES = frozenset({"expressions", "from_", "where", "group"})


def demand_name(name: str) -> None:
    """A view is called by lower-case letters, digits and `_`, and not like a relation of ours."""
    if not NAME.fullmatch(name) or name in _RESERVED_VIEWS:
        raise DefinitionRefused(
            name,
            "name",
            f"a view is not called {name!r}",
            "name the file in lower case, with digits and _, and not "
            + ", ".join(sorted(_RESERVED_VIEWS)),
        )


def demand_purpose(name: str, purpose: str) -> None:
    """Who meets the view later must be told what it is for."""
    if not purpose:
        raise DefinitionRefused(
            name, "comment", "nothing says what it is for", f"begin with -- {name}: its purpose"
        )


def one_select(name: str, text: str) -> exp.Select:
    """The single SELECT in a file, as sqlglot reads it."""
    remedy = "write one SELECT … FROM events GROUP BY key"
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except SqlglotError as error:
        raise DefinitionRefused(name, "file", unreadable(error), remedy) from error
    statements = [
        tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)
    ]
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise DefinitionRefused(name, "file", "a fold is one SELECT, and nothing else", remedy)
    return statements[0]


def unreadable(error: SqlglotError) -> str:
    """Where a text stops being SQL."""
    found = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    place = f", at line {found['line']}, column {found['col']}" if found.get("line") else ""
    return f"it cannot be read as SQL{place}"


def demand_fold_shape(name: str, select: exp.Select) -> Source:
    """One relation, no clause that needs all rows at once, nothing that comes from outside."""
    for clause, given in select.args.items():
        if given and clause not in _KEPT_CLAUSES:
            where, why, instead = _CLAUSES.get(
                clause,
                (clause.strip("_").upper(), "a fold has no such clause", "leave it out"),
            )
            raise DefinitionRefused(name, where, why, instead)
    source = select.args.get("from_")
    table = source.this if source else None
    plain = isinstance(table, exp.Table) and {k for k, v in table.args.items() if v} == {"this"}
    if not (
        table
        and plain
        and isinstance(table.this, exp.Identifier)
        and table.name.lower() in set(Source)
    ):
        raise DefinitionRefused(name, "FROM", "a fold reads events alone", "write FROM events")
    for kind, where, why, instead in _NOWHERE:
        if found := select.find(*kind):
            if found is not select:
                raise DefinitionRefused(name, place_of(found), f"{where}: {why}", instead)
            inner = next((node for node in select.find_all(*kind) if node is not select), None)
            if inner is not None:
                raise DefinitionRefused(name, place_of(inner), f"{where}: {why}", instead)
    return Source(table.name.lower())


_NOWHERE: tuple[tuple[tuple[type[exp.Expr], ...], str, str, str], ...] = (
    (
        (exp.Query,),
        "subquery",
        "a fold reads events and nothing else",
        "look the rest up in a question",
    ),
    ((exp.Window,), "window", "it needs all rows at once", "use a window in a question"),
    (
        (exp.Placeholder, exp.Parameter),
        "parameter",
        "a fold has no input but events",
        "ask for :now in a question",
    ),
    ((exp.Lambda,), "lambda", "a fold takes plain expressions", "use it in a question"),
    (
        (exp.Collate,),
        "collation",
        "text compares by its bytes, in every store alike",
        "write lower(x) where case should not matter",
    ),
    (
        (exp.Div,),
        "division with /",
        "it gives a float, and floats do not add up alike in every order",
        "write // for whole numbers, or divide in a question",
    ),
)


def place_of(node: exp.Expr) -> str:
    """The output column, or the clause, that a node stands in."""
    current: exp.Expr | None = node
    while current is not None:
        if isinstance(current, exp.Alias) and isinstance(current.parent, exp.Select):
            return current.alias
        if isinstance(current, exp.Where) and isinstance(current.parent, exp.Select):
            return "WHERE"
        if isinstance(current, exp.Group):
            return "GROUP BY"
        if isinstance(current.parent, exp.Select) and current.arg_key == "expressions":
            return current.sql(dialect="duckdb")
        current = current.parent
    return "file"
