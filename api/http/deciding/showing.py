"""One thing and what happened to it; and the id of a thing, by its number."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response
from pydantic import ConfigDict, Field

from api.http.answers import POSITION, Json
from api.http.deciding.bodies import MAX_BODY, WRITE_ONLY, Body, Text
from api.http.guard import router as guarded
from api.http.problems import documented
from api.http.reading.customers import look_upto
from api.http.reading.looks import Looking
from api.http.reading.shown import ID, answer, listed, objects
from api.http.reading.waiting import MinPosition
from api.http.serving import Shared
from api.naming import demand_thing, thing_id
from api.pages import event_json, views_json
from api.things import folds_of, rows_of

router = guarded()

_A_THING = "3f1c2b9e-6f0d-4c1f-9a52-7d8e9f0a1b2c"
_EVENT: dict[str, Any] = {
    "position": 12,
    "occurred_at": "2026-03-01T12:00:00Z",
    "type": "deal.opened",
    "customer": None,
    "data": {"pipeline": "inbound", "stage": "lead"},
    "tags": [f"deal:{_A_THING}"],
}


class Numbered(Body):
    """A thing, by the number that somebody gave it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reference": "D-1042"}]})

    reference: Text = Field(
        description="It is in the body, since numbers may point at people, and logs keep addresses.",
        json_schema_extra=WRITE_ONLY,
    )


def _add(router: APIRouter, kind: str) -> None:
    async def as_far(serving: Shared, min_position: MinPosition = None) -> None:
        if min_position is not None:
            await serving.arrivals.reach(min_position, folds_of(serving.bahi, kind))

    @router.get(
        f"/v1/{kind}s/{{{kind}}}",
        operation_id=f"show_{kind}",
        summary=f"One {kind}, and what happened to it",
        tags=[f"{kind}s"],
        dependencies=[Depends(as_far)],
        responses={
            **documented("not-found", "not-there-yet", "fold-failed"),
            200: answer(
                "Its row of every view that has one, and its events in order of moment.",
                objects(
                    {
                        kind: ID,
                        "views": {
                            "type": "object",
                            "additionalProperties": listed({"type": "object"}),
                        },
                        "events": listed({"type": "object"}),
                    }
                ),
                {kind: _A_THING, "views": {}, "events": [_EVENT]},
            ),
        },
    )
    def show(serving: Shared, look: Looking, thing: Annotated[UUID, Path(alias=kind)]) -> Response:
        bahi = serving.bahi
        demand_thing(bahi, kind, thing)
        at, history = look.clocks(bahi), bahi.history_for(look.purpose)
        reached, upto = bahi.views.standing(), look_upto(serving, at)
        if not at.past:
            upto = min((reached[name].position for name in folds_of(bahi, kind)), default=0)
        document = {
            kind: thing,
            "views": views_json(rows_of(bahi, history, kind, str(thing), at)),
            "events": [event_json(one) for one in history.about(f"{kind}:{thing}", at)],
        }
        return Json(document, headers={POSITION: str(upto)})

    @router.post(
        f"/v1/{kind}s/search",
        operation_id=f"find_{kind}",
        summary=f"The id of a {kind}, by its number",
        tags=[f"{kind}s"],
        max_body_size=MAX_BODY,
        responses={
            **documented("not-found"),
            200: answer(
                "There is one, or the answer is 404.", objects({kind: ID}), {kind: _A_THING}
            ),
        },
    )
    def find(serving: Shared, body: Numbered) -> Response:
        return Json({kind: thing_id(serving.bahi, kind, body.reference)})


for _kind in ("deal", "ticket", "task", "account"):
    _add(router, _kind)
