"""Companies and their members; and what the company lays down under a name."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from commands.deciding import Desk
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger.errors import NotAllowed, NotFound
from ledger.event import Event, Recorded
from ledger.people import persons_of
from tests.commands.judging import ALLOWED, Said, judged
from tests.commands.samples import DAY, NOW, clock, customer_of, opened, take, touchpoint

ZOE, MIA = UUID(int=1), UUID(int=2)
ACME, BETA = {"account": "a"}, {"account": "b"}


def joined(day: int, who: UUID = ZOE, account: dict[str, str] = ACME) -> Said:
    return day, "member.joined", {"customer": who, "tags": account}


def left(day: int, who: UUID = ZOE, account: dict[str, str] = ACME) -> Said:
    return day, "member.left", {"customer": who, "tags": account}


MEMBERS: list[tuple[str, list[Said], Said, str]] = [
    ("joins", [], joined(1), ALLOWED),
    ("joins two companies", [joined(1, account=BETA)], joined(2), ALLOWED),
    ("joins beside another", [joined(1, MIA)], joined(2), ALLOWED),
    ("joins twice", [joined(1)], joined(2),
     "NotAllowed customer: expected one who is no member, came one who joined on 2026-03-01 at position 1"),
    ("comes back", [joined(1), left(2)], joined(3), ALLOWED),
    ("leaves", [joined(1)], left(2), ALLOWED),
    ("leaves one of two", [joined(1), joined(1, account=BETA)], left(2, account=BETA), ALLOWED),
    ("leaves twice", [joined(1), left(2)], left(3),
     "NotAllowed customer: expected one who is a member, came one who left on 2026-03-02 at position 2"),
    ("leaves what they never joined", [joined(1, MIA), joined(1, account=BETA)], left(3),
     "NotAllowed customer: expected one who is a member, came one who never joined"),
    ("leaves before they joined", [joined(2)], left(1),
     "BadField occurred_at: expected not before what it follows, at 2026-03-02 00:00:00 UTC, came 2026-03-01 00:00:00 UTC"),
    ("has left, which was told late", [left(2), joined(1)], left(3),
     "NotAllowed customer: expected one who is a member, came one who left on 2026-03-02 at position 1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in MEMBERS], ids=[row[0] for row in MEMBERS]
)
def test_a_person(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


def test_whoever_is_one_person_is_one_member() -> None:
    given = [joined(1, MIA), (9, "customers.merged", {"customer": ZOE, "other": MIA, "tags": {}})]
    merge = Event(
        UUID(int=9), "customers.merged", 1, "touchpoint", NOW, "test", {"other": str(MIA)}, ZOE
    )
    one = persons_of([_at(7, merge)], lambda customer: (customer.int, customer))
    assert judged(given, joined(2)) == ALLOWED
    assert judged(given, left(2), one) == ALLOWED
    assert judged(given, joined(2), one) == (
        "NotAllowed customer: expected one who is no member, "
        "came one who joined on 2026-03-01 at position 1"
    )


def _at(position: int, event: Event) -> Recorded:
    return Recorded(position, NOW, event, b"")


NAMED: Said = (1, "account.identified", {"account_name": "Weberei Süd GmbH", "sole_trader": False})
ALONE: Said = (2, "account.identified", {"sole_trader": True})
COMPANIES: list[tuple[str, list[Said], Said, str]] = [
    ("named", [], NAMED, ALLOWED),
    ("named again", [NAMED], (2, *NAMED[1:]), ALLOWED),
    ("known to be one person", [], ALONE, ALLOWED),
    ("named, and one person after all", [NAMED], ALONE,
     ("NotAllowed sole_trader: expected a company that was never named: a name stays readable for ever, "
      "came one that was identified on 2026-03-01 at position 1")),
    ("named, and no more one person", [ALONE],
     (3, "account.identified", {"account_name": "Zoe & Co", "sole_trader": False}), ALLOWED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in COMPANIES], ids=[row[0] for row in COMPANIES]
)
def test_a_company_is(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


def pipeline(day: int, name: str, *stages: str) -> Said:
    laid = [{"stage": stage, "win_percent": 5} for stage in stages]
    return day, "pipeline.defined", {"pipeline": name, "stages": laid}


def goal(day: int, name: str) -> Said:
    period = {"period_start": "2026-01-01", "period_end": "2026-03-31"}
    return day, "goal.set", {"goal": name, "metric": "orders", "target": 5, **period}


def schema(day: int, name: str, **properties: object) -> Said:
    safe = {"type": "object", "properties": properties}
    return day, "schema.registered", {"event_name": name, "safe_properties": safe}


TOO_EARLY = (
    "BadField occurred_at: expected not before what it follows, at 2026-03-03 00:00:00 UTC, "
    "came 2026-03-02 00:00:00 UTC"
)
STAND_IN_B: Said = (2, "deal.opened", {"pipeline": "in", "stage": "b", "tags": {"deal": "d"}})
LAID_DOWN: list[tuple[str, list[Said], Said, str]] = [
    ("a pipeline", [], pipeline(1, "in", "a", "b"), ALLOWED),
    ("a pipeline anew", [pipeline(1, "in", "a", "b")], pipeline(2, "in", "a"), ALLOWED),
    ("a pipeline without a stage in which a deal stands",
     [pipeline(1, "in", "a", "b"), STAND_IN_B], pipeline(2, "in", "a"), ALLOWED),
    ("a pipeline before its last change", [pipeline(3, "in", "a")], pipeline(2, "in", "b"), TOO_EARLY),
    ("a pipeline beside another", [pipeline(3, "out", "a")], pipeline(2, "in", "b"), ALLOWED),
    ("a goal", [goal(3, "q2")], goal(2, "q1"), ALLOWED),
    ("a goal before its last change", [goal(3, "q1")], goal(2, "q1"), TOO_EARLY),
    ("a schema", [schema(3, "scanned")], schema(2, "walked", plan={"type": "string"}), ALLOWED),
    ("a schema before its last change", [schema(3, "walked")], schema(2, "walked"), TOO_EARLY),
    ("a schema that leads elsewhere", [], schema(2, "walked", plan={"$ref": "#/a"}),
     "BadField safe_properties: expected a schema that needs no other, came '$ref'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "when", "then"), [row[1:] for row in LAID_DOWN], ids=[row[0] for row in LAID_DOWN]
)
def test_laid_down_is(given: list[Said], when: Said, then: str) -> None:
    assert judged(given, when) == then


def test_a_company_becomes_known_by_its_command_and_its_members_have_to_be_known(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as ledger:
        desk = Desk(ledger, clock, uuid4, DAY)

        def ask(asked: Touchpoint) -> int | None:
            return desk.carry_out(asked, RULES[type(asked.payload)]).position

        acme = {"account": "A-1"}
        join = touchpoint("j", "member.joined", who={"email": "zoe@example.com"}, references=acme)
        with pytest.raises(NotFound, match=r"^no customer with that email$"):
            ask(join)
        take(ledger, touchpoint("x", who={"email": "zoe@example.com", "user": "u1"}))
        with pytest.raises(NotFound, match=r"^no account of that number$"):
            ask(join)
        known = touchpoint(
            "k", "account.identified", who={}, references=acme, data={"employees": 9}
        )
        assert ask(known) == 2
        assert ask(join) == 3
        assert ask(join) == 3
        again = touchpoint("l", "member.joined", who={"user": "u1"}, references=acme)
        with pytest.raises(NotAllowed):
            ask(again)
        assert customer_of(ledger, "account", "A-1") is not None
