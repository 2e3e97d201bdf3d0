"""What stands around every request: an id, a clock, a line in the log, a figure, a span; and an end to what never ends."""

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import KINDS
from api.http.problems import problem as problem_of
from api.http.running.logs import Log, where
from api.http.running.metrics import Metrics

_BODY_S = 30.0
"""Whoever sends a body has so long for the whole of it."""
_NOWHERE = "none"
"""The route of what no route answers."""
_GONE = 499
"""The status in figures and log of whoever hung up before there was one."""
_CALLED_IN = TraceContextTextMapPropagator()
"""Reads `traceparent` and nothing else: what else comes with it, such as baggage, a library would log."""
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Watched:
    """The application, watched. Nothing that is raised gets past it: what nobody foresaw is a problem of ours."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, log: Log, *, body_s: float = _BODY_S
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._body_s = body_s
        self._tracer = trace.get_tracer("bahi")
        self._traced = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 0
        request_id = uuid4().hex
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        method = scope["method"] if scope["method"] in _METHODS else "other"

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        with self._span(method, scope) as span:
            try:
                await self._app(scope, _Hurried(receive, self._body_s), answer)
            except ClientDisconnect:  # nobody is there to be answered
                status = status or _GONE
            except Exception as error:  # noqa: BLE001 - the last who can answer
                state["fault"], state["problem"] = error, _OUR_FAULT.kind
                if not status:
                    await _OUR_FAULT(scope, receive, answer)
            route = getattr(scope.get("route"), "path", _NOWHERE)
            span.update_name(f"{method} {route}")
            span.set_attributes(
                {
                    "http.request.method": method,
                    "http.route": route,
                    "http.response.status_code": status,
                }
            )
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                span.set_status(StatusCode.ERROR)
        seconds = time.perf_counter() - begun
        problem = state.get("problem")
        self._metrics.answered(method, route, status, seconds, problem)
        caller, fault = state.get("caller"), state.get("fault")
        told = {} if fault is None else where(fault)
        say = self._log.info if fault is None else self._log.error
        say(
            "request",
            request=request_id,
            method=method,
            route=route,
            status=status,
            problem=problem,
            ms=round(seconds * 1_000, 1),
            key=None if caller is None else str(caller.key),
            role=None if caller is None else caller.role.value,
            **told,
        )

    def _span(self, method: str, scope: Scope) -> AbstractContextManager[Span]:
        if not self._traced:  # a span that nobody takes costs as much as one that is taken
            return nullcontext(INVALID_SPAN)
        parent = _CALLED_IN.extract(Headers(scope=scope))
        return self._tracer.start_as_current_span(
            method, parent, SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        )


_OUR_FAULT = problem_of(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", KINDS["internal"].meaning)


class _Hurried:
    """What is received, as long as there is time for it."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._until = time.monotonic() + seconds
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:  # nothing but the end of the connection is still to come
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
        self._whole = not message.get("more_body", False)
        return message
