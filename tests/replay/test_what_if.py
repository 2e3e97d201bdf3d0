"""What if: as it would be if it had been so, and nothing of it stays.

What is supposed to have happened is held against a book in which it has.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from ledger.errors import BadField, BadUsage, DefinitionRefused, NotFound, UnknownType
from ledger.event import Event
from ledger.gone import Gone
from ledger.people import People
from ledger.restricted import Restricted
from ledger.settings import Settings
from ledger.sqlite.book import SqliteBook
from projections import functions
from replay.comparing.what_if import NOTHING, Following, Supposed, WhatIf
from replay.history import Clocks
from replay.opening import Reading
from tests.projections.business import NOW, PEOPLE, business, happening
from tests.system.cli import ROOT

QUESTIONS = ROOT / "projections" / "questions"
THEN = NOW - timedelta(days=20)
STAGES = [{"stage": "lead", "win_percent": 10}, {"stage": "offer", "win_percent": 50}]
DEAL = str(UUID(int=77, version=4))
DEFINED: dict[str, Any] = {"pipeline": "direct", "stages": STAGES, "currency": "EUR"}
OPENED: dict[str, Any] = {
    "pipeline": "direct",
    "stage": "offer",
    "currency": "EUR",
    "amount_minor": 1_000,
}


def told() -> list[Event]:
    """A business, and beside it a pipeline that makes sense, with a deal that is open."""
    return [
        *(event for event in business(300, 5) if not event.type.startswith("customer.")),
        happening("pipeline.defined", NOW - timedelta(days=90), **DEFINED),
        happening("deal.opened", NOW - timedelta(days=30), PEOPLE[0], [f"deal:{DEAL}"], **OPENED),
    ]


@contextmanager
def reading(folder: Path, *events: Event) -> Iterator[Reading]:
    """What is read of a book of these events."""
    taken = iter(range(len(events)))
    recorded = datetime(2025, 6, 1, tzinfo=UTC)
    with SqliteBook(
        folder / "home" / "book", lambda: recorded + timedelta(hours=next(taken))
    ) as book:
        for event in events:
            book.append([event])
        people = People(book)
        made = Reading(
            Settings(home=folder / "home"),
            lambda: NOW,
            book,
            people,
            Gone(book),
            Restricted(book, people),
        )
        try:
            yield made
        finally:
            made.close_views()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    with reading(tmp_path_factory.mktemp("known"), *told()) as made:
        made.catch_up()
        yield made


def rows(asked: WhatIf, name: str, supposed: Supposed = NOTHING) -> list[dict[str, Any]]:
    return list(asked.rows(name, supposed).to_pylist())


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.sql"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("at", [Clocks(), Clocks(as_of=THEN), Clocks(known_upto=150)])
def test_where_nothing_is_supposed_it_is_what_is(known: Reading, at: Clocks) -> None:
    asked, history = WhatIf(known, at), known.history_for("")
    for name in ("customer_360", "pipeline", "daily"):
        assert rows(asked, name) == history.view(name, at).to_pylist()


def test_what_is_supposed_to_have_happened_is_as_if_it_had(known: Reading, tmp_path: Path) -> None:
    """A deal is won, and a goal set some days before; by both clocks, of which one cuts the book."""
    for at in (Clocks(), Clocks(as_of=THEN, known_upto=len(told()) - 1)):
        moment = at.as_of or NOW
        asked = WhatIf(known, at)
        supposed = asked.with_events(
            NOTHING,
            orjson.dumps([
                {"type": "deal.won", "data": {"reason": "price"}, "tags": {"deal": DEAL}},
                {
                    "type": "goal.set",
                    "data": {"goal": "more", "metric": "orders", "target": 5,
                             "period_start": "2025-01-01", "period_end": "2025-12-31"},
                    "tags": {"market": "DE"},
                    "occurred_at": (moment - timedelta(days=3)).isoformat(),
                },
            ]).decode(),
        )  # fmt: skip
        events = told()[: at.known_upto]
        won = happening("deal.won", moment, None, [f"deal:{DEAL}"], reason="price")
        goal = happening(
            "goal.set", moment - timedelta(days=3), None, ["market:DE"], goal="more", metric="orders",
            target=5, period_start="2025-01-01", period_end="2025-12-31",
        )  # fmt: skip
        folder = tmp_path / uuid4().hex
        with reading(folder, *events, won, goal) as real:
            actual = WhatIf(real, Clocks(as_of=at.as_of))
            for name in ("deal", "pipeline", "goal", "customer_360"):
                assert rows(asked, name, supposed) == rows(actual, name)
        if at.known_upto is None:
            assert rows(asked, "deal", supposed) != rows(asked, "deal")


@pytest.mark.parametrize(
    ("after", "upto"),
    [(0, None), (0, 120), (len(told()) - 1, len(told()) + 1), (len(told()) + 1, None)],
)
def test_a_scan_has_the_events_that_batches_have(
    known: Reading, after: int, upto: int | None
) -> None:
    """What is recorded, and behind it what is supposed."""
    asked = WhatIf(known, Clocks())
    won = orjson.dumps({"type": "deal.won", "tags": {"deal": DEAL}}).decode()
    supposed = asked.with_events(asked.with_events(NOTHING, won), won).events
    source = Following(known.read, known.book.head(), supposed)
    assert source.head() == len(told()) + 2
    columns = ["position", "type", "deal"]
    listed = [row for b in source.batches(after, columns, upto=upto) for row in b.to_pylist()]
    last = source.head() if upto is None else upto
    assert [row["position"] for row in listed] == [*range(after + 1, last + 1)]
    assert [row["type"] for row in listed if row["position"] > len(told())] == ["deal.won"] * max(
        0, last - max(after, len(told()))
    )
    with (
        functions.connect(files=True) as connection,
        source.scan(connection, columns, after=after, upto=upto) as scan,
    ):
        found = connection.sql(f"SELECT * FROM {scan} ORDER BY position").to_arrow_table()
    assert found.to_pylist() == listed


def test_a_chance_is_changed_by_its_stage(known: Reading) -> None:
    asked = WhatIf(known, Clocks())

    def expected_minor(supposed: Supposed) -> list[tuple[Any, Any]]:
        return [
            (row["win_percent"], row["expected_minor"])
            for row in rows(asked, "pipeline", supposed)
            if row["pipeline"] == "direct"
        ]

    assert expected_minor(NOTHING) == [(50, 500)]
    first = asked.with_value(NOTHING, "win_percent.offer=80")
    assert expected_minor(first) == [(80, 800)]
    both = asked.with_value(first, "win_percent.direct.lead=1")
    (defined,) = [
        row for row in rows(asked, "pipeline_stages", both) if row["pipeline"] == "direct"
    ]
    assert orjson.loads(defined["stages"]) == [
        {"stage": "lead", "win_percent": 1},
        {"stage": "offer", "win_percent": 80},
    ]
    assert defined["currency"] == "EUR"
    assert expected_minor(NOTHING) == [(50, 500)]


def test_a_fold_may_be_another(known: Reading, tmp_path: Path) -> None:
    text = "-- customer_360: who bought.\nSELECT customer, count(*) AS bought FROM events WHERE domain = 'touchpoint' GROUP BY customer\n"  # fmt: skip
    asked = WhatIf(known, Clocks(as_of=THEN))
    supposed = asked.with_file(NOTHING, written(tmp_path, "customer_360", text))
    bought = Counter(
        event.customer
        for event in told()
        if event.domain == "touchpoint" and event.occurred_at <= THEN and event.customer
    )
    assert len(bought) > 1
    expected = [{"customer": who, "bought": n} for who, n in sorted(bought.items())]
    assert rows(asked, "customer_360", supposed) == expected
    new = asked.with_file(
        NOTHING, written(tmp_path, "buyers", text.replace("customer_360", "buyers"))
    )
    assert rows(asked, "buyers", new) == expected
    with pytest.raises(NotFound):
        asked.rows("buyers")
    over = "-- buying: how many.\nSELECT count(*) AS people, sum(bought)::BIGINT AS bought FROM buyers\n"
    newer = asked.with_file(new, written(tmp_path, "buying", over))
    assert rows(asked, "buying", newer) == [{"people": len(bought), "bought": bought.total()}]


def test_a_question_may_be_another(known: Reading, tmp_path: Path) -> None:
    text = (QUESTIONS / "pipeline.sql").read_text(encoding="utf-8")
    half = text.replace("amount_minor * win_percent // 100", "amount_minor * win_percent // 200")
    assert half != text
    asked = WhatIf(known, Clocks())
    supposed = asked.with_file(NOTHING, written(tmp_path, "pipeline", half))
    (row,) = [row for row in rows(asked, "pipeline", supposed) if row["pipeline"] == "direct"]
    assert (row["win_percent"], row["expected_minor"]) == (50, 250)


def test_what_cannot_be_is_refused(known: Reading, tmp_path: Path) -> None:
    asked = WhatIf(known, Clocks())
    average = "-- deal: x.\nSELECT deal, avg(amount_minor) AS a FROM events GROUP BY deal\n"
    with pytest.raises(DefinitionRefused, match="avg"):
        asked.with_file(NOTHING, written(tmp_path, "deal", average))
    narrow = (
        "-- pipeline_stages: x.\nSELECT pipeline, count(*) AS n FROM events GROUP BY pipeline\n"
    )
    supposed = asked.with_file(NOTHING, written(tmp_path, "pipeline_stages", narrow))
    with pytest.raises(DefinitionRefused, match=r"deal_step: SELECT: .*stages"):
        asked.rows("pipeline", supposed)
    nowhere = "-- pipeline: x.\nSELECT * FROM read_csv('x')\n"
    with pytest.raises(DefinitionRefused, match="table function"):
        asked.with_file(NOTHING, written(tmp_path, "pipeline", nowhere))
    (tmp_path / "deal.sql").write_bytes(b"-- deal: \xff")
    (tmp_path / "mine.sql").write_bytes(b"-- mine: \xff")
    for name in ("deal.sql", "mine.sql"):
        with pytest.raises(DefinitionRefused, match="it is no text"):
            asked.with_file(NOTHING, tmp_path / name)
    with pytest.raises(BadUsage, match="expected JSON"):
        asked.with_events(NOTHING, b'{"type": "\xff"}')
    for text, error, said in (
        ("{", BadUsage, "expected JSON"),
        ("[1]", BadUsage, "expected objects with type"),
        ('{"type": "deal.won", "who": 1}', BadUsage, "expected objects with type"),
        ('{"type": "deal.win"}', UnknownType, "deal.won"),
        ('{"type": "order.placed", "data": {"currency": "EUR", "amount_minor": 1}}', BadField, "about nobody"),
        ('{"type": "deal.won"}', BadField, "the deal that it is about"),
        ('{"type": "deal.won", "tags": {"deal": "4711"}}', BadField, "the id that the book has"),
        (f'{{"type": "deal.won", "data": {{"note": "zoe"}}, "tags": {{"deal": "{DEAL}"}}}}', BadField, "nothing personal"),
        ('{"type": "goal.set", "occurred_at": "soon"}', BadField, "a value"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            asked.with_events(NOTHING, text)
    for text in ("win_percent=1", "win_percent.offer=0.5", "chance.offer=5", "win_percent.a.b.c=5"):
        with pytest.raises(BadUsage, match=r"expected win_percent\.STAGE"):
            asked.with_value(NOTHING, text)
    with pytest.raises(BadUsage, match=r"expected a stage, .*lead.*; came nowhere"):
        asked.with_value(NOTHING, "win_percent.nowhere=5")
    with pytest.raises(BadField, match="at most 100"):
        asked.with_value(NOTHING, "win_percent.offer=101")


def test_whoever_is_erased_is_so_in_what_might_have_been(tmp_path: Path) -> None:
    erasing = happening("customer.erasing", NOW, PEOPLE[0], legal_basis="art17")
    text = "-- names: who.\nSELECT customer, count(*) AS n FROM events GROUP BY customer\n"
    with reading(tmp_path, *told(), erasing) as read:
        asked = WhatIf(read, Clocks(as_of=THEN))
        supposed = asked.with_file(NOTHING, written(tmp_path, "names", text))
        seen = {row["customer"] for row in rows(asked, "names", supposed)}
    known = {event.customer for event in told() if event.occurred_at <= THEN and event.customer}
    assert PEOPLE[0] in known
    assert seen == known - {PEOPLE[0]}
