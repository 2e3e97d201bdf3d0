"""Touchpoints handed in one by one and recorded together: each is told its own outcome."""

import asyncio
import sqlite3
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from commands.recording import Recorder
from commands.touchpoint import Outcome, Touchpoint
from ledger.errors import StoreUnavailable
from ledger.gathering import Bounds
from ledger.identifiers import Identifier
from ledger.opening import Ledger
from ledger.sqlite.book import SqliteBook
from tests.commands.samples import DAY, NOW, clock, opened, recorded, take, told, touchpoint

CALLERS = 64


@contextmanager
def recording(ledger: Ledger, bounds: Bounds | None = None) -> Iterator[Recorder]:
    with Recorder(ledger, clock=clock, future_tolerance=DAY, bounds=bounds) as recorder:
        yield recorder


def handed_in(recorder: Recorder, *items: Touchpoint) -> list[Outcome | BaseException]:
    """Return what each is told; all of them are handed in before any is answered."""

    async def all_of_them() -> list[Outcome | BaseException]:
        return await asyncio.gather(*map(recorder.record, items), return_exceptions=True)

    return asyncio.run(all_of_them())


def outcomes(answers: list[Outcome | BaseException]) -> list[Outcome]:
    assert [type(answer) for answer in answers] == [Outcome] * len(answers)
    return [answer for answer in answers if isinstance(answer, Outcome)]


def shape(outcome: Outcome) -> tuple[str, int | None, str | None]:
    """Return what does not depend on the ledger's secrets."""
    field = None if outcome.refusal is None else outcome.refusal.field
    return outcome.fate.value, outcome.position, field


MIXED = [
    touchpoint("1", who={"user": "u1", "anonymous": "a1"}),
    touchpoint("2", who={"anonymous": "a1"}),
    touchpoint("1", who={"user": "u1", "anonymous": "a1"}),
    touchpoint("1", who={"user": "u9"}, data={"currency": "INR", "amount_minor": 1}),
    touchpoint("3", at=NOW + 2 * DAY),
    touchpoint("4", who={"user": "u2", "anonymous": "a1"}),
    touchpoint("5", source="bahi"),
]


def test_outcomes_are_those_of_the_same_batch(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as ledger:
        expected = [*map(shape, take(ledger, *MIXED))]
    with opened(tmp_path / "other") as ledger, recording(ledger) as recorder:
        assert [*map(shape, outcomes(handed_in(recorder, *MIXED)))] == expected
    assert expected == [
        ("appended", 1, None),
        ("appended", 2, None),
        ("duplicate", 1, None),
        ("refused", None, "id"),
        ("refused", None, "occurred_at"),
        ("appended", 3, None),
        ("refused", None, "source"),
    ]


def test_many_in_threads_and_tasks_are_each_told_where_their_own_stands(tmp_path: Path) -> None:
    items = [touchpoint(f"{n}", who={"user": f"u{n % 50}"}) for n in range(640)]
    with opened(tmp_path) as ledger, recording(ledger, Bounds(events=50)) as recorder:
        with ThreadPoolExecutor(CALLERS) as threads:
            answers = [*threads.map(recorder.record_now, items[:320])]
        answers += outcomes(handed_in(recorder, *items[320:]))
        at = {r.position: r.event.id for r in recorded(ledger)}
        ids = [ledger.keyring.event_id(item.source, item.message_id) for item in items]
        assert [at[answer.position or 0] for answer in answers] == ids
        assert len(at) == 640
        assert len({r.event.customer for r in recorded(ledger)}) == 50
        assert recorder.waiting == 0


def test_an_error_of_the_store_is_told_to_its_batch_and_not_to_who_was_answered(
    tmp_path: Path,
) -> None:
    long = {"url": "https://example.com/" + "x" * 60_000}
    with opened(tmp_path) as ledger, recording(ledger) as recorder:
        book = ledger.book
        assert isinstance(book, SqliteBook)
        (first,) = outcomes(handed_in(recorder, touchpoint("1")))
        pages = book._writer.execute("PRAGMA page_count").fetchone()[0]
        book._writer.execute(f"PRAGMA max_page_count = {pages + 8}")
        # The same id in other words is looked at when the one before it is in the book.
        small, again = touchpoint("2"), touchpoint("2", who={"user": "u9"})
        large = touchpoint("3", "page.viewed", data=long)
        answers = handed_in(recorder, small, again, large)
        assert told(outcomes(answers[:1])) == [("appended", 2)]
        assert [type(answer) for answer in answers[1:]] == [sqlite3.OperationalError] * 2
        book._writer.execute("PRAGMA max_page_count = 1000000")
        answers = [first, *handed_in(recorder, small, again, large)]
        assert told(outcomes(answers)) == [
            ("appended", 1),
            *[("duplicate", 2)] * 2,
            ("appended", 3),
        ]


def test_somebody_whose_erasure_begins_in_this_moment_stops_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path) as ledger, recording(ledger) as recorder:
        take(ledger, touchpoint("1", who={"user": "anna"}))
        anna = ledger.vault.look_up(Identifier("user", "anna"))
        assert anna is not None
        asked = ledger.vault.fenced

        def begun_right_after(subjects: Iterable[UUID]) -> frozenset[UUID]:
            found = asked(subjects)
            with closing(sqlite3.connect(tmp_path / "vault" / "vault.db")) as vault, vault:
                vault.execute("INSERT OR IGNORE INTO erasing VALUES (?)", (anna.bytes,))
            return found

        monkeypatch.setattr(ledger.vault, "fenced", begun_right_after)
        people = (("2", "ben"), ("3", "anna"), ("4", "carl"))
        ben, erased, carl = handed_in(
            recorder, *(touchpoint(no, who={"user": who}) for no, who in people)
        )
        refusal = (
            "NamesErased identifiers: expected a person who is not being erased, came one who is"
        )
        assert told(outcomes([ben, erased, carl])) == [
            ("appended", 2), ("refused", refusal), ("appended", 3),
        ]  # fmt: skip


def test_a_closed_recorder_takes_nothing_and_leaves_the_ledger_open(tmp_path: Path) -> None:
    with opened(tmp_path) as ledger:
        with recording(ledger) as recorder:
            assert told([recorder.record_now(touchpoint("1"))]) == [("appended", 1)]
        with pytest.raises(StoreUnavailable, match=r"^touchpoints: closed"):
            recorder.record_now(touchpoint("2"))
        assert told(take(ledger, touchpoint("2"))) == [("appended", 2)]


def test_many_of_one_caller_keep_their_order_and_others_come_in_between(tmp_path: Path) -> None:
    many = [touchpoint(f"{n}", who={"user": f"u{n % 50}"}) for n in range(2_500)]
    with opened(tmp_path) as ledger, recording(ledger) as recorder:

        async def all_of_them() -> tuple[list[Outcome], Outcome]:
            brought = asyncio.create_task(recorder.record_all(many))
            await asyncio.sleep(0)
            alone = await recorder.record(touchpoint("alone"))
            assert not brought.done()
            return await brought, alone

        outcomes, alone = asyncio.run(all_of_them())
        positions = [outcome.position or 0 for outcome in outcomes]
        assert positions == sorted(positions)
        assert positions[:1_000] == [*range(1, 1_001)]
        assert 1_000 < (alone.position or 0) <= 2_001
        assert asyncio.run(recorder.record_all([])) == []
        assert ledger.book.head() == 2_501
