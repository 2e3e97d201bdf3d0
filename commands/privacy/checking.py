"""Checking a certificate against what is left: the book, the vault and the keyring as they are now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from commands.privacy.certificate import Certificate
from commands.privacy.redaction import removed_keys
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.catalogue.privacy import CustomerErased, PrivacyFulfilled, PrivacyRefused
from ledger.errors import Erased, KeysUnavailable
from ledger.event import Recorded
from ledger.opening import Ledger
from ledger.sealing import Blob, KeyRecord, blobs

_Key = tuple[UUID, Retention, int]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that a certificate says or implies, and whether it is so."""

    name: str
    ok: bool
    found: str


def check_certificate(ledger: Ledger, certificate: Certificate, today: date) -> list[Check]:
    """Everything about an erasure that can be checked without opening anything.

    Reads every event of the person, and no other.
    """
    members = certificate.members
    tagged = [Match(tags=(f"{CUSTOMER_TAG}{member}",)) for member in members]
    events = list(ledger.book.read(matching=tagged))
    checks = [
        _leaves(ledger, certificate),
        _commitments(ledger, certificate, events),
        _keys(ledger, certificate, events),
    ]
    if certificate.classes is None:
        checks += [_names(ledger, members), _tombstones(ledger, members)]
        checks.append(_silence(certificate, events))
    if certificate.two_people is not None:
        found = "two" if certificate.two_people else "one and the same"
        checks.append(
            Check("verified by one of us, erased by another", certificate.two_people, found)
        )
    return [*checks, *_copies(ledger, certificate, today)]


def _leaves(ledger: Ledger, certificate: Certificate) -> Check:
    """The bytes in the book make the leaves that were stored when they were written."""
    wrong = [
        proof.position
        for proof in certificate.proofs
        if [row.leaf for row in ledger.book.rows(proof.position - 1, upto=proof.position)]
        != [proof.leaf]
    ]
    found = (
        f"altered at position {wrong[0]:,}" if wrong else f"{len(certificate.proofs)} as written"
    )
    return Check("its events are as they were written", not wrong, found)


def _commitments(ledger: Ledger, certificate: Certificate, events: list[Recorded]) -> Check:
    """Every key that the book has a record of was destroyed, by this erasure or one before it.

    And it has a record of each under which something of theirs is sealed. A key that was lost before could
    not be destroyed: it is in no vault but older copies, which die with their epoch.
    """
    destroyed = {
        commitment
        for recorded in events
        if recorded.event.type == CustomerErased.TOPIC
        for commitment in recorded.event.data["commitments"]
    }
    made = _records(ledger, certificate, events)
    missing = [record for record in made if record.commitment.hex() not in destroyed]
    found = f"{len(made) - len(missing):,} of {len(made):,}"
    lost = ledger.vault.lost(certificate.members)
    if gone := lost.intersection(map(_named, missing)):
        found += f", {len(gone):,} lost before"
    missing = [record for record in missing if _named(record) not in lost]
    known = {*map(_named, made)}
    unknown = _sealed_under(certificate, events) - known
    if unknown:
        found += f", {len(unknown):,} on no record"
    ok = not (missing or unknown)
    return Check("every key that the book knows of is among the destroyed", ok, found)


def _keys(ledger: Ledger, certificate: Certificate, events: list[Recorded]) -> Check:
    """Each key is asked for as anybody would who wants to open what it sealed."""
    made, lost = _records(ledger, certificate, events), ledger.vault.lost(certificate.members)
    opened = sum(_named(one) not in lost and not _is_erased(ledger, one) for one in made)
    held = ledger.vault.holding(certificate.members) if certificate.classes is None else frozenset()
    found = f"{len(made):,} tried, {opened:,} open" + (", some are still kept" if held else "")
    return Check("none of their keys opens", not (opened or held), found)


def _records(ledger: Ledger, certificate: Certificate, events: list[Recorded]) -> set[KeyRecord]:
    """The keys of theirs that were made until they were erased, as far as those went.

    Where their records were removed, `event.redacted` has them.
    """
    until = _began(certificate)
    stand = {
        record
        for recorded in events
        if recorded.position < until
        for record in blobs(recorded.event.personal)
        if isinstance(record, KeyRecord) and _went(certificate, record)
    }
    removed = removed_keys(ledger.book, certificate.members)
    return stand | {
        record for position, record in removed if position < until and _went(certificate, record)
    }


def _named(record: Blob | KeyRecord) -> _Key:
    return record.subject, record.retention, record.key_version


def _sealed_under(certificate: Certificate, events: list[Recorded]) -> set[_Key]:
    """The keys under which anything of theirs is sealed, as far as those went."""
    until = _began(certificate)
    return {
        _named(blob)
        for recorded in events
        if recorded.position < until
        for blob in blobs(recorded.event.personal)
        if isinstance(blob, Blob) and _went(certificate, blob)
    }


def _began(certificate: Certificate) -> int:
    return min(proof.position for proof in certificate.proofs if proof.type == "customer.erasing")


def _went(certificate: Certificate, record: Blob | KeyRecord) -> bool:
    wanted = certificate.classes is None or record.retention in certificate.classes
    return wanted and record.subject in certificate.members


def _is_erased(ledger: Ledger, record: KeyRecord) -> bool:
    try:
        ledger.vault.key(record.subject, Retention(record.retention), record.key_version)
    except Erased:
        return True
    except KeysUnavailable:  # gone, and nobody can say that it was on purpose
        return False
    return False


def _names(ledger: Ledger, members: tuple[UUID, ...]) -> Check:
    left = sum(len(ledger.vault.identifier_digests(member)) for member in members)
    return Check("nothing names them any longer", not left, f"{left:,} identifiers")


def _tombstones(ledger: Ledger, members: tuple[UUID, ...]) -> Check:
    missing = len(set(members) - ledger.keyring.tombstones)
    found = f"{len(members) - missing} of {len(members)}"
    return Check("the keyring remembers that they are gone", not missing, found)


def _silence(certificate: Certificate, events: list[Recorded]) -> Check:
    """Nothing was written about them once their erasure had begun, but its end and answers to them."""
    own = {proof.position for proof in certificate.proofs}
    began = _began(certificate)
    answers = {PrivacyRefused.TOPIC, PrivacyFulfilled.TOPIC}
    since = [r for r in events if r.position > began and r.event.type not in answers]
    late = [r.position for r in since if r.position not in own]
    found = f"something at position {late[0]:,}" if late else "nothing"
    return Check("nothing was written about them since", not late, found)


def _copies(ledger: Ledger, certificate: Certificate, today: date) -> Iterator[Check]:
    """Older copies of the vault are dead when the key of their epoch is."""
    if certificate.epoch is None:
        return
    name = "copies of the vault from before are dead"
    if certificate.epoch not in ledger.keyring.keys().epochs:
        yield Check(name, True, f"since the key of epoch {certificate.epoch} was retired")
    elif today >= certificate.backups_dead_from:
        found = f"the key of epoch {certificate.epoch} is still kept: `bahi keys rotate` is due"
        yield Check(name, False, found)
    else:
        yield Check(
            name, True, f"not before {certificate.backups_dead_from}, when keys are changed"
        )
