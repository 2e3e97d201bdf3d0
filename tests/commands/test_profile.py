"""Opening who somebody is: on record first, then read from their own events."""

from pathlib import Path
from uuid import UUID

import pytest

from commands.profile import Profile, open_profile
from ledger.errors import BadUsage, Erased, NotFound
from ledger.on_record import OnRecord
from ledger.opening import Ledger
from ledger.sealing import Opening
from tests.commands.samples import CLERK, DAY, NOW, OPEN, clock, opened, recorded, take, touchpoint
from tests.ledger.openings import unsealed
from tests.ledger.processes import run_until_killed
from tests.ledger.vault_samples import sql

OPEN_AND_DIE = (
    OPEN
    + """
import os, signal
from uuid import UUID
from commands.profile import open_profile
with opened(folder) as ledger:
    ledger.sealer.opening = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    open_profile(ledger, [UUID(sys.argv[2])], actor=CLERK, purpose="service", reason="they called",
                 clock=clock)
"""
)


def profile_of(
    ledger: Ledger, *customers: UUID, reason: str = "they called", purpose: str = "service"
) -> Profile:
    return open_profile(
        ledger,
        customers,
        actor=CLERK,
        purpose=purpose,
        reason=reason,
        clock=clock,
    )


def somebody(ledger: Ledger) -> UUID:
    """Zoë, who signed up, moved, and ordered; the second told late."""
    take(
        ledger,
        touchpoint(
            "1",
            "customer.updated",
            who=[("user", "u1"), ("email", "new@example.com")],
            at=NOW - DAY,
            data={"address": "New Street", "email": "new@example.com"},
        ),
        touchpoint(
            "2",
            "customer.identified",
            who=[("user", "u1"), ("email", "old@example.com")],
            at=NOW - 9 * DAY,
            data={"name": "Zoë", "address": "Old Street", "email": "old@example.com"},
        ),
        touchpoint(
            "3",
            who={"user": "u1", "phone": "+491711234567"},
            at=NOW,
            references={"order": "7"},
            data={"currency": "EUR", "amount_minor": 1, "address": "Gift Street", "note": "x"},
        ),
    )
    customer = recorded(ledger)[0].event.customer
    assert customer is not None
    return customer


def test_newest_details_and_every_name(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        assert profile_of(ledger, somebody(ledger)) == Profile(
            details={"name": "Zoë", "address": "New Street", "email": "new@example.com"},
            identifiers=[
                ("user", "u1"),
                ("email", "old@example.com"),
                ("email", "new@example.com"),
                ("phone", "+491711234567"),
            ],
        )


def test_the_opening_is_on_record_with_who_and_why(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = somebody(ledger)
        profile_of(ledger, customer)
        event = recorded(ledger)[-1].event
        assert (event.type, event.customer, event.actor) == (
            "personal_data.opened",
            customer,
            CLERK,
        )
        assert (event.occurred_at, event.data) == (NOW, {"purpose": "service"})
        (reason,) = unsealed(ledger, event).values()
        assert reason == {"reason_given": "they called"}


def test_nothing_is_opened_before_it_is_on_record(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = somebody(ledger)
    run_until_killed(OPEN_AND_DIE, tmp_path, customer)
    with opened(tmp_path) as ledger:
        assert [found.event.type for found in recorded(ledger)][3:] == ["personal_data.opened"]


@pytest.mark.parametrize(
    ("reason", "purpose", "message"),
    [
        ("  ", "service", "^expected a reason for opening personal data, came none$"),
        ("why", "two words", "^purpose: expected .*, came text of 9 characters$"),
        ("x" * 65_537, "service", "^reason_given: expected .*, came text of 65,537 characters$"),
    ],
)
def test_without_a_proper_reason_nothing_happens(
    tmp_path: Path, reason: str, purpose: str, message: str
) -> None:
    with opened(tmp_path) as ledger:
        customer = somebody(ledger)
        with pytest.raises(BadUsage, match=message):
            profile_of(ledger, customer, reason=reason, purpose=purpose)
        assert ledger.book.head() == 3


def test_a_stranger_is_not_found_and_leaves_no_trace(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        known, generation = somebody(ledger), ledger.vault.generation()
        with pytest.raises(NotFound):
            profile_of(ledger, known, UUID(int=7))
        assert (ledger.book.head(), ledger.vault.generation()) == (3, generation)


def test_a_person_of_two_customers_is_one_profile_and_two_openings(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        first = somebody(ledger)
        newer = {"name": "Zoe"}
        take(ledger, touchpoint("4", "customer.updated", who={"user": "u2"}, at=NOW, data=newer))
        second = recorded(ledger)[-1].event.customer
        assert second is not None
        profile = profile_of(ledger, first, second)
        assert profile.details["name"] == "Zoe"
        assert ("user", "u2") in profile.identifiers
        assert [found.event.customer for found in recorded(ledger)[4:]] == [first, second]


def test_parts_without_their_key_are_unavailable(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = somebody(ledger)
        sql(
            tmp_path / "vault" / "vault.db",
            "UPDATE subject_key SET version = 9 WHERE retention = 'identity'",
        )
        profile = profile_of(ledger, customer)
        assert (profile.details, profile.erased, profile.unavailable) == ({}, 0, 3)


def test_parts_of_somebody_whose_erasure_begins_meanwhile_are_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger:
        customer = somebody(ledger)

        opening = ledger.sealer.opening

        def at_a_bad_moment(on_record: OnRecord) -> Opening:
            sql(tmp_path / "vault" / "vault.db", "INSERT INTO erasing VALUES (?)", customer.bytes)
            return opening(on_record)

        monkeypatch.setattr(ledger.sealer, "opening", at_a_bad_moment)
        profile = profile_of(ledger, customer)
        assert (profile.details, profile.erased, profile.unavailable) == ({}, 3, 0)
        with pytest.raises(Erased):
            profile_of(ledger, customer)
