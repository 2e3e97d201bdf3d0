"""Events in: one, or many, in our own form or as CloudEvents."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.http.answers import Json
from api.http.bodies import MEASURED_HERE, body_of
from api.http.callers import Calling
from api.http.guard import router as guarded
from api.http.problems import Problem, documented, kind_of, parts_of
from api.http.serving import Serving, Shared
from api.http.writing import documents
from api.http.writing.forms import MAX_BYTES, handed_in
from api.http.writing.taking import (
    READ_AT_ONCE,
    position_of,
    sender_of,
    status_of,
    take,
    take_together,
    told,
)
from api.outcomes import outcome_of
from commands.touchpoint import Fate, Outcome
from streams.posted import Posted, Sender

router = guarded()


@router.post(
    "/v1/events",
    operation_id="record_events",
    tags=["touchpoints in"],
    max_body_size=MEASURED_HERE,
    responses={
        **documents.EVENTS_ANSWERED,
        **documented(*documents.REFUSED),
    },
    openapi_extra={"requestBody": documents.EVENTS},
)
async def record_events(
    request: Request,
    serving: Shared,
    caller: Calling,
    atomic: Annotated[
        bool, Query(description="Record all of them or none, of 1,000 at the most.")
    ] = False,
) -> Response:
    """Record events. Each that is recorded is in the book for good when this answers.

    One alone is answered with its position, or with the problem it has. Several are answered with an outcome
    each, in their order: 200 where all are in the book, 207 where some were refused. What is refused waits 30
    days as a dead letter. The same `id` again is the same event, and does no harm.

    With `atomic`, one that is refused refuses all: the problem is that of the first, `outcomes` has each one's,
    and nothing is recorded or kept.
    """
    body = await body_of(request, MAX_BYTES)
    at, headers = serving.intake.clock(), request.headers.raw
    if len(body) <= READ_AT_ONCE:
        handed = handed_in(headers, body, at)
    else:
        handed = await run_in_threadpool(handed_in, headers, body, at)
    sender = sender_of(caller)
    outcomes = await (_together if atomic else take)(serving, sender, handed.items, len(body))
    return _one(outcomes[0]) if handed.single else _many(outcomes)


async def _together(
    serving: Serving, sender: Sender, items: Sequence[Posted], size_bytes: int
) -> list[Outcome]:
    """All of them. Raises `Problem` if one is refused."""
    outcomes = await take_together(serving, sender, items, size_bytes)
    taken = [one for one in outcomes if one is not None]
    refusal = next((one.refusal for one in taken if one.refusal is not None), None)
    if refusal is not None:
        status, _ = outcome_of(refusal)
        more = {**parts_of(refusal), "outcomes": [told(one) for one in outcomes]}
        raise Problem(status, kind_of(refusal), str(refusal), headers=None, **more)
    return taken


def _one(outcome: Outcome) -> Response:
    if outcome.refusal is not None:
        raise outcome.refusal
    new = outcome.fate is Fate.APPENDED
    return Json(told(outcome), HTTPStatus.CREATED if new else HTTPStatus.OK)


def _many(outcomes: list[Outcome]) -> Response:
    fates = [outcome.fate for outcome in outcomes]
    answer = {
        "position": position_of(outcomes),
        "appended": fates.count(Fate.APPENDED),
        "duplicates": fates.count(Fate.DUPLICATE),
        "refused": fates.count(Fate.REFUSED),
        "outcomes": [told(outcome) for outcome in outcomes],
    }
    return Json(answer, status_of(outcomes))
