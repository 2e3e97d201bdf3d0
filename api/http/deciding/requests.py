"""What people ask about their data, step by step: for those who answer them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from http import HTTPStatus
from inspect import cleandoc
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.carrying_out import Asked, Done, carry_out
from api.http.answers import Json
from api.http.callers import Caller, Calling
from api.http.deciding.bodies import MAX_BODY, Said, body_of
from api.http.deciding.routes import REFUSED, Carried, IdempotencyKey, latest
from api.http.guard import router as guarded
from api.http.problems import Problem, documented, kind_of, parts_of
from api.http.reading.shown import ID, TEXT, answer, listed, objects
from api.http.reading.waiting import MinPosition
from api.http.roles import Role
from api.http.serving import Shared
from api.render import json_rows
from api.wiring import Bahi
from commands.privacy import Request, State, find_request, proceed, request_id
from commands.rules import RULES
from commands.touchpoint import Outcome, Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.catalogue.privacy import (
    PrivacyChallenged,
    PrivacyConfirmed,
    PrivacyExtended,
    PrivacyFulfilled,
    PrivacyRefused,
    PrivacyRequested,
    PrivacyVerified,
)
from ledger.errors import NotAllowed, NotFound
from projections.questions import asked_by

router = guarded()

_A_REQUEST = "a7551968-d5d6-84b2-9831-815ac9017798"
_OFFICE = "legal"
"""The purpose of whoever answers requests: also those of people whose data is restricted."""


class Stands(Carried):
    """It is in the book; how the request stands by now."""

    request: UUID = Field(description="What the request is called here.")
    state: State
    due_on: date = Field(description="It is due by the end of this day, where it is answered.")
    confirm_by: date | None = Field(
        None, description="By the end of which day they are to be told that it has come."
    )


def find(bahi: Bahi, caller: Caller, named: UUID) -> Request:
    """The request of that id of ours, or of that `subject_request_id` of the caller's.

    Raises `NotFound`, and `Problem` for another source's, but for who answers all of them.
    """
    for request in (request_id(bahi.ledger, caller.source, str(named)), named):
        try:
            found = find_request(bahi.ledger, request)
        except NotFound:
            continue
        theirs = found.received.event.source == caller.source
        if not theirs and caller.role is not Role.PRIVACY_OFFICER:
            detail = "expected a request that came from your source, came another's"
            raise Problem(HTTPStatus.FORBIDDEN, "foreign-scope", detail)
        return found
    raise NotFound("request", str(named))


def proceeded(bahi: Bahi, asked: Asked) -> Done:
    """Take a request a step further; what the due date is by then is filled in."""

    def doing(touchpoint: Touchpoint) -> Outcome:
        return proceed(bahi.desk, touchpoint, RULES[type(asked.payload)])

    try:
        return carry_out(bahi, asked, doing)
    except NotAllowed as refusal:
        more = parts_of(refusal)
        if not isinstance(asked.payload, PrivacyRequested):
            request = UUID(asked.payload.clear()["request"])
            more["latest"] = latest(find_request(bahi.ledger, request).since)
        raise Problem(HTTPStatus.CONFLICT, kind_of(refusal), str(refusal), **more) from None


def stands(bahi: Bahi, done: Done) -> dict[str, Any]:
    """Where it stands in the book, and how the request of it stands by now."""
    found = find_request(bahi.ledger, UUID(done.recorded.event.data["request"]))
    return {
        "position": done.position,
        "new": done.new,
        "request": found.id,
        "state": found.state,
        "due_on": found.due_on,
        "confirm_by": found.asked.confirm_by if found.confirmed is None else None,
    }


@dataclass(frozen=True, slots=True)
class _Step:
    verb: str
    payload: type[EventType]
    example: Mapping[str, Any] = field(default_factory=dict)


_STEPS = (
    _Step("confirm", PrivacyConfirmed),
    _Step("challenge", PrivacyChallenged),
    _Step("verify", PrivacyVerified, {"verified_by": "signed-in"}),
    _Step("extend", PrivacyExtended, {"ground": "complexity"}),
    _Step(
        "refuse", PrivacyRefused, {"ground": "unfounded", "grounds": "Asked for the tenth time."}
    ),
    _Step("fulfil", PrivacyFulfilled),
)
_KNOWN = ("request", "due_on")
"""What a step says that whoever takes it does not: which request it is, and what the calendar makes of it."""


def _add(router: APIRouter, step: _Step) -> None:
    payload, name = step.payload, f"{step.verb}_request"
    body_type = body_of(
        f"{step.verb.capitalize()}Request", payload, step.example, base=Said, without=_KNOWN
    )

    @router.post(
        f"/v1/privacy/requests/{{request}}/{step.verb}",
        status_code=HTTPStatus.CREATED,
        operation_id=name,
        summary=name.replace("_", " ").capitalize(),
        description=cleandoc(payload.__doc__ or ""),
        tags=["privacy"],
        responses=documented(*REFUSED),
        max_body_size=MAX_BODY,
        response_model=Stands,
        response_model_exclude_none=True,
    )
    def further(
        serving: Shared,
        caller: Calling,
        request: UUID,
        body: body_type,  # type: ignore[valid-type]
        key: IdempotencyKey = None,
    ) -> dict[str, Any]:
        bahi = serving.bahi
        return stands(bahi, _taken(bahi, caller, key, payload, find(bahi, caller, request), body))


def _taken(
    bahi: Bahi,
    caller: Caller,
    key: str | None,
    payload: type[EventType],
    found: Request,
    body: Said,
) -> Done:
    given = {"request": found.id, "due_on": date.max}  # which the calendar makes another
    given |= {
        name: getattr(body, name, None) for name in payload.model_fields.keys() - given.keys()
    }
    told = {n: v for n, v in given.items() if v is not None and n in payload.model_fields}
    step = catalogue.parse(payload.TOPIC, told, at_a_door=False)
    return proceeded(
        bahi, Asked(step, caller.source, caller.actor, message_id=key, at=body.occurred_at)
    )


for _step in _STEPS:
    _add(router, _step)


_LISTED = {True: "privacy_request", False: "privacy_due"}
_All = Annotated[
    bool, Query(alias="all", description="Every request, also those that are answered.")
]


async def _as_far(serving: Shared, every: _All = False, min_position: MinPosition = None) -> None:
    if min_position is not None:
        views = serving.bahi.views
        wanted = asked_by(_LISTED[every], views.questions) & views.folds.keys()
        await serving.arrivals.reach(min_position, wanted)


@router.get(
    "/v1/privacy/requests",
    operation_id="list_requests",
    summary="What is due, the most pressing first",
    tags=["privacy"],
    dependencies=[Depends(_as_far)],
    responses={
        **documented("fold-failed", "not-there-yet"),
        200: answer(
            "The rows of the view `privacy_due`, or with `all` of `privacy_request`.",
            listed(objects({"request": ID, "right": TEXT, "law": TEXT, "due_on": TEXT})),
            [{"request": _A_REQUEST, "right": "access", "law": "gdpr", "due_on": "2026-04-01"}],
        ),
    },
)
def due(serving: Shared, every: _All = False) -> Response:
    """With the days that are left, and what stands in the way."""
    return Json(json_rows(serving.bahi.history_for(_OFFICE).view(_LISTED[every])))
