"""`History` as a notebook has it: what it opens, what it refuses, and that it answers as the doors do."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.render import json_rows
from api.wiring import Bahi
from ledger.errors import BadUsage, Erased, KeyringForeign, NotFound, StoreRolledBack, Withheld
from ledger.keyring import Keyring
from ledger.settings import Settings
from replay import History
from replay.clocks import Moment
from replay.history import Clocks
from replay.notebook.answer import Answer
from tests.api.doors import here, newborn, shop
from tests.system.cli import ROOT, bytes_of
from tests.system.told import copied

QUARTER = "2026-03-31"
END_OF_QUARTER = datetime(2026, 3, 31, 23, 59, 59, 999_999, tzinfo=UTC)
IST = timezone(timedelta(hours=5, minutes=30))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo without its vault: who reads history has no need of it."""
    home = copied(tmp_path_factory, "read").home
    shutil.rmtree(home / "vault")
    return home


@pytest.fixture(scope="module")
def history(home: Path) -> Iterator[History]:
    with History.open(home) as history:
        yield history


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with two customers."""
    folder = shop(tmp_path_factory.mktemp("shop"))
    ended = newborn(folder, "import", "shop.csv", "--mapping", "shop.toml")
    assert ended.code == 3, ended.err
    return folder


Run = Callable[..., str]


@pytest.fixture
def small(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a copy of it, where no setting says otherwise."""
    for name in [name for name in os.environ if name.startswith("BAHI_")]:
        monkeypatch.delenv(name)
    shutil.copytree(begun, tmp_path / "shop")
    return tmp_path / "shop" / ".bahi"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, small: Path) -> Run:
    """Run a command of `bahi` there, which has to do what it is told."""

    def command(*given: str) -> str:
        ended = here(capsys, monkeypatch, small.parent, *given)
        assert ended.code == 0, ended.err
        return ended.out

    return command


A_PIPELINE = ("deal", "pipeline", "office", "--stage", "new=10", "--stage", "won=100")


def rows(answer: Answer) -> list[dict[str, Any]]:
    """Return what a door would write as JSON."""
    return json_rows(answer.inside)


def test_nothing_is_begun_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no book"):
        History.open(tmp_path / "none")
    assert [*tmp_path.iterdir()] == []


def test_settings_say_which_ledger_unless_one_is_named(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BAHI_HOME", str(small))
    monkeypatch.setenv("BAHI_LEDGER", f"sqlite:///{small}/nowhere")
    with pytest.raises(NotFound):
        History.open()
    for named in (small, str(small), f"sqlite:///{small}/book"):
        with History.open(named) as history:
            assert len(history.view("customer_360")) == 2
    monkeypatch.delenv("BAHI_LEDGER")
    monkeypatch.setenv("BAHI_HISTORY", str(small / "of another"))
    with History.open(small) as history:
        assert history._reading.columns.folder == small / "history", "a home has its own"
    with History.open() as history:
        assert len(history.view("customer_360")) == 2


def test_a_book_on_a_server_is_opened_by_its_address(
    small: Path, run: Run, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{postgres_url}?schema=read_{uuid4().hex}"
    with pytest.raises(NotFound) as error:
        History.open(address)
    assert address not in str(error.value)
    monkeypatch.setenv("BAHI_HOME", str(small.parent / "served"))
    monkeypatch.setenv("BAHI_LEDGER", address)
    run(*A_PIPELINE)
    supposed = ("what-if", "pipeline_stages", "--set", "win_percent.new=60", "--format", "json")
    for options, shown in (((), "stages"), (("--diff",), "stages_after")):
        (row,) = json.loads(run(*supposed, *options))
        assert [stage["win_percent"] for stage in json.loads(row[shown])] == [60, 100]
    monkeypatch.delenv("BAHI_LEDGER")
    with History.open(address) as history:
        assert [row["pipeline"] for row in history.view("pipeline_stages")] == ["office"]
        assert [row["type"] for row in history.events()] == ["pipeline.defined"]
        moment = history.events().rows()[0]["occurred_at"]
        assert len(history.view("pipeline_stages", as_of=moment)) == 1
        before = moment - timedelta(microseconds=1)
        assert len(history.series("pipeline_stages", [before, moment])) == 1


def test_reading_leaves_book_keyring_and_vault_as_they_are(small: Path) -> None:
    def kept() -> dict[Path, bytes]:
        return {
            path.relative_to(small): content
            for name in ("keyring", "vault")
            for path, content in bytes_of(small / name).items()
        } | {Path("book"): (small / "book" / "book.db").read_bytes()}

    before = kept()
    with History.open(small) as history:
        customer = history.view("customer_360").rows()[0]["customer"]
        history.customer(customer, as_of="2026-12-31")
        history.sql("SELECT count(*) FROM events")
    assert kept() == before


def test_a_book_that_is_older_than_its_keyring_remembers_is_not_read(small: Path, run: Run) -> None:
    book = small / "book" / "book.db"
    older = book.read_bytes()
    run(*A_PIPELINE)
    book.write_bytes(older)
    with pytest.raises(StoreRolledBack, match="bahi recover"):
        History.open(small)
    keyring = small / "keyring" / "keyring.json"
    keyring.unlink()
    with History.open(small) as history:  # who has no keyring has the book's word
        assert len(history.view("customer_360")) == 2
    Keyring.create(keyring)
    with pytest.raises(KeyringForeign):
        History.open(small)


def test_the_erased_and_the_restricted_are_refused_by_name_and_shown_on_no_day(
    small: Path, run: Run
) -> None:
    one, two = (
        json.loads(run("customer", f"user:{u}", "--json"))["customer"] for u in ("u1", "u2")
    )
    with History.open(small) as history:
        assert {row["customer"] for row in history.view("customer_360")} == {UUID(one), UUID(two)}
        run("privacy", "restrict", "user:u1", "--ground", "claims")
        with Bahi.open(Settings(home=small)) as bahi:
            from commands.privacy.erasing import erase

            erase(bahi.office, [UUID(two)], legal_basis="gdpr.17.1.b", actor=bahi.actor())
        with pytest.raises(Withheld, match="for the purposes"):
            history.customer(one)
        for as_of in (None, "2026-02-01"):
            with pytest.raises(Erased):
                history.timeline(two, as_of=as_of)
            assert len(history.view("customer_360", as_of)) == 0
            seen = history.sql("SELECT count(*) AS n, count(customer) AS named FROM events WHERE type = 'order.placed'", as_of)  # fmt: skip
            assert seen.rows() == [{"n": 2, "named": 0}]
        with pytest.raises(NotFound):
            history.customer(uuid4())
        with pytest.raises(BadUsage, match="expected an id, came text of 20 characters") as error:
            history.customer("zoe@mail.example.com")
        assert "zoe" not in str(error.value)
    with History.open(small, purpose="legal") as history:
        assert history.customer(one)["customer_360"].rows()[0]["orders"] == 1
        assert len(history.view("customer_360")) == 1


def test_answers_of_now_hear_of_what_came_meanwhile(small: Path, run: Run) -> None:
    with History.open(small) as history:
        assert len(history.view("pipeline_stages")) == 0
        run(*A_PIPELINE)
        (pipeline,) = history.view("pipeline_stages")
        assert pipeline["pipeline"] == "office"
        assert {row["state"] for row in history.views()} == {"current"}


def test_answers_are_those_of_the_doors(
    home: Path,
    history: History,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = copied(tmp_path_factory, "door").home
    monkeypatch.setenv("BAHI_HOME", str(whole))

    def told(*given: str) -> Any:
        ended = here(capsys, monkeypatch, whole, *given)
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    query = "SELECT type, count(*) AS events, max(occurred_at) AS last FROM events GROUP BY type ORDER BY type"
    as_json = ("--as-of", QUARTER, "--format", "json")
    assert told("sql", query, *as_json) == rows(history.sql(query, as_of=QUARTER))
    where = "kind = 'open' AND deals > 1"
    assert told("view", "pipeline", "--where", where, *as_json) == rows(
        history.view("pipeline", QUARTER, where=where)
    )
    assert told("view", "customer_money", "--format", "json") == rows(
        history.view("customer_money")
    )
    star = told("customer", "user:m0000", "--json", "--as-of", QUARTER)
    mine = history.customer(star["customer"], as_of=QUARTER)
    assert {name: rows(answer) for name, answer in mine.items()} == star["views"]
    line = [(row["position"], row["type"]) for row in star["timeline"]]
    timeline = history.timeline(star["customer"], as_of=QUARTER)
    assert [(row["position"], row["type"]) for row in timeline] == line
    assert line


@pytest.mark.parametrize(
    "given",
    [
        QUARTER,
        date(2026, 3, 31),
        END_OF_QUARTER,
        END_OF_QUARTER.astimezone(IST),
        "2026-04-01T05:29:59.999999+05:30",
    ],
)
def test_a_moment_is_taken_as_text_as_a_day_and_as_a_time(history: History, given: Moment) -> None:
    answer = history.events("type = 'deal.won'", ["position"], as_of=given)
    assert answer.at == Clocks(END_OF_QUARTER)
    assert len(answer) == len(history.events("type = 'deal.won'", ["position"], as_of=QUARTER)) > 0


@pytest.mark.parametrize("given", ["2026-03-31T12:00:00", datetime(2026, 3, 31, 12)])  # noqa: DTZ001
@pytest.mark.parametrize("clock", ["as_of", "known_at"])
def test_a_time_without_a_zone_is_refused(history: History, clock: str, given: Moment) -> None:
    ask: Callable[..., Answer] = history.view
    with pytest.raises(BadUsage, match=f"{clock}: expected a zone"):
        ask("deal", **{clock: given})


def test_known_at_becomes_the_position_that_the_book_had_reached(history: History) -> None:
    (event,) = history.events("position = 50000", ["recorded_at"])
    answer = history.events("position > 49990", ["position"], known_at=event["recorded_at"])
    last = answer.rows()[-1]["position"]
    assert answer.at == Clocks(None, last)
    (after,) = history.events(f"position = {last} + 1", ["recorded_at"])
    assert event["recorded_at"] < after["recorded_at"]
    assert len(history.view("customer_360", known_at="2000-01-01")) == 0


def test_events_have_the_columns_that_are_asked_for(history: History) -> None:
    found = history.events("type = 'deal.lost' AND reason = 'price'", ("position", "reason"))
    assert found.inside.column_names == ["position", "reason"]
    positions = [row["position"] for row in found]
    assert positions == sorted(positions)
    assert {row["reason"] for row in found} == {"price"}
    with pytest.raises(BadUsage):
        history.events("1 = 1; DROP TABLE events")
    with pytest.raises(BadUsage):
        history.events("'/etc/hostname' IN (SELECT file FROM glob('/etc/*'))")
    with pytest.raises(BadUsage):
        history.events(columns=["nothing"])


@pytest.mark.parametrize(
    ("name", "known_upto"), [("pipeline", None), ("permission", None), ("customer_product", 45_000)]
)
def test_a_series_is_the_view_of_each_day(
    history: History, name: str, known_upto: int | None
) -> None:
    days = [date(2025, 11, 30), date(2026, 5, 8)]  # on the second, somebody is merged by mistake
    event = history.events(f"position = {known_upto or 0}", ["recorded_at"]).rows()
    known_at = event[0]["recorded_at"] if event else None
    series = history.series(name, [days[1], days[0], days[1]], known_at)
    found = series.inside.to_pylist()
    expected = []
    for day in days:
        then = history.view(name, day, known_at)
        end = datetime.combine(day, END_OF_QUARTER.time())
        expected += [{"as_of": end, **row} for row in then.inside.to_pylist()]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert [row["as_of"] for row in found] == sorted(row["as_of"] for row in found)
    assert {row["as_of"].date() for row in found} == {*days}


def test_a_series_needs_a_day_and_a_view(history: History) -> None:
    with pytest.raises(BadUsage, match="one at least"):
        history.series("pipeline", [])
    with pytest.raises(NotFound):
        history.series("pipelines", [QUARTER])


def test_what_the_page_says_in_python_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("BAHI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BAHI_HOME", str(home))
    page = (ROOT / "docs" / "replay.md").read_text(encoding="utf-8")
    code, *_ = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    exec(compile(code, "replay.md", "exec"), {})  # noqa: S102 -- as its reader would
