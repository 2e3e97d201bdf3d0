"""Columns say what the book says, column by column, whatever is kept of it and whatever is not."""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import duckdb
import orjson
import pyarrow as pa
import pytest

from ledger import relation
from ledger.book import Book
from ledger.errors import NotFound
from ledger.relation import EventSource, Scannable
from ledger.stores import open_book
from replay.columns import Columns
from replay.columns import catalogue as catalogues
from tests.replay.columns.samples import (
    NAMES,
    SIZES,
    as_table,
    begun,
    columns_of,
    history,
    ranges,
    redaction,
    scanned,
    small,
)

LAST = 330
SOME = ("type", "moment", "amount_minor", "position", "sole_trader", "lines")


STATES = [("sqlite", state) for state in ("nothing", "all", "old", "hole", "compacted")]
STATES += [("postgresql", state) for state in ("nothing", "compacted")]


@pytest.fixture(scope="module", params=STATES, ids=" ".join)
def kept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Book, Columns]]:
    """A book of 330 events with two of them redacted, and what is kept of it: in one way or another."""
    store, state = request.param
    place = tmp_path_factory.mktemp(state)
    address = f"sqlite:///{place / 'book'}"
    if store == "postgresql":
        address = f"{request.getfixturevalue('postgres_url')}?schema=source_{state}"
    with open_book(address) as book:
        yield book, kept_as(state, book, place / "history")


def kept_as(state: str, book: Book, folder: Path) -> Columns:
    begun(book, 200)
    book.append([redaction(201, 40, ["body", "personal"]), redaction(202, 130, ["personal"])])
    columns = columns_of(folder, book)
    if state == "compacted":
        columns.keep()
    book.redact(40, ["body", "personal"])
    book.redact(130, ["personal"])
    book.append(history(203, LAST))
    if state != "nothing":
        columns.keep()
    kept = [] if state == "nothing" else [(1, 128), (129, 256), *small(257, 320)]
    if state == "hole":
        write(folder, 1, drop=True)
        kept = [(1, 128), *small(257, 320)]
    if state == "old":
        write(folder, 1, drop=False)
    if state == "compacted":
        kept = [(1, 128), *small(129, 192), *small(193, 320)]
        assert ranges(columns) == kept
        columns.compact()
        kept = [(1, 128), (129, 256), *small(257, 320)]
    assert ranges(columns) == kept
    return columns


@pytest.fixture
def columns(kept: tuple[Book, Columns]) -> Columns:
    return kept[1]


@pytest.fixture
def book(kept: tuple[Book, Columns]) -> Book:
    return kept[0]


def write(folder: Path, at: int, *, drop: bool) -> None:
    """Have a segment missing, or as it was when `amount_minor` was read otherwise."""
    told = orjson.loads((folder / catalogues.NAME).read_bytes())
    if drop:
        del told["segments"][at]
    else:
        (name,) = told["shapes"]
        told["shapes"]["former"] = {**told["shapes"][name], "amount_minor": "otherwise"}
        told["segments"][at]["shape"] = "former"
    (folder / catalogues.NAME).write_bytes(orjson.dumps(told))


def spans() -> Iterator[tuple[int, int | None]]:
    edges = [0, 1, 32, 33, 127, 128, 129, 256, 319, 320, 321, LAST]
    dice = random.Random(5)
    yield 0, None
    yield LAST, None
    yield from pairwise(edges)
    yield from ((a, b) for a, b in zip(dice.sample(edges, 6), dice.sample(edges, 6), strict=True))


def test_it_is_the_book_in_columns(columns: Columns, book: Book) -> None:
    assert isinstance(columns, Scannable)
    source: EventSource = columns
    assert source.head() == LAST
    whole = as_table(book)
    assert as_table(columns).equals(whole)
    assert scanned(columns).equals(whole)
    assert whole.num_rows == LAST
    used = [name for name in NAMES if whole[name].null_count < LAST]
    assert {*NAMES} - {*used} == {
        "keys",
        "kept",
    }  # or the comparison would say little of the others


def test_any_part_of_it_too(columns: Columns, book: Book) -> None:
    whole = as_table(book, SOME)
    for after, upto in spans():
        part = whole.slice(after, max(0, (LAST if upto is None else upto) - after))
        assert as_table(columns, SOME, after, upto).equals(part.combine_chunks()), (after, upto)
        assert scanned(columns, SOME, after, upto).equals(part.combine_chunks()), (after, upto)


def test_batches_are_small_and_in_order(columns: Columns) -> None:
    batches = list(columns.batches(3, ["position"], upto=325, size=10))
    assert all(0 < batch.num_rows <= 10 for batch in batches)
    positions = [at for batch in batches for at in batch["position"].to_pylist()]
    assert positions == list(range(4, 326))


def test_a_scan_may_be_asked_again_and_twice_at_once(columns: Columns) -> None:
    with duckdb.connect() as connection, columns.scan(connection, ["position"]) as sql:
        both = f"SELECT count(*), sum(a.position) FROM {sql} a JOIN {sql} b USING (position)"
        for _ in range(2):
            assert connection.sql(both).fetchall() == [(LAST, LAST * (LAST + 1) // 2)]


def test_nothing_of_a_scan_is_left_on_the_connection(columns: Columns) -> None:
    with duckdb.connect() as connection:
        with columns.scan(connection, ["position"]):
            pass
        assert connection.sql("SELECT * FROM duckdb_views() WHERE NOT internal").fetchall() == []


def test_what_is_no_column_is_refused(columns: Columns) -> None:
    with pytest.raises(NotFound, match=r"^no column of events nickname; "):
        list(columns.batches(0, ["nickname"]))
    with (
        duckdb.connect() as connection,
        pytest.raises(NotFound, match=r"^no column of events nickname; "),
        columns.scan(connection, ["nickname"]),
    ):
        pass


def test_a_scan_ends_at_the_head_it_began_with(tmp_path: Path) -> None:
    with open_book(f"sqlite:///{tmp_path / 'book'}") as book:
        columns = columns_of(tmp_path / "history", begun(book, 40))
        columns.keep()
        with duckdb.connect() as connection, columns.scan(connection, ["position"]) as sql:
            book.append(history(41, 45))
            assert connection.sql(f"SELECT max(position) FROM {sql}").fetchall() == [(40,)]
        assert columns.head() == 45


def test_a_long_tail_is_streamed_and_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.columns.reading._HELD", 50)
    book = begun(open_book(f"sqlite:///{tmp_path / 'book'}"), 90)
    columns = columns_of(tmp_path / "history", book)
    assert scanned(columns).equals(as_table(book))
    with duckdb.connect() as connection, columns.scan(connection, ["position"]) as sql:
        both = f"SELECT count(*) FROM {sql} a JOIN {sql} b USING (position)"
        assert [connection.sql(both).fetchall() for _ in range(2)] == [[(90,)], [(90,)]]


def test_segments_of_both_stores_are_equal(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte, but for the time at which each was recorded; so that is made the same."""
    tables: list[pa.Table] = []
    files = []
    for place in (f"sqlite:///{tmp_path / 'book'}", f"{postgres_url}?schema=same_of_both"):
        with open_book(place, lambda: history(1, 1)[0].occurred_at) as book:
            begun(book, SIZES.large)
            folder = tmp_path / f"history {len(tables)}"
            columns = columns_of(folder, book)
            assert columns.keep() == SIZES.large
            tables.append(as_table(columns))
            (one,) = columns.catalogue().segments
            files.append((folder / one.file).read_bytes())
            assert relation.schema(NAMES) == tables[-1].schema
    assert tables[0].equals(tables[1])
    assert files[0] == files[1]
