"""Folding by DuckDB's own scan: the same rows as by batches, nothing missing or twice, and it stops when told."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.errors import BookAltered
from projections import keeping
from projections.definition import parse_fold
from projections.engine import Engine
from projections.reading import Asked, rows_of_folds
from projections.store import ViewStore
from projections.views import load
from tests.projections.places import KINDS, opened
from tests.projections.source import START, MemorySource, ScannedSource, as_raw, shop
from tests.projections.worker import SOME

FOLDS = {name: fold for name, fold in load()[0].items() if name in {*SOME, "customer_product"}}
SEEN = parse_fold(
    "seen", "-- seen: events.\nSELECT source, count(*) AS n FROM events GROUP BY source"
)


def rows(store: ViewStore) -> Mapping[str, pa.Table]:
    return rows_of_folds(store, [*FOLDS.values()], Asked(START))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=2, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 999), st.integers(40, 90), st.integers(7, 60), st.integers(0, 30))
def test_rows_are_those_of_batches_however_the_way_is_cut(
    kind: str, postgres_url: str, seed: int, count: int, sweep: int, deep: int
) -> None:
    events = shop(count, 4, seed)
    source = ScannedSource.of(events)
    with opened(kind, postgres_url) as swept, opened("sqlite", postgres_url) as batched:
        with closing(Engine(swept, sweep=sweep, deep=deep)) as engine:
            engine.catch_up(FOLDS, source)
        with closing(Engine(batched)) as engine:
            engine.catch_up(FOLDS, MemorySource.of(events))
        expected = rows(batched)
        assert rows(swept) == expected
        assert source.scans == [
            (start, min(start + sweep, count))
            for start in range(0, count, sweep)
            if min(sweep, count - start) > deep
        ]
        past = Asked(START, source=source, known_upto=count)
        assert rows_of_folds(swept, [*FOLDS.values()], past) == expected
        then = START.replace(month=1, day=2)
        limits: list[dict[str, Any]] = [{"as_of": then}, {"as_of": then, "known_upto": count // 2}]
        for limit in limits:
            both = [
                rows_of_folds(swept, [*FOLDS.values()], Asked(START, source=one, **limit))
                for one in (source, MemorySource.of(events))
            ]
            assert both[0] == both[1]


def with_places(places: Sequence[int]) -> ScannedSource:
    """A source that has the events of these places, of nine that there are."""
    raw = as_raw(shop(9, 2))
    source = ScannedSource(pa.concat_tables([raw.slice(place - 1, 1) for place in places]))
    source.head = lambda: 9  # type: ignore[method-assign]
    return source


@pytest.mark.parametrize(
    ("places", "position"),
    [
        ([1, 2, 3, 4, 6, 7, 8, 9], 5),
        ([2, 3, 4, 5, 6, 7, 8, 9], 1),
        ([1, 2, 3, 4, 5, 6, 7, 8], 9),
        ([1, 2, 3, 4, 4, 6, 7, 8, 9], 5),
        ([1, 2, 3, 4, 4, 5, 6, 7, 8, 9], 4),
        ([], 1),
    ],
)
def test_a_position_that_is_missing_or_twice_is_an_error(
    store: ViewStore, places: list[int], position: int
) -> None:
    source = with_places(places) if places else ScannedSource(as_raw(shop(9, 2)).slice(0, 0))
    source.head = lambda: 9  # type: ignore[method-assign]
    with closing(Engine(store, deep=0)) as engine, pytest.raises(BookAltered) as missing:
        engine.catch_up({"seen": SEEN}, source)
    assert missing.value.position == position
    assert {table.position for table in store.tables()} == {0}


def test_events_past_the_end_that_was_asked_for_are_an_error(store: ViewStore) -> None:
    class TooMany(ScannedSource):
        def scan(self, *args: Any, **kwargs: Any) -> Any:
            return super().scan(*args, after=kwargs["after"], upto=9)

    source = TooMany.of(shop(9, 2))
    with closing(Engine(store, deep=0, sweep=5)) as engine, pytest.raises(BookAltered):
        engine.catch_up({"seen": SEEN}, source)


class Endless(ScannedSource):
    """A source whose events come for ever, but for the look at their positions."""

    begun = threading.Event()

    @contextmanager
    def scan(
        self,
        connection: duckdb.DuckDBPyConnection,
        columns: Sequence[str],
        *,
        after: int = 0,
        upto: int | None = None,
    ) -> Iterator[str]:
        with super().scan(connection, columns, after=after, upto=upto) as events:
            # Whoever reads the source, and not positions alone, waits for each of 10^14 rows.
            forever = (
                "(SELECT max(xor(a.range, b.range)) FROM range(10000000) a, range(10000000) b)"
            )
            named = ", ".join(
                f'"{c}"' if c != "source" else f"concat(source, {forever}) AS source"
                for c in columns
            )
            yield f"(SELECT {named} FROM {events})"


def test_a_scan_ends_soon_when_it_is_told_to(store: ViewStore) -> None:
    """Nothing of it is kept, and the next one begins where it began."""
    source = Endless.of(shop(300, 3))
    asked: list[None] = []

    def stopped() -> bool:
        asked.append(None)
        return len(asked) > 3

    class Waiting(Endless):
        def wait(self, after: int, timeout_s: float) -> int:
            raise AssertionError("expected it to be at work")

    waiting = Waiting(source.raw)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keeping, "Engine", lambda *given: Engine(*given, deep=0))
        keeping.run(store, {"seen": SEEN}, waiting, stopped)
    assert len(asked) > 3
    assert {table.position for table in store.tables()} == {0}
