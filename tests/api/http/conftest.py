"""Servers for tests, over files and over a database server."""

from collections.abc import Iterator

import pytest

from tests.api.http.posting import Server, server_over, settings_of


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_url: str,
) -> Iterator[Server]:
    """Give a server that the tests of a module share; each has a source of its own."""
    home = tmp_path_factory.mktemp("server")
    with server_over(settings_of(request.param, home, postgres_url)) as server:
        yield server
