"""Whether it lives, whether it can serve, what its figures are, and what its contract is."""

from http import HTTPStatus
from typing import Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel

from api.http.answers import JSON
from api.http.contract import written
from api.http.guard import router as guarded
from api.http.problems import AGAIN_S, KINDS, Problem, documented
from api.http.serving import Shared
from ledger.errors import BahiError, NotFound

router = guarded()
_PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"
_FIGURES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Figures for Prometheus",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


class Alive(BaseModel):
    """This process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """Book and vault can be reached."""

    status: Literal["ready"] = "ready"
    amiss: list[str]
    """What does not work beside that: views that have stopped, parts that have ended, an epoch that is over."""


class ProblemKind(BaseModel):
    """A kind of problem."""

    type: str
    title: str
    status: int
    meaning: str


@router.get("/healthz", operation_id="is_alive", tags=["how it stands"])
async def healthz() -> Alive:
    """Whether this process answers."""
    return Alive()


@router.get(
    "/readyz",
    operation_id="is_ready",
    tags=["how it stands"],
    responses=documented("store-unavailable", "keys-unavailable"),
)
def readyz(serving: Shared) -> Ready:
    """Whether it can take in and answer: book and vault can be reached."""
    bahi = serving.bahi
    try:
        bahi.ledger.book.head()
    except BahiError:
        raise _not_ready("the book cannot be reached") from None
    try:
        bahi.ledger.vault.generation()
    except BahiError:
        raise _not_ready("the vault cannot be reached, or not opened") from None
    amiss = [f"view {failure.fold} has stopped" for failure in bahi.views.failures()]
    amiss += [f"{part.name} has stopped" for part in serving.parts.values() if not part.running]
    if bahi.overdue is not None:
        amiss.append("the vault's epoch is over, and a new one not begun")
    return Ready(amiss=amiss)


@router.get(
    "/metrics",
    operation_id="read_metrics",
    tags=["how it stands"],
    response_class=Response,
    responses=_FIGURES,
)
def metrics(serving: Shared) -> Response:
    """Figures, as Prometheus reads them."""
    return Response(serving.metrics.exposition(), media_type=_PROMETHEUS)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """The contract of this server."""
    return Response(written(request.app), media_type=JSON)


@router.get(
    "/problems/{name}",
    operation_id="read_problem",
    tags=["how it stands"],
    responses=documented("not-found"),
)
async def problem_kind(name: str) -> ProblemKind:
    """What a kind of problem means."""
    if name not in KINDS:
        raise NotFound("kind of problem", "of that name")
    kind = KINDS[name]
    return ProblemKind(
        type=f"/problems/{name}", title=kind.title, status=kind.status, meaning=kind.meaning
    )


def _not_ready(why: str) -> Problem:
    again = {"Retry-After": str(AGAIN_S)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable", why, headers=again)
