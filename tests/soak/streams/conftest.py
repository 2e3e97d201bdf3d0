"""The servers of a campaign over topics."""

from collections.abc import Iterator

import pytest

from tests.soak.server import Server
from tests.soak.streams.broker import Broker


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        yield server
