"""What is Parquet's own: typed columns, rows in groups, damage in one of them."""

import io
import random
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledger.catalogue.commerce import OrderPlaced
from ledger.errors import BadUsage, Refused
from streams.files import Row, parse_mapping, raw_of, read_file, touchpoint_of
from tests.streams.reading import HEADER, good_row, message_ids, read, refusals, shop, written

COLUMNS = HEADER.split(",")

TYPED = """
source = "typed"
[event]
type = "order.placed"
occurred_at = "at"
message_id = ["id"]
[identifiers]
user = "user"
[fields]
amount_minor = { column = "amount", money = { currency = "EUR" } }
currency = { value = "EUR" }
quantity = "pieces"
note = "day"
"""


@pytest.mark.parametrize(
    ("column", "kind", "value", "expected"),
    [
        ("amount", pa.decimal128(9, 3), Decimal("12.500"), 1250),
        ("amount", pa.float64(), 12.1, 1210),
        ("amount", pa.float32(), 12.1, 1210),
        ("amount", pa.int16(), 12, 1200),
        ("amount", pa.string(), "12.1", 1210),
        ("amount", pa.decimal128(9, 3), Decimal("12.505"), "amount_minor"),
        ("amount", pa.float64(), float("nan"), "amount_minor"),
        ("amount", pa.float64(), float("inf"), "amount_minor"),
        ("amount", pa.bool_(), True, "amount_minor"),
        ("at", pa.timestamp("ns", "Asia/Kolkata"), datetime(2026, 1, 1, 12, tzinfo=UTC), "2026-01-01T12:00:00+00:00"),
        ("at", pa.timestamp("ns", "UTC"), 1_767_268_800_000_000_789, "2026-01-01T12:00:00+00:00"),
        ("at", pa.timestamp("ms", "UTC"), datetime(2026, 1, 1, 12, tzinfo=UTC), "2026-01-01T12:00:00+00:00"),
        ("at", pa.timestamp("us"), datetime.fromisoformat("2026-01-01T12:00"), "occurred_at"),
        ("at", pa.date32(), date(2026, 1, 1), "occurred_at"),
        ("at", pa.timestamp("s", "UTC"), 10**12, "at"),
        ("user", pa.int64(), 2**62, str(2**62)),
        ("user", pa.binary(), b"u1", "u1"),
        ("user", pa.binary(), b"\xff", "user"),
        ("user", pa.dictionary(pa.int8(), pa.string()), "u1", "u1"),
        ("pieces", pa.float64(), 3.0, 3),
        ("pieces", pa.float64(), 3.5, "quantity"),
        ("pieces", pa.uint8(), 3, 3),
        ("day", pa.date32(), date(2026, 1, 1), "2026-01-01"),
    ],
)  # fmt: skip
def test_typed_columns_mean_what_their_types_say(
    tmp_path: Path, column: str, kind: object, value: object, expected: object
) -> None:
    """A text for `expected` among the field names is the field of a refusal."""
    cells = {
        "id": "1",
        "user": "u1",
        "amount": "1",
        "pieces": 1,
        "day": "x",
        "at": "2026-01-01T12:00:00Z",
    }
    arrays = {name: pa.array([cell]) for name, cell in cells.items()}
    arrays[column] = pa.array([value], kind)
    pq.write_table(pa.table(arrays), tmp_path / "a.parquet")
    (row,) = read(tmp_path / "a.parquet", parse_mapping(TYPED))
    if isinstance(row.item, Refused):
        assert row.item.field == expected
        return
    payload = row.item.payload
    assert isinstance(payload, OrderPlaced)
    found = {"amount": payload.amount_minor, "pieces": payload.quantity, "day": payload.note}
    found |= {"at": row.item.occurred_at.isoformat(), "user": row.item.identifiers[0].value}
    assert found[column] == expected
    assert touchpoint_of(raw_of(row.content), parse_mapping(TYPED)) == row.item


def test_a_value_out_of_range_spoils_its_row_alone(tmp_path: Path) -> None:
    rows = [dict(zip(COLUMNS, good_row(n).split(","), strict=True)) for n in (1, 2, 3)]
    far = pa.array([1_767_268_800, 10**12, 1_767_268_800], pa.timestamp("s", "UTC"))
    table = pa.Table.from_pylist(rows)
    table = table.set_column(COLUMNS.index("when"), "when", far)
    pq.write_table(table, tmp_path / "a.parquet")
    read_back = read(tmp_path / "a.parquet", shop())
    assert message_ids(read_back) == ["1", "3"]
    assert refusals(read_back) == {
        0: "when: expected a value in the range of its type, came another"
    }
    assert raw_of(read_back[1].content) == {**rows[1], "when": None}


def test_a_parquet_row_over_the_limit_is_refused_alone(tmp_path: Path) -> None:
    rows = [dict(zip(COLUMNS, good_row(n).split(","), strict=True)) for n in (1, 2, 3)]
    rows[1]["note"] = "x" * 1024 * 1024
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    read_back = read(tmp_path / "a.parquet", shop())
    assert message_ids(read_back) == ["1", "3"]
    assert "at most 1,048,576 bytes" in refusals(read_back)[0]
    assert read_back[1].content == b""


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path: Path) -> None:
    pq.write_table(
        pa.table([pa.array([1]), pa.array([2])], names=["no", "no"]), tmp_path / "a.parquet"
    )
    with pytest.raises(
        BadUsage, match=r"expected columns of different names, came two of one name 'no'$"
    ):
        read_file(tmp_path / "a.parquet", shop())


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_damaged_parquet_gives_the_rows_before_and_says_so(
    tmp_path: Path, compression: str
) -> None:
    """Bytes of the third row group are overwritten at random; where Parquet notices, so do we."""
    rows = [dict(zip(COLUMNS, good_row(n).split(","), strict=True)) for n in range(400)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=100, compression=compression)
    whole = path.read_bytes()
    metadata = pq.ParquetFile(io.BytesIO(whole)).metadata
    start = metadata.row_group(2).column(0).dictionary_page_offset
    end = metadata.row_group(3).column(0).dictionary_page_offset
    rng = random.Random(3)
    said = set()
    for _ in range(60):
        content = bytearray(whole)
        at = rng.randrange(start, end - 4)
        content[at : at + 4] = rng.randbytes(4)
        read_back: list[Row] = []
        try:
            read_back.extend(read_file(written(path, bytes(content)), shop()))
        except BadUsage as error:
            said.add(str(error))
            assert message_ids(read_back)[:200] == [str(n) for n in range(200)]
    assert said == {f"{path}: the Parquet data is damaged, after row 200"}
