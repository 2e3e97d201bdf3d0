"""A seeded history of selling and serving, and single events of it, for the tests of those views."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.event import Event

NOW = datetime(2025, 2, 24, 12, tzinfo=UTC)
"""A Monday in the middle of a quarter, in a year without a 29 February."""
PEOPLE = [UUID(int=n << 90, version=4) for n in range(1, 10)]
EDGES = [
    timedelta(), timedelta(microseconds=1), timedelta(minutes=47), timedelta(minutes=48),
    timedelta(minutes=49), timedelta(hours=1), timedelta(days=1), timedelta(days=6), timedelta(days=7),
    timedelta(days=30), timedelta(days=54, hours=12), timedelta(days=90), timedelta(days=91),
    timedelta(days=358), timedelta(days=361), timedelta(days=365), timedelta(days=366),
]  # fmt: skip
"""How long ago things like to happen: at once, and on either side of what the questions tell apart."""

_TYPES = {
    "touchpoint": (
        "order.placed order.refunded subscription.started subscription.renewed subscription.cancelled"
        " page.viewed form.submitted feature.used cart.abandoned email.sent email.opened email.clicked"
        " message.sent message.received chat.started chat.messaged call.logged meeting.held social.engaged"
        " loyalty.redeemed referral.made ad.clicked event.attended preference.set"
    ),
    "service": (
        "ticket.opened ticket.opened ticket.replied ticket.replied ticket.assigned ticket.escalated"
        " ticket.resolved ticket.reopened ticket.closed survey.answered survey.answered"
    ),
    "sales": (
        "deal.opened deal.opened deal.moved deal.moved deal.amount_changed deal.won deal.lost deal.reopened"
        " pipeline.defined lead.captured lead.qualified task.scheduled task.scheduled task.completed goal.set"
        " account.identified member.joined member.left"
    ),
    "privacy": (
        "privacy.requested customer.restricted customer.unrestricted customer.erasing customer.erased"
        " hold.placed hold.released"
    ),
}
_DOMAINS = {kind: domain for domain, kinds in _TYPES.items() for kind in kinds.split()}
_ABOUT_NOBODY = {"pipeline.defined", "goal.set", "account.identified"}
_RARE = {"deal": 60, "ticket": 20, "task": 60, "account": 200}
"""How many events there are for each one more of a kind."""


def text(moment: datetime) -> str:
    """A moment as events carry it in their data."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def happening(
    kind: str,
    at: datetime,
    customer: UUID | None = None,
    tags: Sequence[str] = (),
    actor: UUID | None = None,
    **data: Any,
) -> Event:
    """One event; data that is None is left out."""
    seed = f"{kind} {at} {customer} {tags} {data}"
    identity = UUID(int=random.Random(seed).getrandbits(128), version=4)
    given = {name: value for name, value in data.items() if value is not None}
    return Event(identity, kind, 1, _DOMAINS[kind], at, "crm", given, customer, tuple(tags), actor)


def business(count: int, seed: int) -> list[Event]:
    """Everything at any moment up to NOW: late, at once, contradictory, and with fields left out."""
    chance = random.Random(seed)
    events = []
    for _ in range(count):
        domain = chance.choices(list(_TYPES), [3, 4, 4, 1])[0]
        kind = chance.choice(_TYPES[domain].split())
        back = chance.choice([*EDGES, timedelta(minutes=chance.randrange(600_000))])
        known = domain == "touchpoint" or chance.random() < 0.8
        tags = [
            f"{tag}:{tag[0]}{chance.randrange(2 + count // rare)}"
            for tag, rare in _RARE.items()
            if kind.startswith((tag, "member")) or chance.random() < 0.2
        ]
        tags += [f"market:{chance.choice(['DE', 'IN'])}"] if chance.random() < 0.5 else []
        tags += [f"campaign:{chance.choice(['spring', 'Fair'])}"] if chance.random() < 0.2 else []
        events.append(
            happening(
                kind,
                NOW - back,
                chance.choice(PEOPLE) if known and kind not in _ABOUT_NOBODY else None,
                tags,
                chance.choice([None, *PEOPLE]),
                **_DATA.get(kind, _nothing)(chance),
            )
        )
    return events


Data = Callable[[random.Random], dict[str, Any]]


def _nothing(_: random.Random) -> dict[str, Any]:
    return {}


def _any(**values: Sequence[Any]) -> Data:
    """One of the values for each field; None leaves it out."""
    return lambda chance: {name: chance.choice(given) for name, given in values.items()}


_MONEY = _any(currency=["EUR", "INR"], amount_minor=[0, 99, 12_345, 2**53 - 1])
_DAYS = [str((NOW - timedelta(days=n)).date()) for n in (-30, -1, 0, 1, 2, 40, 90, 400)]
_STAGE = _any(stage=["new", "offer", "talks", "dropped"])
_CLOSE = _any(expected_close=[None, *_DAYS])
_PERSONS = [None, *map(str, PEOPLE)]
_MINUTES = [None, 0, 59, 60, 61, 2_000, 2**53 - 1]
_DUES = [text(NOW + timedelta(minutes=n)) for n in (-90_000, -1, 0, 1, 9_000)]


def _opened(chance: random.Random) -> dict[str, Any]:
    terms = chance.choice([_MONEY, _MONEY, _nothing, _any(currency=["JPY"])])(chance)
    return terms | {"pipeline": chance.choice(["fast", "slow"])} | _STAGE(chance) | _CLOSE(chance)


def _defined(chance: random.Random) -> dict[str, Any]:
    names = chance.sample(["new", "offer", "talks", "won"], chance.randrange(1, 5))
    return {
        "pipeline": chance.choice(["fast", "slow"]),
        "stages": [{"stage": name, "win_percent": chance.randrange(101)} for name in names],
        "currency": chance.choice([None, "EUR"]),
    }


def _survey(chance: random.Random) -> dict[str, Any]:
    survey = chance.choice(["nps", "csat", "ces"])
    return {"survey": survey, "score": chance.choice([0, 6, 7] if survey == "nps" else [2, 3, 5])}


def _goal(chance: random.Random) -> dict[str, Any]:
    metric = chance.choice(
        ["orders", "revenue", "leads", "deals_won", "new_customers", "tickets_resolved"]
    )
    start = (NOW - timedelta(days=chance.choice([-9, -1, 0, 1, 40, 400]))).date()
    return {
        "goal": f"g{chance.randrange(30)}",
        "metric": metric,
        "target": chance.choice([0, 1, 2, 5, 20_000, 2**53 - 1]),
        "currency": chance.choice(["EUR", "INR"]) if metric == "revenue" else None,
        "period_start": str(start),
        "period_end": str(start + timedelta(days=chance.choice([0, 6, 89, 800]))),
    }


_DATA: dict[str, Data] = {
    "order.placed": _MONEY,
    "order.refunded": _MONEY,
    "chat.messaged": _any(author=["agent", "customer", "bot"]),
    "call.logged": _any(direction=["inbound", "outbound"]),
    "survey.answered": _survey,
    "deal.opened": _opened,
    "deal.moved": _STAGE,
    "deal.reopened": _STAGE,
    "deal.amount_changed": lambda chance: _MONEY(chance) | _CLOSE(chance),
    "deal.won": _any(reason=[None, "price"]),
    "deal.lost": _any(reason=[None, "price", "need"], competitor=[None, "acme", "umbra"]),
    "pipeline.defined": _defined,
    "task.scheduled": _any(task_kind=["call", "visit"], due_at=_DUES, assignee=_PERSONS),
    "task.completed": _any(outcome=[None, "done", "void"]),
    "ticket.opened": _any(
        priority=[None, "low"], channel=[None, "email", "web"], topic=[None, "bill", "use"],
        respond_within_minutes=_MINUTES, resolve_within_minutes=_MINUTES,
    ),
    "ticket.replied": _any(author=["agent", "customer", "bot"]),
    "ticket.assigned": _any(team=[None, "first"], assignee=_PERSONS),
    "ticket.escalated": _any(priority=[None, "high"], team=[None, "second"]),
    "goal.set": _goal,
    "account.identified": _any(
        account_name=[None, "Acme", "Ümit"], industry=[None, "steel", "tea"],
        employees=[None, 9, 10], sole_trader=[None, False, True],
    ),
    "member.joined": _any(role=[None, "buyer", "boss"]),
    "privacy.requested": _any(right=["erasure", "access"], due_on=_DAYS),
    "customer.erasing": _any(legal_basis=["art17", "consent"], classes=[None, ["content"]]),
    "customer.erased": _any(
        legal_basis=["art17", "consent"], backups_dead_from=_DAYS, classes=[None, ["content", "legal"]]
    ),
}  # fmt: skip
