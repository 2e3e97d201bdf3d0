"""What the tests of retention have in common: rules, an office, and what has happened some days ago."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from commands.deciding import Desk
from commands.identity import Merge
from commands.privacy.erasing import Office
from commands.privacy.retention import Due, Rule, Rules, due
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.clock import random_ids
from ledger.opening import Ledger
from tests.commands.samples import CLERK, DAY, NOW, clock, customer_of, touchpoint


def a_rule(name: str = "r", **said: Any) -> Rule:
    given = {"name": name, "class": "content", "period": "P1Y", "domains": ["touchpoint"], **said}
    return Rule.model_validate(given)


def office(ledger: Ledger) -> Office:
    return Office(Desk(ledger, clock, random_ids, DAY))


def found(ledger: Ledger, *rules: Rule, at: datetime = NOW) -> list[Due]:
    return due(office(ledger), Rules(rule=rules), at, CLERK)


def listed(dues: list[Due]) -> list[tuple[UUID, str, str]]:
    return [(one.customer, one.rule.name, "" if one.against is None else str(one.against)) for one in dues]  # fmt: skip


def ago(days: int, who: str = "u1", message_id: str | None = None, **said: Any) -> Touchpoint:
    """A message, whose words are content and whose sender is identity."""
    about = said.pop("type", "message.received")
    data = said.pop("data", {"channel": "email", "message": f"words of {who}"})
    named = {"user": who}
    at = NOW - timedelta(days=days)
    return touchpoint(message_id or f"{who} {days}", about, who=named, at=at, data=data, **said)


def person(ledger: Ledger, who: str) -> UUID:
    customer = customer_of(ledger, "user", who)
    assert customer is not None
    return customer


def say(ledger: Ledger, who: str, kind: str, days: int = 2, **said: Any) -> None:
    """A command about somebody, some days ago."""
    payload = catalogue.parse(kind, said, at_a_door=False)
    at = NOW - timedelta(days=days)
    asked = Touchpoint(
        payload, at, "bahi", f"{kind} {who}", customer=person(ledger, who), actor=CLERK
    )
    office(ledger).desk.carry_out(asked, RULES[type(payload)])


def merge(ledger: Ledger, one: UUID, other: UUID) -> None:
    merged = catalogue.parse("customers.merged", {"other": str(other)}, at_a_door=False)
    asked = Touchpoint(merged, NOW, "bahi", "m", customer=one, actor=CLERK)
    office(ledger).desk.carry_out(asked, Merge)
