"""Reading views: kept rows or rows as of a moment, merged customers, hidden ones, and questions."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import pyarrow as pa

from ledger import relation
from ledger.errors import BadUsage
from ledger.event import Recorded
from ledger.people import ALIASES
from ledger.relation import EventSource, Scannable
from projections import few, questions
from projections.asking import answer_few
from projections.definition import Fold
from projections.expressions import Unclear
from projections.folding import CannotFold, Folder, merge, seen
from projections.ordered import in_order
from projections.questions import Question
from projections.scanning import scanned
from projections.store import ViewStore

_FEW = 1_000
"""Events that are looked at one by one: of more, DuckDB is the faster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What moment is asked about, and who is seen.

    `as_of`: events that had occurred by then, inclusive. `known_upto`: events of the book up to
    this position. With either, rows are folded from `source` and not read from what is kept.
    `now` stands for `:now`. `aliases` (customer, canonical) says under whom a customer is read, and
    `joined` since when two are one person (see `ledger.people`); `hidden` (customer) whose rows are
    left out.
    """

    now: datetime
    source: EventSource | None = None
    as_of: datetime | None = None
    known_upto: int | None = None
    aliases: pa.Table | None = None
    joined: pa.Table | None = None
    hidden: pa.Table | None = None

    @property
    def people(self) -> dict[str, pa.Table]:
        """What questions may ask of people."""
        given = {"merged": self.aliases, "joined": self.joined}
        return {name: questions.NOBODY[name] if t is None else t for name, t in given.items()}

    @property
    def past(self) -> bool:
        return self.as_of is not None or self.known_upto is not None


def fold_rows(store: ViewStore, fold: Fold, asked: Asked, customer: UUID | None = None) -> pa.Table:
    """A fold's shown rows in key order, those of one customer (by index) where one is given."""
    return rows_of_folds(store, [fold], asked, customer)[fold.name]


def rows_of_folds(
    store: ViewStore, folds: Sequence[Fold], asked: Asked, customer: UUID | None = None
) -> dict[str, pa.Table]:
    """The same for several folds; those of the past from one reading of the events."""
    for fold in folds:
        if customer is not None and not fold.by_customer:
            raise BadUsage(f"{fold.name}: expected a view with a row a customer")
    people, canonical, aliases = None, customer, asked.aliases
    if customer is not None:
        people = members(customer, aliases)
        aliases = _of_one(people, aliases)
        canonical = aliases.column("canonical")[0].as_py() if aliases else customer
    shown = {}
    if asked.past:
        if people is not None:
            shown = _of_few(folds, asked, people, canonical)
        rest = [fold for fold in folds if fold.name not in shown]
        past = _as_of(rest, asked, people, by_index=people is not None) if rest else {}
        kept = {fold.name: (fold, past[fold.name]) for fold in rest}
    else:
        kept = {fold.name: _kept(store, fold, people) for fold in folds}
    for name, (fold, rows) in kept.items():
        try:
            shown[name] = merge(fold, rows, aliases, asked.hidden)
        except CannotFold as error:
            raise BadUsage(f"{name}: cannot be read: {error}") from error
    return {fold.name: shown[fold.name] for fold in folds}


def rows_of_things(
    store: ViewStore, fold: Fold, asked: Asked, things: Sequence[str] | Sequence[bytes]
) -> pa.Table:
    """A fold's shown rows of some values of its first key; in the past, `asked.source` has their events."""
    key = fold.keys[0].name
    if asked.past:
        found = _of_few([fold], asked, None, None) or _as_of([fold], asked, by_index=True)
        rows = found[fold.name]
        theirs = [thing in things for thing in rows.column(key).to_pylist()]
        rows = rows if all(theirs) else rows.filter(pa.array(theirs))
    else:
        kept = store.read(fold.name, [(key, things)])
        fold, rows = (kept.table.fold, kept.rows) if kept else (fold, fold.nothing_stored)
    return merge(fold, rows, asked.aliases, asked.hidden)


def _kept(store: ViewStore, fold: Fold, people: Sequence[UUID] | None) -> tuple[Fold, pa.Table]:
    """The rows of the table that serves, and the definition that it was made by."""
    key = [] if people is None else [("customer", [person.bytes for person in people])]
    found = store.read(fold.name, key)
    return (found.table.fold, found.rows) if found else (fold, fold.nothing_stored)


def view_rows(
    store: ViewStore,
    folds: Mapping[str, Fold],
    asks: Mapping[str, Question],
    name: str,
    asked: Asked,
    where: str | None = None,
    customer: UUID | None = None,
) -> pa.Table:
    """The rows of a fold or the answer of a question, kept where `where` is true."""
    if name in folds:
        rows = fold_rows(store, folds[name], asked, customer)
        return questions.answer(name, {name: rows}, {}, where) if where else rows
    if customer is not None:
        raise BadUsage(f"{name}: expected a view with a row a customer")
    wanted = questions.asked_by(name, asks)
    rows_by_fold = rows_of_folds(store, [folds[f] for f in sorted(wanted & folds.keys())], asked)
    return answer_to(rows_by_fold, folds, asks, name, asked, where)


def answer_to(
    rows: Mapping[str, pa.Table],
    folds: Mapping[str, Fold],
    asks: Mapping[str, Question],
    name: str,
    asked: Asked,
    where: str | None = None,
) -> pa.Table:
    """The answer of a question to these rows; of folds that have none here, there are none."""
    wanted = questions.asked_by(name, asks)
    needed = {question: asks[question] for question in sorted(wanted & asks.keys())}
    order = questions.in_order(folds, needed)
    given = {
        fold: rows[fold] if fold in rows else folds[fold].nothing_shown
        for fold in sorted(wanted & folds.keys())
    }
    if not where and sum(map(len, given.values())) <= _FEW:
        written = {q: needed[q].written for q in order}
        found = answer_few(name, given, written, asked.people, asked.now)
        if found is not None:
            return found
    selects = {q: needed[q].sql(asked.now) for q in order}
    return questions.answer(name, given, selects, where, asked.people)


def members(customer: UUID, aliases: pa.Table | None) -> list[UUID]:
    """Every customer who is read as the same person, sorted."""
    if aliases is None or aliases.num_rows == 0:
        return [customer]
    own = _matching(aliases, "customer", customer).column("canonical").to_pylist()
    canonical: UUID = own[0] if own else customer
    others: list[UUID] = _matching(aliases, "canonical", canonical).column("customer").to_pylist()
    return sorted({canonical, customer, *others})


def merged_key(fold: Fold, key: Sequence[object], aliases: pa.Table | None) -> list[list[Any]]:
    """The values of each part of a key, a customer's being those of the whole person."""
    merged: list[list[Any]] = [
        [*members(value, aliases)]
        if part.name == "customer" and fold.by_customer and isinstance(value, UUID)
        else [value]
        for part, value in zip(fold.keys, key, strict=False)
    ]
    return merged + [[value] for value in key[len(fold.keys) :]]


def _matching(table: pa.Table, column: str, value: UUID) -> pa.Table:
    import pyarrow.compute as pc  # slow to load, and hardly anybody is merged

    stored = table.column(column).cast(pa.binary(16))
    return table.filter(pc.equal(stored, pa.scalar(value.bytes, pa.binary(16))))


@runtime_checkable
class Found(EventSource, Protocol):
    """Events found by an index, which may be so few that each can be looked at."""

    def recorded(self, upto: int, most: int) -> Sequence[Recorded] | None:
        """All of them up to a position; None if there are more than `most`."""
        ...


def _of_few(
    folds: Sequence[Fold],
    asked: Asked,
    people: Sequence[UUID] | None,
    canonical: UUID | None,
) -> dict[str, pa.Table]:
    """The shown rows of a few events, of those folds for which that is clear; see `projections.few`."""
    if not isinstance(asked.source, Found):
        return {}
    head = asked.source.head()
    upto = head if asked.known_upto is None else min(asked.known_upto, head)
    recorded = asked.source.recorded(upto, _FEW)
    if recorded is None:
        return {}
    then = None if asked.as_of is None else _utc(asked.as_of).replace(tzinfo=UTC)
    rows = [
        few.Row(one)
        for one in recorded
        if (people is None or one.event.customer in people)
        and (then is None or one.event.occurred_at <= then)
    ]
    found = {}
    for fold in folds:
        with suppress(Unclear):
            found[fold.name] = seen(fold, few.shown(fold, rows, canonical), asked.hidden)
    return found


def _of_one(people: Sequence[UUID], aliases: pa.Table | None) -> pa.Table | None:
    """Of the aliases, those of one person; none if they are a customer alone, as most are."""
    if aliases is None or len(people) == 1:
        return None
    rows = [row for row in aliases.to_pylist() if row["customer"] in people]
    return pa.Table.from_pylist(
        [{name: one.bytes for name, one in row.items()} for row in rows], schema=ALIASES
    )


def _as_of(
    folds: Sequence[Fold],
    asked: Asked,
    people: Sequence[UUID] | None = None,
    *,
    by_index: bool = False,
) -> dict[str, pa.Table]:
    """Stored rows folded from what had occurred, and was known, by then: flat memory."""
    source = asked.source
    if source is None:
        names = ", ".join(fold.name for fold in folds)
        raise BadUsage(f"{names}: a moment in the past needs the events to be at hand")
    needs = {column for fold in folds for column in fold.needs}
    needs |= set() if asked.as_of is None else {"occurred_at"}
    needs |= set() if people is None else {"customer"}
    columns = tuple(column for column in relation.columns() if column in needs)
    head = source.head()
    upto = head if asked.known_upto is None else min(asked.known_upto, head)
    if by_index:
        results = _few(folds, source.batches(0, columns, upto=upto), columns, asked, people)
    elif isinstance(source, Scannable):
        with scanned(source, columns, 0, upto) as scan:
            results = [scan.fold(fold) for fold in _narrowed(folds, asked, None)]
    else:
        batches = in_order(source.batches(0, columns, upto=upto), 0, upto)
        with closing(Folder()) as folder:
            schema = relation.schema(columns)
            results = folder.fold_stream(_narrowed(folds, asked, None), schema, batches)
    found = {}
    for fold, result in zip(folds, results, strict=True):
        if isinstance(result, CannotFold):
            raise BadUsage(f"{fold.name}: cannot be folded as of then: {result}") from result
        found[fold.name] = result
    return found


def _few(
    folds: Sequence[Fold],
    batches: Iterator[pa.RecordBatch],
    columns: tuple[str, ...],
    asked: Asked,
    people: Sequence[UUID] | None,
) -> Sequence[pa.Table | CannotFold]:
    """The same of events found by an index, which are rightly not all: mostly one small batch.

    Then all that is slow has been done before: statements are kept for whoever comes next.
    """
    begun = list(islice(batches, 2))
    if len(begun) > 1:
        with closing(Folder()) as folder:
            given = chain(begun, batches)
            schema = relation.schema(columns)
            return folder.fold_stream(_narrowed(folds, asked, people), schema, given)
    try:
        folder = _idle.pop()
    except IndexError:
        folder = Folder()
    try:
        return folder.fold_batch(folds, _chosen(begun, columns, asked.as_of, people))
    finally:
        _idle.append(folder)


_idle: list[Folder] = []
"""Lent to one thread at a time, whichever that is."""


def _chosen(
    batches: Sequence[pa.RecordBatch],
    columns: tuple[str, ...],
    as_of: datetime | None,
    people: Sequence[UUID] | None,
) -> pa.Table:
    """The events of these people that had happened by then."""
    events = pa.Table.from_batches(batches, relation.schema(columns))
    kept = [True] * events.num_rows
    if people is not None:
        kept = [customer in people for customer in events.column("customer").to_pylist()]
    if as_of is not None:
        then = _utc(as_of)
        happened = events.column("occurred_at").to_pylist()
        kept = [mine and at <= then for mine, at in zip(kept, happened, strict=True)]
    return events if all(kept) else events.filter(pa.array(kept))


def _narrowed(folds: Sequence[Fold], asked: Asked, people: Sequence[UUID] | None) -> Sequence[Fold]:
    """The folds over what had happened by then, and to these people."""
    also: list[str] = []
    if asked.as_of is not None:
        also.append(happened_by(asked.as_of))
    if people is not None:
        listed = ", ".join(f"'{person}'::UUID" for person in people)
        also.append(f"customer IN ({listed})")
    return [replace(fold, where=_and(fold.where, also)) for fold in folds]


def _and(where: str, also: Sequence[str]) -> str:
    return " AND ".join([f"({where})", *also] if where else also)


def happened_by(as_of: datetime) -> str:
    """The condition that an event had happened by then, that moment included."""
    return f"occurred_at <= TIMESTAMP '{_utc(as_of).isoformat(' ')}'"


def _utc(moment: datetime) -> datetime:
    """A moment as the relation has it."""
    if moment.utcoffset() is None:
        raise BadUsage("as_of: expected a time with a zone, came a time without one")
    return moment.astimezone(UTC).replace(tzinfo=None)


def row_of(table: pa.Table, fold: Fold, key: Sequence[Any]) -> dict[str, Any] | None:
    """The row of this key as Python values; None where there is none."""
    if len(key) != len(fold.keys):
        names = ", ".join(k.name for k in fold.keys)
        raise BadUsage(f"{fold.name}: expected a value each for {names}, came {len(key)}")
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        if all(row[part.name] == value for part, value in zip(fold.keys, key, strict=True)):
            return row
    return None
