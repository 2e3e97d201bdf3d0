"""The door opens, says so, and lets nobody in without a key."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.wiring import Bahi
from ledger.settings import Settings
from tests.api.http.running import served


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home: Path = tmp_path_factory.mktemp("door")
    with Bahi.open(Settings(home=home)) as bahi, served(bahi) as address:
        yield address


def test_it_says_that_it_lives_and_can_serve_and_not_how_much_is_in_it(address: str) -> None:
    assert httpx.get(f"{address}/healthz").json() == {"status": "alive"}
    assert httpx.get(f"{address}/readyz").json() == {"status": "ready", "amiss": []}


def test_what_is_not_there_is_a_problem(address: str) -> None:
    answer = httpx.get(f"{address}/nowhere")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/not-found"
