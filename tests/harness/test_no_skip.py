"""A follower of our book is handed every record once, in order; and the harness can tell."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from tests.harness.no_skip import READERS, WAYS, Handed, Record, Way, judge, run, ways
from tests.ledger.processes import ROOT

WELL: list[Record] = [(1, "0:0"), (2, "1:0"), (3, "0:1"), (4, "0:2")]
ACKNOWLEDGED = [3, 1]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book'}"
    return f"{request.getfixturevalue('postgres_url')}?schema=no_skip_{uuid4().hex}"


def test_followers_of_our_book_miss_nothing_under_eight_writers(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERSISTENCE_MODULE", "ledger.dcb")
    monkeypatch.setenv("BAHI_LEDGER", address)
    verdict = run("tests.harness.no_skip:from_environment", writers=8, seconds=1.5)
    assert verdict.findings == ()
    assert verdict.readers == dict.fromkeys(READERS, Handed(verdict.stored, 0, 0, 0))
    assert verdict.acknowledged == verdict.stored > 8


def test_a_store_that_takes_positions_before_it_commits_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKY_FILE", str(tmp_path / "leaky.db"))
    verdict = run("tests.harness.leaky:LeakyRecorder", writers=4, seconds=1)
    assert verdict.acknowledged == verdict.stored
    assert any("skipped" in finding for finding in verdict.findings)


def as_a_command(*given: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """Run the harness as its users do: exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.no_skip", "--json", *given],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.stdout, done.stderr
    verdict: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, verdict


@pytest.fixture
def database(postgres_url: str) -> Iterator[Callable[[], dict[str, str]]]:
    """Make empty databases for the library's recorder; the names by which it finds each."""
    server = urlsplit(postgres_url)
    made = []
    with psycopg.connect(postgres_url, autocommit=True) as admin:

        def make() -> dict[str, str]:
            made.append(f"no_skip_{uuid4().hex}")
            admin.execute(f"CREATE DATABASE {made[-1]}".encode())
            return {
                "PERSISTENCE_MODULE": "eventsourcing.dcb.postgres_tt",
                "POSTGRES_DBNAME": made[-1],
                "POSTGRES_HOST": str(server.hostname),
                "POSTGRES_PORT": str(server.port),
                "POSTGRES_USER": str(server.username),
                "POSTGRES_PASSWORD": str(server.password or ""),
            }

        yield make
        for name in made:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_followers_of_the_librarys_own_recorder_miss_some(
    database: Callable[[], dict[str, str]],
) -> None:
    # Where there is no condition it takes positions and no lock: what commits later may stand before.
    # Nothing but chance makes it happen, so there are several attempts.
    given = ("--writers", "5", "--seconds", "1", "--conditions", "without")
    for _ in range(5):
        code, verdict = as_a_command(*given, **database())
        assert verdict["acknowledged"] == verdict["stored"]
        assert code == bool(verdict["findings"])
        if code:
            break
    assert any("skipped" in finding for finding in verdict["findings"])


def test_writers_take_every_combination_in_turn() -> None:
    assert ways([1, 500], "both") == [
        Way(1, False), Way(500, False), Way(1, True), Way(500, True),
    ] == WAYS  # fmt: skip
    assert ways([7], "with") == [Way(7, True)]
    assert ways([1, 2], "without") == [Way(1, False), Way(2, False)]


def test_a_store_that_holds_something_is_not_judged(tmp_path: Path) -> None:
    given = ("--writers", "1", "--seconds", "0.1")
    ours = {"PERSISTENCE_MODULE": "ledger.dcb", "BAHI_LEDGER": f"sqlite:///{tmp_path}"}
    code, verdict = as_a_command(*given, **ours)
    assert (code, verdict["writers"]) == (0, ["1 at a time without a condition"])
    with pytest.raises(AssertionError, match="expected an empty store, came one with events"):
        as_a_command(*given, **ours)


@pytest.mark.parametrize(
    ("acknowledged", "stored", "handed_over", "findings"),
    [
        (ACKNOWLEDGED, WELL, WELL, ()),
        ([4, 1], WELL, WELL, ("acknowledged and not stored: 1 of 5, first 0:3",)),
        ([3, 0], WELL, WELL, ("stored and not acknowledged: 1 of 4, first 1:0",)),
        (
            ACKNOWLEDGED,
            [*WELL, (5, "1:0")],
            [*WELL, (5, "1:0")],
            ("stored and not acknowledged: 1 of 5, first 1:0",),
        ),
        (
            ACKNOWLEDGED,
            [(1, "0:1"), (2, "1:0"), (3, "0:0"), (4, "0:2")],
            [(1, "0:1"), (2, "1:0"), (3, "0:0"), (4, "0:2")],
            ("stored: what writer 0 wrote is not in the order of writing",),
        ),
        (ACKNOWLEDGED, WELL, WELL[1:3], ("reader: skipped: 2 of 4, first (1, '0:0')",)),
        (
            ACKNOWLEDGED,
            WELL,
            [*WELL, WELL[3]],
            (
                "reader: handed over too often: 1 of 5, first (4, '0:2')",
                "reader: 1 positions are not after the one before",
            ),
        ),
        (
            ACKNOWLEDGED,
            WELL,
            [WELL[0], WELL[2], WELL[1], WELL[3]],
            ("reader: 1 positions are not after the one before",),
        ),
        (
            ACKNOWLEDGED,
            WELL,
            [(1, "0:0"), (2, "1:7"), (3, "0:1"), (4, "0:2")],
            (
                "reader: skipped: 1 of 4, first (2, '1:0')",
                "reader: handed over too often: 1 of 4, first (2, '1:7')",
            ),
        ),
    ],
)
def test_what_is_wrong_is_named_and_counted(
    acknowledged: list[int],
    stored: list[Record],
    handed_over: list[Record],
    findings: tuple[str, ...],
) -> None:
    verdict = judge(acknowledged, stored, {"reader": handed_over})
    assert verdict.findings == findings
    assert (verdict.stored, verdict.readers["reader"].records) == (len(stored), len(handed_over))
