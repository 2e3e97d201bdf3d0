"""Who is gone is in no view: live, rebuilt and a model agree, wherever in the book erasures stand.

The model keeps what a shop's events say and drops every row of whoever was erased by the end.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.event import Event
from projections.definition import Fold, parse_fold
from projections.engine import Engine
from projections.folding import Folder
from projections.sqlite import SqliteViews
from projections.store import TOO_LARGE, Move, ViewStore, ViewTable
from projections.views import load
from tests.projections import model
from tests.projections.places import BY_COPY, KINDS, opened
from tests.projections.source import MemorySource, columns_of, shop

PROOF = (
    "SELECT customer, count(*) AS n FROM events WHERE type = 'customer.erasing' GROUP BY customer"
)
LINKS = (
    "SELECT type, arg_max(customer, moment) AS who, count(customer) AS n FROM events GROUP BY type"
)
FOLDS = {
    **{name: load()[0][name] for name in ("customer_360", "customer_money", "daily")},
    "proof": parse_fold("proof", f"-- proof: of erasures.\n{PROOF}"),
    "links": parse_fold("links", f"-- links: whom a row names.\n{LINKS}"),
}
MODELS = {
    "customer_360": model.CUSTOMER_360,
    "customer_money": model.CUSTOMER_MONEY,
    "daily": model.DAILY,
    "proof": model.View(
        {"customer": lambda e: e["customer"]},
        {"n": model.Column("count", lambda e: e["position"])},
        lambda e: e["type"] == "customer.erasing",
    ),
    "links": model.View(
        {"type": lambda e: e["type"]},
        {
            "who": model.Column("arg_max", lambda e: e["customer"]),
            "n": model.Column("count", lambda e: e["customer"]),
        },
    ),
}
LOSING = ("customer_360", "customer_money")
"""The views that have rows of persons, and are no proof of what was done."""


@dataclass
class Told:
    """Who is gone by these events: the whole erasings among them."""

    events: Sequence[Event]

    def now(self) -> frozenset[UUID]:
        return self.between(0, len(self.events))

    def between(self, after: int, upto: int) -> frozenset[UUID]:
        return frozenset(
            event.customer
            for event in self.events[after:upto]
            if event.type == "customer.erasing" and event.customer and "classes" not in event.data
        )


def erasing(of: Event, **data: Any) -> Event:
    """The same moment and person, but erased."""
    return replace(of, type="customer.erasing", domain="privacy", data=data, tags=())


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """A shop's history, in which people are erased anywhere, some twice, and go on being told of."""
    events = shop(draw(st.integers(20, 60)), 3, seed=draw(st.integers(0, 999)))
    places = draw(st.lists(st.integers(5, len(events) - 1), min_size=2, max_size=5, unique=True))
    for place in places:
        if events[place].customer is not None:
            classes = draw(st.sampled_from([{}, {}, {"classes": ["content"]}]))
            events[place] = erasing(events[place], **classes)
    return events


def expected(name: str, events: Sequence[Event]) -> dict[tuple[Any, ...], dict[str, Any]]:
    raw = MemorySource.of(events).raw.column("body").to_pylist()
    rows = model.rows(MODELS[name], [model.seen(n, body) for n, body in enumerate(raw, 1)])
    gone = Told(events).now() if name in LOSING else frozenset()
    return {key: row for key, row in rows.items() if key[0] not in gone}


def kept(store: ViewStore, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What stands in the very table, with nobody hidden from it."""
    found = store.read(name)
    assert found is not None
    rows = found.rows.select(FOLDS[name].shown.names).to_pylist()
    keys = [key.name for key in FOLDS[name].keys]
    return {tuple(row.pop(key) for key in keys): row for row in rows}


_QUICK = settings(
    max_examples=3,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


@pytest.mark.parametrize("kind", [*KINDS, BY_COPY])
@_QUICK
@given(
    histories(),
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.lists(st.integers(0, 60), max_size=3),
)
def test_live_rebuilt_and_model_agree_on_who_is_gone(
    kind: str, postgres_url: str, events: list[Event], cuts: list[int], pauses: list[int]
) -> None:
    """Live, each sitting knows of erasures only what the book had by then; rebuilt, of all at once."""
    source = MemorySource.of(events, cuts=cuts, again=2)
    with opened(kind, postgres_url) as store, pytest.MonkeyPatch.context() as patched:
        if kind == BY_COPY:  # as where many rows are looked through
            patched.setattr("projections.folding._FEW", 0)
        for pause in (*sorted(pauses), len(events)):
            part = MemorySource.of(events[:pause], cuts=cuts, again=2)
            with closing(Engine(store, Told(events[:pause]))) as live:
                live.catch_up(FOLDS, part)
            for name in FOLDS:
                assert kept(store, name) == expected(name, events[:pause]), name
        for deep in (0, 10**9):
            for fold in FOLDS.values():
                store.create(fold)
            with closing(Engine(store, Told(events), stride=13, deep=deep)) as rebuilding:
                rebuilding.catch_up(FOLDS, source)
            for name in FOLDS:
                assert kept(store, name) == expected(name, events), name
        assert {table.generation for table in store.tables()} == {3}


@pytest.mark.parametrize("kind", [*KINDS, BY_COPY])
def test_an_engine_that_has_not_heard_is_put_right_at_the_very_position(
    kind: str, postgres_url: str
) -> None:
    """Rows of somebody who is gone already go in, and out with the event that tells of it."""
    events = [e for e in shop(200, 3) if e.customer]
    events[100] = erasing(events[100])
    gone = events[100].customer
    with opened(kind, postgres_url) as store:
        with closing(Engine(store, Told([]))) as unaware:
            unaware.catch_up(FOLDS, MemorySource.of(events[:100]))
        assert (gone,) in kept(store, "customer_360")
        with closing(Engine(store, Told(events))) as aware:
            aware.catch_up(FOLDS, MemorySource.of(events))
        for name in FOLDS:
            assert kept(store, name) == expected(name, events), name


def _tables(store: ViewStore, name: str) -> dict[bool, ViewTable]:
    return {table.serving: table for table in store.tables() if table.fold.name == name}


def test_delete_merge_and_move_are_one_transaction(store: ViewStore) -> None:
    """Where a move is refused nothing is deleted either, and the others go on."""
    text = "-- total: points.\nSELECT customer, sum(points) AS p FROM events GROUP BY customer"
    total, seen = parse_fold("total", text), parse_fold("seen", text.replace("total", "seen"))
    one, two = UUID(int=1, version=4), UUID(int=2, version=4)

    def rows(fold: Fold, who: UUID, points: int) -> pa.Table:
        given = {"customer": pa.array([who.bytes], pa.uuid()), "p": pa.array([points], pa.int64())}
        return pa.table(given, schema=fold.stored)

    tables = {fold.name: store.create(fold) for fold in (total, seen)}
    for place, who in enumerate((one, two)):
        moves = [Move(tables[f.name], rows(f, who, 2**62)) for f in (total, seen)]
        assert store.advance(place, place + 1, moves) == {}
    moves = [
        Move(tables["total"], rows(total, two, 2**62), {one}),
        Move(tables["seen"], rows(seen, two, 1), {one}),
    ]
    assert store.advance(2, 3, moves) == {tables["total"].id: TOO_LARGE}
    assert _rows(store, "total") == [(one, 2**62), (two, 2**62)]
    assert _rows(store, "seen") == [(two, 2**62 + 1)]
    assert store.advance(3, 4, [Move(tables["seen"], seen.stored.empty_table(), {two})]) == {}
    assert _rows(store, "seen") == []


def _rows(store: ViewStore, name: str) -> list[tuple[Any, ...]]:
    found = store.read(name)
    assert found is not None
    return [tuple(row.values()) for row in found.rows.to_pylist()]


def test_forgetting_reaches_tables_in_whatever_state(store: ViewStore) -> None:
    """One that serves, one that is filled beside it, one that failed, one of another definition."""
    events = [e for e in shop(200, 4, seed=3) if e.customer]
    gone = min({e.customer for e in events if e.customer}, key=str)
    source = MemorySource.of(events)
    stuck = parse_fold(
        "stuck",
        "-- stuck: stops.\nSELECT customer, sum(position * 1000000000000000000) AS n FROM events"
        " GROUP BY customer",
    )
    former = parse_fold(
        "seen", "-- seen: n.\nSELECT customer, count(*) AS n FROM events GROUP BY customer"
    )
    later = parse_fold(
        "seen",
        "-- seen: by.\nSELECT source, customer, count(*) AS n FROM events GROUP BY source, customer",
    )
    folds = {**FOLDS, "stuck": stuck, "seen": former}
    with closing(Engine(store)) as engine:
        engine.catch_up(folds, source)
    filling = store.create(later)
    folder = Folder()
    rows = folder.fold(later, columns_of(source.raw))
    store.advance(0, len(events), [Move(filling, rows)])
    folder.close()
    assert _tables(store, "stuck")[True].failure is not None

    def of(table: ViewTable) -> list[UUID]:
        shown = _in(store, table)
        return sorted(set(shown), key=str)

    before = {table.id: of(table) for table in store.tables() if table.fold.by_customer}
    assert sum(gone in people for people in before.values()) >= 5
    store.forget([gone, UUID(int=7)])
    for table in store.tables():
        if table.fold.by_customer:
            assert of(table) == [one for one in before[table.id] if one != gone], table.id
    store.forget([gone])
    store.forget([])


def _in(store: ViewStore, table: ViewTable) -> list[UUID]:
    """The customers in a table, read past whether it serves."""
    if isinstance(store, SqliteViews):
        found = store._connection().execute(f'SELECT customer FROM "{table.id}"').fetchall()
        return [UUID(bytes=value) for (value,) in found]
    listed = f'SELECT customer FROM "{table.id}"'.encode()
    from_server = store._connections.patiently(lambda c: c.execute(listed).fetchall())  # type: ignore[attr-defined]
    return [value for (value,) in from_server]


def test_proofs_are_not_forgotten(store: ViewStore) -> None:
    events = [e for e in shop(20, 1) if e.customer]
    events.append(erasing(events[0], classes=["content"]))
    with closing(Engine(store, Told(events))) as engine:
        engine.catch_up(FOLDS, MemorySource.of(events))
    events.append(erasing(events[0]))
    with closing(Engine(store, Told(events))) as engine:
        engine.catch_up(FOLDS, MemorySource.of(events))
    store.forget([e.customer for e in events[:1] if e.customer])
    assert kept(store, "proof") == {(events[0].customer,): {"n": 2}}
    assert kept(store, "customer_360") == {}


@pytest.mark.parametrize("through", ["advance", "forget"])
def test_no_file_of_the_views_has_a_trace_of_them(tmp_path: Path, through: str) -> None:
    """On SQLite: not in the file, whose deleted rows are zeros, nor in the log, which is cut."""
    events = [e for e in shop(600, 20, seed=5) if e.customer]
    gone = events[0].customer
    assert gone is not None
    source = MemorySource.of(events)
    with closing(SqliteViews(tmp_path / "views.db")) as store:
        with closing(Engine(store, Told([]))) as engine:
            engine.catch_up(FOLDS, source)
        assert any(gone.bytes in path.read_bytes() for path in tmp_path.iterdir())
        if through == "advance":
            events.append(replace(erasing(events[0]), id=UUID(int=9)))
            with closing(Engine(store, Told(events))) as engine:
                engine.catch_up({n: FOLDS[n] for n in LOSING}, MemorySource.of(events))
        other = tmp_path / "views.db-wal"
        with closing(SqliteViews(tmp_path / "views.db")) as somebody:
            somebody.tables()
            store.forget([gone])
            assert other.stat().st_size == 0
        found = [path.name for path in tmp_path.iterdir() if gone.bytes in path.read_bytes()]
        assert found == []


# Of every standard fold: whether it is a proof, which keys say whose a row is, which columns hold somebody.
STANDARD = """
account             -      -         -
account_member      -      customer  -
campaign            -      -         -
campaign_customer   -      customer  -
consent             -      customer  -
customer_360        -      customer  -
customer_channel    -      customer  -
customer_dialogue   -      customer  -
customer_milestone  -      customer  -
customer_money      -      customer  -
customer_month      -      customer  -
customer_product    -      customer  -
daily               -      -         -
deal                -      -         contact
deal_stage          -      -         -
erasure             proof  customer  -
goal_set            -      -         -
hold                proof  customer  -
opened              -      customer  -
opened_by           -      -         -
pipeline_stages     -      -         -
privacy_request     proof  -         person
task                -      -         contact
ticket              -      -         contact
"""


def test_every_standard_fold_is_what_this_table_says() -> None:
    lines = [line.split() for line in STANDARD.strip().splitlines()]
    listed = {name: (proof == "proof", key, held) for name, proof, key, held in lines}
    assert listed == {
        name: (
            fold.of_privacy,
            ",".join(fold.person_keys) or "-",
            ",".join(fold.person_measures) or "-",
        )
        for name, fold in load()[0].items()
    }


@pytest.mark.parametrize(
    ("where", "proof"),
    [
        ("WHERE type = 'customer.erased'", True),
        ("WHERE type LIKE 'privacy.%' OR type IN ('hold.placed', 'hold.released')", True),
        ("WHERE domain = 'privacy'", True),
        ("WHERE type LIKE 'customer.%'", False),
        ("WHERE type IN ('customer.erased', 'order.placed')", False),
        ("WHERE type <> 'order.placed'", False),
        ("WHERE type = 'customer.erased' AND market = 'DE'", False),
        ("WHERE type = 'nothing.known'", False),
        ("", False),
    ],
)
def test_a_fold_is_a_proof_by_its_where_alone(where: str, proof: bool) -> None:
    text = f"-- tried: n.\nSELECT customer, count(*) AS n FROM events {where} GROUP BY customer"
    assert parse_fold("tried", text).of_privacy is proof


def test_a_customer_is_known_in_any_key_and_any_column() -> None:
    text = (
        "-- tried: n.\nSELECT customer AS whom, customer AS again, coalesce(other, customer) AS with_whom,"
        " actor, min(other) AS first_other, max(actor) AS last_actor, max(moment) AS latest,"
        " count(other) AS n FROM events GROUP BY whom, again, with_whom, actor"
    )
    fold = parse_fold("tried", text)
    assert fold.person_keys == ("again", "with_whom")
    assert fold.person_measures == ("first_other",)
    assert Fold.from_json(fold.to_json()).person_keys == fold.person_keys
