"""Who is who: two customers are one person after all, or two."""

from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field

from api.carrying_out import Asked, Doing, carry_out
from api.http.callers import Caller, Calling
from api.http.deciding.bodies import MAX_BODY, WRITE_ONLY, OfPerson, Person
from api.http.deciding.routes import REFUSED, Carried, IdempotencyKey
from api.http.guard import router as guarded
from api.http.problems import documented
from api.http.serving import Serving, Shared
from commands.identity import merge as merge_customers
from commands.identity import split as split_customers
from commands.touchpoint import Outcome, Touchpoint
from ledger import catalogue
from ledger.catalogue import EventType
from ledger.catalogue.fields import ContentText
from ledger.catalogue.profile import CustomersMerged, CustomersSplit

router = guarded()

_TWO: dict[str, Any] = {
    "identifiers": {"email": "anna@example.com"},
    "other": {"identifiers": {"user": "u17"}},
    "reason": "She called and named both.",
}


class Split(OfPerson):
    """Two customers, and why somebody judges so."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TWO]})

    other: Person
    reason: Annotated[ContentText, Field(min_length=1, pattern=r"\S")] = Field(
        description="Sealed.", json_schema_extra=WRITE_ONLY
    )


class Merge(Split):
    """The same; where each has what only one person can have, somebody has to insist."""

    despite_identifiers: bool = Field(
        False, description="Also where their identifiers speak against it."
    )


class Judged(Carried):
    """It is in the book; who they are now, whoever else had a part in it."""

    one_person: bool
    read_under: tuple[UUID, UUID] = Field(description="The customers under whom the two are read.")


_COMMON: dict[str, Any] = {
    "status_code": HTTPStatus.CREATED,
    "tags": ["identity"],
    "responses": documented(*REFUSED),
    "max_body_size": MAX_BODY,
}


@router.post(
    "/v1/merges", operation_id="merge_customers", summary="Two customers are one person", **_COMMON
)
def merge(serving: Shared, caller: Calling, body: Merge, key: IdempotencyKey = None) -> Judged:
    """Two customers turned out to be one person; a split takes it back, exactly."""

    def doing(asked: Touchpoint) -> Outcome:
        insists = body.despite_identifiers
        return merge_customers(serving.bahi.desk, asked, despite_identifiers=insists)

    return _judged(serving, caller, key, body, CustomersMerged, doing)


@router.post(
    "/v1/splits", operation_id="split_customers", summary="Two customers are two people", **_COMMON
)
def split(serving: Shared, caller: Calling, body: Split, key: IdempotencyKey = None) -> Judged:
    """A merge was wrong: it has never been, and no rule makes it again."""

    def doing(asked: Touchpoint) -> Outcome:
        return split_customers(serving.bahi.desk, asked)

    return _judged(serving, caller, key, body, CustomersSplit, doing)


def _judged(
    serving: Serving,
    caller: Caller,
    key: str | None,
    body: Split,
    payload: type[EventType],
    doing: Doing,
) -> Judged:
    bahi = serving.bahi
    one, other = body.somebody(bahi), body.other.somebody(bahi, "other.customer")
    given = {"other": other, "reason_given": body.reason}
    asked = Asked(
        catalogue.parse(payload.TOPIC, given, at_a_door=False),
        caller.source,
        caller.actor,
        message_id=key,
        at=body.occurred_at,
        customer=one,
    )
    done = carry_out(bahi, asked, doing)
    persons = bahi.ledger.people.now()
    return Judged(
        position=done.position,
        new=done.new,
        one_person=other in persons.members(one),
        read_under=(persons.canonical(one), persons.canonical(other)),
    )
