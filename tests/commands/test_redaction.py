"""Redaction: one proposes, another approves, the bytes go, and verification says so for ever."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.privacy.redaction import (
    ALL,
    Approved,
    approve,
    finish,
    proposal,
    proposals,
    propose,
    subject_digest,
)
from commands.rules import RULES
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.catalogue import Domain, types
from ledger.catalogue.email import EmailComplained
from ledger.catalogue.privacy import Bytes
from ledger.catalogue.profile import CustomersMerged, CustomersSplit
from ledger.catalogue.removing import removable
from ledger.clock import random_ids
from ledger.errors import BadUsage, BookAltered, NotAllowed, NotFound, Refused
from ledger.event import Recorded
from ledger.opening import Ledger
from ledger.postgres.address import Address
from ledger.postgres.connection import connect
from ledger.sealing import KeyRecord, blobs
from replay.verify import Redaction, verify_book
from tests.commands.judging import ALLOWED, Said, judged
from tests.commands.samples import (
    CLERK,
    DAY,
    NOW,
    clock,
    customer_of,
    keep_on_server,
    opened,
    recorded,
    stores_of,
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


def approved(ledger: Ledger, proposal_at: int, actor: UUID = MIA) -> Approved:
    given = desk(ledger), proposal_at
    return approve(*given, actor=actor, source="bahi", refold=lambda: None, recopy=lambda: None)


def alter(book: str, position: int, was: bytes, now: bytes) -> None:
    """Change bytes of an envelope, as whoever owns the store could."""
    if book.startswith("sqlite"):
        with closing(sqlite3.connect(Path(book.removeprefix("sqlite:///")) / "book.db")) as file:
            file.execute("DROP TRIGGER event_no_update")
            (body,) = file.execute(
                "SELECT body FROM event WHERE position = ?", (position,)
            ).fetchone()
            assert was in body
            given = (body.replace(was, now), position)
            file.execute("UPDATE event SET body = ? WHERE position = ?", given)
            file.commit()
        return
    with connect(Address.parse(book, "book")) as server:
        server.execute("ALTER TABLE event DISABLE TRIGGER USER")
        (body,) = server.execute(
            "SELECT body FROM event WHERE position = %s", (position,)
        ).fetchall()[0]
        assert was in body
        given = (body.replace(was, now), position)
        server.execute("UPDATE event SET body = %s WHERE position = %s", given)


def found(ledger: Ledger, number: int) -> Recorded:
    return recorded(ledger)[number - 1]


def test_one_proposes_another_approves_and_the_bytes_are_gone(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        root = ledger.book.root_at(3)
        assert proposed(ledger, 2) == Outcome(Fate.APPENDED, 4)
        assert found(ledger, 2).event.tags != ()
        assert approved(ledger, 4) == Approved(Outcome(Fate.APPENDED, 5), ("body", "personal"))
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
            "kept": told_of.data["kept"],
        }
        assert ledger.book.root_at(3) == root
        verified = verify_book(ledger.book)
        assert (verified.redactions, verified.pending) == ((Redaction(2, ALL, 5),), ())


def test_what_is_sealed_goes_alone_and_is_recorded_anew_for_the_right_person(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        before, sealed = found(ledger, 3).event, found(ledger, 3).event.personal
        proposed(ledger, 3, ("personal",))
        assert approved(ledger, 4).removed == ("personal",)
        left = found(ledger, 3).event
        assert (left.personal, left.data, left.tags) == (b"", before.data, before.tags)
        (record,) = (record for record in blobs(sealed) if isinstance(record, KeyRecord))
        (key,) = found(ledger, 5).event.data["keys"]
        assert key == {
            "subject": subject_digest(left.id, record.subject),
            "retention": record.retention,
            "key_version": 1,
            "commitment": record.commitment.hex(),
        }
        assert str(record.subject).encode() not in found(ledger, 5).body
        assert told(take(ledger, touchpoint("3", who={"user": "u2"}))) == [("duplicate", 3)]
        anew = take(ledger, touchpoint("3 anew", who={"user": "u1"}))
        assert told(anew) == [("appended", 6)]
        assert found(ledger, 6).event.customer == customer_of(ledger, "user", "u1")


def test_what_was_redacted_is_not_taken_in_again(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        approved(ledger, 4)
        again = take(ledger, touchpoint("2", tags={"campaign": CARD}), touchpoint("2"))
        assert told(again) == [("duplicate", 2), ("duplicate", 2)]


def test_whoever_proposed_it_does_not_approve_it(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        with pytest.raises(NotAllowed, match=f"^actor: expected somebody else than {CLERK}, who"):
            approved(ledger, 4, CLERK)
        for none in (3, 9):
            with pytest.raises(NotFound, match=rf"^no proposal to redact at position {none}$"):
                approved(ledger, none)
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
                approved(ledger, 4)
        assert verify_book(ledger.book).pending == (2,)
    with opened(folder) as ledger:
        # By whoever is there: that two have approved of it is in the book.
        assert approved(ledger, 4, CLERK).outcome == Outcome(Fate.DUPLICATE, 5)
        verified = verify_book(ledger.book)
        assert (verified.redactions, verified.pending) == ((Redaction(2, ALL, 5),), ())


def test_first_what_is_sealed_then_the_rest(folder: Path) -> None:
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2, ("personal",))
        approved(ledger, 4)
        proposed(ledger, 2)
        assert approved(ledger, 6).outcome == Outcome(Fate.APPENDED, 7)
        assert verify_book(ledger.book).redactions == (Redaction(2, ALL, 5),)
        with pytest.raises(NotAllowed, match=r"^removed: expected what was not removed yet"):
            proposed(ledger, 2, ("personal",), MIA)


def test_what_is_approved_is_the_proposal_that_was_shown(folder: Path) -> None:
    """And no other that was put in its place meanwhile."""
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 3, ("personal",))
        proposed(ledger, 3)
        assert approved(ledger, 4) == Approved(Outcome(Fate.APPENDED, 6), ("personal",))
        assert found(ledger, 3).event.data == found(ledger, 1).event.data
        assert [one.done for one in proposals(ledger.book)] == [True, False]


def test_what_stands_of_it_is_as_it_was_left(folder: Path) -> None:
    """Also where the database would let it be changed, its triggers being gone."""
    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 3, ("personal",))
        approved(ledger, 4)
        assert verify_book(ledger.book).redactions == (Redaction(3, ("personal",), 5),)
    alter(stores_of(folder)[0], 3, b'"amount_minor":1250', b'"amount_minor":9250')
    with opened(folder) as ledger, pytest.raises(BookAltered, match="what stands of it is not"):
        verify_book(ledger.book)


def test_a_removal_that_was_broken_off_before_views_were_folded_goes_on(folder: Path) -> None:
    class Died(Exception):
        pass

    def die() -> None:
        raise Died

    with opened(folder) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        with pytest.raises(Died):
            approve(desk(ledger), 4, actor=MIA, source="bahi", refold=die, recopy=lambda: None)
        assert found(ledger, 2).event.version == 0
    with opened(folder) as ledger:
        assert verify_book(ledger.book).pending == (2,)
        assert [one.done for one in proposals(ledger.book)] == [False]
        told: list[str] = []
        assert finish(
            ledger.book, lambda: told.append("folded"), lambda: told.append("copied")
        ) == [2]
        assert finish(ledger.book, lambda: told.append("again"), lambda: None) == []
        assert (told, verify_book(ledger.book).pending) == (["copied", "folded"], ())
        assert [one.done for one in proposals(ledger.book)] == [True]


def test_only_the_owner_of_the_tables_removes_from_a_server(
    tmp_path: Path, postgres_url: str
) -> None:
    """Another role is told so before anything is approved, and what is owed goes on in the owner's name."""
    keep_on_server(tmp_path, postgres_url)
    with opened(tmp_path) as ledger:
        mistaken(ledger)
        proposed(ledger, 2)
        before = [*ledger.book.rows()]
    owners = (tmp_path / "stores").read_text()
    book = stores_of(tmp_path)[0]
    schema, role = book.partition("=")[2], f"clerk_{uuid4().hex}"
    with connect(Address.parse(book, "book")) as server:
        for grant in (
            f"CREATE ROLE {role} LOGIN",
            f"GRANT USAGE ON SCHEMA {schema} TO {role}",
            f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {role}",
            # As much as anybody could be given by mistake.
            f"GRANT UPDATE, DELETE ON {schema}.event, {schema}.event_tag TO {role}",
        ):
            server.execute(grant.encode())
    (tmp_path / "stores").write_text(owners.replace("bahi@", f"{role}@", 1))
    with opened(tmp_path) as ledger:
        with pytest.raises(BadUsage, match=r"^the book: expected its owner, who alone removes"):
            approved(ledger, 4)
        with pytest.raises(BadUsage, match=r"^the book: expected its owner, who alone removes"):
            ledger.book.redact(2, ALL)
        assert ([*ledger.book.rows()], ledger.book.redacting()) == (before, [])
        assert finish(ledger.book, lambda: None, lambda: None) == []
        assert [one.approved_at for one in proposals(ledger.book)] == [None]
    (tmp_path / "stores").write_text(owners)
    with opened(tmp_path) as ledger:
        assert approved(ledger, 4).outcome == Outcome(Fate.APPENDED, 5)
        assert verify_book(ledger.book).pending == ()


def test_of_what_others_are_decided_by_only_what_is_sealed_goes(folder: Path) -> None:
    with opened(folder) as ledger:
        take(ledger, touchpoint("1", "email.unsubscribed", data={}))
        with pytest.raises(NotAllowed, match=r"^removed: expected what is sealed alone"):
            proposal(ledger.book, 1, "mistaken")
        assert proposal(ledger.book, 1, "mistaken", ("personal",)).removed == ("personal",)


def test_whatever_a_rule_or_a_permission_goes_by_keeps_its_envelope() -> None:
    """Every type of the catalogue that a rule guards, that tells of consent, or that merges and splits."""
    gone_by = {*RULES, EmailComplained, CustomersMerged, CustomersSplit}
    for model in types():
        allowed = removable(model.TOPIC, model.DOMAIN.value)
        if model.DOMAIN in {Domain.PRIVACY, Domain.AUDIT}:
            assert allowed == set(), model.TOPIC
        elif model in gone_by or model.DOMAIN is Domain.CONSENT:
            assert allowed == {"personal"}, model.TOPIC
        else:
            assert allowed == {"body", "personal"}, model.TOPIC


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
