"""Events from a source, each once and in order, whatever the source delivers again."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from ledger.errors import BookAltered

_LOST = "no event from the source"


def in_order(batches: Iterable[pa.RecordBatch], start: int, upto: int) -> Iterator[pa.RecordBatch]:
    """The events of (start, upto], each once: what is delivered again is dropped.

    Raises `BookAltered` at a position that is missing: an event passed over would be lost for ever.
    """
    reached = start
    for given in batches:
        batch = _unseen(given, reached)
        if batch.num_rows == 0:
            continue
        reached = _demand_gapless(batch, reached)
        yield batch
    if reached < upto:
        raise BookAltered(reached + 1, _LOST)


def _unseen(batch: pa.RecordBatch, reached: int) -> pa.RecordBatch:
    positions = batch.column("position")
    if batch.num_rows == 0 or positions[-1].as_py() - positions[0].as_py() + 1 == batch.num_rows:
        seen = 0 if batch.num_rows == 0 else reached + 1 - positions[0].as_py()
        return batch.slice(min(max(seen, 0), batch.num_rows))
    keep = []
    for position in positions.to_pylist():
        keep.append(position > reached)
        reached = max(reached, position)
    return batch.filter(pa.array(keep))


def _demand_gapless(batch: pa.RecordBatch, reached: int) -> int:
    positions: list[int] = batch.column("position").to_pylist()
    if positions != list(range(reached + 1, reached + 1 + len(positions))):
        for expected, came in enumerate(positions, reached + 1):
            if came != expected:
                raise BookAltered(expected, _LOST)
    return positions[-1]
