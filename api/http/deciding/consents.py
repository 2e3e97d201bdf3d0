"""Consent: what people are shown, what they allow and forbid, and what may be sent to them."""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.consents import answer_json, step_json
from api.http.callers import Calling, demand_purpose
from api.http.deciding.bodies import MAX_BODY, Person
from api.http.deciding.routes import Command, add
from api.http.guard import router as guarded
from api.http.problems import documented
from api.http.serving import Shared
from commands.consent import State, history, may_send
from ledger.catalogue.consent import (
    ConsentGiven,
    ConsentRefused,
    ConsentRequested,
    ConsentWithdrawn,
    NoticePublished,
    ObjectionLifted,
    ObjectionRaised,
)
from ledger.catalogue.email import EmailUnsubscribed
from ledger.catalogue.fields import Channel, Code, Moment, Purpose
from ledger.restricted import DESPITE

router = guarded()

_ANNA: dict[str, Any] = {"identifiers": {"email": "anna@example.com"}}
_NEWS = {**_ANNA, "purpose": "marketing/newsletter", "channel": "email"}
_SHOWN = {"notice": "newsletter", "notice_version": "1", "language": "de", "method": "form"}

add(
    router,
    "consents",
    Command(
        "/v1/notices",
        NoticePublished,
        "publish_notice",
        {
            "notice": "newsletter",
            "notice_version": "1",
            "language": "de",
            "title": "Newsletter",
            "text": "Ja, schickt mir einmal im Monat Neues.",
        },
    ),
    Command("/v1/consents/request", ConsentRequested, "request_consent", {**_NEWS, **_SHOWN}),
    Command(
        "/v1/consents/give",
        ConsentGiven,
        "give_consent",
        {**_NEWS, **_SHOWN, "proof": "Ticked on the form, from 192.0.2.7"},
    ),
    Command("/v1/consents/refuse", ConsentRefused, "refuse_consent", {**_NEWS, "method": "form"}),
    Command(
        "/v1/consents/withdraw", ConsentWithdrawn, "withdraw_consent", {**_NEWS, "method": "link"}
    ),
    Command(
        "/v1/consents/object",
        ObjectionRaised,
        "object_to_purpose",
        {**_ANNA, "purpose": "marketing", "grounds": "No advertising, please."},
    ),
    Command(
        "/v1/consents/lift", ObjectionLifted, "lift_objection", {**_ANNA, "purpose": "marketing"}
    ),
    Command(
        "/v1/consents/unsubscribe",
        EmailUnsubscribed,
        "unsubscribe_person",
        {**_ANNA, "reason": "too-many"},
    ),
)


class Sending(Person):
    """What is to be sent, to whom."""

    model_config = ConfigDict(json_schema_extra={"examples": [_NEWS]})

    purpose: Purpose = Field(examples=["marketing/newsletter"])
    channel: Channel = Field(examples=["email"])
    as_of: Moment | None = Field(None, description="What had happened by then, if not all.")
    known_at: Moment | None = Field(None, description="What the book had by then, if not all.")


class Tracing(Sending):
    """Whose words are looked for, on what."""

    looking_for: Code = Field(
        "service",
        description="What for; whose data is restricted is seen for a few purposes alone: "
        + ", ".join(sorted(DESPITE)),
    )


class Decided(BaseModel):
    """The event that an answer hangs on."""

    position: int
    id: UUID
    type: str
    occurred_at: Moment


class Shown(BaseModel):
    """The notice that they were shown; text and title where it is known which that was."""

    notice: str
    notice_version: str | None
    language: str | None
    title: str | None
    text: str | None
    position: int | None


class May(BaseModel):
    """Whether it may be sent, and why."""

    customer: UUID
    allowed: bool
    state: State
    purpose: str
    channel: str
    decided_by: Decided | None = Field(description="Null where they never said anything.")
    lapses_at: Moment | None = Field(description="When the yes lapses, or did.")
    notice: Shown | None
    time_zone: str | None = Field(
        description="Theirs; null where it is not known, and UTC is meant."
    )
    next_at: Moment | None = Field(description="The next allowed hour of their day, for a yes.")


class Step(BaseModel):
    """Something that a person said, and what was allowed after it."""

    position: int
    id: UUID
    type: str
    occurred_at: Moment
    customer: UUID
    data: dict[str, Any]
    then: State
    allowed: bool
    decided_by: int | None = Field(description="The position of the event that decided then.")


class History(BaseModel):
    """What a person said of all purposes, in order, and what was allowed after each for one."""

    customer: UUID
    steps: list[Step]


@router.post(
    "/v1/consents/may",
    operation_id="ask_permission",
    summary="May this be sent?",
    tags=["consents"],
    responses=documented("not-found", "identity-conflict", "erased"),
    max_body_size=MAX_BODY,
)
def may(serving: Shared, body: Sending) -> May:
    """Yes or no, the event that decides, the text they saw, and the next allowed hour of their day."""
    bahi = serving.bahi
    customer, at = body.somebody(bahi), bahi.history.clocks(body.as_of, body.known_at)
    found = may_send(
        bahi.ledger,
        customer,
        body.purpose,
        body.channel,
        now=bahi.clock(),
        as_of=at.as_of,
        known_upto=at.known_upto,
        hours=bahi.settings.sending_hours,
    )
    return May(customer=customer, **answer_json(found))


@router.post(
    "/v1/consents/history",
    operation_id="trace_consent",
    summary="What somebody allowed and forbade",
    tags=["consents"],
    responses=documented("not-found", "identity-conflict", "erased", "withheld"),
    max_body_size=MAX_BODY,
)
def trace(serving: Shared, caller: Calling, body: Tracing) -> History:
    """Every word of theirs on any purpose, in order, and what was allowed after each for this one."""
    bahi = serving.bahi
    demand_purpose(caller, body.looking_for)
    customer, at = body.somebody(bahi), bahi.history.clocks(body.as_of, body.known_at)
    bahi.reading.demand_seen(customer, body.looking_for)
    steps = history(
        bahi.ledger,
        customer,
        body.purpose,
        body.channel,
        as_of=at.as_of,
        known_upto=at.known_upto,
    )
    return History(customer=customer, steps=[Step(**step_json(step)) for step in steps])
