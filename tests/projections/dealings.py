"""Dealings with a few people in every part of the business, at random, and views of them, for tests."""

import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import strategies as st

from ledger.event import Event
from projections import Views
from tests.projections.source import MemorySource

PEOPLE = [UUID(int=n << 90, version=4) for n in (1, 2, 3)]
MOMENTS = [
    datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 0, 1, UTC),
    datetime(2024, 1, 31, 23, 59, 59, 999_999, UTC), datetime(2024, 2, 29, 12, tzinfo=UTC),
    datetime(2024, 3, 1, 11, 59, tzinfo=UTC), datetime(2024, 3, 1, 12, tzinfo=UTC),
    datetime(2024, 12, 31, 12, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC),
    datetime(2025, 3, 2, 6, tzinfo=UTC),
]  # fmt: skip


def happened(
    kind: str,
    at: datetime,
    who: UUID | None = PEOPLE[0],
    *tags: str,
    domain: str = "touchpoint",
    number: int = 0,
    **data: Any,
) -> Event:
    return Event(
        id=UUID(int=(number << 80) | int(at.timestamp() * 1e6), version=4),
        type=kind, version=1, domain=domain, occurred_at=at, source="web", data=data, customer=who, tags=tags,
    )  # fmt: skip


# type: (domain, what its data may be; a name in brackets may be missing)
_MONEY: dict[str, Any] = {"currency": ["EUR", "JPY"], "amount_minor": [0, 7, 1000, 2**40]}
_TYPES: dict[str, tuple[str, dict[str, Sequence[Any]]]] = {
    "order.placed": ("touchpoint", {**_MONEY, "quantity": [None, 2], "lines": [
        None, [], [{"product": "tea", "quantity": 2, "amount_minor": 5}],
        [{"product": "tea", "quantity": 1, "amount_minor": 3}, {"product": "tea", "quantity": 0, "amount_minor": 9},
         {"product": "cup", "quantity": 4, "amount_minor": 2**41}],
    ]}),
    "order.refunded": ("touchpoint", _MONEY),
    "order.cancelled": ("touchpoint", {}),
    "subscription.started": ("touchpoint", {**_MONEY, "plan": ["basic"], "trial_until": [
        None, "2023-12-31T00:00:00Z", "2024-03-01T12:00:00Z",
    ]}),
    "subscription.renewed": ("touchpoint", {**_MONEY, "plan": ["basic"]}),
    "subscription.cancelled": ("touchpoint", {"plan": ["basic"]}),
    "customer.identified": ("touchpoint", {}),
    "preference.set": ("touchpoint", {"language": [None, "hi"], "preferred_channel": [None, "sms"]}),
    "email.sent": ("touchpoint", {}),
    "email.opened": ("touchpoint", {}),
    "email.bounced": ("touchpoint", {"bounce": ["hard", "soft"]}),
    "email.unsubscribed": ("touchpoint", {}),
    "message.sent": ("touchpoint", {"channel": ["sms", "email"]}),
    "message.received": ("touchpoint", {"channel": ["messenger"]}),
    "chat.started": ("touchpoint", {}),
    "chat.messaged": ("touchpoint", {"author": ["customer", "agent", "bot"]}),
    "call.logged": ("touchpoint", {"direction": ["inbound", "outbound"]}),
    "meeting.held": ("touchpoint", {}),
    "social.engaged": ("touchpoint", {}),
    "page.viewed": ("touchpoint", {}),
    "feature.used": ("touchpoint", {"quantity": [None, 3]}),
    "cart.abandoned": ("touchpoint", {"lines": [None, [{"product": "tea", "quantity": 1, "amount_minor": 3}]]}),
    "ad.clicked": ("touchpoint", {}),
    "event.attended": ("touchpoint", {"attendance": [None, "online", "in_person"]}),
    "lead.captured": ("sales", {"lead_source": [None, "fair"]}),
    "lead.qualified": ("sales", {}),
    "lead.disqualified": ("sales", {}),
    "score.recorded": ("sales", {"score_model": ["churn"], "score_value": [0, 70]}),
    "deal.opened": ("sales", {}),
    "deal.moved": ("sales", {}),
    "deal.won": ("sales", {}),
    "deal.lost": ("sales", {}),
    "deal.reopened": ("sales", {}),
    "ticket.opened": ("service", {"channel": [None, "email"]}),
    "ticket.replied": ("service", {"author": ["customer", "agent"]}),
    "ticket.resolved": ("service", {}),
    "ticket.reopened": ("service", {}),
    "ticket.closed": ("service", {}),
    "survey.answered": ("service", {"survey": ["nps", "csat", "ces"], "score": [1, 4, 5]}),
    "campaign.launched": ("sales", {"channel": [None, "email"], "purpose": [None, "news"]}),
    "campaign.cost_recorded": ("sales", _MONEY),
    "personal_data.opened": ("audit", {}),
}  # fmt: skip
_NOBODYS = ("campaign.launched", "campaign.cost_recorded")
_THEMES: tuple[tuple[str, ...], ...] = (
    ("",),
    ("deal.", "lead.", "order.placed", "subscription.started", "customer.identified"),
    ("ticket.", "survey.", "chat.", "call."),
    ("campaign.", "email.", "message.", "ad.", "lead.captured", "order."),
)
"""Beginnings of types: a history about one thing goes further with it."""


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Up to 120 events of one theme: late and equal moments, missing values."""
    chance = random.Random(draw(st.integers(0, 2**32)))
    theme = draw(st.sampled_from(_THEMES))
    kinds = [kind for kind in _TYPES if kind.startswith(theme)]
    return [_event(chance, kinds) for _ in range(draw(st.integers(0, 120)))]


def _event(chance: random.Random, kinds: Sequence[str]) -> Event:
    kind = chance.choice(kinds)
    domain, fields = _TYPES[kind]
    data = {name: chance.choice(values) for name, values in fields.items()}
    if data.get("survey") == "nps":
        data["score"] = chance.choice([0, 6, 7, 8, 9, 10])
    group = kind.partition(".")[0]
    tags = [f"{group}:{chance.choice('abcd')}"] if group in {"deal", "ticket"} else []
    campaign = chance.choice(["spring", "fair", *([] if kind in _NOBODYS else [None] * 2)])
    market = chance.choice([None, None, "DE", "IN"])
    tags += [f"campaign:{campaign}"] if campaign else []
    tags += [f"market:{market}"] if market else []
    nobodys = kind in _NOBODYS or (group in {"deal", "ticket"} and chance.random() < 0.2)
    return Event(
        id=UUID(int=chance.getrandbits(128), version=4), type=kind, version=1, domain=domain,
        occurred_at=chance.choice(MOMENTS), source=chance.choice(["web", "crm"]),
        data={name: value for name, value in data.items() if value is not None},
        customer=None if nobodys else chance.choice(PEOPLE), tags=tuple(tags),
    )  # fmt: skip


@cache
def _empty_store() -> bytes:
    """A store that has read every definition: opening a copy of it takes a tenth of the time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "views.db"
        with closing(Views.open(path)) as views:
            views.catch_up(MemorySource.of([]))
        return path.read_bytes()


def opened_at(at: Path | str) -> AbstractContextManager[Views]:
    if isinstance(at, Path):
        at.write_bytes(_empty_store())
    return closing(Views.open(at, clock=lambda: MOMENTS[-1]))


@contextmanager
def views_of(source: MemorySource) -> Iterator[Views]:
    with tempfile.TemporaryDirectory() as folder, opened_at(Path(folder) / "views.db") as opened:
        opened.catch_up(source)
        yield opened


def by_key(table: pa.Table, keys: Sequence[str]) -> dict[tuple[Any, ...], Any]:
    """Rows by key, none twice; where a row has one other column of note, `value`, that alone."""
    found = {tuple(row.pop(key) for key in keys): row for row in table.to_pylist()}
    assert len(found) == table.num_rows
    return {key: row.get("value", row) for key, row in found.items()}
