"""Views on a server: what people see of them with SQL, and values at the ends of what there is."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pyarrow as pa
import pytest

from ledger.errors import BadUsage
from projections import Views
from projections.engine import Engine
from projections.postgres import PostgresViews
from projections.store import Move, ViewStore
from projections.views import load
from tests.projections.places import BY_COPY, fold_of, opened, plain
from tests.projections.source import MemorySource, shop
from tests.projections.test_engine import HUGE, SEEN, SQUARES, _points, _rows, _table

_ROOT = Path(__file__).parents[2]
FOLDS = load()[0]


def test_people_read_a_view_named_like_the_fold_with_honest_types_and_comments(
    server_at: str,
) -> None:
    source = MemorySource.of(shop(300, 20))
    with closing(Views.open(server_at)) as views, plain(server_at) as session:
        views.catch_up(source)
        rows = session.execute("SELECT * FROM customer_360 ORDER BY customer").fetchall()
        assert rows == [tuple(row.values()) for row in views.rows("customer_360").to_pylist()]
        columns = session.execute(
            "SELECT attname::text, format_type(atttypid, atttypmod), col_description(attrelid, attnum)"
            " FROM pg_attribute WHERE attrelid = 'customer_360'::regclass AND attnum > 0"
        ).fetchall()
        told = {name: (kind, comment) for name, kind, comment in columns}
        assert [*told] == views.folds["customer_360"].shown.names
        assert told["customer"] == ("uuid", "key: customer")
        assert told["orders"] == ("bigint", "how many, where type = 'order.placed'")
        assert told["first_seen"] == ("timestamp without time zone", "the least occurred_at")
        assert (told["identified"][0], told["language"][0]) == ("boolean", "text")
        told_of_all = session.execute(
            "SELECT (SELECT pg_typeof(day)::text FROM daily LIMIT 1),"
            " obj_description('customer_360'::regclass)"
        ).fetchone()
    assert told_of_all == ("date", FOLDS["customer_360"].purpose)


def test_whoever_may_enter_the_schema_may_read_its_views_and_nothing_beneath(
    server_at: str,
) -> None:
    role = f"analyst_{uuid4().hex}"
    with closing(Views.open(server_at)) as views, plain(server_at) as owner:
        views.catch_up(MemorySource.of(shop(30, 3)))
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        with plain(server_at, user=role) as analyst:
            with pytest.raises(psycopg.errors.UndefinedTable):
                analyst.execute("SELECT * FROM daily")
            (schema,) = owner.execute("SELECT current_schema()").fetchone() or ("",)
            owner.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO {role}'.encode())
            assert analyst.execute("SELECT sum(events) FROM daily").fetchone() == (30,)
            views.rebuild("daily", MemorySource.of(shop(31, 3)))
            assert analyst.execute("SELECT sum(events) FROM daily").fetchone() == (31,)
            table = _table(views._store, "daily").id
            for beneath in (table, "view_table"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    analyst.execute(f'SELECT * FROM "{beneath}"'.encode())
        owner.execute(f"DROP OWNED BY {role}".encode())
        owner.execute(f"DROP ROLE {role}".encode())


def test_a_switch_keeps_what_others_built_and_were_granted_on_a_view(server_at: str) -> None:
    one = fold_of("tried", "count(*) AS n")
    more = fold_of("tried", "count(*) AS n, max(occurred_at) AS last_seen")
    source = MemorySource.of(shop(30, 3))
    with (
        closing(PostgresViews(server_at)) as store,
        closing(Engine(store)) as engine,
        plain(server_at) as session,
    ):
        engine.catch_up({"tried": one}, source)
        session.execute("CREATE VIEW mine AS SELECT sum(n) AS n FROM tried")
        engine.catch_up({"tried": more}, source)
        assert _table(store, "tried").fold == more
        assert session.execute("SELECT n FROM mine").fetchone() == (30,)
        # Were the column to go, somebody's view would go with it: that fold stops, and it alone.
        other = fold_of("tried", "max(occurred_at) AS last_seen")
        engine.catch_up({"tried": other, "seen": SEEN}, source)
        serving, stuck = (t for t in store.tables() if t.fold.name == "tried")
        assert (serving.fold, stuck.fold) == (more, other)
        assert stuck.failure is not None
        assert "others stand on them: view mine depends on view tried" in stuck.failure.why
        assert _table(store, "seen").position == 30
        session.execute("DROP VIEW mine")
        store.create(other)
        engine.catch_up({"tried": other}, source)
        assert [t.fold for t in store.tables() if t.fold.name == "tried"] == [other]
        assert session.execute("SELECT count(last_seen) FROM tried").fetchone() == (2,)


def test_names_as_long_as_they_may_be_and_alike_for_long_are_told_apart(
    server_at: str, server_store: ViewStore
) -> None:
    names = [f"{'n' * 62}{letter}" for letter in "ab"]
    folds = {name: fold_of(name, "count(*) AS n") for name in names}
    with closing(Engine(server_store)) as engine:
        engine.catch_up(folds, MemorySource.of(shop(30, 3)))
        for fold in folds.values():
            server_store.create(fold)
        engine.catch_up(folds, MemorySource.of(shop(30, 3)))
    with plain(server_at) as session:
        for name in names:
            assert session.execute(f"SELECT sum(n) FROM {name}".encode()).fetchone() == (30,)
    with pytest.raises(BadUsage, match="schema of at most 57 small letters"):
        PostgresViews(f"{server_at.partition('=')[0]}={'s' * 58}")


@pytest.mark.parametrize("taken", ["view_table", "migration"])
def test_a_fold_is_not_called_like_a_table_of_the_store(taken: str) -> None:
    with pytest.raises(Exception, match="a view is not called"):
        fold_of(taken, "count(*) AS n")


# ---- values


@pytest.mark.parametrize("kind", ["postgres", BY_COPY])
def test_times_before_and_after_pythons_are_kept_and_read_as_they_are(
    kind: str, postgres_url: str
) -> None:
    far = [-(2**57), 0, 253_402_300_800_000_000, 2**63 - 1]
    fold = fold_of("far", "max(occurred_at) AS until")
    rows = pa.table(
        [[f"{n}" for n in range(4)], pa.array(far, pa.int64()).cast(pa.timestamp("us"))],
        schema=fold.stored,
    )
    with opened(kind, postgres_url) as store:
        table = store.create(fold)
        assert store.advance(0, 1, [Move(table, rows)]) == {}
        assert store.advance(1, 2, [Move(table, rows)]) == {}
        for where in ([], [("source", ["0", "1", "2", "3"])]):
            kept = store.read("far", where)
            assert kept is not None
            assert kept.rows.equals(rows)
        before_all = pa.table(
            [["0"], pa.array([-(2**62)], pa.int64()).cast(pa.timestamp("us"))], schema=fold.stored
        )
        told = store.advance(2, 3, [Move(table, before_all)])
        assert told == {table.id: "a time is out of range"}


@pytest.mark.parametrize("kind", ["postgres", BY_COPY])
def test_what_does_not_fit_stops_its_fold_at_the_very_event_and_no_other(
    kind: str, postgres_url: str
) -> None:
    """No event brings U+0000 along, but a fold may make one."""
    events = _points(*[1] * 50, HUGE, HUGE, *[1] * 48)
    events[70] = replace(events[70], tags=("campaign:nul",))
    nul = fold_of("nul", "max(chr(0)) FILTER (WHERE campaign = 'nul') AS text")
    folds = {"squares": SQUARES, "nul": nul, "seen": SEEN}
    with opened(kind, postgres_url) as store, closing(Engine(store)) as engine:
        positions = engine.catch_up(folds, MemorySource.of(events))
        assert positions == {"squares": 51, "nul": 70, "seen": 100}
        assert [(t.failure.position, t.failure.why) for t in store.tables() if t.failure] == [
            (71, "a text has a character that PostgreSQL does not keep"),
            (52, "a total is too large for its column"),
        ]
        assert _rows(store, SEEN) == [{"source": "web", "n": 100}]
        assert _rows(store, SQUARES) == [{"source": "web", "total": (50 + HUGE) * 1000}]


def test_one_key_is_read_by_its_index_also_when_another_table_serves_by_now(
    server_store: ViewStore,
) -> None:
    fold = FOLDS["customer_month"]
    source = MemorySource.of(shop(600, 20))
    with closing(Engine(server_store)) as engine:
        engine.catch_up({fold.name: fold}, source)
        every = server_store.read(fold.name)
        assert every is not None
        person: UUID = every.rows.column("customer")[5].as_py()
        month = every.rows.column("month")[5].as_py()
        for _ in range(2):
            for where in (
                [("customer", [person.bytes])],
                [("customer", [person.bytes]), ("month", [month])],
                [("month", [month, month]), ("customer", [person.bytes, UUID(int=0).bytes])],
            ):
                kept = server_store.read(fold.name, where)
                assert kept is not None
                wanted = [
                    row
                    for row in every.rows.to_pylist()
                    if row["customer"] == person and (len(where) == 1 or row["month"] == month)
                ]
                assert (kept.rows.to_pylist(), kept.table.position) == (wanted, 600)
            empty = server_store.read(fold.name, [("customer", [UUID(int=0).bytes])])
            assert empty is not None
            assert (empty.rows.num_rows, empty.rows.schema) == (0, fold.stored)
            server_store.create(fold)
            engine.catch_up({fold.name: fold}, source)
