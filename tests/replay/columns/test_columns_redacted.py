"""What was removed from the book is in no file of its history, on no disk and in no answer."""

from pathlib import Path

import duckdb
import pytest

from ledger.book import Book
from ledger.errors import StoreUnavailable
from replay.columns import Columns, standing
from replay.columns.proving import verify_segments
from replay.columns.writing import Sizes
from tests.ledger.samples import an_event
from tests.replay.columns.samples import (
    NAMES,
    SIZES,
    as_table,
    begun,
    columns_of,
    history,
    parquet_files,
    ranges,
    redaction,
    scanned,
    small,
)
from tests.system.leaks import Search

CARD = "4111 1111 1111 1111"
SEALED = "Kripa Ramachandran-Subramaniam"
SEARCH = Search([CARD, SEALED])
AT = 40
BOTH = ("body", "personal")


@pytest.fixture
def address(tmp_path: Path) -> str:
    """The store does it one way in both: that is held where the source is judged, and below for one."""
    return f"sqlite:///{tmp_path / 'book'}"


@pytest.fixture
def mistaken(book: Book) -> Book:
    """Of a hundred and forty events the fortieth has the number of a card, and a name in its sealed part."""
    begun(book, AT - 1)
    tags = (f"campaign:{CARD}",)
    data = {"currency": "EUR", "amount_minor": 1, "promotion": CARD}
    book.append([an_event(AT, tags=tags, about=1, data=data, personal=SEALED.encode())])
    book.append(history(AT + 1, 140))
    return book


def read(folder: Path) -> set[str]:
    return {leak.text for leak in SEARCH.in_folder(folder)}


def redact(book: Book, *removed: str) -> None:
    book.append([redaction(book.head() + 1, AT, removed)])
    book.redact(AT, removed)


def equal(columns: Columns, book: Book) -> bool:
    whole = as_table(book)
    return bool(as_table(columns).equals(whole) and scanned(columns).equals(whole))


def test_the_search_finds_it_before(mistaken: Book, folder: Path) -> None:
    columns_of(folder, mistaken).keep()
    assert read(folder) == {CARD, SEALED}


@pytest.mark.parametrize("removed", [BOTH, ("personal",)])
def test_removed_bytes_are_in_no_file_and_the_leaf_is(
    mistaken: Book, folder: Path, removed: tuple[str, ...]
) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()
    others = {one.file for one in columns.catalogue().segments if one.first == 129}
    redact(mistaken, *removed)
    assert equal(columns, mistaken)  # from the book, of what the file still has
    assert columns.follow_redactions() == 1
    assert read(folder) == {CARD, SEALED} - (
        {SEALED} if removed == ("personal",) else {CARD, SEALED}
    )
    assert ranges(columns) == [(1, 128)]
    assert others <= parquet_files(folder) == columns.catalogue().files
    assert equal(columns, mistaken)
    with duckdb.connect() as connection:
        path = str(folder / columns.catalogue().segments[0].file)
        found = connection.execute(
            "SELECT body IS NULL, personal IS NULL, leaf, type, domain, data FROM read_parquet(?) WHERE position = 40",
            [path],
        ).fetchall()
    row = next(iter(mistaken.rows(AT - 1)))
    whole = removed == BOTH
    assert found[0][:4] == (whole, True, row.leaf, "order.placed")
    assert (found[0][4] is None, found[0][5] == "{}") == (whole, whole)
    verify_segments(folder, mistaken)
    assert columns.follow_redactions() == 0


def test_small_ones_that_a_large_one_has_replaced_have_it_no_more(
    mistaken: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = columns_of(folder, mistaken, grace_s=3_600)
    columns.keep()
    columns.clear()
    monkeypatch.setattr(columns, "_sizes", Sizes(32, 32, 32))
    columns.keep()
    assert ranges(columns) == small(1, 128)
    monkeypatch.setattr(columns, "_sizes", SIZES)
    columns.compact()
    assert ranges(columns) == [(1, 128)]
    assert len(parquet_files(folder)) == 5
    redact(mistaken, *BOTH)
    columns.follow_redactions()
    assert read(folder) == set()
    assert parquet_files(folder) == columns.catalogue().files


def test_what_another_machine_removed_is_followed_by_whoever_keeps_the_history_here(
    mistaken: Book, folder: Path
) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()
    redact(mistaken, *BOTH)
    assert columns.keep() == 0
    assert read(folder) == set()
    assert equal(columns, mistaken)


def test_approved_and_not_yet_done_in_the_book_waits(mistaken: Book, folder: Path) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()
    mistaken.append([redaction(141, AT, BOTH)])
    assert (columns.follow_redactions(), columns.keep()) == (0, 0)
    assert equal(columns, mistaken)
    assert columns.catalogue().redacted_upto == 0
    mistaken.redact(AT, BOTH)
    assert (columns.follow_redactions(), read(folder)) == (1, set())
    assert columns.catalogue().redacted_upto == 141


def test_one_that_names_another_id_than_stands_there_is_passed_by(
    mistaken: Book, folder: Path
) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()
    said = redaction(141, AT, BOTH)
    other = {**said.data, "redacted_id": str(an_event(99).id)}
    mistaken.append([an_event(141, "event.redacted", data=other)])
    columns.follow_redactions()
    assert columns.catalogue().redacted_upto == 141
    assert equal(columns, mistaken)


def test_removed_before_it_was_kept_it_never_comes_in(mistaken: Book, folder: Path) -> None:
    redact(mistaken, *BOTH)
    columns = columns_of(folder, mistaken)
    columns.keep()
    assert read(folder) == set()
    assert columns.catalogue().redacted_upto == 141
    assert equal(columns, mistaken)


def test_a_file_that_somebody_reads_counts_as_not_removed(
    mistaken: Book, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.columns.locks._PATIENCE_S", 0.01)
    columns = columns_of(folder, mistaken)
    columns.keep()
    with duckdb.connect() as connection, columns.scan(connection, NAMES):
        redact(mistaken, *BOTH)
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="do the same again"):
                columns.follow_redactions()
    assert columns.follow_redactions() == 0
    assert read(folder) == set()


def test_a_later_one_that_is_not_done_keeps_no_earlier_one_from_being_followed(
    mistaken: Book, folder: Path
) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()
    redact(mistaken, *BOTH)
    mistaken.append([redaction(142, 50, BOTH)])
    assert columns.follow_redactions() == 1
    assert (read(folder), columns.catalogue().redacted_upto) == (set(), 141)
    assert standing.believed(columns.catalogue(), mistaken, folder).segments == ()
    assert equal(columns, mistaken)


def test_a_redaction_amid_a_verification_is_no_alteration(mistaken: Book, folder: Path) -> None:
    columns = columns_of(folder, mistaken)
    columns.keep()

    def told(position: int) -> None:
        if position < AT:
            redact(mistaken, *BOTH)

    assert verify_segments(folder, mistaken, told).segments == 0
    columns.follow_redactions()
    assert verify_segments(folder, mistaken).segments == 1
