"""What the benchmarks report can be believed: turns, medians, verdicts, and the page."""

from functools import partial
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.memory import Flatness
from tests.bench.runner import Comparison, Ending, Result, Side, Verdict, compare


def _side(log: list[str], name: str, events: int, folder: Path) -> Side:
    assert not any(folder.iterdir())

    def side() -> int:
        log.append(name)
        return events

    return side


def test_sides_are_taken_in_turn_and_the_first_round_is_not_counted() -> None:
    log: list[str] = []
    told = compare(
        Comparison(
            "x", "y", "none", partial(_side, log, "ours", 7), partial(_side, log, "theirs", 1)
        ),
        rounds=2,
    )
    assert log == ["ours", "theirs"] * 3
    assert (told.events, told.baseline_events, told.rounds) == (7, 1, 2)
    assert "def _side(" in told.baseline_code
    assert told.ratio == pytest.approx(told.ours_per_s / told.baseline_per_s)


def test_what_ends_a_side_is_not_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []

    def clock() -> float:
        log.append("clock")
        return len(log)

    def ours(folder: Path) -> Side:
        return Ending(_side(log, "ours", 1, folder), lambda: log.append("ended"))

    monkeypatch.setattr("tests.bench.runner.time.perf_counter", clock)
    compare(Comparison("x", "y", "none", ours, partial(_side, log, "theirs", 1)), rounds=1)
    assert log == ["clock", "ours", "clock", "ended", "clock", "theirs", "clock"] * 2


@pytest.mark.parametrize(
    ("ratio", "must", "aim", "verdict"),
    [
        (0.59, 0.6, 0.8, Verdict.MISSED),
        (0.6, 0.6, 0.8, Verdict.MUST),
        (0.8, 0.6, 0.8, Verdict.AIM),
        (9.0, 5.0, None, Verdict.MUST),
        (0.1, None, None, Verdict.TOLD),
    ],
)
def test_a_row_that_misses_says_so(
    ratio: float, must: float | None, aim: float | None, verdict: Verdict
) -> None:
    assert _result(ratio, must, aim).verdict is verdict


def test_the_page_gets_its_figures_between_the_marks_and_keeps_its_words(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{report._BEGIN}\nold\n{report._END}\nafter\n")
    run = {"date": "2026-01-01", "machine": "m", "scale": "100k", "rounds": 3}
    run |= {"results": [_result(0.5, 0.6, 0.8).as_json(), _result(3.0, None, None).as_json()]}
    run |= {"memory": [Flatness("memory, x", 10, 100.0, 201.0).as_json()]}
    report.publish(run, tmp_path)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert "| 0.50 × | 0.6 × | 0.8 × | missed |" in text
    assert "bare code" in text
    assert "memory, x: 100 MiB at 1 events, 201 MiB at 10: missed: it grows" in text
    assert (tmp_path / "performance.svg").read_text().startswith("<?xml")


def test_a_page_without_the_marks_is_left_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("words")
    with pytest.raises(ValueError, match="expected"):
        report.publish({"results": []}, tmp_path)
    assert page.read_text() == "words"


def _result(ratio: float, must: float | None, aim: float | None) -> Result:
    return Result("x", "y", "none", 10, 10, 3, ratio, 1.0, ratio, 0.1, must, aim, "bare code")
