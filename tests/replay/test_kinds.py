"""An answer of SQL of any type: in every format and frame it is the value that DuckDB has."""

import io
from datetime import date
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledger.errors import BadUsage
from replay import cage
from replay.notebook.answer import Answer
from replay.rows.formats import FileFormat, encoded
from replay.rows.shown import json_rows, rich_table

ID = UUID("2b7d5a3e-0000-4000-8000-000000000000")

ASKED: list[tuple[str, Any, Any]] = [
    ("true", True, True),
    ("[true, false, NULL]", [True, False, None], [True, False, None]),
    ("{'a': [false], 'b': 1}", {"a": [False], "b": 1}, {"a": [False], "b": 1}),
    ("[true]::BOOLEAN[1]", [True], [True]),
    ("MAP {'a': true}", [("a", True)], [["a", True]]),
    ("sum(7)", 7, 7),
    ("[sum(7), NULL]", [7, None], [7, None]),
    ("{'a \"b\"': [sum(7)]}", {'a "b"': [7]}, {'a "b"': [7]}),
    ("MAP {'a': sum(7)}", [("a", 7)], [["a", 7]]),
    ("[1::HUGEINT]::HUGEINT[1]", [1], [1]),
    ("12345678901234567890123::BIGNUM", "12345678901234567890123", "12345678901234567890123"),
    ("[INTERVAL 36 HOUR]", ["36:00:00"], ["36:00:00"]),
    ("'101'::BIT", "101", "101"),
    ("union_value(a := 1)", "1", "1"),
    ("1::VARIANT", "1", "1"),
    (f"['{ID}'::UUID]", [ID], [str(ID)]),
    ("[DATE '2026-01-31']", [date(2026, 1, 31)], ["2026-01-31"]),
]
"""What is asked, the value in Python and Parquet, and the one in JSON."""


@pytest.mark.parametrize(("asked", "value", "told"), ASKED)
def test_a_value_is_the_same_in_every_format(asked: str, value: Any, told: Any) -> None:
    rows = cage.run(f"SELECT {asked} AS x", {})

    def written(how: FileFormat) -> bytes:
        return b"".join(encoded(rows.to_reader(), how))

    assert Answer(rows, "sql").rows() == [{"x": value}]
    parquet = pq.read_table(io.BytesIO(written(FileFormat.PARQUET)))
    assert parquet.to_pylist() == [{"x": value}]
    assert "bool8" not in str(parquet.schema), "others take that for numbers"
    assert orjson.loads(written(FileFormat.JSON)) == [{"x": told}]
    assert orjson.loads(written(FileFormat.JSONL)) == {"x": told}
    text = written(FileFormat.CSV).decode()
    cell = text.removeprefix('"x"\n').strip().removeprefix('"').removesuffix('"')
    plain = told if isinstance(told, str) else orjson.dumps(told).decode()
    assert cell.replace('""', '"') == plain


def test_no_two_columns_have_one_name() -> None:
    rows = cage.run('SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS "A", 5 AS "b""c"', {})
    assert rows.to_pylist() == [{"a": 1, "a_2": 2, "a_1": 3, "A_3": 4, 'b"c': 5}]


def test_frames_have_lists_of_what_they_know() -> None:
    asked = f"SELECT [true, NULL] AS yes, ['{ID}'::UUID] AS ids, {{'a': true}} AS s"
    answer = Answer(cage.run(asked, {}), "sql")
    expected = {"yes": [True, None], "ids": [str(ID)], "s": {"a": True}}
    assert answer.pl().rows(named=True) == [expected]
    frame = answer.df()
    assert {name: frame[name][0] for name in ("s",)} == {"s": {"a": True}}
    assert ([*frame["yes"][0]], [*frame["ids"][0]]) == ([True, None], [str(ID)])


@pytest.mark.parametrize(
    "kind",
    ["TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"],
)
def test_what_is_whole_stays_whole_beside_a_null(kind: str) -> None:
    frame = Answer(cage.run(f"FROM (VALUES (7::{kind}), (NULL)) AS t(x)", {}), "sql").df()
    assert str(frame["x"].dtype).lower().removeprefix("u").startswith("int")
    assert (frame["x"][0], frame["x"].isna().tolist()) == (7, [False, True])


@pytest.mark.parametrize(
    "asked", ["'infinity'::DATE", "DATE '0044-03-15 (BC)'", "'infinity'::TIMESTAMP"]
)
def test_a_day_that_python_does_not_have_is_refused_and_not_a_crash(asked: str) -> None:
    rows = cage.run(f"SELECT {asked} AS x", {})
    for show in (rich_table, json_rows, lambda given: Answer(given, "sql").rows()):
        with pytest.raises(BadUsage, match="the years 1 to 9999"):
            show(rows)
    as_text = cage.run(f"SELECT ({asked})::VARCHAR AS x", {})
    assert as_text.schema.types == [pa.string()]
    assert json_rows(as_text)
