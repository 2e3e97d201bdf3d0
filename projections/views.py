"""The views of a book, behind one face: keep them current, read them, ask why."""

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pyarrow as pa

from ledger.clock import Clock, system_clock
from ledger.errors import BadUsage, DefinitionRefused, FoldFailed, NotFound, StoreUnavailable
from ledger.people import Persons
from ledger.relation import EventSource
from projections import check, explain, keeping, questions, reading, standing
from projections import why as why_
from projections.definition import Fold, read_fold
from projections.engine import Progress
from projections.folding import without
from projections.paging import InOrder, Nobody, Span
from projections.questions import Question, Questions
from projections.reading import Asked
from projections.standing import Kind, Listed, Reached, State, failed, listed
from projections.store import Forgotten, ViewStore, ViewTable
from projections.stores import open_views


class Views:
    """Every fold and question of the shipped folder and of the user's, over one store.

    A folder has `folds/*.sql` and `questions/*.sql`. A file that cannot be used raises
    `DefinitionRefused`: a fold's at once, a question's when it is asked, or all are listed, since to
    read it takes longer than most commands.
    """

    def __init__(
        self,
        store: ViewStore,
        folders: Sequence[Path] = (),
        clock: Clock = system_clock,
        gone: Forgotten | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._gone = gone
        known = {table.fold.text_digest: table.fold for table in store.tables()}
        self._folds, self._questions = load(folders, known)
        self._sound = False

    @classmethod
    def open(
        cls,
        at: Path | str,
        folders: Sequence[Path] = (),
        clock: Clock = system_clock,
        gone: Forgotten | None = None,
    ) -> "Views":
        """The views kept in an SQLite file, or beside a book on a server; made where there are none.

        Nobody who is `gone` is kept in them.
        """
        return cls(open_views(at), folders, clock, gone)

    def close(self) -> None:
        self._store.close()

    @property
    def folds(self) -> Mapping[str, Fold]:
        return self._folds

    @property
    def questions(self) -> Mapping[str, Question]:
        return self._questions

    def supposing(self, folds: Mapping[str, Fold], asks: Mapping[str, Path]) -> "Views":
        """These views, some of them defined otherwise, to look at the past: nothing is kept of them."""
        supposed: Views = copy(self)
        supposed._folds = {**self._folds, **folds}
        supposed._questions, supposed._sound = self._questions.also(asks), False
        return supposed

    def catch_up(self, source: EventSource, progress: Progress | None = None) -> dict[str, int]:
        """Have what the book has folded; the position of each fold afterwards.

        By the process that keeps the views, if there is one at work, else by this one. A fold that
        cannot take an event stops before it, as `list` shows; the others go on.
        """
        keeping.catch_up(self._store, self._folds, source, progress, gone=self._gone)
        return self._positions()

    def standing(self) -> dict[str, Reached]:
        """How far each fold has come."""
        return standing.reached(self._folds, self._store.tables())

    def forget(self, customers: Collection[UUID]) -> None:
        """Delete the rows of these customers, whatever state a view is in; see `ViewStore.forget`."""
        self._store.forget(customers)

    def hide(self, customers: Collection[UUID]) -> None:
        """Show these no more to whoever reads the views past us, with a server's own SQL."""
        self._store.hide(customers)

    def clear(self) -> None:
        """Forget everything that was folded; see `ViewStore.clear`."""
        self._store.clear()

    def rebuild(
        self, name: str, source: EventSource, progress: Progress | None = None
    ) -> dict[str, int]:
        """Fold a view anew from the first event, beside the one that serves, and switch.

        A rebuild that was killed goes on from where it was: by the process that keeps the views, or
        at the next `catch_up` or `rebuild`. Raises `FoldFailed` where the new one stopped; the
        former then still serves, as it does, with `StoreUnavailable`, while somebody reads it.
        """
        self._rebuild([self._store.create(self._fold(name))], source, progress)
        return self._positions()

    def rebuild_all(self, source: EventSource, progress: Progress | None = None) -> None:
        """Fold every view anew, in one reading; what was being filled is begun again as well.

        For a book in which something was removed that they may have folded. Raises as `rebuild`.
        """
        for table in self._store.tables():
            self._store.discard(table)
        new = [self._store.create(fold) for fold in self._folds.values()]
        self._rebuild(new, source, progress)

    def _rebuild(
        self, new: Sequence[ViewTable], source: EventSource, progress: Progress | None
    ) -> None:
        wanted = {table.id for table in new}

        def over(tables: list[ViewTable]) -> bool:
            return all(t.serving or t.failure is not None for t in tables if t.id in wanted)

        keeping.catch_up(self._store, self._folds, source, progress, over, self._gone)
        names = {one.fold.name for one in new}
        for table in (t for t in self._store.tables() if t.fold.name in names):
            if table.failure and not table.serving:
                raise failed(table)
            if not table.serving:
                what = "filled, and serves when nobody reads the former"
                raise StoreUnavailable(table.fold.name, what)

    def run(
        self,
        source: keeping.Waiting,
        stopped: Callable[[], bool],
        at_work: Callable[[bool], object] = lambda _: None,
        at_rest: Callable[[], object] = lambda: None,
    ) -> None:
        """Keep every fold current until `stopped`, waiting while another process does.

        A batch that was begun is ended first. `at_work` is told whether it is our turn, `at_rest`
        when all is done for now.
        """
        keeping.run(self._store, self._folds, source, stopped, at_work, at_rest, self._gone)

    def _positions(self) -> dict[str, int]:
        tables = self._store.tables()
        return {t.fold.name: t.position for t in tables if t.serving and t.fold.name in self._folds}

    def rows(
        self,
        name: str,
        *,
        source: EventSource | None = None,
        as_of: datetime | None = None,
        known_upto: int | None = None,
        where: str | None = None,
        now: datetime | None = None,
        customer: UUID | None = None,
        aliases: pa.Table | None = None,
        joined: pa.Table | None = None,
        hidden: pa.Table | None = None,
    ) -> pa.Table:
        """A view's rows, typed; today from what is kept, in the past folded from `source`.

        `customer` keeps one person's rows, read by index. For the rest see `Asked`.
        """
        asked = Asked(
            now or as_of or self._clock(), source, as_of, known_upto, aliases, joined, hidden
        )
        self._known(name)
        return reading.view_rows(
            self._store, self._folds, self._questions, name, asked, where, customer
        )

    def customer(
        self,
        customer: UUID,
        *,
        source: EventSource | None = None,
        as_of: datetime | None = None,
        known_upto: int | None = None,
        aliases: pa.Table | None = None,
        hidden: pa.Table | None = None,
    ) -> dict[str, pa.Table]:
        """One person's rows of every fold that has rows by customer; see `rows`."""
        asked = Asked(as_of or self._clock(), source, as_of, known_upto, aliases, None, hidden)
        folds = [fold for fold in self._folds.values() if fold.by_customer]
        return reading.rows_of_folds(self._store, folds, asked, customer)

    def things(
        self,
        name: str,
        things: Sequence[str] | Sequence[bytes],
        *,
        source: EventSource | None = None,
        as_of: datetime | None = None,
        known_upto: int | None = None,
        aliases: pa.Table | None = None,
        hidden: pa.Table | None = None,
    ) -> pa.Table:
        """Rows of a fold by index: those of some values of its first key, of whose events `source` has all.

        A customer is named by the bytes of the id. See `rows`.
        """
        asked = Asked(as_of or self._clock(), source, as_of, known_upto, aliases, None, hidden)
        return reading.rows_of_things(self._store, self._fold(name), asked, things)

    def ask(
        self,
        name: str,
        rows: Mapping[str, pa.Table],
        *,
        now: datetime | None = None,
        aliases: pa.Table | None = None,
        joined: pa.Table | None = None,
    ) -> pa.Table:
        """The answer of a question to these rows of folds, in place of all that there are.

        What it says of one customer is right if it asks nothing about others.
        """
        asked = Asked(now or self._clock(), aliases=aliases, joined=joined)
        return reading.answer_to(rows, self._folds, self._questions, name, asked)

    def in_order(self, name: str, persons: Persons, hidden: Nobody, span: Span) -> InOrder:
        """The rows of a fold as they are kept, some at a time; see `projections.paging`."""
        return InOrder(self._store, self._fold(name), persons, hidden, span)

    def kept(self, name: str) -> tuple[int, pa.Table]:
        """A fold's position and its rows as they are kept, from one moment of the store.

        Without those of whom the book tells only later that they are gone: whether their rows have
        been deleted by now is a matter of time. Whoever was gone by that position should have none.
        """
        fold = self._fold(name)
        found = self._store.read(name)
        if found is None:
            return 0, fold.nothing_shown
        table, rows = found.table, found.rows
        if self._gone is not None:
            later = self._gone.now() - self._gone.between(0, table.position)
            rows = without(table.fold, rows, later)
        return table.position, rows.select(table.fold.shown.names)

    def fresh(
        self, names: Collection[str], source: EventSource, known_upto: int
    ) -> dict[str, pa.Table]:
        """The rows of these folds, all folded anew in one reading of the book up to a position.

        Without those of anybody who is gone.
        """
        asked = Asked(self._clock(), source, known_upto=known_upto)
        found = reading.rows_of_folds(self._store, [self._fold(name) for name in names], asked)
        gone = frozenset[UUID]() if self._gone is None else self._gone.now()
        return {name: without(self._fold(name), rows, gone) for name, rows in found.items()}

    def row(
        self,
        name: str,
        *key: object,
        aliases: pa.Table | None = None,
        hidden: pa.Table | None = None,
    ) -> dict[str, Any] | None:
        """The row of one key as Python values, by index where the key begins with a customer.

        A member of a merged customer finds the row of the whole person.
        """
        fold = self._fold(name)
        person = next(
            (v for k, v in zip(fold.keys, key, strict=False) if k.name == "customer"), None
        )
        person = person if fold.by_customer and isinstance(person, UUID) else None
        asked = Asked(self._clock(), aliases=aliases, hidden=hidden)
        rows = reading.fold_rows(self._store, fold, asked, person)
        if person is not None and rows.num_rows:
            canonical = rows.column("customer")[0].as_py()
            key = tuple(canonical if value == person else value for value in key)
        return reading.row_of(rows, fold, key)

    def failures(self, asked: Collection[str] | None = None) -> Sequence[FoldFailed]:
        """The folds that have stopped; of those that these views are made of, or of all."""
        tables = self._store.tables()
        wanted = set(self._folds)
        if asked is not None:
            wanted &= {view for name in asked for view in questions.asked_by(name, self._questions)}
        lines = [listed(self._folds[name], tables, 0) for name in sorted(wanted)]
        return [line.failure for line in lines if line.failure is not None]

    def list(self, head: int) -> list[Listed]:
        """Every view and how it stands to a book whose last position is `head`.

        Raises `DefinitionRefused` for a question that cannot be asked.
        """
        if not self._sound:
            questions.demand_sound(self._folds, self._questions)
            self._sound = True
        tables = self._store.tables()
        folds = {name: listed(fold, tables, head) for name, fold in sorted(self._folds.items())}
        asked = []
        for name, question in sorted(self._questions.items()):
            on = [folds[f] for f in questions.asked_by(name, self._questions) if f in folds]
            slowest = min(on, key=lambda line: line.position, default=None)
            position = slowest.position if slowest else head
            state = slowest.state if slowest else State.CURRENT
            asked.append(
                Listed(
                    name, Kind.QUESTION, question.purpose, position, head - position, state, None
                )
            )
        return [*folds.values(), *asked]

    def explain(self, name: str) -> str:
        """What a view is for, what its columns mean, and the SQL that is run for it."""
        if name in self._questions:
            return explain.explain_question(self._questions[name])
        return explain.explain_fold(self._fold(name), self._store)

    def check(self, path: Path, source: EventSource | None = None) -> check.Checked:
        """Try a fold's file: it loads, and keeps the merge law. Raises `DefinitionRefused`."""
        return check.check_fold(read_fold(path), source)

    def why(
        self,
        name: str,
        column: str,
        *key: object,
        source: EventSource,
        as_of: datetime | None = None,
        known_upto: int | None = None,
        aliases: pa.Table | None = None,
        hidden: pa.Table | None = None,
    ) -> why_.Why:
        """The events behind one cell, the deciding one marked. Raises `NotFound`, `BadUsage`.

        A member of a merged customer finds the events of the whole person; behind a row of somebody
        `hidden` there are none, and where one of them is the value, there is null instead.
        """
        if name in self._questions:
            asks = ", ".join(sorted(self._questions[name].asks))
            raise BadUsage(f"{name} is a question: expected a column of a fold; it asks {asks}")
        fold = self._fold(name)
        if as_of is not None:
            conditions = [f"({fold.where})"] if fold.where else []
            fold = replace(fold, where=" AND ".join([*conditions, reading.happened_by(as_of)]))
        merged = reading.merged_key(fold, key, aliases)
        return why_.why(fold, column, merged, source, known_upto, hidden)

    def _known(self, name: str) -> None:
        if name not in self._folds and name not in self._questions:
            known = ", ".join(sorted({*self._folds, *self._questions}))
            raise NotFound("view", name, f"there are {known}")

    def _fold(self, name: str) -> Fold:
        self._known(name)
        if name not in self._folds:
            raise BadUsage(f"{name} is a question: expected a fold")
        return self._folds[name]


def load(
    folders: Sequence[Path] = (), known: Mapping[str, Fold] = MappingProxyType({})
) -> tuple[dict[str, Fold], Questions]:
    """The shipped views and those of the folders; `known` folds by digest of their text.

    Raises `DefinitionRefused` for a fold, and for a name that is used twice.
    """
    folds: dict[str, Fold] = {}
    asks: dict[str, Path] = {}
    with as_file(files("projections")) as shipped:
        for folder in (shipped, *folders):
            for path in sorted((folder / "folds").glob("*.sql")):
                _demand_new(path, {*folds, *asks})
                folds[path.stem] = read_fold(path, known)
            for path in sorted((folder / "questions").glob("*.sql")):
                _demand_new(path, {*folds, *asks})
                asks[path.stem] = path
    return folds, Questions(asks)


def _demand_new(path: Path, known: Collection[str]) -> None:
    if path.stem in known:
        raise DefinitionRefused(path.stem, "name", "another view has this name", "rename the file")
