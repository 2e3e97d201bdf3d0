"""Why a figure is what it is, what a view means, and whether a new fold may go live."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ledger.errors import BadUsage, DefinitionRefused, NotFound
from projections import ALIASES, Views, rules, value_types
from projections.definition import Aggregate
from projections.sqlite import sql as sqlite_sql
from tests.projections import model
from tests.projections.source import MemorySource, ScannedSource, shop

_EVENTS = shop(800, 6, seed=11)
SOURCE = MemorySource.of(_EVENTS, cuts=[300, 70], again=5)
SCANNED = ScannedSource.of(_EVENTS)
SEEN = [model.seen(n, b) for n, b in enumerate(SOURCE.raw.column("body").to_pylist(), 1)]
_KEYS = {
    "customer_360": ("customer",), "customer_money": ("customer", "currency"),
    "customer_channel": ("customer", "channel"), "daily": ("day", "type", "market", "currency"),
}  # fmt: skip
_MODELS = {
    "customer_360": model.CUSTOMER_360, "customer_money": model.CUSTOMER_MONEY,
    "customer_channel": model.CUSTOMER_CHANNEL, "daily": model.DAILY,
}  # fmt: skip


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    opened = Views.open(tmp_path_factory.mktemp("views") / "views.db")
    opened.catch_up(SOURCE)
    yield opened
    opened.close()


def _expected(name: str, key: tuple[Any, ...], column: str) -> tuple[list[int], int | None]:
    """Positions of the events behind a cell in order of moment, and the one that decides."""
    view = _MODELS[name]
    how = view.columns[column]
    found = [
        event
        for event in SEEN
        if view.only(event) is True
        and tuple(take(event) for take in view.keys.values()) == key
        and how.only(event) is True
        and how.of(event) is not None
    ]
    found.sort(key=lambda event: event["moment"])
    positions = [event["position"] for event in found]
    if how.how in {"count", "sum"} or not found:
        return positions, None
    if how.how.startswith("arg_"):
        return positions, positions[0 if how.how == "arg_min" else -1]
    values = [how.of(event) for event in found]
    extreme = min if how.how in {"min", "bool_and"} else max
    return positions, positions[values.index(extreme(values))]


@pytest.mark.parametrize("name", _MODELS)
def test_why_lists_exactly_the_events_behind_a_cell(views: Views, name: str) -> None:
    row = max(
        views.rows(name).to_pylist(), key=lambda row: sum(v is not None for v in row.values())
    )
    key = tuple(row[part] for part in _KEYS[name])
    for column in _MODELS[name].columns:
        why = views.why(name, column, *key, source=SOURCE)
        events = why.events.to_pylist()
        positions, deciding = _expected(name, key, column)
        assert [event["position"] for event in events] == positions, column
        assert [e["position"] for e in events if e["decides"]] == (
            [deciding] if deciding else []
        ), column
        assert [event["id"] for event in events] == [SEEN[p - 1]["id"] for p in positions]
        assert "FROM events" in why.sql
        upto = positions[len(positions) // 2] if positions else 1
        then = views.why(name, column, *key, source=SOURCE, known_upto=upto)
        for last, batched in ((None, why), (upto, then)):
            scanned = views.why(name, column, *key, source=SCANNED, known_upto=last)
            assert scanned.events.equals(batched.events), column


def test_why_of_a_merged_customer_has_the_events_of_all_its_members(views: Views) -> None:
    first, second = sorted({event.customer for event in _EVENTS if event.customer})[:2]
    pair = [pa.array([value.bytes], pa.binary(16)) for value in (second, first)]
    aliases = pa.table([pa.ExtensionArray.from_storage(pa.uuid(), v) for v in pair], schema=ALIASES)
    why = views.why("customer_360", "touchpoints", second, source=SOURCE, aliases=aliases)
    row = views.row("customer_360", second, aliases=aliases)
    assert row is not None
    assert row["customer"] == first
    assert why.events.num_rows == row["touchpoints"]
    apart = [views.row("customer_360", person) for person in (first, second)]
    assert row["touchpoints"] == sum(part["touchpoints"] for part in apart if part)


def test_why_names_what_it_cannot_answer(views: Views) -> None:
    customer = _EVENTS[0].customer
    with pytest.raises(NotFound, match=r"no column customer_360.nothing; there are touchpoints, "):
        views.why("customer_360", "nothing", customer, source=SOURCE)
    with pytest.raises(
        BadUsage, match=r"kpi is a question: .* it asks campaign_result, customer_360, "
    ):
        views.why("kpi", "value", "buyers", source=SOURCE)
    with pytest.raises(BadUsage, match="a value each for customer, currency, came 1"):
        views.why("customer_money", "orders", customer, source=SOURCE)
    for source in (SOURCE, SCANNED):
        with pytest.raises(BadUsage, match=r"^key: expected values of the types of its columns$"):
            views.why("customer_360", "orders", "somebody", source=source)


def test_a_quote_in_a_key_is_a_value_and_not_sql(views: Views) -> None:
    for source in (SOURCE, SCANNED):
        quoted = "x' OR true --"
        why = views.why("customer_money", "orders", _EVENTS[0].customer, quoted, source=source)
        assert why.events.num_rows == 0


def test_explain_shows_purpose_columns_and_the_sql_that_is_run(views: Views) -> None:
    text = views.explain("customer_money")
    assert text.startswith("customer_money — one row a customer and currency; what they ordered")
    for part in (
        "key: currency", "the sum of amount_minor, where type = 'order.placed'", "WITHOUT ROWID",
        "ON CONFLICT", "GROUP BY 1, 2",
    ):  # fmt: skip
        assert part in text
    assert (
        "asks campaign_result, customer_360, customer_milestone, customer_money, "
        in views.explain("kpi")
    )


def _file(folder: Path, select: str) -> Path:
    path = folder / "tried.sql"
    path.write_text("-- tried: before it goes live.\n" + select)
    return path


def test_check_tries_a_good_fold_on_real_and_on_made_events(views: Views, tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "SELECT market, count(*) AS n, arg_max(plan, moment) FILTER (WHERE type <> 'x') AS plan"
        " FROM events GROUP BY market",
    )
    real, made = views.check(path, SOURCE), views.check(path)
    assert (real.events, real.real, real.fold.name) == (800, True, "tried")
    assert (made.real, made.events > 1_000, made.splits > 20) == (False, True, True)


def test_check_tells_that_a_fold_would_stop(views: Views, tmp_path: Path) -> None:
    path = _file(tmp_path, "SELECT source, sum(plan::BIGINT) AS n FROM events GROUP BY source")
    with pytest.raises(DefinitionRefused, match="tried: events: the fold would stop: "):
        views.check(path, SOURCE)


def test_check_catches_a_merge_that_is_wrong(
    views: Views, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were ⊕ of a minimum to be the newer value, the trial would tell."""
    path = _file(tmp_path, "SELECT source, min(amount_minor) AS least FROM events GROUP BY source")
    views.check(path, SOURCE)
    monkeypatch.setitem(sqlite_sql.MERGES, Aggregate.MIN, "excluded.{0}")
    with pytest.raises(DefinitionRefused, match=r"tried: least: .* it does not merge"):
        views.check(path, SOURCE)


def test_check_catches_what_a_missing_rule_would_let_through(
    views: Views, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were collations not refused, a key would compare one way in DuckDB, another in the store."""
    text = "SELECT plan COLLATE NOCASE AS plan, count(*) AS n FROM events GROUP BY plan"
    with pytest.raises(DefinitionRefused, match="collation"):
        views.check(_file(tmp_path, text), SOURCE)
    from projections import shape

    monkeypatch.setattr(shape, "_NOWHERE", ())
    monkeypatch.setattr(rules, "_PLAIN", rules._PLAIN | {"COLLATE"})
    monkeypatch.setattr(value_types, "storable", lambda *_: value_types.ValueType.VARCHAR)
    with pytest.raises(DefinitionRefused, match="does not merge"):
        views.check(_file(tmp_path, text))
