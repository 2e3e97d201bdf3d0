"""The same rows in every format are the same touchpoints, however the file is packed and ended."""

import csv
import gzip
import io
import json
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.catalogue.commerce import OrderPlaced
from ledger.errors import BadUsage, DefinitionRefused, NotFound
from streams.files import Row, parse_mapping, raw_of, read_file, touchpoint_of
from tests.streams.reading import (
    HEADER,
    SHOP,
    good_row,
    message_ids,
    read,
    refusals,
    shop,
    touchpoints,
    written,
)

COLUMNS = HEADER.split(",")

# Surrogates cannot be written, U+0000 is refused, and a lone carriage return ends a line of CSV.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=20)
ROWS = st.lists(
    st.fixed_dictionaries({
        "no": st.uuids().map(str),
        "who": st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        "when": st.datetimes(min_value=datetime.fromisoformat("1970-01-01"), timezones=st.just(UTC)).map(datetime.isoformat),
        "total": st.decimals(0, 10**9, places=2).map(lambda amount: f"{amount:f}"),
        "currency": st.sampled_from(["EUR", "USD", "INR"]),
        "note": TEXT,
    }),
    max_size=12,
)  # fmt: skip

Rows = list[dict[str, str]]


def as_csv(rows: Rows, delimiter: str = ",", end: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(COLUMNS)
    writer.writerows([row[name] for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def as_jsonl(rows: Rows, *, ascii_only: bool) -> bytes:
    lines = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    # Amounts as numbers, in the digits they have: writers of JSON do both.
    return "\n".join(
        line.replace(f'"total": "{row["total"]}"', f'"total": {row["total"]}')
        for line, row in zip(lines, rows, strict=True)
    ).encode()


def as_parquet(rows: Rows) -> bytes:
    kinds = {"total": pa.decimal128(20, 2), "when": pa.timestamp("us", "UTC")}
    columns = {
        name: pa.array(
            [
                Decimal(row[name]) if name == "total"
                else datetime.fromisoformat(row[name]) if name == "when"
                else row[name]
                for row in rows
            ],
            kinds.get(name, pa.string()),
        )
        for name in COLUMNS
    }  # fmt: skip
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=5)
    return file.getvalue()


@settings(max_examples=25)
@given(ROWS)
def test_every_format_gives_the_same_touchpoints(rows: Rows) -> None:
    files = {
        "comma": as_csv(rows),
        "semicolon, CRLF": as_csv(rows, ";", "\r\n"),
        "tab": as_csv(rows, "\t"),
        "BOM": b"\xef\xbb\xbf" + as_csv(rows),
        "UTF-16": as_csv(rows).decode().encode("utf-16"),
        "JSON": as_jsonl(rows, ascii_only=False),
        "JSON, escaped": as_jsonl(rows, ascii_only=True),
        "Parquet": as_parquet(rows),
    }
    files |= {f"{name}, gzip": gzip.compress(content) for name, content in files.items()}
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            read_back = read(written(Path(folder, "file"), content), shop())
            assert refusals(read_back) == {}, name
            assert len(read_back) == len(rows), name
            for row, touchpoint, expected in zip(
                read_back, touchpoints(read_back), rows, strict=True
            ):
                payload = touchpoint.payload
                assert isinstance(payload, OrderPlaced)
                assert touchpoint.message_id == expected["no"], name
                assert [i.value for i in touchpoint.identifiers] == [expected["who"]], name
                assert touchpoint.occurred_at == datetime.fromisoformat(expected["when"]), name
                assert payload.amount_minor == int(expected["total"].replace(".", "")), name
                assert payload.currency == expected["currency"], name
                assert (payload.note or "") == normal(expected["note"]), name
                assert touchpoint_of(raw_of(row.content), shop()) == touchpoint, name


def normal(note: str) -> str:
    return unicodedata.normalize("NFC", note.strip())


LINES = [HEADER, good_row(1), good_row(2)]


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(LINES),
        "\n".join(LINES) + "\n",
        "\r\n".join(LINES) + "\r\n",
        "\ufeff" + "\n".join(LINES),
        "\n\n" + "\n\n".join(LINES) + "\n\n\n",
        "\n".join(LINES).replace(",", "|"),
        "\n".join(LINES).replace(",", "\t"),
        "\n".join(LINES).replace(",", " \t "),
        "\n".join(" " + line for line in LINES).replace(",", "  "),
        "\n".join(LINES).replace("no,", " no ,").replace("hello", '"hello"'),
    ],
)
def test_ends_marks_and_delimiters_are_found(tmp_path: Path, content: str) -> None:
    rows = read(written(tmp_path / "a", content), shop())
    assert refusals(rows) == {}
    assert message_ids(rows) == ["1", "2"]


@pytest.mark.parametrize("content", ["", "\n", HEADER, HEADER + "\r\n", "\ufeff"])
def test_a_file_without_rows_gives_none(tmp_path: Path, content: str) -> None:
    assert read(written(tmp_path / "a.csv", content), shop()) == []
    assert read(written(tmp_path / "a.csv.gz", gzip.compress(content.encode())), shop()) == []


def told_apart(rows: list[Row]) -> list[tuple[object, ...]]:
    return [(r.row, r.line, str(r.item), r.row_id, r.content) for r in rows]


def test_ids_by_place_are_those_of_the_content_not_of_its_packing(tmp_path: Path) -> None:
    mapping = parse_mapping(SHOP.replace('message_id = ["no"]', ""), "shop.toml")
    content = "\n".join([*LINES, "broken", good_row(1)])
    plain = read(written(tmp_path / "a", content), mapping)
    zipped = read(written(tmp_path / "b", gzip.compress(content.encode(), 1)), mapping)
    two_members = gzip.compress(content[:40].encode()) + gzip.compress(content[40:].encode())
    parted = read(written(tmp_path / "c", two_members), mapping)
    assert told_apart(plain) == told_apart(zipped) == told_apart(parted)
    ids = [row.row_id for row in plain]
    assert len(set(ids)) == 4
    assert [str(row_id).split(":")[1] for row_id in ids] == ["1", "2", "3", "4"]
    longer = read(written(tmp_path / "d", content + "\n"), mapping)
    assert {row.row_id for row in longer}.isdisjoint(ids)


def test_id_columns_serve_where_the_mapping_names_none(tmp_path: Path) -> None:
    by_place = parse_mapping(SHOP.replace('message_id = ["no"]', ""), "shop.toml")
    path = written(tmp_path / "a.csv", "\n".join(LINES))
    warnings: list[str] = []
    rows = list(read_file(path, by_place, id_columns=["no", "who"], warn=warnings.append))
    assert message_ids(rows) == ['["1","u1"]', '["2","u2"]']
    assert warnings == []
    with pytest.raises(BadUsage, match=r"^shop.toml names the message id already: no$"):
        read_file(path, shop(), id_columns=["who"])
    with pytest.raises(
        DefinitionRefused, match=r"^shop.toml: message_id: a.csv has no column 'number'"
    ):
        read_file(path, by_place, id_columns=["number"])


def test_a_file_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    text = SHOP + "\n[file]\nheader = false\n"
    for number, name in enumerate(COLUMNS, 1):
        text = text.replace(f'= "{name}"', f'= "{number}"').replace(f'["{name}"]', f'["{number}"]')
    mapping = parse_mapping(text, "shop.toml")
    broken = b"1,Caf\xe9\n" + "\n".join(LINES[1:]).encode()
    rows = read(written(tmp_path / "a.csv", broken), mapping)
    assert message_ids(rows) == ["1", "2"]
    assert refusals(rows) == {1: "column 2: expected text in utf-8, came another byte at 4"}


def test_a_file_without_a_header_needs_a_good_row_near_its_beginning(tmp_path: Path) -> None:
    mapping = shop(extra="[file]\nheader = false\n")
    path = written(tmp_path / "a.csv", b"Caf\xe9\n" * 20 + b"1,2\n")
    with pytest.raises(BadUsage) as caught:
        read_file(path, mapping)
    why = "row: expected text in utf-8, came another byte at 4"
    assert (
        str(caught.value) == f"{path}: none of the first 20 rows can be read: column 1: {why[5:]}"
    )


def test_an_encoding_of_the_mapping_is_used(tmp_path: Path) -> None:
    content = f"{HEADER}\n{good_row(1)}".replace("hello", "Café €")
    mapping = shop(extra='[file]\nencoding = "cp1252"\n')
    (row,) = read(written(tmp_path / "a.csv", content.encode("cp1252")), mapping)
    assert raw_of(row.content)["note"] == "Café €"


def test_half_a_unit_at_the_end_of_utf16_spoils_the_last_row_alone(tmp_path: Path) -> None:
    content = "\n".join(LINES).encode("utf-16")[:-1]
    rows = read(written(tmp_path / "a.csv", content), shop())
    assert message_ids(rows) == ["1"]
    assert list(refusals(rows)) == [3]


DOTTED = parse_mapping(
    SHOP.replace('"who"', '"customer.id"').replace('"total"', '"money.total"'), "shop.toml"
)  # fmt: skip


def test_dotted_names_reach_into_objects(tmp_path: Path) -> None:
    nested = {"no": 1, "customer": {"id": 7}, "when": "2026-01-02T03:04:05Z", "currency": "EUR"}
    nested |= {"money": {"total": "1.10"}, "note": None}
    whole = {**nested, "no": 2, "customer": None, "customer.id": "whole"}
    lines = "\n".join(map(json.dumps, (nested, whole, {**nested, "no": 3, "customer": "7"})))
    rows = read(written(tmp_path / "a.jsonl", lines), DOTTED)
    named = [[i.value for i in t.identifiers] for t in touchpoints(rows)]
    assert named == [["7"], ["whole"], []]
    pq.write_table(pa.Table.from_pylist([{**nested, "note": "x"}]), tmp_path / "a.parquet")
    (row,) = read(tmp_path / "a.parquet", DOTTED)
    assert isinstance(row.item, type(touchpoints(rows)[0]))
    assert [i.value for i in row.item.identifiers] == ["7"]


def test_progress_ends_at_the_whole_and_never_goes_back(tmp_path: Path) -> None:
    lines = "\n".join([HEADER, *map(good_row, range(8_000))])
    for content, mapping in (
        (lines.encode(), shop()),
        (gzip.compress(lines.encode()), shop()),
        (gzip.compress(lines.encode()), parse_mapping(SHOP.replace('message_id = ["no"]', ""))),
    ):
        path = written(tmp_path / "a", content)
        told: list[tuple[int, int]] = []
        for _ in read_file(path, mapping, progress=lambda done, total: told.append((done, total))):  # noqa: B023
            pass
        passes = 1 if mapping.event.message_id else 2
        assert {total for _, total in told} == {len(content) * passes}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[-1][0] == len(content) * passes
        assert told[0][0] < told[-1][0]


ABSENT = (
    "shop.toml: event.occurred_at: {name} has no column 'when'; "
    "`bahi mapping {name}` drafts from those it has"
)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("a,b\n1,2", DefinitionRefused, ABSENT),
        (HEADER + ",no\n1", BadUsage, "{path}: line 1, the header: columns 1 and 7 have one name 'no'"),
        (HEADER + ",Anna,Anna\n1", BadUsage, "{path}: line 1, the header: columns 7 and 8 have one name"),
        (HEADER + ", \n1", BadUsage, "{path}: line 1, the header: column 7 has no name"),
        (b"no,Caf\xe9\n1", BadUsage,
         "{path}: line 1, the header: column 2: expected text in utf-8, came another byte at 4"),
        (b"n\x00o\x00", BadUsage,
         "{path}: neither text in UTF-8 nor Parquet; say encoding in the mapping"),
        (b"PAR1 and then nothing", BadUsage, "{path}: expected Parquet, came ArrowInvalid from its reader"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_when_it_is_opened(
    tmp_path: Path, content: str | bytes, error: type[Exception], message: str
) -> None:
    path = written(tmp_path / "a.csv", content)
    with pytest.raises(error) as caught:
        read_file(path, shop())
    assert str(caught.value) == message.format(path=path, name=path.name)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"^no file .*/absent.csv$"):
        read_file(tmp_path / "absent.csv", shop())
    with pytest.raises(BadUsage, match=r": expected a file, came a folder or device$"):
        read_file(tmp_path, shop())
