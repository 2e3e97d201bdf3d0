"""A view as of many days, from one reading of the events.

The events that the view's folds take are kept in memory, in order of happening; what had happened by a
day is then a beginning of them, which is folded, read under the people of that day, and asked. So every
day's rows are those that `History.view` has as of that day.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import pyarrow as pa

from ledger import relation
from ledger.clock import to_us
from ledger.errors import BadUsage, NotFound
from ledger.gone import hidden_table
from ledger.people import Persons
from projections import Fold, functions, questions
from projections.folding import CannotFold, Folder, merge, told_apart
from projections.sources import Source
from projections.sql import quoted
from replay.opening import Reading

_SOME_MOMENT = datetime(1066, 10, 14, 9, 0, 0, 66, tzinfo=UTC)
"""Stands for `:now` in SQL that is written once for all days, since writing it takes as long as asking."""


def on_days(
    reading: Reading,
    purpose: str,
    name: str,
    moments: Sequence[datetime],
    known_upto: int | None = None,
    where: str | None = None,
) -> Iterator[tuple[datetime, pa.Table]]:
    """Each moment, in their order, and the rows of the view as of then. Raises `NotFound`, `BadUsage`."""
    views = reading.views
    if name not in views.folds and name not in views.questions:
        raise NotFound("view", name, "`bahi views list` names them")
    if not moments:
        return
    wanted = questions.asked_by(name, views.questions)
    folds = [views.folds[fold] for fold in sorted(wanted & views.folds.keys())]
    asks = {q: views.questions[q] for q in sorted(wanted & views.questions.keys())}
    selects = {q: asks[q].sql(_SOME_MOMENT) for q in questions.in_order(views.folds, asks)}
    hidden = reading.hidden(purpose)
    nobody = hidden_table(hidden)
    events = _taken(reading, folds, moments[-1], known_upto)
    times = events.column("occurred_at").cast(pa.int64())
    places = range(events.num_rows)
    folder = Folder()
    try:
        for moment in moments:
            persons = reading.people.at(moment, known_upto).without(hidden)
            upto = bisect_right(places, to_us(moment), key=lambda place: times[place].as_py())
            happened = events.slice(0, upto)
            rows = _shown(folder, folds, happened, persons, nobody)
            if asks or where:
                people = {"merged": persons.aliases(), "joined": persons.togetherness()}
                now = {
                    q: text.replace(_in_sql(_SOME_MOMENT), _in_sql(moment))
                    for q, text in selects.items()
                }
                yield moment, questions.answer(name, rows, now, where, people)
            else:
                yield moment, rows[name]
    finally:
        folder.close()


def _in_sql(moment: datetime) -> str:
    """A moment as it stands in a question's SQL."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ")


def _shown(
    folder: Folder, folds: Sequence[Fold], events: pa.Table, persons: Persons, nobody: pa.Table
) -> dict[str, pa.Table]:
    """The rows of each fold, as people are read who are one."""
    found = {}
    for fold, rows in zip(folds, folder.fold_batch(folds, events), strict=True):
        if isinstance(rows, CannotFold):
            raise BadUsage(f"{fold.name}: cannot be folded as of then: {rows}") from rows
        found[fold.name] = merge(fold, rows, persons.aliases(), nobody)
    return found


def _taken(
    reading: Reading, folds: Sequence[Fold], last: datetime, known_upto: int | None
) -> pa.Table:
    """What these folds need of the events that any of them may take, in order of happening."""
    needs = {"occurred_at", "position", *(column for fold in folds for column in fold.needs)}
    columns = tuple(column for column in relation.columns() if column in needs)
    head = reading.book.head()
    upto = head if known_upto is None else min(known_upto, head)
    source = reading.read
    try:
        with (
            functions.connect(files=True) as connection,
            source.scan(connection, columns, upto=upto) as scanned,
            told_apart(),
        ):
            text = _template().format(
                columns=quoted(columns), relation=scanned, takes=_takes(folds), last=_in_sql(last)
            )
            return connection.sql(text).to_arrow_table()
    except CannotFold as error:
        names = ", ".join(fold.name for fold in folds)
        raise BadUsage(f"{names}: cannot be folded as of then: {error}") from error


@cache
def _template() -> str:
    return files("replay.notebook").joinpath("sql", "happened.sql").read_text(encoding="utf-8")


def _takes(folds: Sequence[Fold]) -> str:
    """That an event may have a part in a row of one of them."""
    events = [fold.where for fold in folds if fold.source is Source.EVENTS]
    if not all(events) or len(events) < len(folds):
        return "true"
    return " OR ".join(f"({where})" for where in events)
