"""In the middle of it: somebody is erased, the queue is full, the process is killed, one id says two things."""

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from api.wiring import Bahi
from commands.recording import Recorder
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.book import CUSTOMER_TAG, Match
from ledger.gathering import Bounds
from ledger.settings import Settings
from tests.api.http.door import key_of, opened
from tests.api.http.posting import Server, event, server_over, settings_of
from tests.api.http.readers import Readers, readers_of
from tests.commands.samples import CLERK

TOGETHER = 50
STORES = ["sqlite", "postgres"]


def until(true: Callable[[], object]) -> None:
    """Wait for something that is about to be."""
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str) -> Settings:
    return settings_of(request.param, tmp_path, postgres_url)


def batch_of(source: str, size: int) -> list[dict[str, Any]]:
    """Every fourth item is Anna's; the others are Ben's, and some of these name her as well, or tell of her. One
    of the last is a newcomer's.
    """
    anna, ben = {"user": f"{source}-anna"}, {"user": f"{source}-ben"}
    address = f"anna@{source}.example"
    kinds: list[dict[str, Any]] = [
        {"identifiers": anna},
        {"identifiers": ben},
        {"identifiers": {**ben, "email": address}},
        {"identifiers": ben, "type": "referral.made", "data": {"referred": address}},
    ]
    found = [event(f"{n}", **kinds[n % len(kinds)]) for n in range(size)]
    found[-3] = event(f"{size - 3}", identifiers={"user": f"{source}-newcomer"})
    return found


def call_of(item: dict[str, Any]) -> dict[str, Any]:
    """The same as a call of Segment's."""
    named = item["identifiers"]
    return {
        "type": "track",
        "event": "ordered",
        "messageId": item["id"],
        "timestamp": item["occurred_at"],
        "userId": named["user"],
        "context": {"traits": {"email": named["email"]}} if "email" in named else {},
    }


@pytest.mark.parametrize(
    ("path", "size"),
    [("/v1/events", 2_000), ("/v1/batch", 2_000), ("/v1/events?atomic=true", 1_000)],
)
def test_an_erasure_amid_a_batch_takes_what_is_theirs_and_nothing_of_the_others(
    server: Server, path: str, size: int
) -> None:
    with readers_of(server) as readers, ThreadPoolExecutor(1) as pool:
        source = readers.source
        anna, ben = readers.orders("anna"), readers.orders("ben")
        batch = batch_of(source, size)
        posting = pool.submit(_posted, readers, path, batch)
        # It is known by now whom the last of them are about, and nothing of these is written.
        until(lambda: server.customer("user", f"{source}-newcomer"))
        readers.erase(anna)
        refused = posting.result()

        places = _places(server, source, batch)
        hers = {item["id"] for item in batch if item["identifiers"] == {"user": f"{source}-anna"}}
        missing = {item["id"] for item in batch} - places.keys()
        if "atomic" in path:
            assert missing in (set(), {item["id"] for item in batch})
            rest = [item for item in batch if item["id"] not in hers]
            assert _posted(readers, path, rest) == 0
            places = _places(server, source, batch)
            missing = {item["id"] for item in batch} - places.keys()
            assert missing in (set(), hers)
        else:
            assert len(missing) == refused
            assert len(hers - missing) >= 250  # of the thousand before it began
            assert missing <= hers
            assert _posted(readers, path, batch) == refused
            assert _places(server, source, batch) == places

        about_her = [Match(tags=(f"{CUSTOMER_TAG}{anna}",))]
        types = [one.event.type for one in server.bahi.ledger.book.read(matching=about_her)]
        assert types[-2:] == ["customer.erasing", "customer.erased"]
        own = [one for one in types[:-2] if one != "referral.made"]  # that is Ben's
        assert len(own) == 1 + len(hers - missing)
        assert server.customer("user", f"{source}-ben") == ben
        assert server.customer("user", f"{source}-anna") is None
        assert server.customer("email", f"anna@{source}.example") is None
        assert not server.bahi.ledger.vault.classes_held([anna])
        assert not server.letters(source)


def _posted(readers: Readers, path: str, batch: list[dict[str, Any]]) -> int:
    """Have these posted; how many were refused, because they are about somebody erased. Each of the others is
    where it is said to be.
    """
    body: Any = {"batch": [*map(call_of, batch)]} if path == "/v1/batch" else batch
    answer = readers.server.post(path, body, source=readers.source, role="service", packed=True)
    assert answer.status_code in {200, 207, 410}, answer.text
    if path == "/v1/batch":
        return int(answer.headers.get("bahi-refused", 0))
    places, refused = _places(readers.server, readers.source, batch), 0
    told = answer.json()
    for item, outcome in zip(batch, told["outcomes"], strict=True):
        if outcome["status"] == "refused":
            assert outcome["problem"]["type"] == "/problems/names-erased"
            refused += 1
        elif answer.status_code != 410:
            assert outcome["status"] in {"appended", "duplicate"}
            assert places[item["id"]] == outcome["position"]
    return refused


def _places(server: Server, source: str, batch: list[dict[str, Any]]) -> dict[str, int]:
    """Where those of these are that are in the book."""
    ledger = server.bahi.ledger
    ids = {ledger.keyring.event_id(source, item["id"]): item["id"] for item in batch}
    return {ids[found]: position for found, (position, _) in ledger.book.known(ids).items()}


@pytest.mark.parametrize("settings", STORES, indirect=True)
def test_who_comes_while_too_many_wait_is_told_to_come_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = partial(Recorder, bounds=Bounds(waiting=3))
    monkeypatch.setattr("api.http.serving.Recorder", few)
    with ThreadPoolExecutor(32) as callers, server_over(settings) as server:
        server.key("shop")

        def posted(name: str, path: str = "/v1/events") -> httpx.Response:
            body = event(name) if path == "/v1/events" else call_of(event(name))
            return server.post(path, body, source="shop")

        answers: dict[str, Future[httpx.Response]] = {}
        with _written_by_another(settings):
            while not any(one.done() for one in answers.values()):
                assert len(answers) < 32
                answers[f"{len(answers)}"] = callers.submit(posted, f"{len(answers)}")
                time.sleep(0.01)
            late = [
                server.post("/v1/events", [event("a"), event("b")], source="shop"),
                posted("c", "/v1/track"),
                posted("d"),
            ]
            for answer in late:
                assert answer.status_code == 503
                assert answer.json()["type"] == "/problems/store-unavailable"
                assert int(answer.headers["retry-after"]) > 0
        told = {name: one.result() for name, one in answers.items()}
        taken = {name: one.json()["position"] for name, one in told.items() if one.is_success}
        assert {one.status_code for one in told.values()} == {201, 503}
        assert len(taken) >= 4
        every = [event(name) for name in (*told, *"abcd")]
        assert _places(server, "shop", every) == taken
        for name in [*told, *"abcd"]:
            assert posted(name).status_code == (200 if name in taken else 201)
        assert server.bahi.ledger.book.head() == len(every)
        assert not server.letters("shop")


@contextmanager
def _written_by_another(settings: Settings) -> Iterator[None]:
    """Somebody else is writing to the book all the while."""
    if not settings.ledger:
        book = settings.home / "book" / "book.db"
        with closing(sqlite3.connect(book, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    url, _, schema = settings.ledger.partition("?schema=")
    with psycopg.connect(url) as other:
        other.execute(SQL("LOCK TABLE {} IN SHARE MODE").format(Identifier(schema, "event")))
        yield


@pytest.mark.parametrize("settings", STORES, indirect=True)
def test_killed_amid_requests_of_all_or_none_each_is_there_whole_or_not_at_all(
    settings: Settings,
) -> None:
    key = key_of(settings, "service")
    begun: list[str] = []
    answered: dict[str, list[int]] = {}

    def call(caller: int) -> None:
        heads = {"authorization": f"Bearer {key}"}
        with httpx.Client(base_url=door.address, headers=heads) as client:
            for place in count():
                name = f"{caller}-{place}"
                items = [
                    event(f"{name}-{n}", identifiers={"user": f"u{n}"}) for n in range(TOGETHER)
                ]
                begun.append(name)
                try:
                    answer = client.post("/v1/events?atomic=true", json=items)
                except httpx.HTTPError:
                    return
                assert answer.status_code == 200, answer.text
                answered[name] = [one["position"] for one in answer.json()["outcomes"]]

    with ThreadPoolExecutor(8) as callers, opened(settings) as door:
        calling = [callers.submit(call, caller) for caller in range(8)]
        until(lambda: len(answered) > 20)
        door.end(signal.SIGKILL)
        for one in calling:
            one.result()
    assert len(answered) < len(begun)
    with Bahi.open(settings) as bahi:
        event_id = bahi.ledger.keyring.event_id
        found = {one.event.id: one.position for one in bahi.ledger.book.read()}
        for name in begun:
            there = [found.get(event_id("shop", f"{name}-{n}")) for n in range(TOGETHER)]
            first = there[0]
            assert there == [first and first + n for n in range(TOGETHER)]
            assert answered.get(name, there) == there


@pytest.mark.parametrize("path", ["/v1/events", "/v1/events?atomic=true"])
def test_one_id_with_what_is_equal_in_python_alone_keeps_nobody_waiting(
    server: Server, path: str
) -> None:
    source = f"s{uuid4().hex[:12]}"
    safe = {"type": "object", "properties": {"price": {"type": "integer"}}}
    registered = catalogue.parse(
        "schema.registered", {"event_name": source, "safe_properties": safe}, at_a_door=False
    )
    asked = Touchpoint(registered, server.bahi.clock(), "desk", source, actor=CLERK)
    server.bahi.desk.carry_out(asked, RULES[type(registered)])
    said = [
        event(
            "1",
            type="custom.tracked",
            data={"tracked_name": source, "tracked_properties": {"price": price}},
        )
        for price in (1, 1, 1.0, True)
    ]
    told = server.post(path, said, source=source).json()["outcomes"]
    reused = {"status": "refused"}
    if "atomic" in path:
        first = [{"status": "not_recorded"}, {"status": "not_recorded"}]
    else:
        first = [{"status": "appended"}, {"status": "duplicate"}]
    assert [{"status": one["status"]} for one in told] == [*first, reused, reused]
    assert {one["problem"]["type"] for one in told[2:]} == {"/problems/id-reused"}
