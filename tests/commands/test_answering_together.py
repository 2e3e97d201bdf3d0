"""Two clerks answer the same request at once: one of them does, and the other learns why not."""

import threading
from pathlib import Path
from uuid import UUID, uuid4

from commands.deciding import Desk
from commands.privacy import proceed, request_id
from commands.touchpoint import Touchpoint
from ledger import catalogue
from ledger.errors import NotAllowed
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from tests.commands.judging import GUARDED
from tests.commands.samples import CLERK, DAY, NOW, OPEN, clock, opened, recorded
from tests.ledger.processes import CUE, race, start

ROUNDS = 15
AGAINST = {"fulfilled": "refused", "refused": "fulfilled"}
ERASER = UUID(int=9)

ANSWER_ALL = (
    OPEN
    + """
from tests.commands.test_answering_together import *
what = sys.argv[2]
with opened(folder) as ledger:
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for number in range(ROUNDS):
        print(answer(ledger, number, what))
"""
)


def ask(ledger: Ledger, topic: str, number: int, days: int, **data: object) -> int | None:
    """One step of the request of one person, whom they are known by from its beginning."""
    name = f"request {number}"
    if topic.startswith("privacy.") or topic == "customer.erasing":
        data["request"] = request_id(ledger, "desk", name)
    asked = Touchpoint(
        catalogue.parse(topic, data, at_a_door=False),
        NOW - days * DAY,
        "desk",
        name if topic == "privacy.requested" else f"{topic} {number}",
        identifiers=() if topic.endswith("erasing") else (Identifier("user", f"u{number}"),),
        actor=ERASER if topic == "customer.erasing" else CLERK,
    )
    rule, desk = GUARDED[type(asked.payload)], Desk(ledger, clock, uuid4, DAY)
    if topic.startswith("hold."):
        return desk.carry_out(asked, rule).position
    return proceed(desk, asked, rule).position


def begin(ledger: Ledger, right: str) -> None:
    for number in range(ROUNDS):
        due = "2000-01-01"
        ask(ledger, "privacy.requested", number, 9, right=right, law="gdpr", due_on=due)
        ask(ledger, "privacy.verified", number, 8)


def answer(ledger: Ledger, number: int, what: str) -> str:
    """Say how it went: `done` with the position, or the refusal."""
    more = {"ground": "excessive"} if what == "refused" else {}
    try:
        return f"done {ask(ledger, f'privacy.{what}', number, 1, **more)}"
    except NotAllowed as refusal:
        return str(refusal)


def expect_one_of_two(ledger: Ledger, told: dict[str, list[str]]) -> None:
    """Each request is answered once, and whoever was too late was told by what."""
    answers = {
        event.event.data["request"]: (event.event.type.removeprefix("privacy."), event.position)
        for event in recorded(ledger)
        if event.event.type in {"privacy.fulfilled", "privacy.refused"}
    }
    assert ledger.book.head() == 3 * ROUNDS
    assert len(answers) == ROUNDS
    states = {"fulfilled": "verified", "refused": "received or challenged or verified"}
    for number in range(ROUNDS):
        what, position = answers[str(request_id(ledger, "desk", f"request {number}"))]
        late = AGAINST[what]
        assert told[what][number] == f"done {position}"
        assert told[late][number] == (
            f"request: expected one that is {states[late]}, "
            f"came one that was {what} on 2026-02-28 at position {position}"
        )


def test_of_two_processes_one_answers_each_request(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        begin(ledger, "access")
        printed = race(*(start(ANSWER_ALL, tmp_path, what) for what in AGAINST))
        told = dict(zip(AGAINST, (text.splitlines() for text in printed), strict=True))
        expect_one_of_two(ledger, told)


def test_a_hold_and_an_erasure_never_pass_each_other(tmp_path: Path) -> None:
    """Whichever comes first is named to the other; never is somebody erased under a hold."""
    with opened(tmp_path) as ledger:
        begin(ledger, "erasure")
        barrier = threading.Barrier(2, timeout=60)
        told: dict[str, list[str]] = {"hold.placed": [], "customer.erasing": []}
        more: dict[str, dict[str, object]] = {
            "hold.placed": {"hold": "claim-1", "ground": "litigation"},
            "customer.erasing": {"legal_basis": "art17"},
        }

        def clerk(what: str) -> None:
            with opened(tmp_path) as own:  # connections of their own
                for number in range(ROUNDS):
                    barrier.wait()
                    try:
                        told[what].append(f"done {ask(own, what, number, 1, **more[what])}")
                    except NotAllowed as refusal:
                        told[what].append(str(refusal))

        clerks = [threading.Thread(target=clerk, args=(what,)) for what in told]
        for each in clerks:
            each.start()
        for each in clerks:
            each.join()
        assert ledger.book.head() == 3 * ROUNDS
        for held, erased in zip(*told.values(), strict=True):
            if held.startswith("done"):
                assert erased == (
                    "hold: expected none on this person, came claim-1 (litigation), "
                    f"placed on 2026-02-28 at position {held.removeprefix('done ')}"
                )
            else:
                assert held == (
                    "customer: expected one who is not being erased, "
                    f"came one who is, since position {erased.removeprefix('done ')}"
                )
