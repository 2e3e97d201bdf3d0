"""Requests and holds: whatever happened, in whatever order, folds and question say what a model says."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ledger.event import Event
from ledger.people import ALIASES
from projections.engine import Engine
from projections.questions import asked_by
from projections.reading import Asked, fold_rows, view_rows
from projections.sqlite import SqliteViews
from projections.views import load
from tests.projections import model, model_privacy
from tests.projections.model_privacy import Rows
from tests.projections.source import MemorySource

FOLDS, ASKS = load()
QUESTIONS = {"privacy_due": model_privacy.privacy_due}
USED = {name: FOLDS[name] for name in model_privacy.VIEWS}
NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)
"""In the night in which the clocks of Europe go forward; in America it is still the day before."""
PEOPLE = [UUID(int=n << 90, version=4) for n in range(1, 5)]
REQUESTS = [UUID(int=n << 80, version=4) for n in range(1, 6)]
BACK = [timedelta(hours=n) for n in (0, 1, 9, 24, 24 * 7, 24 * 29, 24 * 30, 24 * 31, 24 * 90)]
DAYS = ["2026-03-27", "2026-03-28", "2026-03-29", "2026-04-30", None]
KINDS: dict[str, dict[str, Sequence[Any]]] = {
    "privacy.requested": {
        "right": ["erasure", "access"],
        "law": ["gdpr", "gdpr", "ccpa"],
        "due_on": DAYS[:4],
        "confirm_by": DAYS,
        "jurisdiction": [None, "DE"],
        "time_zone": [None, "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati"],
    },
    "privacy.confirmed": {},
    "privacy.challenged": {},
    "privacy.verified": {"verified_by": [None, "letter"], "due_on": DAYS},
    "privacy.extended": {"due_on": DAYS[:4], "ground": ["number", "complexity"]},
    "privacy.refused": {"ground": ["excessive"]},
    "privacy.fulfilled": {},
    "customer.erasing": {"legal_basis": ["art17"]},
    "customer.erased": {"legal_basis": ["art17"]},
    "hold.placed": {"hold": ["claim", "audit"], "ground": ["litigation", "order"]},
    "hold.released": {"hold": ["claim", "audit"], "ground": [None, "won"]},
}
OFTEN = ["privacy.requested", "privacy.requested", "hold.placed", "privacy.challenged"]


def happened(chance: Random) -> Event:
    """Anything at any moment: steps of requests that nobody made, people who changed, no people."""
    kind = chance.choice([*KINDS, *OFTEN])
    data = {name: chance.choice(values) for name, values in KINDS[kind].items()}
    if not kind.startswith("hold."):
        request = chance.choice([*REQUESTS, None]) if kind.startswith("customer.") else None
        data["request"] = request or chance.choice(REQUESTS)
        if kind.startswith("customer.") and request is None:
            del data["request"]
    return Event(
        id=UUID(int=chance.getrandbits(128), version=4),
        type=kind,
        version=1,
        domain="privacy",
        occurred_at=NOW - chance.choice(BACK),
        source="desk",
        data={n: str(v) if isinstance(v, UUID) else v for n, v in data.items() if v is not None},
        customer=chance.choice([*PEOPLE, *PEOPLE, None]),
        actor=chance.choice([None, *PEOPLE]),
    )


@contextmanager
def stored(*sittings: MemorySource) -> Iterator[SqliteViews]:
    with (
        TemporaryDirectory() as folder,
        closing(SqliteViews(Path(folder) / "views.db")) as store,
        closing(Engine(store)) as engine,
    ):
        for source in sittings:
            engine.catch_up(USED, source)
        yield store


def aliases(persons: Mapping[UUID, UUID]) -> pa.Table:
    pairs = [(member, person) for member, person in persons.items() if member != person]
    columns = [pa.array([pair[n].bytes for pair in pairs], pa.binary(16)) for n in (0, 1)]
    return pa.table([pa.ExtensionArray.from_storage(pa.uuid(), c) for c in columns], schema=ALIASES)


def demand_all(
    store: SqliteViews,
    source: MemorySource,
    persons: Mapping[UUID, UUID],
    as_of: datetime | None = None,
    upto: int | None = None,
) -> Rows:
    bodies = source.raw.column("body").to_pylist()[:upto]
    events = [model_privacy.seen(n, body) for n, body in enumerate(bodies, 1)]
    by_then = [e for e in events if as_of is None or e["occurred_at"] <= as_of.replace(tzinfo=None)]
    for event in by_then:
        event["read_as"] = persons.get(event["customer"], event["customer"])
    past = source if as_of or upto is not None else None
    asked = Asked(as_of or NOW, past, as_of, upto, aliases(persons))
    for name, view in model_privacy.VIEWS.items():
        keys = [key.name for key in FOLDS[name].keys]
        rows = fold_rows(store, FOLDS[name], asked).to_pylist()
        found = {tuple(row.pop(key) for key in keys): row for row in rows}
        assert len(found) == len(rows), name
        assert found == model.rows(view, by_then), name
    expected: Rows = []
    for name, answer in QUESTIONS.items():
        expected = answer(by_then, (as_of or NOW).replace(tzinfo=None))
        assert view_rows(store, FOLDS, ASKS, name, asked).to_pylist() == expected, name
    return expected


@settings(
    max_examples=12,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(0, 60), st.sampled_from(BACK))
def test_whatever_happened_views_and_models_agree(
    seed: int, number: int, pause: int, back: timedelta
) -> None:
    """Live in two sittings with overlapping deliveries; today, as of any day, known so far."""
    chance = Random(seed)
    events = [happened(chance) for _ in range(number)]
    known = min(pause, number)
    persons = {person: PEOPLE[n // 2 * 2] for n, person in enumerate(PEOPLE)}
    source = MemorySource.of(events, cuts=[7, 20], again=3)
    with stored(MemorySource.of(events[:known]), source) as store:
        demand_all(store, source, {})
        demand_all(store, source, persons)
        demand_all(store, source, persons, NOW - back, known)


def test_a_long_history_tells_every_duty_there_is() -> None:
    """The generator reaches what the question tells apart; else the models would agree on nothing."""
    chance = Random(3)
    rows: Rows = []
    for _ in range(12):
        source = MemorySource.of([happened(chance) for _ in range(40)])
        with stored(source) as store:
            rows += demand_all(store, source, {})
    assert {row["duty"] for row in rows} == {"answer", "confirm"}
    assert {row["state"] for row in rows} == {"received", "challenged", "verified", "executing"}
    for name in ("overdue", "waits", "extended"):
        assert {row[name] for row in rows} == {True, False}, name
    assert {row["holds"] for row in rows} >= {None, "claim", "audit", "audit, claim"}
    assert {0, -1} < {row["days_left"] for row in rows}


LAST_DAY = [
    ("2026-03-29T21:59:59Z", "Europe/Berlin", 0),
    ("2026-03-29T22:00:00Z", "Europe/Berlin", -1),  # it is the 30th: summer has begun
    ("2026-03-28T22:59:59Z", "Europe/Berlin", 1),
    ("2026-03-28T23:00:00Z", "Europe/Berlin", 0),
    ("2026-03-30T06:59:59Z", "America/Los_Angeles", 0),
    ("2026-03-30T07:00:00Z", "America/Los_Angeles", -1),
    ("2026-03-29T09:59:59Z", "Pacific/Kiritimati", 0),
    ("2026-03-29T10:00:00Z", "Pacific/Kiritimati", -1),
    ("2026-03-29T23:59:59Z", None, 0),
    ("2026-03-30T00:00:00Z", None, -1),
]


@pytest.mark.parametrize(("now", "zone", "left"), LAST_DAY)
def test_a_day_ends_where_the_request_is_answered(now: str, zone: str | None, left: int) -> None:
    data = {"request": str(REQUESTS[0]), "right": "access", "law": "gdpr", "due_on": "2026-03-29"}
    data |= {"time_zone": zone} if zone else {}
    asked_on = datetime(2026, 2, 27, tzinfo=UTC)
    asked = Event(
        REQUESTS[0], "privacy.requested", 2, "privacy", asked_on, "desk", data, customer=PEOPLE[0]
    )
    with stored(MemorySource.of([asked])) as store:
        at = Asked(datetime.fromisoformat(now), aliases=aliases({}))
        (row,) = view_rows(store, FOLDS, ASKS, "privacy_due", at).to_pylist()
    assert (row["days_left"], row["overdue"]) == (left, left < 0)


def test_the_question_asks_these_folds_alone() -> None:
    assert asked_by("privacy_due", ASKS) == {"privacy_due", *model_privacy.VIEWS}
