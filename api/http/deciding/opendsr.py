"""Requests about people's data in the shape of OpenDSR 2.0, as far as it says anything; the rest is ours.

Source: the OpenDSR specification, formerly OpenGDPR. What differs: identities come raw and never hashed;
`processor_signature` is Ed25519, by the key of the ledger that discovery names, over the text of
`encoded_request`, and stands in the answer alone and in no header; nobody is called back, so
`status_callback_urls` is answered with none, and whoever wants to know asks. Whoever sends a request is its
controller, by the source of their key.
"""

import secrets
from base64 import b64encode
from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import Depends, Request
from pydantic import BaseModel, Field

from api.carrying_out import Asked, said_before
from api.http.callers import Caller, Calling
from api.http.deciding.bodies import MAX_BODY, WRITE_ONLY, Body, Person, Text, body_of
from api.http.deciding.requests import Stands, find, proceeded, stands
from api.http.deciding.routes import REFUSED, IdempotencyKey
from api.http.guard import router as guarded
from api.http.problems import documented
from api.http.serving import Serving, Shared
from api.naming import person_of
from commands.privacy import Request as Made
from commands.privacy import State
from commands.privacy.certificate import digest_of
from commands.privacy.days import DAY, start_of
from commands.privacy.laws import WITHDRAWN
from ledger import catalogue
from ledger.catalogue.fields import Moment
from ledger.catalogue.privacy import Law, PrivacyRefused, PrivacyRequested, Right
from ledger.errors import BadField, NotAllowed
from ledger.event import Event
from ledger.identifiers import KIND, Identifier

router = guarded()

API_VERSION = "2.0"
_TOKEN_BYTES = 16
_NAMED = ("email", "phone", "user", "anonymous")
"""Kinds that discovery names; any other is taken too."""
_OURS = {"controller_customer_id": "user"}
"""What OpenDSR calls a kind that has another name here."""

Status = Literal["pending", "in_progress", "completed", "cancelled"]
_STATUS: dict[State, Status] = {
    State.RECEIVED: "pending",
    State.CHALLENGED: "pending",
    State.VERIFIED: "in_progress",
    State.EXECUTING: "in_progress",
    State.FULFILLED: "completed",
    State.REFUSED: "cancelled",
}
_PENDING = tuple(state for state, status in _STATUS.items() if status == "pending")


class Identity(BaseModel):
    """One thing that names the person."""

    identity_type: Annotated[str, Field(pattern=f"^{KIND.pattern}$", max_length=64)]
    identity_value: Text = Field(json_schema_extra=WRITE_ONLY)
    identity_format: Literal["raw"]


class _Sent(Body):
    """What a controller sends."""

    subject_request_id: UUID = Field(
        description="The controller's own id of it, of which the same again is the same request."
    )
    subject_request_type: Right
    regulation: Law
    subject_identities: Annotated[list[Identity], Field(min_length=1, max_length=20)] | None = None
    customer: UUID | None = Field(None, description="The person, for whoever knows them here.")
    submitted_time: Moment | None = Field(None, description="When they asked, if not now.")
    api_version: Literal["1.0", "2.0"] | None = None
    status_callback_urls: Annotated[list[str], Field(max_length=20)] | None = Field(
        None, description="Nobody is called back: ask for the status."
    )
    extensions: dict[str, Any] | None = Field(None, description="For other processors; not kept.")


_EXAMPLE = {
    "subject_request_id": "a7551968-d5d6-44b2-9831-815ac9017798",
    "subject_request_type": "erasure",
    "regulation": "gdpr",
    "submitted_time": "2026-03-01T12:00:00Z",
    "subject_identities": [
        {
            "identity_type": "email",
            "identity_value": "anna@example.com",
            "identity_format": "raw",
        }
    ],
    "contact": "anna@example.com",
}
_KNOWN = ("request", "right", "law", "due_on", "confirm_by", "token_digest")
SubjectRequest = body_of("SubjectRequest", PrivacyRequested, _EXAMPLE, base=_Sent, without=_KNOWN)


class Received(Stands):
    """It has come, and is in the book."""

    controller_id: str = Field(description="The source of the key.")
    subject_request_id: UUID
    received_time: datetime
    expected_completion_time: datetime = Field(description="The end of the day on which it is due.")
    encoded_request: str = Field(description="What was sent, in Base64. Not to be logged.")
    processor_signature: str = Field(description="Ed25519, in Base64, over `encoded_request`.")
    status_callback_urls: list[str] = Field(description="Those that will be called: none.")
    token: str | None = Field(
        None,
        description="For the person, shown this once: with it they, and nobody else, can point at what "
        "was done with their request.",
    )


class IdentityKind(BaseModel):
    """A kind of identity that is read, and how it is to be written."""

    identity_type: str
    identity_format: Literal["raw"]


class Discovery(BaseModel):
    """What can be asked for."""

    api_version: str
    supported_identities: list[IdentityKind]
    supported_subject_request_types: list[Right]
    supported_regulations: list[Law]
    processor_public_key: str = Field(
        description="Ed25519, raw, in Base64: it signs what we answer."
    )


class RequestStatus(BaseModel):
    """How a request stands."""

    api_version: str
    controller_id: str
    subject_request_id: UUID | None = Field(None, description="By which it was asked for.")
    request_status: Status
    expected_completion_time: datetime
    received_time: datetime
    request: UUID
    right: Right
    law: Law
    state: State
    due_on: date
    waits: bool = Field(description="Whether its clock stands still until they show who they are.")


class Cancelled(RequestStatus):
    """It ends, since whoever made it took it back."""

    position: int
    new: bool


@router.get(
    "/v1/privacy/discovery",
    operation_id="discover_privacy",
    summary="What can be asked about people's data",
    tags=["privacy"],
)
def discovery(serving: Shared) -> Discovery:
    """Identities, rights and laws, and the key that signs what we answer."""
    public = serving.bahi.ledger.keyring.keys().signing_key.public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Discovery(
        api_version=API_VERSION,
        supported_identities=[
            IdentityKind(identity_type=kind, identity_format="raw") for kind in (*_NAMED, *_OURS)
        ],
        supported_subject_request_types=list(get_args(Right)),
        supported_regulations=list(get_args(Law)),
        processor_public_key=b64encode(raw).decode(),
    )


async def _sent(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/v1/privacy/requests",
    status_code=HTTPStatus.CREATED,
    operation_id="create_request",
    summary="Somebody asks about their data",
    tags=["privacy"],
    responses=documented(*REFUSED),
    max_body_size=MAX_BODY,
    response_model=Received,
    response_model_exclude_none=True,
)
def receive(
    serving: Shared,
    caller: Calling,
    body: SubjectRequest,  # type: ignore[valid-type]
    sent: Annotated[bytes, Depends(_sent)],
) -> dict[str, Any]:
    """Whoever asks is answered: also somebody of whom the book has never heard."""
    return _received(serving, caller, body, sent)


def _received(serving: Serving, caller: Caller, body: _Sent, sent: bytes) -> dict[str, Any]:
    bahi, office, token = serving.bahi, serving.bahi.settings, secrets.token_urlsafe(_TOKEN_BYTES)
    message_id = str(body.subject_request_id)
    own = {
        name: getattr(body, name) for name in PrivacyRequested.model_fields if name not in _KNOWN
    }
    given = {
        **own,
        "request": UUID(int=0),
        "right": body.subject_request_type,
        "law": body.regulation,
        "due_on": date.max,
        "jurisdiction": own["jurisdiction"] or office.office_country,
        "time_zone": own["time_zone"] or office.office_zone,
        "token_digest": digest_of(token),
    }
    customer, identifiers = _whose(body, serving, said_before(bahi, caller.source, message_id))
    asked = Asked(
        catalogue.parse(PrivacyRequested.TOPIC, given, at_a_door=False),
        caller.source,
        caller.actor,
        message_id=message_id,
        at=body.submitted_time,
        customer=customer,
        identifiers=identifiers,
    )
    done = proceeded(bahi, asked)
    encoded = b64encode(sent)
    signature = bahi.ledger.keyring.keys().signing_key.sign(encoded)
    told = stands(bahi, done)
    return {
        **told,
        "controller_id": caller.source,
        "subject_request_id": body.subject_request_id,
        "received_time": done.recorded.recorded_at,
        "expected_completion_time": _end_of(told["due_on"], given["time_zone"]),
        "encoded_request": encoded.decode(),
        "processor_signature": b64encode(signature).decode(),
        "status_callback_urls": [],
        "token": token if done.new else None,
    }


def _whose(
    body: _Sent, serving: Serving, said: Event | None
) -> tuple[UUID | None, tuple[Identifier, ...]]:
    """The customer, or what names somebody of whom nobody has heard.

    Nobody has shown yet who they are: so of somebody who is known, nothing is learned from it. What was `said`
    before under this id stays theirs when they are erased, and nothing names them any longer.
    """
    if (body.customer is None) == (body.subject_identities is None):
        came = "neither" if body.customer is None else "both"
        raise BadField("subject_identities", "some, or a customer", came)
    if said is not None and said.customer in serving.bahi.ledger.gone.now():
        return said.customer, ()
    if body.subject_identities is None:
        return Person(customer=body.customer).somebody(serving.bahi), ()
    identifiers = tuple(
        Identifier(_OURS.get(one.identity_type, one.identity_type), one.identity_value)
        for one in body.subject_identities
    )
    known = person_of(serving.bahi, identifiers)
    return (None, identifiers) if known is None else (known, ())


@router.get(
    "/v1/privacy/requests/{request}",
    operation_id="show_request",
    summary="How a request stands",
    tags=["privacy"],
    responses=documented("not-found"),
    response_model_exclude_none=True,
)
def status(serving: Shared, caller: Calling, request: UUID) -> RequestStatus:
    """By our id of it, or by the `subject_request_id` that was sent by your source."""
    found = find(serving.bahi, caller, request)
    return RequestStatus(**_status(found, request))


@router.delete(
    "/v1/privacy/requests/{request}",
    status_code=HTTPStatus.ACCEPTED,
    operation_id="cancel_request",
    summary="Somebody takes their request back",
    tags=["privacy"],
    responses=documented(*REFUSED),
    response_model_exclude_none=True,
)
def cancel(
    serving: Shared, caller: Calling, request: UUID, key: IdempotencyKey = None
) -> Cancelled:
    """While it is pending; where its answer was to go is destroyed with it."""
    bahi = serving.bahi
    found = find(bahi, caller, request)
    if found.state not in _PENDING and said_before(bahi, caller.source, key) is None:
        expected = "one that is " + " or ".join(_PENDING)
        raise NotAllowed("request", expected, found.standing())
    payload = PrivacyRefused(request=found.id, ground=WITHDRAWN)
    done = proceeded(bahi, Asked(payload, caller.source, caller.actor, message_id=key))
    shown = _status(find(bahi, caller, request), request)
    return Cancelled(**shown, position=done.position, new=done.new)


def _status(found: Made, named: UUID) -> dict[str, Any]:
    return {
        "api_version": API_VERSION,
        "controller_id": found.received.event.source,
        "subject_request_id": None if named == found.id else named,
        "request_status": _STATUS[found.state],
        "expected_completion_time": _end_of(found.due_on, found.zone),
        "received_time": found.received.recorded_at,
        "request": found.id,
        "right": found.asked.right,
        "law": found.asked.law,
        "state": found.state,
        "due_on": found.due_on,
        "waits": found.waits,
    }


def _end_of(day: date, zone: str) -> datetime:
    return start_of(day + DAY, zone)
