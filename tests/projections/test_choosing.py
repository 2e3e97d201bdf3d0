"""Conditions, orders and places among rows: as Python has them, and never as somebody else's SQL."""

from datetime import UTC, date, datetime
from itertools import product
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadField
from projections.choosing import By, Condition, Op, beyond, choose, condition_of, plain, value_of

NOON = datetime.fromisoformat("2026-01-31T12:00")

TYPES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "truth": (pa.bool_(), [True, False, None]),
    "count": (pa.int64(), [-(2**63), -1, 0, 7, 2**63 - 1, None]),
    "text": (pa.string(), ["", "a", "ä", "o'brien", '"; DROP TABLE x; --', "%_\\", "日本", None]),
    "who": (pa.uuid(), [UUID(int=1), UUID(int=2**127), None]),
    "at": (
        pa.timestamp("us"),
        [
            datetime.fromisoformat("1969-12-31T23:00"),
            datetime.fromisoformat("2026-01-31T12:00:00.000001"),
            None,
        ],
    ),
    "day": (pa.date32(), [date(1, 1, 1), date(2026, 1, 31), None]),
    "share": (pa.float64(), [-1.5, 0.0, 2.25, None]),
}
COLUMNS = [*TYPES]
ROW = st.fixed_dictionaries({name: st.sampled_from(values) for name, (_, values) in TYPES.items()})


def table(rows: list[dict[str, Any]]) -> pa.Table:
    schema = pa.schema([(name, kind) for name, (kind, _) in TYPES.items()])
    return pa.Table.from_pylist(
        [{**row, "n": n} for n, row in enumerate(rows)], schema.append(pa.field("n", pa.int64()))
    )


def meets(row: dict[str, Any], column: str, op: Op, values: list[Any]) -> bool:
    """What a condition means, by Python."""
    mine = row[column]
    if op is Op.NULL:
        return (mine is None) is values[0]
    if mine is None:
        return False
    key = str.encode if isinstance(mine, str) else lambda one: one
    compared: dict[Op, Any] = {
        Op.EQ: lambda: mine == values[0],
        Op.NE: lambda: mine != values[0],
        Op.LT: lambda: key(mine) < key(values[0]),
        Op.LTE: lambda: key(mine) <= key(values[0]),
        Op.GT: lambda: key(mine) > key(values[0]),
        Op.GTE: lambda: key(mine) >= key(values[0]),
        Op.IN: lambda: mine in values,
    }
    return bool(compared[op]())


@settings(max_examples=40)
@given(st.lists(ROW, min_size=1, max_size=6), st.data())
def test_a_condition_keeps_the_rows_that_meet_it(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    column = data.draw(st.sampled_from(COLUMNS))
    op = data.draw(st.sampled_from([*Op]))
    kind, values = TYPES[column]
    present = [one for one in values if one is not None]
    if op is Op.NULL:
        asked = [data.draw(st.booleans())]
    else:
        asked = data.draw(
            st.lists(st.sampled_from(present), min_size=1, max_size=3 if op is Op.IN else 1)
        )
    found = choose(table(rows), [Condition(column, op, tuple(asked)).sql], [By("n")])
    assert found.column("n").to_pylist() == [
        n for n, r in enumerate(rows) if meets(r, column, op, asked)
    ]
    assert found.schema == table(rows).schema
    if op is not Op.NULL:  # and what is written comes to the same
        written = [plain(one) for one in asked]
        assert [value_of(column, str(one), kind) for one in written] == asked


def place(row: dict[str, Any], order: list[By]) -> list[Any]:
    """What a row sorts by: null last, whatever the direction."""
    keys = []
    for by in order:
        value = row[by.column]
        if isinstance(value, str):
            value = [*value.encode()]
        keys.append(
            (value is None, _Down(value) if by.descending else value)
            if value is not None
            else (True, 0)
        )
    return keys


class _Down:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Down") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Down) and bool(self.value == other.value)

    __hash__ = None  # type: ignore[assignment]


@settings(max_examples=40)
@given(
    st.lists(ROW, min_size=1, max_size=7),
    st.lists(
        st.tuples(st.sampled_from(COLUMNS), st.booleans()), max_size=2, unique_by=lambda o: o[0]
    ),
    st.integers(1, 3),
)
def test_pages_in_any_order_come_to_the_whole(
    rows: list[dict[str, Any]], asked: list[tuple[str, bool]], limit: int
) -> None:
    order = [*(By(column, down) for column, down in asked), By("n")]
    given_rows = table(rows)
    found: list[int] = []
    after: list[Any] | None = None
    while True:
        where = [] if after is None else [beyond(order, after)]
        page = choose(given_rows, where, order, limit).to_pylist()
        found += [row["n"] for row in page]
        if len(page) < limit:
            break
        after = [page[-1][by.column] for by in order]
    numbered = [{**row, "n": n} for n, row in enumerate(rows)]
    assert found == [row["n"] for row in sorted(numbered, key=lambda row: place(row, order))]


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *product(["truth"], ["", "TRUE", "1", "nil"]),
        *product(["count"], ["", "1.0", "1e3", "9223372036854775808", "٣", "0x10", "1 OR 1=1"]),
        *product(["who"], ["", "1", "anna@example.com"]),
        *product(["at"], ["", "2026-01-31", "2026-01-31T12:00:00", "now()"]),
        *product(["day"], ["", "2026-01-32", "yesterday"]),
        *product(["share"], ["", "nan", "1e999", "inf", "1;2"]),
        *product(["text"], ["a\x00b", "\ud800"]),
    ],
)
def test_what_is_no_value_of_the_type_is_refused_and_not_quoted(column: str, text: str) -> None:
    with pytest.raises(BadField) as refused:
        condition_of(column, Op.EQ, text, TYPES[column][0])
    assert len(text) < 5 or text not in str(refused.value).partition("came")[2]


def test_lists_and_objects_answer_whether_they_are_there_alone() -> None:
    kind = pa.list_(pa.int64())
    assert condition_of("some", Op.NULL, "true", kind).values == (True,)
    with pytest.raises(BadField):
        condition_of("some", Op.EQ, "1", kind)


def test_times_are_compared_in_utc() -> None:
    condition = condition_of("at", Op.EQ, "2026-01-31T14:00:00+02:00", pa.timestamp("us"))
    assert condition.values == (NOON,)
    assert plain(NOON) == "2026-01-31T12:00:00Z"
    assert datetime.fromisoformat(plain(NOON) or "").tzinfo == UTC
