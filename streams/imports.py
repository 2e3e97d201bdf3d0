"""Rows of a file recorded in the book; what is refused waits in the vault to be tried again."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from commands.dead_letters import RefusedItem, keep_refused
from commands.draft import somebody_else
from commands.record import BATCH, check, record
from commands.touchpoint import Fate, Outcome, Touchpoint
from ledger.clock import Clock, Ids
from ledger.errors import BadUsage, NamesErased, Refused
from ledger.identifiers import Identifier, normalise
from ledger.naming import LIMITS, Limits
from ledger.opening import Ledger
from ledger.vault import DeadLetter
from streams.files import Mapping as FileMapping
from streams.files import Row, raw_of, touchpoint_of

DOOR = "file"
"""Doors of files are `file:<source>`."""

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Intake:
    """How rows are taken: the clock and ids to use, and what is tolerated."""

    clock: Clock
    ids: Ids
    future_tolerance: timedelta
    region: str | None = None
    limits: Limits = LIMITS


@dataclass(slots=True)
class Report:
    """What became of the rows of a file. `refusals` holds the first of them: row, line and why."""

    read: int = 0
    appended: int = 0
    duplicates: int = 0
    refused: int = 0
    refusals: list[tuple[int, int, str]] = field(default_factory=list)

    def count(self, row: Row, outcome: Outcome) -> None:
        self.read += 1
        if outcome.fate is Fate.APPENDED:
            self.appended += 1
        elif outcome.fate is Fate.DUPLICATE:
            self.duplicates += 1
        else:
            self.refused += 1
            if len(self.refusals) < _SHOWN:
                self.refusals.append((row.row, row.line, str(outcome.refusal)))


def import_rows(
    ledger: Ledger,
    rows: Iterable[Row],
    source: str,
    intake: Intake,
    *,
    id_columns: Sequence[str] = (),
    after_batch: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Record rows in batches, each durable before the next is read; refused rows become dead letters.

    `id_columns` are those that the rows were read with: a dead letter needs them to be tried again.
    """
    report = Report()
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        outcomes = outcomes_of(ledger, [row.item for row in batch], intake)
        refused = [
            RefusedItem(
                outcome.refusal,
                _coordinates(row, id_columns),
                row.content,
                whom(row.item, row.named, row.market, intake),
            )
            for row, outcome in zip(batch, outcomes, strict=True)
            if outcome.refusal is not None
        ]
        if refused:
            door = f"{DOOR}:{source}"
            keep_refused(ledger, door, refused, clock=intake.clock, ids=intake.ids)
        for row, outcome in zip(batch, outcomes, strict=True):
            report.count(row, outcome)
        after_batch(report)
    return report


def try_rows(rows: Iterable[Row], intake: Intake) -> Report:
    """What `import_rows` would refuse by looking at each row alone; nothing is read or written.

    Rows that would be taken count as read: whether they are new only the book can tell.
    """
    report = Report()
    latest = intake.clock() + intake.future_tolerance
    for row in rows:
        refusal = row.item if isinstance(row.item, Refused) else None
        if isinstance(row.item, Touchpoint):
            try:
                check(row.item, latest=latest, region=intake.region)
            except Refused as error:
                refusal = error
        if refusal is None:
            report.read += 1
        else:
            report.count(row, Outcome(Fate.REFUSED, refusal=refusal))
    return report


def replay_letters(
    ledger: Ledger,
    letters: Iterable[UUID],
    mapping: FileMapping,
    intake: Intake,
    *,
    corrections: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> Iterator[tuple[UUID, Outcome]]:
    """Try dead letters again, with the mapping as it is now and columns corrected by `corrections`.

    A letter whose row is in the book now is destroyed, and one about somebody who is erased; one that
    is refused again for anything else stays as it is. What
    they say goes into the book and is shown to nobody, so nobody has opened them.
    Before any is tried, raises `NotFound` for a letter that is not there, and `BadUsage` for one
    that came through another door than files of this source.
    """
    wanted = list(dict.fromkeys(letters))
    for kept in map(ledger.vault.letter, wanted):
        if kept.door != f"{DOOR}:{mapping.source}":
            raise BadUsage(f"expected a letter of {DOOR}:{mapping.source}, came one of {kept.door}")

    def row(letter: DeadLetter) -> Touchpoint:
        return touchpoint_of(
            {**raw_of(letter.content), **(corrections or {})},
            mapping,
            id_columns=letter.coordinates.get("id_columns", ()),
            row_id=letter.coordinates.get("row_id"),
            actor=actor,
        )

    yield from try_again(ledger, wanted, row, intake)


def try_again(
    ledger: Ledger,
    letters: Iterable[UUID],
    item_of: Callable[[DeadLetter], Touchpoint],
    intake: Intake,
    judged: Callable[[UUID, Outcome], Outcome] = lambda _, outcome: outcome,
) -> Iterator[tuple[UUID, Outcome]]:
    """Record what dead letters say by now; `item_of` raises `Refused` for one that still says nothing, and
    `judged` has the last word on what became of one.

    Whichever is in the book then is destroyed, and whichever is about somebody who is erased.
    """
    for letter_id in letters:
        letter = ledger.vault.letter_again(letter_id)
        try:
            (outcome,) = taken(ledger, [item_of(letter)], intake)
        except Refused as refusal:
            outcome = Outcome(Fate.REFUSED, refusal=refusal)
        outcome = judged(letter_id, outcome)
        if outcome.fate is not Fate.REFUSED or isinstance(outcome.refusal, NamesErased):
            ledger.vault.remove([letter.id])
        yield letter_id, outcome


def taken(ledger: Ledger, items: Iterable[Touchpoint], intake: Intake) -> Iterator[Outcome]:
    """`record` as an intake has it."""
    return record(
        ledger,
        items,
        clock=intake.clock,
        future_tolerance=intake.future_tolerance,
        region=intake.region,
        limits=intake.limits,
    )


def outcomes_of(
    ledger: Ledger, items: Sequence[Touchpoint | Refused], intake: Intake
) -> list[Outcome]:
    """An outcome an item: the refusal that it is, or what became of the touchpoint."""
    recorded = taken(ledger, (one for one in items if isinstance(one, Touchpoint)), intake)
    return [
        Outcome(Fate.REFUSED, refusal=one) if isinstance(one, Refused) else next(recorded)
        for one in items
    ]


def whom(
    item: Touchpoint | Refused,
    named: tuple[Identifier, ...],
    market: str | None,
    intake: Intake,
) -> tuple[Identifier, ...]:
    """Whom a refused item names, as far as that can be read: an erasure must find its letter.

    `named` and `market` are what could be read of one that is no touchpoint.
    """
    given = named
    if isinstance(item, Touchpoint):
        given, market = item.identifiers, item.tags.get("market")
        other = somebody_else(item, intake.region)
        given = (*given, other) if other else given
    found = []
    for identifier in given:
        try:
            normal = normalise(identifier, market or intake.region)
        except Refused:
            continue
        if normal is not None:
            found.append(normal)
    return tuple(found)


def _coordinates(row: Row, id_columns: Sequence[str]) -> dict[str, Any]:
    where: dict[str, Any] = {"row": row.row, "line": row.line}
    if row.row_id is not None:
        where["row_id"] = row.row_id
    if id_columns:
        where["id_columns"] = list(id_columns)
    return where
