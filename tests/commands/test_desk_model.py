"""Any commands in any order, some late, some said again, some that no rule guarded: a model agrees.

The model is of another make (dicts and ifs), and so is the reading of the book afterwards.
"""

from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from commands.deciding import Desk
from commands.rules import RULES
from commands.touchpoint import Fate, Touchpoint
from ledger.errors import NotFound, Refused
from ledger.event import Recorded
from ledger.opening import Ledger
from tests.commands.model_desk import Answer, Asked, DeskModel
from tests.commands.samples import DAY, NOW, clock, customer_of, opened, take, touchpoint

STAGES = [("lead", "offer", "contract"), ("lead", "contract"), ("offer",)]
PIPELINES, DEALS, TICKETS = ["p", "q"], ["D-1", "D-1", "D-1", "D-2"], ["T-1", "T-1", "T-2"]

stages = st.sampled_from(["lead", "offer", "offer", "contract", "nowhere"])
currencies = st.sampled_from(["EUR", "INR"])
SAID: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "deal.opened": {
        "pipeline": st.sampled_from(["p", "p", "p", "q"]),
        "stage": stages,
        "currency": st.none() | currencies,
    },
    "deal.moved": {"stage": stages},
    "deal.amount_changed": {"currency": currencies, "amount_minor": st.integers(0, 2)},
    "deal.won": {},
    "deal.lost": {},
    "deal.reopened": {"stage": stages},
    "ticket.opened": {},
    "ticket.replied": {"author": st.sampled_from(["agent", "customer"])},
    "ticket.assigned": {"team": st.just("billing")},
    "ticket.escalated": {},
    "ticket.resolved": {},
    "ticket.reopened": {},
    "ticket.closed": {},
}
TICKET_VERBS = [*(verb for verb in SAID if verb.startswith("ticket.")), "again"]
DEAL_VERBS = [*(verb for verb in SAID if verb.startswith("deal.")), "again", "pipeline.defined"]


@st.composite
def commands(draw: st.DrawFn) -> list[Asked]:
    """A book that begins with a pipeline, a deal and a ticket, and what is asked for as time goes on.

    What the model would refuse is mostly passed over for something else, or hardly anything else
    would ever happen.
    """
    first = (("pipeline", "p"), ("stage", "lead"), ("currency", "EUR"))
    asked = [
        Asked("a", "pipeline.defined", "p", 0, said=(("stages", STAGES[0]),)),
        Asked("b", "deal.opened", "D-1", 1, "zoe", first),
        Asked("c", "ticket.opened", "T-1", 1, "mia"),
    ]
    model, at = DeskModel(), 1
    for one in asked:
        model.carry_out(one)
    verbs = draw(st.sampled_from([DEAL_VERBS, DEAL_VERBS, TICKET_VERBS]))
    for number in range(1, draw(st.integers(12, 30))):
        at += draw(st.integers(0, 2))
        for _ in range(3):
            one = draw(command(verbs, number, at, asked))
            if model.against(one) is None or draw(st.integers(0, 2)) == 0:
                break
        model.carry_out(one)
        asked.append(one)
    return asked


@st.composite
def command(draw: st.DrawFn, verbs: list[str], number: int, at: int, before: list[Asked]) -> Asked:
    """One more, about now or late; or one of those before, word for word."""
    verb = draw(st.sampled_from(verbs))
    if verb == "again":
        return draw(st.sampled_from([one for one in before if not one.door]))
    moment = max(0, at - draw(st.sampled_from([0, 0, 0, 1, 4])))
    message_id = draw(st.sampled_from([str(number)] * 9 + ["1"]))
    if verb == "pipeline.defined":
        said: tuple[tuple[str, Any], ...] = (("stages", draw(st.sampled_from(STAGES))),)
        since = max(0, at + draw(st.sampled_from([0, -1, 3])))  # one may be laid down ahead
        return Asked(message_id, verb, draw(st.sampled_from(PIPELINES)), since, said=said)
    values = {name: draw(value) for name, value in SAID[verb].items()}
    said = tuple((name, value) for name, value in values.items() if value is not None)
    thing = draw(st.sampled_from(DEALS if verb.startswith("deal.") else TICKETS))
    who = draw(st.sampled_from([*[None] * 5, "zoe", "mia", "ann"]))
    if draw(st.integers(0, 3)) == 0:
        late = max(0, at - draw(st.integers(0, 6)))
        return Asked(f"door {number}", verb, thing, late, who, said, door=True)
    return Asked(message_id, verb, thing, moment, who, said)


def test_the_desk_does_what_the_model_says(tmp_path: Path) -> None:
    worlds = count()

    with opened(tmp_path) as ledger:

        @settings(max_examples=50)
        @given(commands())
        def holds(history: list[Asked]) -> None:
            model, world, before = DeskModel(), next(worlds), ledger.book.head()
            for asked in history:
                expected = model.carry_out(asked)
                assert answer(ledger, asked, world, before) == expected, asked
            compare(ledger, list(ledger.book.read(before)), model, world)

        holds()


def touchpoint_of(asked: Asked, world: int) -> Touchpoint:
    """The command in a world of its own: other worlds have other people, things and pipelines."""
    data = dict(asked.said)
    references = {asked.verb.split(".")[0]: f"{asked.thing}/{world}"}
    if "pipeline" in data:
        data["pipeline"] = f"{data['pipeline']}/{world}"
    if asked.verb == "pipeline.defined":
        laid = [{"stage": stage, "win_percent": 5} for stage in data["stages"]]
        data, references = {"pipeline": f"{asked.thing}/{world}", "stages": laid}, {}
    return touchpoint(
        asked.message_id,
        asked.verb,
        who={"user": f"{asked.who}/{world}"} if asked.who else {},
        references=references,
        at=NOW - (50 - asked.at) * DAY,
        source=f"world-{world}",
        data=data,
    )


def answer(ledger: Ledger, asked: Asked, world: int, before: int) -> Answer:
    item = touchpoint_of(asked, world)
    try:
        if asked.door:
            (outcome,) = take(ledger, item)
            assert outcome.fate is not Fate.REFUSED
        else:
            rule = RULES[type(item.payload)]
            outcome = Desk(ledger, clock, uuid4, DAY).carry_out(item, rule)
    except Refused as refusal:
        return ("refused", refusal.field)
    except NotFound as nothing:
        return ("refused", nothing.kind)
    assert outcome.position is not None
    return (outcome.fate.value, outcome.position - before)


def compare(ledger: Ledger, found: list[Recorded], model: DeskModel, world: int) -> None:
    """The same events, and folded in order of moment they say of each thing what the model says."""
    names = {None, "zoe", "mia", "ann"}
    persons = {who: who and customer_of(ledger, "user", f"{who}/{world}") for who in names}
    assert [(e.event.type, dict(e.event.data), e.event.customer) for e in found] == [
        (asked.verb, touchpoint_of(asked, world).payload.clear(), persons[asked.who])
        for asked in model.events
    ]
    latest: dict[str, dict[str, Any]] = {}
    for event in sorted(found, key=lambda e: (e.event.occurred_at, e.position)):
        for tag in event.event.tags:
            row = latest.setdefault(tag, {"last": None, "customer": None})
            row |= event.event.data
            row["last"] = event.event.type
            row["customer"] = event.event.customer or row["customer"]
            if event.event.type in STATES:
                row["state"] = STATES[event.event.type]
    for kind, numbers in (("deal", {*DEALS}), ("ticket", {*TICKETS})):
        for number in numbers:
            thing = customer_of(ledger, kind, f"{number}/{world}")
            stands = model.standing(kind, number)
            row = latest.get(f"{kind}:{thing}", {})
            assert (thing is not None) == (stands.last is not None) == bool(row)
            assert row.get("state", "nothing") == stands.state
            assert row.get("stage", "") == stands.stage
            assert row.get("currency") == stands.currency
            assert row.get("customer") == persons[stands.contact]


STATES = {
    "deal.opened": "open",
    "deal.won": "won",
    "deal.lost": "lost",
    "deal.reopened": "open",
    "ticket.opened": "open",
    "ticket.resolved": "resolved",
    "ticket.reopened": "open",
    "ticket.closed": "closed",
}
