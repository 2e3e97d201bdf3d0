"""What happened with somebody, by pages that nothing which comes in late disturbs."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import orjson
import pytest

from tests.api.http.posting import Server, event
from tests.api.http.readers import Readers, readers_of


@pytest.fixture
def readers(server: Server) -> Iterator[Readers]:
    """Give readers of whom nobody has read yet."""
    with readers_of(server) as readers:
        yield readers


def happens(readers: Readers, *days: int, kind: str = "order.placed") -> UUID:
    """Something on each of these days of January, handed in in that order; to whom."""
    who = {"user": f"{readers.source}-anna"}
    data = {} if kind == "email.opened" else {"amount_minor": 1250, "currency": "EUR"}
    for day in days:
        at = f"2026-01-{day:02}T12:00:00Z"
        told = event(f"{kind}-{day}", type=kind, data=data, occurred_at=at, identifiers=who)
        readers.take(told)
    found = readers.server.customer("user", who["user"])
    assert found is not None
    return found


def days(events: list[dict[str, Any]]) -> list[int]:
    return [int(one["occurred_at"][8:10]) for one in events]


def pages(readers: Readers, anna: UUID, **query: Any) -> Iterator[list[int]]:
    """The days of each page, one after the other."""
    cursor: dict[str, str] = {}
    while True:
        told = readers.found(f"/v1/customers/{anna}/timeline", **query, **cursor)
        yield days(told["events"])
        if told["next"] is None:
            return
        cursor = {"cursor": told["next"]}


def test_pages_have_each_event_once_in_the_order_of_happening(readers: Readers) -> None:
    anna = happens(readers, 5, 1, 4, 2, 3)
    assert [*pages(readers, anna)] == [[1, 2, 3, 4, 5]]
    assert [*pages(readers, anna, limit=2)] == [[1, 2], [3, 4], [5]]
    assert [*pages(readers, anna, limit=2, order="newest")] == [[5, 4], [3, 2], [1]]
    assert [*pages(readers, anna, limit=5)] == [[1, 2, 3, 4, 5]]


def test_what_comes_in_late_moves_no_page(readers: Readers) -> None:
    anna = happens(readers, 2, 4, 6, 8)
    going = pages(readers, anna, limit=2)
    assert next(going) == [2, 4]
    happens(readers, 3, 7)
    assert [*going] == [[6, 7], [8]]
    back = pages(readers, anna, limit=3, order="newest")
    assert next(back) == [8, 7, 6]
    happens(readers, 9, 5)
    assert [*back] == [[5, 4, 3], [2]]


def test_what_happened_at_once_is_told_apart_by_its_place_in_the_book(readers: Readers) -> None:
    anna = readers.orders("anna", 5)
    found: list[int] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        told = readers.found(f"/v1/customers/{anna}/timeline", limit=2, **cursor)
        found += [one["position"] for one in told["events"]]
        cursor = {"cursor": told["next"]}
    assert found == sorted(set(found))
    assert len(found) == 5


def test_types_and_both_clocks_choose(readers: Readers) -> None:
    anna = happens(readers, 1, 3)
    before = readers.server.bahi.clock().isoformat()
    happens(readers, 2, 4, kind="email.opened")
    assert [*pages(readers, anna, types="email.opened")] == [[2, 4]]
    assert [*pages(readers, anna, types="order.placed,email.opened", limit=3)] == [[1, 2, 3], [4]]
    assert [*pages(readers, anna, as_of="2026-01-02")] == [[1, 2]]
    assert [*pages(readers, anna, known_at=before)] == [[1, 3]]
    unknown = readers.get(f"/v1/customers/{anna}/timeline", types="anna@example.com")
    assert unknown.status_code == 422
    assert "anna" not in unknown.json()["detail"]


def test_lines_have_all_of_it_and_the_same(readers: Readers) -> None:
    anna = happens(readers, 1, 2, 3)
    path = f"/v1/customers/{anna}/timeline"
    told = readers.found(path)["events"]
    answer = readers.get(path, accept="application/x-ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert [orjson.loads(line) for line in answer.text.splitlines()] == told
    some = readers.get(path, accept="application/x-ndjson", limit=1)
    assert days([orjson.loads(some.text)]) == [1]
    rest = readers.found(path, cursor=some.headers["bahi-next"])
    assert days(rest["events"]) == [2, 3]


def test_nothing_sealed_is_in_it(readers: Readers) -> None:
    anna = readers.orders("anna")
    told = readers.get(f"/v1/customers/{anna}/timeline", "analyst")
    assert "anna" not in told.text
    (one,) = told.json()["events"]
    assert one["customer"] == str(anna)
    assert (one["type"], one["source"], one["domain"]) == (
        "order.placed",
        readers.source,
        "touchpoint",
    )
    assert one["data"] == {"amount_minor": 1250, "currency": "EUR"}


@pytest.mark.parametrize(
    "cursor", ["x", "WyIwIl0", "bnVsbA", "é", "W10", "WyJhIiwxLDJd", "a" * 5_000]
)
def test_a_cursor_of_something_else_is_refused(readers: Readers, cursor: str) -> None:
    anna = readers.orders("anna")
    assert readers.get(f"/v1/customers/{anna}/timeline", cursor=cursor).status_code == 422
    mine = readers.orders("anna", 3)
    kept = readers.found(f"/v1/customers/{mine}/timeline", limit=1)["next"]
    path = f"/v1/customers/{anna}/timeline"
    assert readers.get(path, cursor=kept, order="newest").status_code == 422
