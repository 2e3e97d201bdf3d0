"""Whether it lives, whether it can serve, and what its contract is."""

from http import HTTPStatus
from typing import Any

from fastapi import Request, Response

from api.http.answers import Json
from api.http.guard import router as guarded
from api.http.problems import KINDS
from api.http.serving import Shared
from ledger.errors import NotFound

router = guarded()


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether this process answers."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(serving: Shared) -> Response:
    """Whether it can take in and answer: book and vault are there."""
    position = serving.bahi.ledger.book.head()
    serving.bahi.ledger.vault.generation()
    return Json({"status": "ready", "position": position}, HTTPStatus.OK)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> dict[str, Any]:
    """The contract of this server."""
    described: dict[str, Any] = request.app.openapi()
    return described


@router.get("/problems/{name}")
async def problem_kind(name: str) -> dict[str, str]:
    """What a kind of problem means."""
    if name not in KINDS:
        raise NotFound("kind of problem", "of that name")
    return {"type": f"/problems/{name}", **KINDS[name]._asdict()}
