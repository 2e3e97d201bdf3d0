"""Erasing people: begun in the book, carried through every store, and certified in the book.

1. The erasure is announced in the vault, by the id of the event that is to begin it.
2. `customer.erasing` is appended for every member of the person, if the rule allows it: from here on
   they are gone for every reader, and nothing about them can be appended.
3. Keys, identifiers and dead letters are destroyed in one transaction of the vault, which makes no key of
   theirs from then on; what its log still holds of them is overwritten.
4. Tombstones in the keyring: a vault in which their keys are again is not served.
5. Views, caches and whatever else was made of them forget them.
6. Each destroyed key is tried, and has to fail.
7. `customer.erased` is appended for every member, and the announcement struck off.

Each step may be done twice. A crash leaves an announcement, and `resume` goes on from there to the same
end; before step 2 is committed nothing has happened. An erasure of ours whose announcement is lost is
announced anew. A `customer.erasing` that somebody had slipped into the book would destroy nobody's keys.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby, islice
from typing import Protocol
from uuid import UUID

from commands.deciding import Desk
from commands.privacy.certificate import Certificate
from commands.privacy.doing import find_request
from commands.privacy.ordering import Against, Begun, Members, Order, begin
from commands.privacy.request import OPEN
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.catalogue.privacy import CustomerErased, CustomerErasing, PrivacyRequested
from ledger.erasings import SOURCE, erased_id, unended
from ledger.errors import BookAltered, StoreRolledBack
from ledger.event import Event, decode_body
from ledger.opening import Ledger
from ledger.vault import Erasure, Receipt

AT_ONCE = 100
"""People an append and a transaction of the vault: others wait for some milliseconds."""

_NEVER_BEGAN = timedelta(days=1)
"""After how long an announcement that nothing came of is struck off."""


class Forgetting(Protocol):
    """Something that was made of people's data, and lets go of it: views, caches, exports, staging."""

    def forget(self, customers: Collection[UUID]) -> None:
        """Destroy what there is of these customers; their erasing is in the book. It may be done twice."""
        ...


class Step(StrEnum):
    """How far an erasure has come."""

    BEGUN = "begun"
    DESTROYED = "destroyed"
    OVERWRITTEN = "overwritten"
    BURIED = "buried"
    FORGOTTEN = "forgotten"
    TRIED = "tried"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Office:
    """Where people are erased: the desk, what else has to forget them, and who is told of each step."""

    desk: Desk
    forgetting: Sequence[Forgetting] = ()
    told: Callable[[Step], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one customer who was to be erased: where the `customer.erased` of the person stand,
    of which `Certificate.at` makes the certificate, or why not.
    """

    customer: UUID
    positions: tuple[int, ...] = ()
    refusal: Against | None = None


def erase(
    office: Office,
    customers: Sequence[UUID],
    *,
    legal_basis: str,
    actor: UUID,
    request: UUID | None = None,
    classes: Collection[Retention] | None = None,
) -> list[Certificate]:
    """Erase these people, each with every customer they are; a certificate each, when all is done.

    With `classes`, only what is sealed under keys of these goes, and the person stays. Raises what
    speaks against the first one who may not be erased, a hold by its name, when the others are; and
    `BadField` for a basis that is no code.
    """
    order = Order.of(actor, legal_basis, request, classes)
    answers = list(erase_each(office, customers, order))
    for answer in answers:
        if answer.refusal is not None:
            raise answer.refusal
    people = dict.fromkeys(answer.positions for answer in answers)
    return [Certificate.at(office.desk.ledger, positions) for positions in people]


def erase_each(
    office: Office,
    customers: Sequence[UUID],
    order: Order,
    confirmed: Mapping[UUID, Members] | None = None,
) -> Iterator[Answer]:
    """The same, `AT_ONCE` people at a time and each refused alone; answers in the order of asking.

    With `confirmed`, every customer who is the same person as each of these when somebody agreed to it,
    nobody else goes with them: who is another person by now is refused.
    """
    waiting = iter(dict.fromkeys(customers))
    while some := list(islice(waiting, AT_ONCE)):
        beginning = begin(office.desk, some, order, confirmed)
        places: Mapping[UUID, int] = {}
        if beginning.begun:
            office.told(Step.BEGUN)
            places = carry_on(office, beginning.begun)
        for customer in some:
            members = beginning.persons.members(customer)
            if members in beginning.refused:
                yield Answer(customer, refusal=beginning.refused[members])
            else:
                yield Answer(customer, tuple(places[member] for member in members))


def resume(office: Office) -> int:
    """Carry on what was begun and has not ended, here or in another process; how many customers."""
    ledger, now = office.desk.ledger, office.desk.clock()
    count = _resume_lost(office)
    announced = ledger.vault.announced()
    if not announced:
        return count
    found = ledger.book.known(one.event for one in announced)
    stale = [one for one in announced if one.event not in found]
    ledger.vault.ended(one.event for one in stale if one.begun_at < now - _NEVER_BEGAN)
    for _, together in groupby(announced, lambda one: one.begun_at):
        begun = []
        for one in together:
            if one.event in found:
                position, body = found[one.event]
                begun.append(Begun(position, decode_body(body)))
                _demand_announced(begun[-1], one.subject)
        if begun:
            count += len(carry_on(office, begun))
    return count


def _resume_lost(office: Office) -> int:
    """Carry on what stands in the book and the vault has not announced, as where its announcement was
    struck off, or vault and keyring are from before. How many customers.
    """
    ledger = office.desk.ledger
    buried = ledger.gone.now() <= ledger.keyring.tombstones
    # Whatever is not after the mark was announced in the vault that the mark remembers.
    after = ledger.keyring.high_water.size if buried else 0
    vault = ledger.vault
    begun = unended(
        ledger.book, ledger.keyring, after, lambda: [a.event for a in vault.announced()]
    )
    lost = [Begun(one.position, one.event) for one in begun]
    for some in (lost[at : at + AT_ONCE] for at in range(0, len(lost), AT_ONCE)):
        carry_on(office, some)
    return len(lost)


def _demand_announced(begun: Begun, subject: UUID) -> None:
    event = begun.event
    if (event.type, event.customer, event.source) != (CustomerErasing.TOPIC, subject, SOURCE):
        raise BookAltered(begun.position, "not the erasure that the vault has announced")


def carry_on(office: Office, begun: Sequence[Begun]) -> dict[UUID, int]:
    """Everything from step 3 on; where each `customer.erased` stands."""
    ledger, clock, told = office.desk.ledger, office.desk.clock, office.told
    receipts = _destroyed(ledger, begun, clock())
    told(Step.DESTROYED)
    ledger.vault.scrub()
    told(Step.OVERWRITTEN)
    gone = [one.customer for one in begun if one.classes is None]
    generation = max((receipt.generation for receipt in receipts.values()), default=0)
    ledger.keyring.add_tombstone(*gone)
    ledger.keyring.raise_high_water(0, b"", generation)
    told(Step.BURIED)
    if gone:
        for each in office.forgetting:
            each.forget(gone)
    told(Step.FORGOTTEN)
    _demand_closed(ledger, receipts)
    told(Step.TRIED)
    events = _certified(office, begun, receipts)
    # Where another process was quicker its words stand, by another clock: one event all the same.
    positions = [receipt.position for receipt in ledger.book.append(events)] if events else []
    told(Step.ERASED)
    ledger.vault.ended(receipts)
    places = {event.customer: at for event, at in zip(events, positions, strict=True)}
    ended = [one for one in begun if one.event.id not in receipts]
    known = _ends(ledger, ended)
    places |= {one.customer: known[one.event.id] for one in ended}
    return {customer: at for customer, at in places.items() if customer is not None}


def _destroyed(ledger: Ledger, begun: Sequence[Begun], now: datetime) -> dict[UUID, Receipt]:
    """What each destroyed that has not ended. Where the announcement of one was struck off meanwhile, as
    by somebody whose clock runs a day ahead, it is announced anew.
    """
    receipts = ledger.vault.destroy(_erasures(ledger, begun), now)
    while lost := [one for one in begun if one.event.id not in receipts]:
        ended = _ends(ledger, lost)
        lost = [one for one in lost if one.event.id not in ended]
        if not lost:
            break
        ledger.vault.announce(_erasures(ledger, lost), now)
        # Others may have announced it too, and have ended it just before: nothing goes twice.
        ended = _ends(ledger, lost)
        ledger.vault.ended(ended)
        lost = [one for one in lost if one.event.id not in ended]
        receipts |= ledger.vault.destroy(_erasures(ledger, lost), now)
    return receipts


def _ends(ledger: Ledger, begun: Sequence[Begun]) -> dict[UUID, int]:
    """Where those of them have ended that have, by the event that had begun them."""
    ids = {erased_id(ledger.keyring, one.event.id): one.event.id for one in begun}
    return {ids[end]: position for end, (position, _) in ledger.book.known(ids).items()}


def _erasures(ledger: Ledger, begun: Sequence[Begun]) -> list[Erasure]:
    """What is to be destroyed: with a whole person the keys of their requests, but for those that wait for
    an answer, this one among them, which keep where it goes until it was sent.
    """
    whole = [one.customer for one in begun if one.classes is None]
    asked = [Match((PrivacyRequested.TOPIC,), (f"{CUSTOMER_TAG}{one}",)) for one in whole]
    requests: dict[UUID | None, list[UUID]] = {}
    for recorded in ledger.book.read(matching=asked) if asked else ():
        request = recorded.event.id
        if find_request(ledger, request).state not in OPEN:
            requests.setdefault(recorded.event.customer, []).append(request)
    return [
        Erasure(
            one.event.id,
            one.customer,
            one.classes,
            tuple(r for r in requests.get(one.customer, ()) if r != one.request),
        )
        for one in begun
    ]


def _demand_closed(ledger: Ledger, receipts: Mapping[UUID, Receipt]) -> None:
    """No destroyed key opens anything. Raises `StoreRolledBack`."""
    keys = [key for receipt in receipts.values() for key in receipt.keys]
    if opened := ledger.vault.opening(keys):
        raise StoreRolledBack(
            f"vault: expected none of {len(keys):,} destroyed keys to open, {len(opened):,} do; an older "
            f"copy was brought back meanwhile: bring back the newest one"
        )


def _certified(
    office: Office, begun: Sequence[Begun], receipts: Mapping[UUID, Receipt]
) -> list[Event]:
    ledger = office.desk.ledger
    asked = ledger.book.known({one.request for one in begun if one.request is not None})
    tokens = {r: decode_body(body).data.get("token_digest") for r, (_, body) in asked.items()}
    size = max(one.position for one in begun)
    events = []
    for one in begun:
        if one.event.id not in receipts:
            continue
        receipt = receipts[one.event.id]
        payload = CustomerErased(
            legal_basis=one.event.data["legal_basis"],
            commitments=tuple(key.commitment for key in receipt.keys if key.commitment),
            book_size=size,
            vault_generation=receipt.generation,
            backups_dead_from=receipt.dead_from,
            token_digest=None if one.request is None else tokens.get(one.request),
            request=one.request,
            classes=None if one.classes is None else tuple(sorted(one.classes)),
            epoch=receipt.epoch,
            keys_tried=len(receipt.keys),
            identifiers_destroyed=receipt.identifiers,
            letters_destroyed=receipt.letters,
        )
        events.append(
            Event(
                id=erased_id(ledger.keyring, one.event.id),
                type=payload.TOPIC,
                version=payload.VERSION,
                domain=payload.DOMAIN,
                occurred_at=max(office.desk.clock(), one.event.occurred_at),
                source=SOURCE,
                data=payload.clear(),
                customer=one.customer,
                actor=one.event.actor,
                causation=one.event.id,
            )
        )
    return events
