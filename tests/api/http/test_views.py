"""Any view over HTTP: chosen, ordered, by pages or in one go, as of any day, and nothing else of the store."""

import io
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pyarrow.parquet as pq
import pytest

from api.http.reading.asking import asked_of, known_of
from api.http.reading.views import Rows
from api.http.roles import Role
from ledger.errors import FoldFailed, StoreUnavailable
from ledger.settings import Settings
from replay.history import Clocks
from tests.api.http.posting import Server, event, server_over
from tests.api.http.readers import Readers, readers_of

_PATH = "/v1/views/customer_360"
NDJSON = "application/x-ndjson"


@pytest.fixture(scope="module")
def readers(server: Server) -> Iterator[Readers]:
    """Give readers of a shop where nothing changes: six people with one to six orders, four of them German."""
    with readers_of(server) as readers:
        for n in range(1, 7):
            readers.orders(f"u{n}", n, tags={"market": "DE" if n < 5 else "FR"})
        readers.fold()
        yield readers


def orders(readers: Readers, **query: Any) -> list[int]:
    """How many orders each of the rows has."""
    return [row["orders"] for row in readers.found(_PATH, "analyst", **query)["rows"]]


def by_pages(readers: Readers, limit: int, **query: Any) -> list[list[int]]:
    found: list[list[int]] = []
    cursor: dict[str, str] = {}
    while True:
        told = readers.found(_PATH, "analyst", limit=limit, **query, **cursor)
        found.append([row["orders"] for row in told["rows"]])
        if told["next"] is None:
            return found
        cursor = {"cursor": told["next"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"market": "DE"}, [1, 2, 3, 4]),
        ({"market[ne]": "DE"}, [5, 6]),
        ({"orders[gte]": "3", "market": "DE"}, [3, 4]),
        ({"orders[gt]": "3", "orders[lt]": "6"}, [4, 5]),
        ({"orders[in]": "1,6,9"}, [1, 6]),
        ({"language[null]": "true", "orders[lte]": "2"}, [1, 2]),
        ({"language[null]": "false"}, []),
        ({"identified": "false", "orders": "2"}, [2]),
        ({"first_seen[gt]": "2026-01-31T11:59:59Z", "orders[lt]": "3"}, [1, 2]),
        ({"first_seen[gt]": "2026-01-31T12:00:00+00:00"}, []),
        ({"market": "' OR 1=1 --"}, []),
        ({"market[in]": "DE'); DROP TABLE x; --,FR"}, [5, 6]),
    ],
)
def test_conditions_choose_rows(
    readers: Readers, query: dict[str, str], expected: list[int]
) -> None:
    assert sorted(orders(readers, **query)) == expected
    assert orders(readers, **query, order="orders") == expected


def test_pages_have_each_row_once_in_any_order(readers: Readers) -> None:
    by_key = orders(readers)
    assert by_pages(readers, 6) == [by_key]
    assert by_pages(readers, 4) == [by_key[:4], by_key[4:]]
    german = [n for n in by_key if n < 5]
    assert by_pages(readers, 3, market="DE") == [german[:3], german[3:]]
    assert by_pages(readers, 4, order="-orders") == [[6, 5, 4, 3], [2, 1]]
    assert by_pages(readers, 2, order="market,-orders") == [[4, 3], [2, 1], [6, 5]]
    assert by_pages(readers, 4, order="language,orders") == [[1, 2, 3, 4], [5, 6]]


def test_one_person_is_found_by_key(readers: Readers) -> None:
    customer: UUID | None = readers.server.customer("user", f"{readers.source}-u3")
    assert orders(readers, customer=customer) == [3]
    assert orders(readers, **{"customer[in]": customer, "orders[gt]": 3}) == []


def test_long_answers_come_in_lines_cells_or_columns_and_are_the_same(readers: Readers) -> None:
    rows = readers.found(_PATH, "analyst")["rows"]
    told = [{name: v for name, v in row.items() if v is not None} for row in rows]
    lines = readers.get(_PATH, "analyst", NDJSON)
    assert lines.headers["content-type"] == NDJSON
    assert [orjson.loads(line) for line in lines.text.splitlines()] == told
    cells = readers.get(_PATH, "analyst", "text/csv").text.splitlines()
    assert [line.split(",")[0] for line in cells] == [
        '"customer"', *(f'"{row["customer"]}"' for row in rows)
    ]  # fmt: skip
    parquet = readers.get(_PATH, "analyst", "application/vnd.apache.parquet")
    columns = pq.read_table(io.BytesIO(parquet.content))
    assert columns.column("orders").to_pylist() == [row["orders"] for row in rows]
    some = readers.get(_PATH, "analyst", NDJSON, limit=4)
    rest = readers.get(_PATH, "analyst", NDJSON, limit=4, cursor=some.headers["bahi-next"])
    assert "bahi-next" not in rest.headers
    assert (some.text + rest.text).splitlines() == lines.text.splitlines()
    ordered = readers.get(_PATH, "analyst", NDJSON, order="-orders")
    assert [orjson.loads(one)["orders"] for one in ordered.text.splitlines()] == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize(
    ("view", "query"),
    [
        ("customer_360", {}),
        ("customer_360", {"order": "-orders"}),
        ("customer_360", {"as_of": "2026-01-31"}),
        ("kpi", {}),
        ("kpi", {"order": "-value"}),
    ],
)
def test_a_long_answer_goes_on_after_a_page(
    readers: Readers, view: str, query: dict[str, str]
) -> None:
    path = f"/v1/views/{view}"
    some = readers.get(path, "analyst", NDJSON, limit=2, **query)
    rest = readers.get(path, "analyst", NDJSON, cursor=some.headers["bahi-next"], **query)
    assert some.text + rest.text == readers.get(path, "analyst", NDJSON, **query).text


@pytest.mark.parametrize("before", [-1, -5, 2**62, "x", None, 1.5, [], {}])
def test_a_cursor_that_somebody_made_up_is_refused(readers: Readers, before: Any) -> None:
    cursor = readers.found("/v1/views/kpi", "analyst", limit=2)["next"]
    kind, _ = orjson.loads(urlsafe_b64decode(cursor + "=="))
    forged = urlsafe_b64encode(orjson.dumps([kind, before])).decode().rstrip("=")
    answer = readers.get("/v1/views/kpi", "analyst", cursor=forged, limit=2)
    assert answer.status_code == 422


def test_questions_are_asked_alike(readers: Readers) -> None:
    path = "/v1/views/kpi"
    whole = readers.found(path, "analyst", limit=1_000)["rows"]
    half = len(whole) // 2 + 1
    first = readers.found(path, "analyst", limit=half)
    rest = readers.found(path, "analyst", limit=half, cursor=first["next"])
    assert first["rows"] + rest["rows"] == whole
    assert rest["next"] is None
    (buyers,) = readers.found(
        path, "analyst", **{"metric": "buyers", "month[null]": "true", "market[null]": "true"}
    )["rows"]
    assert buyers["value"] == 6
    (most,) = readers.found(path, "analyst", order="-value", limit=1)["rows"]
    assert most["value"] == max(row["value"] for row in whole if row["value"] is not None)


def test_another_day_is_another_answer(readers: Readers) -> None:
    assert orders(readers, as_of="2026-01-30") == []
    assert by_pages(readers, 4, as_of="2026-01-31", order="orders") == [[1, 2, 3, 4], [5, 6]]
    early = readers.get(_PATH, "analyst", known_at="2026-01-01")
    assert (early.json()["rows"], early.headers["bahi-position"]) == ([], "0")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"ordres": "3"}, "orders"),
        ({"anna@example.com": "3"}, "orders"),
        ({"orders[like]": "3"}, "[gte]"),
        ({"orders": "three"}, "a whole number"),
        ({"customer": "anna"}, "a UUID"),
        ({"first_seen[gt]": "2026-01-31"}, "a zone"),
        ({"identified": "yes"}, "true or false"),
        ({"market[null]": "yes"}, "true or false"),
        ({"order": "ordres"}, "orders"),
        ({"order": "orders;DROP"}, "orders"),
        ({"limit": "0"}, "greater"),
        ({"limit": "1001"}, "1000"),
        ({"cursor": "WyIwIl0"}, "this very question"),
        ({"orders[gte": "3"}, "orders"),
        ({"[eq]": "3"}, "orders"),
    ],
)
def test_what_is_no_column_or_no_value_is_refused_naming_what_there_is(
    readers: Readers, query: dict[str, str], said: str
) -> None:
    answer = readers.get(_PATH, "analyst", **query)
    assert answer.status_code == 422, answer.text
    assert said in answer.json()["detail"]
    assert "anna" not in answer.text
    assert "ordres" not in answer.text


def test_a_cursor_goes_on_in_its_own_order_alone(readers: Readers) -> None:
    cursor = readers.found(_PATH, "analyst", limit=1, order="orders")["next"]
    for query in ({}, {"order": "-orders"}):
        assert readers.get(_PATH, "analyst", cursor=cursor, **query).status_code == 422
    other = readers.get("/v1/views/customer_money", "analyst", cursor=cursor, order="orders")
    assert other.status_code == 422


def test_what_is_called_like_a_parameter_is_asked_with_a_word(readers: Readers) -> None:
    path = "/v1/views/consent"
    assert readers.found(path, "marketing", **{"purpose[eq]": "marketing"})["rows"] == []
    assert readers.found(path, "agent", purpose="legal")["rows"] == []


@pytest.mark.parametrize("role", list(Role)[1:])
def test_what_is_done_with_peoples_data_is_for_those_who_oversee_it(
    readers: Readers, role: str
) -> None:
    may = role in ("auditor", "privacy_officer", "admin")
    listed = {one["name"] for one in readers.found("/v1/views", role)["views"]}
    for name in ("erasure", "hold", "opened", "opened_by", "privacy_request", "privacy_due"):
        assert readers.get(f"/v1/views/{name}", role).status_code == (200 if may else 403)
        assert (name in listed) == may
    assert listed > {"customer_360", "consent", "kpi"}


def test_there_is_no_view_but_those_that_are_listed(readers: Readers) -> None:
    views = {one["name"]: one for one in readers.found("/v1/views", "analyst")["views"]}
    head = readers.server.bahi.ledger.book.head()
    shown = views["customer_360"]
    assert (shown["kind"], shown["state"], shown["position"]) == ("fold", "current", head)
    assert {"name": "orders", "type": "integer"} in shown["columns"]
    assert {"name": "value", "type": "integer"} in views["kpi"]["columns"]
    for name in ("events", "merged", "sqlite_master", "customer_360;", "..%2F..", "view_table"):
        assert readers.get(f"/v1/views/{name}", "analyst").status_code == 404
    for name in ("customer_360", "customer_money", "daily", "attention"):
        row, *_ = readers.found(f"/v1/views/{name}", "analyst")["rows"]
        assert [*row] == [column["name"] for column in views[name]["columns"]]


def test_whoever_has_it_already_is_told_so_until_the_view_moves(readers: Readers) -> None:
    client = readers.client("auditor")
    tag = client.get(_PATH).headers["etag"]
    heads = {"if-none-match": tag}
    assert client.get(_PATH, headers=heads).status_code == 304
    for query in ({"market": "DE"}, {"limit": 3}, {"as_of": "2026-01-31"}, {"purpose": "legal"}):
        assert client.get(_PATH, params=query, headers=heads).status_code == 200
    assert client.get(_PATH, headers={**heads, "accept": NDJSON}).status_code == 200
    assert "etag" not in client.get("/v1/views/kpi").headers
    past = client.get("/v1/views/kpi", params={"as_of": "2026-01-31"}).headers["etag"]
    again = {"if-none-match": past}
    assert (
        client.get("/v1/views/kpi", params={"as_of": "2026-01-31"}, headers=again).status_code
        == 304
    )
    zoe = readers.orders("zoe", occurred_at="2026-02-01T00:00:00Z")
    assert client.get(_PATH, headers=heads).status_code == 304
    readers.fold()
    moved = client.get(_PATH, headers=heads)
    assert moved.status_code == 200
    readers.restrict(zoe)
    hidden = client.get(_PATH, headers={"if-none-match": moved.headers["etag"]})
    assert hidden.status_code == 200
    assert str(zoe) not in hidden.text


def test_pages_have_each_person_once_though_they_are_merged_meanwhile(server: Server) -> None:
    with readers_of(server) as readers:
        people = [readers.orders(f"m{n}", tags={"market": "AT"}) for n in range(10)]
        readers.fold()
        older, younger = next(
            (one, other)
            for place, one in enumerate(people)
            for other in people[place + 1 :]
            if other < one
        )
        page = readers.found(_PATH, market="AT", limit=sorted(people).index(younger) + 1)
        readers.merge(older, younger)
        readers.fold()
        rest = readers.found(_PATH, market="AT", cursor=page["next"])
        after = [str(one) for one in sorted(people) if one > younger]
        assert [row["customer"] for row in rest["rows"]] == after
        assert str(older) in after


def test_a_view_that_has_stopped_says_so_also_to_whoever_has_it(tmp_path: Path) -> None:
    most = {"amount_minor": 2**53 - 1, "currency": "EUR"}
    given = [event(f"m{n}", tags={"campaign": "spring"}, data=most) for n in range(1_100)]
    with server_over(Settings(home=tmp_path)) as server, readers_of(server) as readers:
        readers.orders("anna")
        readers.fold()
        client, path = readers.client("auditor"), "/v1/views/campaign_result"
        heads = {"if-none-match": client.get(path).headers["etag"]}
        assert client.get(path, headers=heads).status_code == 304
        readers.take(*given)
        assert len(server.bahi.reading.fold()) > 0
        told = client.get(path, headers=heads)
        assert (told.status_code, told.json()["type"]) == (500, "/problems/fold-failed")
        with pytest.raises(FoldFailed):
            server.bahi.history.things("campaign", ["spring"])


def test_a_view_that_is_defined_otherwise_meanwhile_is_to_be_asked_again(readers: Readers) -> None:
    bahi = readers.server.bahi
    known = known_of(bahi.views, "customer_360")
    asked = asked_of("customer_360", known, [], None, None, None)
    before = replace(known, digest="of another file")
    with pytest.raises(StoreUnavailable, match="its definition changed"):
        Rows(bahi.history, "customer_360", before, asked, Clocks()).page(10)
