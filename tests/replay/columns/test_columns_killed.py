"""Killed at whatever it does to the disk: no catalogue names a broken file, and the next one goes on."""

import multiprocessing
import shutil
import signal
from pathlib import Path

import pytest

from ledger.sqlite.book import SqliteBook
from replay.columns import catalogue as catalogues
from replay.columns.proving import verify_segments
from tests.replay.columns import killing
from tests.replay.columns.samples import (
    as_table,
    begun,
    columns_of,
    history,
    parquet_files,
    redaction,
    small,
)

SOME = ("position", "type", "data", "customer")
APART = multiprocessing.get_context("forkserver")
APART.set_forkserver_preload(["tests.replay.columns.killing", "duckdb"])


def killed(*given: object) -> bool:
    """Whether a process that does this died on the way."""
    process = APART.Process(target=killing.work, args=given)
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A book with a hundred and forty events, of which ninety-six are kept in small segments."""
    with SqliteBook(tmp_path / "book") as book:
        begun(book, 110)
        columns_of(tmp_path / "history", book).keep()
        book.append([redaction(111, 40, ["body", "personal"])])
        book.append(history(112, 140))
    return tmp_path


@pytest.mark.parametrize("what", ["keep", "compact", "follow_redactions", "clear"])
def test_nothing_broken_is_ever_named(place: Path, what: str) -> None:
    if what == "follow_redactions":  # or each of them would begin with all of its steps
        with SqliteBook(place / "book") as book:
            book.redact(40, ["body", "personal"])
    steps = 0
    while True:
        folder = place / f"history {steps}"
        shutil.copytree(place / "history", folder)
        dead = killed(place / "book", folder, what, steps + 1)
        with SqliteBook(place / "book") as book:
            columns = columns_of(folder, book)
            named = columns.catalogue().files
            assert named <= parquet_files(folder)
            assert not verify_segments(folder, book).foreign
            assert as_table(columns, SOME).equals(as_table(book, SOME))
            if not dead:
                break
            getattr(columns, what)()
            catalogue = catalogues.read(folder)
            assert parquet_files(folder) == catalogue.files
            expected = {
                "keep": small(1, 128),
                "compact": [(1, 128)],
                "follow_redactions": small(1, 96),
                "clear": [],
            }[what]
            assert [(one.first, one.last) for one in catalogue.segments] == expected
            assert as_table(columns, SOME).equals(as_table(book, SOME))
        steps += 1
    assert steps > {"keep": 8, "compact": 12, "follow_redactions": 10, "clear": 4}[what]
