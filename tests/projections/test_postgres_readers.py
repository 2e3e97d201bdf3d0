"""Views on a server: readers amid changes, lost connections, and that they are what they should be."""

import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest

from ledger.errors import FoldFailed, StoreUnavailable
from ledger.stores import open_book
from projections import State, Views
from projections.definition import Fold
from projections.engine import Engine
from projections.postgres import PostgresViews
from projections.store import Move, Overtaken, ViewStore
from projections.views import load
from replay.verify import verify_views
from tests.projections.places import BY_COPY, opened, plain, tables_at
from tests.projections.source import MemorySource, shop
from tests.projections.test_engine import HUGE, SEEN, _points, _rows, _table

_ROOT = Path(__file__).parents[2]
FOLDS = load()[0]


def test_readers_see_a_view_whole_at_every_moment_of_many_switches(server_at: str) -> None:
    source = MemorySource.of(shop(200, 10))
    over = threading.Event()
    problems: list[object] = []
    looks = [0, 0, 0]

    def look(how: int) -> None:
        with plain(server_at) as session:
            while not over.is_set():
                if how == 2:
                    found = session.execute("SELECT sum(n)::int FROM seen").fetchone()
                    whole = found == (200,)
                else:
                    kept = reading.read("seen", [("source", ["web", "crm"])] if how else [])
                    whole = kept is not None and sum(kept.rows["n"].to_pylist()) == 200
                    whole = whole and kept is not None and kept.table.position == 200
                looks[how] += 1
                if not whole:
                    problems.append(how)

    with (
        closing(PostgresViews(server_at)) as writing,
        closing(PostgresViews(server_at)) as reading,
        closing(Engine(writing)) as engine,
    ):
        engine.catch_up({"seen": SEEN}, source)
        readers = [threading.Thread(target=look, args=(how,)) for how in range(3)]
        for reader in readers:
            reader.start()
        switches, deadline = 0, time.monotonic() + 60
        while switches < 12 or (min(looks) <= 12 and time.monotonic() < deadline):
            writing.create(SEEN)
            engine.catch_up({"seen": SEEN}, source)
            switches += 1
        over.set()
        for reader in readers:
            reader.join()
        assert _table(writing, "seen").generation == 1 + switches
    assert problems == []
    assert min(looks) > 12


def test_rows_and_position_are_read_in_one_snapshot(server_at: str) -> None:
    source = MemorySource.of(shop(500, 10))
    apart: list[tuple[int, int]] = []
    over = threading.Event()

    def look(where: list[tuple[str, list[str]]]) -> None:
        while not over.is_set():
            kept = reading.read("seen", where)
            if kept is not None:
                whole = sum(kept.rows["n"].to_pylist())
                if whole != kept.table.position:
                    apart.append((whole, kept.table.position))

    with (
        closing(PostgresViews(server_at)) as writing,
        closing(PostgresViews(server_at)) as reading,
        closing(Engine(writing, max_batch=2)) as engine,
    ):
        readers = [
            threading.Thread(target=look, args=(where,))
            for where in ([], [("source", ["web", "crm"])])
        ]
        for reader in readers:
            reader.start()
        engine.catch_up({"seen": SEEN}, source)
        over.set()
        for reader in readers:
            reader.join()
    assert apart == []


def test_a_switch_does_not_wait_without_end_for_somebody_who_reads(
    server_at: str, server_store: ViewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.postgres.store._SWITCH_WAIT", "50ms")
    source = MemorySource.of(shop(50, 3))
    with closing(Engine(server_store)) as engine, plain(server_at) as session:
        engine.catch_up({"seen": SEEN}, source)
        new = server_store.create(SEEN)
        with session.transaction():
            session.execute("SELECT * FROM seen")
            engine.catch_up({"seen": SEEN}, source)
            assert [(t.serving, t.position) for t in server_store.tables()] == [
                (True, 50),
                (False, 50),
            ]
        engine.catch_up({"seen": SEEN}, MemorySource.of(shop(60, 3)))
        assert [(t.id, t.position) for t in server_store.tables()] == [(new.id, 60)]


@pytest.mark.parametrize("kind", ["postgres", BY_COPY])
def test_connections_that_are_cut_amid_batches_lose_nothing_and_double_nothing(
    kind: str, postgres_url: str
) -> None:
    source = MemorySource.of(shop(2_400, 90, seed=5))
    names = ("customer_360", "customer_month", "daily")
    folds = {name: FOLDS[name] for name in names}
    over, cuts = threading.Event(), [0]

    def cut() -> None:
        pause = 0.1  # longer each time: a busy machine may need more than that to get anywhere
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            while not over.wait(pause):
                pause *= 1.2
                found = admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'bahi views %' AND datname = current_database()"
                )
                cuts[0] += found.rowcount

    with (
        opened(kind, postgres_url) as store,
        closing(Engine(store, max_batch=60, deep=9_999)) as engine,
    ):
        cutter = threading.Thread(target=cut)
        cutter.start()
        try:
            engine.catch_up(folds, source)
        finally:
            over.set()
            cutter.join()
        assert cuts[0] > 3
        assert {t.position for t in store.tables()} == {2_400}
        for name, fold in folds.items():
            kept = store.read(name)
            assert kept is not None
            (fresh,) = engine._folder.fold_batch([fold], _all(source, fold))
            assert kept.rows.equals(fresh), name


def _all(source: MemorySource, fold: Fold) -> pa.Table:
    batches = source.batches(0, fold.needs, size=source.head())
    return pa.Table.from_batches(batches)


def test_a_move_whose_answer_was_lost_is_found_to_be_made(server_store: ViewStore) -> None:
    source = MemorySource.of(shop(40, 3))
    with closing(Engine(server_store)) as engine:
        table = server_store.create(SEEN)
        (rows,) = engine._folder.fold_batch([SEEN], _all(source, SEEN))
        assert server_store.advance(0, 40, [Move(table, rows)]) == {}
        with pytest.raises(Overtaken):
            server_store.advance(0, 40, [Move(table, rows)])
        assert sum(row["n"] for row in _rows(server_store, SEEN)) == 40


def test_views_are_verified_where_they_are(server_at: str) -> None:
    with open_book(server_at) as book, closing(Views.open(server_at)) as views:
        book.append(shop(300, 20))
        views.catch_up(book)
        assert set(verify_views(book, views).values()) == {None}
        with plain(server_at) as session:
            table = _table(views._store, "customer_360").id
            session.execute(f'UPDATE "{table}" SET orders = orders + 1 WHERE orders > 3'.encode())
        wrong = {name: what for name, what in verify_views(book, views).items() if what}
        assert [*wrong] == ["customer_360"]
        views.rebuild("customer_360", book)
        assert set(verify_views(book, views).values()) == {None}
        assert {line.state for line in views.list(300)} == {State.CURRENT}
    assert sum(name.startswith("_customer_360_") for name in tables_at(server_at)) == 1


def test_a_fold_that_stopped_is_said_to_have(server_at: str, tmp_path: Path) -> None:
    (tmp_path / "folds").mkdir()
    text = "-- big: overflow.\nSELECT source, sum(points * 1000) AS p FROM events GROUP BY source"
    (tmp_path / "folds" / "big.sql").write_text(text)
    with closing(Views.open(server_at, [tmp_path])) as views:
        views.catch_up(MemorySource.of(_points(1, HUGE, HUGE)))
        (failure,) = views.failures()
    assert isinstance(failure, FoldFailed)
    assert str(failure).startswith("fold big stopped before position 3: a total is too large")


def test_an_embedded_book_loads_no_drivers(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from projections import Views;"
        f"Views.open(pathlib.Path({str(tmp_path / 'views.db')!r})).close();"
        "print([m for m in ('psycopg', 'adbc_driver_postgresql') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_view_whose_table_somebody_took_away_is_told_of_and_not_waited_for(
    server_at: str,
) -> None:
    with closing(PostgresViews(server_at)) as store, closing(Engine(store)) as engine:
        engine.catch_up({"seen": SEEN}, MemorySource.of(shop(30, 3)))
        table = _table(store, "seen").id
        with plain(server_at) as session:
            session.execute(f'DROP TABLE "{table}" CASCADE'.encode())
        for where in ([], [("source", ["web"])]):
            with pytest.raises(StoreUnavailable, match=f"seen: expected its table {table}"):
                store.read("seen", where)
