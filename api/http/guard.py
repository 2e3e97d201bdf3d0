"""What every request passes first: who calls, and whether they may.

Nothing of its body is read before that, but by the few routes whose callers may write their key there.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from api.http.bodies import MEASURED_HERE, body_of, let_go, write_key
from api.http.callers import address_of, admitted, open_to_anybody
from api.http.problems import both, documented
from api.http.roles import MAY, WRITTEN, Route
from api.http.serving import Serving

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


_MOST_BYTES = 10 * 1024 * 1024
"""Of a body, for routes that say no other limit."""


class _Request(Request):
    """A request whose body is read within a limit, unpacked; and its JSON by orjson, which knows how deep is
    too deep.
    """

    limit_bytes = _MOST_BYTES

    async def body(self) -> bytes:
        return await body_of(self, self.limit_bytes)

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


_ANY = ("too-many-requests", "store-unavailable", "keys-unavailable", "internal")
_READING = ("malformed", "bad-usage", "too-large", "unsupported-media-type", "bad-field")
_KEYED = ("no-key", "not-for-this-role", "foreign-scope", "foreign-origin")


class Guarded(APIRoute):
    """A route that stands in the table of roles, and is called by whoever may.

    Problems that any route may answer are documented here; a route names those of its own.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        routes = [(method, path) for method in given["methods"]]
        for route in routes:
            if route not in MAY:
                raise LookupError(f"expected {route} in the table of roles, found it nowhere")
        keyed = () if all(map(open_to_anybody, routes)) else _KEYED
        common = documented(*_ANY, *_READING, *keyed)
        given["responses"] = both(common, given.get("responses") or {})
        # Measured as the body is read: who measures before that answers with what is no problem of ours.
        self._limit_bytes = min(given.get("max_body_size") or _MOST_BYTES, _MOST_BYTES)
        given["max_body_size"] = MEASURED_HERE
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request = _Request(request.scope, request.receive)
            request.limit_bytes = self._limit_bytes
            try:
                await self._admit(request)
                if self.body_field is not None:
                    await request.body()  # here: what goes wrong there FastAPI would call malformed
                return await handle(request)
            finally:
                let_go(request)

        return guarded

    async def _admit(self, request: Request) -> None:
        route: Route = (request.method, self.path)
        request.state.whose = address_of(request)  # until it is known who calls
        if not open_to_anybody(route):
            serving: Serving = request.app.state.serving
            caller = await serving.callers.calling(request, await _written(request, route))
            request.state.caller = caller
            admitted(caller, route)


async def _written(request: Request, route: Route) -> str | None:
    """The key that stands in the body, where one may and no other comes."""
    if route not in WRITTEN or "authorization" in request.headers:
        return None
    return await write_key(request)


def router() -> APIRouter:
    """A router of guarded routes."""
    return APIRouter(route_class=Guarded)
