"""Clients that nobody here wrote, against a running server: each event arrives once, also when an answer is lost."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from segment.analytics.client import Client  # type: ignore[import-untyped]

from ledger.vault import ApiKey
from tests.api.http.cutting import cutting
from tests.api.http.posting import DAY, Server
from tests.servers.node import run_node

PROGRAMS = Path(__file__).with_name("node")
SHOP = "http://shop.example"
"""A page without TLS, as the server is without: browsers call no such server from one that has it."""
TOPICS = [
    "custom.tracked", "customer.identified", "customer.updated", "member.joined",
    "page.viewed", "page.viewed",
]  # fmt: skip


def arrived(server: Server, source: str) -> list[str]:
    """The types of what is in the book of a source; each stands for one call, and none is refused."""
    assert not server.letters(source)
    return sorted(one.event.type for one in server.recorded(source))


@pytest.mark.parametrize("lost", [0, 2])
def test_segments_library_for_python(server: Server, lost: int) -> None:
    source = f"python-{lost}"
    with cutting(server.address, lost) as between:
        client = Client(
            server.key(source),
            host=between.address,
            gzip=lost > 0,
            max_retries=5,
            on_error=pytest.fail,
            upload_interval=0.05,
        )
        who: dict[str, Any] = {"anonymous_id": f"{source}-a", "timestamp": DAY}
        client.identify("py-1", {"email": "Py@Example.com", "firstName": "Pia"}, **who)
        client.track("py-1", "Clicked", {"on": "buy", "price": 12.5}, **who)
        client.page("py-1", None, "pricing", {"url": "https://example.com/pricing"}, **who)
        client.screen("py-1", None, "home", **who)
        client.group("py-1", "acme", **who)
        client.alias("py-b", "py-1", timestamp=DAY)
        client.shutdown()
        assert between.lost == lost
    assert arrived(server, source) == TOPICS
    people = {one.event.customer for one in server.recorded(source)}
    assert people == {server.customer("email", "py@example.com")}
    assert {one.event.occurred_at for one in server.recorded(source)} == {DAY}


@pytest.mark.parametrize("lost", [0, 2])
def test_segments_library_for_node(server: Server, lost: int) -> None:
    source = f"node-{lost}"
    with cutting(server.address, lost) as between:
        told = json.loads(run_node(PROGRAMS / "segment.cjs", between.address, server.key(source)))
        assert between.lost == lost
    assert told == ["alias", "group", "identify", "page", "screen", "track"]
    assert arrived(server, source) == TOPICS
    people = {one.event.customer for one in server.recorded(source)}
    assert people == {server.customer("email", "node@example.com")}
    assert {one.event.occurred_at for one in server.recorded(source)} == {DAY}


@pytest.mark.parametrize(
    ("strategy", "paths", "errors", "kept"),
    [
        ("standard", ["a", "g", "i", "p", "s", "t"], ["delivery_failure"], set()),
        ("batching", ["b"], [], {"item"}),
    ],
)
def test_segments_library_for_browsers(
    server: Server, strategy: str, paths: list[str], errors: list[str], kept: set[str]
) -> None:
    source = f"browser-{strategy}"
    made = ApiKey(uuid4(), "pages", "ingest", source, True, DAY, None, (SHOP,))
    key = server.bahi.ledger.vault.issue(made)
    with cutting(server.address, 2) as between:
        page = f"{SHOP}/pricing"
        told = run_node(PROGRAMS / "browser.cjs", between.address, page, key, strategy, source)
        assert between.lost == 2
        # It calls nobody else, and can read what is refused: else it would try again for a quarter of an hour.
        called = [f"{between.address}/v1/{path}" for path in paths]
        assert json.loads(told) == {"called": called, "errors": errors}
    assert {letter.field for letter in server.letters(source)} == kept
    found = server.recorded(source)
    names = [server.sealed(one).get("tracked_name", one.event.type) for one in found]
    assert sorted(names) == [
        "Clicked", "alias", "group", "identify", "page.viewed", "page.viewed",
    ]  # fmt: skip
    assert {one.event.occurred_at for one in found} == {DAY}
    visitor = server.customer("anonymous", f"{source}-a")
    assert {one.event.customer for one in found} == {visitor} != {None}
    assert server.customer("user", source) is None
    assert server.customer("email", f"{source}@example.com") is None


@pytest.mark.parametrize("mode", ["binary", "structured"])
def test_the_sdk_of_cloudevents(server: Server, mode: str) -> None:
    source = f"ce-{mode}"
    event = CloudEvent(
        attributes={
            "id": 'ü "7" %',
            "source": "/shop/münchen",
            "type": "order.placed",
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "time": datetime(2026, 1, 31, 13, tzinfo=UTC),
            "correlation": "6c7f1f0e-6d2e-4f53-9d0b-1f6a3c0f5e11",
        },
        data={
            "identifiers": {"user": "u1"},
            "references": {"order": "A-1042"},
            "data": {"amount_minor": 1250, "currency": "EUR"},
        },
    )
    sent = (
        to_binary(event, JSONFormat()) if mode == "binary" else to_structured(event, JSONFormat())
    )

    def post(address: str) -> httpx.Response:
        heads = {**sent.headers, "authorization": f"Bearer {server.key(source)}"}
        return httpx.post(f"{address}/v1/events", content=sent.body, headers=heads)

    with cutting(server.address) as between:
        with pytest.raises(httpx.TransportError):
            post(between.address)
        answer = post(between.address)
    (found,) = server.recorded(source)
    assert (answer.status_code, answer.json()) == (
        200,
        {"status": "duplicate", "position": found.position},
    )
    assert found.event.occurred_at == datetime(2026, 1, 31, 13, tzinfo=UTC)
    assert str(found.event.correlation) == "6c7f1f0e-6d2e-4f53-9d0b-1f6a3c0f5e11"
    assert found.event.data == {"amount_minor": 1250, "currency": "EUR"}
