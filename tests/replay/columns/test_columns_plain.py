"""Segments are plain Parquet: others read them without us, by the README beside them, and read little."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from ledger.sqlite.book import SqliteBook
from replay.columns import Columns
from tests.ledger.samples import customer, event_id
from tests.replay.columns.samples import NAMES, as_table, begun, columns_of

KEPT = 256


@dataclass(frozen=True)
class Kept:
    """A book, its history and the files of it."""

    book: SqliteBook
    columns: Columns
    folder: Path

    @property
    def files(self) -> list[str]:
        told = json.loads((self.folder / "catalogue.json").read_text())
        return [str(self.folder / segment["file"]) for segment in told["segments"]]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    place = tmp_path_factory.mktemp("plain")
    book = begun(SqliteBook(place / "book"), KEPT + 10)
    columns = columns_of(place / "history", book)
    columns.keep()
    return Kept(book, columns, place / "history")


def blocks(kept: Kept, language: str) -> str:
    """What the README beside the files has to be run."""
    readme = (kept.folder / "README.md").read_text()
    (found,) = re.findall(rf"```{language}\n(.*?)```", readme, re.DOTALL)
    return str(found)


def test_duckdb_reads_them_by_the_readme(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept.folder)
    with duckdb.connect() as connection:
        found = dict(connection.sql(blocks(kept, "sql")).fetchall())
    assert found == counted(kept)


def test_polars_reads_them_by_the_readme(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(kept.folder)
    named: dict[str, Any] = {}
    *before, last = blocks(kept, "python").strip().splitlines()
    exec("\n".join(before), named)  # noqa: S102 -- our own page
    frame = eval(last, named)  # noqa: S307
    assert dict(frame.iter_rows()) == counted(kept)


def counted(kept: Kept) -> dict[str, int]:
    found: dict[str, int] = {}
    for recorded in kept.book.read(upto=KEPT):
        found[recorded.event.type] = found.get(recorded.event.type, 0) + 1
    return found


def test_the_columns_are_those_of_the_relation_and_the_stored_bytes(kept: Kept) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET arrow_lossless_conversion = true")
        relation = connection.read_parquet(kept.files)
        assert relation.columns == [*NAMES, "recorded_us", "body", "personal", "leaf"]
        typed = relation.project(", ".join(f'"{name}"' for name in NAMES)).order("position")
        assert typed.to_arrow_table().combine_chunks().equals(as_table(kept.book, upto=KEPT))
        stored = relation.project("position, recorded_us, body, personal, leaf").order("position")
        assert stored.fetchall() == [
            (row.position, row.recorded_us, row.body, row.personal, row.leaf)
            for row in kept.book.rows()
            if row.position <= KEPT
        ]


def test_polars_has_the_same_values(kept: Kept) -> None:
    frame = (
        pl.scan_parquet(kept.files).select("position", "customer", "occurred_at", "data").collect()
    )
    for recorded, (position, about, occurred_at, data) in zip(
        kept.book.read(upto=KEPT), frame.iter_rows(), strict=True
    ):
        assert position == recorded.position
        assert (about and UUID(bytes=about)) == recorded.event.customer
        assert occurred_at == recorded.event.occurred_at.replace(tzinfo=None)
        assert json.loads(data) == recorded.event.data


@pytest.mark.parametrize(
    ("where", "groups"),
    [
        ("position = 40", 1),
        ("position > 200", 2),
        ("recorded_at < '2001-01-01'", 0),
        ("occurred_at > '2090-01-01'", 0),
        ("type < 'a'", 0),
        ("moment < '00000000-0000-0000-0000-000000000000'", 0),
        (f"customer = '{customer(77)}'", 0),
        (f"id = '{event_id(130)}'", 1),
    ],
)
def test_duckdb_reads_the_row_groups_that_may_have_it_and_no_others(
    kept: Kept, where: str, groups: int
) -> None:
    names = ["position", "recorded_at", "occurred_at", "type", "moment", "customer", "id"]
    with duckdb.connect() as connection:
        connection.execute("PRAGMA enable_profiling = 'no_output'")
        with kept.columns.scan(connection, names, upto=KEPT) as sql:
            connection.sql(f"SELECT count(*) FROM {sql}").fetchall()
            assert scans(connection) == [KEPT // 32]
            connection.sql(f"SELECT * FROM {sql} WHERE {where}").fetchall()
            assert scans(connection) == [groups]


def scans(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """How many row groups each scan of files has read."""
    waiting = json.loads(connection.get_profiling_information(format="json"))["operator"]
    found = []
    while waiting:
        operator = waiting.pop()
        waiting += operator.get("children", ())
        if operator["type"] == "TABLE_SCAN":
            found.append(operator.get("row_groups_scanned", 0))
    return found


def test_every_row_group_says_what_is_in_it(kept: Kept) -> None:
    for file in kept.files:
        metadata = pq.ParquetFile(file).metadata
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            of = {
                row_group.column(n).path_in_schema: row_group.column(n)
                for n in range(row_group.num_columns)
            }
            assert row_group.num_rows == 32
            for name in ("position", "recorded_at", "occurred_at", "type", "source", "domain"):
                assert of[name].statistics.has_min_max, name
            assert all(one.compression == "ZSTD" for one in of.values())
            assert of["customer"].bloom_filter_length
            assert of["customer"].has_column_index
            assert of["customer"].has_offset_index


def test_spark_is_told_every_column_in_types_that_it_has(kept: Kept) -> None:
    """Seen to be read by Spark 4.3, which refuses the same files without."""
    lines = (kept.folder / "columns.ddl").read_text().split(",\n")
    told = [(name.strip("`"), kind.strip()) for name, kind in (line.split(" ") for line in lines)]
    schema = pq.read_schema(kept.files[0])
    assert [name for name, _ in told] == schema.names
    kinds = {
        "string": "STRING",
        "extension<arrow.json>": "STRING",
        "extension<arrow.uuid>": "BINARY",
    }
    kinds |= {"int64": "BIGINT", "bool": "BOOLEAN", "date32[day]": "DATE", "binary": "BINARY"}
    kinds |= {"timestamp[us]": "TIMESTAMP_NTZ", "fixed_size_binary[32]": "BINARY"}
    assert [kind for _, kind in told] == [kinds[str(field.type)] for field in schema]
