"""Recording by several processes at once, and after one of them was killed."""

from pathlib import Path

from tests.commands.samples import OPEN, customer_of, opened, recorded, take, told, touchpoint
from tests.ledger.openings import unsealed
from tests.ledger.processes import CUE, race, run_until_killed, start

TAKE_FORTY = (
    OPEN
    + """
first = int(sys.argv[2])
with opened(folder) as ledger:
    items = [touchpoint(f"{first}-{n}", who={"user": f"u{n}", "device": f"d{n}"}) for n in range(40)]
"""
    + "    "
    + CUE.replace("\n", "\n    ").rstrip()
    + """
    for item in items if first % 2 else reversed(items):
        take(ledger, item)
"""
)

DIE_BEFORE_THE_BOOK = (
    OPEN
    + """
import os, signal
with opened(folder) as ledger:
    ledger.book.append = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
    take(ledger, touchpoint("1", who={"user": "u1", "email": "zoe@example.com"}))
"""
)

DIE_BEFORE_THE_ANSWER = (
    OPEN
    + """
import os, signal
with opened(folder) as ledger:
    ledger.vault.mark_logged = lambda keys: os.kill(os.getpid(), signal.SIGKILL)
    take(ledger, touchpoint("1", who={"user": "u1", "email": "zoe@example.com"}))
"""
)


def test_processes_that_record_the_same_new_people_agree_who_they_are(folder: Path) -> None:
    with opened(folder) as ledger:
        race(*(start(TAKE_FORTY, folder, n) for n in range(3)))
        by_person: dict[object, set[str]] = {}
        for found in recorded(ledger):
            for fields in unsealed(ledger, found.event).values():
                by_person.setdefault(found.event.customer, set()).update(
                    value for _, value in fields["identifiers"]
                )
        assert ledger.book.head() == 120
        assert sorted(by_person.values(), key=sorted) == sorted(
            ({f"u{n}", f"d{n}"} for n in range(40)), key=sorted
        )


def test_killed_between_vault_and_book_it_is_the_same_customer_and_one_event(
    folder: Path,
) -> None:
    run_until_killed(DIE_BEFORE_THE_BOOK, folder)
    with opened(folder) as ledger:
        assert ledger.book.head() == 0
        before = customer_of(ledger, "user", "u1")
        assert before is not None
        assert told(take(ledger, touchpoint("1", who={"user": "u1"}))) == [("appended", 1)]
        (found,) = recorded(ledger)
        assert found.event.customer == before == customer_of(ledger, "email", "zoe@example.com")


def test_killed_between_book_and_answer_it_is_answered_the_next_time(folder: Path) -> None:
    run_until_killed(DIE_BEFORE_THE_ANSWER, folder)
    with opened(folder) as ledger:
        again = touchpoint("1", who={"user": "u1", "email": "zoe@example.com"})
        assert told(take(ledger, again, touchpoint("2"))) == [("duplicate", 1), ("appended", 2)]
        for found in recorded(ledger):
            assert unsealed(ledger, found.event)
