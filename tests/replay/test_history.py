"""Views, customers, timelines and SQL, as of any moment and as known at any, equal a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.clock import from_us
from ledger.errors import BadUsage, NotFound
from ledger.event import Event
from ledger.people import People
from ledger.sqlite.book import SqliteBook
from projections import Views
from replay.history import Clocks, Past
from tests.replay import past

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
PEOPLE = [UUID(int=n) for n in (3, 1, 2)]
STEP = timedelta(microseconds=1)


def an_event(number: int, fact: past.Fact) -> Event:
    tags = (f"market:{fact['market']}",) if fact["market"] else ()
    return Event(
        id=UUID(int=(8 << 76) | (2 << 62) | (number << 80)),
        type=fact["type"],
        version=1,
        domain="touchpoint",
        occurred_at=fact["occurred_at"].replace(tzinfo=UTC),
        source="shop",
        data={"currency": fact["currency"], "amount_minor": fact["amount_minor"]},
        customer=fact["customer"],
        tags=tags,
    )


@contextmanager
def history_of(folder: Path, facts: list[past.Fact], folded: int) -> Iterator[Past]:
    """A book of these facts; its views have folded the first of them, and then the rest."""
    times = iter(fact["recorded_at"].replace(tzinfo=UTC) for fact in facts)
    with SqliteBook(folder, lambda: next(times)) as book:
        views = Views.open(folder / "views.db")
        for number, fact in enumerate(facts, 1):
            book.append([an_event(number, fact)])
            if number == folded:
                views.catch_up(book)
        views.catch_up(book)
        try:
            yield Past(book, views, People(book))
        finally:
            views.close()


days = st.integers(0, 8).map(lambda n: 25 * n)  # few, so that moments meet
moments = st.builds(
    lambda day, us: (BEGIN + timedelta(days=day, microseconds=us)).replace(tzinfo=None),
    days,
    st.integers(0, 1),
)


@st.composite
def books(draw: st.DrawFn) -> list[past.Fact]:
    """Facts in the order in which the book took them; some happened long before, some at once."""
    made = draw(
        st.lists(
            st.fixed_dictionaries({
                "occurred_at": moments,
                "type": st.sampled_from(["order.placed", "order.placed", "order.refunded"]),
                "customer": st.sampled_from(PEOPLE),
                "currency": st.sampled_from(["EUR", "JPY"]),
                "amount_minor": st.integers(0, 99),
                "market": st.sampled_from([None, "DE"]),
            }),
            max_size=25,
        )
    )  # fmt: skip
    taken = sorted(draw(st.lists(moments, min_size=len(made), max_size=len(made))))
    return [
        {"position": position, "recorded_at": at, **fact}
        for position, (at, fact) in enumerate(zip(taken, made, strict=True), 1)
    ]


def plain(rows: pa.Table) -> list[dict[str, Any]]:
    return [dict(row) for row in rows.to_pylist()]


@settings(max_examples=12)
@given(
    books(), st.integers(0, 25), st.none() | moments, st.none() | moments, st.sampled_from(PEOPLE)
)
def test_any_past_equals_the_model(
    facts: list[past.Fact],
    folded: int,
    as_of: datetime | None,
    known_at: datetime | None,
    person: UUID,
) -> None:
    with TemporaryDirectory() as folder, history_of(Path(folder), facts, folded) as history:
        compare(history, facts, person, None, None)
        compare(history, facts, person, as_of, known_at)


def compare(
    history: Past,
    facts: list[past.Fact],
    person: UUID,
    as_of: datetime | None,
    known_at: datetime | None,
) -> None:
    at = history.clocks(
        as_of and as_of.replace(tzinfo=UTC), known_at and known_at.replace(tzinfo=UTC)
    )
    expected = past.seen(facts, as_of, known_at)
    money = plain(history.view("customer_money", at))
    assert money == past.customer_money(expected)
    assert plain(history.view("daily", at)) == past.daily(expected)
    views = {"customer_money": money, "customer_360": plain(history.view("customer_360", at))}
    own = {
        name: kept
        for name, rows in views.items()
        if (kept := [row for row in rows if row["customer"] == person])
    }
    found = {name: plain(rows) for name, rows in history.customer(person, at).items()}
    assert {name: found[name] for name in views if name in found} == own
    order = sorted((f["occurred_at"], f["position"]) for f in expected if f["customer"] == person)
    timeline = history.timeline(person, at)
    assert [recorded.position for recorded in timeline] == [position for _, position in order]
    read = plain(history.sql("SELECT position, amount_minor FROM events ORDER BY 1", at))
    assert read == [
        {"position": f["position"], "amount_minor": f["amount_minor"]} for f in expected
    ]
    total = plain(history.sql("SELECT sum(orders) AS n, count(*) AS rows FROM customer_money", at))
    orders = [f for f in expected if f["type"] == "order.placed"]
    assert total == [{"n": len(orders) if money else None, "rows": len(money)}]
    if as_of is not None:
        everywhere = "metric = 'active_buyers_90_days' AND market IS NULL"
        (active,) = history.view("kpi", at, everywhere).to_pylist()
        assert active["value"] == past.active_buyers(expected, as_of)


def fact(position: int, taken: datetime, happened: datetime) -> past.Fact:
    return {
        "position": position,
        "recorded_at": taken.replace(tzinfo=None),
        "occurred_at": happened.replace(tzinfo=None),
        "type": "order.placed",
        "customer": PEOPLE[0],
        "currency": "EUR",
        "amount_minor": 5,
        "market": None,
    }


def test_both_clocks_include_their_moment(tmp_path: Path) -> None:
    noon = BEGIN + timedelta(hours=12)
    facts = [fact(1, noon, noon), fact(2, noon + STEP, noon + STEP)]
    with history_of(tmp_path, facts, 0) as history:
        for moment, positions in [(noon - STEP, []), (noon, [1]), (noon + STEP, [1, 2])]:
            for at in (history.clocks(as_of=moment), history.clocks(known_at=moment)):
                timeline = history.timeline(PEOPLE[0], at)
                assert [recorded.position for recorded in timeline] == positions
                read = history.sql("SELECT position FROM events", at).to_pylist()
                assert [row["position"] for row in read] == positions
        assert history.clocks(known_at=noon) == Clocks(None, 1)
        assert history.clocks(known_at=from_us(0)) == Clocks(None, 0)


def test_what_is_told_late_was_true_and_not_known(tmp_path: Path) -> None:
    monday, friday = BEGIN, BEGIN + timedelta(days=4)
    facts = [fact(1, monday, monday), fact(2, friday, monday)]
    with history_of(tmp_path, facts, 1) as history:

        def orders(as_of: datetime | None, known_at: datetime | None) -> int:
            (row,) = history.view("customer_money", history.clocks(as_of, known_at)).to_pylist()
            count: int = row["orders"]
            return count

        assert orders(monday, None) == 2
        assert orders(None, monday) == orders(monday, monday) == 1
        assert orders(monday, friday) == orders(None, None) == 2


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    facts = [fact(n, BEGIN, BEGIN + timedelta(days=n)) for n in (1, 2, 3)]
    with history_of(tmp_path_factory.mktemp("small"), facts, 0) as history:
        yield history


@pytest.mark.parametrize(
    "query",
    [
        "SELECT Type FROM EVENTS LIMIT 1",
        "SELECT e.type FROM events AS e LIMIT 1",
        "FROM (SELECT type FROM events LIMIT 1)",
        "WITH Kpi AS (SELECT * FROM events) SELECT type FROM kpi WHERE position = 1",
        "SELECT type FROM events JOIN (SELECT 1::BIGINT AS position) USING (position)",
        "SELECT type FROM customer_360 JOIN events USING (customer) WHERE position = 1",
        "SELECT DISTINCT type FROM events NATURAL JOIN customer_money",
        "SELECT COLUMNS('^type$') FROM events LIMIT 1",
    ],
)
def test_a_column_is_found_however_the_query_names_it(small: Past, query: str) -> None:
    assert small.sql(query).to_pylist() == [{"type": "order.placed"}]


def test_answers_have_types_that_others_have_too(small: Past) -> None:
    answer = small.sql(
        'SELECT sum(orders), sum(ordered) AS n, 1 AS n, INTERVAL 3 DAYS AS "a ""b", '
        "any_value(customer) AS who FROM customer_money"
    )
    assert answer.to_pylist() == [
        {"sum(orders)": 3, "n": 15, "n_1": 1, 'a "b': "3 days", "who": PEOPLE[0]}
    ]
    assert answer.schema.types[:4] == [pa.int64(), pa.int64(), pa.int32(), pa.string()]


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("", BadUsage),
        ("selec", BadUsage),
        ("SELECT 1; SELECT 2", BadUsage),
        ("DELETE FROM events", BadUsage),
        ("SELECT nothing FROM events", BadUsage),
        ("SELECT 9223372036854775807::HUGEINT * 9", BadUsage),
        ("SELECT * FROM nowhere", NotFound),
        ("SELECT * FROM 'somewhere.csv'", NotFound),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(
    small: Past, query: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        small.sql(query)
