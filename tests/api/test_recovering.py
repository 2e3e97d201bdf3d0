"""`bahi recover`: what it shows, what it asks, and how it ends."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.api.doors import Ended, here, shop


@pytest.fixture
def run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> "Run":
    for name in os.environ:
        if name.startswith("BAHI_"):
            monkeypatch.delenv(name)
    return Run(tmp_path, capsys, monkeypatch)


class Run:
    """Commands on a shop with two customers, in this process."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self.folder = shop(folder)
        self._given = (capsys, patch, self.folder)

    def __call__(self, *command: str, code: int = 0) -> Ended:
        ended = here(*self._given, *command)
        assert ended.code == code, ended.err
        return ended

    def erase(self, who: str) -> None:
        given = ("erase", who, "--basis", "gdpr-17-1-b")
        shown = json.loads(self(*given, "--dry-run", "--json").out)
        self(*given, "--yes", shown["digits"])


def test_an_older_book_is_shown_confirmed_and_recovered(run: Run) -> None:
    run("import", "shop.csv", "-m", "shop.toml", code=3)
    run("view", "customer_360")
    book, copy = run.folder / ".bahi" / "book", run.folder / "copy"
    shutil.copytree(book, copy)
    run.erase("user:u1")
    assert "There is nothing to recover" in run("recover").err
    shutil.rmtree(book)
    shutil.copytree(copy, book)
    refused = run("view", "customer_360", code=1).err
    assert "book: expected at least 4 events, as the keyring remembers, found 2" in refused
    assert "`bahi recover` erases in this one whoever was erased" in refused
    mark = json.loads(run("keys", "show", "--json").out)

    shown = run("recover", "--dry-run")
    assert shown.out == (
        "book   older than it was, or another: remembered 4 events, found 2\n"
        f"vault  not older than it was: remembered generation {mark['vault_generation']}, "
        f"found {mark['vault_generation']}\n"
        "erased, and unknown to the book: 1 customers\n"
        "erasings to be carried out again: 1\n"
    )
    told = json.loads(run("recover", "--dry-run", "--json").out)
    assert (told["remembered"]["book_size"], told["found"]["book_size"]) == (4, 2)
    digits = told["digits"]
    assert f"--yes {digits} recovers" in shown.err
    wrong = "000000" if digits != "000000" else "000001"
    assert "Nothing was done" in run("recover", "--yes", wrong, code=4).err
    assert json.loads(run("keys", "show", "--json").out) == mark
    run("view", "customer_360", code=1)

    done = json.loads(run("recover", "--yes", digits, "--json").out)
    assert (done["erased_again"], done["erasings_lost"]) == (1, 1)
    assert run("verify").code == 0
    rows = json.loads(run("view", "customer_360", "--format", "json").out)
    assert len(rows) == 1
    asked = "SELECT type, found_size, remembered_size FROM events WHERE type = 'ledger.recovered'"
    assert json.loads(run("sql", asked, "--format", "json").out) == [
        {"type": "ledger.recovered", "found_size": 2, "remembered_size": 4}
    ]
    assert "There is nothing to recover" in run("recover").err


def test_where_there_is_no_ledger_there_is_nothing_to_recover(run: Run) -> None:
    assert "no book" in run("recover", code=2).err
