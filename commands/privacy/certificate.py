"""The certificate of an erasure: what the book says of it, and what anybody can check without knowing whom.

A certificate is read off the book each time, and holds nothing that is not there. It names no person,
not even by their random id: events by position, id and leaf, keys by the commitments that bind them to
the book. That something was destroyed can be attested and never proven; what can be checked is that
the book says so since then, and that nothing which is left contradicts it.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from commands.privacy.doing import events_of
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention, load
from ledger.catalogue.privacy import CustomerErased, PrivacyRequested
from ledger.errors import NotFound
from ledger.event import Recorded, decode_body
from ledger.opening import Ledger


@dataclass(frozen=True, slots=True)
class Proof:
    """One event of an erasure: what anybody who has the book, or an inclusion proof, finds it by."""

    position: int
    id: UUID
    type: str
    occurred_at: datetime
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Certificate:
    """The erasure of one person, with every customer they were.

    `classes` None: of all that was sealed for them. `erased` are the `customer.erased`, `proofs` every
    event of it in order of position, from the request on where there was one. `two_people`: whether
    whoever knew who had asked and whoever erased are two of us; None where nobody had asked.
    """

    ledger_id: UUID
    legal_basis: str
    request: UUID | None
    classes: tuple[Retention, ...] | None
    erased: tuple[Recorded, ...]
    proofs: tuple[Proof, ...]
    commitments: tuple[str, ...]
    keys_tried: int
    identifiers: int
    letters: int
    book_size: int
    vault_generation: int
    epoch: int | None
    backups_dead_from: date
    token_digest: str | None
    two_people: bool | None

    @classmethod
    def at(cls, ledger: Ledger, positions: Iterable[int]) -> Self:
        """That of one person, whose `customer.erased` stand at these positions."""
        erased = [_recorded(ledger, position) for position in sorted(positions)]
        told = [_told(one) for one in erased]
        first = told[0]
        steps = [] if first.request is None else events_of(ledger, first.request)
        verified = [step.event.actor for step in steps if step.event.type == "privacy.verified"]
        events = {recorded.position: recorded for recorded in (*steps, *erased)}
        for begun in _erasings(ledger, erased):
            events[begun.position] = begun
        return cls(
            ledger_id=ledger.keyring.ledger_id,
            legal_basis=first.legal_basis,
            request=first.request,
            classes=first.classes,
            erased=tuple(erased),
            proofs=tuple(_proof(events[position]) for position in sorted(events)),
            commitments=tuple(commitment for one in told for commitment in one.commitments),
            keys_tried=sum(one.keys_tried or 0 for one in told),
            identifiers=sum(one.identifiers_destroyed or 0 for one in told),
            letters=sum(one.letters_destroyed or 0 for one in told),
            book_size=max(one.book_size for one in told),
            vault_generation=max(one.vault_generation for one in told),
            epoch=max((one.epoch for one in told if one.epoch is not None), default=None),
            backups_dead_from=max(one.backups_dead_from for one in told),
            token_digest=first.token_digest,
            two_people=erased[0].event.actor not in verified if verified else None,
        )

    @property
    def members(self) -> tuple[UUID, ...]:
        """The customers whom it is about. No certificate shows them."""
        named = (recorded.event.customer for recorded in self.erased)
        return tuple(customer for customer in named if customer is not None)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ledger": str(self.ledger_id),
            "erased_at": _stamp(self.erased[-1].event.occurred_at),
            "legal_basis": self.legal_basis,
            "request": None if self.request is None else str(self.request),
            "classes": "all" if self.classes is None else [one.value for one in self.classes],
            "events": [
                {
                    "position": proof.position,
                    "id": str(proof.id),
                    "type": proof.type,
                    "occurred_at": _stamp(proof.occurred_at),
                    "leaf": proof.leaf.hex(),
                }
                for proof in self.proofs
            ],
            "destroyed": {
                "key_commitments": list(self.commitments),
                "identifiers": self.identifiers,
                "dead_letters": self.letters,
            },
            "canary": {"keys_tried": self.keys_tried, "opened": 0},
            "watermarks": {
                "book_size": self.book_size,
                "vault_generation": self.vault_generation,
                "vault_epoch": self.epoch,
            },
            "backups_dead_from": str(self.backups_dead_from),
            "token_digest": self.token_digest,
        }


def certificates_of(ledger: Ledger, named: UUID) -> list[Certificate]:
    """Those of a request or of a customer, the oldest first. Raises `NotFound` where there are none."""
    customer, request = named, None
    for _, body in ledger.book.known([named]).values():
        event = decode_body(body)
        if event.type == PrivacyRequested.TOPIC and event.customer is not None:
            customer, request = event.customer, named
    gone = ledger.gone.now()
    # A link between somebody who is erased and somebody who is not makes nobody a party to an erasure.
    members = [
        one for one in ledger.people.now().members(customer) if (one in gone) == (customer in gone)
    ]
    tagged = [Match((CustomerErased.TOPIC,), (f"{CUSTOMER_TAG}{one}",)) for one in members]
    found = list(ledger.book.read(matching=tagged))
    if request is not None:
        # Who was erased by another request, or by none, was erased all the same.
        whole = [one for one in found if not one.event.data.get("classes")]
        found = [one for one in found if one.event.data.get("request") == str(request)] or whole
    if not found:
        raise NotFound("certificate", f"of {named}", "nobody was erased by it")
    return _together(ledger, found)


def certificate_at(ledger: Ledger, position: int) -> Certificate:
    """The one to which the event at this position belongs. Raises `NotFound`."""
    stands = 0 < position <= ledger.book.head()
    found = _recorded(ledger, position) if stands else None
    customer = None if found is None else found.event.customer
    if customer is not None:
        for whole in certificates_of(ledger, customer):
            if position in {proof.position for proof in whole.proofs}:
                return whole
    raise NotFound("certificate", f"at position {position:,}")


def certificate_by(ledger: Ledger, token: str) -> Certificate:
    """The one of whoever was given this token. Raises `NotFound`; the token is never quoted."""
    digest = digest_of(token)
    for recorded in ledger.book.read(matching=[Match((CustomerErased.TOPIC,))]):
        if recorded.event.data.get("token_digest") == digest:
            return certificate_at(ledger, recorded.position)
    for recorded in ledger.book.read(matching=[Match((PrivacyRequested.TOPIC,))]):
        if recorded.event.data.get("token_digest") == digest:
            return certificates_of(ledger, recorded.event.id)[-1]
    raise NotFound(
        "certificate", "for that token", "nobody was erased by the request it was given for"
    )


def digest_of(token: str) -> str:
    """SHA-256 of a token, in hex, as a request and its certificate carry it."""
    return hashlib.sha256(token.strip().encode()).hexdigest()


def _together(ledger: Ledger, found: Sequence[Recorded]) -> list[Certificate]:
    """A certificate for each append: the customers of one person are erased in one, each once."""
    appends: list[list[Recorded]] = []
    for one in found:
        last = appends[-1] if appends else []
        with_it = last and last[0].recorded_at == one.recorded_at
        if with_it and all(one.event.customer != other.event.customer for other in last):
            last.append(one)
        else:
            appends.append([one])
    return [Certificate.at(ledger, [one.position for one in append]) for append in appends]


def _recorded(ledger: Ledger, position: int) -> Recorded:
    return next(ledger.book.read(position - 1, upto=position, limit=1))


def _told(recorded: Recorded) -> CustomerErased:
    payload = load(recorded.event.type, recorded.event.data)
    assert isinstance(payload, CustomerErased)
    return payload


def _erasings(ledger: Ledger, erased: Iterable[Recorded]) -> list[Recorded]:
    """What began them: each `customer.erased` names it as its cause."""
    causes = [one.event.causation for one in erased if one.event.causation is not None]
    return [_recorded(ledger, position) for position, _ in ledger.book.known(causes).values()]


def _proof(recorded: Recorded) -> Proof:
    event = recorded.event
    return Proof(recorded.position, event.id, event.type, event.occurred_at, recorded.leaf)


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
