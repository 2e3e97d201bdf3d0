"""One customer: found by what names them, read in figures, and opened by whoever may see who they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.customers import erasure_of, permission
from api.http.answers import POSITION, Json, tag_of, unchanged
from api.http.callers import Caller, Calling, sees
from api.http.guard import router as guarded
from api.http.problems import Problem, both, documented
from api.http.reading.looks import Look, Looking
from api.http.reading.shown import ID, UNCHANGED, answer, listed, objects
from api.http.reading.waiting import CustomersHave
from api.http.serving import Serving, Shared
from api.naming import person_of
from api.pages import Page, erased_json, person_json, profile_json, views_json
from api.render import json_rows
from commands.profile import open_profile
from ledger.errors import Erased, NotFound
from ledger.identifiers import KIND, MAX_IDENTIFIER, Identifier
from ledger.restricted import SERVICE
from replay.history import Clocks

router = guarded()

_MAX_BODY = 16 * 1024
_NOT_KEPT = {"Cache-Control": "no-store"}
_SOMEBODY = "3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c"


class Named(BaseModel):
    """What names somebody elsewhere."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Annotated[str, Field(pattern=f"^{KIND.pattern}$", max_length=60, examples=["email"])]
    value: Annotated[str, Field(max_length=MAX_IDENTIFIER, examples=["anna@example.com"])]


class Search(BaseModel):
    """Whom to look for. It is in the body, since addresses of pages are kept in logs."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    identifier: Named


class Opening(BaseModel):
    """Why somebody has to be known by name; it goes on record before anything is shown."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    reason: Annotated[
        str, Field(min_length=1, max_length=1_000, examples=["calls about ticket 12"])
    ]
    purpose: Annotated[str, Field(max_length=60, examples=["support"])] = SERVICE


@router.post(
    "/v1/customers/search",
    operation_id="search_customers",
    tags=["reading"],
    summary="The customer that an identifier names",
    max_body_size=_MAX_BODY,
    responses={
        **documented("not-found"),
        200: answer(
            "Under whom they are read. There is one, or the answer is 404.",
            objects({"customers": listed(ID)}),
            {"customers": [_SOMEBODY]},
        ),
    },
)
def search_customers(serving: Shared, sought: Annotated[Search, Body()]) -> Response:
    """By e-mail, phone or the number that another system has for them; no answer quotes it."""
    bahi = serving.bahi
    head = bahi.ledger.book.head()
    found = person_of(bahi, [Identifier(sought.identifier.kind, sought.identifier.value)])
    if found is None:
        raise NotFound("customer", "with that identifier")
    canonical = bahi.ledger.living.now().canonical(found)
    return Json({"customers": [canonical]}, headers={POSITION: str(head), **_NOT_KEPT})


_GONE = both(
    documented("not-found", "withheld", "not-there-yet", "fold-failed"), documented("erased")
)
_FIGURES = objects(
    {
        "customer": ID,
        "also_known_as": listed(objects({"customer": ID, "since": {"type": "string"}})),
        "views": {"type": "object", "additionalProperties": listed({"type": "object"})},
        "permission": {"type": ["array", "null"], "items": {"type": "object"}},
        "stopped": listed({"type": "string"}),
    }
)


@router.get(
    "/v1/customers/{customer}",
    operation_id="get_customer",
    tags=["reading"],
    summary="One customer in figures",
    dependencies=[CustomersHave],
    responses=both(
        _GONE,
        {
            **UNCHANGED,
            200: answer(
                "Every view's rows of this person, and what may be sent to them.",
                _FIGURES,
                {
                    "customer": _SOMEBODY,
                    "also_known_as": [],
                    "views": {"customer_360": [{"customer": _SOMEBODY, "orders": 3}]},
                    "permission": [
                        {
                            "purpose": "marketing",
                            "channel": "email",
                            "allowed": True,
                            "state": "given",
                        }
                    ],
                    "stopped": [],
                },
            ),
        },
    ),
)
async def get_customer(
    customer: UUID, request: Request, serving: Shared, caller: Calling, look: Looking
) -> Response:
    """Figures, and no name: nothing personal is in any view. A merged customer is read as the whole person.

    `stopped` names views that an event has stopped: what they had would be old, and is not shown.
    """
    read = partial(_figures, customer, request, serving, caller, look)
    return await (run_in_threadpool(read) if look.past else serving.briefly(read))


def _figures(
    customer: UUID, request: Request, serving: Serving, caller: Caller, look: Look
) -> Response:
    bahi = serving.bahi
    with seen(serving, customer, look.purpose):
        at = look.clocks(bahi)
        upto = look_upto(serving, at)
        reached = serving.arrivals.standing()
        stopped = [] if at.past else sorted(n for n, one in reached.items() if not one.going)
        history = bahi.history_for(look.purpose)
        folds = history.customer(customer, at)
        if not folds:
            bahi.reading.demand_heard_of(customer)
        folds = {n: t for n, t in folds.items() if n not in stopped and sees(caller, {n})}
        page = Page.of(history.person(customer, at), customer, folds, ())
        may = permission(bahi, history, customer, folds, at)
    document = {
        **person_json(page),
        "views": views_json(folds),
        "permission": None if may is None else json_rows(may),
        "stopped": [name for name in stopped if sees(caller, {name})],
    }
    ours = [r.position for n, r in reached.items() if bahi.views.folds[n].by_customer and r.going]
    headers = {POSITION: str(upto if at.past else min(ours, default=0))}
    tag = tag_of(document)
    return unchanged(request, tag, headers) or Json(document, headers={**headers, "ETag": tag})


@router.post(
    "/v1/customers/{customer}/open",
    operation_id="open_customer",
    tags=["reading"],
    summary="Who a customer is",
    max_body_size=_MAX_BODY,
    responses=both(
        _GONE,
        {
            200: answer(
                "Their details, the newest of each, and everything they were named by.",
                objects(
                    {
                        "customer": ID,
                        "profile": {"type": "object"},
                        "erased": {"type": "integer"},
                        "unavailable": {"type": "integer"},
                    }
                ),
                {
                    "customer": _SOMEBODY,
                    "profile": {"name": "Anna Example", "identifiers": ["email:anna@example.com"]},
                    "erased": 0,
                    "unavailable": 0,
                },
            )
        },
    ),
)
def open_customer(
    customer: UUID, serving: Shared, caller: Calling, opening: Annotated[Opening, Body()]
) -> Response:
    """Opened from their own events, and on record before that: who opened it, for what, and why."""
    bahi = serving.bahi
    with seen(serving, customer, opening.purpose):
        members = bahi.history_for(opening.purpose).person(customer).members(customer)
        profile = open_profile(
            bahi.ledger,
            members,
            actor=caller.actor,
            purpose=opening.purpose,
            reason=opening.reason,
            clock=bahi.clock,
        )
    document = {"customer": members[0], **profile_json(profile)}
    position = str(bahi.ledger.book.head())
    return Json(document, headers={POSITION: position, **_NOT_KEPT})


@contextmanager
def seen(serving: Serving, customer: UUID, purpose: str) -> Iterator[None]:
    """Whoever may be seen for this purpose is, in the block. Raises `Withheld`, and `Problem` for the erased."""
    bahi = serving.bahi
    try:
        bahi.reading.demand_seen(customer, purpose)
        yield
    except Erased:
        raise _erased(serving, customer) from None


def look_upto(serving: Serving, at: Clocks) -> int:
    """The position up to which the book is looked at by then."""
    return serving.bahi.ledger.book.head() if at.known_upto is None else at.known_upto


def _erased(serving: Serving, customer: UUID) -> Problem:
    """The answer about somebody who is gone: that they are, and when, as the view of erasures has it."""
    told: dict[str, Any] = erased_json(customer, erasure_of(serving.bahi, customer))
    told.pop("erased")
    detail = f"customer {customer} is erased"
    return Problem(HTTPStatus.GONE, "erased", detail, headers=_NOT_KEPT, **told)
