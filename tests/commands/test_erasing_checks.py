"""A certificate checked against what is left: each thing that would contradict it is found, by its name."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.privacy.certificate import Certificate
from commands.privacy.checking import check_certificate
from commands.privacy.redaction import approve, proposal, propose
from commands.touchpoint import Touchpoint
from ledger.catalogue import Retention
from ledger.clock import random_ids
from ledger.event import Event
from ledger.identifiers import Identifier
from ledger.keyring import Keyring
from ledger.opening import Ledger
from ledger.sealing import Blob, encode_records
from tests.commands.erasures import LEO, erased, lives, requested
from tests.commands.samples import CLERK, DAY, NOW, clock, opened, stores_of
from tests.ledger.vault_samples import sql

TODAY = NOW.date()
Disturb = Callable[[Ledger, str, UUID, Certificate], object]


def wrong(ledger: Ledger, certificate: Certificate, days: int = 0) -> dict[str, str]:
    checks = check_certificate(ledger, certificate, TODAY + timedelta(days=days))
    return {check.name: check.found for check in checks if not check.ok}


def anna_erased(ledger: Ledger) -> tuple[UUID, Certificate]:
    anna, _ = lives(ledger, "anna", "ben")
    (certificate,) = erased(ledger, anna, request=requested(ledger, "letter", anna))
    return anna, certificate


def test_all_is_well_after_an_erasure(folder: Path) -> None:
    with opened(folder) as ledger:
        _, certificate = anna_erased(ledger)
        checks = check_certificate(ledger, certificate, TODAY)
        assert [(check.name, check.ok, check.found) for check in checks] == [
            ("its events are as they were written", True, "4 as written"),
            ("every key that the book knows of is among the destroyed", True, "3 of 3"),
            ("none of their keys opens", True, "3 tried, 0 open"),
            ("nothing names them any longer", True, "0 identifiers"),
            ("the keyring remembers that they are gone", True, "1 of 1"),
            ("nothing was written about them since", True, "nothing"),
            ("verified by one of us, erased by another", True, "two"),
            ("copies of the vault from before are dead", True, "not before 2026-03-09, when keys are changed"),
        ]  # fmt: skip


def test_so_it_is_after_one_class_went(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        (certificate,) = erased(ledger, anna, classes=[Retention.CONTENT])
        lives(ledger, "ben")
        checks = check_certificate(ledger, certificate, TODAY)
        assert [(check.name, check.ok, check.found) for check in checks] == [
            ("its events are as they were written", True, "2 as written"),
            ("every key that the book knows of is among the destroyed", True, "1 of 1"),
            ("none of their keys opens", True, "1 tried, 0 open"),
            ("copies of the vault from before are dead", True, "not before 2026-03-09, when keys are changed"),
        ]  # fmt: skip


def bring_back_a_key(ledger: Ledger, vault: str, anna: UUID, _: Certificate) -> None:
    """As an older copy of the table would, and without the fence."""
    sql(vault, "DELETE FROM erasing")
    keys = ledger.keyring.keys()
    wrapped = keys.wrap(b"k" * 32, b"anywhere")
    given = (anna.bytes, "content", 1, wrapped.blob, wrapped.epoch, True)
    sql(vault, "INSERT INTO subject_key VALUES (?, ?, ?, ?, ?, ?)", *given)


def name_her_again(ledger: Ledger, vault: str, anna: UUID, _: Certificate) -> None:
    keys = ledger.keyring.keys()
    digest = keys.identifier_digest(Identifier("user", "anna"))
    given = (digest, "user", b"x", 1, keys.owner_digest(anna, 1))
    columns = "digest, kind, wrapped, epoch, owner"
    sql(vault, f"INSERT INTO identifier ({columns}) VALUES (?, ?, ?, ?, ?)", *given)


def write_on(ledger: Ledger, _: str, anna: UUID, __: Certificate) -> None:
    late = Event(uuid4(), "page.viewed", 1, "touchpoint", NOW, "x", {}, anna)
    ledger.book.append([late])


@pytest.mark.parametrize(
    ("disturb", "told"),
    [
        (bring_back_a_key, {"none of their keys opens": "3 tried, 0 open, some are still kept"}),
        (name_her_again, {"nothing names them any longer": "1 identifiers"}),
        (write_on, {"nothing was written about them since": "something at position 11"}),
    ],
)
def test_what_contradicts_it_is_found(folder: Path, disturb: Disturb, told: dict[str, str]) -> None:
    with opened(folder) as ledger:
        anna, certificate = anna_erased(ledger)
        assert wrong(ledger, certificate) == {}
        disturb(ledger, stores_of(folder)[1], anna, certificate)
        assert wrong(ledger, certificate) == told


def test_a_keyring_that_has_forgotten_them_is_found(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        _, certificate = anna_erased(ledger)
        file = tmp_path / "keyring.json"
        text = file.read_text().replace(str(certificate.members[0]), str(uuid4()))
        file.with_suffix(".new").write_text(text)
        file.with_suffix(".new").chmod(0o600)
        file.with_suffix(".new").replace(file)
        assert wrong(ledger, certificate) == {"the keyring remembers that they are gone": "0 of 1"}


def said_to_be_erased(who: UUID) -> list[Event]:
    """A word that says less than was done: as of a program that loses commitments."""
    began = Event(uuid4(), "customer.erasing", 1, "privacy", NOW, "bahi", {"legal_basis": "x"}, who)
    data = {
        "legal_basis": "x", "commitments": [], "book_size": 4, "vault_generation": 1,
        "backups_dead_from": "2026-03-09",
    }  # fmt: skip
    ended = Event(
        uuid4(), "customer.erased", 1, "privacy", NOW, "bahi", data, who, actor=LEO, causation=began.id
    )  # fmt: skip
    return [began, ended]


def test_a_certificate_that_leaves_a_key_out_is_found(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        *_, last = ledger.book.append(said_to_be_erased(anna))
        found = wrong(ledger, Certificate.at(ledger, [last.position]))
        assert found["every key that the book knows of is among the destroyed"] == "0 of 3"
        assert found["none of their keys opens"] == "3 tried, 3 open, some are still kept"


def removed(ledger: Ledger, position: int) -> None:
    """What is sealed at a position goes, as two have agreed."""
    payload = proposal(ledger.book, position, "mistaken", ("personal",))
    asked = Touchpoint(payload, NOW, "bahi", f"{position}", actor=CLERK)
    desk = Desk(ledger, clock, random_ids, DAY)
    place = propose(desk, asked).position
    assert place is not None
    approve(desk, place, actor=LEO, source="bahi", refold=lambda: None, recopy=lambda: None)


def test_keys_whose_records_were_removed_are_checked_all_the_same(folder: Path) -> None:
    with opened(folder) as ledger:
        anna, _ = lives(ledger, "anna", "ben")
        for recorded in [*ledger.book.read()]:
            if recorded.event.personal and recorded.event.customer == anna:
                removed(ledger, recorded.position)
        (certificate,) = erased(ledger, anna)
        checks = {check.name: check for check in check_certificate(ledger, certificate, TODAY)}
        known = checks["every key that the book knows of is among the destroyed"]
        assert (known.ok, known.found) == (True, "3 of 3")
        assert checks["none of their keys opens"].found == "3 tried, 0 open"
        bring_back_a_key(ledger, stores_of(folder)[1], anna, certificate)
        assert wrong(ledger, certificate) == {
            "none of their keys opens": "3 tried, 0 open, some are still kept"
        }


def test_a_key_that_nothing_records_is_found(folder: Path) -> None:
    """As where its record was removed by a program that did not say of which key."""
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        sealed = encode_records([Blob(anna, Retention.CONTENT, 7, b"n" * 12, b"c" * 64)])
        more = Event(uuid4(), "page.viewed", 1, "touchpoint", NOW, "x", {}, anna, personal=sealed)
        *_, last = ledger.book.append([more, *said_to_be_erased(anna)])
        found = wrong(ledger, Certificate.at(ledger, [last.position]))
        assert found["every key that the book knows of is among the destroyed"] == (
            "0 of 3, 1 on no record"
        )


def test_older_copies_are_dead_when_their_epoch_is(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        _, certificate = anna_erased(ledger)
        name = "copies of the vault from before are dead"
        late = {name: "the key of epoch 1 is still kept: `bahi keys rotate` is due"}
        assert wrong(ledger, certificate, days=7) == {}
        assert wrong(ledger, certificate, days=8) == late
        keyring: Keyring = ledger.keyring
        keyring.begin_epoch()
        assert wrong(ledger, certificate, days=8) == late
        ledger.vault.rewrap(keyring)
        last = check_certificate(ledger, certificate, TODAY)[-1]
        assert (last.name, last.ok, last.found) == (
            name,
            True,
            "since the key of epoch 1 was retired",
        )
