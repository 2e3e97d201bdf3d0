"""One customer over HTTP: found, read in figures, on other days, and not where nobody may look."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyarrow as pa
import pytest

from api.customers import page_of
from api.pages import customer_json
from replay.history import NOW, Clocks, Past
from tests.api.http.posting import Server
from tests.api.http.readers import Readers, readers_of


@pytest.fixture
def readers(server: Server) -> Iterator[Readers]:
    """Give readers of whom nobody has read yet."""
    with readers_of(server) as readers:
        yield readers


def search(readers: Readers, kind: str, value: str, role: str = "agent") -> tuple[int, Any]:
    body = {"identifier": {"kind": kind, "value": value}}
    answer = readers.post("/v1/customers/search", body, role)
    return answer.status_code, answer.json()


def test_somebody_is_found_by_whatever_names_them_under_whom_they_are_read(
    readers: Readers,
) -> None:
    anna, ben = readers.orders("anna"), readers.orders("ben")
    address = f"ANNA@{readers.source}.example"
    assert search(readers, "email", address) == (200, {"customers": [str(anna)]})
    readers.merge(anna, ben)
    assert search(readers, "user", f"{readers.source}-ben") == (200, {"customers": [str(anna)]})
    readers.split(anna, ben)
    assert search(readers, "user", f"{readers.source}-ben") == (200, {"customers": [str(ben)]})
    readers.erase(anna)
    assert search(readers, "email", address)[0] == 404


@pytest.mark.parametrize(
    ("kind", "value", "status"),
    [
        ("email", "nobody.here@example.com", 404),
        ("user", "anonymous", 404),
        ("email", "no mail at all", 422),
        ("E-Mail", "nobody.here@example.com", 422),
        ("user", "x" * 1_025, 422),
        ("user", "half\x00", 422),
    ],
)
def test_nobody_is_found_and_what_was_looked_for_is_not_quoted(
    readers: Readers, kind: str, value: str, status: int
) -> None:
    found, told = search(readers, kind, value)
    assert found == status
    assert value[:20] not in str(told)


def test_an_order_is_nobody(readers: Readers) -> None:
    readers.orders("anna", references={"order": "A-1042"})
    assert search(readers, "order", "A-1042", "marketing")[0] == 422


@pytest.mark.parametrize("body", [{"anna@example.com": 1}, {"identifier": {"anna@example.com": 1}}])
def test_a_field_that_is_not_asked_for_is_not_quoted(readers: Readers, body: Any) -> None:
    named = {"kind": "email", "value": "ben@example.com"} | body.get("identifier", {})
    answer = readers.post("/v1/customers/search", {**body, "identifier": named})
    assert answer.status_code == 422
    assert "anna" not in answer.text


def test_who_waits_for_a_store_keeps_others_waiting_for_so_long_and_the_past_not_at_all(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna, ben = readers.orders("anna"), readers.orders("ben")
    readers.fold()
    stuck, answers = threading.Event(), Past.customer

    def customer(self: Past, who: UUID, at: Clocks = NOW) -> dict[str, pa.Table]:
        if who == anna:
            stuck.wait(60)
        return answers(self, who, at)

    monkeypatch.setattr(Past, "customer", customer)
    monkeypatch.setattr("api.http.serving._TURN_S", 0.2)
    with ThreadPoolExecutor() as others:
        # Each with a connection of their own, and one more than there are turns.
        asked = [others.submit(_read, readers, anna) for _ in range(3)]
        try:
            until = time.monotonic() + 60
            while (told := _read(readers, ben)).status_code == 200:
                assert time.monotonic() < until
            assert (told.status_code, told.json()["type"]) == (503, "/problems/store-unavailable")
            assert int(told.headers["retry-after"]) > 0
            assert _read(readers, ben, as_of="2026-02-28").status_code == 200
        finally:
            stuck.set()
        assert 200 in {one.result(60).status_code for one in asked}
    assert _read(readers, ben).status_code == 200


def _read(readers: Readers, customer: UUID, **query: str) -> httpx.Response:
    """The answer, over a connection of its own."""
    key = readers.server.key(readers.source, "agent")
    address = f"{readers.server.address}/v1/customers/{customer}"
    return httpx.get(address, params=query, headers={"authorization": f"Bearer {key}"}, timeout=60)


def test_what_is_done_with_somebodys_data_is_for_those_who_oversee_it(readers: Readers) -> None:
    anna = readers.orders("anna")
    readers.say("hold.placed", anna, hold="claim-14", ground="litigation")
    readers.fold()
    for role, may in (("auditor", True), ("agent", False), ("marketing", False)):
        told = readers.found(f"/v1/customers/{anna}", role)
        assert ({"erasure", "hold"} <= told["views"].keys()) == may
        types = [
            one["type"] for one in readers.found(f"/v1/customers/{anna}/timeline", role)["events"]
        ]
        assert types == ["order.placed", *(["hold.placed"] if may else [])]


def test_the_figures_are_those_of_the_command_line(readers: Readers) -> None:
    anna = readers.orders("anna", 3, tags={"market": "DE"})
    readers.say("consent.given", anna, purpose="marketing", channel="email")
    readers.fold()
    bahi = readers.server.bahi
    page = page_of(bahi, anna, bahi.history.clocks(), None, for_people=False)
    whole = customer_json(page)
    answer = readers.get(f"/v1/customers/{anna}", "analyst")
    told = answer.json()
    (permission,) = told.pop("permission")
    assert told == {
        "customer": str(anna),
        "also_known_as": [],
        "views": whole["views"],
        "stopped": [],
    }
    assert told["views"]["customer_360"][0]["orders"] == 3
    assert (permission["purpose"], permission["channel"]) == ("marketing", "email")
    assert permission["allowed"] is True
    assert int(answer.headers["bahi-position"]) == bahi.ledger.book.head()


def test_merged_customers_are_one_and_on_the_day_before_they_were_not(readers: Readers) -> None:
    anna, ben = readers.orders("anna", 2), readers.orders("ben")
    before = readers.server.bahi.clock()
    readers.merge(anna, ben)
    readers.fold()
    told = readers.found(f"/v1/customers/{ben}")
    assert told["customer"] == str(anna)
    assert [one["customer"] for one in told["also_known_as"]] == [str(ben)]
    assert told["views"]["customer_360"][0]["orders"] == 3
    known = {"known_at": before.isoformat()}
    assert readers.found(f"/v1/customers/{ben}", **known)["views"]["customer_360"][0]["orders"] == 1
    early = readers.found(f"/v1/customers/{ben}", as_of="2025-12-31")
    assert early["views"] == {}


def test_who_is_erased_is_gone_and_the_answer_says_since_when(readers: Readers) -> None:
    anna = readers.orders("anna")
    readers.erase(anna)
    readers.fold()
    for path in (f"/v1/customers/{anna}", f"/v1/customers/{anna}/timeline"):
        answer = readers.get(path)
        told = answer.json()
        assert (answer.status_code, told["type"]) == (410, "/problems/erased")
        assert told["customer"] == str(anna)
        assert told["erasing_at"] <= told["erased_at"]


def test_the_restricted_are_withheld_but_for_few_purposes(readers: Readers) -> None:
    anna = readers.orders("anna")
    readers.restrict(anna)
    readers.fold()
    for path in (f"/v1/customers/{anna}", f"/v1/customers/{anna}/timeline"):
        told = readers.get(path)
        assert (told.status_code, told.json()["type"]) == (403, "/problems/withheld")
        assert readers.get(path, purpose="legal").status_code == 200
        for role in ("service", "analyst", "marketing", "admin"):
            told = readers.get(path, role, purpose="legal")
            assert (told.status_code, told.json()["type"]) == (403, "/problems/not-for-this-role")
    row = {"customer": str(anna)}
    refused = readers.get("/v1/views/customer_360", "marketing", **row, purpose="legal")
    assert refused.status_code == 403
    assert readers.found("/v1/views/customer_360", **row)["rows"] == []
    (seen,) = readers.found("/v1/views/customer_360", **row, purpose="legal")["rows"]
    assert seen["orders"] == 1


@pytest.mark.parametrize("rest", ["", "/timeline"])
def test_nobody_knows_a_customer_of_whom_the_book_has_nothing(readers: Readers, rest: str) -> None:
    assert readers.get(f"/v1/customers/{uuid4()}{rest}").status_code == 404
    assert readers.get(f"/v1/customers/anna@example.com{rest}").status_code == 422


def test_who_has_it_already_is_told_so_until_it_changes(readers: Readers) -> None:
    anna = readers.orders("anna")
    readers.fold()
    path = f"/v1/customers/{anna}"
    tag = readers.get(path).headers["etag"]
    assert tag.startswith("W/")
    heads = {"if-none-match": f'"other", {tag}'}
    readers.orders("ben")
    readers.fold()
    same = readers.client("agent").get(path, headers=heads)
    assert (same.status_code, same.content) == (304, b"")
    assert int(same.headers["bahi-position"]) == readers.server.bahi.ledger.book.head()
    readers.orders("anna")
    readers.fold()
    assert readers.client("agent").get(path, headers=heads).status_code == 200


def test_a_bare_time_and_a_word_are_no_moment(readers: Readers) -> None:
    anna: UUID = readers.orders("anna")
    for given in ("2026-01-31T12:00:00", "yesterday", "9999-12-31T23:59:59-14:00"):
        assert readers.get(f"/v1/customers/{anna}", as_of=given).status_code == 400
