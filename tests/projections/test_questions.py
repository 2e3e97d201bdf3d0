"""Questions, conditions, and the face of it all: what may be asked, and what the answer is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.errors import BadUsage, DefinitionRefused, NotFound
from projections import Kind, State, Views
from projections.questions import parse_question
from tests.projections import model, model_kpi
from tests.projections.source import MemorySource, shop

_EVENTS = shop(1200, 40, seed=3)
SOURCE = MemorySource.of(_EVENTS)
NOW = max(event.occurred_at for event in _EVENTS)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    own = tmp_path_factory.mktemp("own")
    (own / "questions").mkdir()
    (own / "questions" / "best.sql").write_text(
        "-- best: the five who bought most, with their rank.\n"
        "SELECT customer, orders, rank() OVER (ORDER BY orders DESC) AS place\n"
        "FROM customer_360 QUALIFY place <= 5"
    )
    (own / "questions" / "best_age.sql").write_text(
        "-- best_age: how long we know the best, at :now.\n"
        "SELECT best.customer, (:now::DATE - c.first_seen::DATE) AS known_for FROM best\n"
        "JOIN customer_360 AS c USING (customer)"
    )
    opened = Views.open(own / "views.db", [own], clock=lambda: NOW)
    opened.catch_up(SOURCE)
    yield opened
    opened.close()


@pytest.mark.parametrize("share", [0.2, 0.6, 1.0])
def test_kpi_is_what_the_model_works_out(views: Views, share: float) -> None:
    when = NOW - (1 - share) * (NOW - datetime(2024, 1, 1, tzinfo=UTC))
    rows = views.rows("kpi", source=SOURCE, as_of=when).to_pylist()
    key = ("metric", "month", "market", "currency")
    found = {tuple(row[name] for name in key): row["value"] for row in rows}
    assert len(found) == len(rows)
    naive = when.replace(tzinfo=None)
    events = [model.seen(n, b) for n, b in enumerate(SOURCE.raw.column("body").to_pylist(), 1)]
    known = [event for event in events if event["occurred_at"] <= naive]
    assert found == model_kpi.kpi(known, naive)


def test_kpi_today_is_kpi_as_of_the_end(views: Views) -> None:
    assert views.rows("kpi").equals(views.rows("kpi", source=SOURCE, as_of=NOW))


def test_a_question_may_ask_a_question_and_the_time(views: Views) -> None:
    best = views.rows("best").to_pylist()
    assert best
    assert all(row["place"] <= 5 for row in best)
    later = NOW + timedelta(days=3)
    known = {
        row["customer"]: row["known_for"] for row in views.rows("best_age", now=later).to_pylist()
    }
    for customer, known_for in known.items():
        row = views.row("customer_360", customer)
        assert row is not None
        assert known_for == (later.date() - row["first_seen"].date()).days
    assert set(known) == {row["customer"] for row in best}


_QUESTIONS_REFUSED: dict[str, tuple[str, str]] = {
    "SELECT 1 AS a; SELECT 2 AS b": ("file", "a question is one SELECT, and nothing else"),
    "DELETE FROM daily": ("file", "a question is one SELECT, and nothing else"),
    "SELECT (FROM": ("file", "it cannot be read as SQL"),
    "SELECT now() AS a": ("now", "DuckDB calls it CONSISTENT_WITHIN_QUERY, not CONSISTENT"),
    "SELECT current_date AS a": ("current_date", "it is another value each time"),
    "SELECT age(:now) AS a": ("age", "it reads the clock, though DuckDB calls it consistent"),
    "SELECT random() AS a": ("random", "DuckDB calls it VOLATILE, not CONSISTENT"),
    "SELECT :later AS a": ("parameter", ":later: a question has one input"),
    "SELECT $1 AS a": ("parameter", ":1: a question has one input"),
    "SELECT * FROM range(3)": ("FROM", "range: it is a table function"),
    "SELECT * FROM read_csv('/etc/passwd')": ("FROM", "read_csv: it is a table function"),
    "SELECT * FROM '/etc/passwd'": ("FROM", "/etc/passwd: it is no view"),
    "SELECT * FROM information_schema.tables": ("FROM", "information_schema.tables: it is no view"),
}


@pytest.mark.parametrize("text", _QUESTIONS_REFUSED)
def test_a_question_that_looks_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(DefinitionRefused) as refusal:
        parse_question("asked", "-- asked: in vain.\n" + text)
    where, why = _QUESTIONS_REFUSED[text]
    assert refusal.value.where == where
    assert refusal.value.why.startswith(why)


def test_now_is_a_parameter_wherever_it_stands_and_only_there() -> None:
    text = "-- asked: x.\nSELECT (:now::DATE) AS a, :now AS b, {'c':now} AS d, ':now' AS e FROM t"
    question = parse_question("asked", text)
    literal = "CAST('2024-01-02 03:04:05' AS TIMESTAMP)"
    assert question.sql(datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)) == (
        f"SELECT (CAST({literal} AS DATE)) AS a, {literal} AS b, {{'c': now}} AS d, ':now' AS e FROM t"
    )


@contextmanager
def _listed(folder: Path) -> Iterator[None]:
    """Open the views of a folder and list them, which reads every one."""
    opened = Views.open(folder / "views.db", [folder / "own"])
    try:
        opened.list(0)
        yield
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"questions/a.sql": "SELECT * FROM events"}, "there is no view events"),
        ({"questions/a.sql": "SELECT * FROM duckdb_settings"}, "there is no view duckdb_settings"),
        (
            {"questions/a.sql": "SELECT * FROM b", "questions/b.sql": "SELECT * FROM a"},
            "it asks itself: ",
        ),
        ({"questions/daily.sql": "SELECT 1 AS n"}, "another view has this name"),
        ({"questions/a.sql": "SELECT nothing FROM daily"}, "a: Binder Error"),
    ],
)  # fmt: skip
def test_a_folder_of_views_that_do_not_fit_is_refused(
    tmp_path: Path, files: dict[str, str], why: str
) -> None:
    (tmp_path / "own" / "questions").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "own" / name).write_text("-- made to be refused.\n" + text)
    with pytest.raises(DefinitionRefused) as refusal, _listed(tmp_path):
        pass
    assert refusal.value.why.startswith(why)


def test_where_keeps_the_rows_for_which_it_is_true(views: Views) -> None:
    rows = views.rows("customer_360").to_pylist()
    kept = views.rows("customer_360", where="orders > 8 AND market = 'DE'").to_pylist()
    wanted = [row for row in rows if row["orders"] > 8 and row["market"] == "DE"]
    assert kept == wanted != []
    buyers = views.rows("kpi", where="metric = 'buyers' AND month IS NULL AND market IS NULL")
    assert buyers.column("metric").to_pylist() == ["buyers"]


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1; DROP TABLE events", "orders >", "(SELECT true)", "customer IN (SELECT customer FROM kpi)",
        "EXISTS (SELECT 1 FROM read_text('/etc/passwd'))", "row_number() OVER () < 3", "count(*) > 1",
        "orders > :n", "orders > ?", "random() < 0.5", "first_seen < now()", "nobody = 1",
        "orders = 1) OR (true", "getenv('HOME') = 'x'", "SELECT true", "language::BIGINT > 3",
    ],
)  # fmt: skip
def test_where_is_one_condition_and_nothing_else(views: Views, where: str) -> None:
    with pytest.raises(BadUsage):
        views.rows("customer_360", where=where)


def test_an_error_over_values_does_not_show_them(views: Views) -> None:
    with pytest.raises(BadUsage) as error:
        views.rows("customer_360", where="last_touch::BIGINT = 3")
    assert "order" not in str(error.value)
    assert "email" not in str(error.value)


def test_the_list_names_every_view_with_its_purpose_and_lag(views: Views) -> None:
    listed = {line.name: line for line in views.list(1_300)}
    assert list(listed) == [*sorted(views.folds), *sorted(views.questions)]
    assert {"customer_360", "daily"} <= views.folds.keys()
    assert {"best", "best_age", "kpi"} <= views.questions.keys()
    assert {(line.position, line.lag, line.state) for line in listed.values()} == {
        (1_200, 100, State.BEHIND)
    }
    assert listed["kpi"].kind is Kind.QUESTION
    assert listed["daily"].purpose == (
        "one row a day (UTC), type, market and currency; how much happened, for how much, and how"
        " people answered."
    )


def test_what_is_not_there_is_named_with_what_is(views: Views) -> None:
    customer = _EVENTS[0].customer
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: views.rows("nothing"), NotFound, "no view nothing; there are .*best, best_age, "),
        (lambda: views.row("kpi", 1), BadUsage, "kpi is a question: expected a fold"),
        (lambda: views.row("customer_money", customer), BadUsage, "a value each for customer, currency"),
        (lambda: views.rows("daily", customer=customer), BadUsage, "a row a customer"),
        (lambda: views.rows("daily", as_of=NOW), BadUsage, "the events to be at hand"),
        (
            lambda: views.rows("daily", source=SOURCE, as_of=NOW.replace(tzinfo=None)),
            BadUsage, "expected a time with a zone",
        ),
    ]  # fmt: skip
    for call, kind, message in cases:
        with pytest.raises(kind, match=message):
            call()
