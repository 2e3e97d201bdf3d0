"""Whoever wrote finds it where they read: `min_position`, while others write, and while nobody folds."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import httpx
import pytest

from tests.api.http.posting import Server, event

_WRITERS, _WRITES = 3, 5


@contextmanager
def folding(server: Server) -> Iterator[None]:
    """While somebody keeps the views, as another thread of a server does."""
    stopped = threading.Event()
    bahi = server.bahi
    worker = threading.Thread(target=bahi.views.run, args=(bahi.columns, stopped.is_set))
    worker.start()
    try:
        yield
    finally:
        stopped.set()
        worker.join()


def test_every_write_is_seen_at_its_position_while_others_write(server: Server) -> None:
    begun = threading.Event()
    done = threading.Event()
    server.key("noise"), server.key("mine", "service")

    def noise() -> None:
        number = 0
        with httpx.Client() as client:
            while not done.is_set():
                number += 1
                some = [event(f"{number}-{n}", identifiers={"user": f"n{n}"}) for n in range(20)]
                heads = {"authorization": f"Bearer {server.key('noise')}"}
                answer = client.post(f"{server.address}/v1/events", json=some, headers=heads)
                assert answer.status_code == 200
                begun.set()

    def write_and_read(writer: int) -> list[tuple[int, int, int]]:
        begun.wait()
        seen = []
        heads = {"authorization": f"Bearer {server.key('mine', 'service')}"}
        with httpx.Client(base_url=server.address, headers=heads) as client:
            for n in range(_WRITES):
                one = event(f"{writer}-{n}", identifiers={"user": f"mine-{writer}"})
                answer = client.post("/v1/events", json=one)
                position = answer.json()["position"]
                customer = server.customer("user", f"mine-{writer}")
                upto = {"min_position": position}
                found = client.get(f"/v1/customers/{customer}", params=upto)
                assert found.status_code == 200, found.text
                assert int(found.headers["bahi-position"]) >= position
                (row,) = found.json()["views"]["customer_360"]
                view = client.get(
                    "/v1/views/customer_360", params={**upto, "customer": str(customer)}
                ).json()
                timeline = client.get(f"/v1/customers/{customer}/timeline", params=upto).json()
                happened = timeline["events"]
                assert happened[-1]["position"] == position
                assert view["rows"] == [row]
                seen.append((n + 1, row["orders"], len(happened)))
        return seen

    with folding(server), ThreadPoolExecutor(_WRITERS + 1) as pool:
        loud = pool.submit(noise)
        try:
            found = [*pool.map(write_and_read, range(_WRITERS))]
        finally:
            done.set()
        loud.result()
    assert found == [[(n, n, n) for n in range(1, _WRITES + 1)]] * _WRITERS


def test_where_nobody_folds_whoever_asks_has_it_done(server: Server) -> None:
    position = server.post("/v1/events", event(), source="alone").json()["position"]
    customer: UUID | None = server.customer("user", "u1")
    path = f"/v1/customers/{customer}?min_position={position}"
    found = server.get(path, source="alone", role="service")
    assert found.status_code == 200
    assert int(found.headers["bahi-position"]) >= position


@pytest.mark.parametrize("path", ["/v1/views", "/v1/views/customer_360", "/v1/views/kpi"])
def test_a_position_that_the_book_has_not_is_said_to_be_missing(server: Server, path: str) -> None:
    head = server.bahi.ledger.book.head()
    told = server.get(f"{path}?min_position={head + 1}", source="early", role="analyst")
    assert told.status_code == 503
    assert told.json()["type"] == "/problems/not-there-yet"
    assert told.json()["position"] == head
    assert int(told.headers["retry-after"]) > 0
