"""An event that tells of somebody else has a part for each of the two, under a key of their own."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commands.privacy.checking import check_certificate
from commands.privacy.plan import plan
from commands.privacy.redaction import approve, proposal, propose
from commands.privacy.retention import Rules, let_go
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.book import CUSTOMER_TAG, Match
from ledger.catalogue import Retention
from ledger.errors import Erased, NotAllowed
from ledger.event import Recorded
from ledger.opening import Ledger
from ledger.sealing import KeyRecord, blobs
from replay.verify import Redaction, verify_book
from tests.commands.erasures import LEO, MIA, erased, hold, lives, merged, office
from tests.commands.keeping import a_rule, found
from tests.commands.samples import DAY, NOW, customer_of, opened, recorded, take, touchpoint
from tests.ledger.openings import unsealed

IDENTITY = Retention.IDENTITY
ZOE = "zoe@example.com"


def referral(referred: str, message_id: str = "r", **said: Any) -> Touchpoint:
    """Anna has told somebody of us."""
    data = {"program": "friends", "referred": referred}
    return touchpoint(message_id, "referral.made", who={"user": "anna"}, data=data, **said)


def told(ledger: Ledger, referred: str, **said: Any) -> Recorded:
    """The referral, recorded."""
    (outcome,) = take(ledger, referral(referred, **said))
    assert outcome.position is not None
    return recorded(ledger)[outcome.position - 1]


def who(ledger: Ledger, kind: str, value: str) -> UUID:
    customer = customer_of(ledger, kind, value)
    assert customer is not None
    return customer


def by_person(ledger: Ledger, one: Recorded) -> Mapping[UUID, Mapping[str, Any]]:
    parts = unsealed(ledger, one.event)
    assert {retention for _, retention in parts} == {IDENTITY}
    return {subject: fields for (subject, _), fields in parts.items()}


def about(ledger: Ledger, customer: UUID) -> list[int]:
    """Where the book finds something about them."""
    match = Match(tags=(f"{CUSTOMER_TAG}{customer}",))
    return [one.position for one in ledger.book.read(matching=[match])]


NAMED_SO: list[tuple[str, tuple[str, str]]] = [
    (ZOE, ("email", ZOE)),
    ("Zoë Öz <Zoe@Example.com>", ("email", ZOE)),
    ("+49 171 1234567", ("phone", "+491711234567")),
    ("user:zoe", ("user", "zoe")),
    (f"email:{ZOE}", ("email", ZOE)),
]
NOBODY = [
    "null", "", "-1", "user:null", "my neighbour Zoë", "note: call her", "https://zoe.example", "+49 12",
    f"{ZOE}, ben@example.com", "order:4711", "user:anna",
]  # fmt: skip
"""Words that name nobody, or not one person, or the one who says them."""


@pytest.mark.parametrize(("referred", "named"), NAMED_SO)
def test_whom_it_names_has_a_part_of_their_own(
    tmp_path: Path, referred: str, named: tuple[str, str]
) -> None:
    with opened(tmp_path) as ledger:
        one = told(ledger, referred)
        anna, zoe = who(ledger, "user", "anna"), who(ledger, *named)
        assert (one.event.customer, one.event.another) == (anna, zoe)
        assert by_person(ledger, one) == {
            anna: {"identifiers": [["user", "anna"]]},
            zoe: {"identifiers": [[*named]], "referred": referred},
        }
        assert about(ledger, zoe) == about(ledger, anna) == [1]


@pytest.mark.parametrize("referred", NOBODY)
def test_other_words_are_the_referrers(tmp_path: Path, referred: str) -> None:
    with opened(tmp_path) as ledger:
        one = told(ledger, referred)
        anna = who(ledger, "user", "anna")
        assert one.event.another is None
        said = {"identifiers": [["user", "anna"]], "referred": referred}
        assert by_person(ledger, one) == {anna: said}
        assert ledger.vault.belongings([anna]).identifiers == {"user": 1}


def test_who_is_known_is_who_they_are_and_whoever_comes_later_is_whom_was_told_of(
    folder: Path,
) -> None:
    with opened(folder) as ledger:
        (ben,) = lives(ledger, "ben")
        assert told(ledger, "ben@example.com").event.another == ben
        zoe = told(ledger, ZOE, message_id="2").event.another
        (outcome,) = take(ledger, touchpoint("o", who={"user": "z", "email": ZOE}))
        assert outcome.position is not None
        assert recorded(ledger)[outcome.position - 1].event.customer == zoe
        assert verify_book(ledger.book).events == 6


def test_the_same_said_again_is_one_event_however_it_was_resolved(folder: Path) -> None:
    with opened(folder) as ledger:
        first, again, other = referral(ZOE), referral(ZOE), referral("ben@example.com")
        assert [one.position for one in take(ledger, first, again, other)] == [1, 1, 1]
        assert take(ledger, again)[0].position == 1
        assert customer_of(ledger, "email", "ben@example.com") is None


def test_it_counts_for_whoever_told_alone(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        one = told(ledger, ZOE)
        anna, zoe = who(ledger, "user", "anna"), who(ledger, "email", ZOE)
        (batch,) = ledger.book.batches(0, ("customer", "other", "data"))
        (row,) = batch.to_pylist()
        assert (row["customer"], row["other"]) == (anna, None)
        assert str(zoe) not in row["data"]
        assert one.event.data == {"program": "friends"}
        # Who is the older of two is said by what happened to them.
        take(ledger, touchpoint("b", who={"user": "ben"}), touchpoint("z", who={"email": ZOE}))
        ben = who(ledger, "user", "ben")
        merged(ledger, zoe, ben)
        assert ledger.people.now().members(zoe) == (ben, zoe)


def test_erasing_whom_it_tells_of_leaves_the_referrer(folder: Path) -> None:
    with opened(folder) as ledger:
        one = told(ledger, ZOE)
        anna, zoe = who(ledger, "user", "anna"), who(ledger, "email", ZOE)
        made = {r.subject for r in blobs(one.event.personal) if isinstance(r, KeyRecord)}
        assert made == {anna, zoe}
        goes = plan(ledger, zoe)
        assert (goes.events, goes.sealed, goes.identifiers) == (
            {"referral.made": 1}, 1, {"email": 1},
        )  # fmt: skip
        (certificate,) = erased(ledger, zoe)
        assert [
            c.name for c in check_certificate(ledger, certificate, NOW.date()) if not c.ok
        ] == []
        assert len(certificate.commitments) == 1
        with pytest.raises(Erased):
            ledger.vault.key(zoe, IDENTITY, 1)
        assert ledger.vault.key(anna, IDENTITY, 1).logged
        assert recorded(ledger)[0] == one
        assert verify_book(ledger.book).events == 3


def test_erasing_the_referrer_leaves_whom_it_tells_of(folder: Path) -> None:
    with opened(folder) as ledger:
        told(ledger, ZOE)
        anna, zoe = who(ledger, "user", "anna"), who(ledger, "email", ZOE)
        (certificate,) = erased(ledger, anna)
        assert all(check.ok for check in check_certificate(ledger, certificate, NOW.date()))
        assert ledger.vault.key(zoe, IDENTITY, 1).logged
        assert customer_of(ledger, "email", ZOE) == zoe


def test_a_hold_on_them_and_whoever_else_they_are_go_as_ever(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        (ben,) = lives(ledger, "ben")
        told(ledger, ZOE)
        zoe = who(ledger, "email", ZOE)
        merged(ledger, ben, zoe)
        hold(ledger, ben)
        with pytest.raises(NotAllowed):
            erased(ledger, zoe)
        lifted = {"hold": "claim-1"}
        payload = catalogue.parse("hold.released", lifted, at_a_door=False)
        asked = Touchpoint(payload, NOW, "desk", "lift", customer=ben, actor=MIA)
        office(ledger).desk.carry_out(asked, RULES[type(payload)])
        erased(ledger, ben)
        assert ledger.vault.fenced([ben, zoe]) == {ben, zoe}
        assert ledger.vault.knowing([ben, zoe]) == frozenset()


# ---- nobody comes back by what somebody else says


def test_who_was_erased_is_told_of_no_more(folder: Path) -> None:
    with opened(folder) as ledger:
        told(ledger, ZOE)
        anna, zoe = who(ledger, "user", "anna"), who(ledger, "email", ZOE)
        erased(ledger, zoe)
        for message_id, at in (("before", NOW - DAY), ("since", NOW + timedelta(hours=1))):
            one = told(ledger, f"Zoë <{ZOE}>", message_id=message_id, at=at)
            assert (one.event.customer, one.event.another) == (anna, None)
            assert one.event.data == {"program": "friends"}
            assert by_person(ledger, one) == {anna: {"identifiers": [["user", "anna"]]}}
            assert customer_of(ledger, "email", ZOE) is None


def test_nor_of_whom_is_being_erased(folder: Path) -> None:
    with opened(folder) as ledger:
        told(ledger, ZOE)
        zoe = who(ledger, "email", ZOE)

        class Crash(Exception):
            pass

        def die(_: object) -> None:
            raise Crash

        with pytest.raises(Crash):
            erased(ledger, zoe, at=office(ledger, told=die))
        assert customer_of(ledger, "email", ZOE) == zoe
        one = told(ledger, ZOE, message_id="2")
        assert one.event.another is None
        assert list(by_person(ledger, one)) == [one.event.customer]


def test_who_has_turned_to_us_since_is_told_of_as_the_one_they_are_now(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        told(ledger, ZOE)
        zoe = who(ledger, "email", ZOE)
        erased(ledger, zoe)
        since = NOW + timedelta(hours=1)
        take(ledger, touchpoint("anew", who={"email": ZOE}, at=since))
        anew = who(ledger, "email", ZOE)
        assert anew != zoe
        assert told(ledger, ZOE, message_id="2", at=since).event.another == anew
        assert told(ledger, ZOE, message_id="3", at=NOW - DAY).event.another is None


# ---- what is removed, and what has had its time


def test_what_is_sealed_for_both_can_be_redacted_and_a_certificate_counts_its_key(
    folder: Path,
) -> None:
    with opened(folder) as ledger:
        told(ledger, ZOE)
        zoe = who(ledger, "email", ZOE)
        desk = office(ledger).desk
        said = proposal(ledger.book, 1, "wrong-person", ("personal",))
        proposed = propose(desk, Touchpoint(said, NOW, "desk", "p", actor=MIA)).position
        assert proposed is not None
        approve(desk, proposed, actor=LEO, source="desk", refold=lambda: None, recopy=lambda: None)
        verified = verify_book(ledger.book)
        assert verified.redactions == (Redaction(1, ("personal",), 3),)
        assert about(ledger, zoe) == [1]
        (certificate,) = erased(ledger, zoe)
        checks = {c.name: c for c in check_certificate(ledger, certificate, NOW.date())}
        assert all(check.ok for check in checks.values())
        assert checks["none of their keys opens"].found == "1 tried, 0 open"


def test_a_period_runs_for_them_from_what_tells_of_them(folder: Path) -> None:
    with opened(folder) as ledger:
        told(ledger, ZOE, at=NOW - 400 * DAY, tags={"market": "DE"})
        told(ledger, "ben@example.com", at=NOW - 300 * DAY, message_id="2")
        told(ledger, "ben@example.com", at=NOW - 400 * DAY, message_id="3")
        rule = {"class": "identity", "period": "P1Y"}
        dues = found(ledger, a_rule(**rule))
        assert [(one.customer, one.over_on) for one in dues] == [
            (who(ledger, "email", ZOE), date(2026, 1, 26))
        ]
        # Where the referrer was seen says nothing of where the other one lives.
        german = a_rule("german", markets=["DE"], **{**rule, "period": "P9Y"})
        both = a_rule(**rule), german
        (one,) = found(ledger, *both)
        ((_, answer),) = let_go(office(ledger), Rules(rule=both), [one], LEO)
        assert answer.refusal is None
