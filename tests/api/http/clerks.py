"""Clerks at the door for commands: one of each role, over a real server, and what the book has of it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import httpx

from api.wiring import Bahi
from commands.record import record
from ledger.event import Event
from ledger.settings import Settings
from ledger.vault import ApiKey
from tests.api.http.running import served
from tests.commands.samples import touchpoint

SOURCE = "crm"
AT = "2026-03-01T12:00:00Z"


@dataclass
class Office:
    """A ledger that is served, and whoever calls it."""

    bahi: Bahi
    address: str
    _clients: dict[tuple[str, str], httpx.Client] = field(default_factory=dict)

    def clerk(self, role: str, source: str = SOURCE, name: str = "") -> httpx.Client:
        """A client with a key of that role; the same one each time, unless it has another name."""
        named = (role, f"{source} {name}")
        if named not in self._clients:
            key = ApiKey(uuid4(), f"{role} {name}", role, source, False, self.bahi.clock())
            secret = self.bahi.ledger.vault.issue(key)
            headers = {"Authorization": f"Bearer {secret}"}
            self._clients[named] = httpx.Client(base_url=self.address, headers=headers)
        return self._clients[named]

    def post(
        self, path: str, body: Any, role: str = "agent", key: str | None = None
    ) -> httpx.Response:
        """What a clerk is answered."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.clerk(role).post(path, json=body, headers=headers)

    def done(
        self, path: str, body: Mapping[str, Any], role: str = "agent", key: str | None = None
    ) -> dict[str, Any]:
        """The answer to what was done."""
        answer = self.post(path, body, role, key)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def refused(
        self, path: str, body: Any, role: str = "agent", key: str | None = None
    ) -> tuple[int, str, str]:
        """Status, kind and detail of the problem that it is answered with."""
        return problem(self.post(path, body, role, key))

    def event(self, position: int) -> Event:
        """What the book has there."""
        (recorded,) = self.bahi.ledger.book.read(position - 1, upto=position, limit=1)
        return recorded.event

    def meet(self, **identifiers: str) -> UUID:
        """A new customer, of whom the book has an order."""
        order = touchpoint(uuid4().hex, who=identifiers)
        settings = self.bahi.settings
        (outcome,) = record(
            self.bahi.ledger,
            [order],
            clock=self.bahi.clock,
            future_tolerance=settings.future_tolerance,
        )
        assert outcome.position is not None
        customer = self.event(outcome.position).customer
        assert customer is not None
        return customer

    def at_once(self, asked: Sequence[tuple[str, Any, str | None]]) -> list[httpx.Response]:
        """The answers to these (path, body, key), which are asked in the same moment."""
        together = Barrier(len(asked))
        clerk = self.clerk("agent")

        def ask(one: tuple[str, Any, str | None]) -> httpx.Response:
            path, body, key = one
            together.wait()
            return clerk.post(path, json=body, headers={"Idempotency-Key": key} if key else {})

        with ThreadPoolExecutor(len(asked)) as pool:
            return list(pool.map(ask, asked))

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


def problem(answer: httpx.Response) -> tuple[int, str, str]:
    """Status, kind and detail of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, told["type"].removeprefix("/problems/"), told["detail"]


@contextmanager
def office(home: Path, url: str | None = None) -> Iterator[Office]:
    """Open one in that folder, its book and vault on the server of `url` if there is one."""
    stores: dict[str, Any] = {}
    if url is not None:
        schema = uuid4().hex
        stores = {"ledger": f"{url}?schema=book_{schema}", "vault": f"{url}?schema=vault_{schema}"}
    with Bahi.open(Settings(home=home, **stores)) as bahi, served(bahi) as address:
        open_ = Office(bahi, address)
        try:
            yield open_
        finally:
            open_.close()
