"""Both stores of views, for every test that asks for a store or a place of one."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from projections.store import ViewStore
from projections.stores import open_views
from tests.projections.places import KINDS, place


@pytest.fixture(params=KINDS)
def at(request: pytest.FixtureRequest) -> Iterator[Path | str]:
    """Where views may be kept: an empty place in either store."""
    with place(request.param, request.getfixturevalue("postgres_url")) as empty:
        yield empty


@pytest.fixture
def store(at: Path | str) -> Iterator[ViewStore]:
    """The store there."""
    with closing(open_views(at)) as opened:
        yield opened


@pytest.fixture
def server_at(postgres_url: str) -> Iterator[str]:
    """The address of a book on the server that has no views yet."""
    with place("postgres", postgres_url) as empty:
        yield str(empty)


@pytest.fixture
def server_store(server_at: str) -> Iterator[ViewStore]:
    """The store there."""
    with closing(open_views(server_at)) as opened:
        yield opened
