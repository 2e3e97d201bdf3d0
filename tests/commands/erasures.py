"""What the tests of erasing have in common: people with a life, an office, and a look at what is left."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from commands.deciding import Desk
from commands.identity import merge
from commands.privacy import proceed, request_id
from commands.privacy.certificate import Certificate
from commands.privacy.erasing import Forgetting, Office, Step, erase
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.clock import Clock
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.samples import DAY, NOW, clock, customer_of, take, touchpoint

MIA, LEO = UUID(int=8), UUID(int=9)
"""Mia verifies, Leo erases."""
BASIS = "gdpr-17-1-b"
WORDS = "my knee hurts since Tuesday"


class Kept:
    """Something that was made of people's data."""

    def __init__(self) -> None:
        self.forgotten: list[UUID] = []

    def forget(self, customers: Collection[UUID]) -> None:
        self.forgotten += sorted(customers)


def office(
    ledger: Ledger,
    *forgetting: Forgetting,
    told: Callable[[Step], None] = lambda _: None,
    clock: Clock = clock,
) -> Office:
    return Office(Desk(ledger, clock, uuid4, DAY), forgetting, told)


def lives(ledger: Ledger, *names: str, at: datetime = NOW - DAY) -> list[UUID]:
    """Each has ordered, written (which is content) and been seen (which is behaviour)."""
    for name in names:
        who = {"user": name, "email": f"{name}@example.com"}
        taken = take(
            ledger,
            touchpoint(f"{name} ordered", who=who, at=at),
            touchpoint(f"{name} wrote", "message.received", who=who, at=at,
                       data={"channel": "email", "message": f"{name}: {WORDS}"}),
            touchpoint(f"{name} looked", "page.viewed", who=who, at=at,
                       data={"url": f"https://example.com/{name}"}),
        )  # fmt: skip
        assert [one.refusal for one in taken] == [None] * 3
    found = [customer_of(ledger, "user", name) for name in names]
    return [customer for customer in found if customer is not None]


def ask(ledger: Ledger, topic: str, name: str, who: UUID, **data: object) -> UUID:
    """A step of the request of that name, by Mia; the id of the request."""
    request = request_id(ledger, "desk", name)
    if topic == "privacy.requested":
        data = {"right": "erasure", "law": "gdpr", "due_on": "2000-01-01", **data}
    asked = Touchpoint(
        catalogue.parse(topic, {"request": request, **data}, at_a_door=False),
        NOW - DAY,
        "desk",
        name if topic == "privacy.requested" else f"{topic} {name}",
        customer=who,
        actor=MIA,
    )
    proceed(Desk(ledger, clock, uuid4, DAY), asked, RULES[type(asked.payload)])
    return request


def requested(ledger: Ledger, name: str, who: UUID, **data: object) -> UUID:
    """A request of theirs, verified."""
    request = ask(ledger, "privacy.requested", name, who, **data)
    ask(ledger, "privacy.verified", name, who)
    return request


def merged(ledger: Ledger, one: UUID, other: UUID) -> None:
    """Somebody judges that the two are one person."""
    payload = catalogue.parse("customers.merged", {"other": other}, at_a_door=False)
    asked = Touchpoint(payload, NOW - DAY, "desk", f"{one} is {other}", customer=one, actor=MIA)
    merge(Desk(ledger, clock, uuid4, DAY), asked, despite_identifiers=True)


def hold(ledger: Ledger, who: UUID, name: str = "claim-1") -> int:
    placed = Touchpoint(
        catalogue.parse("hold.placed", {"hold": name, "ground": "litigation"}, at_a_door=False),
        NOW - DAY, "desk", f"hold {name} {who}", customer=who, actor=MIA,
    )  # fmt: skip
    position = (
        Desk(ledger, clock, uuid4, DAY).carry_out(placed, RULES[type(placed.payload)]).position
    )
    assert position is not None
    return position


def erased(
    ledger: Ledger,
    *customers: UUID,
    request: UUID | None = None,
    classes: Collection[Retention] | None = None,
    forgetting: Sequence[Forgetting] = (),
    at: Office | None = None,
) -> list[Certificate]:
    """Erased by Leo."""
    return erase(
        at or office(ledger, *forgetting),
        customers,
        legal_basis=BASIS,
        actor=LEO,
        request=request,
        classes=classes,
    )


def user(name: str) -> Identifier:
    return Identifier("user", name)
