"""Bad rows are refused alone, with what was expected and no value; the good ones around them are in."""

import gzip
import tracemalloc
from pathlib import Path

import pytest

from ledger.errors import BadUsage, Refused, TooLarge
from streams.files import MAX_ROW_BYTES, Row, parse_mapping, raw_of, read_file, touchpoint_of
from tests.streams.reading import HEADER, SHOP, good_row, message_ids, read, refusals, shop, written

NO_TIME = "occurred_at: expected a time, came nothing"
NO_MONEY = "amount_minor: expected an amount of money such as 12.50, not negative, came text of "
CURRENCY = "currency: expected an ISO 4217 currency code such as EUR, came text of "
TOO_FINE = "amount_minor: expected money with at most 2 decimals, came text of 6 characters"

BAD_LINES: list[tuple[bytes, str]] = [
    (b"9,u9,,12.50,EUR,x", NO_TIME),
    (b"9,u9,soon,12.50,EUR,x", "occurred_at: expected a time in ISO 8601, came text of 4 characters"),
    (
        b"9,u9,2026-01-02T03:04:05,12.50,EUR,x",
        "occurred_at: expected a time with a zone, or a zone in the mapping, came one without",
    ),
    (b"9,u9,2026-01-02T03:04:05Z,12.5x,EUR,x", NO_MONEY + "5 characters"),
    (b'9,u9,2026-01-02T03:04:05Z,"12,5x",EUR,x', NO_MONEY + "5 characters"),
    (b'9,u9,2026-01-02T03:04:05Z,"12,50",EUR,x', NO_MONEY + "5 characters"),
    (b"9,u9,2026-01-02T03:04:05Z,-1.00,EUR,x", NO_MONEY + "5 characters"),
    (b"9,u9,2026-01-02T03:04:05Z,12.505,EUR,x", TOO_FINE),
    (b"9,u9,2026-01-02T03:04:05Z,,EUR,x", "amount_minor: expected a value, came nothing"),
    (b"9,u9,2026-01-02T03:04:05Z,12.50,EUX,x", CURRENCY + "3 characters"),
    (b"9,u9,2026-01-02T03:04:05Z,12.50,anna@example.com,x", CURRENCY + "16 characters"),
    (
        b"9,u9,2026-01-02T03:04:05Z,12.50,,x",
        "currency: expected an ISO 4217 currency code such as EUR, came nothing",
    ),
    (
        b"9,u\x009,2026-01-02T03:04:05Z,12.50,EUR,x",
        "identifiers.user: expected text without U+0000, came text of 3 characters",
    ),
    (
        b"9,u9,2026-01-02T03:04:05Z,12.50,EUR,a\x00b",
        "note: expected text without U+0000, came text of 3 characters",
    ),
    (
        b"9,u9,2026-01-02T03:04:05Z,12.50,EUR,Caf\xe9",
        "note: expected text in utf-8, came another byte at 4",
    ),
    (
        b'9,"Ren\xe9, Anna",2026-01-02T03:04:05Z,12.50,EUR,x',
        "who: expected text in utf-8, came another byte at 4",
    ),
    (b",u9,2026-01-02T03:04:05Z,12.50,EUR,x", "message_id: expected text in no, came nothing"),
    (b"9,u9,2026-01-02T03:04:05Z,12.50,EUR", "row: expected 6 cells, came 5"),
    (b"9,u9,2026-01-02T03:04:05Z,12.50,EUR,x,y", "row: expected 6 cells, came 7"),
    (
        b'9,"u9"x,2026-01-02T03:04:05Z,12.50,EUR,x',
        "row: expected quotes that are closed, and doubled within, came others",
    ),
    (
        b"9,u9,2026-01-02T03:04:05Z,12.50,EUR,a\rb",
        "row: expected lines that end in LF or CRLF, came others",
    ),
    (
        b'9,u9,2026-01-02T03:04:05Z,12.50,EUR,"never closed',
        "row: expected quotes that are closed, and doubled within, came others",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_line_is_refused_alone(tmp_path: Path, line: bytes, message: str, end: bytes) -> None:
    before, after = good_row(1).encode(), [good_row(2).encode(), good_row(3).encode()]
    path = written(tmp_path / "a.csv", end.join([HEADER.encode(), before, line, *after]))
    rows = read(path, shop())
    assert refusals(rows) == {3: message}
    assert message_ids(rows) == ["1", "2", "3"]
    assert [row.row for row in rows] == [1, 2, 3, 4]


def test_a_refused_row_still_tells_whom_it_names(tmp_path: Path) -> None:
    """So that an erasure finds its dead letter."""
    mapping = shop(extra='[tags]\nmarket = "note"\n')
    lines = ["1,u1,soon,1.00,EUR,DE", "2,u\x002,soon,1.00,EUR,", "3,u3"]
    rows = read(written(tmp_path / "a.csv", "\n".join([HEADER, *lines])), mapping)
    assert len(refusals(rows)) == 3
    named = [([(i.kind, i.value) for i in row.named], row.market) for row in rows]
    assert named == [([("user", "u1")], "DE"), ([], None), ([], None)]


def test_nothing_of_a_row_shows_in_its_repr_or_refusal(tmp_path: Path) -> None:
    secret = "Schmidt"
    lines = [f"{secret},{secret},{secret},{secret},{secret},{secret}", secret, f'"{secret}']
    rows = read(written(tmp_path / "a.csv", "\n".join([HEADER, *lines])), shop())
    assert len(rows) == 3
    for row in rows:
        assert isinstance(row.item, Refused)
        assert secret.encode() in row.content
        assert row.item.__context__ is None
        assert row.item.__traceback__ is None
        assert secret not in repr(row)


def test_all_bad_lines_together_cost_no_good_one(tmp_path: Path) -> None:
    lines = [HEADER.encode()]
    for number, (line, _) in enumerate(BAD_LINES):
        lines += [line, good_row(number).encode()]
    rows = read(written(tmp_path / "a.csv", b"\n".join(lines)), shop())
    assert message_ids(rows) == [str(number) for number in range(len(BAD_LINES))]
    assert list(refusals(rows).values()) == [message for _, message in BAD_LINES]


def test_an_unclosed_quote_swallows_nothing(tmp_path: Path) -> None:
    lines = [HEADER, '1,"u1,2026-01-02T03:04:05Z,1.00,EUR,x', *map(good_row, range(2, 5_000))]
    rows = read(written(tmp_path / "a.csv", "\n".join(lines)), shop())
    limits = "row: expected a closing quote within 1,000 lines and 1,048,576 bytes, came none"
    assert refusals(rows) == {2: limits}
    assert message_ids(rows) == [str(n) for n in range(2, 5_000)]
    assert rows[0].content == lines[1].encode()


def test_an_unclosed_quote_looks_ahead_no_further_than_the_limit_of_a_row(tmp_path: Path) -> None:
    long = [good_row(n).replace("hello", "x" * 60_000) for n in range(30)]
    opened = '100,"u1,2026-01-02T03:04:05Z,1.00,EUR,x'
    rows = read(written(tmp_path / "a.csv", "\n".join([HEADER, opened, *long])), shop())
    limits = "row: expected a closing quote within 1,000 lines and 1,048,576 bytes, came none"
    assert refusals(rows) == {2: limits}
    assert message_ids(rows) == [str(n) for n in range(30)]


def test_quotes_that_pair_over_lines_do_not_join_them(tmp_path: Path) -> None:
    """Two rows that each open a quote make one record of too few cells: neither is taken for good."""
    lines = [HEADER, '1,"u1', '"', good_row(3)]
    rows = read(written(tmp_path / "a.csv", "\n".join(lines)), shop())
    assert message_ids(rows) == ["3"]
    assert list(refusals(rows)) == [2, 3]


def test_a_quoted_cell_may_hold_line_breaks_delimiters_and_quotes(tmp_path: Path) -> None:
    cell = '"one, ""two""\r\nthree"'
    line = f"1,u1,2026-01-02T03:04:05Z,1.00,EUR,{cell}"
    rows = read(written(tmp_path / "a.csv", "\r\n".join([HEADER, line, good_row(2)])), shop())
    assert message_ids(rows) == ["1", "2"]
    assert raw_of(rows[0].content)["note"] == 'one, "two"\r\nthree'
    assert [row.line for row in rows] == [2, 4]


BAD_OBJECTS: list[tuple[str, str]] = [
    ("[1]", "row: expected a JSON object, came list of 1"),
    ('"x"', "row: expected a JSON object, came text of 1 characters"),
    ("{'no': 1}", "row: expected JSON, came something else at character 2"),
    ('{"no": 1', "row: expected JSON, came something else at character 9"),
    ('{"no": NaN}', "row: expected JSON with numbers of ordinary size, came text of 11 characters"),
    ('{"no": 1e9999999999999999999}', "row: expected JSON with numbers of ordinary size, came text of 29 characters"),
    (
        '{"no": 18446744073709551616}',
        "row: expected JSON with numbers of ordinary size, came text of 28 characters",
    ),
    (
        f'{{"no": {"9" * 5_000}}}',
        "row: expected JSON with numbers of ordinary size, came text of 5,008 characters",
    ),
    (
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        "row: expected JSON at most 32 levels deep, came more of them",
    ),
    ("[" * 10_000, "row: expected JSON at most 32 levels deep, came more of them"),
    ('{"no": 1, "no": 1}', "row: expected JSON with each name once in an object, came one twice"),
    (
        '{"no": "' + '\\"[' * 300_000,
        "row: expected JSON, came something else at character 8",
    ),
    ('{"no": "\\ud800"}', "row: expected text in Unicode, came half of a surrogate pair"),
    (
        '{"no":"9","who":"u\\u0000","when":"2026-01-02T03:04:05Z","total":1,"currency":"EUR"}',
        "identifiers.user: expected text without U+0000, came text of 2 characters",
    ),
    (
        '{"no":"9","who":["u"],"when":"2026-01-02T03:04:05Z","total":1,"currency":"EUR"}',
        "identifiers.user: expected text, came list of 1",
    ),
    (
        '{"no":"9","who":"u","when":"2026-01-02T03:04:05Z","total":1e999999999,"currency":"EUR"}',
        "amount_minor: expected an amount of money such as 12.50, not negative, came Decimal",
    ),
    (
        '{"no":"9","who":"u","when":"2026-01-02T03:04:05Z","total":1.0000000000000000000000000000001,"currency":"EUR"}',
        "amount_minor: expected money with at most 2 decimals, came Decimal",
    ),
    (
        '{"no":"9","who":"u","when":"2026-01-02T03:04:05Z","total":1e-999999999,"currency":"EUR"}',
        "amount_minor: expected money with at most 2 decimals, came Decimal",
    ),
    (
        '{"no":"9","who":"u","when":20260102,"total":1,"currency":"EUR"}',
        "occurred_at: expected a time in ISO 8601, came int",
    ),
]  # fmt: skip


def test_bad_objects_are_refused_alone(tmp_path: Path) -> None:
    good = '{"no":%d,"who":"u","when":"2026-01-02T03:04:05Z","total":12.50,"currency":"EUR"}'
    lines = [good % 100]
    for number, (line, _) in enumerate(BAD_OBJECTS):
        lines += [line, good % number]
    rows = read(written(tmp_path / "a.jsonl", "\n".join(lines)), shop())
    assert list(refusals(rows).values()) == [message for _, message in BAD_OBJECTS]
    assert message_ids(rows) == ["100", *(str(number) for number in range(len(BAD_OBJECTS)))]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("newlines", [True, False])
def test_forty_megabytes_in_one_field_are_never_held(
    tmp_path: Path, kind: str, newlines: bool
) -> None:
    size, chunk = 40 * 1024 * 1024, b"x" * 1024 * 1024
    path = tmp_path / "a"
    json = b'{"no":"%d","who":"u","when":"2026-01-02T03:04:05Z","total":"1","currency":"EUR"}\n'
    rows = [good_row(n).encode() + b"\n" for n in (1, 2)] if kind == "csv" else [json % 1, json % 2]
    with path.open("wb") as file:
        if kind == "csv":
            file.write(HEADER.encode() + b"\n")
        file.write(rows[0])
        for _ in range(size // len(chunk)):
            file.write(chunk)
        file.write(b"\n" + rows[1] if newlines else b"")
    tracemalloc.start()
    try:
        found = read(path, shop())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024
    length = f"{size + newlines:,}"
    at = 3 if kind == "csv" else 2
    assert refusals(found) == {at: f"row: expected at most 1,048,576 bytes, came {length} bytes"}
    assert [row.content for row in found if isinstance(row.item, TooLarge)] == [b""]
    assert message_ids(found) == (["1", "2"] if newlines else ["1"])


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (1_500, 9_000):
        lines = (f"{n},u{n},2026-01-02T03:04:05.{n:06}Z,{n}.50,EUR,hello" for n in range(count))
        path = written(tmp_path / "a.csv", "\n".join([HEADER, *lines]))
        tracemalloc.start()
        assert (
            sum(1 for row in read_file(path, shop()) if not isinstance(row.item, Refused)) == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2 * 1024 * 1024


def test_a_row_just_within_the_limit_is_parsed_and_one_past_it_is_not(tmp_path: Path) -> None:
    frame = good_row(1).removesuffix("hello")
    within = frame + "x" * (MAX_ROW_BYTES - len(frame))
    path = written(tmp_path / "a.csv", "\n".join([HEADER, within, within + "x", good_row(3)]))
    rows = read(path, shop())
    assert {line: message.split(":")[0] for line, message in refusals(rows).items()} == {
        2: "note",
        3: "row",
    }
    assert isinstance(rows[1].item, TooLarge)
    assert message_ids(rows) == ["3"]


def test_a_cut_gzip_gives_the_rows_before_the_cut_then_says_so(tmp_path: Path) -> None:
    lines = [HEADER, *map(good_row, range(60_000))]
    whole = gzip.compress("\n".join(lines).encode(), mtime=0)
    path = written(tmp_path / "a.csv.gz", whole[: len(whole) * 2 // 3])
    rows: list[Row] = []
    with pytest.raises(BadUsage) as caught:
        rows.extend(read_file(path, shop()))  # extend takes what is given before the error
    assert len(rows) > 1_000
    assert message_ids(rows) == [str(number) for number in range(len(rows))]
    assert str(caught.value) == f"{path}: the gzip data is cut off, after row {len(rows):,}"
    by_place = parse_mapping(shop_by_place(), "shop.toml")
    with pytest.raises(BadUsage, match="the gzip data is cut off, before any row was read"):
        next(read_file(path, by_place))


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress("\n".join([HEADER, good_row(1)]).encode(), mtime=0))
    whole[-5] ^= 1  # its checksum
    path = written(tmp_path / "a.csv.gz", bytes(whole))
    with pytest.raises(BadUsage, match=r"the gzip data is damaged"):
        read(path, shop())


def shop_by_place() -> str:
    return SHOP.replace('message_id = ["no"]', "")


def test_a_dead_letter_is_tried_again_with_a_corrected_mapping(tmp_path: Path) -> None:
    line = "1,u1,2026-01-02T03:04:05,12.50,EUR,x"
    path = written(tmp_path / "a.csv", f"{HEADER}\n{line}")
    (bad,) = read_file(path, parse_mapping(shop_by_place(), "shop.toml"))
    assert isinstance(bad.item, Refused)
    assert raw_of(bad.content) == dict(zip(HEADER.split(","), line.split(","), strict=True))
    assert bad.row_id is not None
    fixed = parse_mapping(
        shop_by_place().replace('"when"', '{ column = "when", zone = "Europe/Berlin" }'),
        "shop.toml",
    )
    again = touchpoint_of(raw_of(bad.content), fixed, row_id=bad.row_id)
    (whole,) = read_file(path, fixed)
    assert again == whole.item
    assert again.occurred_at.isoformat() == "2026-01-02T02:04:05+00:00"


def test_a_dead_letter_of_bytes_says_that_it_has_no_cells(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", f"{HEADER}\n".encode() + b"1,Caf\xe9,x\n1,2")
    undecodable, short = read(path, shop())
    with pytest.raises(Refused, match=r"^row: expected text in UTF-8, came another byte at 5$"):
        raw_of(undecodable.content)
    with pytest.raises(Refused, match=r"^row: expected JSON, came something else at character 2$"):
        raw_of(short.content)
