"""Drafted mappings load, read what they were drafted from, and never show a cell."""

import csv
import gzip
import io
import json
import random
import string
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadUsage
from streams.files import draft_mapping, parse_mapping
from tests.streams.reading import read, touchpoints, written

SHOP = [
    ["Order No", "Kunde-ID", "E-Mail", "Datum", "Betrag", "Währung", "Quantity", "Bemerkung"],
    ["A-1", "4711", "anna@example.com", "31.01.2026 09:15", "1.234,50", "EUR", "2", "secret words"],
    ["A-2", "4712", "ravi@example.in", "02.02.2026 10:00", "99,00", "INR", "1", "more of them"],
]
SHOP_DRAFT = """\
# Drafted from shop.csv: read it over before you import with it.
source = "shop"  # the system that these rows come from

[file]
delimiter = ";"

[event]
type = "order.placed"  # CHECK: a guess by the columns
occurred_at = { column = "Datum", format = "%d.%m.%Y %H:%M", zone = "UTC" }  # CHECK: the times say no zone
# message_id = ["column"]  # what tells a row from every other: name it, if there is such a thing

[identifiers]  # who it is about, the most trusted first
user = "Kunde-ID"
email = "E-Mail"

[references]  # account, deal, ticket, order, task: by the number that the source uses
order = "Order No"

[fields]  # of order.placed
amount_minor = { column = "Betrag", money = { currency = { column = "Währung" }, decimal = ",", grouping = "." } }
currency = { column = "Währung" }
quantity = "Quantity"

# Not mapped:
#   "Bemerkung": text
"""

PEOPLE = [
    {"id": 1, "profile": {"firstName": "Anna", "last_name": "Schmidt", "email": "anna@example.com"},
     "phone": "+49 171 1234567", "created_at": "2026-01-31T09:15:00Z", "tags": ["a"]},
    {"id": 2, "profile": {"firstName": "Ravi", "last_name": "Rao", "email": "ravi@example.in"},
     "phone": "+91 98765 43210", "created_at": "2026-02-01T09:15:00Z", "tags": []},
]  # fmt: skip
PEOPLE_DRAFT = """\
# Drafted from people.jsonl: read it over before you import with it.
source = "people"  # the system that these rows come from

[event]
type = "customer.identified"  # CHECK: a guess by the columns
occurred_at = { column = "created_at" }
# message_id = ["column"]  # what tells a row from every other: name it, if there is such a thing

[identifiers]  # who it is about, the most trusted first
email = "profile.email"
phone = "phone"

[fields]  # of customer.identified
email = "profile.email"
phone = "phone"
given_name = "profile.firstName"
family_name = "profile.last_name"

# Not mapped:
#   "id": integer
#   "tags": list
"""

PAID_DRAFT = """\
# Drafted from paid.parquet: read it over before you import with it.
source = "paid"  # the system that these rows come from

[event]
type = "order.placed"  # CHECK: a guess by the columns
occurred_at = { column = "at", zone = "UTC" }  # CHECK: the times say no zone
# message_id = ["column"]  # what tells a row from every other: name it, if there is such a thing

[identifiers]  # who it is about, the most trusted first
user = "member_no"

[fields]  # of order.placed
amount_minor = { column = "paid_euro", money = { currency = "EUR" } }
currency = { value = "EUR" }  # CHECK: the file does not say
"""


naive = datetime.fromisoformat


def as_csv(rows: list[list[str]], delimiter: str = ";") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def test_a_draft_for_csv(tmp_path: Path) -> None:
    path = written(tmp_path / "shop.csv", as_csv(SHOP))
    assert draft_mapping(path) == SHOP_DRAFT
    first, second = touchpoints(read(path, parse_mapping(SHOP_DRAFT)))
    assert first.payload.clear() == {"amount_minor": 123450, "currency": "EUR", "quantity": 2}
    assert second.payload.clear() == {"amount_minor": 9900, "currency": "INR", "quantity": 1}
    assert first.occurred_at == datetime(2026, 1, 31, 9, 15, tzinfo=UTC)


def test_a_draft_for_json_lines(tmp_path: Path) -> None:
    lines = "\n".join(map(json.dumps, PEOPLE)).encode()
    path = written(tmp_path / "people.jsonl", gzip.compress(lines))
    assert draft_mapping(path) == PEOPLE_DRAFT
    names = [
        t.payload.model_dump()["given_name"]
        for t in touchpoints(read(path, parse_mapping(PEOPLE_DRAFT)))
    ]
    assert names == ["Anna", "Ravi"]


def test_a_draft_for_parquet(tmp_path: Path) -> None:
    path = tmp_path / "paid.parquet"
    columns = {
        "member_no": pa.array([7, 8]),
        "at": pa.array([naive("2026-01-01"), naive("2026-01-02")], pa.timestamp("ms")),
        "paid_euro": pa.array([1, 2], pa.decimal128(9, 2)),
    }
    pq.write_table(pa.table(columns), path)
    assert draft_mapping(path) == PAID_DRAFT
    paid = [
        t.payload.clear()["amount_minor"]
        for t in touchpoints(read(path, parse_mapping(PAID_DRAFT)))
    ]
    assert paid == [100, 200]


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["20260131", "20260201"], '"date", format = "%Y%m%d", zone = "UTC" }  # CHECK: the times say no zone'),
        (["31/01/2026"], '"date", format = "%d/%m/%Y", zone = "UTC" }  # CHECK: the times say no zone'),
        (["01/31/2026"], '"date", format = "%m/%d/%Y", zone = "UTC" }  # CHECK: the times say no zone'),
        (["01/02/2026"], '"date", format = "%d/%m/%Y", zone = "UTC" }  # CHECK: day and month could be the other way round'),
        (["2026-01-31 10:00"], '"date", zone = "UTC" }  # CHECK: the times say no zone'),
        (["2026-01-31T10:00:00+02:00"], '"date" }'),
        (["1767322800"], '"date", format = "unix_s" }'),
        (["1767322800123"], '"date", format = "unix_ms" }'),
        (["soon"], '"who" }  # CHECK: no column looks like a time'),
    ],
)  # fmt: skip
def test_times_are_recognised(tmp_path: Path, cells: list[str], line: str) -> None:
    content = as_csv([["who", "date"], *(["x", cell] for cell in cells)])
    drafted = draft_mapping(written(tmp_path / "a.csv", content))
    assert f"occurred_at = {{ column = {line}\n" in drafted
    parse_mapping(drafted)


def test_a_file_without_a_header_is_seen_for_what_it_is(tmp_path: Path) -> None:
    drafted = draft_mapping(written(tmp_path / "a.csv", as_csv(SHOP[1:])))
    assert "header = false  # its first row looks like data" in drafted
    assert 'email = "3"' in drafted
    parse_mapping(drafted)
    assert not any(cell in drafted for row in SHOP[1:] for cell in row if len(cell) > 4)


def test_an_empty_file_gets_a_skeleton_that_loads(tmp_path: Path) -> None:
    for content in ("", "no,who\n"):
        parse_mapping(draft_mapping(written(tmp_path / "a.csv", content)))


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadUsage):
        draft_mapping(written(tmp_path / "a", b"PAR1 and then nothing"))


NAMES = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), min_size=1, max_size=12),
    st.sampled_from(["customer_id", "amount", "total_cents", "date", "email", "currency", "created_at", "name", "a.b"]),
)  # fmt: skip
CELLS = st.one_of(
    st.sampled_from(
        ["2026-01-01", "12.50", "1,5", "EUR", "a@b.de", "+49 171 1234567", "order.placed", "", "7"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=8),
)


@settings(max_examples=80)
@given(st.lists(NAMES, min_size=1, max_size=6, unique_by=str.strip), st.data())
def test_whatever_the_columns_are_the_draft_loads(names: list[str], data: st.DataObject) -> None:
    cells = data.draw(st.lists(st.tuples(*(CELLS for _ in names)), max_size=4))
    rows = [dict(zip(names, row, strict=True)) for row in cells]
    with TemporaryDirectory() as folder:
        for name, content in (
            ("a.csv", as_csv([names, *map(list, cells)]).encode()),
            ("a.jsonl", "\n".join(map(json.dumps, rows)).encode()),
        ):
            parse_mapping(draft_mapping(written(Path(folder, name), content)))


def test_odd_characters_in_names_are_escaped(tmp_path: Path) -> None:
    names = ["who", 'say "when"', "back\\slash", "DEL\x7f", "tab\there", "line\nbreak", "शहर"]
    drafted = draft_mapping(written(tmp_path / "a.csv", as_csv([names, ["x"] * len(names)])))
    parse_mapping(drafted)
    text = drafted.replace("#   ", "").partition("# Not mapped:\n")[2].replace(": text", " = 1")
    assert list(tomllib.loads(text)) == names[1:]


def test_no_cell_is_ever_shown(tmp_path: Path) -> None:
    """Cells are made so that each is recognised wherever it would turn up."""
    rng = random.Random(7)

    def word() -> str:
        return "".join(rng.choices(string.ascii_lowercase, k=12))

    rows = [
        [word(), f"{word()}@example.com", f"{rng.randrange(10**9)}.77", str(rng.randrange(10**11))]
        for _ in range(50)
    ]
    for header in ([["name", "mail", "total", "id"]], []):
        drafted = draft_mapping(written(tmp_path / "a.csv", as_csv([*header, *rows])))
        assert [cell for row in rows for cell in row if cell in drafted] == []
