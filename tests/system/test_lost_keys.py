"""Keys that were made after the copy a vault was restored from: lost, which is not erased, and never made again."""

from pathlib import Path
from uuid import UUID

import pytest

from api.wiring import Bahi
from commands.privacy import proceed, request_id
from commands.privacy.checking import check_certificate
from commands.privacy.erasing import erase
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.catalogue import Retention
from ledger.errors import Erased, KeysUnavailable
from ledger.sealing import blobs
from tests.system.restoring import DAY, NOW, Shop, erase_them, events, item, known, take

BEFORE = NOW - DAY
CONTENT, IDENTITY = Retention.CONTENT, Retention.IDENTITY
WROTE, BOUGHT = "message.received", "order.placed"


@pytest.fixture(params=["embedded", "served"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """A shop on either store."""
    served = request.param == "served"
    return Shop(tmp_path, request.getfixturevalue("postgres_url") if served else "")


def restored(shop: Shop) -> None:
    """Much has happened since the copy that the vault is restored from, which is recovered."""
    with shop.open() as bahi:
        take(bahi, item(BOUGHT, "anna", BEFORE), item(WROTE, "cleo", BEFORE))
        take(bahi, item(BOUGHT, "dora", BEFORE))
        ask(bahi, "privacy.requested", "letter", contact="Anna, Ulm")
    shop.copy("vault")
    with shop.open() as bahi:
        take(bahi, item(WROTE, "anna", BEFORE, "lost"), item(WROTE, "ben", BEFORE))
        take(bahi, item(WROTE, "dora", BEFORE, "erased"))
        erase_them(bahi, known(bahi, "cleo"), known(bahi, "dora"), classes=[CONTENT])
        take(bahi, item(WROTE, "cleo", BEFORE, "lost too"))
        ask(bahi, "privacy.requested", "card", contact="Anna, Ulm")
        for name in ("letter", "card"):
            ask(bahi, "privacy.refused", name, ground="unfounded")
    shop.restore("vault")
    shop.recover(views=False)


def ask(bahi: Bahi, topic: str, name: str, **said: object) -> None:
    """A step of Anna's request of that name."""
    request = request_id(bahi.ledger, "desk", name)
    data: dict[str, object] = {"request": request, **said}
    if topic == "privacy.requested":
        data |= {"right": "access", "law": "gdpr", "due_on": "2000-01-01"}
    payload = catalogue.parse(topic, data, at_a_door=False)
    message_id = name if topic == "privacy.requested" else f"{topic} {name}"
    asked = Touchpoint(
        payload, NOW, "desk", message_id, customer=known(bahi, "anna"), actor=bahi.actor()
    )
    proceed(bahi.desk, asked, RULES[type(payload)])


def key_of(bahi: Bahi, customer: UUID, version: int) -> str:
    """What becomes of whoever asks for that key of their messages."""
    try:
        bahi.ledger.vault.key(customer, CONTENT, version)
    except Erased:
        return "erased"
    except KeysUnavailable as error:
        lost = "was lost: the vault was restored from an older copy"
        return "lost" if str(error).endswith(lost) else "missing"
    return "here"


def test_lost_is_not_erased_and_no_number_is_given_twice(shop: Shop) -> None:
    restored(shop)
    with shop.open() as bahi:
        anna, cleo, dora = (known(bahi, name) for name in ("anna", "cleo", "dora"))
        wrote = [r.event.customer for r in events(bahi) if r.event.type == WROTE]
        (ben,) = {*wrote} - {anna, cleo, dora}
        assert ben is not None
        told = [key_of(bahi, one, 1) for one in (anna, ben, dora)]
        assert told == ["lost", "lost", "erased"]
        assert [key_of(bahi, cleo, version) for version in (1, 2)] == ["erased", "lost"]
        for name in ("anna", "cleo", "dora"):
            take(bahi, item(WROTE, name, NOW, f"{name} anew"))
        made = [r.event for r in events(bahi)][-3:]
        found = {
            event.customer: {b.key_version for b in blobs(event.personal) if b.retention is CONTENT}
            for event in made
        }
        assert found == {anna: {2}, cleo: {3}, dora: {2}}
        assert [key_of(bahi, one, v) for one, v in ((anna, 2), (cleo, 3), (dora, 2))] == [
            "here"
        ] * 3
    assert shop.keys_lost == 4
    assert not shop.recover(views=False).vault_is_older
    assert shop.keys_lost == 0
    with shop.open() as bahi:
        assert [key_of(bahi, anna, version) for version in (1, 2)] == ["lost", "here"]


def test_contact_details_that_were_done_with_are_gone_and_not_lost(shop: Shop) -> None:
    restored(shop)
    with shop.open() as bahi:
        vault = bahi.ledger.vault
        requests = [request_id(bahi.ledger, "desk", name) for name in ("letter", "card")]
        assert vault.knowing(requests) == frozenset()
        assert vault.lost(requests) == frozenset()
        for request in requests:
            kept = {
                b.retention
                for r in events(bahi)
                for b in blobs(r.event.personal)
                if b.subject == request
            }
            assert kept
            for retention in kept:
                with pytest.raises(Erased):
                    vault.key(request, retention, 1)


def test_whose_key_was_lost_can_be_erased_and_the_certificate_says_so(shop: Shop) -> None:
    restored(shop)
    with shop.open() as bahi:
        take(bahi, item(WROTE, "anna", NOW, "anew"))
        cleo = known(bahi, "cleo")
        for customer, classes, found in (
            (known(bahi, "anna"), None, "2 of 3, 1 lost before"),
            (cleo, [CONTENT], "1 of 2, 1 lost before"),
        ):
            (certificate,) = erase(
                bahi.office,
                [customer],
                legal_basis="gdpr-17-1-b",
                actor=bahi.actor(),
                classes=classes,
            )
            checks = check_certificate(bahi.ledger, certificate, NOW.date())
            assert [check.name for check in checks if not check.ok] == []
            assert checks[1].found == found
        assert [key_of(bahi, cleo, version) for version in (1, 2)] == ["erased", "lost"]
