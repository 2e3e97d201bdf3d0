"""`bahi history`: what is kept, as people and programs are told it; and what stands in the way stops nobody."""

import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from replay.columns import Columns
from replay.columns.writing import Sizes
from tests.api.doors import Ended, here, shop

SMALL = Sizes(group=2, small=2, large=4)


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> "Run":
    for name in os.environ:
        if name.startswith("BAHI_"):
            monkeypatch.delenv(name)
    defaults = Columns.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "sizes", SMALL)
    return Run(tmp_path, capsys, monkeypatch)


class Run:
    """Commands on a shop with two orders, whose history is kept in ranges of two; in this process."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder = shop(folder)
        self.history = folder / ".bahi" / "history"
        self._given = (capsys, patch, self.folder)
        self("import", "shop.csv", "-m", "shop.toml", code=3)

    def __call__(self, *command: str, code: int = 0, by: str | None = None) -> Ended:
        ended = here(*self._given, *command, by=by)
        assert ended.code == code, ended.err
        return ended

    @property
    def files(self) -> list[Path]:
        return sorted(self.history.glob("*.parquet"))


def test_an_import_keeps_what_it_took_in_and_a_list_shows_it(run: Run) -> None:
    (file,) = run.files
    (told,) = json.loads(run("history", "list", "--json").out)
    assert told | {"sha256": ""} == {
        "file": file.name, "first": 1, "last": 2, "events": 2, "bytes": file.stat().st_size, "sha256": "",
    }  # fmt: skip
    shown = run("history", "list")
    assert file.name in shown.out
    assert shown.err == f"2 of 2 events are in 1 files of {Path('.bahi/history')}\n"
    assert run("history", "keep").out == (
        "0 events written; 2 of 2 are in 1 files, the others in the book alone.\n"
    )
    assert json.loads(run("history", "keep", "--json").out) == {
        "written": 0,
        "kept": 2,
        "segments": 1,
    }


def test_what_is_told_of_the_past_is_read_from_it(run: Run) -> None:
    def told() -> list[str]:
        return [
            run("view", "customer_360", "--as-of", "2026-01-02", "--format", "json").out,
            run("sql", "SELECT type, amount_minor FROM events ORDER BY position").out,
            run("views", "rebuild", "daily").out,
        ]

    kept = told()
    shutil.rmtree(run.history)
    (run.history).write_text("in the way")
    ended = run("view", "daily")
    assert ended.err.startswith("warning: the history is not kept, and read from the book: ")
    assert told() == kept


def test_a_rebuild_keeps_what_is_missing_first(run: Run) -> None:
    shutil.rmtree(run.history)
    run("views", "rebuild", "daily")
    assert len(run.files) == 1


def test_what_another_ledger_keeps_in_the_folder_is_left_to_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = run.files
    monkeypatch.setenv("BAHI_HISTORY", str(run.history))
    monkeypatch.setenv("BAHI_HOME", str(tmp_path / "another"))
    ended = run("import", "shop.csv", "-m", "shop.toml", code=3)
    assert "history has another ledger's, which `bahi history keep` replaces" in ended.err
    counted = run("sql", "SELECT count(*) AS n FROM events", "--format", "csv")
    assert counted.out == '"n"\n2\n'
    assert run.files == files
    run("history", "keep")
    assert set(run.files).isdisjoint(files)
    assert "another ledger" not in run("view", "daily").err


def test_verify_counts_it_and_finds_a_flipped_byte(run: Run) -> None:
    verified = json.loads(run("verify", "--json").out)
    assert (verified["segments"], verified["events_in_segments"]) == (1, 2)
    assert "2 of them are in 1 files of history, as the book has them" in run("verify").out
    (file,) = run.files
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    ended = run("verify", "--json", code=1)
    found = json.loads(ended.out)
    assert (found["ok"], found["position"] in {1, 2}, file.name in found["what"]) == (
        False,
        True,
        True,
    )


def test_what_is_redacted_is_in_no_file_when_it_counts_as_done(run: Run) -> None:
    before = run.files
    run("privacy", "redact", "1", "--ground", "mistaken")
    with duckdb.connect() as connection:
        read = "SELECT count(*) FROM read_parquet(?) WHERE body IS NULL"
        assert connection.execute(read, [str(before[0])]).fetchall() == [(0,)]
        shown = run("privacy", "approve", "3", "--yes", "0", code=4, by="mia").err
        digits = shown.partition("expected ")[2][:6]
        assert "removed" in run("privacy", "approve", "3", "--yes", digits, by="mia").out
        assert not before[0].exists()
        (one,) = run.files
        assert connection.execute(read, [str(one)]).fetchall() == [(1,)]
    assert json.loads(run("verify", "--json").out)["segments"] == 1


def test_an_older_book_that_is_recovered_has_its_history_written_anew(run: Run) -> None:
    book, copy = run.folder / ".bahi" / "book", run.folder / "copy"
    shutil.copytree(book, copy)
    rows = (run.folder / "shop.csv").read_text().splitlines()[:3]
    more = [row.replace("1,", "8,", 1).replace("2,", "9,", 1) for row in rows[1:]]
    (run.folder / "more.csv").write_text("\n".join([rows[0], *more]))
    run("import", "more.csv", "-m", "shop.toml")
    former = {*run.files}
    assert len(former) == 2
    shutil.rmtree(book)
    shutil.copytree(copy, book)
    digits = json.loads(run("recover", "--dry-run", "--json").out)["digits"]
    run("recover", "--yes", digits)
    assert former.isdisjoint(run.files)
    assert json.loads(run("verify", "--json").out)["segments"] == 1
