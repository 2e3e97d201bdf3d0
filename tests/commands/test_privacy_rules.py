"""Requests and holds: each step from each state, what is said otherwise, and who may take it."""

from typing import Any
from uuid import UUID

import pytest

from commands.privacy import EXTENSIONS, HOLDS, REFUSALS
from ledger.people import persons_of
from tests.commands.judging import ALLOWED, Said, day, judged, recorded

ZOE, ANN = UUID(int=1), UUID(int=2)
MIA, LEO = UUID(int=8), UUID(int=9)
R, S = UUID("9d1f6c1a-3d0e-4a83-8f0a-61b0a5b1c0a1"), UUID("9d1f6c1a-3d0e-4a83-8f0a-61b0a5b1c0a2")

DUE = {
    ("gdpr", "access"): {"due_on": "2026-04-06"},  # 5 April is a Sunday
    ("gdpr", "erasure"): {"due_on": "2026-04-06"},
    ("ccpa", "access"): {"due_on": "2026-04-19", "confirm_by": "2026-03-19"},
    ("ccpa", "objection"): {"due_on": "2026-03-26"},
    ("lgpd", "access"): {"due_on": "2026-03-20"},
}
"""By when it is due if it came on 5 March 2026."""


def received(law: str = "gdpr", right: str = "access", **more: Any) -> Said:
    given = {"request": R, "law": law, "right": right, "customer": ZOE, "actor": MIA}
    return (5, "privacy.requested", {**given, **DUE.get((law, right), {}), **more})


def step(number: int, kind: str, **more: Any) -> Said:
    return (number, f"privacy.{kind}", {"request": R, "customer": ZOE, "actor": MIA, **more})


def hold(number: int, kind: str, name: str = "claim-1", **more: Any) -> Said:
    given = {"hold": name, "customer": ZOE, "actor": MIA}
    if kind == "placed":
        given["ground"] = "litigation"
    return (number, f"hold.{kind}", {**given, **more})


def erasing(number: int, kind: str = "erasing", **more: Any) -> Said:
    given: dict[str, Any] = {"legal_basis": "art17", "customer": ZOE, "actor": LEO, "request": R}
    if kind == "erased":
        given |= {"commitments": [], "book_size": 1, "vault_generation": 1}
        given |= {"backups_dead_from": "2026-04-01"}
    return (number, f"customer.{kind}", {**given, **more})


ASKED, CHALLENGED, VERIFIED = received(), step(6, "challenged"), step(7, "verified")
STATES: dict[str, list[Said]] = {
    "new": [],
    "another's": [received(request=S)],
    "received": [ASKED],
    "confirmed": [ASKED, step(6, "confirmed")],
    "challenged": [ASKED, CHALLENGED],
    "verified": [ASKED, VERIFIED],
    "extended": [ASKED, VERIFIED, step(8, "extended", due_on="2026-06-05", ground="number")],
    "fulfilled": [ASKED, VERIFIED, step(9, "fulfilled")],
    "refused": [ASKED, step(9, "refused", ground="excessive")],
}
CAME = {
    "new": "that is not in the book",
    "another's": "that is not in the book",
    "received": "that was requested on 2026-03-05 at position 1",
    "confirmed": "that was requested on 2026-03-05 at position 1",
    "challenged": "that was challenged on 2026-03-06 at position 2",
    "verified": "that was verified on 2026-03-07 at position 2",
    "extended": "that was verified on 2026-03-07 at position 2",
    "fulfilled": "that was fulfilled on 2026-03-09 at position 3",
    "refused": "that was refused on 2026-03-09 at position 2",
}
ANY = ["received", "confirmed", "challenged", "verified", "extended"]
OPEN = "received or challenged or verified or executing"
STEPS: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("challenged", {}, ["received", "confirmed"], "received"),
    ("verified", {}, ["received", "confirmed"], "received or challenged"),
    ("refused", {"ground": "excessive"}, ANY, "received or challenged or verified"),
    ("fulfilled", {}, ["verified", "extended"], "verified"),
]
"""A step, from which states it may be taken, and what is said otherwise."""


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("kind", "attributes", "from_", "expected"), STEPS)
def test_a_request_goes_its_way(
    kind: str, attributes: dict[str, Any], from_: list[str], expected: str, state: str
) -> None:
    if (kind, state) == ("verified", "challenged"):
        attributes = {"due_on": "2026-04-09"}  # waited from the 6th to the 10th
        from_ = [*from_, state]
    refused = f"NotAllowed request: expected one that is {expected}, came one {CAME[state]}"
    then = ALLOWED if state in from_ else refused
    assert judged(STATES[state], step(10, kind, **attributes)) == then


@pytest.mark.parametrize("state", STATES)
def test_a_request_is_received_once(state: str) -> None:
    expected = "NotAllowed request: expected one that is not in the book, came one "
    then = ALLOWED if state in {"new", "another's"} else expected + CAME[state]
    later = {"due_on": "2026-04-10"}
    assert judged(STATES[state], (10, *received(**later)[1:])) == then


@pytest.mark.parametrize(("law", "right"), DUE)
def test_it_is_due_when_the_calendar_says(law: str, right: str) -> None:
    assert judged([], received(law, right)) == ALLOWED
    due = DUE[law, right]["due_on"]
    assert judged([], received(law, right, due_on="2026-04-30")) == (
        f"BadField due_on: expected {due}, came 2026-04-30"
    )


def test_it_is_due_by_the_days_and_holidays_of_the_office() -> None:
    berlin = {"time_zone": "Europe/Berlin", "jurisdiction": "DE"}
    assert judged([], received(**berlin)) == "BadField due_on: expected 2026-04-07, came 2026-04-06"
    west = {
        "time_zone": "America/Los_Angeles"
    }  # where it is still the 4th, a month before a Saturday
    assert judged([], received(**west)) == ALLOWED
    assert judged([], received(**west, due_on="2026-04-04")) == (
        "BadField due_on: expected 2026-04-06, came 2026-04-04"
    )


def test_receipt_is_to_be_confirmed_where_the_law_says_so() -> None:
    assert judged([], received("ccpa", confirm_by="2026-03-20")) == (
        "BadField confirm_by: expected 2026-03-19, came 2026-03-20"
    )
    assert judged([], received(confirm_by="2026-03-19")) == (
        "BadField confirm_by: expected none, came 2026-03-19"
    )


@pytest.mark.parametrize("state", STATES)
def test_receipt_is_confirmed_once_while_it_is_open(state: str) -> None:
    then = {
        "confirmed": "NotAllowed request: expected one that was not confirmed yet, came one that was "
        "confirmed on 2026-03-06 at position 2"
    }
    refused = f"NotAllowed request: expected one that is {OPEN}, came one {CAME[state]}"
    then |= dict.fromkeys({*STATES} - {*ANY}, refused)
    assert judged(STATES[state], step(10, "confirmed")) == then.get(state, ALLOWED)


# ---- identity


WAITED: list[tuple[str, list[Said], Said, str]] = [
    ("as long as it took", [ASKED, CHALLENGED], step(16, "verified", due_on="2026-04-15"), ALLOWED),
    ("and not a day more", [ASKED, CHALLENGED], step(16, "verified", due_on="2026-04-16"),
     "BadField due_on: expected 2026-04-15, came 2026-04-16"),
    ("and says so", [ASKED, CHALLENGED], step(16, "verified"),
     "BadField due_on: expected 2026-04-15, came none"),
    ("but not within a day", [ASKED, CHALLENGED], step(6, "verified"), ALLOWED),
    ("but not unless they were asked", [ASKED], step(16, "verified", due_on="2026-04-15"),
     "BadField due_on: expected none, came 2026-04-15"),
    ("but not in California", [received("ccpa"), CHALLENGED], step(16, "verified"), ALLOWED),
    ("nor in Brazil", [received("lgpd"), CHALLENGED], step(16, "verified"), ALLOWED),
    ("also over a year", [ASKED, CHALLENGED], step(371, "verified", due_on="2027-04-05"), ALLOWED),
    ("on top of an extension",
     [ASKED, CHALLENGED, step(7, "extended", due_on="2026-06-08", ground="number")],
     step(16, "verified", due_on="2026-06-15"), ALLOWED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in WAITED], ids=[row[0] for row in WAITED]
)
def test_the_clock_waits_for_identity(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


def test_nobody_is_asked_who_they_are_once_it_is_too_late() -> None:
    assert judged([ASKED], step(37, "challenged")) == ALLOWED  # 6 April
    assert judged([ASKED], step(38, "challenged")) == (
        "NotAllowed occurred_at: expected at the latest 2026-04-06, when it was due, came 2026-04-07"
    )


def test_california_lets_people_opt_out_unknown() -> None:
    opted_out = [received("ccpa", "objection")]
    assert judged(opted_out, step(10, "fulfilled")) == ALLOWED
    assert judged([*opted_out, step(6, "challenged")], step(10, "fulfilled")) == ALLOWED
    assert judged([received("ccpa")], step(10, "fulfilled")) == (
        f"NotAllowed request: expected one that is verified, came one {CAME['received']}"
    )


# ---- more time


EXTEND = {"due_on": "2026-06-05", "ground": "complexity"}
EXTENSIONS_OF: list[tuple[str, list[Said], Said, str]] = [
    ("within the first month", [ASKED], step(37, "extended", **EXTEND), ALLOWED),
    ("no later", [ASKED], step(38, "extended", **EXTEND),
     "NotAllowed occurred_at: expected at the latest 2026-04-06, when it was due, came 2026-04-07"),
    ("later where the clock had waited",
     [ASKED, CHALLENGED, step(16, "verified", due_on="2026-04-15")],
     step(46, "extended", ground="number", due_on="2026-06-15"), ALLOWED),
    ("and while it waits", [ASKED, CHALLENGED],
     step(46, "extended", ground="number", due_on="2026-07-15"), ALLOWED),
    ("once", STATES["extended"], step(10, "extended", **EXTEND),
     "NotAllowed request: expected one that was not extended yet, came one that was extended on 2026-03-08 at position 3"),
    ("for a reason the law knows", [ASKED], step(10, "extended", due_on="2026-06-05", ground="holidays"),
     "NotAllowed ground: expected one of complexity (Art. 12(3)), number (Art. 12(3)), came 'holidays'"),
    ("by two months and no more", [ASKED], step(10, "extended", due_on="2026-06-08", ground="number"),
     "BadField due_on: expected 2026-06-05, came 2026-06-08"),
    ("by 45 days in California", [received("ccpa")],
     step(10, "extended", due_on="2026-06-03", ground="number"), ALLOWED),
    ("not for opting out", [received("ccpa", "objection")], step(10, "extended", **EXTEND),
     "NotAllowed request: expected one whose law knows an extension, came one for objection by ccpa, which knows none"),
    ("not in Brazil", [received("lgpd")], step(10, "extended", **EXTEND),
     "NotAllowed request: expected one whose law knows an extension, came one for access by lgpd, which knows none"),
    ("not once it is answered", STATES["refused"], step(10, "extended", **EXTEND),
     f"NotAllowed request: expected one that is {OPEN}, came one {CAME['refused']}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in EXTENSIONS_OF], ids=[r[0] for r in EXTENSIONS_OF]
)
def test_it_takes_longer(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


# ---- grounds


def test_it_is_refused_on_a_ground_that_the_law_has_for_that_right() -> None:
    assert judged([ASKED], step(10, "refused", ground="rights-of-others")) == ALLOWED
    assert (
        judged([received(right="erasure")], step(10, "refused", ground="legal-claims")) == ALLOWED
    )
    assert judged([ASKED], step(10, "refused", ground="legal-claims")) == (
        "NotAllowed ground: expected one of cannot-identify (Art. 11(2), 12(2)), unfounded (Art. 12(5)), "
        "excessive (Art. 12(5)), rights-of-others (Art. 15(4), 20(4)), national-law (Art. 23), "
        "came 'legal-claims'"
    )


def test_whoever_is_known_cannot_be_refused_as_a_stranger() -> None:
    stranger = step(10, "refused", ground="cannot-identify")
    assert judged([ASKED, CHALLENGED], stranger) == ALLOWED
    assert judged([ASKED, VERIFIED], stranger) == (
        "NotAllowed ground: expected one of unfounded (Art. 12(5)), excessive (Art. 12(5)), "
        "rights-of-others (Art. 15(4), 20(4)), national-law (Art. 23), came 'cannot-identify'"
    )


def test_whoever_made_a_request_may_take_it_back_until_it_is_carried_out() -> None:
    back = step(10, "refused", ground="withdrawn")
    assert judged([ASKED], back) == ALLOWED
    assert judged([ASKED, CHALLENGED, VERIFIED], back) == ALLOWED
    assert judged([ASKED, step(9, "fulfilled")], back).startswith("NotAllowed request: ")


def test_every_ground_says_where_the_law_has_it() -> None:
    for table in (REFUSALS, EXTENSIONS):
        for law, known in table.items():
            marks = ("Civ. Code § ", "11 CCR § ") if law == "ccpa" else ("Art. ",)
            assert all(ground.article.startswith(marks) for ground in known.values())
            assert all(ground.rights for ground in known.values())
    assert all(why.startswith("Art. 17(3)") for why in HOLDS.values())


# ---- holds, and two of us


ERASE = [received(right="erasure"), VERIFIED]
TWO = f"somebody else than {MIA}, who verified it"
ERASURES: list[tuple[str, list[Said], Said, str]] = [
    ("by somebody else than the verifier", ERASE, erasing(10), ALLOWED),
    ("not by the verifier", ERASE, erasing(10, actor=MIA),
     f"NotAllowed actor: expected {TWO}, came the same"),
    ("not by nobody", ERASE, erasing(10, actor=None), f"NotAllowed actor: expected {TWO}, came nobody"),
    ("not before they are known", ERASE[:1], erasing(10),
     f"NotAllowed request: expected one that is verified, came one {CAME['received']}"),
    ("not on another request", [ASKED, VERIFIED], erasing(10),
     "NotAllowed request: expected one for erasure, came one for access"),
    ("not while a hold stands", [*ERASE, hold(8, "placed")], erasing(10),
     "NotAllowed hold: expected none on this person, came claim-1 (litigation), placed on 2026-03-08 at position 3"),
    ("not while several do", [*ERASE, hold(8, "placed"), hold(8, "placed", "audit-2", ground="audit")],
     erasing(10),
     "NotAllowed hold: expected none on this person, came audit-2 (audit), placed on 2026-03-08 at position 4, claim-1 (litigation), placed on 2026-03-08 at position 3"),
    ("once it is released", [*ERASE, hold(8, "placed"), hold(9, "released")], erasing(10), ALLOWED),
    ("not before the release", [*ERASE, hold(8, "placed"), hold(12, "released")], erasing(10),
     "BadField occurred_at: expected not before what it follows, at 2026-03-12 00:00:00 UTC, came 2026-03-10 00:00:00 UTC"),
    ("not twice", [*ERASE, erasing(9)], erasing(10),
     "NotAllowed customer: expected one who is not being erased, came one who is, since position 3"),
    ("without a request", [], erasing(10, request=None), ALLOWED),
    ("without a request, but not past a hold", [hold(8, "placed")], erasing(10, request=None),
     "NotAllowed hold: expected none on this person, came claim-1 (litigation), placed on 2026-03-08 at position 1"),
]  # fmt: skip
EXECUTING = [*ERASE, erasing(9)]
FULFILMENTS: list[tuple[str, list[Said], str]] = [
    ("before they are known", ERASE[:1],
     f"NotAllowed request: expected one that is verified, came one {CAME['received']}"),
    ("while a hold stands", [*ERASE, hold(8, "placed")],
     "NotAllowed hold: expected none on this person, came claim-1 (litigation), placed on 2026-03-08 at position 3"),
    ("by the verifier", ERASE, f"NotAllowed actor: expected {TWO}, came the same"),
    ("while it is under way", EXECUTING,
     "NotAllowed request: expected one that is verified, came one that is executing since 2026-03-09 at position 3"),
    ("when it is done", [*EXECUTING, erasing(10, "erased")],
     "NotAllowed request: expected one that is verified, came one that was erased on 2026-03-10 at position 4"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in ERASURES], ids=[row[0] for row in ERASURES]
)
def test_an_erasure_begins(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


@pytest.mark.parametrize(
    ("given", "then"), [row[1:] for row in FULFILMENTS], ids=[row[0] for row in FULFILMENTS]
)
def test_an_erasure_is_not_fulfilled(given: list[Said], then: str) -> None:
    assert judged(given, step(12, "fulfilled")) == then


def test_an_erasure_is_fulfilled_by_erasing_them_and_not_by_saying_so() -> None:
    assert judged(ERASE, step(12, "fulfilled", actor=LEO)) == (
        "NotAllowed right: expected access, portability, rectification, restriction or objection: "
        "erasing the person fulfils an erasure, came erasure"
    )


def test_what_is_being_done_can_no_longer_be_refused_but_confirmed() -> None:
    came = "came one that is executing since 2026-03-09 at position 3"
    assert judged(EXECUTING, step(12, "refused", ground="legal-claims")) == (
        f"NotAllowed request: expected one that is received or challenged or verified, {came}"
    )
    assert judged(EXECUTING, step(12, "confirmed")) == ALLOWED


HOLDINGS: list[tuple[str, list[Said], Said, str]] = [
    ("placed", [], hold(10, "placed"), ALLOWED),
    ("placed under another name", [hold(8, "placed")], hold(10, "placed", "claim-2"), ALLOWED),
    ("placed twice", [hold(8, "placed")], hold(10, "placed"),
     "NotAllowed hold: expected a name under which none stands, came one placed on 2026-03-08 at position 1"),
    ("placed again", [hold(8, "placed"), hold(9, "released")], hold(10, "placed"), ALLOWED),
    ("placed for no reason", [], hold(10, "placed", ground="busy"),
     "NotAllowed ground: expected one of litigation, audit, investigation, order, came 'busy'"),
    ("placed too late", [erasing(9)], hold(10, "placed"),
     "NotAllowed customer: expected one who is not being erased, came one who is, since position 1"),
    ("placed after a part was erased", [erasing(8), erasing(9, "erased")], hold(10, "placed"), ALLOWED),
    ("released", [hold(8, "placed")], hold(10, "released"), ALLOWED),
    ("released, and never placed", [], hold(10, "released"),
     f"NotAllowed hold: expected one that stands, came claim-1 of {ZOE}"),
    ("released under another name", [hold(8, "placed")], hold(10, "released", "claim-2"),
     f"NotAllowed hold: expected claim-1, came claim-2 of {ZOE}"),
    ("released before it is placed", [hold(12, "placed")], hold(10, "released"),
     "BadField occurred_at: expected not before what it follows, at 2026-03-12 00:00:00 UTC, came 2026-03-10 00:00:00 UTC"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in HOLDINGS], ids=[row[0] for row in HOLDINGS]
)
def test_a_hold_is(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


def test_a_hold_on_any_member_of_a_merged_person_stops_the_erasure() -> None:
    merged: Said = (3, "customers.merged", {"customer": ZOE, "other": ANN})
    persons = persons_of([recorded(1, merged)], lambda customer: (customer.int, customer))
    given = [merged, *ERASE, hold(8, "placed", customer=ANN)]
    assert judged(given, erasing(10), persons) == (
        "NotAllowed hold: expected none on this person, "
        "came claim-1 (litigation), placed on 2026-03-08 at position 4"
    )
    assert judged(given, erasing(10)) == ALLOWED  # had they never been merged
    assert judged(given, hold(10, "released"), persons) == (
        f"NotAllowed hold: expected claim-1 of {ANN}, came claim-1 of {ZOE}"
    )
    assert judged(given, hold(10, "released", customer=ANN), persons) == ALLOWED
    assert (
        judged(given, step(10, "refused", ground="legal-claims", customer=ANN), persons) == ALLOWED
    )


def test_a_hold_of_the_same_name_on_another_member_is_another_hold() -> None:
    merged: Said = (3, "customers.merged", {"customer": ZOE, "other": ANN})
    persons = persons_of([recorded(1, merged)], lambda customer: (customer.int, customer))
    given = [merged, hold(12, "placed", customer=ANN)]
    assert judged(given, hold(10, "placed"), persons) == ALLOWED


def test_nothing_happens_to_a_request_before_what_has_happened_to_it() -> None:
    assert judged([ASKED, VERIFIED], step(6, "fulfilled")) == (
        f"BadField occurred_at: expected not before what it follows, at {day(7):%Y-%m-%d %H:%M:%S} UTC, "
        f"came {day(6):%Y-%m-%d %H:%M:%S} UTC"
    )
    other = step(20, "confirmed", request=S)
    assert judged([ASKED, VERIFIED, other], step(10, "fulfilled")) == ALLOWED
