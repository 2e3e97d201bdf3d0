"""A whole server with keys, for tests of what is handed in: over files or a database server."""

import gzip
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from api.wiring import Bahi
from ledger.event import Recorded
from ledger.identifiers import Identifier
from ledger.settings import Settings
from ledger.vault import ApiKey, KeptLetter
from tests.api.http.running import served
from tests.ledger.openings import unsealed

DAY = datetime(2026, 1, 31, 12, tzinfo=UTC)
PAGE = "https://shop.example"


@dataclass
class Server:
    """A running server over an open ledger. Each source of its keys is of one test alone."""

    address: str
    bahi: Bahi
    client: httpx.Client
    _keys: dict[tuple[str, str, bool], str] = field(default_factory=dict)

    def key(self, source: str, role: str = "ingest", *, public: bool = False) -> str:
        """The secret of a key of that source and role."""
        wanted = (source, role, public)
        if wanted not in self._keys:
            origins = (PAGE,) if public else ()
            made = ApiKey(uuid4(), role, role, source, public, self.bahi.clock(), None, origins)
            self._keys[wanted] = self.bahi.ledger.vault.issue(made)
        return self._keys[wanted]

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        source: str,
        role: str = "ingest",
        public: bool = False,
        headers: Mapping[str, str] | None = None,
        packed: bool = False,
    ) -> httpx.Response:
        """Hand something in: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        heads = {"authorization": f"Bearer {self.key(source, role, public=public)}"}
        heads |= {"content-type": "application/json"} | dict(headers or {})
        if public:
            heads |= {"origin": PAGE}
        if packed:
            content = gzip.compress(content)
            heads |= {"content-encoding": "gzip"}
        return self.client.post(f"{self.address}{path}", content=content, headers=heads)

    def get(self, path: str, *, source: str, role: str = "ingest") -> httpx.Response:
        """Ask for something."""
        heads = {"authorization": f"Bearer {self.key(source, role)}"}
        return self.client.get(f"{self.address}{path}", headers=heads)

    def recorded(self, source: str) -> list[Recorded]:
        """What is in the book of a source, but for what follows from it."""
        return [one for one in self.bahi.ledger.book.read() if one.event.source == source]

    def sealed(self, recorded: Recorded) -> dict[str, Any]:
        """What is sealed in an event, whatever the class."""
        found: dict[str, Any] = {}
        for fields in unsealed(self.bahi.ledger, recorded.event).values():
            found |= fields
        return found

    def letters(self, source: str) -> list[KeptLetter]:
        """The dead letters of what was posted as that source."""
        kept = self.bahi.ledger.vault.letters()
        return [one for one in kept if one.door == f"http:{source}"]

    def customer(self, kind: str, value: str) -> UUID | None:
        """Who is known by that."""
        return self.bahi.ledger.vault.look_up(Identifier(kind, value))


@contextmanager
def server_over(settings: Settings) -> Iterator[Server]:
    """A server over the ledger of these settings."""
    with Bahi.open(settings) as bahi, served(bahi) as address, httpx.Client() as client:
        yield Server(address, bahi, client)


def settings_of(store: str, home: Path, postgres_url: str) -> Settings:
    """Book and vault in files at home, or on a database server."""
    if store == "sqlite":
        return Settings(home=home)
    schema = uuid4().hex
    book, vault = (f"{postgres_url}?schema={name}_{schema}" for name in ("book", "vault"))
    return Settings(home=home, ledger=book, vault=vault)


def event(message_id: str = "1", **given: Any) -> dict[str, Any]:
    """An order of `u1` for 12.50 EUR in our own form, unless said otherwise."""
    return {
        "id": message_id,
        "type": "order.placed",
        "occurred_at": "2026-01-31T12:00:00Z",
        "identifiers": {"user": "u1"},
        "data": {"amount_minor": 1250, "currency": "EUR"},
        **given,
    }


def page(message_id: str = "1", **given: Any) -> dict[str, Any]:
    """A page that somebody in a browser looked at, unless said otherwise."""
    told = {"identifiers": {"anonymous": "a-1"}, "type": "page.viewed", "data": {"page": "pricing"}}
    return event(message_id, **{**told, **given})
