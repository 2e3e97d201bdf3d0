"""Readers at a server's door: what they ask with a key of some role, and what becomes of people meanwhile."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson

from commands.identity import merge, split
from commands.privacy.erasing import erase
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from tests.api.http.posting import Server, event
from tests.commands.samples import CLERK


@dataclass
class Readers:
    """The readers of one test, whose source nobody else has."""

    server: Server
    source: str

    def get(
        self, path: str, role: str = "agent", accept: str = "*/*", **query: Any
    ) -> httpx.Response:
        """What is answered; words of a query that Python keeps for itself end with _."""
        return self.client(role).get(
            path,
            params={k.removesuffix("_"): v for k, v in query.items()},
            headers={"accept": accept},
        )

    def found(self, path: str, role: str = "agent", **query: Any) -> Any:
        """The document that is answered."""
        answer = self.get(path, role, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, role: str = "agent") -> httpx.Response:
        return self.client(role).post(path, json=body)

    def client(self, role: str) -> httpx.Client:
        """Somebody with a key of that role."""
        if not hasattr(self, "_clients"):
            self._clients: dict[str, httpx.Client] = {}
        if role not in self._clients:
            heads = {"authorization": f"Bearer {self.server.key(self.source, role)}"}
            self._clients[role] = httpx.Client(base_url=self.server.address, headers=heads)
        return self._clients[role]

    def close(self) -> None:
        for client in getattr(self, "_clients", {}).values():
            client.close()

    def orders(self, who: str, count: int = 1, **more: Any) -> UUID:
        """So many orders of somebody; their customer."""
        named = {"user": f"{self.source}-{who}", "email": f"{who}@{self.source}.example"}
        given = [event(uuid4().hex, identifiers=named, **more) for _ in range(count)]
        self.take(*given)
        found = self.server.customer("user", named["user"])
        assert found is not None
        return found

    def take(self, *events: Mapping[str, Any]) -> int:
        """Have these written; the last position."""
        answer = self.server.post("/v1/events", [*events], source=self.source, role="service")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["refused"] == 0, answer.text
        position: int = told["position"]
        return position

    def say(self, topic: str, who: UUID, **data: Any) -> None:
        """Have a command carried out about somebody."""
        payload = catalogue.parse(topic, data, at_a_door=False)
        bahi = self.server.bahi
        asked = Touchpoint(
            payload, bahi.clock(), self.source, uuid4().hex, customer=who, actor=CLERK
        )
        if topic == "customers.merged":
            merge(bahi.desk, asked, despite_identifiers=True)
        elif topic == "customers.split":
            split(bahi.desk, asked)
        else:
            bahi.desk.carry_out(asked, RULES[type(payload)])

    def merge(self, one: UUID, other: UUID) -> None:
        self.say("customers.merged", one, other=str(other), reason_given="same")

    def split(self, one: UUID, other: UUID) -> None:
        self.say("customers.split", one, other=str(other), reason_given="not the same")

    def restrict(self, who: UUID) -> None:
        self.say("customer.restricted", who, ground="contested")

    def unrestrict(self, who: UUID) -> None:
        self.say("customer.unrestricted", who, ground="settled")

    def erase(self, who: UUID) -> None:
        erase(self.server.bahi.office, [who], legal_basis="gdpr-17-1-b", actor=CLERK)

    def fold(self) -> int:
        """Bring the views up; the position that they are at."""
        bahi = self.server.bahi
        assert bahi.reading.fold() == []
        return bahi.ledger.book.head()


@contextmanager
def readers_of(server: Server) -> Iterator[Readers]:
    """Readers of a new source."""
    readers = Readers(server, f"s{uuid4().hex[:12]}")
    try:
        yield readers
    finally:
        readers.close()


@dataclass(frozen=True)
class Sent:
    """One server-sent event."""

    id: int
    data: Any


def sent(response: httpx.Response) -> Iterator[Sent | int]:
    """What comes on a stream: events, and the positions that heartbeats tell."""
    id_, data = 0, ""
    for line in response.iter_lines():
        name, _, value = line.partition(":")
        if name == "id":
            id_ = int(value)
        elif name == "data":
            data = value
        elif not line:
            yield Sent(id_, orjson.loads(data)) if data else id_
            data = ""
