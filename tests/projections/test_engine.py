"""Each event once, whatever crashes and whoever else is working; a failing fold stops alone."""

import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledger.errors import BadUsage, BookAltered, FoldFailed
from ledger.event import Event
from projections import State, Views
from projections.definition import Fold, parse_fold
from projections.engine import Engine
from projections.folding import Folder
from projections.reading import Asked, fold_rows
from projections.sqlite import SqliteViews
from projections.store import TOO_LARGE, Move, Overtaken, ViewStore, ViewTable
from tests.ledger.processes import Born
from tests.projections.places import tables_at
from tests.projections.source import START, MemorySource, ScannedSource, as_raw, columns_of, shop
from tests.projections.worker import SOME
from tests.projections.worker import main as work

TOTAL = parse_fold(
    "total", "-- total: amounts.\nSELECT source, sum(points) AS points FROM events GROUP BY source"
)
SEEN = parse_fold(
    "seen", "-- seen: events.\nSELECT source, count(*) AS n FROM events GROUP BY source"
)
HUGE = 2**53 - 1


def _points(*points: int | None) -> list[Event]:
    return [
        replace(event, data={} if given is None else {"points": given}, source="web")
        for event, given in zip(shop(len(points), 2), points, strict=True)
    ]


def _rows(store: ViewStore, fold: Fold) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = fold_rows(store, fold, Asked(START)).to_pylist()
    return rows


def _table(store: ViewStore, name: str) -> ViewTable:
    return next(table for table in store.tables() if table.fold.name == name)


# A sum of squares overflows after few events, though each point is a number that JSON can hold.
SQUARES = parse_fold(
    "squares",
    "-- squares: overflow.\nSELECT source, sum(points * 1000) AS total FROM events GROUP BY source",
)


@pytest.mark.parametrize(
    ("kind", "deep"),
    [(MemorySource, 0), (MemorySource, 10**9), (ScannedSource, 200)],
    ids=["in strides", "in batches", "in sweeps and halves of them"],
)
@pytest.mark.parametrize("bad", [1, 1025, 1700])
def test_an_overflowing_fold_stops_at_the_very_event_and_the_others_go_on(
    store: ViewStore, kind: type[MemorySource], deep: int, bad: int
) -> None:
    points: list[int | None] = [1] * 1800
    points[bad - 1] = HUGE
    points[bad : bad + 1] = [HUGE] if bad < 1700 else [1]
    stops = bad + 1 if bad < 1700 else None
    source = kind.of(_points(*points))
    engine = Engine(store, max_batch=100, deep=deep, stride=900, sweep=900)

    positions = engine.catch_up({"squares": SQUARES, "seen": SEEN}, source)

    assert _rows(store, SEEN) == [{"source": "web", "n": 1800}]
    failure = _table(store, "squares").failure
    if stops is None:
        assert (failure, positions) == (None, {"squares": 1800, "seen": 1800})
    else:
        assert failure is not None
        assert (failure.position, failure.why) == (stops, "a total is too large for its column")
        assert positions == {"squares": stops - 1, "seen": 1800}
        assert _rows(store, SQUARES) == [
            {"source": "web", "total": sum(p or 0 for p in points[: stops - 1]) * 1000}
        ]
    engine.close()


def test_a_value_that_cannot_be_folded_is_found_and_named_without_being_shown(
    store: ViewStore,
) -> None:
    parsing = parse_fold(
        "parsing",
        "-- parsing: numbers.\n"
        "SELECT source, sum(campaign::BIGINT) AS n FROM events GROUP BY source",
    )
    events = [replace(e, source="web", tags=("campaign:7",)) for e in shop(500, 3)]
    events[317] = replace(events[317], tags=("campaign:secret",))
    engine = Engine(store)
    assert engine.catch_up({"parsing": parsing}, MemorySource.of(events)) == {"parsing": 317}
    failure = _table(store, "parsing").failure
    assert failure is not None
    assert failure.position == 318
    assert "secret" not in failure.why
    assert _rows(store, parsing) == [{"source": "web", "n": 317 * 7}]

    # It stays where it stopped, until its file is changed: then it starts anew.
    assert engine.catch_up({"parsing": parsing}, MemorySource.of(events)) == {"parsing": 317}
    changed = parse_fold(
        "parsing",
        "-- parsing: numbers, where they are.\n"
        "SELECT source, sum(TRY_CAST(campaign AS BIGINT)) AS n FROM events GROUP BY source",
    )
    assert engine.catch_up({"parsing": changed}, MemorySource.of(events)) == {"parsing": 500}
    assert _rows(store, changed) == [{"source": "web", "n": 499 * 7}]
    assert [table.fold.hash for table in store.tables()] == [changed.hash]
    engine.close()


@pytest.mark.parametrize(
    ("kept", "new"), [(2**63 - 1, 1), (-(2**63), -1), (-(2**63), -600), (2**62, 2**62)]
)
def test_a_sum_past_64_bits_fails_and_is_never_rounded(
    store: ViewStore, kept: int, new: int
) -> None:
    """-2^63 - 1 as a REAL is -2^63: were it taken for that integer, nobody would see it."""
    table = store.create(TOTAL)
    rows = [
        pa.table({"source": ["web"], "points": pa.array([value], pa.int64())}, schema=TOTAL.stored)
        for value in (kept, new)
    ]
    assert store.advance(0, 1, [Move(table, rows[0])]) == {}
    assert store.advance(1, 2, [Move(table, rows[1])]) == {table.id: TOO_LARGE}
    assert _rows(store, TOTAL) == [{"source": "web", "points": kept}]
    assert _table(store, "total").position == 1


def test_a_zombie_changes_nothing(store: ViewStore) -> None:
    """Who read the position before somebody else moved it is refused, with all that it brought."""
    events = columns_of(as_raw(_points(5, 6)))
    total, seen = store.create(TOTAL), store.create(SEEN)
    folder = Folder()
    rows = [Move(seen, folder.fold(SEEN, events)), Move(total, folder.fold(TOTAL, events))]
    store.advance(0, 2, rows[1:])
    with pytest.raises(Overtaken):
        store.advance(0, 2, rows)
    assert _rows(store, TOTAL) == [{"source": "web", "points": 11}]
    assert (_rows(store, SEEN), _table(store, "seen").position) == ([], 0)
    folder.close()


def test_one_reading_feeds_all_folds_and_a_late_one_catches_up_alone(store: ViewStore) -> None:
    events = shop(900, 5)
    engine = Engine(store)
    source = MemorySource.of(events[:600])
    engine.catch_up({"total": TOTAL}, source)
    source = MemorySource.of(events)
    engine.catch_up({"total": TOTAL, "seen": SEEN}, source)
    assert source.reads == [
        (0, ("position", "source")),
        (600, ("position", "source", "points")),
    ]
    engine.close()


def test_a_missing_position_is_an_error_and_not_a_lost_event(store: ViewStore) -> None:
    raw = as_raw(shop(9, 2))
    gap = pa.concat_tables([raw.slice(0, 4), raw.slice(5)])
    engine = Engine(store)
    with pytest.raises(BookAltered) as missing:
        engine.catch_up({"seen": SEEN}, MemorySource(gap))
    assert missing.value.position == 5
    engine.close()


def test_a_stride_reports_what_the_source_raised(store: ViewStore) -> None:
    class Broken(MemorySource):
        def batches(self, *args: Any, **kwargs: Any) -> Iterator[pa.RecordBatch]:
            yield from list(super().batches(*args, **kwargs))[:2]
            raise ConnectionError

    engine = Engine(store, deep=0)
    with pytest.raises(ConnectionError):
        engine.catch_up({"seen": SEEN, "total": TOTAL}, Broken.of(shop(90, 2), cuts=[10]))
    assert {table.position for table in store.tables()} == {0}
    engine.close()


def test_the_old_view_serves_while_a_changed_one_is_filled(tmp_path: Path, at: Path | str) -> None:
    """Readers see the former rows, whole, up to the moment of the switch."""
    (tmp_path / "own" / "folds").mkdir(parents=True)
    path = tmp_path / "own" / "folds" / "seen_by.sql"
    text = "-- seen_by: events.\nSELECT source, count(*) AS n FROM events GROUP BY source"
    path.write_text(text)
    source = MemorySource.of(shop(600, 5))
    views = Views.open(at, [tmp_path / "own"])
    views.catch_up(source)
    before = views.rows("seen_by").to_pylist()
    path.write_text(text.replace("count(*) AS n", "count(*) AS n, max(occurred_at) AS last_seen"))
    views.close()

    views = Views.open(at, [tmp_path / "own"])
    during: list[tuple[Any, str]] = []

    def watch(_reached: int, head: int) -> None:
        line = next(line for line in views.list(head) if line.name == "seen_by")
        during.append((views.rows("seen_by").to_pylist(), line.state))

    assert next(x for x in views.list(600) if x.name == "seen_by").state is State.REBUILDING
    views.catch_up(source, watch)
    assert during == [(before, State.REBUILDING)]
    after = views.rows("seen_by").to_pylist()
    assert [{k: row[k] for k in ("source", "n")} for row in after] == before
    assert all(row["last_seen"] is not None for row in after)
    assert next(x for x in views.list(600) if x.name == "seen_by").state is State.CURRENT
    views.close()
    assert sum("seen_by_" in name for name in tables_at(at)) == 1


def test_a_changed_comment_does_not_rebuild_and_a_file_changed_back_is_current_again() -> None:
    text = "-- seen: {}\nSELECT source, count(*) AS n FROM events {} GROUP BY source"
    one, same, other = (
        parse_fold("seen", text.format(*filled))
        for filled in (("events", ""), ("all events!", "\n\n"), ("events", "WHERE type = 'a'"))
    )
    assert one.hash == same.hash != other.hash
    assert Fold.from_json(one.to_json()) == one


def test_a_file_changed_back_drops_what_was_being_filled(store: ViewStore) -> None:
    source = MemorySource.of(shop(50, 2))
    changed = parse_fold(
        "seen", "-- seen: events.\nSELECT type, count(*) AS n FROM events GROUP BY type"
    )
    engine = Engine(store)
    engine.catch_up({"seen": SEEN}, source)
    engine.close()
    store.create(changed)
    with closing(Engine(store)) as another:  # which has read its files just now
        another.catch_up({"seen": SEEN}, source)
    assert [(t.fold.hash, t.serving) for t in store.tables()] == [(SEEN.hash, True)]


def test_a_definition_that_another_process_replaced_is_not_brought_back(store: ViewStore) -> None:
    source = MemorySource.of(shop(50, 2))
    changed = parse_fold(
        "seen", "-- seen: events.\nSELECT type, count(*) AS n FROM events GROUP BY type"
    )
    with closing(Engine(store)) as old, closing(Engine(store)) as new:
        old.catch_up({"seen": SEEN}, source)
        store.create(changed)
        old.catch_up({"seen": SEEN}, source)
        assert len(store.tables()) == 2, "what another process fills is not ours to drop"
        new.catch_up({"seen": changed}, source)
        with pytest.raises(BadUsage, match="expected the definition that this process has read"):
            old.catch_up({"seen": SEEN}, source)
    assert [(t.fold.hash, t.serving) for t in store.tables()] == [(changed.hash, True)]


def test_a_failed_rebuild_leaves_the_former_view_serving(tmp_path: Path, at: Path | str) -> None:
    (tmp_path / "own" / "folds").mkdir(parents=True)
    path = tmp_path / "own" / "folds" / "totals.sql"
    text = "-- totals: points.\nSELECT source, sum(points) AS p FROM events GROUP BY source"
    path.write_text(text)
    source = MemorySource.of(_points(HUGE, HUGE))
    views = Views.open(at, [tmp_path / "own"])
    views.catch_up(source)
    path.write_text(text.replace("points)", "points * 1000)"))
    views.close()

    views = Views.open(at, [tmp_path / "own"])
    with pytest.raises(FoldFailed, match="stopped before position 2: a total is too large"):
        views.rebuild("totals", source)
    assert views.rows("totals").to_pylist() == [{"source": "web", "p": 2 * HUGE}]
    line = next(line for line in views.list(2) if line.name == "totals")
    assert (line.state, line.position, str(line.failure)) == (
        State.FAILED,
        2,
        "fold totals stopped before position 2: a total is too large for its column",
    )
    views.close()


def _start(views: Path | str, events: Path, task: str, dies_at: int | None = None) -> Born:
    worker = Born(work, str(views), str(events), task, dies_at)
    assert worker.heard() == "ready"
    return worker


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MemorySource]:
    source = MemorySource.of(shop(1500, 120, seed=7))
    path = tmp_path_factory.mktemp("history") / "events.parquet"
    pq.write_table(source.raw, path)
    return path, source


def _demand_equal_to_fresh(views: Path | str, source: MemorySource) -> None:
    opened = Views.open(views)
    for name in SOME:
        fresh = opened.rows(name, source=source, known_upto=source.head())
        assert opened.rows(name).equals(fresh), name
    assert opened.rows("customer_360").num_rows > 0
    opened.close()


def test_two_engines_on_one_store_count_each_event_once(
    at: Path | str, history: tuple[Path, MemorySource]
) -> None:
    path, source = history
    views = at
    both = [_start(views, path, "catch_up") for _ in range(2)]
    for process in both:
        process.tell()
    assert [process.end()[0] for process in both] == [0, 0]
    _demand_equal_to_fresh(views, source)


# SQLite tells of each row.
_STATEMENTS = {
    ("catch_up", Path): (150, 1999),
    ("rebuild", Path): (90, 900),
    ("catch_up", str): (17, 120),
    ("rebuild", str): (23, 90),
}


@pytest.mark.parametrize("task", ["catch_up", "rebuild"])
def test_killed_at_any_statement_the_work_goes_on_to_the_same_rows(
    at: Path | str, history: tuple[Path, MemorySource], task: str
) -> None:
    path, source = history
    views, statements = at, _STATEMENTS[task, str if isinstance(at, str) else Path]
    if task == "rebuild":
        first = Views.open(views)
        first.catch_up(source)
        first.close()
    for statement in statements:
        process = _start(views, path, task, statement)
        process.tell()
        assert process.end()[0] == -signal.SIGKILL
        if task == "rebuild":
            _demand_equal_to_fresh(views, source)  # the former one serves
    last = Views.open(views)
    assert {line.state for line in last.list(source.head())} != {State.CURRENT}
    last.catch_up(source)
    assert {line.state for line in last.list(source.head())} == {State.CURRENT}
    last.close()
    _demand_equal_to_fresh(views, source)


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    with closing(SqliteViews(tmp_path / "views.db")) as store:
        store.create(SEEN)
        assert store.take_turn(0) is not None
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    names = ("views.db", "views.db-wal", "views.db-shm", "views.turn")
    assert modes == dict.fromkeys(names, "0o600")


def test_views_of_the_past_do_not_wait_for_a_clock(tmp_path: Path) -> None:
    """As-of is inclusive to the microsecond."""
    events = shop(50, 2)
    source = MemorySource.of(events)
    views = Views.open(tmp_path / "views.db")
    last = max(event.occurred_at for event in events)
    at, just_before = (
        sum(views.rows("daily", source=source, as_of=moment).column("events").to_pylist())
        for moment in (last, last - timedelta(microseconds=1))
    )
    assert at == 50 > just_before
    views.close()
