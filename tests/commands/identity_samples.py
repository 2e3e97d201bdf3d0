"""Two customers who may be one, and somebody's judgement of it."""

from datetime import datetime
from uuid import UUID

from commands.deciding import Desk
from commands.identity import merge, split
from commands.touchpoint import Outcome, Touchpoint
from ledger import catalogue
from ledger.clock import random_ids
from ledger.event import MERGED, SPLIT
from ledger.opening import Ledger
from tests.commands.samples import CLERK, DAY, NOW, clock, customer_of, take, touchpoint


def kind_of(sign: str) -> str:
    return MERGED if sign == "+" else SPLIT


def desk(ledger: Ledger) -> Desk:
    return Desk(ledger, clock, random_ids, DAY)


def judge(
    ledger: Ledger,
    sign: str,
    one: UUID,
    other: UUID,
    *,
    message_id: str | None = None,
    at: datetime = NOW,
    despite: bool = False,
) -> Outcome:
    payload = catalogue.parse(
        kind_of(sign), {"other": other, "reason_given": "zanna's voice"}, at_a_door=False
    )
    asked = Touchpoint(
        payload, at, "bahi", message_id or str(random_ids()), customer=one, actor=CLERK
    )
    if sign == "+":
        return merge(desk(ledger), asked, despite_identifiers=despite)
    return split(desk(ledger), asked)


def known(ledger: Ledger, *names: str) -> list[UUID]:
    """Customers, each with an event of their own and one name: `kind:value`."""
    for name in names:
        kind, _, value = name.partition(":")
        take(ledger, touchpoint(name, who={kind: value}))
    found = [customer_of(ledger, *name.split(":")) for name in names]
    return [customer for customer in found if customer is not None]
