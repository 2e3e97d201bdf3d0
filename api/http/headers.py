"""What stands in the head of every answer, so that no browser does with it what nobody asked for.

Browsers may call the few routes that client keys are for, from other pages than ours. Before they do, they ask,
without a key: so whether a page may is decided when the key comes, and only then does it see the answer.
"""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.roles import PUBLIC

ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Said of every answer, unless its route says otherwise."""
_HSTS = "max-age=31536000"
_PREFLIGHT = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "authorization, content-encoding, content-type, x-retry-count",
    "access-control-max-age": "600",
}
_READABLE = "retry-after, x-request-id"
_PUBLIC_PATHS = frozenset(path for _, path in PUBLIC)


class Secured:
    """The application; nothing that it answers goes out without these heads.

    With `hsts`, browsers are told to come by TLS alone for a year.
    """

    def __init__(self, app: ASGIApp, *, hsts: bool = False) -> None:
        self._app = app
        self._heads = ALWAYS | ({"strict-transport-security": _HSTS} if hsts else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                heads = MutableHeaders(scope=message)
                for name, value in self._heads.items():
                    heads.setdefault(name, value)
                if scope["path"] in _PUBLIC_PATHS:
                    heads.add_vary_header("Origin")
                if (origin := state.get("origin")) is not None:
                    heads["access-control-allow-origin"] = origin
                    heads["access-control-expose-headers"] = _READABLE
            await send(message)

        await self._app(scope, receive, answer)


class Preflights:
    """The application, and the answer to browsers that ask whether a page may call one of the public routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "OPTIONS":
            heads = Headers(scope=scope)
            asked = heads.get("access-control-request-method") == "POST"
            if asked and "origin" in heads and scope["path"] in _PUBLIC_PATHS:
                told = {"access-control-allow-origin": heads["origin"], **_PREFLIGHT}
                await Response(None, HTTPStatus.NO_CONTENT, told)(scope, receive, send)
                return
        await self._app(scope, receive, send)
