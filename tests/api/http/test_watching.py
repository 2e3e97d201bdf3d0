"""Around every request: what nobody foresaw is a problem of ours, and nothing of anybody gets into log, figures or traces."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator

import httpx
import orjson
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.http.problems import answer_with_problems
from api.http.running.logs import log_to, overhear
from api.http.running.metrics import Figure, Metrics
from api.http.running.watching import Watched
from ledger.errors import StoreUnavailable

PLANTED = "zoe@example.com"


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _unforeseen(request: Request) -> Response:
    raise ValueError(f"no {PLANTED} here")


async def _ours(request: Request) -> Response:
    raise StoreUnavailable("PostgreSQL", "away")


def _away() -> Iterator[Figure]:
    yield "bahi_position", "The last position of the book.", 1
    raise StoreUnavailable("PostgreSQL", "away")


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(log: io.StringIO, metrics: Metrics) -> httpx.AsyncClient:
    app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
    answer_with_problems(app)
    app.add_middleware(Watched, metrics=metrics, log=log_to(log), body_s=0.3)
    app.add_api_route("/echo/{who}", _echo, methods=["POST"])
    app.add_api_route("/unforeseen", _unforeseen)
    app.add_api_route("/ours", _ours)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door")


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in log.getvalue().splitlines()]


async def _said(client: httpx.AsyncClient) -> None:
    """Plant somebody in every place of a request."""
    await client.post(
        f"/echo/{PLANTED}",
        params={"who": PLANTED},
        headers={
            "x-who": PLANTED,
            "authorization": f"Bearer {PLANTED}",
            "cookie": PLANTED,
            "baggage": f"{PLANTED};;",
            "traceparent": PLANTED,
        },
        content=PLANTED,
    )
    await client.post(f"/nowhere/{PLANTED}")
    await client.get("/unforeseen", params={"who": PLANTED})
    await client.request(f"GET{PLANTED.split('@', maxsplit=1)[0].upper()}", "/unforeseen")


def test_what_nobody_foresaw_is_a_problem_and_its_words_are_withheld(
    client: httpx.AsyncClient, log: io.StringIO
) -> None:
    answer = asyncio.run(client.get("/unforeseen"))

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/internal"
    (line,) = lines(log)
    assert line["request"] == answer.headers["x-request-id"]
    assert line["error"] == "builtins.ValueError"
    assert any("_unforeseen" in where for where in line["raised_at"])  # type: ignore[attr-defined]
    assert PLANTED not in log.getvalue()


def test_why_a_store_is_away_is_for_the_log_alone(
    client: httpx.AsyncClient, log: io.StringIO, metrics: Metrics
) -> None:
    answer = asyncio.run(client.get("/ours"))
    assert answer.status_code == 503
    assert "PostgreSQL" not in answer.text
    (line,) = lines(log)
    assert (line["level"], line["why"]) == ("error", "PostgreSQL: away")
    assert line["problem"] == "store-unavailable"
    metrics.read(_away)
    assert b'bahi_problems_total{problem="store-unavailable"} 1.0' in metrics.exposition()


def test_nobody_is_in_log_figures_or_traces(
    client: httpx.AsyncClient,
    log: io.StringIO,
    metrics: Metrics,
    spans: InMemorySpanExporter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for library in ("opentelemetry", "asyncio"):
        monkeypatch.setattr(logging.getLogger(library), "handlers", [])
        overhear(library, log_to(log))
    log_to(log).info("planted", who=PLANTED)
    assert PLANTED in log.getvalue()  # such a thing would be found
    log.seek(0)
    log.truncate()

    asyncio.run(_said(client))

    assert len(lines(log)) == 4
    assert "zoe" not in log.getvalue().casefold()
    assert "zoe" not in metrics.exposition().decode().casefold()
    told = [(span.name, dict(span.attributes or {})) for span in spans.get_finished_spans()]
    assert [name for name, _ in told] == [
        "POST /echo/{who}",
        "POST none",
        "GET /unforeseen",
        "other /unforeseen",
    ]
    assert "zoe" not in str(told).casefold()


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    yield exporter
    provider.shutdown()


def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.AsyncClient) -> None:
    async def dripping() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"a"
            await asyncio.sleep(0.05)

    answer = asyncio.run(client.post("/echo/x", content=dripping()))
    assert answer.status_code == 408


def test_what_a_library_says_is_in_the_log_and_not_what_it_is_about(
    log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("asyncio"), "handlers", [])
    overhear("asyncio", log_to(log))

    async def forgotten() -> None:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler(
            {"message": "never retrieved", "exception": ValueError(PLANTED), "task": PLANTED}
        )

    asyncio.run(forgotten())
    (line,) = lines(log)
    assert (line["event"], line["error"]) == ("never retrieved", "builtins.ValueError")
    assert PLANTED not in log.getvalue()
