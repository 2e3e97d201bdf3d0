"""An answer in every form is the same rows, with the types that they had."""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest

from ledger.errors import BadUsage
from replay.clocks import read_moment
from replay.history import Clocks
from replay.notebook.answer import Answer, Answers

SOMEBODY = UUID("aaaaaaaa-0000-4000-8000-000000000001")
NOON = datetime(2026, 3, 31, 12, 0, 0, 1, tzinfo=UTC)
LARGE = 2**62 + 1  # no float has it
EVIL = '<script>alert("1")</script>&\x1b[31m'

COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "customer": (pa.uuid(), [SOMEBODY.bytes, None]),
    "orders": (pa.int64(), [LARGE, None]),
    "seen": (pa.timestamp("us"), [NOON.replace(tzinfo=None), None]),
    "day": (pa.date32(), [date(2026, 1, 2), None]),
    "yes": (pa.bool_(), [True, None]),
    "text": (pa.string(), [EVIL, None]),
    "exact": (pa.decimal128(20, 2), [Decimal("-12.50"), None]),
    "data": (pa.json_(), ['{"a": 1}', None]),
    'a "name"': (pa.uuid(), [None, SOMEBODY.bytes]),
}


def answer(rows: int = 2, at: Clocks = Clocks()) -> Answer:  # noqa: B008 -- it is frozen
    arrays = {}
    for name, (kind, values) in COLUMNS.items():
        odd = isinstance(kind, pa.BaseExtensionType)
        array = pa.array(values, kind.storage_type if odd else kind)
        arrays[name] = pa.ExtensionArray.from_storage(kind, array) if odd else array
    two = pa.table(arrays)
    return Answer(pa.concat_tables([two] * (rows // 2)), "somewhere", at)


FIRST = {
    "customer": SOMEBODY,
    "orders": LARGE,
    "seen": NOON,
    "day": date(2026, 1, 2),
    "yes": True,
    "text": EVIL,
    "exact": Decimal("-12.50"),
    "data": '{"a": 1}',
    'a "name"': None,
}
SECOND = {**dict.fromkeys(FIRST), 'a "name"': SOMEBODY}


def test_rows_are_values_of_python_and_times_have_their_zone() -> None:
    given = answer()
    assert given.rows() == [*given] == [FIRST, SECOND]
    assert given.rows()[0]["seen"].utcoffset() is not None
    assert len(given) == 2


def test_arrow_keeps_every_type_and_says_that_times_are_utc() -> None:
    schema = answer().arrow().schema
    kinds = {name: kind for name, (kind, _) in COLUMNS.items()}
    assert {field.name: field.type for field in schema} == kinds | {
        "seen": pa.timestamp("us", "UTC")
    }


def test_pandas_has_whole_numbers_beside_nulls() -> None:
    import pandas as pd

    frame = answer().df()
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["orders"] == "Int64"
    assert kinds["yes"] == "boolean"
    assert kinds["seen"] == "datetime64[us, UTC]"
    assert kinds["day"].startswith("datetime64[")
    first = {name: column[0] for name, column in frame.items()}
    assert UUID(first["customer"]) == SOMEBODY
    assert first["orders"] == LARGE
    assert first["seen"].to_pydatetime() == NOON
    assert first["day"].date() == date(2026, 1, 2)
    assert (first["yes"], first["text"], first["exact"]) == (True, EVIL, Decimal("-12.50"))
    assert first["data"] == '{"a": 1}'
    second = {name: column[1] for name, column in frame.items()}
    assert UUID(second.pop('a "name"')) == SOMEBODY
    assert all(pd.isna(value) for value in second.values())


def test_polars_has_the_same() -> None:
    frame = answer().pl()
    found = frame.rows(named=True)
    assert found[0] == FIRST | {"customer": str(SOMEBODY)}
    assert found[1] == SECOND | {'a "name"': str(SOMEBODY)}
    assert str(frame.schema["seen"]) == "Datetime(time_unit='us', time_zone='UTC')"


def test_a_relation_is_as_sql_sees_it() -> None:
    with duckdb.connect() as connection:
        relation = answer().relation(connection)
        assert [str(kind) for kind in relation.types] == [
            "UUID", "BIGINT", "TIMESTAMP", "DATE", "BOOLEAN", "VARCHAR", "DECIMAL(20,2)", "JSON", "UUID",
        ]  # fmt: skip
        first = dict(zip(relation.columns, relation.fetchall()[0], strict=True))
        assert first == FIRST | {"seen": NOON.replace(tzinfo=None)}


def test_a_relation_of_the_default_connection_takes_part_in_sql() -> None:
    mine = answer().relation()
    found = duckdb.sql("SELECT count(*) FROM mine WHERE orders IS NOT NULL")
    assert found is not None
    assert found.fetchall() == [(1,)]
    assert mine.columns == list(COLUMNS)


class _Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs).get("style") or ""))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_shows_twenty_rows_escaped_with_numbers_to_the_right() -> None:
    at = Clocks(read_moment("2026-03-31", "as_of"), 1_234)
    page = _Page(answer(60, at)._repr_html_())
    tags = [tag for tag, _ in page.tags]
    assert set(tags) == {"table", "thead", "tbody", "tr", "th", "td", "p"}
    assert tags.count("tr") == 1 + 20
    columns = list(COLUMNS)
    sides = [style.endswith("right") for tag, style in page.tags if tag == "th"]
    assert [name for name, right in zip(columns, sides, strict=True) if right] == [
        "orders",
        "exact",
    ]
    assert '<script>alert("1")</script>&\\x1b[31m' in page.texts
    assert 'a "name"' in page.texts
    said = (
        "somewhere · as of 2026-03-31 · known up to position 1,234 · 60 rows · the first 20 shown"
    )
    assert page.texts[-1] == said


def test_a_name_of_a_column_is_text_as_well() -> None:
    text = Answer(pa.table({"<b>": [1]}), "<i>")._repr_html_()
    assert "<b>" not in text
    assert "<i>" not in text


def test_text_shows_what_fits_and_says_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = repr(answer(60)).splitlines()
    assert max(map(len, lines[:-1])) <= 60
    assert lines[-1].startswith("somewhere · now · 60 rows · the first 20 shown · ")
    assert lines[-1].endswith(f"of {len(COLUMNS)} columns shown")


def test_several_answers_stand_below_one_another() -> None:
    both = Answers({"one": answer(), "<two>": answer()})
    assert _Page(both._repr_html_()).texts.count("<two>") == 1
    assert repr(both).count("somewhere") == 2


@pytest.mark.parametrize(("library", "form"), [("pandas", Answer.df), ("polars", Answer.pl)])
def test_a_library_that_is_missing_is_named_with_the_line_that_installs_it(
    library: str, form: Callable[[Answer], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = answer()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(BadUsage, match=rf"{library} .*: pip install 'bahi\[notebook\]'"):
        form(given)
