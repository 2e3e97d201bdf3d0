"""Ordering an erasure: what is asked for, whether the rule allows it, and what begins it in the book."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventsourcing.utils import get_topic

from commands.deciding import Desk, Proposed
from commands.privacy.rules import Erase
from ledger import catalogue
from ledger.book import CUSTOMER_TAG, Condition, Match
from ledger.catalogue import Retention
from ledger.catalogue.privacy import CustomerErasing
from ledger.erasings import SOURCE, erasing_id
from ledger.errors import BadField, ConditionFailed, NotAllowed, NotFound, Refused
from ledger.event import Event
from ledger.opening import Ledger
from ledger.people import Persons
from ledger.vault import Erasure

Members = tuple[UUID, ...]
"""Every customer who is one person, the oldest first."""

Against = Refused | NotFound
"""Why somebody may not be erased."""

_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Order:
    """That people are to be erased, by whom: `payload` says on what basis, and which classes if not all.

    `rule` decides whether each of them may be.
    """

    payload: CustomerErasing
    actor: UUID
    rule: type[Erase] = Erase

    @classmethod
    def of(
        cls,
        actor: UUID,
        legal_basis: str,
        request: UUID | None = None,
        classes: Collection[Retention] | None = None,
    ) -> "Order":
        """The same from its parts. Raises `BadField` for a basis that is no code, or for no class."""
        if classes is not None and not classes:
            raise BadField("classes", "one at least, or nothing for the whole person", "none")
        chosen = None if classes is None else tuple(sorted(set(classes)))
        given = {"legal_basis": legal_basis, "request": request, "classes": chosen}
        payload = catalogue.parse(CustomerErasing.TOPIC, given, at_a_door=False)
        assert isinstance(payload, CustomerErasing)
        return cls(payload, actor)


class Begun(NamedTuple):
    """A `customer.erasing` in the book."""

    position: int
    event: Event

    @property
    def customer(self) -> UUID:
        """Who is being erased."""
        assert self.event.customer is not None
        return self.event.customer

    @property
    def classes(self) -> frozenset[Retention] | None:
        """Of which classes; None: the whole person."""
        named = self.event.data.get("classes")
        return None if not named else frozenset(map(Retention, named))

    @property
    def request(self) -> UUID | None:
        """Whose answer it is."""
        named = self.event.data.get("request")
        return None if named is None else UUID(named)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What became of an order: whose erasures stand in the book now, and why others were refused."""

    persons: Persons
    refused: Mapping[Members, Against]
    begun: Sequence[Begun]


def against(desk: Desk, customers: Sequence[UUID], order: Order) -> dict[UUID, Against]:
    """What speaks now against erasing each of these, where anything does; nothing is begun."""
    persons = desk.ledger.living.now()
    refused = _decided(desk, persons, customers, order, {})[0]
    found = {customer: refused.get(persons.members(customer)) for customer in customers}
    return {customer: why for customer, why in found.items() if why is not None}


def begin(
    desk: Desk,
    customers: Sequence[UUID],
    order: Order,
    confirmed: Mapping[UUID, Members] | None = None,
) -> Beginning:
    """Announce in the vault, and append what begins the erasure of each who may be erased, all in one.

    On condition that nothing which the rule has seen of any of them has changed; else all are decided
    on again. With `confirmed`, who is one person by now and was not then is refused.
    """
    ledger = desk.ledger
    announced: dict[UUID, UUID] = {}
    mark, classes = desk.ids(), order.payload.classes
    for _ in range(_ATTEMPTS):
        persons = ledger.living.now()
        refused, allowed = _decided(desk, persons, customers, order, confirmed or {})
        now = ledger.living.now()
        if any(now.members(members[0]) != members for members in allowed):
            continue  # who is one person has changed while the rule was reading
        for members in allowed:
            for member in members:
                if member not in announced:
                    announced[member] = erasing_id(ledger.keyring, member, classes, mark)
        events = [
            _event(order, announced[member], mark, member, rule.proposed.occurred_at)
            for members, rule in allowed.items()
            for member in members
        ]
        if events:
            _announce(ledger, events, desk.clock())
        try:
            begun = _appended(ledger, events, list(allowed.values()))
        except ConditionFailed:
            if classes:  # of which keys go is said anew
                ledger.vault.ended(announced.values())
            continue
        standing = {one.event.id for one in begun}
        ledger.vault.ended(event for event in announced.values() if event not in standing)
        return Beginning(persons, refused, begun)
    ledger.vault.ended(announced.values())
    raise NotAllowed("command", "a moment of rest", f"{_ATTEMPTS} others one after the other")


def _announce(ledger: Ledger, events: Sequence[Event], now: datetime) -> None:
    begun = [Begun(0, event) for event in events]
    ledger.vault.announce([Erasure(b.event.id, b.customer, b.classes) for b in begun], now)
    # Before it stands in the book: a vault that knows nothing of it is an older one, and is refused.
    ledger.keyring.raise_high_water(0, b"", ledger.vault.generation())


def _appended(ledger: Ledger, events: Sequence[Event], rules: Sequence[Erase]) -> list[Begun]:
    """Append them on the condition of all these rules. Raises `ConditionFailed`."""
    if not events:
        return []
    unless = [
        Match(tuple(map(get_topic, selector.types)), tuple(selector.tags))
        for rule in rules
        for selector in rule.consistency_boundary()
    ]
    # Of classes, the keys go that there were when it was announced: none is to stand before it that stays.
    unless += [
        Match(tags=(f"{CUSTOMER_TAG}{event.customer}",))
        for event in events
        if event.data.get("classes")
    ]
    after = min(rule.last_known_position or 0 for rule in rules)
    receipts = ledger.book.append(events, Condition(tuple(unless), after))
    return [Begun(r.position, event) for r, event in zip(receipts, events, strict=True)]


def _event(order: Order, event_id: UUID, mark: UUID, customer: UUID, at: datetime) -> Event:
    payload = order.payload
    return Event(
        id=event_id,
        type=payload.TOPIC,
        version=payload.VERSION,
        domain=payload.DOMAIN,
        occurred_at=at,
        source=SOURCE,
        data=payload.clear(),
        customer=customer,
        actor=order.actor,
        correlation=mark,
    )


def _decided(
    desk: Desk,
    persons: Persons,
    customers: Sequence[UUID],
    order: Order,
    confirmed: Mapping[UUID, Members],
) -> tuple[dict[Members, Against], dict[Members, Erase]]:
    """Of each person, what speaks against erasing them, or the rule that has allowed it."""
    refused: dict[Members, Against] = {}
    allowed: dict[Members, Erase] = {}
    for customer in customers:
        members = persons.members(customer)
        if set(were := confirmed.get(customer, members)) != set(members):
            refused[members] = _others(were, members)
    people = dict.fromkeys(persons.members(customer) for customer in customers)
    for members in [members for members in people if members not in refused]:
        try:
            _demand_known(desk.ledger, members, persons.upto)
            allowed[members] = _judged(desk, members, persons, order)
        except (Refused, NotFound) as refusal:
            refused[members] = refusal
    # Asked after the rules have read: whatever began before they did is seen here, and what comes after
    # that meets their boundary.
    gone = desk.ledger.gone.now()
    for members in [members for members in allowed if not gone.isdisjoint(members)]:
        del allowed[members]
        refused[members] = NotAllowed("customer", "one who is not erased", "one who is")
    return refused, allowed


def _others(were: Members, members: Members) -> NotAllowed:
    expected = f"the person that was shown, known as {len(were):,} customers"
    return NotAllowed("customer", expected, f"others, known as {len(members):,}")


def _judged(desk: Desk, members: Members, persons: Persons, order: Order) -> Erase:
    """The rule, which allows it: now, or right after what a source whose clock runs ahead has told."""
    at = desk.clock()
    while True:
        proposed = Proposed(order.payload, at, members[0], {}, persons, order.actor)
        try:
            return desk.judged(order.rule(proposed))
        except BadField as refusal:
            earliest = refusal.earliest
            if earliest is None or not at < earliest <= desk.clock() + desk.future_tolerance:
                raise
            at = earliest


def _demand_known(ledger: Ledger, members: Members, head: int) -> None:
    """They are in the book, or at least in the vault, as after a crash between the two."""
    tagged = [Match(tags=(f"{CUSTOMER_TAG}{member}",)) for member in members]
    if any(ledger.book.read(matching=tagged, upto=head, limit=1)):
        return
    kept = ledger.vault.belongings(members)
    if not (kept.keys or kept.identifiers):
        raise NotFound("customer", str(members[0]))
