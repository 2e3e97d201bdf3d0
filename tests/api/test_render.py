"""Rows in every format say the same; nothing in them is obeyed by a terminal or a spreadsheet."""

import csv
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet
import pytest
from rich.console import Console

from api import render
from api.archive.packing import Sheet
from api.render import Format, json_rows, readable, rich_table, visible, write_rows
from ledger.errors import BadUsage

SOMEBODY = UUID("aaaaaaaa-0000-4000-8000-000000000001")
COLUMNS: dict[str, tuple[pa.DataType, list[Any]]] = {
    "customer": (pa.uuid(), [SOMEBODY.bytes, None]),
    "orders": (pa.int64(), [-1234, None]),
    "seen": (pa.timestamp("us"), [datetime(2026, 1, 2, 3, 4, 5), None]),  # noqa: DTZ001 -- as stored
    "at": (pa.timestamp("us", "UTC"), [datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), None]),
    "day": (pa.date32(), [date(2026, 1, 2), None]),
    "clock": (pa.time64("us"), [time(12, 30), None]),
    "yes": (pa.bool_(), [True, None]),
    "text": (pa.string(), ['=cmd|" /C calc"!A0', None]),
    "words": (pa.string(), ["[/b] :smile: ज़ोया\n\x1b[31m", None]),
    "exact": (pa.decimal128(20, 2), [Decimal("-12.50"), None]),
    "rate": (pa.float64(), [0.25, float("nan")]),
    "list": (pa.list_(pa.int64()), [[1, 2], None]),
    "pair": (pa.struct({"a": pa.string(), "b": pa.date32()}), [{"a": "=", "b": None}, None]),
    "bytes": (pa.binary(), [b"\x00\xff", None]),
}
FIRST = {
    "customer": str(SOMEBODY),
    "orders": -1234,
    "seen": "2026-01-02T03:04:05Z",
    "at": "2026-01-02T03:04:05.000006Z",
    "day": "2026-01-02",
    "clock": "12:30:00",
    "yes": True,
    "text": '=cmd|" /C calc"!A0',
    "words": "[/b] :smile: ज़ोया\n\x1b[31m",
    "exact": -12.5,
    "rate": 0.25,
    "list": [1, 2],
    "pair": {"a": "=", "b": None},
    "bytes": "00ff",
}


def rows() -> pa.Table:
    fields = [pa.field(name, kind) for name, (kind, _) in COLUMNS.items()]
    return pa.table([made(kind, v) for kind, v in COLUMNS.values()], schema=pa.schema(fields))


def made(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


def written(tmp_path: Path, how: Format, given: pa.Table) -> bytes:
    target = tmp_path / "out"
    write_rows(given, how, target)
    return target.read_bytes()


def test_json_is_one_array_of_plain_values(tmp_path: Path) -> None:
    found = json.loads(written(tmp_path, Format.JSON, rows()))
    assert found == [FIRST, dict.fromkeys(COLUMNS)]
    assert b'"exact":-12.50' in written(tmp_path, Format.JSON, rows())
    assert json.loads(written(tmp_path, Format.JSON, rows().slice(0, 0))) == []


def test_csv_says_what_json_says(tmp_path: Path) -> None:
    text = written(tmp_path, Format.CSV, rows()).decode()
    first, second = csv.DictReader(StringIO(text, newline=""))
    for name, value in FIRST.items():
        if name == "text":
            assert first[name] == f"'{value}"
        else:
            assert first[name] == (value if isinstance(value, str) else first[name])
            assert isinstance(value, str) or json.loads(first[name]) == value
    assert set(second.values()) == {""}


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_csv_cell_that_a_spreadsheet_would_execute_is_defused(tmp_path: Path, begin: str) -> None:
    given = pa.table({"text": [f"{begin}1+1", f"a{begin}"], "number": [-1, -2]})
    found = written(tmp_path, Format.CSV, given).decode()
    read = list(csv.reader(StringIO(found, newline="")))
    assert read == [["text", "number"], [f"'{begin}1+1", "-1"], [f"a{begin}", "-2"]]


BEGUN = [
    begin for sign in "=+-@＝＋－＠" for begin in (sign, f" {sign}", f'"{sign}', f' "\t{sign}')
]


@pytest.mark.parametrize("within", [";", "\t", "\r", "\n", "\r\n", "\u2028"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_cell_that_begins_within_a_text_for_a_spreadsheet_is_defused(
    tmp_path: Path, within: str, delimiter: str
) -> None:
    texts = [f"hello{within}{begin}1+cmd|x{after}" for begin in BEGUN for after in ("", ";", ",")]
    given = pa.table({"first": texts, "list": [[text] for text in texts], "last": texts})
    file = BytesIO()
    sheet = Sheet(file, given.column_names)
    for row in given.to_pylist():
        sheet.add(list(row.values()))
    sheet.close()
    for written_ in (written(tmp_path, Format.CSV, given), file.getvalue()):
        text = written_.decode("utf-8-sig")
        for source in (StringIO(text, newline=""), re.split("[\r\n\u2028]", text)):
            for row in csv.reader(source, delimiter=delimiter):
                assert not [cell for cell in row if re.match(r"\s*[=+\-@＝＋－＠]", cell)]


def test_what_is_no_formula_stays_as_it_is(tmp_path: Path) -> None:
    texts = ["a;b", "a; b-c", "1-2;3=4", "x@example.com;y@example.com", "a\nb\n(c)", "well-known"]
    found = written(tmp_path, Format.CSV, pa.table({"text": texts})).decode()
    assert [row for (row,) in csv.reader(StringIO(found, newline=""))] == ["text", *texts]


def test_the_name_of_a_column_is_defused_as_well(tmp_path: Path) -> None:
    found = written(tmp_path, Format.CSV, pa.table({"=1+1": [-1], "a;-b": [-2.5]})).decode()
    assert found.splitlines() == ['"\'=1+1","a;\'-b"', '-1,"-2.5"']


def test_parquet_keeps_the_types(tmp_path: Path) -> None:
    found = pa.parquet.read_table(BytesIO(written(tmp_path, Format.PARQUET, rows())))
    assert found.schema.types == rows().schema.types
    assert json_rows(found)[0]["customer"] == str(SOMEBODY)
    assert found.drop_columns("rate").to_pylist() == rows().drop_columns("rate").to_pylist()


def test_what_parquet_cannot_hold_is_wrong_usage(tmp_path: Path) -> None:
    span = pa.array([pa.MonthDayNano([0, 3, 0])])
    with pytest.raises(BadUsage, match=r"^--format parquet: "):
        write_rows(pa.table({"span": span}), Format.PARQUET, tmp_path / "out")


def test_a_place_that_cannot_be_written_is_wrong_usage(tmp_path: Path) -> None:
    for target in (tmp_path, tmp_path / "no" / "out"):
        with pytest.raises(BadUsage, match=r"^--out: "):
            write_rows(rows(), Format.CSV, target)


def test_a_table_in_a_file_is_whole(tmp_path: Path) -> None:
    lines = written(tmp_path, Format.TABLE, pa.table({"n": [*range(1, 61)], "x": ["y" * 300] * 60}))
    assert lines.count(b"y" * 300) == 60


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (1234567, "1,234,567"),
        (Decimal("1234.50"), "1,234.50"),
        (datetime(2026, 1, 2), "2026-01-02"),  # noqa: DTZ001 -- as stored
        (datetime(2026, 1, 2, 3, 4, 5, 6), "2026-01-02 03:04:05"),  # noqa: DTZ001
        (date(2026, 1, 2), "2026-01-02"),
        (SOMEBODY, str(SOMEBODY)),
        ([1, {"a": SOMEBODY}], f'[1,{{"a":"{SOMEBODY}"}}]'),
        ("a\x1b[31m\x07\x9b\u202eb\nc", "a\\x1b[31m\\x07\\x9b\\u202eb\nc"),
    ],
)
def test_values_for_people(value: object, text: str) -> None:
    assert readable(value) == text


def test_what_a_terminal_would_obey_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    render.say("row 1: \x1b]0;title\x07 [bold]:smile:")
    assert capsys.readouterr().err == "row 1: \\x1b]0;title\\x07 [bold]:smile:\n"
    assert visible("ज़ोया 日本 é") == "ज़ोया 日本 é"


@contextmanager
def screen(width: int) -> Iterator[StringIO]:
    """What is printed for people, on a screen so wide."""
    seen, before = StringIO(), render.out
    render.out = Console(file=seen, width=width, highlight=False, markup=False, emoji=False)
    try:
        yield seen
    finally:
        render.out = before


def test_a_screen_shows_the_columns_that_fit_whole_and_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wide = pa.table({
        "customer": [str(SOMEBODY)] * 60,
        "nothing": pa.array([None] * 60, pa.int64()),
        **{f"column_{n}": [n] * 60 for n in range(20)},
    })  # fmt: skip
    with screen(100) as seen:
        write_rows(wide, Format.TABLE)
    lines = seen.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert sum(str(SOMEBODY) in line for line in lines) == 50
    assert "nothing" not in seen.getvalue()
    shown = seen.getvalue().count("column_")
    assert 1 < shown < 20
    said = (
        f"50 of 60 rows and {shown + 1} of 22 columns; --format json, csv or parquet has them all"
    )
    assert capsys.readouterr().err == said + "\n"


def test_long_texts_are_folded_and_ids_are_not() -> None:
    text = "one row a customer and channel; what reached them there, and what they did with it."
    given = pa.table({"id": [str(SOMEBODY)], "why": [text]})
    with screen(80) as seen:
        render.out.print(rich_table(given))
    assert str(SOMEBODY) in seen.getvalue()
    assert max(map(len, seen.getvalue().splitlines())) <= 80
    assert " ".join(seen.getvalue().replace(str(SOMEBODY), "").split()).endswith(text)
