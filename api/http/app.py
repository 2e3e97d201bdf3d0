"""The application: its rooms in order, and what stands around them."""

from fastapi import FastAPI

from api.http.answers import Json
from api.http.problems import answer_with_problems
from api.http.running import health
from api.http.serving import Serving

_MAX_BODY = 10 * 1024 * 1024
"""Bytes of a request, whatever it is; single routes take less."""


def application(serving: Serving) -> FastAPI:
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
    )
    app.state.serving = serving
    answer_with_problems(app)
    for room in (health,):
        app.include_router(room.router)
    return app
