"""Whom nobody is to see, nobody sees with the server's own SQL either."""

from contextlib import closing
from dataclasses import replace
from uuid import UUID

from projections.definition import parse_fold
from projections.engine import Engine
from projections.postgres import PostgresViews
from tests.projections.places import plain
from tests.projections.source import MemorySource, shop
from tests.projections.test_engine import _table


def test_whoever_is_hidden_is_so_from_the_servers_own_sql(server_at: str) -> None:
    """Their rows, and they as the value of another row; proofs stay; and all comes back with them."""
    texts = {
        "seen": "SELECT customer, count(*) AS n FROM events GROUP BY customer",
        "latest": "SELECT source, arg_max(customer, moment) AS who FROM events GROUP BY source",
        "proof": "SELECT customer, count(*) AS n FROM events WHERE domain = 'privacy' GROUP BY customer",
    }
    folds = {name: parse_fold(name, f"-- {name}: tried.\n{text}") for name, text in texts.items()}
    events = [replace(e, source="web") for e in shop(30, 3) if e.customer]
    hidden = events[-1].customer
    assert hidden is not None
    events[0] = replace(events[0], domain="privacy", customer=hidden)
    last = max(events, key=lambda e: e.occurred_at)
    events.append(replace(last, id=UUID(int=5), customer=hidden))

    def shown(name: str, column: str) -> set[UUID | None]:
        with plain(server_at) as session:
            found = session.execute(f"SELECT {column} FROM {name}".encode()).fetchall()
        return {value for (value,) in found}

    with closing(PostgresViews(server_at)) as store, closing(Engine(store)) as engine:
        engine.catch_up(folds, MemorySource.of(events))
        everybody = shown("seen", "customer")
        assert (hidden in everybody, shown("latest", "who")) == (True, {hidden})
        store.hide({hidden})
        assert shown("seen", "customer") == everybody - {hidden}
        assert shown("latest", "who") == {None}
        assert shown("proof", "customer") == {hidden}
        with closing(
            PostgresViews(server_at)
        ) as another:  # a rebuild shows them no more than before
            another.create(folds["seen"])
            with closing(Engine(another)) as rebuilding:
                rebuilding.catch_up(folds, MemorySource.of(events))
            another.hide({hidden})
        assert shown("seen", "customer") == everybody - {hidden}
        store.hide(set())
        assert shown("seen", "customer") == everybody
        assert shown("latest", "who") == {hidden}


def test_a_view_made_before_anybody_could_be_hidden_hides_them(server_at: str) -> None:
    fold = parse_fold(
        "seen", "-- seen: n.\nSELECT customer, count(*) AS n FROM events GROUP BY customer"
    )
    events = [e for e in shop(30, 3) if e.customer]
    with closing(PostgresViews(server_at)) as store, closing(Engine(store)) as engine:
        engine.catch_up({"seen": fold}, MemorySource.of(events))
        with plain(server_at) as session:
            former = f'CREATE OR REPLACE VIEW seen AS SELECT customer, n FROM "{_table(store, "seen").id}"'
            session.execute(former.encode())
        store.hide(set())
        store.hide({e.customer for e in events if e.customer})
    with plain(server_at) as session:
        assert session.execute("SELECT count(*) FROM seen").fetchone() == (0,)
