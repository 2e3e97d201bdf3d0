"""Erasing people, and what forbids it: holds, and the data of theirs that is only restricted."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.certificates import certificate_json, plan_json
from api.erasures import Prospect, checked, erased, prospect
from api.http.callers import Caller, Calling
from api.http.deciding.bodies import MAX_BODY, Person
from api.http.deciding.requests import find
from api.http.deciding.routes import Command, add
from api.http.guard import router as guarded
from api.http.problems import documented
from api.http.serving import Serving, Shared
from commands.privacy.ordering import Order
from ledger.catalogue import Retention
from ledger.catalogue.fields import Code, Moment
from ledger.catalogue.privacy import (
    CustomerRestricted,
    CustomerUnrestricted,
    HoldPlaced,
    HoldReleased,
)
from ledger.errors import NotAllowed

router = guarded()

_ANNA: dict[str, Any] = {"identifiers": {"email": "anna@example.com"}}
_HOLD = {**_ANNA, "hold": "claim-2026-14"}

add(
    router,
    "privacy",
    Command("/v1/privacy/holds", HoldPlaced, "place_hold", {**_HOLD, "ground": "litigation"}),
    Command(
        "/v1/privacy/holds/release", HoldReleased, "release_hold", {**_HOLD, "ground": "settled"}
    ),
    Command(
        "/v1/privacy/restrictions",
        CustomerRestricted,
        "restrict_person",
        {**_ANNA, "ground": "accuracy"},
    ),
    Command(
        "/v1/privacy/restrictions/lift",
        CustomerUnrestricted,
        "unrestrict_person",
        {**_ANNA, "ground": "corrected"},
    ),
)

_ASKED = {**_ANNA, "legal_basis": "gdpr-17-1-b"}


class ErasureAsked(Person):
    """Who is to be erased, on what ground."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ASKED]})

    legal_basis: Code = Field(description="In one word; it stands for good.")
    request: UUID | None = Field(None, description="The request that asks for it.")
    classes: Annotated[list[Retention], Field(min_length=1)] | None = Field(
        None, description="Only what is kept for these reasons, if not everything."
    )


class Erasure(ErasureAsked):
    """The same, confirmed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_ASKED, "digits": "042042"}]})

    digits: Annotated[str, Field(pattern="^[0-9]{6}$")] = Field(
        description="Those that its plan shows: of exactly this erasure, and no other."
    )


class Plan(BaseModel):
    """What would go, and what forbids it."""

    customers: list[UUID] = Field(description="Every customer who is the person.")
    events: dict[str, int]
    sealed_parts: int
    keys: dict[str, int]
    identifiers: dict[str, int]
    dead_letters: int
    rows_in_views: dict[str, int]
    holds: list[str]
    requests: list[str]
    against: str | None
    digits: str | None = Field(description="Null where something stands against it.")


class CertifiedEvent(BaseModel):
    """An event of the erasure, as anybody who has the book finds it."""

    position: int
    id: UUID
    type: str
    occurred_at: Moment
    leaf: str


class Check(BaseModel):
    """One thing that was checked just now."""

    what: str
    ok: bool
    found: str


class TreeHead(BaseModel):
    """The tree over the book's events."""

    size: int
    root: str


class Certificate(BaseModel):
    """That it was done, not saying whose."""

    ledger: UUID
    erased_at: Moment
    legal_basis: str
    request: UUID | None
    classes: str | list[Retention]
    events: list[CertifiedEvent]
    destroyed: dict[str, Any]
    canary: dict[str, int]
    watermarks: dict[str, int | None]
    backups_dead_from: str
    token_digest: str | None
    tree_head: TreeHead
    checks: list[Check]


@router.post(
    "/v1/privacy/erasures/plan",
    operation_id="plan_erasure",
    summary="What an erasure would take",
    tags=["privacy"],
    responses=documented("not-found", "identity-conflict", "erased"),
    max_body_size=MAX_BODY,
)
def plan(serving: Shared, caller: Calling, body: ErasureAsked) -> Plan:
    """What would go, and what forbids it; nothing is erased."""
    found = _prospect(serving, caller, body)
    return Plan(**plan_json(found.plan, found.rows, found.refusal, found.digits))


@router.post(
    "/v1/privacy/erasures",
    status_code=HTTPStatus.CREATED,
    operation_id="erase_person",
    summary="Erase a person, for good",
    tags=["privacy"],
    responses=documented("not-found", "identity-conflict", "not-allowed", "erased"),
    max_body_size=MAX_BODY,
)
def erase(serving: Shared, caller: Calling, body: Erasure) -> Certificate:
    """Their keys are destroyed in every store before this is answered; the answer certifies it.

    On request, somebody else erases than verified who asked. Whoever was erased already is gone: asked
    again, that is what is answered. One that a crash cut short is carried on at the next start.
    """
    found = _prospect(serving, caller, body)
    if found.refusal is not None:
        raise found.refusal
    if body.digits != found.digits:
        raise NotAllowed("digits", "those of the plan of this very erasure", "others")
    head, ((certificate, checks),) = checked(serving.bahi, [erased(serving.bahi, found)])
    return Certificate(**certificate_json(certificate, head, checks))


def _prospect(serving: Serving, caller: Caller, body: ErasureAsked) -> Prospect:
    bahi = serving.bahi
    request = None if body.request is None else find(bahi, caller, body.request).id
    order = Order.of(caller.actor, body.legal_basis, request, body.classes)
    return prospect(bahi, body.somebody(bahi), order)
