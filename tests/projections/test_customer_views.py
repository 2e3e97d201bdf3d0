"""Customers, their months and milestones, campaigns, and the questions asked of them.

Live = rebuilt = as of any day = a model that imports nothing of ours, over histories of every part of
the business: late and equal moments, several currencies and markets, customers read as one.
"""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.event import Event
from projections import ALIASES, Views
from projections.definition import Fold
from projections.engine import Engine
from projections.stores import open_views
from tests.projections import model, model_customers, model_kpi
from tests.projections.dealings import MOMENTS, PEOPLE, by_key, histories, opened_at, views_of
from tests.projections.places import place
from tests.projections.source import MemorySource

VIEWS = model_customers.VIEWS
QUESTIONS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "kpi": (model_kpi.kpi, ("metric", "month", "market", "currency")),
    "journey": (model_customers.journey, ("customer",)),
    "retention": (model_customers.retention, ("cohort", "months_since", "market")),
    "campaign_result": (model_customers.campaign_result, ("campaign", "currency")),
}


_CUTS = st.lists(st.integers(1, 30), min_size=1, max_size=3)
_SEEN_AS = st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3)
_MOMENT = st.sampled_from(MOMENTS)


def _quick(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


def read_as(canonical: Sequence[int]) -> tuple[dict[UUID, UUID], pa.Table]:
    """Under whom each of the people is read; only those who are read under another are listed."""
    to = {p: PEOPLE[min(n, k)] for k, (p, n) in enumerate(zip(PEOPLE, canonical, strict=True))}
    to = {person: to[to[person]] for person in PEOPLE}
    moved = {person: other for person, other in to.items() if person != other}
    columns = [
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one.bytes for one in given], pa.binary(16)))
        for given in (moved.keys(), moved.values())
    ]  # fmt: skip
    return to, pa.table(columns, schema=ALIASES)


def seen(
    source: MemorySource,
    to: dict[UUID, UUID],
    as_of: datetime | None = None,
    known_upto: int | None = None,
) -> list[model.Seen]:
    """The source's events as the model takes them, under whom their customers are read."""
    bodies = source.raw.column("body").to_pylist()[:known_upto]
    events = [model.seen(n, body) for n, body in enumerate(bodies, 1)]
    then = (as_of or MOMENTS[-1]).replace(tzinfo=None)
    return [
        {**event, "customer": to.get(event["customer"], event["customer"])}
        for event in events
        if event["occurred_at"] <= then
    ]


def _keys(fold: Fold) -> list[str]:
    return [key.name for key in fold.keys]


_PASTS = st.tuples(histories(), _CUTS, st.integers(0, 70), _MOMENT, _SEEN_AS)


@_quick(4)
@given(_PASTS)
def test_every_fold_is_live_rebuilt_past_and_merged_what_the_model_says(past: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        _demand_what_the_model_says(Path(folder) / "views.db", *past)


@_quick(2)
@given(_PASTS)
def test_so_it_is_where_views_are_kept_in_postgresql(postgres_url: str, past: Any) -> None:
    with place("postgres", postgres_url) as at:
        _demand_what_the_model_says(at, *past)


def _demand_what_the_model_says(
    at: Path | str,
    events: list[Event],
    cuts: list[int],
    pause: int,
    as_of: datetime,
    canonical: list[int],
) -> None:
    source = MemorySource.of(events, cuts=cuts, again=3)
    upto = min(pause, len(events))
    to, aliases = read_as(canonical)
    with opened_at(at) as views:
        folds = {name: views.folds[name] for name in VIEWS}
        with closing(open_views(at)) as store:
            with closing(Engine(store)) as live:
                live.catch_up(folds, MemorySource.of(events[:pause], cuts=cuts))
                live.catch_up(folds, source)
            _demand_folds(views, folds, seen(source, {}))
            for fold in folds.values():
                store.create(fold)
            with closing(Engine(store, stride=23, deep=0)) as rebuilding:
                rebuilding.catch_up(folds, source)
            assert {t.generation for t in store.tables() if t.fold.name in folds} == {2}
        _demand_folds(views, folds, seen(source, {}))
        _demand_folds(views, folds, seen(source, to), aliases=aliases)
        limits = {"source": source, "as_of": as_of, "known_upto": upto, "aliases": aliases}
        _demand_folds(views, folds, seen(source, to, as_of, upto), **limits)


def _demand_folds(
    views: Views, folds: dict[str, Fold], events: list[model.Seen], **how: Any
) -> None:
    for name, fold in folds.items():
        found = by_key(views.rows(name, **how), _keys(fold))
        assert found == model_customers.rows(name, events), name


@_quick(6)
@given(histories(), st.integers(0, 70), _MOMENT, _SEEN_AS)
def test_every_question_answers_what_the_model_says(
    events: list[Event], known: int, as_of: datetime, canonical: list[int]
) -> None:
    """Today, asked earlier, as of a day with what was known then; with people read as one."""
    source = MemorySource.of(events)
    to, aliases = read_as(canonical)
    upto = min(known, len(events))
    with views_of(source) as views:
        for name, (answer, keys) in QUESTIONS.items():
            for now, how, told in (
                (MOMENTS[-1], {}, seen(source, {})),
                (as_of, {"now": as_of, "aliases": aliases}, seen(source, to)),
                (as_of, {"source": source, "as_of": as_of, "known_upto": upto, "aliases": aliases},
                 seen(source, to, as_of, upto)),
            ):  # fmt: skip
                found = by_key(views.rows(name, **how), keys)
                assert found == answer(told, now.replace(tzinfo=None)), name
