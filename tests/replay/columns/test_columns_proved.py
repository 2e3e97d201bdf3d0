"""Verification finds what was changed in a segment, and says where; it shares nothing with whoever wrote it."""

import ast
import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import replay.columns.proving
from ledger.errors import BookAltered
from ledger.sqlite.book import SqliteBook
from replay.columns import catalogue as catalogues
from replay.columns.proving import Proved, verify_segments
from tests.replay.columns.samples import begun, columns_of, history, redaction

KEPT = 96
FLIPS = 60
ALLOWED = {"BookAltered", "Book", "leaf_hash", "relation", "types"} | {
    "locks", "shape", "standing", "Catalogue", "Segment", "read",
}  # fmt: skip
"""What it has from us: the leaf, the list of columns, and what the catalogue says."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of a hundred events, two of them redacted, and three segments."""
    place = tmp_path_factory.mktemp("kept")
    with SqliteBook(place / "book") as book:
        begun(book, 80)
        book.append([redaction(81, 40, ["body", "personal"]), redaction(82, 70, ["personal"])])
        book.redact(40, ["body", "personal"])
        book.redact(70, ["personal"])
        book.append(history(83, 100))
        columns_of(place / "history", book).keep()
    return place


def proved(place: Path) -> Proved | tuple[int, str]:
    with SqliteBook(place / "book") as book:
        try:
            return verify_segments(place / "history", book)
        except BookAltered as error:
            return error.position, error.what


def test_what_is_as_it_was_written_is_proved(kept: Path) -> None:
    told: list[int] = []
    with SqliteBook(kept / "book") as book:
        found = verify_segments(kept / "history", book, told.append)
    assert (found.segments, found.events, found.foreign) == (3, KEPT, False)
    assert found.bytes == sum(path.stat().st_size for path in (kept / "history").glob("*.parquet"))
    assert told == [32, 64, 96]
    with SqliteBook(kept / "book") as book:
        assert verify_segments(kept / "none", book) == Proved()


def test_a_flipped_byte_anywhere_is_found_among_the_events_of_its_file(kept: Path) -> None:
    dice = random.Random(3)
    for segment in catalogues.read(kept / "history").segments:
        path = kept / "history" / segment.file
        whole = path.read_bytes()
        for at in (0, 4, len(whole) - 5, *dice.sample(range(len(whole)), FLIPS // 3)):
            flipped = bytearray(whole)
            flipped[at] ^= 1 << dice.randrange(8)
            path.write_bytes(flipped)
            found = proved(kept)
            assert isinstance(found, tuple), at
            assert segment.first <= found[0] <= segment.last, (at, found)
            assert segment.file in found[1]
        path.write_bytes(whole)
    assert isinstance(proved(kept), Proved)


def test_a_flipped_byte_of_an_event_is_found_at_its_position(kept: Path) -> None:
    with SqliteBook(kept / "book") as book:
        sealed = {row.position: row.personal for row in book.rows() if row.position <= KEPT}
    tried = 0
    for segment in catalogues.read(kept / "history").segments:
        path = kept / "history" / segment.file
        whole = path.read_bytes()
        for position in range(segment.first, segment.last + 1, 5):
            blob = sealed[position]
            at = whole.find(blob) if blob is not None and len(blob) > 40 else -1
            if at < 0:  # a piece of it was found elsewhere, and packed
                continue
            flipped = bytearray(whole)
            flipped[at + 7] ^= 64
            path.write_bytes(flipped)
            found = proved(kept)
            assert isinstance(found, tuple)
            assert found[0] == position
            assert found[1].endswith("its bytes are not those of its leaf")
            tried += 1
        path.write_bytes(whole)
    assert tried > 5


def rewritten(place: Path, at: int, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a segment anew, and have the catalogue vouch for it, as whoever owns the folder could."""
    folder = place / "history"
    catalogue = catalogues.read(folder)
    segment = catalogue.segments[at]
    path = folder / segment.file
    pq.write_table(change(pq.read_table(path)), path)
    content = path.read_bytes()
    again = replace(segment, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    segments = (*catalogue.segments[:at], again, *catalogue.segments[at + 1 :])
    catalogues.write(folder, replace(catalogue, segments=segments))


def with_value(name: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(name)
        kind = table.schema.field(name).type
        column = table.column(place).combine_chunks()
        plain = column.storage if isinstance(kind, pa.BaseExtensionType) else column
        values = plain.to_pylist()
        values[row] = value
        made = pa.array(values, plain.type)
        if isinstance(kind, pa.BaseExtensionType):
            made = pa.ExtensionArray.from_storage(kind, made)
        return table.set_column(place, table.schema.field(name).with_nullable(True), made)

    return change


FORGED: list[tuple[str, Any, str]] = [
    ("position", 11, "position is not the book's"),
    ("recorded_us", 5, "recorded_us is not the book's"),
    ("leaf", bytes(32), "leaf is not the book's"),
    ("personal", b"other", "its bytes are not those of its leaf"),
    ("personal", None, "personal is here and not in the book, or the other way round"),
    ("body", None, "body is here and not in the book, or the other way round"),
    ("body", b"{}", "its bytes are not those of its leaf"),
    ("recorded_at", None, "the column recorded_at differs from the envelope"),
    ("id", bytes(16), "the column id differs from the envelope"),
    ("type", "order.refunded", "the column type differs from the envelope"),
    ("domain", None, "the column domain differs from the envelope"),
    ("version", 9, "the column version differs from the envelope"),
    ("occurred_at", None, "the column occurred_at differs from the envelope"),
    ("moment", bytes(16), "the column moment differs from the envelope"),
    ("customer", bytes(16), "the column customer differs from the envelope"),
    ("source", "shoq", "the column source differs from the envelope"),
    ("market", "ZZ", "the column market differs from the envelope"),
    ("amount_minor", 1, "the column amount_minor differs from the envelope"),
    ("sole_trader", True, "the column sole_trader differs from the envelope"),
    ("lines", "[]", "the column lines differs from the envelope"),
    ("data", "{}", "the column data differs from the envelope"),
]


@pytest.mark.parametrize(("name", "value", "what"), FORGED)
def test_a_copy_that_differs_is_found_at_its_position(
    kept: Path, tmp_path: Path, name: str, value: Any, what: str
) -> None:
    place = tmp_path / "forged"
    _copied(kept, place)
    rewritten(place, 1, with_value(name, 17, value))
    found = proved(place)
    assert isinstance(found, tuple)
    assert (found[0], found[1].endswith(what)) == (50, True), found


def test_bytes_that_a_redaction_took_are_found_where_they_are_again(
    kept: Path, tmp_path: Path
) -> None:
    for name, row, position in (("body", 7, 40), ("personal", 7, 40), ("personal", 5, 70)):
        place = tmp_path / f"{name} {position}"
        _copied(kept, place)
        rewritten(place, (position - 1) // 32, with_value(name, row, b"back"))
        found = proved(place)
        assert isinstance(found, tuple)
        assert found[0] == position
        assert found[1].endswith("or the other way round")


def test_rows_that_are_missing_or_too_many_are_found(kept: Path, tmp_path: Path) -> None:
    for name, change, position in (
        ("fewer", lambda t: t.slice(0, 31), 64),
        ("none of it", lambda t: t.slice(1), 33),
        ("more", lambda t: pa.concat_tables([t, t.slice(0, 1)]), 65),
    ):
        place = tmp_path / name
        _copied(kept, place)
        rewritten(place, 1, change)
        found = proved(place)
        assert isinstance(found, tuple)
        assert found[0] == position


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def test_a_column_that_is_missing_is_found(kept: Path, tmp_path: Path) -> None:
    for name in ("leaf", "market"):
        place = tmp_path / name
        _copied(kept, place)
        rewritten(place, 0, without(name))
        found = proved(place)
        assert isinstance(found, tuple)
        assert (found[0], found[1].endswith(f"no column {name}")) == (1, True)


def test_a_file_that_is_missing_or_a_root_that_is_another_is_found(
    kept: Path, tmp_path: Path
) -> None:
    place = tmp_path / "missing"
    _copied(kept, place)
    (place / "history" / catalogues.read(place / "history").segments[2].file).unlink()
    found = proved(place)
    assert isinstance(found, tuple)
    assert (found[0], found[1].endswith("cannot be read")) == (65, True)
    place = tmp_path / "root"
    _copied(kept, place)
    catalogue = catalogues.read(place / "history")
    other = replace(catalogue.segments[0], root="00" * 32)
    catalogues.write(
        place / "history", replace(catalogue, segments=(other, *catalogue.segments[1:]))
    )
    found = proved(place)
    assert isinstance(found, tuple)
    assert (found[0], found[1].endswith("its catalogue has another root")) == (1, True)


def test_it_shares_nothing_with_whoever_wrote_it() -> None:
    tree = ast.parse(Path(replay.columns.proving.__file__).read_text())
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and str(node.module).split(".")[0] in {"ledger", "commands", "projections", "replay"}
        for alias in node.names
    }
    assert ours == ALLOWED


def _copied(kept: Path, place: Path) -> None:
    (place / "history").mkdir(parents=True)
    (place / "book").symlink_to(kept / "book")
    for path in (kept / "history").iterdir():
        (place / "history" / path.name).write_bytes(path.read_bytes())
