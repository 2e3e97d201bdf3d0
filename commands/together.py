"""Touchpoints of which all are recorded, or none: for who could not tell what a half of them means."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import timedelta

from commands.record import BATCH, append_judged, judge
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.clock import Clock
from ledger.errors import ConditionFailed, Erased, IdReused, TooLarge
from ledger.naming import LIMITS, Limits
from ledger.opening import Ledger


def record_together(
    ledger: Ledger,
    touchpoints: Sequence[Touchpoint],
    *,
    clock: Clock,
    future_tolerance: timedelta,
    region: str | None = None,
    limits: Limits = LIMITS,
) -> list[Outcome | None]:
    """Record all of them in one append, or none; an outcome an item, in their order.

    Each is judged as `record` judges it, but before any of the others is in the book: so the same message
    twice has to be the same word for word. Where one is refused, nothing is written: each that is refused
    says why, and of what is not in the book and could have been taken, None is said.

    Raises `TooLarge` for more than `BATCH`. A crash leaves all of them in the book, or none.
    """
    if len(touchpoints) > BATCH:
        raise TooLarge(
            "items", f"at most {BATCH:,} of which all are taken, or none", _count(touchpoints)
        )
    once, other_words = _in_one_wording(ledger, touchpoints)
    while True:
        outcomes: dict[int, Outcome] = {}
        now = clock()
        try:
            run = [touchpoints[index] for index in once]
            judged = judge(ledger, run, now, future_tolerance, region, limits, outcomes)
            refused = any(outcome.fate is Fate.REFUSED for outcome in outcomes.values())
            if not (refused or other_words):
                append_judged(ledger, judged, now, outcomes, whole=True)
        except (ConditionFailed, IdReused, Erased):
            continue  # others were quicker, and nothing was written: see `record`
        told = {once[place]: outcome for place, outcome in outcomes.items()} | other_words
        return [told.get(index) for index in range(len(touchpoints))]


def _in_one_wording(
    ledger: Ledger, touchpoints: Sequence[Touchpoint]
) -> tuple[list[int], dict[int, Outcome]]:
    """Places of those whose id comes in the same words only, and the refusals of the others."""
    first: dict[tuple[str, str], Touchpoint] = {}
    once: list[int] = []
    others: dict[int, Outcome] = {}
    for index, touchpoint in enumerate(touchpoints):
        named = (touchpoint.source, touchpoint.message_id)
        before = first.setdefault(named, touchpoint)
        if before.says_the_same(touchpoint):
            once.append(index)
            continue
        event_id = ledger.keyring.event_id(*named)
        differ = [
            f.name
            for f in fields(Touchpoint)
            if getattr(before, f.name) != getattr(touchpoint, f.name)
        ] or ["payload"]  # equal to Python
        refusal = IdReused(
            event_id, 0, tuple("data" if name == "payload" else name for name in differ)
        )
        others[index] = Outcome(Fate.REFUSED, refusal=refusal)
    return once, others


def _count(touchpoints: Sequence[Touchpoint]) -> str:
    return f"{len(touchpoints):,}"
