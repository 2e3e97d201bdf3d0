"""What differs between two looks is what two dictionaries of their rows say, whatever came in between."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadUsage
from ledger.event import MERGED, SPLIT, Event
from ledger.gone import Gone
from ledger.people import People
from ledger.sqlite.book import SqliteBook
from projections import Views
from replay.comparing.diff import Difference, diff
from replay.history import Clocks, Past
from tests.ledger.searched import Link, Searched
from tests.projections.business import happening
from tests.replay import past

Row = dict[str, Any]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    with closing(Views.open(tmp_path_factory.mktemp("views") / "views.db")) as opened:
        yield opened


def told(found: Difference) -> list[Row]:
    return [row for batch in found.rows() for row in batch.to_pylist()]


# ---- any two tables, against dictionaries


def plain(value: Any) -> Any:
    """A value as it is compared: NaN equals itself, and -0.0 is 0.0."""
    return "NaN" if isinstance(value, float) and isnan(value) else value


def compared(before: Sequence[Row], after: Sequence[Row], key: Sequence[str]) -> list[Row]:
    """What a difference has to say, by key."""
    was = {tuple(plain(row[name]) for name in key): row for row in before}
    is_ = {tuple(plain(row[name]) for name in key): row for row in after}
    assert len(was) == len(before)
    assert len(is_) == len(after)
    found = []
    for one in {**was, **is_}:
        old, new = was.get(one), is_.get(one)
        names = [name for name in (old or new or {}) if name not in key]
        told: Row = {**{name: (old or new or {})[name] for name in key}, "columns": None}
        told |= {f"{name}_before": old and old[name] for name in names}
        told |= {f"{name}_after": new and new[name] for name in names}
        if old is None or new is None:
            found.append({"change": "added" if old is None else "gone", **told})
            continue
        columns = [name for name in names if plain(old[name]) != plain(new[name])]
        if columns:
            found.append({"change": "changed", **told, "columns": columns})
    return found


def same(row: Row) -> str:
    """A row in one spelling, in whatever order its columns are."""
    return repr(sorted((name, plain(value) or value) for name, value in row.items()))


numbers = st.none() | st.integers(0, 2)
floats = st.sampled_from([None, 0.0, -0.0, float("nan"), 1.5])
texts = st.sampled_from([None, "", "a", "é", "é"])
rows = st.lists(
    st.tuples(numbers, texts, floats, numbers, texts).map(
        lambda row: dict(zip("abcde", row, strict=True))
    ),
    max_size=9,
)
SCHEMA = pa.schema(
    [("a", pa.int64()), ("b", pa.string()), ("c", pa.float64()), ("d", pa.int64()), ("e", pa.string())]
)  # fmt: skip


def keyed(listed: Sequence[Row], key: Sequence[str]) -> list[Row]:
    """The first of the rows of each key."""
    found: dict[Any, Row] = {}
    for row in listed:
        found.setdefault(tuple(plain(row[name]) for name in key), row)
    return [*found.values()]


def table(listed: Sequence[Row]) -> pa.Table:
    return pa.Table.from_pylist(listed, schema=SCHEMA)


@settings(max_examples=30)
@given(rows, rows, st.sampled_from([["a"], ["b", "a"], ["c", "b"], list(SCHEMA.names)]))
def test_two_tables_differ_as_two_dictionaries_do(
    views: Views, one: list[Row], other: list[Row], key: list[str]
) -> None:
    before, after = keyed(one, key), keyed(other, key)
    found = diff(views, "kpi", table(before), table(after), key)
    expected = compared(before, after, key)
    assert sorted(map(same, told(found))) == sorted(map(same, expected))
    counts = Counter(row["change"] for row in expected)
    assert (found.added, found.gone, found.changed) == (
        counts["added"],
        counts["gone"],
        counts["changed"],
    )
    assert found.by_column == Counter(c for row in expected for c in row["columns"] or ())
    assert found.nothing == (not expected)
    assert found.key == tuple(key)
    shown = [[row[name] for name in key] for row in told(found)]
    assert [repr(one) for one in shown] == [repr(one) for one in sorted(shown, key=_in_order)]


def _in_order(key: Sequence[Any]) -> tuple[Any, ...]:
    """As DuckDB sorts: nulls last, NaN after every number, text by its bytes."""
    return tuple(
        (value is None, plain(value) == "NaN", value.encode() if isinstance(value, str) else value)
        if value is not None and plain(value) != "NaN"
        else (value is None, plain(value) == "NaN", 0)
        for value in key
    )


@settings(max_examples=20)
@given(rows, rows)
def test_without_a_key_what_is_found_leads_from_one_to_the_other(
    views: Views, one: list[Row], other: list[Row]
) -> None:
    """By leading columns that tell the rows of both apart, as few as do; else whole rows are counted."""
    found = diff(views, "kpi", table(one), table(other))
    names = SCHEMA.names
    fitting = [
        names[:n]
        for n in range(1, len(names))
        if all(len(keyed(listed, names[:n])) == len(listed) for listed in (one, other))
    ]
    assert list(found.key) == (fitting[0] if fitting else [])
    if fitting:
        assert sorted(map(same, told(found))) == sorted(map(same, compared(one, other, found.key)))
        return
    was, is_ = Counter(map(same, one)), Counter(map(same, other))
    expected = {("gone", row): n for row, n in (was - is_).items()}
    expected |= {("added", row): n for row, n in (is_ - was).items()}
    seen = Counter((row.pop("change"), same(row)) for row in told(found))
    assert seen == expected
    assert (found.added, found.gone) == ((is_ - was).total(), (was - is_).total())
    assert (found.changed, found.by_column) == (0, {})


def test_a_key_that_does_not_tell_rows_apart_is_refused(views: Views) -> None:
    twice = table([dict.fromkeys(SCHEMA.names), {**dict.fromkeys(SCHEMA.names), "d": 1}])
    for before, after in ((twice, table([])), (table([]), twice)):
        with pytest.raises(BadUsage, match=r"key: expected one row for each a, came several"):
            diff(views, "kpi", before, after, ["a"])
    with pytest.raises(
        BadUsage, match=r"key: expected columns of both looks, came f; there are a, b"
    ):
        diff(views, "kpi", twice, twice, ["f"])
    with pytest.raises(BadUsage, match=r"key: expected each column once"):
        diff(views, "kpi", twice, twice, ["d", "d"])


def test_a_column_that_is_of_another_type_is_compared_by_its_value(views: Views) -> None:
    before = pa.table({"k": [1, 2], "n": [1, 2], "t": ["1", "x"], "gone": [1, 1]})
    after = pa.table({
        "k": pa.array([1, 2], pa.int16()),
        "n": [1.0, 2.5],
        "t": [1, 2],
        "new": ["", ""],
    })  # fmt: skip
    found = diff(views, "kpi", before, after, ["k"])
    assert (found.only_before, found.only_after) == (("gone",), ("new",))
    assert (found.added, found.gone, found.changed) == (0, 0, 1)
    assert told(found) == [{
        "change": "changed", "k": 2, "columns": ["n", "t"], "n_before": 2, "n_after": 2.5,
        "t_before": "x", "t_after": 2, "gone_before": 1, "new_after": "",
    }]  # fmt: skip
    with pytest.raises(BadUsage, match="no column"):
        diff(views, "kpi", pa.table({"a": [1]}), pa.table({"b": [1]}))


def test_names_that_are_taken_get_a_number(views: Views) -> None:
    before = pa.table({"Change": [1], "x_before": [1], "x": [1], 'it\'s "{0}"': [1]})
    after = pa.table({"Change": [1], "x_before": [1], "x": [2], 'it\'s "{0}"': [2]})
    found = diff(views, "kpi", before, after, ["Change", "x_before"])
    assert told(found) == [{
        "change": "changed", "Change_2": 1, "x_before": 1, "columns": ["x", "it's \"{0}\""],
        "x_before_2": 1, "x_after": 2, "it's \"{0}\"_before": 1, "it's \"{0}\"_after": 2,
    }]  # fmt: skip
    assert next((pair.name, pair.before, pair.after) for pair in found.pairs) == (
        "x",
        "x_before_2",
        "x_after",
    )


def test_a_large_difference_comes_in_parts(views: Views) -> None:
    keys = pa.array(range(150_000))
    before = pa.table({"k": keys, "n": keys})
    after = pa.table({"k": pa.array(range(1, 150_001)), "n": pa.array(range(150_000))})
    found = diff(views, "kpi", before, after)
    assert (found.key, found.added, found.gone, found.changed) == (("k",), 1, 1, 149_999)
    sizes = [batch.num_rows for batch in found.rows()]
    assert sum(sizes) == 150_001
    assert max(sizes) <= 20_000


def test_of_a_view_its_own_key_comes_first(views: Views) -> None:
    def key(name: str, listed: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
        rows = pa.table(dict(listed))
        return diff(views, name, rows, rows.slice(0, 1)).key

    assert key("customer_money", {"orders": [1], "currency": ["EUR"], "customer": ["a"]}) == (
        "customer",
        "currency",
    )
    # Of a question the longest that it shows whole: `deal_step` asks `deal_stage`, of a deal and a stage.
    assert key("deal_step", {"place": [1, 1], "stage": ["a", "b"], "deal": ["x", "y"]}) == (
        "deal",
        "stage",
    )
    assert key("deal_step", {"place": [1, 2], "deal": ["x", "x"]}) == ("place",)
    assert key("deal_step", {"place": [1, 1]}) == ()


# ---- a history: late news, merges, splits, erasures

SOME = [UUID(int=n << 90, version=4) for n in range(1, 5)]
DAYS = st.integers(0, 4)


@dataclass(frozen=True)
class Said:
    """One event: of what kind, about whom, on which day. `looked`: after it, somebody looks."""

    kind: str
    who: int
    other: int
    day: int
    amount: int
    looked: bool


saids = st.builds(
    Said,
    st.sampled_from(
        ["order.placed"] * 4 + ["order.refunded", MERGED, MERGED, SPLIT, "customer.erasing"]
    ),
    st.integers(0, 3),
    st.integers(1, 3),
    DAYS,
    st.integers(0, 3),
    st.booleans(),
)


def event_of(said: Said, number: int) -> Event:
    who, at = SOME[said.who], BEGIN + timedelta(days=said.day)
    other = SOME[(said.who + said.other) % len(SOME)]
    if said.kind in (MERGED, SPLIT):
        linked = happening("task.completed", at, who, other=str(other), number=number)
        return replace(linked, type=said.kind, domain="audit")
    if said.kind == "customer.erasing":
        return happening(said.kind, at, who, legal_basis="art17", number=number)
    bought: Row = {"currency": "EUR", "amount_minor": said.amount}
    return happening(said.kind, at, who, number=number, **bought)


@settings(max_examples=6)
@given(
    st.lists(saids, min_size=4, max_size=14),
    st.tuples(st.none() | DAYS, st.none() | DAYS),
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
)
def test_two_looks_at_a_history_differ_as_a_model_has_it(
    views: Views,
    saids: list[Said],
    days: tuple[int | None, int | None],
    known: tuple[int, int],
) -> None:
    born = [Said("order.placed", n, 1, 0, 1, looked=False) for n in range(len(SOME))]
    saids = [*born, *saids]
    uptos = [min(len(born) + n % len(saids), len(saids)) for n in known]
    saved: dict[int, list[Row]] = {}
    with (
        TemporaryDirectory() as folder,
        SqliteBook(Path(folder)) as book,
        closing(Views.open(Path(folder) / "views.db", gone=Gone(book))) as kept,
    ):
        history = Past(book, kept, People(book), Gone(book).now)
        for number, said in enumerate(saids, 1):
            book.append([event_of(said, number)])
            if number in uptos:
                kept.catch_up(book)
                saved[number] = history.view("customer_money").to_pylist()
        looks = [
            Clocks(None if day is None else BEGIN + timedelta(days=day), upto)
            for day, upto in zip(days, uptos, strict=True)
        ]
        found = diff(kept, "customer_money", *(history.view("customer_money", at) for at in looks))
        rows = told(found)
    before, after = (modelled(saids, at) for at in looks)
    assert found.key == ("customer", "currency")
    assert sorted(map(same, rows)) == sorted(map(same, compared(before, after, found.key)))
    nobody_erased = all(said.kind != "customer.erasing" for said in saids)
    if nobody_erased and days == (None, None):  # then it is what was seen on those days
        before, after = (saved[upto] for upto in uptos)
        assert sorted(map(same, rows)) == sorted(map(same, compared(before, after, found.key)))


def modelled(saids: Sequence[Said], at: Clocks) -> list[Row]:
    """The rows of `customer_money` by then, each person under the oldest of them; the erased are nobody."""
    erased = {said.who for said in saids if said.kind == "customer.erasing"}
    seen = [
        (position, said)
        for position, said in enumerate(saids, 1)
        if position <= (at.known_upto or 0)
        and (at.as_of is None or BEGIN + timedelta(days=said.day) <= at.as_of)
    ]
    people = Searched(
        (position, Link(said.kind == MERGED, said.who, other, said.day))
        for position, said in seen
        if said.kind in (MERGED, SPLIT)
        and {said.who, other := (said.who + said.other) % len(SOME)}.isdisjoint(erased)
    )
    facts = [
        {
            "customer": SOME[min(people.reached(said.who))],
            "currency": "EUR",
            "type": said.kind,
            "amount_minor": said.amount,
            "occurred_at": (BEGIN + timedelta(days=said.day)).replace(tzinfo=None),
        }
        for _, said in seen
        if said.kind.startswith("order.") and said.who not in erased
    ]
    return past.customer_money(facts)
