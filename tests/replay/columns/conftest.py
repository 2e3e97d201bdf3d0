"""Books for tests of columns, in either store."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.book import Book
from ledger.stores import open_book


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'book'}"
    url = request.getfixturevalue("postgres_url")
    return f"{url}?schema=book_{uuid4().hex}"


@pytest.fixture
def book(address: str) -> Iterator[Book]:
    with open_book(address) as book:
        yield book


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the history, which is not there yet."""
    return tmp_path / "home" / "history"
