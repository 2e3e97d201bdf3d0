"""Rounds of faults over topics: each event goes out once, and each message comes in once, in order.

`make test` has one of each; `make soak` has `ROUNDS` of each, from seed `SEED` on.
"""

import os
import shutil
from pathlib import Path

import pytest

from tests.soak.server import Server
from tests.soak.streams.broker import Broker
from tests.soak.streams.incoming import consuming_round
from tests.soak.streams.outgoing import publishing_round
from tests.soak.streams.rounds import Round

FIRST = int(os.environ.get("SEED", "0"))
ROUNDS = int(os.environ.get("ROUNDS", "100"))
_IN_FILES = 4
"""One of so many ledgers is in a file: there is no server to be killed."""
_FAULTS = 5
_FEW = 3


def demand_sound(played: Round, folder: Path) -> None:
    """Fail, with the seed and where everything was kept, if anything was wrong."""
    assert not played.wrong, "\n".join([str(played), f"kept in {folder}", *played.wrong])
    shutil.rmtree(folder)


def test_a_round_of_publishing(tmp_path: Path, broker: Broker) -> None:
    demand_sound(publishing_round(1, tmp_path, broker, _FEW), tmp_path)


def test_a_round_of_consuming(tmp_path: Path, broker: Broker, server: Server) -> None:
    demand_sound(consuming_round(1, tmp_path, broker, server, _FEW), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + ROUNDS))
def test_rounds_of_publishing(
    seed: int, tmp_path: Path, broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    played = publishing_round(seed, tmp_path, broker, _FAULTS)
    with capsys.disabled():
        print(f"\n{played}", end=" ")
    demand_sound(played, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(FIRST, FIRST + ROUNDS))
def test_rounds_of_consuming(
    seed: int, tmp_path: Path, broker: Broker, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    played = consuming_round(seed, tmp_path, broker, server if seed % _IN_FILES else None, _FAULTS)
    with capsys.disabled():
        print(f"\n{played}", end=" ")
    demand_sound(played, tmp_path)
