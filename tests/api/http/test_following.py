"""Following the stream: each event once, in order, to whoever waits, comes back, or is slow; and to nobody else."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from api.http.reading import following
from api.http.running import wire
from ledger.settings import Settings
from ledger.vault import ApiKey
from streams.outgoing import NOTICES, PUBLISHED, Outgoing
from tests.api.http.posting import Server, event, server_over
from tests.api.http.readers import Readers, Sent, readers_of, sent

_WRITERS = 5
NDJSON = "application/x-ndjson"


@pytest.fixture
def readers(server: Server) -> Iterator[Readers]:
    """Give readers of whom nobody has read yet."""
    with readers_of(server) as readers:
        yield readers


def outgoing(server: Server, after: int) -> list[int]:
    """Positions of what goes out, as the book has it."""
    return [
        one.position
        for one in server.bahi.ledger.book.read(after)
        if one.event.domain in PUBLISHED or one.event.type in NOTICES
    ]


def streamed(readers: Readers, after: int, until: int, **query: Any) -> list[Sent]:
    """What comes on a stream, up to a position."""
    found = []
    heads = {"accept": "text/event-stream", "last-event-id": str(after)}
    client = readers.client("service")
    with client.stream("GET", "/v1/events", headers=heads, params=query) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for one in sent(answer):
            if isinstance(one, Sent):
                found.append(one)
                if one.id >= until:
                    break
    return found


def polled(readers: Readers, after: int, until: int) -> list[int]:
    """The same by pages, waiting for each."""
    found: list[int] = []
    with httpx.Client(
        base_url=readers.server.address, headers=readers.client("service").headers
    ) as c:
        while after < until:
            told = c.get("/v1/events", params={"after": after, "limit": 7, "wait": 5}).json()
            found += [one["position"] for one in told["events"]]
            after = told["position"]
    return found


def test_nothing_is_skipped_or_doubled_while_five_write(readers: Readers) -> None:
    after = readers.server.bahi.ledger.book.head()
    readers.client("service")

    def write(writer: int) -> None:
        for n in range(6):
            readers.take(*(event(f"{writer}-{n}-{m}") for m in range(1 + (writer * n) % 4)))

    count = sum(1 + (writer * n) % 4 for writer in range(_WRITERS) for n in range(6))
    with ThreadPoolExecutor(_WRITERS + 3) as pool:
        followers = [pool.submit(streamed, readers, after, after + count) for _ in range(2)]
        poller = pool.submit(polled, readers, after, after + count)
        writers = [pool.submit(write, writer) for writer in range(_WRITERS)]
        for one in writers:
            one.result()
        expected = [*range(after + 1, after + count + 1)]
        assert [[one.id for one in each.result()] for each in followers] == [expected] * 2
        assert poller.result() == expected == outgoing(readers.server, after)


def test_who_comes_back_goes_on_after_the_last_that_came(readers: Readers) -> None:
    after = readers.server.bahi.ledger.book.head()
    readers.orders("anna", 10)
    first = streamed(readers, after, after + 4)
    rest = streamed(readers, first[-1].id, after + 10)
    assert [one.id for one in [*first, *rest]] == [*range(after + 1, after + 11)]


def test_an_event_is_a_cloud_event_with_what_is_personal_sealed(readers: Readers) -> None:
    after = readers.server.bahi.ledger.book.head()
    anna = readers.orders("anna", tags={"market": "DE"})
    text = readers.get("/v1/events", "auditor", after=after).text
    assert "anna" not in text
    (told,) = readers.found("/v1/events", "auditor", after=after)["events"]
    batch_kind = "application/cloudevents-batch+json"
    (batch,) = readers.get("/v1/events", "auditor", batch_kind, after=after).json()
    (line,) = readers.get("/v1/events", "auditor", NDJSON, after=after).text.splitlines()
    read = JSONFormat().read(CloudEvent, line)
    assert told == batch
    assert (read.get_type(), read.get_subject()) == ("order.placed", str(anna))
    assert told["position"] == after + 1
    assert told["data"]["data"] == {"amount_minor": 1250, "currency": "EUR"}
    assert told["data"]["tags"] == {"market": "DE"}
    assert len(told["data"]["personal"]) == 1


def test_the_erased_are_nameless_the_restricted_held_back_and_notices_say_so(
    readers: Readers,
) -> None:
    after = readers.server.bahi.ledger.book.head()
    anna, ben, cleo = (readers.orders(who) for who in ("anna", "ben", "cleo"))
    readers.restrict(ben)
    readers.erase(anna)

    def told() -> list[tuple[str, str | None]]:
        found = readers.found("/v1/events", "service", after=after)["events"]
        return [(one["type"], one.get("subject")) for one in found]

    assert told() == [
        ("order.placed", None),
        ("order.placed", str(cleo)),
        ("customer.restricted", str(ben)),
        ("customer.erased", str(anna)),
    ]
    readers.unrestrict(ben)
    assert told()[1] == ("order.placed", str(ben))
    only = readers.found("/v1/events", "service", after=after, types="customer.erased,deal.won")
    assert [one["type"] for one in only["events"]] == ["customer.erased"]
    assert only["position"] == readers.server.bahi.ledger.book.head()


@pytest.mark.parametrize("types", ["consent.given", "order.placd", "anna@example.com"])
def test_a_type_that_never_comes_is_refused(readers: Readers, types: str) -> None:
    answer = readers.get("/v1/events", "service", types=types)
    assert answer.status_code == 422
    assert "anna" not in answer.text


def test_who_waits_has_what_comes_in_the_moment_that_it_does(readers: Readers) -> None:
    after = readers.server.bahi.ledger.book.head()
    readers.client("service")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(readers.found, "/v1/events", "service", after=after, wait=30)
        time.sleep(0.2)
        assert not waiting.done()
        readers.orders("anna")
        assert [one["position"] for one in waiting.result()["events"]] == [after + 1]


def test_a_stream_ends_when_its_key_is_revoked(server: Server) -> None:
    key = ApiKey(uuid4(), "service", "service", "gone", False, server.bahi.clock())
    secret = server.bahi.ledger.vault.issue(key)
    heads = {"authorization": f"Bearer {secret}", "accept": "text/event-stream"}
    head = server.bahi.ledger.book.head()
    with httpx.stream("GET", f"{server.address}/v1/events?after={head}", headers=heads) as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": bahi"
        server.bahi.ledger.vault.revoke(key.id)
        assert [*lines][-1] == ""
    again = httpx.get(f"{server.address}/v1/events", headers=heads)
    assert again.status_code == 401


def test_no_more_may_follow_than_there_is_room_for(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST", 1)
    client = readers.client("service")
    heads = {"accept": "text/event-stream"}
    with client.stream("GET", "/v1/events", headers=heads):
        told = httpx.get(f"{readers.server.address}/v1/events", headers=client.headers)
        assert told.status_code == 429
        assert int(told.headers["retry-after"]) > 0
    for _ in range(200):  # whoever goes makes room
        if (left := client.get("/v1/events").status_code) == 200:
            break
        time.sleep(0.02)
    assert left == 200


def test_all_streams_end_when_the_server_does(tmp_path: Path) -> None:
    begun = threading.Event()

    def read(address: str, key: str) -> list[str]:
        heads = {"authorization": f"Bearer {key}", "accept": "text/event-stream"}
        with httpx.stream("GET", f"{address}/v1/events", headers=heads) as answer:
            begun.set()
            return [*answer.iter_lines()]

    with ThreadPoolExecutor(1) as pool:
        with server_over(Settings(home=tmp_path)) as server:
            reader = pool.submit(read, server.address, server.key("shop", "service"))
            assert begun.wait(10)
        assert reader.result(10)[0] == ": bahi"


@pytest.mark.parametrize("takes", ["nothing", "a trickle"])
def test_a_slow_reader_is_not_read_ahead_for_and_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, takes: str
) -> None:
    reached: list[int] = []
    page = Outgoing.page

    def noted(self: Outgoing, after: int, *given: Any) -> Any:
        reached.append(after)
        return page(self, after, *given)

    monkeypatch.setattr(Outgoing, "page", noted)
    monkeypatch.setattr(following, "MOST", 1)
    monkeypatch.setattr(wire, "STUCK_S", 1.5)
    if takes == "a trickle":  # the connection sees that something goes, and has nothing against it
        monkeypatch.setattr(wire.Wire, "_look", lambda *_: None)
    with server_over(Settings(home=tmp_path)) as server, readers_of(server) as readers:
        said = "x" * 60_000
        for n in range(20):
            readers.take(
                *(
                    event(
                        f"{n}-{m}",
                        type="custom.tracked",
                        data={"tracked_name": "said", "tracked_properties": {"said": said}},
                    )
                    for m in range(20)
                )
            )
        head = server.bahi.ledger.book.head()
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            host, _, port = server.address.removeprefix("http://").partition(":")
            slow.connect((host, int(port)))
            key = server.key(readers.source, "service")
            slow.sendall(
                f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
                "Accept: text/event-stream\r\n\r\n".encode()
            )
            slow.recv(100)
            before = -1
            while reached[-1:] != [before]:
                before = reached[-1] if reached else -1
                time.sleep(0.3)
            assert 0 < before < head
            others = readers.client("service")
            until = time.monotonic() + 30
            while (told := others.get("/v1/events?limit=1").status_code) == 429:
                assert time.monotonic() < until
                time.sleep(0.1)
            assert told == 200
