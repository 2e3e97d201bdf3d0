"""The rows of a fold as they are kept, some at a time in the order of its index: memory stays flat.

Rows of merged customers come where the oldest of them would stand, whether that one has rows or not, so
that each person comes once and whole. Between two batches the store may move on: each row is as the view had
it when its batch was read.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow as pa

from ledger.errors import BadUsage, StoreUnavailable
from ledger.people import ALIASES, Persons
from projections.definition import Fold
from projections.folding import CannotFold, merge
from projections.store import ViewStore

Nobody = Callable[[], pa.Table]
"""Who is hidden now, as rows of `ledger.gone.HIDDEN`: whoever comes to be is so from the next batch on."""

_AT_ONCE = 10_000
"""Members of merged people whose rows are looked up together."""


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows: after a key, in the order of `Fold.index`, or those alone whose first key is one of `only`.

    `rows` are read at once, at the first time; each later time ten times as many, up to `most`.
    """

    after: Sequence[Any] = ()
    only: Sequence[Any] | None = None
    rows: int = 10_000
    most: int = 10_000


class InOrder:
    """One reading of a fold; `fold` is the definition by which the rows are kept that serve."""

    def __init__(
        self, store: ViewStore, fold: Fold, persons: Persons, hidden: Nobody, span: Span
    ) -> None:
        self._store = store
        self._persons = persons
        self._hidden = hidden
        self._span = span
        found = store.read_after(fold.name, (), 0)
        self.fold = fold if found is None else found.table.fold

    def batches(self) -> Iterator[pa.Table]:
        """Shown rows in the order of the index. Raises `StoreUnavailable` if the definition changes meanwhile."""
        if self._span.only is not None:
            yield self._of(self._span.only)
        elif self.fold.by_customer:  # and then the customer comes first
            yield from self._by_person()
        else:
            yield from self._by_key()

    def _of(self, values: Sequence[Any]) -> pa.Table:
        """The rows of some values of the first key."""
        if not self.fold.by_customer:
            return self._shown(self._read(values))
        everybody = {one for value in values for one in self._persons.members(value)}
        return self._shown(self._read(sorted(everybody)))

    def _by_key(self) -> Iterator[pa.Table]:
        after, rows = self._span.after, self._span.rows
        names = [key.name for key in self.fold.index]
        while True:
            found = self._after(after, rows)
            if found.num_rows:
                yield self._shown(found)
            if found.num_rows < rows:
                return
            after = [found.column(name)[-1].as_py() for name in names]
            rows = min(rows * 10, self._span.most)

    def _by_person(self) -> Iterator[pa.Table]:
        rows = self._span.rows
        last: UUID | None = None
        if self._span.after:
            last = self._span.after[0]
            if self._persons.canonical(last) == last:  # else they stand elsewhere by now, whole
                yield self._of([last])
        oldest = sorted({group[0] for group in self._persons.groups.values()})
        while True:
            found = self._after([] if last is None else [last], rows)
            whose: list[UUID] = found.column("customer").to_pylist()
            upto = whose[-1] if len(whose) == rows else None
            if upto is not None:  # of the last of them, some may be missing
                theirs = whose.index(upto)
                found = pa.concat_tables([found.slice(0, theirs), self._read([upto])])
                whose = [*whose[:theirs], upto]
            begin = 0 if last is None else bisect_right(oldest, last)
            end = len(oldest) if upto is None else bisect_right(oldest, upto)
            yield self._shown(self._whole(found, {*whose, *oldest[begin:end]}))
            if upto is None:
                return
            last = upto
            rows = min(rows * 10, self._span.most)

    def _whole(self, found: pa.Table, people: set[UUID]) -> pa.Table:
        """The rows of whoever of these is the oldest of their person, with those of the others of it."""
        merged = {one for one in people if len(self._persons.members(one)) > 1}
        if not merged:
            return found
        stand_elsewhere = {one for one in merged if self._persons.canonical(one) != one}
        others = sorted(
            {
                member
                for one in merged - stand_elsewhere
                for member in self._persons.members(one)
                if member != one
            }
        )
        stay = [one not in stand_elsewhere for one in found.column("customer").to_pylist()]
        parts = [found.filter(pa.array(stay, pa.bool_()))]
        parts += [
            self._read(others[start : start + _AT_ONCE])
            for start in range(0, len(others), _AT_ONCE)
        ]
        return pa.concat_tables(parts)

    def _shown(self, rows: pa.Table) -> pa.Table:
        fold = self.fold
        try:
            shown = merge(fold, rows, self._aliases(rows), self._hidden())
        except CannotFold as error:
            raise BadUsage(f"{fold.name}: cannot be read: {error}") from error
        if fold.index == fold.keys:
            return shown
        names = [key.name for key in fold.index]
        keys = [*zip(*(shown.column(name).to_pylist() for name in names), strict=True)]
        return shown.take(pa.array(sorted(range(len(keys)), key=keys.__getitem__), pa.int64()))

    def _aliases(self, rows: pa.Table) -> pa.Table | None:
        """Of all who are read under somebody else, those who have some of these rows."""
        if not self.fold.by_customer or not self._persons.groups:
            return None
        whose = set(rows.column("customer").to_pylist())
        canonical = {one: self._persons.canonical(one) for one in whose}
        pairs = sorted((o.bytes, c.bytes) for o, c in canonical.items() if o != c)
        columns = [
            pa.array([pair[place] for pair in pairs], ALIASES[place].type) for place in (0, 1)
        ]
        return pa.table(columns, schema=ALIASES) if pairs else None

    def _read(self, values: Sequence[Any]) -> pa.Table:
        name = self.fold.index[0].name
        given = [value.bytes if isinstance(value, UUID) else value for value in values]
        kept = self._store.read(self.fold.name, [(name, given)])
        return self._same(kept.table.fold if kept else None, kept.rows if kept else None)

    def _after(self, after: Sequence[Any], most: int) -> pa.Table:
        kept = self._store.read_after(self.fold.name, after, most)
        return self._same(kept.table.fold if kept else None, kept.rows if kept else None)

    def _same(self, fold: Fold | None, rows: pa.Table | None) -> pa.Table:
        if fold is None or rows is None:
            return self.fold.nothing_stored
        if fold.hash != self.fold.hash:
            raise StoreUnavailable(self.fold.name, "its definition changed while it was read")
        return rows
