"""A follower of our book is handed every record once, in order; and the harness can tell."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.harness.no_skip import READERS, Record, judge, run

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
    assert verdict.delivered == dict.fromkeys(READERS, verdict.stored)
    assert verdict.acknowledged == verdict.stored > 8


def test_a_store_that_takes_positions_before_it_commits_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAKY_FILE", str(tmp_path / "leaky.db"))
    verdict = run("tests.harness.leaky:LeakyRecorder", writers=4, seconds=1)
    assert verdict.acknowledged == verdict.stored
    assert any("skipped" in finding for finding in verdict.findings)


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
    assert (verdict.stored, verdict.delivered) == (len(stored), {"reader": len(handed_over)})
