"""What was wrong about a person: replaced in every ordinary reading, and named by nobody's name any more."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.privacy.corrections import Corrections
from commands.privacy.rectifying import Rectified, prefer, rectify
from commands.profile import Profile, Superseded, open_profile
from commands.touchpoint import Fate, Touchpoint
from ledger import catalogue
from ledger.clock import random_ids
from ledger.errors import IdentityConflict, Refused
from ledger.event import MERGED, SPLIT, Event, Recorded
from ledger.identifiers import Identifier
from ledger.opening import Ledger
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
    touchpoint,
)

MAIL, WRONG = ("email", "zoe@example.com"), ("email", "zoe.ames@example.com")


def desk(ledger: Ledger) -> Desk:
    return Desk(ledger, clock, random_ids, DAY)


def zoe(ledger: Ledger) -> UUID:
    """Zoë Ames, taken down with somebody else's e-mail address and a wrong birthday."""
    said = {"name": "Zoe Aims", "email": WRONG[1], "birthday": "1990-02-30", "address": "Ulm"}
    who = [("user", "u1"), WRONG]
    take(
        ledger,
        touchpoint("1", "customer.identified", who=who, at=NOW - 9 * DAY, data=said),
        touchpoint("2", who=who, at=NOW - 8 * DAY),
    )
    customer = recorded(ledger)[0].event.customer
    assert customer is not None
    return customer


def right(
    customer: UUID,
    message_id: str = "r1",
    *,
    named: tuple[tuple[str, str], ...] = (),
    at: datetime = NOW - DAY,
    **said: Any,
) -> Touchpoint:
    return Touchpoint(
        payload=catalogue.parse("customer.rectified", said, at_a_door=False),
        occurred_at=at,
        source="bahi",
        message_id=message_id,
        identifiers=tuple(Identifier(*one) for one in named),
        customer=customer,
        actor=CLERK,
    )


MENDED: dict[str, Any] = {"name": "Zoë Ames", "email": MAIL[1], "withdrawn": ["birthday"]}


def mend(ledger: Ledger, customer: UUID, *, belongs_to: UUID | None = None) -> Rectified:
    asked = right(customer, named=(MAIL,), not_theirs=[":".join(WRONG)], **MENDED)
    return rectify(desk(ledger), asked, belongs_to=belongs_to)


def profile(ledger: Ledger, *customers: UUID, superseded: bool = False) -> Profile:
    return open_profile(
        ledger,
        customers,
        actor=CLERK,
        purpose="audit",
        reason="to see",
        clock=clock,
        superseded=superseded,
    )


def test_an_ordinary_reading_shows_what_is_right(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        mend(ledger, customer)
        assert profile(ledger, customer) == Profile(
            details={"address": "Ulm", "name": "Zoë Ames", "email": MAIL[1]},
            identifiers=[("user", "u1"), MAIL],
        )
        assert profile(ledger, customer, superseded=True).superseded == [
            Superseded(1, "birthday", "1990-02-30"),
            Superseded(1, "email", WRONG[1]),
            Superseded(1, "name", "Zoe Aims"),
            Superseded(1, "email", WRONG[1]),
            Superseded(2, "email", WRONG[1]),
        ]


def test_what_names_them_is_set_right_in_the_vault(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        (other,) = mend(ledger, customer).others
        assert customer_of(ledger, *MAIL) == customer == customer_of(ledger, "user", "u1")
        assert customer_of(ledger, *WRONG) == other != customer
        types = [found.event.type for found in recorded(ledger)]
        assert types == ["customer.identified", "order.placed", "customer.rectified", SPLIT]


def test_no_rule_takes_the_two_for_one_again(folder: Path) -> None:
    """A source that still has the wrong address names both, and what names them is not changed. A detail
    that is said afterwards is news, be it what was wrong before.
    """
    with opened(folder) as ledger:
        customer = zoe(ledger)
        (other,) = mend(ledger, customer).others
        both = {"user": "u1", **dict([WRONG])}
        take(ledger, touchpoint("3", who=both), touchpoint("4", who=dict([WRONG])))
        third, fourth = recorded(ledger)[-2:]
        assert (third.event.customer, fourth.event.customer) == (customer, other)
        assert all(found.event.type != MERGED for found in recorded(ledger))
        assert ledger.people.now().members(customer) == (customer,)
        assert profile(ledger, customer).identifiers == [("user", "u1"), MAIL]
        stale = {"email": WRONG[1], "name": "Zoë Ames-Roth"}
        take(ledger, touchpoint("5", "customer.updated", who={"user": "u1"}, at=NOW, data=stale))
        told_late = {"email": WRONG[1]}
        take(ledger, touchpoint("6", "customer.updated", at=NOW - 2 * DAY, data=told_late))
        said = profile(ledger, customer)
        assert (said.details["email"], said.details["name"]) == (WRONG[1], "Zoë Ames-Roth")
        assert said.identifiers == [("user", "u1"), MAIL]
        late = next(
            one.position for one in recorded(ledger) if one.event.occurred_at == NOW - 2 * DAY
        )
        assert (late, "email", WRONG[1]) in profile(ledger, customer, superseded=True).superseded


def test_it_may_belong_to_somebody_who_is_known(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        take(ledger, touchpoint("7", who={"user": "u2"}))
        owner = recorded(ledger)[-1].event.customer
        assert mend(ledger, customer, belongs_to=owner).others == (owner,)
        assert customer_of(ledger, *WRONG) == owner
        with pytest.raises(IdentityConflict, match=r"^belongs_to: expected another person"):
            mend(ledger, customer, belongs_to=customer)


def test_what_names_a_third_person_is_refused_before_anything_is_written(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        third = {"email": "third@example.com"}
        take(ledger, touchpoint("7", who={"user": "u2"}), touchpoint("8", who=third))
        owner, other = (one.event.customer for one in recorded(ledger)[-2:])
        before = (ledger.book.head(), ledger.vault.generation())
        asked = right(customer, not_theirs=[":".join(WRONG), "email:third@example.com"])
        with pytest.raises(
            IdentityConflict, match=r"^not_theirs.email: expected one that names this person"
        ):
            rectify(desk(ledger), asked, belongs_to=owner)
        assert (ledger.book.head(), ledger.vault.generation()) == before
        assert rectify(desk(ledger), asked).others[1:] == (other,)


def test_said_again_it_is_done_once(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        first, generation = mend(ledger, customer), ledger.vault.generation()
        again = mend(ledger, customer)
        assert (first.outcome.fate, again.outcome.fate) == (Fate.APPENDED, Fate.DUPLICATE)
        assert again.others == first.others
        assert (ledger.book.head(), ledger.vault.generation()) == (4, generation + 1)


@pytest.mark.parametrize("done", [1, 2], ids=["rectified", "parted"])
def test_broken_off_it_goes_on_where_it_is_said_again(
    folder: Path, done: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the event is there, or the parting as well, and the vault has heard of nothing."""

    class Died(Exception):
        pass

    def die(*_: object, **__: object) -> None:
        raise Died

    with opened(folder) as ledger:
        customer = zoe(ledger)
        place = "ledger.vault.Vault.assign" if done == 2 else "commands.privacy.rectifying._part"
        with monkeypatch.context() as patched:
            patched.setattr(place, die)
            with pytest.raises(Died):
                mend(ledger, customer)
        assert customer_of(ledger, *WRONG) == customer
        assert ledger.book.head() == 2 + done
    with opened(folder) as ledger:
        (other,) = mend(ledger, customer).others
        assert customer_of(ledger, *WRONG) == other != customer
        assert (ledger.book.head(), recorded(ledger)[3].event.data) == (4, {"other": str(other)})


@pytest.mark.parametrize(
    ("said", "named", "message"),
    [
        ({}, (), "BadField customer.rectified: expected what is right, or what is wrong, came neither"),
        ({}, (("email", "b@example.com"),), "IdentityConflict identifiers.email: expected one that names nobody else: merge or rectify the other, came one that names another"),
        ({}, (("user", "u9"),), "IdentityConflict identifiers: expected at most 1 of kind user for one person, came 2"),
        ({"not_theirs": ["email:x@example.com"]}, (("email", "x@example.com"),), "BadField identifiers.email: expected one that is theirs or not theirs, came one that is both"),
        ({"name": "Z", "withdrawn": ["name"]}, (), "BadField withdrawn: expected details that have nothing in their place, came name"),
        ({"name": "Z", "request": str(UUID(int=5))}, (), "NotAllowed request: expected one that is verified, came one that is not in the book"),
    ],
    ids=["nothing", "another's", "too many", "both", "given and withdrawn", "no such request"],
)  # fmt: skip
def test_what_makes_no_sense_changes_nothing(
    tmp_path: Path, said: dict[str, Any], named: tuple[tuple[str, str], ...], message: str
) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        take(ledger, touchpoint("7", who={"email": "b@example.com"}))
        before = (ledger.book.head(), ledger.vault.generation())
        with pytest.raises(Refused) as refused:
            rectify(desk(ledger), right(customer, named=named, **said))
        assert f"{type(refused.value).__name__} {refused.value}" == message
        assert (ledger.book.head(), ledger.vault.generation()) == before


def test_a_user_may_be_exchanged_for_another(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        asked = right(customer, named=(("user", "u9"),), not_theirs=["user:u1"])
        rectify(desk(ledger), asked)
        assert customer_of(ledger, "user", "u9") == customer != customer_of(ledger, "user", "u1")
        assert profile(ledger, customer).identifiers == [WRONG, ("user", "u9")]


def test_a_rectification_holds_for_all_that_one_person_is(folder: Path) -> None:
    with opened(folder) as ledger:
        customer = zoe(ledger)
        said = {"name": "Zoe A."}
        take(
            ledger,
            touchpoint("7", "customer.updated", who={"user": "u2"}, at=NOW - 3 * DAY, data=said),
        )
        other = recorded(ledger)[-1].event.customer
        assert other is not None
        mend(ledger, customer)
        assert profile(ledger, customer, other).details["name"] == "Zoë Ames"
        assert profile(ledger, other).details["name"] == "Zoe A."


def test_preferences_are_set_right_by_the_latest(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        wrong = {"language": "de"}
        take(ledger, touchpoint("7", "preference.set", at=NOW - DAY, data=wrong))
        chosen = catalogue.parse("preference.set", {"language": "gu"})
        late = right(customer, at=NOW - 2 * DAY)
        with pytest.raises(Refused, match=r"^occurred_at: expected not before what it follows"):
            prefer(desk(ledger), late, chosen)
        assert prefer(desk(ledger), right(customer, at=NOW), chosen).position == 4
        assert recorded(ledger)[-1].event.data == {"language": "gu"}


REQUEST = UUID(int=77)
PERSON = UUID(int=10)


def asked_for(right_: str, *, verified: bool) -> list[Said]:
    received = {
        "request": REQUEST, "right": right_, "law": "gdpr", "due_on": "2026-04-01", "customer": PERSON,
    }  # fmt: skip
    known = [(2, "privacy.verified", {"request": REQUEST, "customer": PERSON})] * verified
    return [(1, "privacy.requested", received), *known]


@pytest.mark.parametrize(
    ("given", "day", "refused"),
    [
        (asked_for("rectification", verified=True), 3, ALLOWED),
        (asked_for("rectification", verified=False), 3, "NotAllowed request: expected one that is verified, came one that was requested on 2026-03-01 at position 1"),
        (asked_for("access", verified=True), 3, "NotAllowed request: expected one for rectification, came one for access"),
        ([*asked_for("rectification", verified=True), (5, "customer.rectified", {"name": "Y", "customer": PERSON})], 4, "BadField occurred_at: expected not before what it follows, at 2026-03-05 00:00:00 UTC, came 2026-03-04 00:00:00 UTC"),
    ],
    ids=["verified", "not verified", "for something else", "before another"],
)  # fmt: skip
def test_on_request_only_once_we_know_who_asks(given: list[Said], day: int, refused: str) -> None:
    asked = {"name": "Zoë", "request": REQUEST, "customer": PERSON}
    assert judged(given, (day, "customer.rectified", asked)) == refused


# ---- which details hold, against a table


def event(position: int, kind: str, day: int, **data: Any) -> Recorded:
    body = Event(uuid4(), kind, 1, "touchpoint", NOW + day * DAY, "shop", data)
    return Recorded(position, NOW, body, b"")


def test_what_is_said_later_holds_and_what_is_told_late_does_not() -> None:
    wrong = Corrections(
        [
            (event(5, "customer.rectified", 5), {"name": "R", "not_theirs": ["phone:+49123"]}),
            (event(9, "customer.rectified", 9, withdrawn=["phone"]), {"identifiers": [["email", "a@x.de"]]}),
            (event(7, "customer.rectified", 7), {"not_theirs": ["email:a@x.de", "email:b@x.de"]}),
        ]
    )  # fmt: skip
    said = {"name": "N", "phone": "+49123", "email": "A@x.de", "address": "Ulm"}
    named = {"identifiers": [["email", "a@x.de"], ["email", "b@x.de"], ["phone", "+49123"]]}
    cases = [
        ("customer.updated", 4, {"email", "address"}),
        ("customer.updated", 6, {"name", "email", "address"}),
        ("customer.identified", 8, {"name", "email", "address"}),
        ("customer.identified", 10, {"name", "phone", "email", "address"}),
        ("order.placed", 4, {"name", "phone", "email", "address"}),
    ]
    for kind, day, holding in cases:
        at = event(20, kind, day)
        standing = wrong.standing(at, {**said, **named})
        assert standing.pop("identifiers") == [["email", "a@x.de"]]
        assert {*standing} == holding, (kind, day)
        superseded = wrong.superseded(at, said)
        assert {*superseded} == {*said} - holding


SPELLED = [
    ("phone:+491711234567", "phone", "+49 (171) 123-4567", None),
    ("phone:+491711234567", "phone", "0171 1234567", None),
    ("phone:+491711234567", "phone", "0171/1234567", "DE"),
    ("email:zoe@bücher.example", "email", "Zoe@xn--bcher-kva.example", None),
]


@pytest.mark.parametrize(("wrong", "kind", "value", "market"), SPELLED)
def test_what_is_wrong_is_wrong_in_every_spelling(
    wrong: str, kind: str, value: str, market: str | None
) -> None:
    corrections = Corrections([(event(5, "customer.rectified", 5), {"not_theirs": [wrong]})])
    for day, standing in ((4, {}), (6, {kind: value})):
        before = event(1, "customer.updated", day)
        tagged = replace(before.event, tags=() if market is None else (f"market:{market}",))
        assert corrections.standing(replace(before, event=tagged), {kind: value}) == standing


def test_a_number_of_another_country_is_another_number() -> None:
    corrections = Corrections(
        [(event(5, "customer.rectified", 5), {"not_theirs": ["phone:+491711234567"]})]
    )
    before = event(1, "customer.updated", 4)
    tagged = replace(before, event=replace(before.event, tags=("market:IN",)))
    assert corrections.standing(tagged, {"phone": "0171 1234567"}) != {}
    assert corrections.standing(before, {"phone": "nobody knows"}) != {}


def test_a_detail_that_stands_beside_something_else_is_superseded_as_well() -> None:
    withdrawn = event(5, "customer.rectified", 5, withdrawn=["job_title"])
    corrections = Corrections([(withdrawn, {})])
    title = {"job_title": "Buyer"}
    assert corrections.standing(event(1, "member.joined", 4), title) == {}
    assert corrections.superseded(event(1, "member.joined", 4), title) == title
    assert corrections.standing(event(1, "member.joined", 6), title) == title


def test_it_is_sealed_like_every_name(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        customer = zoe(ledger)
        mend(ledger, customer)
        stored = b"".join(found.body for found in recorded(ledger)).lower()
        assert b"ames" not in stored
        assert b"example.com" not in stored
