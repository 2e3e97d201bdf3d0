"""Keeping folds current: one reading of the log feeds all that stand at the same place.

A batch is folded in DuckDB and merged into the store together with the position, so that each
event counts once whatever crashes, and whoever else works the same folds. A fold that cannot take
an event stops there, loudly and alone. Nobody who is gone gets into a table any more, and where the
book tells that somebody is, their rows are deleted: so what is kept is what a rebuild would keep.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import pyarrow as pa

from ledger import relation
from ledger.errors import BadUsage
from ledger.relation import EventSource, Scannable
from projections.definition import Fold
from projections.folding import CannotFold, Folder, without
from projections.ordered import in_order
from projections.scanning import scanned
from projections.store import Failure, Forgotten, Move, Overtaken, ViewStore, ViewTable

Progress = Callable[[int, int], None]
"""Told the position reached and the position aimed at."""

MIN_BATCH, MAX_BATCH = 1_000, 100_000
"""Events folded at once: as many as are waiting, within these."""
STRIDE = 2_000_000
"""Events of a deep backlog that are folded in one pass, at most, before their rows are merged and kept."""
WORK = 8_000_000
"""The same times folds: what a pass holds follows both, and should not follow how much there is to do."""
HEAVY = 256 * 2**20
"""Bytes of rows that are held at once; where a stride makes more, the next one is shorter."""
SWEEP = 20_000_000
"""Events that DuckDB scans by itself before their rows are merged and kept: as many as are read again
where a process ends amid them.
"""
DEEP = MAX_BATCH
"""A backlog this deep is folded in strides: the fewer merges, the faster."""


class Engine:
    """Brings the views of a store up to a source of events. One thread at a time."""

    def __init__(
        self,
        store: ViewStore,
        gone: Forgotten | None = None,
        *,
        stride: int = STRIDE,
        sweep: int = SWEEP,
        max_batch: int = MAX_BATCH,
        deep: int = DEEP,
    ) -> None:
        self._store = store
        self._gone = gone
        self._folder = Folder()
        self._served: dict[str, str] = {}
        """Our definitions that have served: who brings another in their place knows better than we do."""
        self._longest = stride
        self._sweep = sweep
        self._work = WORK
        self._max_batch = max_batch
        self._deep = deep

    def close(self) -> None:
        self._folder.close()

    def catch_up(
        self, folds: Mapping[str, Fold], source: EventSource, progress: Progress | None = None
    ) -> dict[str, int]:
        """Fold everything up to the head as it is now; the position of each serving view.

        A changed definition is filled beside the table that serves, which is replaced when the new
        one has caught up; the others are kept up with the book meanwhile. Views that failed stay
        where they stopped. Raises `BookAltered` where the source leaves a position out.
        """
        head = source.head()
        while True:
            went = self.step(folds, source, head, progress)
            filled = self.step(folds, source, head, progress, filling=True)
            if filled is not None and filled < head:
                head = source.head()  # who looks at the others is not to wait for a rebuild
            elif went is filled is None:
                break
        self.switch(folds)
        return {
            t.fold.name: t.position
            for t in self._store.tables()
            if t.serving and t.fold.name in folds
        }

    def step(
        self,
        folds: Mapping[str, Fold],
        source: EventSource,
        head: int,
        progress: Progress | None = None,
        *,
        filling: bool = False,
    ) -> int | None:
        """Take the tables that are furthest behind one stride on, or to where others stand.

        Of those that serve, or of those that are being filled; whatever else stands at the same
        place comes along. The position reached; None where none of them is behind `head`.
        """
        behind = [t for t in self._targets(folds) if not t.failure and t.position < head]
        start = min((t.position for t in behind if t.serving is not filling), default=None)
        if start is None:
            return None
        group = [t for t in behind if t.position == start]
        stride = min(self._work // len(group), self._longest)
        if isinstance(source, Scannable):
            stride = self._sweep
        to = min([head, start + stride, *(t.position for t in behind if t.position > start)])
        try:
            self._advance(group, source, to, lambda reached: progress and progress(reached, head))
        except Overtaken:
            return start  # another engine did this part: to be looked at again
        return to

    def switch(self, folds: Mapping[str, Fold]) -> None:
        """Let those serve that have been filled."""
        for table in self._targets(folds):
            if not table.serving and not table.failure:
                self._store.switch(table)

    def _targets(self, folds: Mapping[str, Fold]) -> list[ViewTable]:
        """The tables to bring forward, those of changed or new definitions made on the way."""
        tables = self._store.tables()
        current = {t.fold.name for t in tables if t.fold.hash == _hash(folds, t.fold.name)}
        for name in folds.keys() - current:
            if self._served.get(name) == folds[name].hash:
                raise BadUsage(
                    f"{name}: expected the definition that this process has read, found another one "
                    f"in its place; start it again, so that it reads its files anew"
                )
            self._store.create(folds[name])
        if folds.keys() - current:
            tables = self._store.tables()
        for table in tables:
            serves_alike = table.serving and table.fold.hash == _hash(folds, table.fold.name)
            if serves_alike:
                for other in tables:
                    stale = (
                        other.fold.name == table.fold.name and other.fold.hash != table.fold.hash
                    )
                    if stale and not other.serving and not self._served:
                        self._store.discard(other)  # the file was changed back
        ours = [t for t in tables if t.fold.hash == _hash(folds, t.fold.name)]
        self._served |= {t.fold.name: t.fold.hash for t in ours if t.serving}
        return ours

    def _advance(
        self,
        group: list[ViewTable],
        source: EventSource,
        to: int,
        reached: Callable[[int], object],
    ) -> bool:
        """Bring tables that stand at one position up to another; whether none has stopped before."""
        if to - group[0].position <= self._deep:
            return self._in_batches(group, source, to, reached)
        if isinstance(source, Scannable):
            return self._one_sweep(group, source, to, reached)
        return self._one_stride(group, source, to, reached)

    def _one_sweep(
        self,
        group: list[ViewTable],
        source: Scannable,
        to: int,
        reached: Callable[[int], object],
    ) -> bool:
        """Fold up to `to`, a table after the other, so that the rows of one are held at a time.

        A table that cannot goes on alone, by half the way.
        """
        start, stuck, done = group[0].position, list[ViewTable](), 0

        def told(part: float) -> None:
            reached(start + int((to - start) * (done + part) / len(group)))

        with scanned(source, _needs(group), start, to, lambda _: reached(start)) as scan:
            for done, table in enumerate(group):  # noqa: B007 — it is told from there
                rows = scan.fold(table.fold, told)
                told(1)
                stuck += self._merge([table], [rows], start, to)
                if not isinstance(rows, CannotFold) and rows.nbytes > HEAVY:
                    self._sweep = max((to - start) // 2, self._deep + 1)
        went = [self._by_halves(table, source, to, reached) for table in stuck]
        return all(went)

    def _by_halves(
        self, table: ViewTable, source: EventSource, to: int, reached: Callable[[int], object]
    ) -> bool:
        start = table.position
        if to - start <= self._max_batch:
            return self._in_batches([table], source, to, reached)
        middle = start + (to - start) // 2
        there = replace(table, position=middle)
        return self._advance([table], source, middle, reached) and self._advance(
            [there], source, to, reached
        )

    def _one_stride(
        self,
        group: list[ViewTable],
        source: EventSource,
        to: int,
        reached: Callable[[int], object],
    ) -> bool:
        """Fold up to `to` in one pass; those that cannot are taken there batch by batch."""
        start, needs = group[0].position, _needs(group)
        events = in_order(source.batches(start, needs, upto=to, size=self._max_batch), start, to)
        told = _telling(events, reached)
        results = self._folder.fold_stream([t.fold for t in group], relation.schema(needs), told)
        stuck = self._merge(group, results, start, to)
        weight = sum(rows.nbytes for rows in results if not isinstance(rows, CannotFold))
        if weight > HEAVY:
            self._work = max((to - start) // 2, self._deep + 1) * len(group)
        return not stuck or self._in_batches(stuck, source, to, lambda _: None)

    def _in_batches(
        self,
        group: list[ViewTable],
        source: EventSource,
        upto: int,
        reached: Callable[[int], object],
    ) -> bool:
        """Fold up to `upto` a batch at a time; a table that cannot stops at the very event."""
        start, needs, begun = group[0].position, _needs(group), len(group)
        size = min(max(upto - start, MIN_BATCH), self._max_batch)
        for batch in in_order(source.batches(start, needs, upto=upto, size=size), start, upto):
            to = batch.column("position")[-1].as_py()
            events = pa.Table.from_batches([batch])
            folded = self._folder.fold_batch([table.fold for table in group], events)
            stuck = self._merge(group, folded, start, to)
            for table in stuck:
                self._stop_at_the_event(table, events, start)
            group = [table for table in group if table not in stuck]
            start = to
            reached(to)
            if not group:
                break
        return len(group) == begun

    def _merge(
        self,
        group: Sequence[ViewTable],
        folded: Sequence[pa.Table | CannotFold],
        start: int,
        to: int,
    ) -> list[ViewTable]:
        """Merge what was folded and move on; the tables that could not, as they were."""
        gone, now_gone = self._forgotten(start, to)
        moves = [
            Move(table, without(table.fold, rows, gone), now_gone)
            for table, rows in zip(group, folded, strict=True)
            if not isinstance(rows, CannotFold)
        ]
        refused = self._store.advance(start, to, moves) if moves else {}
        passed = {move.table.id for move in moves} - refused.keys()
        return [table for table in group if table.id not in passed]

    def _forgotten(self, start: int, to: int) -> tuple[frozenset[UUID], frozenset[UUID]]:
        """Whose rows are not kept, and whose go at the events after `start` up to `to`.

        Asked after these were read: so whoever is gone by any of them is among the first.
        """
        if self._gone is None:
            return frozenset(), frozenset()
        return self._gone.now(), self._gone.between(start, to)

    def _stop_at_the_event(self, table: ViewTable, events: pa.Table, start: int) -> None:
        """Take the events up to the one that cannot be taken, and mark the table as stopped there.

        Since folds merge, applying the first half and then half of the rest is the same as applying
        both at once: the event is found in as many steps as the batch has binary digits.
        """
        good, bad = 0, events.num_rows
        positions = events.column("position")
        while good < bad:
            middle = good + max(1, (bad - good) // 2)
            to = positions[middle - 1].as_py()
            part = events.slice(good, middle - good)
            (rows,) = self._folder.fold_batch([table.fold], part)
            if isinstance(rows, CannotFold):
                why = str(rows)
            else:
                gone, now_gone = self._forgotten(start, to)
                move = Move(table, without(table.fold, rows, gone), now_gone)
                why = self._store.advance(start, to, [move]).get(table.id, "")
            if not why:
                good, start = middle, to
                bad = events.num_rows if good == bad else bad
            elif middle - good == 1:
                self._store.fail(table, start, Failure(positions[good].as_py(), why))
                return
            else:
                bad = middle


def _hash(folds: Mapping[str, Fold], name: str) -> str | None:
    return folds[name].hash if name in folds else None


def _needs(group: Sequence[ViewTable]) -> tuple[str, ...]:
    """The columns of events that any of them reads, in the relation's order."""
    wanted = {column for table in group for column in table.fold.needs}
    return tuple(column for column in relation.columns() if column in wanted)


def _telling(
    batches: Iterator[pa.RecordBatch], reached: Callable[[int], object]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch
        reached(batch.column("position")[-1].as_py())
