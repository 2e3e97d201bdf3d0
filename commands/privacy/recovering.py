"""Recovering a ledger from older copies of its stores: whoever was erased is erased in them again.

1. From here until the end the ledger is refused to everybody, whatever crashes.
2. `ledger.recovered` is appended: what was remembered, and what was found. An auditor sees the gap.
3. `customer.erasing` is appended, on the ground `recovered`, for everybody of whom the keyring knows that
   they are erased, and the book no longer.
4. Of whom anything is in the vault again, or whose erasing has no end, it is destroyed, by that sequence and
   under the event that had begun it; certified where the book has lost that.
5. Of the keys under which something is sealed, those that are not in the vault were lost with the newer one,
   unless they had been destroyed. The vault remembers which, so that none is ever made under their number.
6. The vault counts on from what the book certifies, and the keyring's high-water mark is lowered to what
   stands. Nothing else lowers it.

Each step may be done twice, and who is killed begins again. What one class of data was erased of is told
by the book alone: where book and vault were both lost, such an erasure is to be ordered anew.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypeVar
from uuid import UUID

from commands.privacy.erasing import AT_ONCE, Office, carry_on
from commands.privacy.ordering import Begun
from ledger import catalogue
from ledger.book import Match
from ledger.catalogue import EventType, Retention
from ledger.catalogue.audit import LedgerRecovered
from ledger.catalogue.privacy import CustomerErasing, PrivacyFulfilled, PrivacyRefused
from ledger.erasings import GROUND, SOURCE, erasings
from ledger.event import Event
from ledger.keyring import HighWater
from ledger.opening import Ledger, Standing
from ledger.sealing import KeyRecord, blobs
from ledger.vault import Erasure

T = TypeVar("T")

_PAGE = 1_000
_NOT_YET = 2**40
"""More writes than a vault ever sees: a mark so high refuses every vault."""


def to_erase(ledger: Ledger, standing: Standing) -> list[Begun]:
    """The erasings in the book that are to be carried out again, those of single classes first: the vault
    has something again that they had destroyed, or they have no end. Of those that are ours.
    """
    told = erasings(ledger.book, ledger.keyring)
    begun = [Begun(r.position, r.event) for r in told.begun]
    again = []
    for one in begun:
        if one.classes and one.event.id in told.ended:
            commitments = told.ended[one.event.id].data["commitments"]
            if commitments and ledger.vault.holding_any({one.customer: commitments}):
                again.append(one)
        elif one.classes:
            again.append(one)
    whole = {one.customer: one for one in begun if one.classes is None}
    again += [
        one
        for customer, one in whole.items()
        if customer in standing.returned or one.event.id not in told.ended
    ]
    return again


@dataclass(frozen=True, slots=True)
class Recovered:
    """How many erasings were carried out again, and how many keys of people were lost for good."""

    erased_again: int
    keys_lost: int


def recover(office: Office, standing: Standing, actor: Callable[[], UUID]) -> Recovered:
    """Make the ledger fit to be opened again.

    The views are at no later position than the book by now. Raises as erasing does.
    """
    ledger = office.desk.ledger
    ledger.keyring.raise_high_water(0, b"", standing.remembered.vault_generation + _NOT_YET)
    again, whose = to_erase(ledger, standing), actor()
    _append_recovered(office, standing, whose, len(again))
    told = _append_erasings(office, standing, whose)
    for some in _some(chain(again, told)):
        erasures = [Erasure(one.event.id, one.customer, one.classes) for one in some]
        ledger.vault.announce(erasures, office.desk.clock())
        carry_on(office, some)
    lost = _account_for_keys(ledger)
    ledger.vault.count_from(standing.certified)
    size, root = ledger.book.checkpoint()
    ledger.keyring.lower_high_water(HighWater(size, root, ledger.vault.generation()))
    return Recovered(len(again) + len(told), lost)


def _account_for_keys(ledger: Ledger) -> int:
    """Tell keys that were lost from those that had been destroyed: by an erasure, or since a request was
    answered, whose keys the older vault may have again. How many were lost and were not known to be.
    Reads the whole book.
    """
    lost = 0
    ended = erasings(ledger.book, ledger.keyring).ended.values()
    commitments = {bytes.fromhex(made) for end in ended for made in end.data["commitments"]}
    told = [Match((PrivacyFulfilled.TOPIC, PrivacyRefused.TOPIC))]
    answered = {UUID(r.event.data["request"]) for r in ledger.book.read(matching=told)}
    for request in ledger.vault.holding(answered):
        ledger.vault.destroy_keys(request)
    destroyed: set[tuple[UUID, Retention, int]] = set()
    events = ledger.book.read()
    while page := list(islice(events, _PAGE)):
        sealed_under = set()
        for record in chain.from_iterable(blobs(recorded.event.personal) for recorded in page):
            named = record.subject, record.retention, record.key_version
            sealed_under.add(named)
            # The first event under a key has the record of it: what comes later is known by then.
            made = record.commitment if isinstance(record, KeyRecord) else b""
            if made in commitments or record.subject in answered:
                destroyed.add(named)
        lost += ledger.vault.lose(sealed_under, destroyed)
    return lost


def _append_recovered(office: Office, standing: Standing, actor: UUID, again: int) -> None:
    remembered, found = standing.remembered, standing.found
    payload = LedgerRecovered(
        remembered_size=remembered.size,
        remembered_root=remembered.root.hex() or None,
        remembered_generation=remembered.vault_generation,
        found_size=found.size,
        found_root=found.root.hex(),
        found_generation=found.vault_generation,
        erasings_lost=len(standing.untold),
        erased_again=again,
    )
    named = f"{payload.TOPIC} {remembered.size} {remembered.root.hex()}"
    # Killed and begun again, what was said first stands: by now the stores are others.
    office.desk.ledger.book.append([_event(office, payload, named, actor)])


def _append_erasings(office: Office, standing: Standing, actor: UUID) -> list[Begun]:
    """Those that the book has lost stand in it again."""
    book = office.desk.ledger.book
    payload = catalogue.parse(CustomerErasing.TOPIC, {"legal_basis": GROUND}, at_a_door=False)
    told = []
    for some in _some(sorted(standing.untold)):
        events = [_event(office, payload, f"{GROUND} {one}", actor, one) for one in some]
        receipts = book.append(events)
        told += [Begun(r.position, event) for r, event in zip(receipts, events, strict=True)]
    return told


def _event(
    office: Office, payload: EventType, named: str, actor: UUID, customer: UUID | None = None
) -> Event:
    """One of ours, by an id that is made of what it is called: appended again, it is the same event."""
    desk = office.desk
    return Event(
        id=desk.ledger.keyring.event_id(SOURCE, named),
        type=payload.TOPIC,
        version=payload.VERSION,
        domain=payload.DOMAIN,
        occurred_at=desk.clock(),
        source=SOURCE,
        data=payload.clear(),
        customer=customer,
        actor=actor,
    )


def _some(all_of_them: Iterable[T]) -> Iterator[Sequence[T]]:
    remaining = iter(all_of_them)
    while some := list(islice(remaining, AT_ONCE)):
        yield some
