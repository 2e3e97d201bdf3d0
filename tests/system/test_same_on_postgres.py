"""One story told to both stores: every view reads the same, cell by cell, today and on other days."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.demo import tell
from api.wiring import Bahi
from ledger.keyring import Keyring
from ledger.settings import Settings
from replay.history import Clocks
from streams.files import load_mapping, read_file
from streams.imports import import_rows
from tests.system.cli import CDNOW, CDNOW_MAPPING

TOLD_ON = datetime(2026, 7, 1, tzinfo=UTC)
QUARTER = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)


def in_order() -> Callable[[], UUID]:
    """Make ids that are the same for whoever asks in the same order."""
    numbers = count(1)
    return lambda: UUID(int=next(numbers), version=4)


def demo(bahi: Bahi) -> None:
    tell(bahi.desk)


def cdnow(bahi: Bahi) -> None:
    mapping = load_mapping(CDNOW_MAPPING)
    import_rows(bahi.ledger, read_file(CDNOW, mapping), mapping.source, bahi.intake)


def rows(bahi: Bahi) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:
    """Yield every fold as it is kept, every question, and some of the past."""
    history, views = bahi.history, bahi.views
    for name in views.folds:
        yield name, history.view(name).to_pylist()
    for name in views.questions:
        yield name, sorted(history.view(name).to_pylist(), key=repr)
    yield "pipeline then", history.view("pipeline", Clocks(as_of=QUARTER)).to_pylist()
    head = bahi.ledger.book.head()
    for name in views.folds:
        assert history.view(name, Clocks(known_upto=head)).equals(history.view(name)), name
    half = Clocks(known_upto=head // 2)
    yield "customer_360 half known", history.view("customer_360", half).to_pylist()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("story", [demo, cdnow])
def test_every_view_reads_the_same_on_either_store(
    story: Callable[[Bahi], None], tmp_path: Path, postgres_url: str
) -> None:
    key = tmp_path / "keyring.json"
    Keyring.create(key)
    mark = uuid4().hex
    embedded = Settings(home=tmp_path / "embedded", ledger="", vault="", keyring=tmp_path / "one")
    served = Settings(
        home=tmp_path / "served",
        ledger=f"{postgres_url}?schema=book_{mark}",
        vault=f"{postgres_url}?schema=vault_{mark}",
        keyring=tmp_path / "two",
    )
    told = []
    for settings in (embedded, served):
        shutil.copyfile(key, settings.keyring_file)
        settings.keyring_file.chmod(0o600)
        with Bahi.open(settings, lambda: TOLD_ON, in_order()) as bahi:
            story(bahi)
            assert bahi.catch_up() == []
            told.append(dict(rows(bahi)))
    one, two = told
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []
    assert sum(map(len, one.values())) > 20_000
