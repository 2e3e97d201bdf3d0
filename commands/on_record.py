"""Who looked: `personal_data.opened`, appended before anything is shown."""

from uuid import UUID

from ledger import catalogue
from ledger.catalogue import EventType
from ledger.clock import Clock, Ids
from ledger.errors import BadUsage, Refused
from ledger.event import Event
from ledger.opening import Ledger

_SOURCE = "bahi"


def opened(purpose: str, reason: str) -> EventType:
    """What is to be put on record. Raises `BadUsage` without a reason, or for one that is too long
    and a purpose that is no code.
    """
    if not reason.strip():
        raise BadUsage("expected a reason for opening personal data, came none")
    given = {"purpose": purpose, "reason_given": reason}
    try:
        return catalogue.parse("personal_data.opened", given, at_a_door=False)
    except Refused as refusal:
        raise BadUsage(str(refusal)) from None


def put_on_record(
    ledger: Ledger,
    customer: UUID | None,
    actor: UUID,
    opening: EventType,
    *,
    clock: Clock,
    ids: Ids,
) -> None:
    """Append that `actor` opens data of `customer`; durable when this returns.

    The reason is sealed under the customer's key. Where nobody is known to be named, there is no
    key to seal it under, and purpose and actor stand alone.
    """
    event_id = ledger.keyring.event_id(_SOURCE, str(ids()))

    def event(personal: bytes = b"") -> Event:
        return Event(
            id=event_id,
            type=opening.TOPIC,
            version=opening.VERSION,
            domain=opening.DOMAIN,
            occurred_at=clock(),
            source=_SOURCE,
            data=opening.clear(),
            customer=customer,
            actor=actor,
            personal=personal,
        )

    if customer is None:
        ledger.book.append([event()])
        return
    parts = {(customer, retention): named for retention, named in opening.personal().items()}
    sealing = ledger.sealer.batch(parts)
    ledger.book.append([event(sealing.seal(event(), parts))])
    sealing.appended([event_id])
