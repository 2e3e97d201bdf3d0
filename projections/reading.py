"""Reading views: kept rows or rows as of a moment, merged customers, hidden ones, and questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pyarrow as pa

from ledger import relation
from ledger.errors import BadUsage
from ledger.relation import EventSource
from projections import questions
from projections.definition import Fold
from projections.folding import CannotFold, Folder, merge
from projections.ordered import in_order
from projections.questions import Question
from projections.store import ViewStore


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
    people = None if customer is None else members(customer, asked.aliases)
    if asked.past:
        past = _as_of(folds, asked, people)
        kept = {fold.name: (fold, past[fold.name]) for fold in folds}
    else:
        kept = {fold.name: _kept(store, fold, people) for fold in folds}
    shown = {}
    for name, (fold, rows) in kept.items():
        try:
            shown[name] = merge(fold, rows, asked.aliases, asked.hidden)
        except CannotFold as error:
            raise BadUsage(f"{name}: cannot be read: {error}") from error
    return shown


def _kept(store: ViewStore, fold: Fold, people: Sequence[UUID] | None) -> tuple[Fold, pa.Table]:
    """The rows of the table that serves, and the definition that it was made by."""
    key = [] if people is None else [("customer", [person.bytes for person in people])]
    found = store.read(fold.name, key)
    return (found.table.fold, found.rows) if found else (fold, fold.stored.empty_table())


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
    needed = {question: asks[question] for question in sorted(wanted & asks.keys())}
    selects = {q: needed[q].sql(asked.now) for q in questions.in_order(folds, needed)}
    return questions.answer(name, rows_by_fold, selects, where, asked.people)


def members(customer: UUID, aliases: pa.Table | None) -> list[UUID]:
    """Every customer who is read as the same person, sorted."""
    if aliases is None or aliases.num_rows == 0:
        return [customer]
    own = _matching(aliases, "customer", customer).column("canonical").to_pylist()
    canonical: UUID = own[0] if own else customer
    others: list[UUID] = _matching(aliases, "canonical", canonical).column("customer").to_pylist()
    return sorted({canonical, customer, *others})


def _matching(table: pa.Table, column: str, value: UUID) -> pa.Table:
    import pyarrow.compute as pc  # slow to load, and hardly anybody is merged

    stored = table.column(column).cast(pa.binary(16))
    return table.filter(pc.equal(stored, pa.scalar(value.bytes, pa.binary(16))))


def _as_of(
    folds: Sequence[Fold], asked: Asked, people: Sequence[UUID] | None
) -> dict[str, pa.Table]:
    """Stored rows folded from what had occurred, and was known, by then: one pass, flat memory."""
    if asked.source is None:
        names = ", ".join(fold.name for fold in folds)
        raise BadUsage(f"{names}: a moment in the past needs the events to be at hand")
    also: list[str] = []
    needs = {column for fold in folds for column in fold.needs}
    if asked.as_of is not None:
        also.append(happened_by(asked.as_of))
        needs.add("occurred_at")
    if people is not None:
        listed = ", ".join(f"'{person}'::UUID" for person in people)
        also.append(f"customer IN ({listed})")
    columns = tuple(column for column in relation.columns() if column in needs)
    head = asked.source.head()
    upto = head if asked.known_upto is None else min(asked.known_upto, head)
    given = asked.source.batches(0, columns, upto=upto)
    folder = Folder()
    try:
        results = folder.fold_stream(
            [replace(fold, where=_and(fold.where, also)) for fold in folds],
            relation.schema(columns),
            # Events found by one customer's index are rightly not all of them.
            given if people is not None else in_order(given, 0, upto),
        )
    finally:
        folder.close()
    found = {}
    for fold, result in zip(folds, results, strict=True):
        if isinstance(result, CannotFold):
            raise BadUsage(f"{fold.name}: cannot be folded as of then: {result}") from result
        found[fold.name] = result
    return found


def _and(where: str, also: Sequence[str]) -> str:
    return " AND ".join([f"({where})", *also] if where else also)


def happened_by(as_of: datetime) -> str:
    """The condition that an event had happened by then, that moment included."""
    if as_of.utcoffset() is None:
        raise BadUsage("as_of: expected a time with a zone, came a time without one")
    moment = as_of.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return f"occurred_at <= TIMESTAMP '{moment}'"


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
