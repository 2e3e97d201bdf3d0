"""Rounds of faults; nothing is lost, doubled, skipped or told in another order.

`make test` has a few of them; `make soak` has `ROUNDS`, 200 if nothing is said, from seed `SEED` on.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.soak.rounds import FAULTS, Round, postgres_round, sqlite_round
from tests.soak.server import Server

DISK_MB = 192
FIRST = int(os.environ.get("SEED", "0"))
ROUNDS = int(os.environ.get("ROUNDS", "200"))
SHORT = (209, 175, 203)
"""One seed of each kind: embedded, on a server that is killed, on one whose disk is full."""
SHORT_FAULTS = (5, 8)
"""Half as many things are done in them."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def small_server() -> Iterator[Server]:
    with Server(DISK_MB) as server:
        yield server


def play(
    seed: int, folder: Path, request: pytest.FixtureRequest, faults: tuple[int, int] = FAULTS
) -> Round:
    """Play a round: of five, three on a server, one on a server whose disk is full, one embedded."""
    kind = seed % 5
    if kind == 4:
        return sqlite_round(seed, folder, faults)
    name = "small_server" if kind == 3 else "server"
    return postgres_round(seed, folder, request.getfixturevalue(name), faults)


def demand_sound(played: Round, folder: Path) -> None:
    """Fail, with the seed and where everything was kept, if anything was wrong."""
    wrong = "\n".join([str(played), f"kept in {folder}", *played.faults, *played.wrong])
    assert not played.wrong, wrong
    shutil.rmtree(folder)


@pytest.mark.parametrize("seed", SHORT)
def test_a_round(seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    demand_sound(play(seed, tmp_path, request, SHORT_FAULTS), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + ROUNDS))
def test_rounds(
    seed: int,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    campaign: list[Round],
) -> None:
    campaign.append(Round(seed, "", wrong=["it did not come to its end"]))  # until it has
    campaign[-1] = played = play(seed, tmp_path, request)
    with capsys.disabled():
        print(f"\n{played}", end=" ")
    demand_sound(played, tmp_path)
