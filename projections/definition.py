"""A fold as it was read from its file: keys, measures, and what it needs of the events.

A fold merges: `fold(a ++ b) = fold(a) ⊕ fold(b)` for any two runs of events, and ⊕ is commutative.
What a measure's ⊕ is follows from its aggregate alone; NULL is the identity of each.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cache, cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType

import duckdb
import orjson
import pyarrow as pa
from sqlglot import exp

from ledger import catalogue, relation
from ledger.catalogue.model import Domain
from ledger.errors import DefinitionRefused
from projections import functions, rules, shape, value_types
from projections.functions import template
from projections.sources import Source
from projections.value_types import ValueType

_CUSTOMERS = re.compile(rf"\b({'|'.join(relation.CUSTOMERS)})\b")

_FORMAT = 1
"""Counts up when the same definition would come to be stored in another way."""


class Aggregate(StrEnum):
    """The aggregates that merge."""

    COUNT = "count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    ARG_MIN = "arg_min"
    ARG_MAX = "arg_max"
    BOOL_OR = "bool_or"
    BOOL_AND = "bool_and"


@dataclass(frozen=True, slots=True)
class Key:
    """One column of the key: its name, its DuckDB SQL over `events`, its type."""

    name: str
    sql: str
    type: ValueType


@dataclass(frozen=True, slots=True)
class Measure:
    """One aggregate: `sql` is what is aggregated (`*` for a bare count), `filter` a condition or ''."""

    name: str
    aggregate: Aggregate
    sql: str
    filter: str
    type: ValueType

    @property
    def companion(self) -> str | None:
        """The stored column beside an arg_min or arg_max: the moment its value is from."""
        return f"_{self.name}" if self.aggregate in {Aggregate.ARG_MIN, Aggregate.ARG_MAX} else None


@dataclass(frozen=True)
class Fold:
    """A view that is kept: one row a key, each measure an aggregate that merges."""

    name: str
    purpose: str
    keys: tuple[Key, ...]
    measures: tuple[Measure, ...]
    where: str
    needs: tuple[str, ...]
    """Columns of `events` that it reads, `position` always among them, in the relation's order."""
    text_digest: str = ""
    """SHA-256 (hex) of the name and the very text it was read from."""
    source: Source = Source.EVENTS

    @cached_property
    def hash(self) -> str:
        """SHA-256 (hex) of what decides its rows; comments and layout do not."""
        what = [
            _FORMAT,
            self.source,
            [asdict(k) for k in self.keys],
            [asdict(m) for m in self.measures],
            self.where,
        ]
        return hashlib.sha256(orjson.dumps(what)).hexdigest()

    def __hash__(self) -> int:
        return hash(self.hash)  # kept; that of all its fields would be computed anew each time

    @cached_property
    def index(self) -> tuple[Key, ...]:
        """Its key in the order by which stores keep rows and find them: the customer first."""
        return tuple(sorted(self.keys, key=lambda key: key.name != "customer"))

    @cached_property
    def by_customer(self) -> bool:
        """Whether its rows belong to customers, and so merge when customers are merged."""
        return any(key.name == "customer" and key.type is ValueType.UUID for key in self.keys)

    @cached_property
    def person_keys(self) -> tuple[str, ...]:
        """The key columns that say whose a row is; of those that say the same, one."""
        named = {key.sql: key.name for key in self.keys if _names_a_customer(key)}
        named |= {key.sql: key.name for key in self.keys if key.name == "customer"}
        return tuple(named.values())

    @cached_property
    def person_measures(self) -> tuple[str, ...]:
        """The other columns that hold a customer."""
        return tuple(measure.name for measure in self.measures if _names_a_customer(measure))

    @cached_property
    def of_privacy(self) -> bool:
        """Whether events of domain privacy alone get into it, by its WHERE, which looks at types alone.

        Such a fold is the proof of what was done with somebody's data: it outlives an erasure, and is
        not withheld under a restriction.
        """
        return bool(self.where) and _lets_privacy_alone(self.where)

    @cached_property
    def shown(self) -> pa.Schema:
        """The Arrow schema of what a reader sees."""
        columns: list[Key | Measure] = [*self.keys, *self.measures]
        return pa.schema([(column.name, column.type.arrow) for column in columns])

    @cached_property
    def stored(self) -> pa.Schema:
        """The Arrow schema of its rows as they are folded, stored and merged: companions included."""
        companions = [(m.companion, pa.uuid()) for m in self.measures if m.companion]
        return pa.schema([*self.shown, *(pa.field(name, kind) for name, kind in companions)])

    @cached_property
    def nothing_shown(self) -> pa.Table:
        """A table without rows, of what a reader sees: made once, since most views have none of a customer."""
        return self.shown.empty_table()

    @cached_property
    def nothing_stored(self) -> pa.Table:
        """The same of what is stored."""
        return self.stored.empty_table()

    def to_json(self) -> str:
        """Everything but the hash, for a store to keep beside the rows."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> "Fold":
        """What `to_json` wrote."""
        given = orjson.loads(text)
        return cls(
            name=given["name"],
            purpose=given["purpose"],
            keys=tuple(Key(k["name"], k["sql"], ValueType(k["type"])) for k in given["keys"]),
            measures=tuple(
                Measure(
                    m["name"],
                    Aggregate(m["aggregate"]),
                    m["sql"],
                    m["filter"],
                    ValueType(m["type"]),
                )
                for m in given["measures"]
            ),
            where=given["where"],
            needs=tuple(given["needs"]),
            text_digest=given.get("text_digest", ""),
            source=Source(given.get("source", Source.EVENTS)),
        )


def read_fold(path: Path, known: Mapping[str, Fold] = MappingProxyType({})) -> Fold:
    """The fold in a file; its name is the file's. Raises `DefinitionRefused`.

    A text that is `known`, by its digest, was read before and is not read again: that takes DuckDB
    and sqlglot some 50 ms a fold, which every command would wait for.
    """
    name = path.stem
    text = text_of(path)
    found = known.get(_text_digest(name, text))
    return found if found is not None else parse_fold(name, text)


def text_of(path: Path) -> str:
    """What a definition's file says. Raises `DefinitionRefused` where that is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DefinitionRefused(path.stem, "file", "it is no text", "write it in UTF-8") from None


@lru_cache(maxsize=1_000)
def parse_fold(name: str, text: str) -> Fold:
    """The fold that `text` defines. Raises `DefinitionRefused`, naming column, reason and remedy."""
    shape.demand_name(name)
    purpose = purpose_of(name, text)
    select = shape.one_select(name, text)
    source = shape.demand_fold_shape(name, select)
    rules.demand_known_columns(name, select, source)
    keys: list[Key] = []
    measures: list[Measure] = []
    for column in rules.output_columns(name, select):
        call = rules.aggregate_call(name, column)
        if call is None:
            keys.append(
                Key(
                    column.name,
                    _sql(column.value),
                    _type_of(name, source, column.name, column.value),
                )
            )
        else:
            measures.append(_measure(name, source, column.name, call))
    rules.demand_grouped_by_keys(name, select, {key.name: key.sql for key in keys})
    where = select.args.get("where")
    used = {column.name.lower() for column in select.find_all(exp.Column)}
    fold = Fold(
        name=name,
        purpose=purpose,
        keys=tuple(keys),
        measures=tuple(measures),
        where=_sql(where.this) if where else "",
        needs=source.needs(used),
        text_digest=_text_digest(name, text),
        source=source,
    )
    if fold.where:
        value_types.demand_boolean(name, "WHERE", _described(name, source, "WHERE", fold.where))
    return fold


def _names_a_customer(column: Key | Measure) -> bool:
    return column.type is ValueType.UUID and _CUSTOMERS.search(column.sql) is not None


@lru_cache(maxsize=1_000)
def _lets_privacy_alone(where: str) -> bool:
    """Whether a WHERE looks at an event's type and domain, and takes none but those of privacy."""
    kinds = [(model.TOPIC, model.DOMAIN.value) for model in catalogue.types()]
    foreign = [("", domain) for _, domain in kinds]  # a type that no catalogue knows
    text = template("lets_through.sql").format(where=where)
    try:
        found = functions.cursor().execute(text, {"kinds": [*kinds, *foreign]}).fetchall()
    except duckdb.Error:  # it looks at something else
        return False
    return bool(found) and {domain for (domain,) in found} == {Domain.PRIVACY}


def _text_digest(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}\0{text}".encode()).hexdigest()


def purpose_of(name: str, text: str) -> str:
    """The first paragraph of the comment at the top, as one line, without the name it begins with."""
    lines: list[str] = []
    for line in text.lstrip("\ufeff \t\r\n").splitlines():
        if not line.lstrip().startswith("--"):
            break
        words = line.lstrip().removeprefix("--").strip()
        if lines and not words:
            break
        lines.append(words)
    purpose = re.sub(r"\s+", " ", " ".join(lines)).strip().removeprefix(f"{name}:").strip()
    shape.demand_purpose(name, purpose)
    return purpose


def _measure(fold: str, source: Source, name: str, call: rules.AggregateCall) -> Measure:
    inner = "*" if isinstance(call.value, exp.Star) else _sql(call.value)
    condition = _sql(call.filter) if call.filter is not None else ""
    if condition:
        value_types.demand_boolean(fold, name, _described(fold, source, name, condition))
    aggregate = Aggregate(call.name)
    if aggregate is Aggregate.SUM:
        value_types.demand_integer(fold, name, _described(fold, source, name, inner))
    if aggregate in {Aggregate.BOOL_OR, Aggregate.BOOL_AND}:
        value_types.demand_boolean(fold, name, _described(fold, source, name, inner))
    counts = aggregate in {Aggregate.COUNT, Aggregate.SUM}
    kind = ValueType.BIGINT if counts else _type_of(fold, source, name, call.value)
    if inner != "*" and aggregate is Aggregate.COUNT:
        _described(fold, source, name, inner)
    return Measure(name, aggregate, inner, condition, kind)


def _type_of(fold: str, source: Source, column: str, value: exp.Expr) -> ValueType:
    kind = value_types.storable(fold, column, _described(fold, source, column, _sql(value)))
    rules.demand_customers_as_such(fold, column, value, kind)
    return kind


def _sql(tree: exp.Expr) -> str:
    return tree.sql(dialect="duckdb", comments=False)


@cache
def _events() -> duckdb.DuckDBPyConnection:
    """A DuckDB with empty `events`, to ask what an expression's type would be."""
    connection = functions.connect()
    columns = ", ".join(f'"{c.name}" {c.type}' for c in relation.columns().values())
    connection.execute(f"CREATE TABLE events ({columns})")
    return connection


def _described(fold: str, source: Source, column: str, value: str) -> str:
    """DuckDB's type of an expression over the source."""
    try:
        return _type_in(source.sql, value)
    except duckdb.Error as error:
        raise value_types.not_understood(fold, column, error) from error


@lru_cache(maxsize=1_000)
def _type_in(source: str, value: str) -> str:
    text = template("describe.sql").format(value=value, relation=source)
    return str(_events().cursor().execute(text).fetchall()[0][1])
