"""What is asked of a view: conditions, order and page, read from a query and held against the view's columns."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow as pa
from sqlglot import exp

from api.http.reading.cursors import cursor_of, no_cursor, values_of
from ledger.errors import BadField, NotFound
from projections import Fold, Views
from projections.choosing import By, Condition, Op, condition_of, named_type, plain, value_of
from projections.questions import asked_by

OURS = frozenset({"order", "limit", "cursor", "as_of", "known_at", "purpose", "min_position"})
"""Parameters that mean something to us; a column of that name is asked for as `purpose[eq]`."""

_CONDITION = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,62})(?:\[([a-z]+)\])?")
_MOST_CONDITIONS = 50
_MOST_ROWS = 2**40
"""Of a question: no cursor of ours says that more came before."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a view before it is asked: `folds` are those it is made of."""

    schema: pa.Schema
    key: tuple[str, ...]
    """The columns by which rows are told apart, in the order they are kept in; none for a question."""
    folds: frozenset[str]
    digest: str
    """Changes with its definition."""
    of_the_clock: bool
    """Whether it answers otherwise as time goes by, though nothing happens."""

    @property
    def columns(self) -> list[dict[str, str]]:
        """Its columns for people and programs."""
        return [{"name": one.name, "type": named_type(one.type)} for one in self.schema]


_questions: WeakKeyDictionary[Views, dict[str, Known]] = WeakKeyDictionary()


def known_of(views: Views, name: str) -> Known:
    """What is known of a view by its file; of questions, which take longer, found out once.

    Raises `NotFound`, and `DefinitionRefused` for a question.
    """
    if name not in views.folds and name not in views.questions:
        known = ", ".join(sorted({*views.folds, *views.questions}))
        raise NotFound("view", "of that name", f"there are {known}")
    if name in views.folds:
        return known_of_fold(views.folds[name])
    found = _questions.setdefault(views, {})
    if name not in found:
        found[name] = _question(views, name)
    return found[name]


def known_of_fold(fold: Fold) -> Known:
    """What is known of a fold by this definition of it."""
    key = tuple(one.name for one in fold.index)
    return Known(fold.shown, key, frozenset({fold.name}), fold.hash, of_the_clock=False)


def _question(views: Views, name: str) -> Known:
    schema = views.ask(name, {}).schema
    wanted = asked_by(name, views.questions)
    questions = [views.questions[one] for one in sorted(wanted & views.questions.keys())]
    folds = frozenset(wanted & views.folds.keys())
    said = [one.written for one in questions]
    said += [views.folds[one].hash for one in sorted(folds)]
    clock = any(one.of_the_clock for one in questions)
    digest = sha256("\0".join(said).encode()).hexdigest()
    return Known(schema, (), folds, digest, of_the_clock=clock)


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a view: which rows, in which order, after which."""

    conditions: Sequence[Condition]
    order: Sequence[By]
    limit: int | None
    kind: Sequence[str]
    """What a cursor has to be of."""
    after: Sequence[Any]
    """Values of `order` and of the key; of a question, how many rows came before."""

    @property
    def where(self) -> list[exp.Expr]:
        """The conditions as expressions."""
        return [one.sql for one in self.conditions]

    def next(self, values: Sequence[Any]) -> str:
        """The cursor of the page after a row with these values."""
        return cursor_of(self.kind, [plain(value) for value in values])


def asked_of(
    name: str,
    known: Known,
    query: Sequence[tuple[str, str]],
    order: str | None,
    limit: int | None,
    cursor: str | None,
) -> Asked:
    """What a query asks. Raises `BadField` for what is no column, or no value of it, naming what there is."""
    conditions = [*_conditions(name, known.schema, query)]
    by = [*_order(name, known.schema, order)]
    whole = in_full(by, known.key)
    kind = (name, known.digest, *(f"{'-' * one.descending}{one.column}" for one in by))
    after: list[Any] = values_of(kind, cursor, max(len(whole), 1))
    if after and known.key:
        if len(after) != len(whole):
            raise no_cursor()
        types = {one.name: one.type for one in known.schema}
        after = [
            None if text is None else value_of("cursor", str(text), types[one.column])
            for one, text in zip(whole, after, strict=True)
        ]
    elif after:
        after = [value_of("cursor", str(after[0]), pa.int64())]
        if not 0 <= after[0] <= _MOST_ROWS:
            raise no_cursor()
    return Asked(conditions, by, limit, kind, after)


def in_full(order: Sequence[By], key: Sequence[str]) -> list[By]:
    """The order, and after it the key, so that no two rows stand in one place."""
    named = {one.column for one in order}
    return [*order, *(By(column) for column in key if column not in named)]


def _conditions(
    name: str, schema: pa.Schema, query: Sequence[tuple[str, str]]
) -> Iterator[Condition]:
    types: Mapping[str, pa.DataType] = {one.name: one.type for one in schema}
    asked = [(key, text) for key, text in query if key not in OURS]
    if len(asked) > _MOST_CONDITIONS:
        raise BadField("query", f"at most {_MOST_CONDITIONS} conditions", f"{len(asked):,}")
    for key, text in asked:
        found = _CONDITION.fullmatch(key)
        column = found[1] if found else ""
        if column not in types:
            raise _no_column(name, schema, "query")
        word = (found and found[2]) or Op.EQ.value
        if word not in set(Op):
            raise BadField(column, "one of " + ", ".join(f"[{op}]" for op in Op), "another")
        yield condition_of(column, Op(word), text, types[column])


def _order(name: str, schema: pa.Schema, order: str | None) -> Iterator[By]:
    seen: set[str] = set()
    for part in order.split(",") if order else ():
        column = part.strip().removeprefix("-")
        if column not in schema.names:
            raise _no_column(name, schema, "order")
        if named_type(schema.field(column).type) == "object":
            raise BadField("order", "columns that can be compared", column)
        if column not in seen:
            yield By(column, part.strip().startswith("-"))
        seen.add(column)


def _no_column(name: str, schema: pa.Schema, field: str) -> BadField:
    """What came is not quoted: whoever mistakes us for a search engine puts anything there."""
    return BadField(field, f"columns of {name}: {', '.join(schema.names)}", "another")
