"""Rules by themselves: given events, when a command, then it is allowed or refused with a message.

There is no book here: a rule is told of the events that are within its boundary, in order of moment,
as it would be by one.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from commands.deciding import Happened, Proposed, Rule
from commands.privacy import Erase
from commands.rules import RULES
from ledger import catalogue
from ledger.book import index_tags
from ledger.catalogue import EventType
from ledger.catalogue.privacy import CustomerErasing
from ledger.errors import Refused
from ledger.event import Event, Recorded, moment_of
from ledger.people import NOBODY_MERGED, Persons

Said = tuple[int, str, dict[str, Any]]
"""A day counted from 1 March 2026, a type, and attributes; `customer`, `actor` and `tags` (by kind)
among them."""

GUARDED: Mapping[type[EventType], type[Rule]] = {**RULES, CustomerErasing: Erase}
"""With the rule of erasing, which is no command by itself."""
ALLOWED = ""
ONE = {"deal": "d", "ticket": "t", "task": "k", "account": "a"}
"""What every event and command of a table is about, unless it says otherwise."""


def day(number: int) -> datetime:
    return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=number - 1)


def judged(given: Sequence[Said], when: Said, persons: Persons = NOBODY_MERGED) -> str:
    """The refusal's class and message, or `ALLOWED`. Events are recorded in the order given."""
    payload, customer, actor, tags = _parts(when)
    rule = GUARDED[type(payload)](Proposed(payload, day(when[0]), customer, tags, persons, actor))
    told = [recorded(position, said) for position, said in enumerate(given, 1)]
    for event in sorted((r for r in told if _within(rule, r)), key=moment_of):
        Happened(event, catalogue.load(event.event.type, event.event.data)).mutate(rule)
    try:
        rule.execute()
    except Refused as refusal:
        assert rule.new_decisions == []
        return f"{type(refusal).__name__} {refusal}"
    (decided,) = rule.new_decisions
    assert decided.decision == payload
    return ALLOWED


def _parts(said: Said) -> tuple[EventType, UUID | None, UUID | None, Mapping[str, str]]:
    _, type_, attributes = said
    given = {**attributes}
    customer, actor = given.pop("customer", None), given.pop("actor", None)
    tags = given.pop("tags", ONE)
    return catalogue.parse(type_, given, at_a_door=False), customer, actor, tags


def recorded(position: int, said: Said) -> Recorded:
    payload, customer, actor, tags = _parts(said)
    event = Event(
        id=UUID(int=position),
        type=payload.TOPIC,
        version=payload.VERSION,
        domain=payload.DOMAIN,
        occurred_at=day(said[0]),
        source="test",
        data=payload.clear(),
        customer=customer,
        actor=actor,
        tags=tuple(f"{kind}:{thing}" for kind, thing in tags.items()),
    )
    return Recorded(position, day(31), event, b"")


def _within(rule: Rule, recorded: Recorded) -> bool:
    """Whether the rule asks for this event: any of its selectors, with all of their tags."""
    tags = set(index_tags(recorded.event))
    return any(
        (not selector.types or catalogue.find(recorded.event.type) in selector.types)
        and tags.issuperset(selector.tags)
        for selector in rule.consistency_boundary()
    )
