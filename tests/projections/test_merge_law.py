"""Live = rebuilt = as of the end = an independent model, however the events come.

The histories are small and full of trouble: nulls, ties, late events, text that sorts otherwise
in UTF-16, numbers at both ends; in batches of any size, delivered twice, overlapping, in any order.
"""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.event import Event
from ledger.gone import HIDDEN
from ledger.people import ALIASES
from projections.definition import Fold, parse_fold
from projections.engine import Engine
from projections.folding import Folder
from projections.reading import Asked, fold_rows, rows_of_folds
from projections.store import Move, ViewStore
from projections.views import load
from tests.projections import model
from tests.projections.places import BY_COPY, KINDS, opened
from tests.projections.source import START, MemorySource, columns_of

_MADE_TEXT, _MADE = model.made()
MODELS = {
    "customer_360": model.CUSTOMER_360,
    "customer_money": model.CUSTOMER_MONEY,
    "customer_channel": model.CUSTOMER_CHANNEL,
    "daily": model.DAILY,
    "made": _MADE,
}
FOLDS = {
    name: fold
    for name, fold in (*load()[0].items(), ("made", parse_fold("made", _MADE_TEXT)))
    if name in MODELS  # the others have tests, and models, of their own
}
PEOPLE = [UUID(int=n << 90, version=4) for n in (1, 2, 3)]
_OTHERS = [UUID(int=1), UUID(int=2**127), UUID(int=2**128 - 1)]
_NUMBER = st.sampled_from([0, 1, 2, 5, 9, 2**53 - 1])
_WORD = st.sampled_from(["", "a", "B", "ä", "\ufb00", "\U0001f600", "zz"])
_TIME = st.integers(0, 6).map(lambda n: START + timedelta(hours=n * 7, microseconds=n))


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


_DATA = st.fixed_dictionaries(
    {},
    optional={
        "amount_minor": _NUMBER,
        "quantity": st.one_of(_NUMBER, st.integers(-9, 9)),
        "points": _NUMBER,
        "currency": st.sampled_from(["EUR", "INR"]),
        "language": _WORD,
        "plan": _WORD,
        "bounce": st.sampled_from(["hard", "soft"]),
        "other": st.sampled_from(_OTHERS).map(str),
        "trial_until": _TIME.map(_text),
        "rate_date": st.integers(0, 5).map(lambda n: str(date(1969, 12, 30) + timedelta(n))),
        "lines": st.lists(st.fixed_dictionaries({"quantity": st.integers(0, 9)}), max_size=2),
    },
)
_TYPES = (
    "order.placed", "order.refunded", "subscription.renewed", "email.sent", "email.bounced",
    "email.opened", "preference.set", "customer.identified", "loyalty.earned", "b",
)  # fmt: skip


@st.composite
def _event(draw: st.DrawFn) -> Event:
    tags = [f"campaign:{draw(st.sampled_from(['x', 'y']))}"] if draw(st.booleans()) else []
    tags += [f"market:{draw(st.sampled_from(['DE', 'IN']))}"] if draw(st.booleans()) else []
    return Event(
        id=draw(st.uuids(version=4)),
        type=draw(st.sampled_from(_TYPES)),
        version=1,
        domain=draw(st.sampled_from(["touchpoint", "touchpoint", "sales"])),
        occurred_at=draw(_TIME),
        source=draw(_WORD),
        data=draw(_DATA),
        customer=draw(st.sampled_from([None, *PEOPLE])),
        tags=tuple(tags),
    )


_HISTORY = st.lists(_event(), max_size=30)
_LONG_HISTORY = st.lists(_event(), min_size=25, max_size=40)
_CUTS = st.lists(st.integers(1, 20), min_size=1, max_size=4)
_QUICK = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


def by_key(table: pa.Table, keys: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by key, as the model gives them; no key may come twice."""
    found = {tuple(row.pop(key) for key in keys): row for row in table.to_pylist()}
    assert len(found) == table.num_rows
    return found


def expected(
    name: str, source: MemorySource, **limits: Any
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """What the model makes of the source's events up to `known_upto` and `as_of`."""
    upto = limits.get("known_upto", source.head())
    as_of = limits.get("as_of", datetime.max.replace(tzinfo=UTC)).replace(tzinfo=None)
    bodies = source.raw.column("body").to_pylist()[:upto]
    events = [model.seen(n, body) for n, body in enumerate(bodies, 1)]
    return model.rows(MODELS[name], [event for event in events if event["occurred_at"] <= as_of])


def _kept(store: ViewStore, fold: Fold) -> dict[tuple[Any, ...], dict[str, Any]]:
    asked = Asked(START)
    return by_key(fold_rows(store, fold, asked), [key.name for key in fold.keys])


@pytest.mark.parametrize("kind", [*KINDS, BY_COPY])
@_QUICK
@given(_HISTORY, _CUTS, st.integers(0, 5), st.integers(0, 40), st.integers(0, 6))
def test_live_rebuilt_as_of_and_model_agree(
    kind: str,
    postgres_url: str,
    events: list[Event],
    cuts: list[int],
    again: int,
    pause: int,
    hour: int,
) -> None:
    """Live in two sittings with overlapping deliveries; rebuilt in strides; folded as of any day."""
    source = MemorySource.of(events, cuts=cuts, again=again)
    with opened(kind, postgres_url) as store:
        with closing(Engine(store)) as live:
            live.catch_up(FOLDS, MemorySource.of(events[:pause], cuts=cuts, again=again))
            live.catch_up(FOLDS, source)
            live.catch_up(FOLDS, source)
        for name, fold in FOLDS.items():
            assert _kept(store, fold) == expected(name, source), name
        for fold in FOLDS.values():
            store.create(fold)
        with closing(Engine(store, stride=11, deep=0)) as rebuilding:
            rebuilding.catch_up(FOLDS, source)
        as_of = START + timedelta(hours=hour * 7, microseconds=hour)
        # What is folded anew from the events does not depend on where rows are kept: one kind is enough.
        limits: list[dict[str, Any]] = [] if kind != "sqlite" else [
            {"known_upto": source.head()}, {"known_upto": min(pause, source.head())}, {"as_of": as_of},
            {"as_of": as_of, "known_upto": min(pause, source.head())},
        ]  # fmt: skip
        for name, fold in FOLDS.items():
            assert _kept(store, fold) == expected(name, source), name
        for limit in limits:
            past = rows_of_folds(store, [*FOLDS.values()], Asked(START, source=source, **limit))
            for name, fold in FOLDS.items():
                found = by_key(past[name], [key.name for key in fold.keys])
                assert found == expected(name, source, **limit), name
        assert {table.generation for table in store.tables()} == {2}


@pytest.mark.parametrize("kind", [*KINDS, BY_COPY])
@_QUICK
@given(_LONG_HISTORY, st.randoms(use_true_random=False), _CUTS)
def test_any_order_of_any_parts_merges_to_the_same_rows(
    kind: str, postgres_url: str, events: list[Event], chance: Any, cuts: list[int]
) -> None:
    source = MemorySource.of(events)
    order = list(range(len(events)))
    chance.shuffle(order)
    shuffled = columns_of(source.raw).take(pa.array(order, pa.int64()))
    with opened(kind, postgres_url) as store, closing(Folder()) as folder_:
        tables = [store.create(fold) for fold in FOLDS.values()]
        start, turn = 0, 0
        while start < len(events):
            part = shuffled.slice(start, cuts[turn % len(cuts)])
            rows = folder_.fold_batch([*FOLDS.values()], part)
            moves = [Move(table, found) for table, found in zip(tables, rows, strict=True)]
            assert store.advance(start, start + part.num_rows, moves) == {}
            start, turn = start + part.num_rows, turn + 1
        for name, fold in FOLDS.items():
            assert _kept(store, fold) == expected(name, source), name


@pytest.mark.parametrize("kind", [*KINDS, BY_COPY])
@_QUICK
@given(_HISTORY, st.lists(st.sampled_from([0, 1, 2]), min_size=3, max_size=3), st.booleans())
def test_merged_customers_read_as_one_and_split_again_exactly(
    kind: str, postgres_url: str, events: list[Event], canonical: list[int], hide: bool
) -> None:
    """Reading under aliases equals a history in which the events had been recorded for one."""
    to = {
        person: PEOPLE[min(n, place)]
        for place, (person, n) in enumerate(zip(PEOPLE, canonical, strict=True))
    }
    to = {person: to[to[person]] for person in PEOPLE}
    aliases = pa.table(
        {"customer": _uuids(list(to)), "canonical": _uuids(list(to.values()))}, schema=ALIASES
    )
    hidden = pa.table({"customer": _uuids([PEOPLE[0]] if hide else [])}, schema=HIDDEN)
    source = MemorySource.of(events)
    with opened(kind, postgres_url) as store:
        with closing(Engine(store)) as engine:
            engine.catch_up(FOLDS, source)
        apart = {name: _kept(store, fold) for name, fold in FOLDS.items()}
        for name in ("customer_360", "customer_money", "customer_channel"):
            fold, view = FOLDS[name], MODELS[name]
            seen = [
                model.seen(n, b) for n, b in enumerate(source.raw.column("body").to_pylist(), 1)
            ]
            one = [{**e, "customer": to.get(e["customer"])} for e in seen]
            wanted = model.rows(view, [e for e in one if not (hide and e["customer"] == PEOPLE[0])])
            asked = Asked(START, aliases=aliases, hidden=hidden)
            assert by_key(fold_rows(store, fold, asked), [k.name for k in fold.keys]) == wanted
            for person in PEOPLE:
                own = by_key(fold_rows(store, fold, asked, person), [k.name for k in fold.keys])
                assert own == {key: row for key, row in wanted.items() if key[0] == to[person]}
        assert apart == {name: _kept(store, fold) for name, fold in FOLDS.items()}


def _uuids(values: list[UUID]) -> pa.Array:
    raw = pa.array([value.bytes for value in values], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), raw)
