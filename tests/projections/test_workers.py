"""Several who would keep the views: one does, the others wait, and nothing hangs on who it was."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from ledger.book import Book
from ledger.stores import open_book
from projections import Views, keeping
from projections.engine import Engine
from projections.store import ViewStore, ViewTable
from projections.stores import open_views
from tests.ledger.processes import Born
from tests.projections.places import KINDS
from tests.projections.source import MemorySource, shop
from tests.projections.test_engine import SEEN, TOTAL, _rows
from tests.projections.worker import main as work
from tests.servers import Postgres

_PATIENCE_S = 60.0
EVENTS = shop(4_000, 150, seed=3)


@dataclass
class Company:
    """A book, where its views are, and whoever keeps them."""

    address: str
    at: Path | str
    book: Book
    views: Views
    workers: list[Born] = field(default_factory=list)

    def start(self) -> Born:
        """A worker that has opened the views."""
        worker = Born(work, str(self.at), self.address, "run")
        self.workers.append(worker)
        assert worker.heard() == "ready"
        return worker

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.end()

    def append(self, first: int, last: int) -> None:
        self.book.append(EVENTS[first:last])

    def tables(self) -> list[ViewTable]:
        return self.views._store.tables()

    def is_current(self) -> bool:
        tables = self.tables()
        return bool(tables) and {t.position for t in tables if t.serving} == {self.book.head()}

    def demand_fresh(self) -> None:
        """Every fold's kept rows are what one finds who folds the book anew."""
        names = sorted(self.views.folds)
        assert {self.views.kept(name)[0] for name in names} == {self.book.head()}
        fresh = self.views.fresh(names, self.book, self.book.head())
        for name in names:
            assert self.views.kept(name)[1].equals(fresh[name]), name
        assert fresh["customer_360"].num_rows > 0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(params=KINDS)
def company(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Iterator[Company]:
    schema = f"w{uuid4().hex}"
    address, at = f"{postgres_url}?schema={schema}", f"{postgres_url}?schema={schema}"
    place: Path | str = at
    if request.param == "sqlite":
        address, place = f"sqlite:///{tmp_path / 'book'}", tmp_path / "views.db"
    with open_book(address) as book, closing(Views.open(place)) as views:
        started = Company(address, place, book, views)
        try:
            yield started
        finally:
            started.end()


def test_one_works_another_waits_and_takes_over_when_the_first_is_killed(company: Company) -> None:
    company.append(0, 300)
    first = company.start()
    assert first.heard() == "at work"
    second = company.start()
    assert second.heard() == "waiting"
    until(company.is_current)
    company.append(300, 301)
    until(company.is_current)
    first.kill()
    assert second.heard() == "at work"
    company.append(301, 700)
    until(company.is_current)
    company.demand_fresh()
    second.send_signal(signal.SIGTERM)
    assert (second.heard(), second.wait()) == ("stopped", 0)


def test_who_rests_is_told_of_it_again_and_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due by the clock comes about although nothing happens."""
    rests: list[int] = []

    def rest() -> None:
        rests.append(company.book.head())
        if len(rests) == 2:
            monkeypatch.setattr(keeping, "_REST_S", 0.0)

    company.append(0, 10)
    monkeypatch.setattr(keeping, "_WAIT_S", 0.01)
    monkeypatch.setattr(keeping, "_REST_S", 0.1)
    deadline = time.monotonic() + _PATIENCE_S

    def enough() -> bool:
        return len(rests) == 4 or time.monotonic() > deadline

    company.views.run(company.book, enough, at_rest=rest)
    assert rests == [10] * 4
    company.demand_fresh()


def test_a_rebuild_goes_on_beside_the_living_and_by_another_when_its_worker_is_killed(
    company: Company,
) -> None:
    company.append(0, 2_000)
    first = company.start()
    assert first.heard() == "at work"
    until(company.is_current)
    new = company.views._store.create(company.views.folds["daily"])

    def filled() -> int:
        return next((t.position for t in company.tables() if t.id == new.id), 2_000)

    until(lambda: filled() > 0)
    first.kill()
    first.wait()
    done = filled()
    assert 0 < done < 2_000
    company.append(2_000, 2_100)
    second = company.start()
    assert second.heard() == "at work"
    until(lambda: [t.id for t in company.tables() if t.fold.name == "daily"] == [new.id])
    until(company.is_current)
    company.demand_fresh()


# ---- a worker that hangs


@pytest.mark.parametrize("company", ["postgres"], indirect=True)
def test_a_worker_stopped_amid_a_batch_is_overtaken_and_changes_nothing_when_it_goes_on(
    company: Company, postgres_url: str
) -> None:
    company.append(0, 100)
    first = company.start()
    assert first.heard() == "at work"
    until(company.is_current)
    schema = company.address.partition("=")[2]
    with psycopg.connect(postgres_url, options=f'-c search_path="{schema}_views"') as other:
        daily = next(t.id for t in company.tables() if t.fold.name == "daily")
        other.execute(f'LOCK TABLE "{daily}" IN SHARE MODE'.encode())
        company.append(100, 4_000)
        waiting = "SELECT FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
        until(lambda: other.execute(waiting, (daily,)).fetchone() is not None)
        first.send_signal(signal.SIGSTOP)  # with positions moved, rows half merged, nothing kept
    try:
        second = company.start()
        assert second.heard() in {"waiting", "at work"}
        until(company.is_current)
        company.demand_fresh()
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.heard() == "waiting"
    company.demand_fresh()


def test_a_turn_that_was_taken_away_is_known_to_be(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.postgres.turn._BEAT_S", 0.05)
    address = f"{postgres_url}?schema=t{uuid4().hex}"
    with closing(open_views(address)) as one, closing(open_views(address)) as other:
        turn = one.take_turn(1)
        assert turn is not None
        with turn:
            assert turn.held()
            assert other.take_turn(0.1) is None
            with psycopg.connect(postgres_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
                    " WHERE locktype = 'advisory' AND datname = current_database()"
                )
            until(lambda: not turn.held())
        again = one.take_turn(1)
        assert again is not None
        with again:
            assert again.held()


def test_whoever_only_has_much_to_do_keeps_the_turn(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life are given while the work goes on."""
    monkeypatch.setattr("projections.postgres.turn._BEAT_S", 0.1)
    monkeypatch.setattr("projections.postgres.turn._SILENT_S", 1.5)
    address = f"{postgres_url}?schema=t{uuid4().hex}"
    with closing(open_views(address)) as one, closing(open_views(address)) as other:
        turn = one.take_turn(1)
        assert turn is not None
        with turn:
            assert [other.take_turn(0.5) for _ in range(6)] == [None] * 6
            assert turn.held()


def test_a_worker_outlives_its_server() -> None:
    with Postgres() as server:
        address = f"{server.url}?schema=w"
        with open_book(address) as book, closing(Views.open(address)) as views:
            company = Company(address, address, book, views)
            try:
                assert company.start().heard() == "at work"
                company.append(0, 100)
                until(company.is_current)
                server.kill()
                server.start()
                company.append(100, 400)
                until(company.is_current)
                company.demand_fresh()
            finally:
                company.end()


# ---- who only looks


def _catching_up(store: ViewStore, source: MemorySource) -> threading.Thread:
    thread = threading.Thread(target=keeping.catch_up, args=(store, {"seen": SEEN}, source))
    thread.start()
    return thread


def test_who_looks_waits_for_whoever_is_at_work_and_folds_nothing_in_vain(
    at: Path | str, store: ViewStore
) -> None:
    events = shop(50, 3)
    worked, looked = MemorySource.of(events), MemorySource.of(events)
    turn = store.take_turn(1)
    assert turn is not None
    with turn, closing(open_views(at)) as other, closing(Engine(store)) as engine:
        waiting = _catching_up(other, looked)
        engine.catch_up({"seen": SEEN}, worked)
        waiting.join(keeping._STILL_S / 2)  # the turn is not given back
        assert not waiting.is_alive()
    assert (len(worked.reads), looked.reads) == (1, [])


def test_who_looks_does_the_work_when_whoever_has_the_turn_does_not_move(
    at: Path | str, store: ViewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_STILL_S", 0.3)
    turn = store.take_turn(1)
    assert turn is not None
    with turn, closing(open_views(at)) as other:
        _catching_up(other, MemorySource.of(shop(50, 3))).join(_PATIENCE_S)
    assert sum(row["n"] for row in _rows(store, SEEN)) == 50


def test_who_looks_does_not_wait_for_a_rebuild_that_somebody_else_is_at(
    at: Path | str, store: ViewStore
) -> None:
    source = MemorySource.of(shop(50, 3))
    keeping.catch_up(store, {"seen": SEEN}, source)
    new = store.create(SEEN)
    turn = store.take_turn(1)
    assert turn is not None
    with turn, closing(open_views(at)) as other:
        keeping.catch_up(other, {"seen": SEEN}, source)
    assert [t.position for t in store.tables()] == [50, 0]
    keeping.catch_up(store, {"seen": SEEN}, source)  # nobody is at it any more
    assert [(t.id, t.position) for t in store.tables()] == [(new.id, 50)]


def test_others_are_kept_up_with_a_growing_book_while_one_is_filled(store: ViewStore) -> None:
    """Whenever a stride is done, what serves lacks only what was appended during that one."""
    events = shop(600, 5)
    source = MemorySource.of(events[:300])
    folds = {"seen": SEEN, "total": TOTAL}
    with closing(Engine(store, stride=50)) as engine:
        engine.catch_up(folds, source)
        store.create(SEEN)
        lag: list[int] = []

        def watch(_reached: int, _head: int) -> None:
            behind = min(t.position for t in store.tables() if t.serving)
            lag.append(source.head() - behind)
            source.raw = MemorySource.of(events[: source.head() + 20]).raw

        engine.catch_up(folds, source, watch)
    assert [t.generation for t in store.tables()] == [2, 1]
    assert len(lag) > 6
    assert max(lag) <= 20


def test_whoever_keeps_other_definitions_is_not_waited_for(
    store: ViewStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_STILL_S", 0.3)
    source, over = MemorySource.of(EVENTS[:50]), threading.Event()

    def keep_another() -> None:
        with closing(Engine(store)) as engine:
            for upto in range(50, 450):
                engine.catch_up({"total": TOTAL}, MemorySource.of(EVENTS[:upto]))
                if over.wait(0.05):
                    return

    turn = store.take_turn(1)
    assert turn is not None
    with turn:
        worker = threading.Thread(target=keep_another)
        worker.start()
        keeping.catch_up(store, {"seen": SEEN}, source)
        still_at_it = worker.is_alive()
        over.set()
        worker.join()
    assert still_at_it
    assert {t.fold.name: t.position for t in store.tables()}["seen"] == 50
