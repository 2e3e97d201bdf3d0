"""Redaction: one proposes, another approves, the bytes go, and verification says so for ever."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from commands.deciding import Desk
from commands.privacy.redaction import ALL, Approved, approve, proposal, propose
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.catalogue.privacy import Bytes
from ledger.clock import random_ids
from ledger.errors import NotAllowed, NotFound, Refused
from ledger.event import Recorded
from ledger.opening import Ledger
from ledger.sealing import KeyRecord, blobs
from replay.verify import Redaction, verify_book
from tests.commands.judging import ALLOWED, Said, judged
from tests.commands.samples import (
    CLERK,
    DAY,
    NOW,
    clock,
    customer_of,
    opened,
    recorded,
    take,
    told,
    touchpoint,
)

MIA = UUID("eeeeeeee-0000-4000-8000-000000000002")
CARD = "4111111111111111"


def desk(ledger: Ledger) -> Desk:
    return Desk(ledger, clock, random_ids, DAY)


def mistaken(ledger: Ledger) -> None:
    """Three orders; the campaign of the second is the number of a card."""
    take(
        ledger,
        touchpoint("1"),
        touchpoint("2", tags={"campaign": CARD}, references={"order": "7"}),
        touchpoint("3", who={"user": "u2"}),
    )


def proposed(
    ledger: Ledger, position: int, removed: Sequence[Bytes] = ALL, actor: UUID = CLERK
) -> Outcome:
    asked = Touchpoint(
        payload=proposal(ledger.book, position, "card-number", removed),
        occurred_at=NOW,
        source="bahi",
        message_id=f"{position} {removed} {actor}",
        actor=actor,
    )
    return propose(desk(ledger), asked)


def approved(ledger: Ledger, position: int, actor: UUID = MIA) -> Approved:
    return approve(desk(ledger), position, actor=actor, source="bahi")


def found(ledger: Ledger, number: int) -> Recorded:
    return recorded(ledger)[number - 1]


def test_one_proposes_another_approves_and_the_bytes_are_gone(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        root = ledger.book.root_at(3)
        assert proposed(ledger, 2) == Outcome(Fate.APPENDED, 4)
        assert found(ledger, 2).event.tags != ()
        assert approved(ledger, 2) == Approved(Outcome(Fate.APPENDED, 5), ("body", "personal"))
        left = found(ledger, 2).event
        assert (left.type, left.tags, left.data, left.customer, left.personal) == (
            "order.placed", (), {}, None, b"",
        )  # fmt: skip
        told_of = found(ledger, 5).event
        assert told_of.data == {
            "redacted_position": 2,
            "redacted_id": str(left.id),
            "ground": "card-number",
            "approvers": [str(CLERK), str(MIA)],
            "removed": ["body", "personal"],
        }
        assert ledger.book.root_at(3) == root
        verified = verify_book(ledger.book)
        assert (verified.redactions, verified.pending) == ((Redaction(2, ALL, 5),), ())


def test_what_is_sealed_goes_alone_and_is_recorded_anew_for_the_right_person(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        before, sealed = found(ledger, 3).event, found(ledger, 3).event.personal
        proposed(ledger, 3, ("personal",))
        assert approved(ledger, 3).removed == ("personal",)
        left = found(ledger, 3).event
        assert (left.personal, left.data, left.tags) == (b"", before.data, before.tags)
        (record,) = (record for record in blobs(sealed) if isinstance(record, KeyRecord))
        assert found(ledger, 5).event.data["commitments"] == [record.commitment.hex()]
        assert told(take(ledger, touchpoint("3", who={"user": "u2"}))) == [("duplicate", 3)]
        anew = take(ledger, touchpoint("3 anew", who={"user": "u1"}))
        assert told(anew) == [("appended", 6)]
        assert found(ledger, 6).event.customer == customer_of(ledger, "user", "u1")


def test_what_was_redacted_is_not_taken_in_again(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        approved(ledger, 2)
        again = take(ledger, touchpoint("2", tags={"campaign": CARD}), touchpoint("2"))
        assert told(again) == [("duplicate", 2), ("duplicate", 2)]


def test_whoever_proposed_it_does_not_approve_it(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        with pytest.raises(NotAllowed, match=f"^actor: expected somebody else than {CLERK}, who"):
            approved(ledger, 2, CLERK)
        with pytest.raises(NotFound, match=r"^no proposal to redact position 3$"):
            approved(ledger, 3)
        assert (ledger.book.head(), found(ledger, 2).event.version) == (4, 1)


def test_broken_off_it_goes_on_where_it_is_said_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        pass

    def die(*_: object) -> None:
        raise Died

    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        with monkeypatch.context() as patched:
            patched.setattr(type(ledger.book), "redact", die)
            with pytest.raises(Died):
                approved(ledger, 2)
        assert verify_book(ledger.book).pending == (2,)
    with opened(folder) as ledger:
        # By whoever is there: that two have approved of it is in the book.
        assert approved(ledger, 2, CLERK).outcome == Outcome(Fate.DUPLICATE, 5)
        verified = verify_book(ledger.book)
        assert (verified.redactions, verified.pending) == ((Redaction(2, ALL, 5),), ())


def test_first_what_is_sealed_then_the_rest(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2, ("personal",))
        approved(ledger, 2)
        proposed(ledger, 2)
        assert approved(ledger, 2).outcome == Outcome(Fate.APPENDED, 7)
        assert verify_book(ledger.book).redactions == (Redaction(2, ALL, 5),)
        with pytest.raises(NotAllowed, match=r"^removed: expected what was not removed yet"):
            proposed(ledger, 2, ("personal",), MIA)


def test_what_proves_something_is_never_redacted(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        with pytest.raises(NotAllowed, match=r"^position: expected no proof .*, came 'redaction.p"):
            proposal(ledger.book, 4, "mistaken")
        with pytest.raises(NotFound, match=r"^no event at position 9$"):
            proposal(ledger.book, 9, "mistaken")
        both = touchpoint("4", who=[("user", "u1"), ("email", "a@example.com")])
        other = touchpoint("5", who=[("email", "b@example.com")])
        take(ledger, both, other, touchpoint("6", who=[("user", "u1"), ("email", "b@example.com")]))
        merged = next(r.position for r in recorded(ledger) if r.event.type == "customers.merged")
        with pytest.raises(
            NotAllowed, match=r"^position: expected no proof of privacy or identity"
        ):
            proposal(ledger.book, merged, "mistaken", ("personal",))


# ---- the rule by itself


ONE, OTHER, THIRD = (str(UUID(int=n)) for n in (101, 102, 103))
ID = str(UUID(int=7))


def of(day: int, kind: str, actor: str | None, **said: Any) -> Said:
    about = {"redacted_position": 4, "redacted_id": ID, "ground": "mistaken", "removed": ["body"]}
    who = {} if actor is None else {"actor": UUID(actor)}
    return day, kind, {**about, **said, **who}


PROPOSED = of(1, "redaction.proposed", ONE)
AGREED = of(2, "event.redacted", OTHER, approvers=[ONE, OTHER])
NOBODY_ELSE = "NotAllowed redaction: expected one that somebody else proposed, came none"
OTHERS = "NotAllowed approvers: expected two, the second of them you, came others"
GONE = "NotAllowed removed: expected what was not removed yet, came body, which was"
TABLE: list[tuple[str, list[Said], Said, str]] = [
    ("proposed", [], PROPOSED, ALLOWED),
    ("proposed by nobody", [], of(1, "redaction.proposed", None), "NotAllowed actor: expected somebody of us, came nobody"),
    ("proposed twice", [PROPOSED], of(2, "redaction.proposed", OTHER), ALLOWED),
    ("proposed when gone", [PROPOSED, AGREED], of(3, "redaction.proposed", ONE), GONE),
    ("more of it", [PROPOSED, AGREED], of(3, "redaction.proposed", ONE, removed=["body", "personal"]), ALLOWED),
    ("agreed", [PROPOSED], AGREED, ALLOWED),
    ("agreed by the same", [PROPOSED], of(2, "event.redacted", ONE, approvers=[ONE, ONE]), OTHERS),
    ("agreed by one", [PROPOSED], of(2, "event.redacted", ONE, approvers=[ONE]), OTHERS),
    ("agreed by a third", [PROPOSED], of(2, "event.redacted", THIRD, approvers=[ONE, OTHER]), OTHERS),
    ("the wrong way round", [PROPOSED], of(2, "event.redacted", ONE, approvers=[OTHER, ONE]), NOBODY_ELSE),
    ("agreed to nothing", [], AGREED, NOBODY_ELSE),
    ("to more than that", [PROPOSED], of(2, "event.redacted", OTHER, approvers=[ONE, OTHER], removed=["body", "personal"]), NOBODY_ELSE),
    ("of another event", [PROPOSED], of(2, "event.redacted", OTHER, approvers=[ONE, OTHER], redacted_position=5), NOBODY_ELSE),
    ("of another id", [PROPOSED], of(2, "event.redacted", OTHER, approvers=[ONE, OTHER], redacted_id=ONE), NOBODY_ELSE),
    ("for another reason", [PROPOSED], of(2, "event.redacted", OTHER, approvers=[ONE, OTHER], ground="x"), NOBODY_ELSE),
    ("twice", [PROPOSED, AGREED], of(3, "event.redacted", OTHER, approvers=[ONE, OTHER]), GONE),
    ("before it was proposed", [of(5, "redaction.proposed", ONE)], AGREED, "BadField occurred_at: expected not before what it follows, at 2026-03-05 00:00:00 UTC, came 2026-03-02 00:00:00 UTC"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "refused"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_two_of_us_and_what_they_agreed_on(given: list[Said], when: Said, refused: str) -> None:
    assert judged(given, when) == refused


def test_a_door_takes_neither(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        mistaken(ledger)
        payload = proposal(ledger.book, 2, "mistaken")
        asked = Touchpoint(payload, NOW, "shop", "9")
        (outcome,) = take(ledger, asked)
        assert isinstance(outcome.refusal, Refused)
        assert str(outcome.refusal).startswith("type: expected a type that a door may append")
