"""`diff`, `what-if` and `export` as they are typed: what they print, how they end, and that nothing is changed."""

import csv
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.doors import Ended, here, shop
from tests.system.cli import ROOT, bytes_of

Run = Callable[..., Ended]
STAGES = ["--stage", "lead=10", "--stage", "offer=50"]
READ = r"\d+ events read in \d+\.\d\d s: [\d,]+ a second"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in os.environ:
        if name.startswith("BAHI_"):
            monkeypatch.delenv(name)

    def typed(*command: str) -> Ended:
        return here(capsys, monkeypatch, folder, *command)

    if not (folder / ".bahi").exists():
        assert typed("import", "shop.csv", "-m", "shop.toml").code == 3
        assert typed("deal", "pipeline", "direct", *STAGES, "--at", "2026-01-01").code == 0
        amount = ("--amount", "10.00", "--currency", "EUR")
        opened = typed(
            "deal",
            "open",
            "D-1",
            "--pipeline",
            "direct",
            "--stage",
            "offer",
            *amount,
            "--at",
            "2026-01-02",
        )
        assert opened.code == 0, opened.err
    return typed


def test_a_difference_is_told_row_by_row_and_in_all(run: Run) -> None:
    ended = run("diff", "customer_money", "--from", "2026-01-02", "--to", "2026-01-03")
    assert ended.code == 0
    (heading, _, row) = [line for line in ended.out.splitlines() if line.strip()]
    assert heading.split() == ["change", "customer", "currency", "what"]
    assert re.match(r" added +[0-9a-f-]{36} +EUR +orders 1, ordered 700, ", row)
    said = ended.err.splitlines()
    assert said[:3] == [
        "before: as of 2026-01-02",
        "after: as of 2026-01-03",
        "1 added, 0 gone, 0 changed: 1 rows before, 2 after, told apart by customer, currency",
    ]
    assert re.fullmatch(READ, said[3])


def test_changed_figures_are_told_as_before_and_after(run: Run) -> None:
    told = run(
        "diff",
        "daily",
        "--from",
        "2026-01-01",
        "--key",
        "day,type,market,currency",
        "--where",
        "type = 'x'",
    )
    assert (told.code, told.out) == (0, "")
    assert (
        "nothing differs: 0 rows before, 0 after, told apart by day, type, market, currency"
        in told.err
    )
    ended = run(
        "diff",
        "kpi",
        "--from",
        "2026-01-02",
        "--where",
        "metric = 'orders' AND month IS NULL AND market IS NULL",
        "--format",
        "json",
    )
    rows = json.loads(ended.out)
    assert rows == [] or {row["change"] for row in rows} <= {"added", "gone", "changed"}
    answer = run("diff", "customer_360", "--from", "2026-01-02", "--format", "csv").out
    (row,) = [row for row in csv.DictReader(answer.splitlines()) if row["change"] == "added"]
    assert (row["touchpoints_before"], row["touchpoints_after"]) == ("", "1")


def test_late_news_is_what_became_known_since(run: Run, folder: Path) -> None:
    """Everything here was told after January, so all of it came late."""
    for clock in (["--as-of", "2026-01-02"], []):
        ended = run(
            "diff", "customer_money", *clock, "--late-since", "2026-01-31", "--format", "json"
        )
        rows = json.loads(ended.out)
        assert [row["change"] for row in rows] == ["added"] * (1 if clock else 2)
        assert ended.err.startswith(
            f"before: as of {clock[1] if clock else '2026-01-31'}, known then: the book up to position 0\n"
        )
    assert (
        run(
            "diff",
            "deal",
            "--known-from",
            "2026-01-31",
            "--out",
            "deals.parquet",
            "--format",
            "parquet",
        ).out
        == ""
    )
    assert (folder / "deals.parquet").stat().st_size > 0


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["diff", "deal"], "expected --from, --known-from or --late-since"),
        (["diff", "deal", "--to", "2026-01-01"], "expected --from, --known-from or --late-since"),
        (["diff", "deal", "--as-of", "2026-01-01"], "expected --from, --known-from or --late-since"),
        (["diff", "deal", "--late-since", "2026-01-01", "--from", "2026-01-01"], "--late-since: expected no --from"),
        (["diff", "deal", "--as-of", "2026-01-01", "--from", "2026-01-01"], "--as-of: expected no --from"),
        (["diff", "deal", "--from", "soon"], "before, as of: expected a date"),
        (["diff", "nothing", "--from", "2026-01-01"], "view nothing"),
        (["diff", "deal", "--from", "2026-01-01", "--key", "nothing"], "key: expected columns of both looks"),
        (["what-if", "deal"], "expected --with, --set or --suppose"),
        (["what-if", "deal", "--set", "win_percent.offer=80", "--key", "deal"], "--key: expected --diff"),
        (["what-if", "deal", "--set", "win_percent.nowhere=80"], "came nowhere"),
        (["export", "--out", "shop.csv"], "expected a name that is free"),
        (["export", "nothing", "--out", "new"], "view nothing"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_wrong_usage(run: Run, command: list[str], said: str) -> None:
    ended = run(*command)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_what_if_answers_and_leaves_no_trace(run: Run, folder: Path) -> None:
    (folder / "goal.json").write_text(json.dumps({
        "type": "goal.set",
        "data": {"goal": "more", "metric": "orders", "target": 4, "period_start": "2026-01-01", "period_end": "2026-12-31"},
    }))  # fmt: skip
    text = (ROOT / "projections" / "folds" / "deal.sql").read_text(encoding="utf-8")
    (folder / "deal.sql").write_text(text.replace("\nWHERE ", "\nWHERE type <> 'deal.opened' AND "))
    run("view", "pipeline")
    before = bytes_of(folder / ".bahi")
    pipeline = ["what-if", "pipeline", "--set", "win_percent.offer=80"]
    (row,) = json.loads(run(*pipeline, "--format", "json").out)
    assert (row["win_percent"], row["expected_minor"]) == (80, 800)
    ended = run(*pipeline, "--diff", "--key", "pipeline,stage")
    assert "win_percent 50 → 80, expected_minor 500 → 800" in ended.out
    assert "0 added, 0 gone, 1 changed: 1 rows before, 1 after" in ended.err
    assert re.search(READ, ended.err)
    (goal,) = json.loads(run("what-if", "goal", "--suppose", "goal.json", "--format", "json").out)
    assert (goal["goal"], goal["target"], goal["reached"]) == ("more", 4, 2)
    assert json.loads(run("what-if", "deal", "--with", "deal.sql", "--format", "json").out) == []
    assert bytes_of(folder / ".bahi") == before
    (row,) = json.loads(run("view", "pipeline", "--format", "json").out)
    assert (row["win_percent"], row["expected_minor"]) == (50, 500)


def test_of_a_fold_that_may_go_live_that_is_said(run: Run, folder: Path) -> None:
    text = "-- mine: how many.\nSELECT type, count(*) AS n FROM events GROUP BY type\n"
    (folder / "mine.sql").write_text(text)
    said = run("views", "check", "mine.sql").out
    what = r"mine: may go live\. \d+ events of the book were folded at once, and in \d+ random splits: .*\n"
    assert re.fullmatch(what, said)


def test_an_export_has_every_view_and_what_it_is_of(run: Run, folder: Path) -> None:
    ended = run("export", "--format", "jsonl", "--out", "all")
    assert (ended.code, ended.out) == (0, "")
    assert re.match(r"[\d,]+ rows in \d+ files, [\d,]+ bytes, written to all\n", ended.err)
    assert {f"{name}.jsonl" for name in ("customer_360", "kpi")} < {
        p.name for p in (folder / "all").iterdir()
    }
    ended = run(
        "export", "events", "daily", "--format", "csv", "--as-of", "2026-01-02", "--out", "some"
    )
    assert re.search(READ, ended.err)
    about = json.loads((folder / "some" / "ABOUT.json").read_bytes())
    assert (about["as_of"], about["rows"]["daily"]) == ("2026-01-02", 3)
    assert run("export", "--out", "all").code == 2
    assert not [path for path in folder.iterdir() if path.name.endswith(".unfinished")]


def test_how_much_was_read_is_said_after_a_look_at_the_past(run: Run) -> None:
    assert re.search(READ, run("view", "deal", "--as-of", "2026-01-31").err)
    assert run("view", "deal").err == ""
    assert re.search(READ, run("sql", "SELECT count(*) FROM events").err)
    assert re.fullmatch(r"no event was read for it, in \d+\.\d\d s\n", run("sql", "FROM deal").err)
