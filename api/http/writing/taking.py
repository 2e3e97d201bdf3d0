"""Items taken in: recorded together with whatever else comes, and each answered for when it is durable."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.http.callers import Caller
from api.http.problems import document_of, kind_of
from api.http.serving import Serving
from commands.dead_letters import keep_refused
from commands.together import record_together
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.errors import IdReused, Refused
from streams.posted import DOOR, Posted, Read, Sender, read, refused_item, settled

READ_AT_ONCE = 64 * 1024
"""Bytes of a body that are read at once; a longer one not while others wait to be heard."""
_ONE_BY_ONE = 8
"""So many items are read at once; nor more of them."""


def sender_of(caller: Caller) -> Sender:
    """As what a key's items are recorded."""
    return Sender(caller.source, caller.actor, trusted=not caller.public)


async def take(
    serving: Serving, sender: Sender, items: Sequence[Posted], size_bytes: int
) -> list[Outcome]:
    """Record the items of a body; an outcome each, in their order. What is refused is kept as a dead letter.

    Everything is durable when this returns. An error of a store is raised for all of them: the same again
    finds out what became of them. Who is not trusted is not told positions, since those say how much happens.
    """
    readings = await _readings(items, sender, size_bytes)
    found = [one.item for one in readings if isinstance(one.item, Touchpoint)]
    if len(found) == 1:
        recorded = [await serving.recorder.record(found[0])]
    else:
        recorded = await serving.recorder.record_all(found)
    outcomes = _settled(readings, recorded)
    refused = [
        (item, outcome.refusal)
        for item, outcome in zip(items, outcomes, strict=True)
        if outcome.refusal is not None
    ]
    if refused:
        await run_in_threadpool(_keep, serving, sender, refused)
    _count(serving, outcomes)
    return outcomes if sender.trusted else [_unplaced(one) for one in outcomes]


async def take_together(
    serving: Serving, sender: Sender, items: Sequence[Posted], size_bytes: int
) -> list[Outcome | None]:
    """Record all of the items or none, see `record_together`. Of what is refused so, nothing is kept: its
    sender has it, and is told that nothing of it was taken.
    """
    readings = await _readings(items, sender, size_bytes)
    told: dict[int, Outcome | None] = {
        index: Outcome(Fate.REFUSED, refusal=one.item)
        for index, one in enumerate(readings)
        if isinstance(one.item, Refused)
    }
    if told:
        outcomes = [told.get(index) for index in range(len(items))]
    else:
        outcomes = await run_in_threadpool(_together, serving, readings)
    _count(serving, [one for one in outcomes if one is not None])
    return outcomes if sender.trusted else [one and _unplaced(one) for one in outcomes]


def _together(serving: Serving, readings: Sequence[Read]) -> list[Outcome | None]:
    """Record all or none, where what was recorded before at another time of ours is recorded already."""
    intake, told = serving.intake, dict[int, Outcome]()
    while True:
        left = [index for index in range(len(readings)) if index not in told]
        found = [readings[index].item for index in left]
        outcomes = record_together(
            serving.bahi.ledger,
            [item for item in found if isinstance(item, Touchpoint)],
            clock=intake.clock,
            future_tolerance=intake.future_tolerance,
            region=intake.region,
            limits=intake.limits,
        )
        now: dict[int, Outcome | None] = {
            index: outcome and settled(readings[index], outcome)
            for index, outcome in zip(left, outcomes, strict=True)
        }
        again = {
            index: one
            for (index, one), before in zip(now.items(), outcomes, strict=True)
            if one is not None and one != before
        }
        if not again:
            return [told.get(index) or now.get(index) for index in range(len(readings))]
        told |= again


def _keep(serving: Serving, sender: Sender, refused: Sequence[tuple[Posted, Refused]]) -> None:
    intake = serving.intake
    kept = [refused_item(item, refusal, sender, intake) for item, refusal in refused]
    ledger, door = serving.bahi.ledger, f"{DOOR}{sender.source}"
    keep_refused(ledger, door, kept, clock=intake.clock, ids=intake.ids)


async def _readings(items: Sequence[Posted], sender: Sender, size_bytes: int) -> list[Read]:
    if len(items) <= _ONE_BY_ONE and size_bytes <= READ_AT_ONCE:
        return [read(item, sender) for item in items]
    return await run_in_threadpool(lambda: [read(item, sender) for item in items])


def _settled(readings: Sequence[Read], recorded: Sequence[Outcome]) -> list[Outcome]:
    """The outcome of each: the refusal that it is, or what became of its touchpoint."""
    outcomes = iter(recorded)
    return [
        Outcome(Fate.REFUSED, refusal=one.item)
        if isinstance(one.item, Refused)
        else settled(one, next(outcomes))
        for one in readings
    ]


def _unplaced(outcome: Outcome) -> Outcome:
    """What became of an item, and not where in the book it is."""
    refusal = outcome.refusal
    if isinstance(refusal, IdReused):
        refusal = IdReused(refusal.event_id, 0, refusal.fields)
    return Outcome(outcome.fate, refusal=refusal)


def _count(serving: Serving, outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        why = None if outcome.refusal is None else kind_of(outcome.refusal)
        serving.metrics.took_in(outcome, why)


def told(outcome: Outcome | None) -> dict[str, Any]:
    """What became of an item, for its sender; None for one that was not taken since others were refused."""
    if outcome is None:
        return {"status": "not_recorded"}
    if outcome.refusal is not None:
        return {"status": Fate.REFUSED.value, "problem": document_of(outcome.refusal)}
    place = {} if outcome.position is None else {"position": outcome.position}
    return {"status": outcome.fate.value, **place}


def position_of(outcomes: Sequence[Outcome | None]) -> int | None:
    """The last position of what is in the book: who reads from there on sees all of it."""
    return max((one.position or 0 for one in outcomes if one is not None), default=0) or None


def status_of(outcomes: Sequence[Outcome]) -> HTTPStatus:
    """200 if everything is in the book, else 207."""
    refused = any(outcome.fate is Fate.REFUSED for outcome in outcomes)
    return HTTPStatus.MULTI_STATUS if refused else HTTPStatus.OK
