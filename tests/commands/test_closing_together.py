"""Two clerks close the same deal at once: one of them does, and the other learns why not."""

import threading
from pathlib import Path
from uuid import uuid4

from commands.deciding import Desk
from commands.rules import RULES
from commands.touchpoint import Touchpoint
from ledger.errors import NotAllowed
from ledger.opening import Ledger
from tests.commands.samples import DAY, NOW, OPEN, clock, opened, recorded, touchpoint
from tests.ledger.processes import CUE, race, start

ROUNDS = 20
AGAINST = {"won": "lost", "lost": "won"}

CLOSE_ALL = (
    OPEN
    + """
from tests.commands.test_closing_together import *
what = sys.argv[2]
with opened(folder) as ledger:
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for number in range(ROUNDS):
        print(close(ledger, number, what))
"""
)


def ask(ledger: Ledger, message_id: str, what: str, number: int, **data: object) -> int | None:
    asked: Touchpoint = touchpoint(
        message_id,
        f"deal.{what}",
        who={},
        references={"deal": f"D-{number}"},
        at=NOW - 2 * DAY if what == "opened" else NOW - DAY,
        data=data,
    )
    return Desk(ledger, clock, uuid4, DAY).carry_out(asked, RULES[type(asked.payload)]).position


def begin(ledger: Ledger) -> None:
    stages = [{"stage": "lead", "win_percent": 10}]
    laid_down = touchpoint(
        "0", "pipeline.defined", who={}, data={"pipeline": "p", "stages": stages}, at=NOW - 3 * DAY
    )
    Desk(ledger, clock, uuid4, DAY).carry_out(laid_down, RULES[type(laid_down.payload)])
    for number in range(ROUNDS):
        ask(ledger, f"open {number}", "opened", number, pipeline="p", stage="lead")


def close(ledger: Ledger, number: int, what: str) -> str:
    """Say how it went: `done` with the position, or the refusal."""
    try:
        return f"done {ask(ledger, f'{what} {number}', what, number)}"
    except NotAllowed as refusal:
        return str(refusal)


def expect_one_of_two(ledger: Ledger, told: dict[str, list[str]]) -> None:
    """Each deal is closed once, and whoever was too late was told by what."""
    closed = {
        event.event.tags: (event.event.type.removeprefix("deal."), event.position)
        for event in recorded(ledger)
        if event.event.type in {"deal.won", "deal.lost"}
    }
    assert ledger.book.head() == 1 + 2 * ROUNDS
    assert len(closed) == ROUNDS
    deals = [event.event.tags for event in recorded(ledger) if event.event.type == "deal.opened"]
    for number, deal in enumerate(deals):
        what, position = closed[deal]
        assert told[what][number] == f"done {position}"
        assert told[AGAINST[what]][number] == (
            "deal: expected one that is open, "
            f"came one that was {what} on 2026-02-28 at position {position}"
        )


def test_of_two_threads_one_closes_each_deal(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        begin(ledger)
        barrier = threading.Barrier(2, timeout=60)
        told: dict[str, list[str]] = {"won": [], "lost": []}

        def clerk(what: str) -> None:
            with opened(tmp_path) as own:  # connections of their own
                for number in range(ROUNDS):
                    barrier.wait()
                    told[what].append(close(own, number, what))

        clerks = [threading.Thread(target=clerk, args=(what,)) for what in told]
        for each in clerks:
            each.start()
        for each in clerks:
            each.join()
        expect_one_of_two(ledger, told)


def test_of_two_processes_one_closes_each_deal(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        begin(ledger)
        printed = race(*(start(CLOSE_ALL, tmp_path, what) for what in AGAINST))
        told = dict(zip(AGAINST, (text.splitlines() for text in printed), strict=True))
        expect_one_of_two(ledger, told)
