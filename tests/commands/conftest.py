"""Ledgers for tests, in files and on a server."""

from pathlib import Path

import pytest

from tests.commands.samples import keep_on_server


@pytest.fixture(params=["sqlite", "postgres"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give the folder of a ledger: book and vault in it, or both on a server."""
    if request.param == "postgres":
        keep_on_server(tmp_path, request.getfixturevalue("postgres_url"))
    return tmp_path
