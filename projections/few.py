"""Folding a few events in Python: a person's page in less time than it takes to begin one statement.

DuckDB folds millions a second, and some milliseconds go by before it does. What folds commonly say is
worked out here as DuckDB would; of anything else, `Unclear` says that it is to be asked.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from types import NoneType
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa

from ledger import relation
from ledger.clock import to_us
from ledger.event import Recorded
from projections.definition import Aggregate, Fold, Measure
from projections.expressions import LEAST, MOST, OF_A_TYPE, Expression, Unclear, Value, compiled
from projections.sources import Source
from projections.value_types import ValueType

_LINE = {"product": "VARCHAR", "quantity": "BIGINT", "amount_minor": "BIGINT"}
_KINDS: dict[str, type] = {
    ValueType.BOOLEAN: bool,
    ValueType.BIGINT: int,
    ValueType.VARCHAR: str,
    ValueType.UUID: UUID,
    ValueType.TIMESTAMP: datetime,
    ValueType.DATE: date,
}


class Row(dict[str, Any]):
    """One event as columns of the `events` relation, each read when it is first asked for."""

    def __init__(self, recorded: Recorded) -> None:
        super().__init__()
        self.recorded = recorded
        self.body = orjson.loads(recorded.body)

    def __missing__(self, name: str) -> Any:
        value = self[name] = _reader(name)(self)
        return value


class _Line(Row):
    """A line of an order: the order's columns but for those of its own."""

    def __init__(self, order: Row, line: Any) -> None:
        dict.__init__(self)
        if not isinstance(line, dict):
            raise Unclear
        self.recorded, self.body = order.recorded, order.body
        for name, kind in _LINE.items():
            self[name] = _READ[kind](line.get(name))


Step = Callable[[Any, Row], Any]


class _Plan:
    """A fold as Python. Raises `Unclear` where it cannot be."""

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._where = compiled(fold.where) if fold.where else None
        self.keys = [compiled(key.sql).value for key in fold.keys]
        self.nothing = fold.nothing_shown
        self.empty = [_BEGIN.get(measure.aggregate) for measure in fold.measures]
        self._measures = [
            (place, _STEPS[m.aggregate](_valued(m)), compiled(m.filter) if m.filter else None)
            for place, m in enumerate(fold.measures)
        ]
        self._of_type: dict[tuple[str, str], list[tuple[int, Step, Value | None]] | None] = {}

    def steps(self, row: Row) -> list[tuple[int, Step, Value | None]] | None:
        """What an event of this type does to which measures, and if what; None if it has no part."""
        kind = (row["type"], row["domain"])
        if kind not in self._of_type:
            self._of_type[kind] = self._looked_at(row)
        return self._of_type[kind]

    def where(self, row: Row) -> bool:
        return self._where is None or self._where.value(row) is True

    def _looked_at(self, row: Row) -> list[tuple[int, Step, Value | None]] | None:
        if _settled(self._where, row) is False:
            return None
        found = []
        for place, step, condition in self._measures:
            settled = _settled(condition, row)
            if settled is not False:
                conditional = None if settled or condition is None else condition.value
                found.append((place, step, conditional))
        return found


def _settled(condition: Expression | None, row: Row) -> bool | None:
    """What all events of this type say to a condition; None if they may differ."""
    if condition is None:
        return True
    if condition.columns <= OF_A_TYPE:
        return condition.value(row) is True
    return None


_plans: dict[str, _Plan] = {}


def _plan_of(fold: Fold) -> _Plan:
    if fold.hash not in _plans:
        _plans[fold.hash] = _Plan(fold)
    return _plans[fold.hash]


def shown(fold: Fold, rows: Sequence[Row], canonical: UUID | None) -> pa.Table:
    """The shown rows of a fold, in key order; those of customers are one person's, the `canonical` one's.

    Raises `Unclear`.
    """
    plan = _plan_of(fold)
    groups: dict[tuple[Any, ...], list[Any]] = {}
    whose = [fold.by_customer and key.name == "customer" for key in fold.keys]
    for row in _lines(rows) if fold.source is Source.ORDER_LINES else rows:
        steps = plan.steps(row)
        if steps is None or not plan.where(row):
            continue
        key = tuple([part(row) for part in plan.keys])
        if None in key:
            continue
        key = tuple([canonical if mine else part for mine, part in zip(whose, key, strict=True)])
        states = groups.get(key)
        if states is None:
            states = groups[key] = [*plan.empty]
        for place, step, condition in steps:
            if condition is None or condition(row) is True:
                states[place] = step(states[place], row)
    return _table(fold, groups) if groups else plan.nothing


def _lines(rows: Sequence[Row]) -> Iterator[Row]:
    for row in rows:
        lines = row.body["data"].get("lines") if row["type"] == "order.placed" else None
        if lines is not None:
            if not isinstance(lines, list):
                raise Unclear
            yield from (_Line(row, line) for line in lines)


def _table(fold: Fold, groups: dict[tuple[Any, ...], list[Any]]) -> pa.Table:
    """The groups as rows, every value of its column's very type."""
    found = []
    for key in sorted(groups):
        states = zip(fold.measures, groups[key], strict=True)
        found.append([*key, *(_ended(measure, state) for measure, state in states)])
    columns = []
    types = [*(key.type for key in fold.keys), *(measure.type for measure in fold.measures)]
    for named, values, field in zip(types, zip(*found, strict=True), fold.shown, strict=True):
        kind = _KINDS.get(named)
        if not {*map(type, values)} <= {kind, NoneType}:
            raise Unclear
        if kind is UUID:
            given = [None if value is None else value.bytes for value in values]
            columns.append(pa.array(given, field.type))
        else:
            columns.append(pa.array(values, field.type))
    return pa.table(columns, schema=fold.shown)


def _ended(measure: Measure, state: Any) -> Any:
    if measure.companion:
        return None if state is None else state[1]
    if type(state) is int and not LEAST <= state <= MOST:
        raise Unclear
    return state


def _valued(measure: Measure) -> Value | None:
    return None if measure.sql == "*" else compiled(measure.sql).value


def _counting(value: Value | None) -> Step:
    if value is None:
        return lambda state, _: state + 1
    return lambda state, row: state if value(row) is None else state + 1


def _adding(value: Value | None) -> Step:
    def step(state: Any, row: Row) -> Any:
        given = _demanded(value)(row)
        if given is None:
            return state
        if type(given) is not int:
            raise Unclear
        return given if state is None else state + given

    return step


def _choosing(better: Callable[[Any, Any], bool]) -> Callable[[Value | None], Step]:
    def choosing(value: Value | None) -> Step:
        def step(state: Any, row: Row) -> Any:
            given = _demanded(value)(row)
            if given is None:
                return state
            if state is not None and type(given) is not type(state):
                raise Unclear
            return given if state is None or better(given, state) else state

        return step

    return choosing


def _latest(better: Callable[[Any, Any], bool]) -> Callable[[Value | None], Step]:
    """The value at the greatest moment, or the least, of those that are not null."""

    def latest(value: Value | None) -> Step:
        def step(state: Any, row: Row) -> Any:
            given = _demanded(value)(row)
            if given is None:
                return state
            moment = row["moment"]
            return (moment, given) if state is None or better(moment, state[0]) else state

        return step

    return latest


def _demanded(value: Value | None) -> Value:
    if value is None:
        raise Unclear
    return value


_BEGIN = {Aggregate.COUNT: 0}
_STEPS: dict[Aggregate, Callable[[Value | None], Step]] = {
    Aggregate.COUNT: _counting,
    Aggregate.SUM: _adding,
    Aggregate.MIN: _choosing(lambda new, old: new < old),
    Aggregate.MAX: _choosing(lambda new, old: new > old),
    Aggregate.ARG_MIN: _latest(lambda new, old: new < old),
    Aggregate.ARG_MAX: _latest(lambda new, old: new > old),
    Aggregate.BOOL_OR: _choosing(lambda new, old: new > old),
    Aggregate.BOOL_AND: _choosing(lambda new, old: new < old),
}


@cache
def _reader(name: str) -> Callable[[Row], Any]:
    """How a column is read from an event. Raises `Unclear`."""
    if name in _ENVELOPE:
        return _ENVELOPE[name]
    column = relation.columns().get(name)
    if column is None or column.json_type not in {*_READ, "VARCHAR[]"}:
        raise Unclear
    if column.json_path == ("tags",):
        begin = f"{name}:"
        return lambda row: next(
            (tag[len(begin) :] for tag in row.body.get("tags", ()) if tag.startswith(begin)), None
        )
    read = _READ[column.json_type]
    if len(column.json_path) == 1:
        return lambda row: read(row.body.get(name))
    return lambda row: read(row.body["data"].get(name))


def _moment(row: Row) -> UUID:
    us = to_us(row.recorded.event.occurred_at)
    return UUID(int=(us + 2**63) << 64 | row.recorded.position)


_ENVELOPE: dict[str, Callable[[Row], Any]] = {
    "position": lambda row: row.recorded.position,
    "recorded_at": lambda row: row.recorded.recorded_at.replace(tzinfo=None),
    "occurred_at": lambda row: row.recorded.event.occurred_at.replace(tzinfo=None),
    "customer": lambda row: row.recorded.event.customer,
    "type": lambda row: row.recorded.event.type,
    "domain": lambda row: str(row.recorded.event.domain),
    "moment": _moment,
}


def _of_kind(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is not None and type(value) is not kind:
            raise Unclear
        return value

    return read


def _read_text(make: Callable[[str], Any], *lengths: int) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if value is None:
            return None
        if type(value) is not str or len(value) not in lengths:
            raise Unclear
        try:
            return make(value)
        except ValueError:
            raise Unclear from None

    return read


def _time(text: str) -> datetime:
    """As the catalogue spells times: microseconds only where there are any."""
    fraction = "" if len(text) == 20 else ".%f"
    return datetime.strptime(text, f"%Y-%m-%dT%H:%M:%S{fraction}Z")  # noqa: DTZ007


_READ: dict[str, Callable[[Any], Any]] = {
    "BOOLEAN": _of_kind(bool),
    "BIGINT": _of_kind(int),
    "VARCHAR": _of_kind(str),
    "UUID": _read_text(UUID, 36),
    "DATE": _read_text(date.fromisoformat, 10),
    "TIMESTAMP": _read_text(_time, 20, 27),
}
