"""The application: its rooms in order, and what stands around them."""

from functools import partial

from fastapi import FastAPI

from api.http import deciding
from api.http.answers import Json
from api.http.contract import contract
from api.http.headers import Preflights, Secured
from api.http.problems import answer_with_problems
from api.http.reading.rooms import ROOMS as READING
from api.http.running import health
from api.http.running.logs import Log
from api.http.running.watching import Watched
from api.http.serving import Serving
from api.http.writing import events, letters, segment, webhooks

_MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request, whatever it is; single routes take less."""


def application(serving: Serving, log: Log) -> FastAPI:
    """The application over what is open. Raises `LookupError` for a route that is not in the table of roles."""
    app = FastAPI(
        title="Bahi",
        summary="One honest book of everything that happens between a company and its customers.",
        version="1",
        openapi_url=None,  # served as a guarded route, as all is
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Json,
        max_body_size=_MAX_BODY,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # it would tell paths and queries
    )
    app.state.serving = serving
    answer_with_problems(app)
    app.add_middleware(Preflights)
    app.add_middleware(Watched, metrics=serving.metrics, log=log)
    app.add_middleware(Secured, hsts=serving.bahi.settings.http_hsts)
    for room in (events, segment, *READING, letters, webhooks, health, *deciding.ROOMS):
        app.include_router(room.router)
    app.openapi = partial(contract, app)  # type: ignore[method-assign]
    return app
