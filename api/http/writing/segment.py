"""The HTTP Tracking API of Segment, for the libraries that speak it.

Source: Segment's HTTP Tracking API. Its clients take 200 for taken, repeat what is answered 429 or 5xx, and give
up what is answered otherwise. So what is refused of a call that can be read is answered 200 and kept as a dead
letter; `Bahi-Refused` says how many they were. Where its server drops what passes a limit and says 200, ours
says 400: nothing is lost in silence.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from api.http.answers import Json
from api.http.bodies import KEYED_BYTES, MEASURED_HERE, body_of
from api.http.callers import Caller, Calling
from api.http.guard import router as guarded
from api.http.problems import Problem
from api.http.serving import Serving, Shared
from api.http.writing import documents
from api.http.writing.taking import position_of, sender_of, take
from commands.touchpoint import Fate
from ledger.errors import BadField, Refused, TooLarge, came
from streams.files.rows import content_of
from streams.parts import json_of
from streams.posted import Form, Posted
from streams.segment import CALLS

MAX_CALL_BYTES = 32 * 1024
"""Most bytes of a call, alone or in a batch."""
MAX_BATCH_BYTES = KEYED_BYTES
"""Most bytes of a batch, unpacked."""
MAX_BATCH = 2_500
"""Most calls of a batch."""

_OF_ALL = ("context", "integrations")
"""What a batch says once for all of its calls, each of which may say otherwise."""

router = guarded()

_Handler = Callable[..., Awaitable[Response]]


def _takes(call: str, body: Mapping[str, Any]) -> Callable[[_Handler], _Handler]:
    """The decorator of what is called by its name, and in browsers by the first letter of it."""

    def under_both(handler: _Handler) -> _Handler:
        for path in (call, call[0]):
            router.add_api_route(
                f"/v1/{path}",
                handler,
                methods=["POST"],
                operation_id=f"segment_{path}",
                tags=["touchpoints in"],
                summary=f"Segment's {call}{'' if path == call else ', as browsers name it'}.",
                max_body_size=MEASURED_HERE,
                responses=documents.SEGMENT_ANSWERED,
                openapi_extra={"requestBody": body},
            )
        return handler

    return under_both


def _takes_call(call: str) -> None:
    @_takes(call, documents.segment_call(call))
    async def take_call(request: Request, serving: Shared, caller: Calling) -> Response:
        """Take one call of Segment's libraries; see its Spec for the fields."""
        body = await body_of(request, MAX_CALL_BYTES, HTTPStatus.BAD_REQUEST)
        message = _object(body)
        message.pop("writeKey", None)
        whole = _whole(serving, {**message, "type": call})
        call_of = Posted(Form.SEGMENT, serving.intake.clock(), whole)
        return await _taken(serving, caller, [call_of], len(body))


for _call in CALLS:
    _takes_call(_call)


@_takes("batch", documents.SEGMENT_BATCH)
async def take_batch(request: Request, serving: Shared, caller: Calling) -> Response:
    """Take a batch of calls of Segment's libraries, each with its `type`; see its Spec for the fields."""
    body = await body_of(request, MAX_BATCH_BYTES, HTTPStatus.BAD_REQUEST)
    items = await run_in_threadpool(_calls, serving, body)
    return await _taken(serving, caller, items, len(body))


async def _taken(
    serving: Serving, caller: Caller, items: Sequence[Posted], size_bytes: int
) -> Response:
    outcomes = await take(serving, sender_of(caller), items, size_bytes)
    headers = {}
    if (position := position_of(outcomes)) is not None:
        headers["Bahi-Position"] = str(position)
    if refused := sum(outcome.fate is Fate.REFUSED for outcome in outcomes):
        headers["Bahi-Refused"] = str(refused)
    return Json({"success": True}, HTTPStatus.OK, headers)


def _calls(serving: Serving, body: bytes) -> list[Posted]:
    """The calls of a batch. Raises `Problem`."""
    message, at = _object(body), serving.intake.clock()
    calls = message.get("batch")
    if not isinstance(calls, list):
        raise _problem(BadField("batch", "a list of calls", came(calls)))
    if len(calls) > MAX_BATCH:
        raise _problem(TooLarge("batch", f"at most {MAX_BATCH:,} calls", f"{len(calls):,}"))
    long = len(body) > MAX_CALL_BYTES
    return [
        Posted(
            Form.SEGMENT,
            at,
            _whole(serving, _of_batch(call, message)),
            _too_long(call) if long else None,
            index,
            MAX_CALL_BYTES,
        )
        for index, call in enumerate(calls)
    ]


def _of_batch(call: Any, batch: Mapping[str, Any]) -> Any:
    """A call with what its batch says of all, and when that was sent."""
    if not isinstance(call, dict):
        return call
    merged = dict(call)
    for name in _OF_ALL:
        common, own = batch.get(name), call.get(name)
        if isinstance(common, dict) and (own is None or isinstance(own, dict)):
            merged[name] = {**common, **(own or {})}
    if merged.get("sentAt") is None and batch.get("sentAt") is not None:
        merged["sentAt"] = batch["sentAt"]
    return merged


def _whole(serving: Serving, call: Any) -> Any:
    """A call with an id: one that its sender gave none is another each time that it comes."""
    if not isinstance(call, dict):
        return call
    given = call.get("messageId")
    blank = given is None or (isinstance(given, str) and not given.strip())
    return {**call, "messageId": str(serving.intake.ids())} if blank else call


def _too_long(call: Any) -> bytes | None:
    """The whole of a call that is longer than it may be, else nothing."""
    whole = content_of(call) if isinstance(call, dict) else b""
    return whole if len(whole) > MAX_CALL_BYTES else None


def _object(body: bytes) -> dict[str, Any]:
    """Raises `Problem`: 400 whatever it is, since its clients know no other for what they sent."""
    try:
        found = json_of(body, "body")
        if not isinstance(found, dict):
            raise BadField("body", "a JSON object", came(found))
    except Refused as refusal:
        raise _problem(refusal) from None
    return found


def _problem(refusal: Refused) -> Problem:
    return Problem(
        HTTPStatus.BAD_REQUEST,
        "too-large" if isinstance(refusal, TooLarge) else "malformed",
        str(refusal),
        field=refusal.field,
        expected=refusal.expected,
        came=refusal.came,
    )
