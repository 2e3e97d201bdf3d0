"""Made events and touchpoints of fixed shape: the same for both sides of a comparison."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.event import Event
from ledger.identifiers import Identifier

_BEGUN = datetime(2025, 1, 1, tzinfo=UTC)
_SEALED_BYTES = 176
"""What the identity of one person comes to, sealed."""
EVENTS_A_CUSTOMER = 20

_CAMPAIGNS = tuple(f"c{n}" for n in range(12))
_SHAPES = (
    ("order.placed", {"currency": "EUR", "amount_minor": 4_599, "quantity": 2}),
    ("email.opened", {"template": "spring"}),
    ("email.clicked", {"template": "spring", "link": "hero"}),
    ("preference.set", {"language": "de", "time_zone": "Europe/Berlin"}),
)


def events(count: int, seed: int = 1, customers: int | None = None) -> Iterator[Event]:
    """Events ready to append: typed, tagged, with sealed bytes of the usual size."""
    people = max(1, count // EVENTS_A_CUSTOMER) if customers is None else customers
    dice = random.Random(seed)
    sealed = dice.randbytes(_SEALED_BYTES)
    for number in range(count):
        topic, data = dice.choice(_SHAPES)
        yield Event(
            id=UUID(bytes=dice.randbytes(16), version=4),
            type=topic,
            version=1,
            domain=catalogue.Domain.TOUCHPOINT,
            occurred_at=_BEGUN + timedelta(seconds=number * 7),
            source="shop",
            data=data,
            customer=UUID(int=dice.randrange(people), version=4),
            tags=(f"campaign:{dice.choice(_CAMPAIGNS)}",),
            personal=sealed,
        )


def touchpoints(count: int, seed: int = 1, customers: int | None = None) -> Iterator[Touchpoint]:
    """The same as a door hands them in: named by an identifier, nothing sealed yet."""
    people = max(1, count // EVENTS_A_CUSTOMER) if customers is None else customers
    dice = random.Random(seed)
    for number in range(count):
        topic, data = dice.choice(_SHAPES)
        yield Touchpoint(
            payload=catalogue.parse(topic, data),
            occurred_at=_BEGUN + timedelta(seconds=number * 7),
            source="shop",
            message_id=f"{seed}-{number}",
            identifiers=(Identifier("user", f"u{dice.randrange(people)}"),),
            tags={"campaign": dice.choice(_CAMPAIGNS)},
        )
