"""Who looked: whatever is opened and handed out, in whatever order it is told, the folds say what a model says."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.event import Event
from projections.engine import Engine
from projections.reading import Asked, fold_rows
from projections.sqlite import SqliteViews
from projections.views import load
from tests.projections import model, model_opened
from tests.projections.source import MemorySource

FOLDS = {name: fold for name, fold in load()[0].items() if name in model_opened.VIEWS}
PEOPLE = [UUID(int=n << 90, version=4) for n in range(1, 4)]
NOW = datetime(2026, 3, 1, 0, 30, tzinfo=UTC)


def happened(chance: Random) -> Event:
    """Somebody looks at somebody, or somebody's data leaves, or something else happens."""
    kind = chance.choice(["personal_data.opened"] * 3 + ["personal_data.exported", "page.viewed"])
    data = {"purpose": chance.choice(["service", "legal"])}
    if kind == "personal_data.exported":
        data["recipient"] = chance.choice(["person", "other-firm"])
    return Event(
        id=UUID(int=chance.getrandbits(128), version=4),
        type=kind,
        version=1,
        domain="audit",
        occurred_at=NOW + timedelta(minutes=chance.randrange(-60, 60)),
        source="bahi",
        data=data if kind != "page.viewed" else {},
        customer=chance.choice([*PEOPLE, None]),
        actor=chance.choice([*PEOPLE, None]),
    )


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 60), cut=st.integers(0, 60))
@pytest.mark.parametrize("name", model_opened.VIEWS)
def test_the_folds_say_what_the_model_says(name: str, seed: int, count: int, cut: int) -> None:
    chance = Random(seed)
    source = MemorySource.of([happened(chance) for _ in range(count)], cuts=[min(cut, count)])
    bodies = source.raw.column("body").to_pylist()
    expected = model.rows(
        model_opened.VIEWS[name], [model.seen(n, body) for n, body in enumerate(bodies, 1)]
    )
    with (
        TemporaryDirectory() as folder,
        closing(SqliteViews(Path(folder) / "views.db")) as store,
        closing(Engine(store)) as engine,
    ):
        engine.catch_up(FOLDS, source)
        rows = fold_rows(store, FOLDS[name], Asked(NOW)).to_pylist()
    keys = [key.name for key in FOLDS[name].keys]
    found = {tuple(row.pop(key) for key in keys): row for row in rows}
    assert len(found) == len(rows)
    assert found == expected
