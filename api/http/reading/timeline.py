"""`GET …/timeline`: what happened with one customer, in the order in which it happened."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from starlette.responses import StreamingResponse

from api.http.answers import JSON, NDJSON, NEXT, POSITION, Json, lines, tag_of, unchanged, wanted
from api.http.callers import Calling
from api.http.guard import router as guarded
from api.http.problems import both, documented
from api.http.reading.cursors import MAX_CURSOR, cursor_of, no_cursor, values_of
from api.http.reading.customers import look_upto, seen
from api.http.reading.looks import Looking, Types, types_of
from api.http.reading.shown import (
    CURSOR,
    ID,
    MOMENT,
    TEXT,
    UNCHANGED,
    WHOLE,
    answer,
    listed,
    objects,
)
from api.http.reading.waiting import BookHas
from api.http.roles import OVERSEEING
from api.http.serving import Shared
from api.pages import event_json
from ledger.book import MAX_POSITION
from ledger.catalogue import Domain
from ledger.clock import from_us, to_us
from ledger.event import Moment, Recorded, moment_of
from replay.history import Stretch

router = guarded()

_LIMIT = 1_000
_OVERSEEN = frozenset({Domain.PRIVACY.value, Domain.AUDIT.value})
"""What was done with somebody's data: no part of the story for those who only deal with them."""
_OFFERED = {JSON: JSON, NDJSON: "application/jsonl"}


class Order(StrEnum):
    """Which comes first."""

    OLDEST = "oldest"
    NEWEST = "newest"


Limit = Annotated[
    int | None,
    Query(
        ge=1,
        le=_LIMIT,
        description="So many events at the most; without it 100 in JSON, and all there are in NDJSON.",
    ),
]
Cursor = Annotated[
    str | None, Query(description="`next` of the page before.", max_length=MAX_CURSOR)
]
Ordered = Annotated[Order, Query(description="Which comes first.")]

_EVENT = {
    "position": 42,
    "occurred_at": "2026-01-31T09:30:00Z",
    "recorded_at": "2026-01-31T09:30:01Z",
    "id": "5d5c8f0e-7a94-8c52-9d0e-6a2b6f1c3a11",
    "type": "order.placed",
    "domain": "touchpoint",
    "source": "shop",
    "customer": "3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c",
    "data": {"amount_minor": 4900, "currency": "EUR"},
    "tags": ["market:DE"],
}
_SCHEMA = objects(
    {
        "position": WHOLE,
        "occurred_at": MOMENT,
        "recorded_at": MOMENT,
        "id": ID,
        "type": TEXT,
        "domain": TEXT,
        "source": TEXT,
        "customer": {"type": ["string", "null"], "format": "uuid"},
        "data": {"type": "object"},
        "tags": listed(TEXT),
    }
)


@router.get(
    "/v1/customers/{customer}/timeline",
    operation_id="get_timeline",
    tags=["reading"],
    summary="What happened with a customer",
    dependencies=[BookHas],
    responses=both(
        documented("not-found", "withheld", "erased", "unknown-type", "not-there-yet"),
        {
            **UNCHANGED,
            200: answer(
                "Events in the order of happening; `next` is null with the last of them.",
                objects({"events": listed(_SCHEMA), "next": CURSOR}),
                {"events": [_EVENT], "next": "WyI1NGE4OTYxNCJd"},
                {NDJSON: '{"position":42,"type":"order.placed"}\n'},
            ),
        },
    ),
)
def get_timeline(
    customer: UUID,
    request: Request,
    serving: Shared,
    caller: Calling,
    look: Looking,
    types: Types = None,
    limit: Limit = None,
    cursor: Cursor = None,
    order: Ordered = Order.OLDEST,
) -> Response:
    """The whole person's, if they are merged. Pages go on by moment: what comes in late stands where it happened,
    and no page shows an event again or passes one over for that.
    """
    bahi = serving.bahi
    media = wanted(request, _OFFERED)
    kinds = types_of(types)
    kind = ("timeline", order.value)
    after, newest = _moment_of(values_of(kind, cursor, 2)), order is Order.NEWEST
    most = limit if limit is not None else 100 if media == JSON else MAX_POSITION
    without = () if caller.role in OVERSEEING else _OVERSEEN
    with seen(serving, customer, look.purpose):
        at = look.clocks(bahi)
        upto = look_upto(serving, at)
        history, stretch = bahi.history_for(look.purpose), Stretch(most + 1, after, newest)
        found = history.timeline(customer, at, kinds, without=without, stretch=stretch)
        if not found:
            bahi.reading.demand_heard_of(customer)
    page, next_ = found[:most], None
    if len(found) > most:
        occurred_at, position = moment_of(page[-1])
        next_ = cursor_of(kind, [to_us(occurred_at), position])
    headers = {POSITION: str(upto)} | ({NEXT: next_} if next_ else {})
    if media == NDJSON:
        return StreamingResponse(lines(map(_told, page)), 200, headers, NDJSON)
    document = {"events": [_told(one) for one in page], "next": next_}
    tag = tag_of(document)
    return unchanged(request, tag, headers) or Json(document, headers={**headers, "ETag": tag})


def _told(recorded: Recorded) -> dict[str, Any]:
    event = recorded.event
    return {
        **event_json(recorded),
        "recorded_at": recorded.recorded_at,
        "id": event.id,
        "domain": event.domain,
        "source": event.source,
    }


def _moment_of(values: Sequence[Any]) -> Moment | None:
    """The moment of a cursor. Raises `BadField`."""
    if not values:
        return None
    try:
        us, position = values
        occurred_at: datetime = from_us(us)
        return occurred_at, int(position)
    except (TypeError, ValueError, OverflowError):
        raise no_cursor() from None
