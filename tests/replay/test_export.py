"""Exports: in every format the rows of the views, all of them or none; and what was killed is nowhere."""

import csv
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet
import pytest

from ledger import relation
from ledger.errors import BadUsage, NotFound
from projections import Progress
from replay.history import Clocks
from replay.opening import Reading
from replay.rows.export import ABOUT, Exported, export
from replay.rows.formats import FileFormat, defused
from replay.rows.shown import json_rows, plain_text
from tests.projections.business import NOW, PEOPLE, business, happening
from tests.replay.test_what_if import reading
from tests.system.cli import ROOT

THEN = Clocks(as_of=NOW - timedelta(days=7), known_upto=380)
VIEWS = ["customer_360", "customer_money", "erasure", "kpi", "pipeline"]
HIDDEN = {PEOPLE[0], PEOPLE[1]}


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    told = [event for event in business(400, 3) if not event.type.startswith("customer.")]
    hostile = happening("lead.captured", NOW, PEOPLE[2], lead_source="=1+1;\n-2")
    erased = happening("customer.erasing", NOW, PEOPLE[0], legal_basis="art17")
    restricted = happening("customer.restricted", NOW, PEOPLE[1], ground="accuracy")
    folder = tmp_path_factory.mktemp("known")
    with reading(folder, *told, hostile, erased, restricted) as made:
        made.catch_up()
        yield made


def read(path: Path, how: FileFormat) -> list[dict[str, Any]]:
    """The rows of a file, by other means than ours, as it spells them."""
    match how:
        case FileFormat.PARQUET:
            return list(pa.parquet.read_table(path).to_pylist())
        case FileFormat.CSV:
            with path.open(newline="", encoding="utf-8") as file:
                return list(csv.DictReader(file))
        case FileFormat.JSON:
            return list(json.loads(path.read_bytes()))
        case FileFormat.JSONL:
            return [json.loads(line) for line in path.read_bytes().splitlines()]


def spelled(rows: pa.Table, how: FileFormat) -> list[dict[str, Any]]:
    """The rows of a view as a file of that format has to spell them, worked out value by value."""

    def cell(value: Any) -> str:
        text = plain_text(value) or ""
        return defused(text) if isinstance(value, str) else text

    match how:
        case FileFormat.PARQUET:
            return list(rows.to_pylist())
        case FileFormat.CSV:
            return [{name: cell(value) for name, value in row.items()} for row in rows.to_pylist()]
        case FileFormat.JSON:
            return list(orjson.loads(orjson.dumps(json_rows(rows))))
        case FileFormat.JSONL:
            plain = orjson.loads(orjson.dumps(json_rows(rows)))
            return [{k: v for k, v in row.items() if v is not None} for row in plain]


@pytest.mark.parametrize(
    ("how", "at"), [*((how, Clocks()) for how in FileFormat), (FileFormat.PARQUET, THEN)]
)
def test_a_file_has_the_rows_of_its_view(
    known: Reading, tmp_path: Path, how: FileFormat, at: Clocks
) -> None:
    out = tmp_path / "out"
    done = export(known, VIEWS, how, out, at)
    history = known.history_for("")
    views = {name: history.view(name, at) for name in VIEWS}
    assert {name: read(out / f"{name}.{how}", how) for name in VIEWS} == {
        name: spelled(rows, how) for name, rows in views.items()
    }
    assert done.rows == {name: rows.num_rows for name, rows in views.items()}
    assert done.rows["customer_360"] > 1
    about = json.loads((out / ABOUT).read_bytes())
    assert about["rows"] == done.rows
    assert about["known_upto"] == at.known_upto
    assert {file.name for file in out.iterdir()} == {ABOUT, *(f"{name}.{how}" for name in VIEWS)}
    assert sum(file.stat().st_size for file in out.iterdir()) == done.size
    if how is FileFormat.PARQUET:
        types = pa.parquet.read_table(out / "customer_360.parquet").schema.types
        assert types == views["customer_360"].schema.types


@pytest.mark.parametrize("how", FileFormat)
def test_events_are_written_in_their_order_and_name_nobody_who_is_hidden(
    known: Reading, tmp_path: Path, how: FileFormat
) -> None:
    export(known, ["events"], how, tmp_path / "out", THEN)
    columns = ", ".join(f'"{name}"' for name in relation.columns())
    query = f"SELECT {columns} FROM events ORDER BY position"
    rows = known.history_for("").sql(query, THEN)
    assert read(tmp_path / "out" / f"events.{how}", how) == spelled(rows, how)
    assert rows.num_rows > 100
    customers = {
        row.get("customer")
        for row in read(tmp_path / "out" / f"events.{how}", how)
        if row["domain"] != "privacy"  # which goes on naming them, as the proof of what was done
    }
    assert customers.isdisjoint({*HIDDEN, *map(str, HIDDEN)})
    assert PEOPLE[2] in customers or str(PEOPLE[2]) in customers


def test_a_spreadsheet_executes_nothing_of_it(known: Reading, tmp_path: Path) -> None:
    export(known, ["events"], FileFormat.CSV, tmp_path / "out", Clocks())
    (lead,) = [row["lead_source"] for row in read(tmp_path / "out" / "events.csv", FileFormat.CSV) if row["lead_source"].endswith("2")]  # fmt: skip
    assert lead == "'=1+1;'\n'-2"


def test_a_name_that_is_taken_stays_what_it_is(known: Reading, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link"):
        with pytest.raises(BadUsage, match="expected a name that is free"):
            export(known, VIEWS, FileFormat.CSV, tmp_path / name, Clocks())
    with pytest.raises(BadUsage, match="expected a folder that is there"):
        export(known, VIEWS, FileFormat.CSV, tmp_path / "no" / "out", Clocks())
    with pytest.raises(NotFound, match="view nothing"):
        export(known, [*VIEWS, "nothing"], FileFormat.CSV, tmp_path / "out", Clocks())
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link"}
    assert (tmp_path / "file").read_text() == "mine"


def test_what_is_told_of_the_way_grows_to_the_end(known: Reading, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    export(
        known, ["events", "deal"], FileFormat.PARQUET, tmp_path / "out", Clocks(),
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told == sorted(told)
    assert told[-1] == (2_000, 2_000)


_KILLED = """
import os, signal, sys
from pathlib import Path
import replay.rows.export as exports
from ledger.settings import Settings
from replay.history import Clocks
from replay.opening import Reading
from replay.rows.formats import FileFormat

calls = int(sys.argv[3])
original = os.fsync

def deadly(descriptor):
    global calls
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    original(descriptor)

reading = Reading.open(Settings(home=Path(sys.argv[1])))
os.fsync = deadly
exports.export(reading, ["deal", "ticket"], FileFormat.CSV, Path(sys.argv[2]), Clocks(known_upto=50))
"""


def test_of_whoever_is_killed_nothing_stands_under_the_name(known: Reading, tmp_path: Path) -> None:
    """In the middle of a file, and before the name is given; the next one tidies up."""
    for call in (1, 4):
        out = tmp_path / f"out{call}"
        home = str(known.settings.home)
        ended = subprocess.run(
            [sys.executable, "-c", _KILLED, home, str(out), str(call)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=False,
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        assert not out.exists()
        assert (
            len([path for path in tmp_path.iterdir() if path.name.startswith(f".{out.name}.")]) == 1
        )
        again = _exported(known, out)
        assert again.rows.keys() == {"deal", "ticket"}
        assert {path.name for path in out.iterdir()} == {ABOUT, "deal.csv", "ticket.csv"}
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_another_is_making_is_left_alone(
    known: Reading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two who want one name one gets it, and the other is told."""
    inner: list[Exported] = []
    out = tmp_path / "out"

    def meanwhile(done: int, total: int) -> None:
        if not inner:
            inner.append(_exported(known, out))

    with pytest.raises(BadUsage, match="came one that is taken"):
        _exported(known, out, meanwhile)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert {path.name for path in out.iterdir()} == {ABOUT, "deal.csv", "ticket.csv"}


def _exported(
    known: Reading,
    out: Path,
    progress: Progress = lambda _done, _total: None,
) -> Exported:
    at = Clocks(known_upto=50)
    return export(known, ["deal", "ticket"], FileFormat.CSV, out, at, progress=progress)
