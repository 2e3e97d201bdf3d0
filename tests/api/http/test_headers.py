"""Every answer says how it may be used, also those that no route gives; and none says what runs here."""

import asyncio
import io
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.http.app import application
from api.http.running.logs import log_to
from api.http.running.serve import Address, Server
from api.http.serving import Serving
from api.wiring import Bahi
from ledger.errors import StoreUnavailable
from ledger.settings import Settings
from tests.api.http.little import PAGE

SAID = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@pytest.fixture(scope="module")
def bahi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bahi]:
    home: Path = tmp_path_factory.mktemp("headers")
    with Bahi.open(Settings(home=home)) as bahi:
        yield bahi


def heads(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers.get(name, "") for name in SAID}


def test_every_answer_says_how_it_may_be_used_and_none_what_runs_here(bahi: Bahi) -> None:
    with running(bahi) as address, httpx.Client(base_url=address) as client:
        asking = {"origin": PAGE, "access-control-request-method": "POST"}
        answers = [
            client.get("/healthz"),
            client.get("/readyz"),
            client.get("/metrics"),
            client.get("/nowhere"),
            client.post("/healthz"),
            client.get("/..%2f..%2fetc%2fpasswd"),
            client.request("OPTIONS", "/v1/events", headers=asking),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 404, 405, 404, 204]
    for answer in answers:
        assert heads(answer) == SAID
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


def test_where_http_has_stopped_all_ends(bahi: Bahi, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: object, counter: int) -> bool:
        if counter > 2:
            raise OSError("nothing works any more")
        return False

    server = Server(bahi, log_to(log := io.StringIO()), Address(port=0))
    monkeypatch.setattr(uvicorn.Server, "on_tick", broken)
    with pytest.raises(StoreUnavailable, match="what was to run has stopped"):
        server.run(lambda: False)
    assert "http stopped" in log.getvalue()


def test_our_own_fault_says_so_too(bahi: Bahi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> int:
        raise ValueError("nobody foresaw this")

    monkeypatch.setattr(bahi.ledger.book, "head", broken)
    answer = asked(bahi, "/readyz")
    assert (answer.status_code, heads(answer)) == (500, SAID)


def test_browsers_are_told_to_come_by_tls_only_where_somebody_says_so(bahi: Bahi) -> None:
    told = asked(bahi, "/healthz", hsts=True)
    assert told.headers["strict-transport-security"] == "max-age=31536000"


@contextmanager
def running(bahi: Bahi) -> Iterator[str]:
    """The address of what `bahi serve` runs."""
    stopped, addresses = threading.Event(), queue.SimpleQueue[str]()
    server = Server(bahi, log_to(io.StringIO()), Address(port=0), views=False)
    thread = threading.Thread(target=server.run, args=(stopped.is_set, addresses.put))
    thread.start()
    try:
        yield addresses.get(timeout=60)
    finally:
        stopped.set()
        thread.join()


def asked(bahi: Bahi, path: str, *, hsts: bool = False) -> httpx.Response:
    """The answer of the whole application, with nothing in between."""
    bahi.settings = bahi.settings.model_copy(update={"http_hsts": hsts})
    serving = Serving(bahi)

    async def get() -> httpx.Response:
        app = httpx.ASGITransport(application(serving, log_to(io.StringIO())))
        async with httpx.AsyncClient(transport=app, base_url="http://door") as client:
            return await client.get(path)

    try:
        return asyncio.run(get())
    finally:
        serving.close()
