"""`GET /v1/events`: the stream as subscribers of topics see it, by pages, by waiting, or without end."""

from typing import Annotated

from fastapi import Header, Query, Request, Response

from api.http.answers import EVENT_STREAM, JSON, NDJSON, POSITION, wanted
from api.http.callers import admitted, secret_of
from api.http.guard import router as guarded
from api.http.problems import Problem, documented
from api.http.reading.following import Followed
from api.http.reading.looks import Types, types_of
from api.http.reading.shown import WHOLE, answer, listed, objects
from api.http.serving import Shared
from ledger import catalogue
from ledger.book import MAX_POSITION
from ledger.errors import BadField
from streams.outgoing import NOTICES, PUBLISHED

router = guarded()

_LIMIT = 1_000
_WAIT_S = 30
_CLOUD_EVENTS = "application/cloudevents-batch+json"
_OFFERED = {
    JSON: JSON,
    _CLOUD_EVENTS: _CLOUD_EVENTS,
    NDJSON: "application/jsonl",
    EVENT_STREAM: EVENT_STREAM,
}
_ROUTE = ("GET", "/v1/events")

After = Annotated[
    int,
    Query(ge=0, le=MAX_POSITION, description="Events after this position; 0 for all there are."),
]
Limit = Annotated[int, Query(ge=1, le=_LIMIT, description="So many events at the most.")]
Wait = Annotated[
    int,
    Query(
        ge=0, le=_WAIT_S, description="Seconds to wait for the first of them, if there is none yet."
    ),
]
LastEventId = Annotated[
    str | None,
    Header(
        description="Of a stream that is resumed: the position of the last event that came.",
        max_length=20,
    ),
]

_EVENT = {
    "specversion": "1.0",
    "id": "5d5c8f0e-7a94-8c52-9d0e-6a2b6f1c3a11",
    "source": "/bahi/0f4cf0a5-2f0e-4a8e-8a55-0d1d2a3b4c5d/shop",
    "type": "order.placed",
    "time": "2026-01-31T09:30:00Z",
    "subject": "3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c",
    "position": 42,
    "data": {"tags": {"market": "DE"}, "data": {"amount_minor": 4900, "currency": "EUR"}, "personal": []},
}  # fmt: skip


@router.get(
    "/v1/events",
    operation_id="follow_events",
    tags=["reading"],
    summary="What happened, as CloudEvents, in the order of the book",
    responses={
        **documented("unknown-type"),
        200: answer(
            "Events after the position, and where to go on from: `position`, though no event may stand there.",
            objects({"events": listed({"type": "object"}), "position": WHOLE}),
            {"events": [_EVENT], "position": 42},
            {
                _CLOUD_EVENTS: [_EVENT],
                NDJSON: '{"specversion":"1.0","position":42}\n',
                EVENT_STREAM: 'id: 42\ndata: {"specversion":"1.0","position":42}\n\n',
            },
        ),
    },
)
async def follow_events(
    request: Request,
    serving: Shared,
    after: After = 0,
    types: Types = None,
    limit: Limit = 100,
    wait: Wait = 0,
    last_event_id: LastEventId = None,
) -> Response:
    """Touchpoints, sales and service events, what is personal sealed; of erased people nameless, of those whose
    data is restricted held back. With them the notices that a subscriber has to honour: erased, restricted and
    not any longer, rectified, merged, split.

    Asked for `text/event-stream`, the answer has no end: its `id` is the position, and a client that comes back
    with `Last-Event-ID` goes on after it. A comment comes every 15 seconds in which nothing does.
    """
    kinds = _outgoing_of(types)
    media = wanted(request, _OFFERED)
    begin = after if last_event_id is None else _position(last_event_id)
    followers = serving.followers
    followers.come()
    if media == EVENT_STREAM:
        secret = secret_of(request)

        def still_may() -> bool:
            try:
                admitted(serving.callers.caller(secret), _ROUTE)
            except Problem:
                return False
            return True

        return Followed(followers, followers.stream(begin, kinds, still_may))
    try:
        page = await followers.page(begin, kinds, limit, wait)
    finally:
        followers.go()
    headers = {POSITION: str(page.position), "Cache-Control": "no-store"}
    events = [event for _, event in page.events]
    if media == NDJSON:
        return Response(b"".join(event + b"\n" for event in events), 200, headers, NDJSON)
    batch = b"[%b]" % b",".join(events)
    if media == _CLOUD_EVENTS:
        return Response(batch, 200, headers, _CLOUD_EVENTS)
    return Response(b'{"events":%b,"position":%d}' % (batch, page.position), 200, headers, JSON)


def _outgoing_of(given: str | None) -> tuple[str, ...]:
    """The types that are wanted. Raises `Refused` for one that there is not, or that never goes out."""
    kinds = types_of(given)
    for kind in kinds:
        if catalogue.find(kind).DOMAIN not in PUBLISHED and kind not in NOTICES:
            raise BadField("types", "types of touchpoints, sales and service, and notices", kind)
    return kinds


def _position(text: str) -> int:
    """A position as a stream had it for an id. Raises `BadField`."""
    if not (text.isascii() and text.isdecimal() and int(text) <= MAX_POSITION):
        raise BadField("Last-Event-ID", "the id of an event of this stream", "another")
    return int(text)
