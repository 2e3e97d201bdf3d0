"""What every request passes before any of its body is read: who calls, and whether they may."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from api.http.callers import admitted, open_to_anybody, secret_of
from api.http.roles import MAY, Route
from api.http.serving import Serving

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Request(Request):
    """A request whose JSON is read by orjson, which knows how deep is too deep."""

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class Guarded(APIRoute):
    """A route that stands in the table of roles, and is called by whoever may."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        routes = [(method, self.path) for method in sorted(self.methods or ())]
        for route in routes:
            if route not in MAY:
                raise LookupError(f"expected {route} in the table of roles, found it nowhere")

        async def guarded(request: Request) -> Response:
            route: Route = (request.method, self.path)
            if not open_to_anybody(route):
                serving: Serving = request.app.state.serving
                # A key that is not remembered is looked up in the vault, which may be another machine's.
                caller = await run_in_threadpool(serving.callers.caller, secret_of(request))
                admitted(caller, route)
                request.state.caller = caller
            return await handle(_Request(request.scope, request.receive))

        return guarded


def router() -> APIRouter:
    """A router of guarded routes."""
    return APIRouter(route_class=Guarded)
