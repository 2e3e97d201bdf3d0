"""Keeping folds current: one reading of the log feeds all that stand at the same place.

A batch is folded in DuckDB and merged into the store together with the position, so that each
event counts once whatever crashes, and whoever else works the same folds. A fold that cannot take
an event stops there, loudly and alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import pyarrow as pa

from ledger import relation
from ledger.relation import EventSource
from projections.definition import Fold
from projections.folding import CannotFold, Folder
from projections.ordered import in_order
from projections.store import CannotMerge, Failure, Overtaken, ViewStore, ViewTable, Writer

Progress = Callable[[int, int], None]
"""Told the position reached and the position aimed at."""

MIN_BATCH, MAX_BATCH = 1_000, 100_000
"""Events folded at once: as many as are waiting, within these."""
STRIDE = 2_000_000
"""Events of a deep backlog that are folded in one pass before their rows are merged and kept."""
DEEP = MAX_BATCH
"""A backlog this deep is folded in strides: the fewer merges, the faster."""


class Engine:
    """Brings the views of a store up to a source of events. One thread at a time."""

    def __init__(
        self,
        store: ViewStore,
        *,
        stride: int = STRIDE,
        max_batch: int = MAX_BATCH,
        deep: int = DEEP,
    ) -> None:
        self._store = store
        self._folder = Folder()
        self._stride = stride
        self._max_batch = max_batch
        self._deep = deep

    def close(self) -> None:
        self._folder.close()

    def catch_up(
        self, folds: Mapping[str, Fold], source: EventSource, progress: Progress | None = None
    ) -> dict[str, int]:
        """Fold everything up to the head as it is now; the position of each serving view.

        A changed definition is filled beside the table that serves, which is replaced when the new
        one has caught up. Views that failed stay where they stopped.
        Raises `BookAltered` where the source leaves a position out.
        """
        head = source.head()
        while group := self._furthest_behind(folds, head):
            start = group[0].position
            ahead = [t.position for t in self._targets(folds) if start < t.position < head]
            upto = min([*ahead, head])
            try:
                self._advance(
                    group, source, upto, lambda reached: progress and progress(reached, head)
                )
            except Overtaken:
                continue  # another engine did this part; see where things stand, and go on from there
        for table in self._targets(folds):
            if not table.serving and not table.failure:
                self._store.switch(table)
        return {
            t.fold.name: t.position
            for t in self._store.tables()
            if t.serving and t.fold.name in folds
        }

    def _targets(self, folds: Mapping[str, Fold]) -> list[ViewTable]:
        """The tables to bring forward, those of changed or new definitions made on the way."""
        tables = self._store.tables()
        current = {t.fold.name for t in tables if t.fold.hash == _hash(folds, t.fold.name)}
        for name in folds.keys() - current:
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
                    if stale and not other.serving:
                        self._store.discard(other)  # the file was changed back
        return [t for t in tables if t.fold.hash == _hash(folds, t.fold.name)]

    def _furthest_behind(self, folds: Mapping[str, Fold], head: int) -> list[ViewTable]:
        behind = [t for t in self._targets(folds) if not t.failure and t.position < head]
        start = min((t.position for t in behind), default=head)
        return [t for t in behind if t.position == start]

    def _advance(
        self,
        group: list[ViewTable],
        source: EventSource,
        upto: int,
        reached: Callable[[int], object],
    ) -> None:
        """Bring tables that stand at one position up to another."""
        position = group[0].position
        while upto - position > self._deep and group:
            to = min(upto, position + self._stride)
            group = self._one_stride(group, source, position, to, reached)
            position = to
        if group:
            self._in_batches(group, source, position, upto, reached)

    def _one_stride(
        self,
        group: list[ViewTable],
        source: EventSource,
        start: int,
        to: int,
        reached: Callable[[int], object],
    ) -> list[ViewTable]:
        """Fold (start, to] in one pass; those that cannot are taken there batch by batch."""
        needs = _needs(group)
        events = in_order(source.batches(start, needs, upto=to, size=self._max_batch), start, to)
        told = _telling(events, reached)
        results = self._folder.fold_stream([t.fold for t in group], relation.schema(needs), told)
        passed, stuck = [], []
        with self._store.transaction() as writer:
            for table, rows in zip(group, results, strict=True):
                if isinstance(rows, CannotFold) or not _merged(writer, table, start, to, rows):
                    stuck.append(table)
                else:
                    passed.append(table)
        if stuck:
            passed += self._in_batches(stuck, source, start, to, lambda _: None)
        return passed

    def _in_batches(
        self,
        group: list[ViewTable],
        source: EventSource,
        start: int,
        upto: int,
        reached: Callable[[int], object],
    ) -> list[ViewTable]:
        """Fold (start, upto] a batch at a time; the tables that came through."""
        needs = _needs(group)
        size = min(max(upto - start, MIN_BATCH), self._max_batch)
        for batch in in_order(source.batches(start, needs, upto=upto, size=size), start, upto):
            to = batch.column("position")[-1].as_py()
            events = pa.Table.from_batches([batch])
            folded = [self._try_fold(table.fold, events) for table in group]
            stuck = []
            with self._store.transaction() as writer:
                for table, rows in zip(group, folded, strict=True):
                    if rows is None or not _merged(writer, table, start, to, rows):
                        stuck.append(table)
            for table in stuck:
                self._stop_at_the_event(table, events, start)
            group = [table for table in group if table not in stuck]
            start = to
            reached(to)
            if not group:
                break
        return group

    def _try_fold(self, fold: Fold, events: pa.Table) -> pa.Table | None:
        try:
            return self._folder.fold(fold, events)
        except CannotFold:
            return None

    def _stop_at_the_event(self, table: ViewTable, events: pa.Table, start: int) -> None:
        """Take the events up to the one that cannot be taken, and mark the table as stopped there.

        Since folds merge, applying the first half and then half of the rest is the same as applying
        both at once: the event is found in as many steps as the batch has binary digits.
        """
        good, bad = 0, events.num_rows
        positions = events.column("position")
        why = ""
        with self._store.transaction() as writer:
            while bad - good > 0:
                middle = good + max(1, (bad - good) // 2)
                to = positions[middle - 1].as_py()
                try:
                    rows = self._folder.fold(table.fold, events.slice(good, middle - good))
                    writer.advance(table, start, to, rows)
                except (CannotFold, CannotMerge) as error:
                    if middle - good == 1:
                        why = str(error)
                        break
                    bad = middle
                else:
                    good, start = middle, to
                    bad = events.num_rows if good == bad else bad
            if good < events.num_rows:
                writer.fail(table, start, Failure(positions[good].as_py(), why))


def _hash(folds: Mapping[str, Fold], name: str) -> str | None:
    return folds[name].hash if name in folds else None


def _merged(writer: Writer, table: ViewTable, start: int, to: int, rows: pa.Table) -> bool:
    try:
        writer.advance(table, start, to, rows)
    except CannotMerge:
        return False
    return True


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
