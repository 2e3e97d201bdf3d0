"""`History` for notebooks: open a ledger, ask for any view on any day, work on with what you like.

from replay import History

history = History.open()
history.view("customer_360", as_of="2026-01-31").df()
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import orjson
import pyarrow as pa
import sqlglot
from sqlglot import exp

from ledger.errors import BadUsage, came
from ledger.event import Recorded
from ledger.settings import read_settings
from replay.clocks import Moment, read_moment
from replay.history import Clocks
from replay.notebook.answer import Answer, Answers
from replay.notebook.series import on_days
from replay.opening import Reading

_EVENT = ("position", "recorded_at", "occurred_at", "type", "customer", "source", "data")
"""What is read of an event unless somebody asks for other columns."""

_HAPPENED = pa.schema(
    [
        ("position", pa.int64()),
        ("recorded_at", pa.timestamp("us")),
        ("occurred_at", pa.timestamp("us")),
        ("type", pa.string()),
        ("customer", pa.uuid()),
        ("source", pa.string()),
        ("data", pa.json_()),
    ]
)
"""The same of a timeline."""


class History:
    """One ledger's history, to be read. Nothing is written to the book, and nothing sealed is opened.

    Both clocks are taken as text (`2026-01-31`, the end of that day, or a time with a zone), as a date or
    as an aware datetime. Without either, answers are of now, and views are brought up to the book first.
    Who is erased is so on every day; whose data is restricted is shown for few purposes.
    """

    def __init__(self, reading: Reading, purpose: str = "") -> None:
        """History through what somebody else has opened, and closes; for notebooks there is `open`."""
        self._reading = reading
        self._purpose = purpose
        self._past = reading.history_for(purpose)

    @classmethod
    def open(cls, ledger: str | Path | None = None, *, purpose: str = "") -> Self:
        """The history of the ledger that the settings name, or of another: of a home such as `.demo`, or
        of a book at an address such as `postgresql://user@host/database`.

        Raises `NotFound` where there is none: nothing is begun. The vault is not touched.
        """
        reading = Reading.open(read_settings(**_named(ledger)))
        try:
            return cls(reading, purpose)
        except BaseException:
            reading.close()
            raise

    def close(self) -> None:
        """Close what `open` has opened."""
        self._reading.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def view(
        self,
        name: str,
        as_of: Moment | None = None,
        known_at: Moment | None = None,
        where: str | None = None,
    ) -> Answer:
        """The rows of a fold or question. `where` is a condition over its columns.

        Raises `NotFound`, `BadUsage`, and `FoldFailed` for today's rows of a fold that has stopped.
        """
        at = self._at(as_of, known_at)
        return Answer(self._past.view(name, at, where), name, at)

    def series(
        self,
        name: str,
        days: Iterable[Moment],
        known_at: Moment | None = None,
        where: str | None = None,
    ) -> Answer:
        """The rows of a view as of each of many days, with the day in a first column `as_of`.

        All from one reading of the events, where `view` would read them for each day.
        """
        at = self._at(None, known_at)
        tables = []
        for day, rows in self.on_days(name, days, known_at, where):
            moments = pa.array([day.replace(tzinfo=None)] * rows.num_rows, pa.timestamp("us"))
            tables.append(rows.add_column(0, "as_of", moments))
        if not tables:
            raise BadUsage("days: expected one at least, came none")
        return Answer(pa.concat_tables(tables), name, at)

    def on_days(
        self,
        name: str,
        days: Iterable[Moment],
        known_at: Moment | None = None,
        where: str | None = None,
    ) -> Iterable[tuple[datetime, pa.Table]]:
        """The same a day at a time, for answers that are large together."""
        moments = sorted({read_moment(day, "days") for day in days})
        upto = self._at(None, known_at).known_upto
        return on_days(self._reading, self._purpose, name, moments, upto, where)

    def customer(
        self,
        customer: UUID | str,
        as_of: Moment | None = None,
        known_at: Moment | None = None,
    ) -> Answers:
        """One person's rows of every fold that has rows by customer; empty ones are left out.

        Raises `NotFound` for somebody of whom the book has nothing, `Erased`, `Withheld`.
        """
        who = self._person(customer)
        at = self._at(as_of, known_at)
        found = self._past.customer(who, at)
        return Answers({name: Answer(rows, name, at) for name, rows in found.items()})

    def timeline(
        self,
        customer: UUID | str,
        as_of: Moment | None = None,
        known_at: Moment | None = None,
    ) -> Answer:
        """What happened with one person, in the order in which it happened. Raises as `customer`."""
        who = self._person(customer)
        at = self._at(as_of, known_at)
        rows = [_happened(recorded) for recorded in self._past.timeline(who, at)]
        return Answer(_table(rows), "timeline", at)

    def events(
        self,
        where: str | None = None,
        columns: Sequence[str] = _EVENT,
        as_of: Moment | None = None,
        known_at: Moment | None = None,
    ) -> Answer:
        """Events in order of position; `bahi view events` lists the columns that there are."""
        names = [exp.column(name, quoted=True) for name in columns]
        query = exp.select(*names).from_("events").order_by("position")
        if where is not None:
            query = query.where(_condition(where))
        at = self._at(as_of, known_at)
        return Answer(self._past.sql(query.sql(dialect="duckdb"), at), "events", at)

    def sql(
        self, query: str, as_of: Moment | None = None, known_at: Moment | None = None
    ) -> Answer:
        """The answer to one SELECT over `events` and every view, with nothing else within its reach."""
        at = self._at(as_of, known_at)
        return Answer(self._past.sql(query, at), "sql", at)

    def views(self) -> Answer:
        """Every view: what it is for, and how far it is."""
        self._reading.catch_up()
        listed = self._reading.views.list(self._reading.book.head())
        rows = {
            "name": [line.name for line in listed],
            "kind": [line.kind.value for line in listed],
            "state": [line.state.value for line in listed],
            "position": [line.position for line in listed],
            "purpose": [line.purpose for line in listed],
        }
        return Answer(pa.table(rows), "views")

    def now(self) -> datetime:
        """The moment that answers of now are of."""
        return self._reading.clock()

    def _at(self, as_of: Moment | None, known_at: Moment | None) -> Clocks:
        at = self._past.clocks(
            None if as_of is None else read_moment(as_of, "as_of"),
            None if known_at is None else read_moment(known_at, "known_at"),
        )
        if not at.past:
            self._reading.catch_up()
        return at

    def _person(self, customer: UUID | str) -> UUID:
        try:
            found = customer if isinstance(customer, UUID) else UUID(customer)
        except ValueError:
            raise BadUsage(
                f"customer: expected an id, came {came(customer)}; `bahi customer` finds people by "
                "their identifiers, which takes the vault"
            ) from None
        self._reading.demand_heard_of(found)
        self._reading.demand_seen(found, self._purpose)
        return found


def _named(ledger: str | Path | None) -> dict[str, Any]:
    """The settings that an argument of `open` stands for."""
    if ledger is None:
        return {}
    if "://" in str(ledger):
        return {"ledger": str(ledger)}
    own = {"ledger": "", "vault": "", "keyring": None, "history": None}
    return {"home": Path(ledger), **own}


def _condition(where: str) -> exp.Expr:
    try:
        return sqlglot.parse_one(where, read="duckdb")
    except sqlglot.errors.SqlglotError:
        raise BadUsage("where: expected one condition, came text that is no SQL") from None


def _happened(recorded: Recorded) -> Mapping[str, object]:
    event = recorded.event
    return {
        "position": recorded.position,
        "recorded_at": recorded.recorded_at.replace(tzinfo=None),
        "occurred_at": event.occurred_at.replace(tzinfo=None),
        "type": event.type,
        "customer": None if event.customer is None else event.customer.bytes,
        "source": event.source,
        "data": orjson.dumps(event.data).decode(),
    }


def _table(rows: Sequence[Mapping[str, object]]) -> pa.Table:
    columns = [
        pa.array([row[field.name] for row in rows], field.type.storage_type).cast(field.type)
        if isinstance(field.type, pa.BaseExtensionType)
        else pa.array([row[field.name] for row in rows], field.type)
        for field in _HAPPENED
    ]
    return pa.table(columns, schema=_HAPPENED)
