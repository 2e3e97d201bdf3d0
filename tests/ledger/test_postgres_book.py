"""The PostgreSQL store keeps the book's promises, and those that only a server can make."""

import time
from uuid import uuid4

import pytest

from ledger.postgres.listener import Listener
from tests.ledger.book_contract import A_WHILE_S, BookContract


class TestPostgresBook(BookContract):
    @pytest.fixture
    def address(self, postgres_url: str) -> str:
        return f"{postgres_url}?schema=book_{uuid4().hex}"

    def only_poll(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            Listener, "wait", lambda listener, seen, timeout_s: time.sleep(timeout_s)
        )

    def only_listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ledger.postgres.book._POLL_S", 10 * A_WHILE_S)
