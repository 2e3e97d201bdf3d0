"""A door with few rooms, for tests of what stands before every room: who may, how often, and in what words."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI, Request

from api.http.callers import Callers, Calling
from api.http.guard import router as guarded
from api.http.headers import Preflights, Secured
from api.http.problems import answer_with_problems
from api.http.running.logs import log_to
from api.http.running.watching import Watched
from api.http.serving import Serving
from api.wiring import Bahi
from ledger.vault import ApiKey

PAGE = "https://shop.example"


class Little:
    """Routes that say who called them and how long a body they were sent; and the log of it all."""

    def __init__(self, bahi: Bahi) -> None:
        self.bahi = bahi
        self.log = io.StringIO()
        self.address = "127.0.0.1"
        """Where whoever asks is."""
        self._app = app = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False})
        self._serving = app.state.serving = Serving(bahi)
        router = guarded()
        router.add_api_route("/v1/events", _who, methods=["POST"])
        router.add_api_route("/v1/views", _who, methods=["GET"])
        app.include_router(router)
        answer_with_problems(app)
        app.add_middleware(Preflights)
        app.add_middleware(Watched, metrics=self._serving.metrics, log=log_to(self.log))
        app.add_middleware(Secured)

    @property
    def callers(self) -> Callers:
        """Who has called."""
        return self._serving.callers

    def key(self, role: str, *, source: str = "web", **more: Any) -> str:
        """A key of that role."""
        now = self.bahi.clock()
        given: dict[str, Any] = {"public": False, "made_at": now, **more}
        return self.bahi.ledger.vault.issue(ApiKey(uuid4(), role, role, source, **given))

    def client_key(self, *origins: str) -> str:
        """A key for pages."""
        return self.key("ingest", public=True, origins=origins)

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """The answer to one request."""

        async def asked() -> httpx.Response:
            async with self._client() as client:
                return await client.request(method, path, **given)

        return asyncio.run(asked())

    def ask_at_once(self, method: str, path: str, heads: Iterable[dict[str, str]]) -> list[int]:
        """The statuses of requests that come together, one with each of these heads."""

        async def asked() -> list[int]:
            async with self._client() as client:
                every = [client.request(method, path, headers=one) for one in heads]
                return [answer.status_code for answer in await asyncio.gather(*every)]

        return asyncio.run(asked())

    def _client(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self._app, client=(self.address, 1_234))
        return httpx.AsyncClient(transport=transport, base_url="http://door")

    def post(self, key: str, **heads: str) -> httpx.Response:
        """Hand something in with that key."""
        return self.ask("POST", "/v1/events", headers={**bearing(key), **heads}, content=b"{}")

    def close(self) -> None:
        self._serving.close()


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def unread() -> AsyncIterator[bytes]:
    """Somebody's body that nobody may begin to read."""
    raise AssertionError("the body was read")
    yield b""


async def _who(request: Request, caller: Calling) -> dict[str, Any]:
    return {
        "role": caller.role,
        "source": caller.source,
        "public": caller.public,
        "body": len(await request.body()),
    }
