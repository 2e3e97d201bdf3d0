"""What a door must not keep to itself: stopped folds, openings, and that there is no book."""

import json
import os
import pwd
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from api.wiring import Bahi
from ledger.clock import system_clock, to_us
from ledger.settings import read_settings
from ledger.vault import DEAD_LETTERS_KEPT
from tests.api.doors import Ended, here, newborn, shop

HUGE = "-- {name}: amounts, far too large.\nSELECT customer, sum(amount_minor * 9007199254740991) AS {name}\nFROM events GROUP BY customer;"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAHI_HOME", ".bahi")
    return shop(tmp_path)


class Run:
    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._given = (capsys, patch, folder)

    def __call__(self, *command: str) -> Ended:
        return here(*self._given, *command)


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(folder, capsys, monkeypatch)


def test_a_fold_that_stopped_is_told_of_and_never_shown_as_the_present(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own" / "folds").mkdir(parents=True)
    (folder / "own" / "questions").mkdir()
    (folder / "own" / "folds" / "huge.sql").write_text(HUGE.format(name="huge"))
    (folder / "own" / "questions" / "hugest.sql").write_text(
        "-- hugest: the largest of them.\nSELECT max(huge) AS hugest FROM huge"
    )
    monkeypatch.setenv("BAHI_VIEWS", "own")
    imported = run("import", "shop.csv", "-m", "shop.toml")
    assert "warning: fold huge stopped before position 1: " in imported.err
    for view in ("huge", "hugest"):
        shown = run("view", view)
        assert (shown.code, shown.out) == (1, "")
        assert shown.err.splitlines()[-1].startswith("bahi: fold huge stopped before position 1: ")
    assert run("sql", "SELECT * FROM huge").code == 1
    assert run("view", "customer_money").code == 0


def test_a_dead_letter_is_opened_on_record(run: Run) -> None:
    run("import", "shop.csv", "-m", "shop.toml")
    letter = json.loads(run("dead", "list", "--json").out)[0]
    assert run("dead", "show", letter["id"], "--reason", " ").code == 2
    shown = run("dead", "show", letter["id"], "--reason", "mending the file")
    assert json.loads(shown.out)["who"] == "u1"
    opened = "SELECT data->>'purpose' AS purpose FROM events WHERE type = 'personal_data.opened'"
    answer = run("sql", opened, "--format", "json")
    assert json.loads(answer.out) == [{"purpose": "mending"}]


def test_who_only_asks_begins_no_ledger(folder: Path, run: Run) -> None:
    for command in (
        ("customer", "user:u1"),
        ("views", "list"),
        ("dead", "list"),
        ("keys", "rotate"),
    ):
        ended = run(*command)
        assert ended.code == 2
        assert ended.err == (
            "bahi: no book .bahi/book; `bahi import` begins one, "
            "and so do `bahi deal pipeline`, `bahi ticket open` and others; BAHI_HOME says where\n"
        )
    assert not (folder / ".bahi").exists()


def test_dead_letters_are_gone_after_their_time_whatever_is_run(folder: Path, run: Run) -> None:
    run("import", "shop.csv", "-m", "shop.toml")
    assert len(json.loads(run("dead", "list", "--json").out)) == 2
    past = to_us(system_clock() - DEAD_LETTERS_KEPT - timedelta(days=1))
    with closing(sqlite3.connect(folder / ".bahi" / "vault" / "vault.db")) as vault:
        vault.execute("UPDATE dead_letter SET kept_at = ?", (past,))
        vault.commit()
    assert json.loads(run("dead", "list", "--json").out) == []


def test_a_user_without_a_name_is_somebody_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 54_321)  # of whom this machine knows no name
    assert run("import", "shop.csv", "-m", "shop.toml").code == 3
    with Bahi.open(read_settings()) as bahi:
        assert bahi.staff_name(bahi.actor()) == "uid-54321"


def test_who_somebody_is_cannot_be_said_by_the_environment(folder: Path) -> None:
    assert newborn(folder, "import", "shop.csv", "-m", "shop.toml").code == 3
    look = ("customer", "user:u1", "--open", "--reason", "they called")
    for name in ("mia", "noor"):
        others = dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"), name)
        assert newborn(folder, *look, **others, BAHI_HOME=".bahi").code == 0
    told = json.loads(newborn(folder, "privacy", "opened", "--json").out)
    assert {row["who"] for row in told} == {pwd.getpwuid(os.getuid()).pw_name}
    receive = ("receive", "user:u1", "erasure", "--law", "gdpr", "--id", "letter")
    for step in (receive, ("verify", "letter")):
        assert newborn(folder, "privacy", *step, LOGNAME="mia").code == 0
    refused = newborn(folder, "privacy", "fulfil", "letter", LOGNAME="noor")
    assert (refused.code, "expected somebody else than" in refused.err) == (1, True)
