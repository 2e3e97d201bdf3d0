"""`bahi views run`: the views of a book are kept current until it is told to stop."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.api.doors import clean, newborn


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The settings of a ledger that is to be."""
    if request.param == "sqlite":
        return {}
    url = request.getfixturevalue("postgres_url")
    return {"BAHI_LEDGER": f"{url}?schema=k{uuid4().hex}"}


@pytest.fixture
def started(ledger: dict[str, str], tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that are ended after the test, whatever became of it."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for one in running:
        one.kill()
        one.communicate()


def test_it_keeps_views_current_waits_for_another_and_stops_when_told(
    ledger: dict[str, str], tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    def run() -> subprocess.Popen[str]:
        worker = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.api", "views", "run"],
            cwd=tmp_path,
            env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2]), **ledger},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(worker)
        return worker

    def says(worker: subprocess.Popen[str]) -> str:
        assert worker.stderr is not None
        return worker.stderr.readline().strip()

    assert newborn(tmp_path, "views", "run", **ledger).code == 2  # there is no book to follow
    assert newborn(tmp_path, "ticket", "open", "T-1", **ledger).code == 0
    first = run()
    assert says(first).endswith(": keeping them current; Ctrl-C stops")
    second = run()
    assert says(second).endswith(": another process keeps them; waiting; Ctrl-C stops")
    assert newborn(tmp_path, "ticket", "open", "T-2", **ledger).code == 0
    shown = newborn(tmp_path, "view", "ticket", "--format", "json", **ledger)
    assert len(json.loads(shown.out)) == 2
    first.send_signal(signal.SIGTERM)
    assert says(second).endswith(": keeping them current; Ctrl-C stops")
    second.send_signal(signal.SIGINT)
    for worker in (first, second):
        out, err = worker.communicate()
        assert (worker.returncode, out, err) == (0, "", "")
