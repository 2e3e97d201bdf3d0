"""Sales, service, accounts and attention: folds and questions, live = rebuilt = as of then = the models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from projections import ALIASES
from projections.engine import Engine
from projections.questions import asked_by
from projections.reading import Asked, fold_rows, view_rows
from projections.sqlite import SqliteViews
from projections.views import load
from tests.projections import model, model_caring, model_sales, model_selling
from tests.projections.business import EDGES, NOW, PEOPLE, business
from tests.projections.model_selling import History, Rows
from tests.projections.source import MemorySource

FOLDS, ASKS = load()
QUESTIONS: Mapping[str, Callable[[History, datetime], Rows]] = {
    "pipeline": model_selling.pipeline,
    "deal_step": model_selling.deal_step,
    "funnel": model_selling.funnel,
    "ticket_sla": model_selling.ticket_sla,
    "goal": model_caring.goal,
    "attention": model_caring.attention,
}
_ASKED = {fold for name in QUESTIONS for fold in asked_by(name, ASKS)} & FOLDS.keys()
USED = {name: FOLDS[name] for name in sorted(model_sales.VIEWS.keys() | _ASKED)}
_IN_THREES = {person: PEOPLE[n // 3 * 3] for n, person in enumerate(PEOPLE)}
"""Under whom each is read, where three turned out to be one."""


def _seen(source: MemorySource, as_of: datetime | None, upto: int | None) -> list[dict[str, Any]]:
    bodies = source.raw.column("body").to_pylist()[:upto]
    events = [model_sales.seen(n, body) for n, body in enumerate(bodies, 1)]
    return [e for e in events if as_of is None or e["occurred_at"] <= as_of.replace(tzinfo=None)]


def _as_read(
    events: Sequence[dict[str, Any]], persons: Mapping[UUID, UUID]
) -> list[dict[str, Any]]:
    return [
        event | {"customer": persons.get(event["customer"], event["customer"])} for event in events
    ]


def _aliases(persons: Mapping[UUID, UUID]) -> pa.Table:
    pairs = [(member, person) for member, person in persons.items() if member != person]
    columns = [[pair[n].bytes for pair in pairs] for n in (0, 1)]
    arrays = [
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array(column, pa.binary(16)))
        for column in columns
    ]
    return pa.table(arrays, schema=ALIASES)


@contextmanager
def _stored(*sittings: MemorySource) -> Iterator[SqliteViews]:
    with (
        TemporaryDirectory() as folder,
        closing(SqliteViews(Path(folder) / "views.db")) as store,
        closing(Engine(store)) as engine,
    ):
        for source in sittings:
            engine.catch_up(USED, source)
        yield store


def _demand_folds(
    store: SqliteViews, events: Sequence[dict[str, Any]], asked: Asked, persons: Mapping[UUID, UUID]
) -> None:
    for name, view in model_sales.VIEWS.items():
        keys = [key.name for key in FOLDS[name].keys]
        own = events
        if "customer" in keys:
            own = _as_read(events, persons)
        rows = fold_rows(store, FOLDS[name], asked).to_pylist()
        found = {tuple(row.pop(key) for key in keys): row for row in rows}
        assert len(found) == len(rows), name
        assert found == model.rows(view, own), name


def _demand_questions(
    store: SqliteViews, events: Sequence[dict[str, Any]], asked: Asked, persons: Mapping[UUID, UUID]
) -> None:
    own = _as_read(events, persons)
    for name, answer in QUESTIONS.items():
        rows = view_rows(store, FOLDS, ASKS, name, asked).to_pylist()
        expected = answer(own, asked.now.replace(tzinfo=None))
        if name == "deal_step":
            rows, expected = (
                sorted(x, key=lambda r: (r["deal"], r["stage"])) for x in (rows, expected)
            )
        assert rows == expected, name


def _demand_all(
    store: SqliteViews,
    source: MemorySource,
    persons: Mapping[UUID, UUID],
    as_of: datetime | None = None,
    upto: int | None = None,
) -> None:
    past = source if as_of or upto is not None else None
    asked = Asked(as_of or NOW, past, as_of, upto, _aliases(persons))
    events = _seen(source, as_of, upto)
    _demand_folds(store, events, asked, persons)
    _demand_questions(store, events, asked, persons)


# A shorter seed is no simpler history: nothing is gained by shrinking.
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate)


@settings(max_examples=5, suppress_health_check=list(HealthCheck), phases=_PHASES)
@given(
    st.integers(0, 2**32),
    st.integers(0, 90),
    st.integers(0, 90),
    st.sampled_from(EDGES),
    st.lists(st.integers(0, 8), min_size=9, max_size=9),
)
def test_whatever_happened_views_and_models_agree(
    seed: int, count: int, pause: int, back: timedelta, read_as: list[int]
) -> None:
    """Live in two sittings with overlapping deliveries; asked at any time; as of any day, known so far."""
    events = business(count, seed)
    known = min(pause, count)
    # One step towards the oldest: a person's rows are read under somebody who is read as themselves.
    persons = {
        person: PEOPLE[min(n, place)]
        for place, (person, n) in enumerate(zip(PEOPLE, read_as, strict=True))
    }
    persons = {person: to if persons[to] == to else person for person, to in persons.items()}
    source = MemorySource.of(events, cuts=[17, 40], again=3)
    with _stored(MemorySource.of(events[:known]), source) as store:
        _demand_all(store, source, persons)
        _demand_all(store, source, persons, NOW - back, known)
        asked = Asked(NOW - back, aliases=_aliases(persons))
        _demand_questions(store, _seen(source, None, None), asked, persons)


def test_a_long_history_is_the_same_live_and_rebuilt() -> None:
    source = MemorySource.of(business(1_500, 8), cuts=[300])
    with _stored(source) as store:
        _demand_all(store, source, _IN_THREES)
        for name in model_sales.VIEWS:
            store.create(FOLDS[name])
        with closing(Engine(store, stride=400, deep=0)) as rebuilding:
            rebuilding.catch_up(USED, source)
        _demand_all(store, source, {})
        _demand_all(store, source, _IN_THREES, NOW - timedelta(days=100), 1_200)
