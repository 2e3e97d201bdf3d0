"""Catching up on PostgreSQL: every standard fold, against one projection of the library's runner."""

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import psycopg
from eventsourcing.dcb.api import DCBEvent
from eventsourcing.dcb.application import DCBApplication
from eventsourcing.dcb.domain import Decision, Tagged
from eventsourcing.dcb.persistence import DCBMapper
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from api.demo import tell
from api.wiring import Bahi
from ledger.catalogue import REFERENCE_KINDS
from ledger.event import Event, encode_body
from ledger.settings import Settings
from ledger.stores import open_book
from projections import Views
from tests.bench import server
from tests.bench.runner import Comparison, Side

_AT_ONCE = 5_000
_MOST = 1_000_000
THEIRS = 3_000
"""Events of theirs: rates are compared, and theirs does not depend on how many there are."""
_TYPE = "happened"
"""What all events are called in their recorder, whose subscriptions are to one type."""


def comparisons(count: int) -> Iterator[Comparison]:
    """From a book in PostgreSQL to views in PostgreSQL, from nothing to the head."""
    folds = len(_folds())
    yield Comparison(
        what=f"all {folds} standard folds catching up on PostgreSQL",
        baseline="the library's ProjectionRunner with one projection, events by customer",
        durability="both: rows and position in one transaction, theirs one an event, ours one a "
        f"batch; {server.settings()}",
        ours=partial(_catching_up, min(count, _MOST)),
        theirs=partial(running, min(count, THEIRS)),
        must=20.0,
        aim=30.0,
    )


@cache
def _folds() -> tuple[str, ...]:
    with tempfile.TemporaryDirectory() as folder:
        views = Views.open(Path(folder) / "views.db")
        views.close()
        return tuple(views.folds)


@cache
def _story() -> list[Event]:
    """The demo's eighteen months, as its book has them."""
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), ledger="", vault="", keyring=None)
        with Bahi.open(settings) as bahi:
            tell(bahi.desk)
            return [recorded.event for recorded in bahi.ledger.book.read()]


def history(count: int, worlds: int | None = None) -> Iterator[Event]:
    """The demo's story, told of as many companies at once as are needed; about 30 events a customer.

    With `worlds`, of so many companies and then of the same ones again: customers stay as many.
    """
    story = _story()
    told = worlds or -(-count // len(story))
    again = (
        replace(event, id=UUID(int=event.id.int ^ (times << 48)))
        for times in itertools.count()
        for event in (_in_world(e, w) for e in story for w in range(told))
    )
    return itertools.islice(again, count)


def _in_world(event: Event, world: int) -> Event:
    """The same event of other people, deals, tickets and accounts."""

    def other(one: UUID) -> UUID:
        return UUID(int=one.int ^ (world << 16))

    tags = [tag.partition(":") for tag in event.tags]
    return replace(
        event,
        id=other(event.id),
        customer=event.customer and other(event.customer),
        tags=tuple(
            f"{kind}:{other(UUID(value)) if kind in REFERENCE_KINDS else value}"
            for kind, _, value in tags
        ),
    )


@cache
def book(count: int) -> str:
    """The address of a book with so many events, written once for all rounds."""
    name = f"history_of_{count}"
    with psycopg.connect(server.postgres(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    address = urlsplit(server.postgres())._replace(path=f"/{name}").geturl()
    events = history(count)
    with open_book(address) as written:
        while batch := list(itertools.islice(events, _AT_ONCE)):
            written.append(batch)
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("VACUUM ANALYZE")
    return address


def _catching_up(count: int, _folder: Path) -> Side:
    address = book(count)
    with psycopg.connect(address, autocommit=True) as admin:
        admin.execute("DROP SCHEMA IF EXISTS book_views CASCADE")
        admin.execute("CHECKPOINT")
    opened, views = open_book(address), Views.open(address)

    def side() -> int:
        positions = views.catch_up(opened)
        assert set(positions.values()) == {count}
        views.close()
        opened.close()
        return count

    return side


class _Happened(Decision):
    """An event as their projection is handed it."""

    def __init__(self, envelope: dict[str, Any]) -> None:
        self.envelope = envelope


class _Mapper(DCBMapper[_Happened]):
    """Envelopes from JSON by orjson, which is the fastest there is."""

    def to_dcb_event(self, event: Tagged[_Happened]) -> DCBEvent:
        raise NotImplementedError  # events are written as they are

    def to_domain_event(self, event: DCBEvent) -> Tagged[_Happened]:
        return Tagged(tags=event.tags, decision=_Happened(orjson.loads(event.data)))


class _Company(DCBApplication):
    name = "company"


class _Counts(PostgresTrackingRecorder):
    """Events by customer, each counted in the transaction that moves the position."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sql_create_statements.append(
            SQL(
                "CREATE TABLE IF NOT EXISTS counts (customer text PRIMARY KEY, events bigint)"
            ).format()
        )

    def count(self, customer: str | None, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            if customer is not None:
                cursor.execute(
                    "INSERT INTO counts VALUES (%s, 1)"
                    " ON CONFLICT (customer) DO UPDATE SET events = counts.events + 1",
                    (customer,),
                    prepare=True,
                )


class _Counting(Projection[_Counts]):
    name = "counting"
    topics = (_TYPE,)

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        self.view.count(domain_event.decision.envelope.get("customer"), tracking)


def running(count: int, _folder: Path) -> Side:
    """Their runner from nothing to the last event, by their own subscription and tracking recorder."""
    where = urlsplit(server.an_empty_database())
    environment = {
        "COMPANY_PERSISTENCE_MODULE": "eventsourcing.dcb.postgres_tt",
        "COUNTING_PERSISTENCE_MODULE": "eventsourcing.postgres",
        "MAPPER_TOPIC": f"{_Mapper.__module__}:{_Mapper.__qualname__}",
        "POSTGRES_DBNAME": where.path.strip("/"),
        "POSTGRES_HOST": str(where.hostname),
        "POSTGRES_PORT": str(where.port),
        "POSTGRES_USER": str(where.username),
        "POSTGRES_PASSWORD": "",
        "SINGLE_ROW_TRACKING": "y",
    }
    events = [DCBEvent(_TYPE, encode_body(e), list(e.tags)) for e in history(count)]
    with _Company(environment) as company:
        last = company.recorder.append(events)

    def side() -> int:
        with ProjectionRunner(
            application_class=_Company,
            projection_class=_Counting,
            view_class=_Counts,
            env=environment,
        ) as runner:
            runner.wait(last, timeout=600)
        return count

    return side
