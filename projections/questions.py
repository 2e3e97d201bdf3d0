"""Questions: any SELECT over folds and other questions, run in DuckDB and never stored.

`:now` is its only input from outside: the moment asked about, else the clock. What a question may
not do is look elsewhere: no other tables, no files, no functions whose answer changes by itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import duckdb
import pyarrow as pa
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ledger.errors import BadUsage, DefinitionRefused
from ledger.people import ALIASES, JOINED
from projections import functions, shape
from projections.definition import Fold, purpose_of, text_of
from projections.sql import quoted

PEOPLE = {"merged": ALIASES, "joined": JOINED}
"""Relations that any question may ask besides views: who is read under whom, and since when two
customers are one person (`since` is a `moment`) and where the book learned it (`position`)."""

NOBODY: Mapping[str, pa.Table] = {name: schema.empty_table() for name, schema in PEOPLE.items()}
"""The same where nobody was ever merged."""

_SOME_MOMENT = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""A question's SQL is tried with it."""
_MARK = "§ the moment §"
NOW = f"CAST('{_MARK}' AS TIMESTAMP)"
"""What stands in a question's SQL for `:now`."""
_FROM_FOLDS = "ask folds and questions; `bahi views list` names them"


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was read: its SELECT, with `:now` in it, and the views it asks."""

    name: str
    purpose: str
    select: exp.Query
    asks: frozenset[str]
    written: str
    """DuckDB's SQL of it, with `NOW` where it asks for the moment."""

    def sql(self, now: datetime) -> str:
        """DuckDB's SQL of it, asked at `now`."""
        return _at(self.written, now)

    @property
    def of_the_clock(self) -> bool:
        """Whether it asks for the moment."""
        return NOW in self.written


def read_question(path: Path) -> Question:
    """The question in a file; its name is the file's. Raises `DefinitionRefused`."""
    return parse_question(path.stem, text_of(path))


class Questions(Mapping[str, Question]):
    """Questions by name, each read from its file when somebody first wants it."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._read: dict[str, Question] = {}

    def also(self, paths: Mapping[str, Path]) -> "Questions":
        """These, and the questions at other paths, in place of those of their names."""
        return Questions({**self._paths, **paths})

    def __getitem__(self, name: str) -> Question:
        if name not in self._read:
            self._read[name] = read_question(self._paths[name])
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


@lru_cache(maxsize=1_000)
def parse_question(name: str, text: str) -> Question:
    """The question that `text` defines. Raises `DefinitionRefused`."""
    shape.demand_name(name)
    purpose = purpose_of(name, text)
    select = _one_query(name, text)
    for parameter in select.find_all(exp.Placeholder, exp.Parameter):
        if parameter.name != "now":
            written = parameter.sql(dialect="duckdb").replace("$", ":")
            raise DefinitionRefused(
                name, "parameter", f"{written}: a question has one input", "write :now"
            )
    try:
        written = _written(select)
        reading = functions.read(_at(written, _SOME_MOMENT))
    except functions.NotOneSelect as error:
        raise DefinitionRefused(name, "file", _first_line(error), "see DuckDB's SQL") from error
    demand_steady(name, reading)
    for table in reading.tables:
        if "." in table or not table.replace("_", "").isalnum():
            raise DefinitionRefused(name, "FROM", f"{table}: it is no view", _FROM_FOLDS)
    return Question(name, purpose, select, reading.tables - PEOPLE.keys(), written)


def demand_steady(name: str, reading: functions.Reading) -> None:
    """No table functions, and no function whose answer changes by itself."""
    for function in reading.table_functions:
        raise DefinitionRefused(name, "FROM", f"{function}: it is a table function", _FROM_FOLDS)
    for column in reading.columns:
        if column.lower() in functions.BARE:
            raise DefinitionRefused(
                name, column.lower(), "it is another value each time", "write :now"
            )
    for function, arguments in reading.functions:
        if function == "unnest":
            continue  # listed as a table function only; in a SELECT list it makes a row of each element
        if why := functions.unsteady(function, arguments):
            raise DefinitionRefused(name, function, why, "write :now where time is meant")


def in_order(folds: Mapping[str, Fold], questions: Mapping[str, Question]) -> list[str]:
    """The questions, each after those it asks. Raises `DefinitionRefused`: unknown view, or a cycle."""
    for question in questions.values():
        for table in sorted(question.asks - folds.keys() - questions.keys()):
            raise DefinitionRefused(question.name, "FROM", f"there is no view {table}", _FROM_FOLDS)
    graph = {name: question.asks & questions.keys() for name, question in questions.items()}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        ring: list[str] = error.args[1]
        raise DefinitionRefused(
            ring[0], "FROM", "it asks itself: " + " → ".join(ring), "break the ring"
        ) from error


def asked_by(name: str, questions: Mapping[str, Question]) -> set[str]:
    """Every view that an answer needs, itself included."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            if current in questions:
                waiting.extend(questions[current].asks)
    return found


def demand_sound(folds: Mapping[str, Fold], asks: Mapping[str, Question]) -> None:
    """Every question asks views that there are, and fits them. Raises `DefinitionRefused`."""
    empty = {name: fold.nothing_shown for name, fold in folds.items()}
    order = in_order(folds, asks)
    for name in order:
        wanted = asked_by(name, asks)
        try:
            answer(
                name,
                {fold: empty[fold] for fold in wanted & folds.keys()},
                {q: asks[q].sql(_SOME_MOMENT) for q in order if q in wanted},
            )
        except BadUsage as error:
            raise DefinitionRefused(
                name, "SELECT", str(error), "`bahi views explain` names columns"
            ) from error


def answer(
    name: str,
    rows: Mapping[str, pa.Table],
    asked: Mapping[str, str],
    where: str | None = None,
    people: Mapping[str, pa.Table] = NOBODY,
) -> pa.Table:
    """The rows of a view, kept where `where` is true.

    `rows` holds the folds' rows; `asked` the SQL of the questions, each after those it asks; `people`
    the relations of `PEOPLE`.
    Raises `BadUsage` where the views and the SQL do not fit, or `where` is not one condition.
    """
    connection = functions.cursor()
    try:
        for view, table in (*people.items(), *rows.items()):
            connection.register(view, table)
        for view, select in asked.items():
            text = functions.template("view.sql").format(name=quoted([view]), select=select)
            connection.execute(text)
        condition = condition_sql(name, where) if where else "true"
        text = functions.template("filtered.sql").format(view=quoted([name]), where=condition)
        return connection.sql(text).to_arrow_table()
    except duckdb.BinderException as error:
        raise BadUsage(f"{name}: {_first_line(error)}") from error
    except duckdb.Error as error:
        raise BadUsage(f"{name}: {type(error).__name__}: a value does not fit the SQL") from error
    finally:
        connection.close()


def condition_sql(name: str, where: str) -> str:
    """A user's `where` as DuckDB's SQL: one condition over the view's columns. Raises `BadUsage`."""
    try:
        trees = sqlglot.parse(where, read="duckdb")
        tree = trees[0] if len(trees) == 1 else None
    except SqlglotError as error:
        raise BadUsage("where: expected one condition, came text that is no SQL") from error
    if not isinstance(tree, exp.Condition) or isinstance(tree, exp.Query):
        raise BadUsage("where: expected one condition over the view's columns")
    for kind, what in _NOT_IN_WHERE:
        if tree.find(kind):
            raise BadUsage(f"where: expected one condition over the view's columns, came {what}")
    text = f"({tree.sql(dialect='duckdb', comments=False)})"
    try:
        reading = functions.read(
            functions.template("filtered.sql").format(view=quoted([name]), where=text)
        )
        demand_steady("where", reading)
    except functions.NotOneSelect as error:
        raise BadUsage("where: expected one condition, came text that is no SQL") from error
    except DefinitionRefused as error:
        raise BadUsage(str(error)) from error
    for function, _ in reading.functions:
        if functions.is_aggregate(function):
            raise BadUsage(f"where: expected one condition on a row, came the aggregate {function}")
    return text


_NOT_IN_WHERE: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.Query, "a subquery"),
    (exp.Window, "a window"),
    (exp.Placeholder, "a parameter"),
    (exp.Parameter, "a parameter"),
)


def _one_query(name: str, text: str) -> exp.Query:
    try:
        trees = sqlglot.parse(_marked(text), read="duckdb")
    except SqlglotError as error:
        raise DefinitionRefused(
            name, "file", shape.unreadable(error), "write one SELECT"
        ) from error
    statements = [
        tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)
    ]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise DefinitionRefused(
            name, "file", "a question is one SELECT, and nothing else", "write one SELECT"
        )
    return statements[0]


def _marked(text: str) -> str:
    """`:now` as DuckDB writes a parameter, `$now`.

    sqlglot reads the one with a colon too, but not where an expression begins with it: there it
    takes the colon for DuckDB's `alias: expression`.
    """
    marked = list(text)
    tokens = sqlglot.tokenize(text, read="duckdb")
    for colon, name in pairwise(tokens):
        if colon.text == ":" and name.text.isidentifier() and name.start == colon.end + 1:
            before = text[colon.start - 1 : colon.start]
            if before.isspace() or before in set("(,=<>+-*/%"):
                marked[colon.start] = "$"
    return "".join(marked)


def _written(select: exp.Query) -> str:
    """Its SQL; that takes longer than to ask it, and is done once."""
    moment = exp.cast(exp.Literal.string(_MARK), "timestamp")
    filled = select.transform(
        lambda node: moment.copy() if isinstance(node, exp.Placeholder) else node
    )
    return filled.sql(dialect="duckdb", comments=False)


def _at(written: str, now: datetime) -> str:
    return written.replace(_MARK, now.astimezone(UTC).replace(tzinfo=None).isoformat(" "))


def _first_line(error: Exception) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0]
