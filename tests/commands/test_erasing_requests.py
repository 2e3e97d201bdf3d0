"""Requests of those who are erased: none is got around, and none is left without an answer."""

from pathlib import Path
from uuid import UUID

import pytest

from commands.privacy import find_request, open_request
from commands.privacy.certificate import certificate_by, certificates_of, digest_of
from commands.privacy.checking import check_certificate
from commands.privacy.doing import close_request
from commands.privacy.plan import plan
from ledger.catalogue import Retention
from ledger.errors import BadField, NotAllowed
from ledger.opening import Ledger
from tests.commands.erasures import LEO, ask, erased, lives, merged, requested
from tests.commands.samples import NOW, clock, opened

CLASSES = [None, [Retention.IDENTITY], [Retention.CONTENT], [*Retention]]


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("verified", [False, True])
def test_nobody_is_erased_around_a_request(
    folder: Path, classes: list[Retention] | None, *, verified: bool
) -> None:
    with opened(folder) as ledger:
        anna, hanna = lives(ledger, "anna", "hanna")
        merged(ledger, anna, hanna)
        request = ask(ledger, "privacy.requested", "letter", hanna)
        if verified:
            ask(ledger, "privacy.verified", "letter", hanna)
        why = rf"^request: expected {request}, one that was .*, came none$"
        with pytest.raises(NotAllowed, match=why):
            erased(ledger, anna, classes=classes)
        assert ledger.vault.announced() == []
        assert ledger.vault.holding([anna, hanna]) == {anna, hanna}
        ask(ledger, "privacy.refused", "letter", hanna, ground="excessive")
        assert len(erased(ledger, anna, classes=classes)) == 1


def test_one_for_something_else_is_no_way_to_be_erased(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        access = requested(ledger, "access", anna, right="access", contact="Anna, Ulm")
        assert plan(ledger, anna).requests == (
            f"{access} for access, verified on 2026-02-28 at position 5",
        )
        erased(ledger, anna)
        assert contact(ledger, access) == "Anna, Ulm"


def contact(ledger: Ledger, request: UUID) -> object:
    found = open_request(
        ledger, request, actor=LEO, purpose="privacy", reason="to answer", clock=clock
    )
    return found.fields.get("contact")


@pytest.mark.parametrize("right", ["erasure", "access"])
@pytest.mark.parametrize("answer", ["privacy.fulfilled", "privacy.refused"])
def test_who_is_erased_by_one_request_is_answered_to_the_others(
    folder: Path, right: str, answer: str
) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        by = requested(ledger, "letter", anna, token_digest=digest_of("one"), contact="Ulm")
        given = {"right": right, "token_digest": digest_of("two"), "contact": "Jena"}
        other = ask(ledger, "privacy.requested", "other", anna, **given)
        if right == "access":
            ask(ledger, "privacy.verified", "other", anna)
        done = ask(ledger, "privacy.requested", "done", anna, right="access", contact="Bonn")
        ask(ledger, "privacy.refused", "done", anna, ground="excessive")
        assert [one.partition(" ")[0] for one in plan(ledger, anna).requests] == [
            str(by),
            str(other),
        ]
        (certificate,) = erased(ledger, anna, request=by)
        assert [contact(ledger, one) for one in (by, other, done)] == ["Ulm", "Jena", None]
        assert find_request(ledger, other).state in ("received", "verified")
        ground = {"ground": "excessive"} if answer == "privacy.refused" else {}
        if ground:
            with pytest.raises(BadField, match=r"^grounds: expected none, since it is about some"):
                ask(ledger, answer, "other", anna, **ground, grounds="in words")
        assert ask(ledger, answer, "other", anna, **ground) == other
        assert f"privacy.{find_request(ledger, other).state}" == answer
        assert contact(ledger, other) is None
        assert close_request(ledger, other) is False
        assert close_request(ledger, by) is True
        assert certificates_of(ledger, other) == certificates_of(ledger, by) == [certificate]
        assert certificate_by(ledger, "two") == certificate_by(ledger, "one") == certificate
        assert all(check.ok for check in check_certificate(ledger, certificate, NOW.date()))


def test_nothing_else_of_the_erased_goes_on(folder: Path) -> None:
    with opened(folder) as ledger:
        (anna,) = lives(ledger, "anna")
        by = requested(ledger, "letter", anna)
        ask(ledger, "privacy.requested", "other", anna, right="access")
        erased(ledger, anna, request=by)
        for step in ("privacy.verified", "privacy.confirmed", "privacy.challenged"):
            with pytest.raises(BadField, match="a person who is not being erased"):
                ask(ledger, step, "other", anna)
        with pytest.raises(NotAllowed, match="one that is verified"):
            ask(ledger, "privacy.fulfilled", "other", anna)  # nobody knows who asks
