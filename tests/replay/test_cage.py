"""A query is let into the cage or is not, and what it is shown there is what the book says, whichever way it is read."""

import resource
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ledger import relation
from ledger.book import Book
from ledger.errors import BadUsage, BahiError, NotFound, StoreUnavailable
from ledger.event import MERGED
from ledger.people import People
from ledger.sqlite.book import SqliteBook
from projections import Views
from replay.cage import asking as cage
from replay.cage import events as caged
from replay.cage import query
from replay.columns import Columns
from replay.columns.writing import Sizes
from replay.history import Clocks, Past
from tests.projections.business import NOW, PEOPLE, business, happening
from tests.replay.attacks import REFUSED

SECRET = "xyzzy-plugh"
HIDDEN = frozenset(PEOPLE[:3])


@dataclass(frozen=True)
class Place:
    """A book with its history in columns, beside a file that nobody is to read."""

    folder: Path
    book: Book
    columns: Columns
    views: Views

    def history(self, source: relation.EventSource, hidden: frozenset[UUID] = HIDDEN) -> Past:
        return Past(self.book, self.views, People(self.book), lambda: hidden, source)

    @property
    def segment(self) -> Path:
        return min(self.columns.folder.glob("*.parquet"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("cage")
    (folder / "secret.csv").write_text(f"a,b\n{SECRET},1\n")
    pairs = ((PEOPLE[0], PEOPLE[5]), (PEOPLE[6], PEOPLE[1]), (PEOPLE[6], PEOPLE[7]))
    then = NOW - timedelta(days=60)
    links = [
        replace(
            happening("task.completed", then, one, other=str(other)), type=MERGED, domain="audit"
        )
        for one, other in pairs
    ]
    events = [e for e in business(400, 5) if e.type not in {"customer.erasing", "customer.erased"}]
    with SqliteBook(folder / "book") as book, closing(Views.open(folder / "views.db")) as views:
        book.adopt(UUID(int=7))
        book.append([*events[:100], *links, *events[100:]])
        views.catch_up(book)
        sizes = Sizes(group=32, small=64, large=128)
        columns = Columns(folder / "history", book, sizes=sizes)
        columns.keep()
        assert len(columns.catalogue().segments) > 2
        assert columns.catalogue().segments[-1].last < book.head(), "and a tail"
        yield Place(folder, book, columns, views)


EVERY = "SELECT * FROM events ORDER BY position"
ASKED = [
    EVERY,
    "SELECT position, customer, other, data FROM events ORDER BY 1",
    "SELECT count(*) AS n FROM events",
    "SELECT type, count(customer) AS named, count(other) AS others FROM events GROUP BY type ORDER BY type",
    "SELECT e FROM events AS e ORDER BY e.position",
    "WITH events AS (SELECT * FROM events WHERE position % 3 = 0) SELECT position, customer FROM events ORDER BY 1",
    "SELECT a.position, b.position AS next FROM events AS a JOIN events AS b ON b.position = a.position + 1 ORDER BY 1",
    "SELECT COLUMNS('^(pos|cus|oth)') FROM events ORDER BY position",
    "SELECT position, customer FROM events WHERE data->>'other' IS NOT NULL ORDER BY 1",
    "FROM events NATURAL JOIN (SELECT position FROM events) SELECT position, customer ORDER BY 1",
]


@pytest.mark.parametrize(
    ("at", "hidden"),
    [
        (Clocks(), frozenset[UUID]()),
        (Clocks(), HIDDEN),
        (Clocks(NOW - timedelta(days=9), 333), HIDDEN),
    ],
    ids=["now", "some hidden", "some hidden, on both clocks"],
)
def test_columns_and_the_book_answer_alike(
    place: Place, at: Clocks, hidden: frozenset[UUID]
) -> None:
    by_scan, by_copy = place.history(place.columns, hidden), place.history(place.book, hidden)
    for sql in ASKED:
        found = by_scan.sql(sql, at)
        assert found.to_pylist() == by_copy.sql(sql, at).to_pylist() != [], sql
    seen = by_scan.sql(EVERY, at)
    assert set(seen.column_names) >= set(relation.columns())
    for row in seen.to_pylist():
        event = next(place.book.read(row["position"] - 1, upto=row["position"])).event
        other = UUID(event.data["other"]) if "other" in event.data else None
        mine = event.customer in hidden and event.domain != "privacy"
        assert row["customer"] == (None if mine else event.customer)
        assert row["other"] == (None if other in hidden else other)
        assert (row["data"] is None) == (other in hidden or (mine and other is not None))


def test_a_column_named_by_its_place_is_the_one_that_stands_there(place: Place) -> None:
    """That only what a query names is read of the events does not move the others."""
    names = [*relation.columns()]
    first, second = names[:2]
    customer = names.index("customer") + 1
    plain = f"SELECT {first}, {second}, customer FROM events ORDER BY position"
    for source in (place.columns, place.book):
        history = place.history(source)
        expected = [tuple(row.values()) for row in history.sql(plain).to_pylist()]
        for sql in (
            f"SELECT #1, #2, #{customer} FROM events ORDER BY position",
            "SELECT a, b, customer FROM events AS e(a, b) ORDER BY a",
            "WITH t AS (SELECT #1, #2, customer FROM events) FROM t ORDER BY 1",
        ):
            found = [tuple(row.values()) for row in history.sql(sql).to_pylist()]
            assert found == expected, sql
        for row in ("main.events FROM events", "events FROM events", "e FROM events AS e"):
            (whole,) = history.sql(f"SELECT {row} LIMIT 1").to_pylist()
            ((_, columns),) = whole.items()
            assert [*columns] == names, row


def attacks(place: Place) -> Iterator[tuple[str, str]]:
    given = {
        "secret": place.folder / "secret.csv",
        "segment": place.segment,
        "folder": place.columns.folder,
        "target": place.folder / "target",
        "home": place.folder,
    }
    for sql, expected in REFUSED:
        yield sql.format(**given), expected


def test_nothing_is_read_or_written_beyond_the_tables(place: Place) -> None:
    history = place.history(place.columns)
    stood = {path: path.read_bytes() for path in place.folder.rglob("*.*") if path.is_file()}
    for sql, expected in attacks(place):
        message = f"{sql[:200]} was answered"
        try:
            history.sql(sql)
        except BahiError as error:
            message = str(error)
        assert expected in message, sql[:200]
        assert SECRET not in message
        if not any(str(part) in sql for part in (place.folder,)):
            assert str(place.folder) not in message
    assert {path: path.read_bytes() for path in stood} == stood
    assert not (place.folder / "target").exists()


OPENED = [
    # What each guard is for: these succeed without it.
    ("FROM '{segment}' SELECT count(*)", "tables"),
    ("SELECT * FROM read_parquet('{segment}')", "harmless"),
    ("SELECT sql FROM duckdb_views() WHERE view_name = 'events'", "harmless"),
    ("SELECT current_setting('allowed_paths')", "harmless"),
    ("SELECT sql FROM duckdb_views", "tables"),
    ('WITH "{segment}" AS (FROM \'{segment}\') SELECT 1 FROM "{segment}"', "tables"),
    ("FROM (SHOW TABLES)", "harmless"),
]


@pytest.mark.parametrize(("sql", "guard"), OPENED)
def test_without_its_guard_an_attack_succeeds(
    place: Place, sql: str, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = sql.format(segment=place.segment)
    with pytest.raises(BahiError):
        place.history(place.columns).sql(asked)
    if guard == "harmless":
        monkeypatch.setattr(query, "_demand_harmless", lambda node: None)
    monkeypatch.setattr(query, "_tables", lambda *given: iter(["events"]))
    assert place.history(place.columns).sql(asked).num_rows > 0


@pytest.mark.parametrize("sql", ["FROM read_text('{secret}')", "FROM glob('{home}/*')",
                                 "FROM read_parquet('{home}/history/*.parquet')",
                                 "FROM enable_logging(level='debug')"])  # fmt: skip
def test_behind_the_reading_of_the_query_there_is_a_lock(
    place: Place, sql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are not of history stay shut, and switches stay where they are, whatever is let in."""
    asked = sql.format(secret=place.folder / "secret.csv", home=place.folder)
    monkeypatch.setattr(query, "_demand_harmless", lambda node: None)
    with pytest.raises((BadUsage, StoreUnavailable)) as refused:
        place.history(place.columns).sql(asked)
    assert SECRET not in str(refused.value)
    monkeypatch.setattr(
        cage, "_sql", lambda name: "SET threads = 2" if name == "lock.sql" else WHOLE
    )
    assert place.history(place.columns).sql(asked).num_rows >= 0


WHOLE = "SELECT * FROM {relation}"


@pytest.mark.parametrize("sql", [
    "SELECT now() >= TIMESTAMP '2026-01-01' AS ok, random() < 1 AS r, list_sum([1, 2]) AS s",
    "SELECT * FROM range(3) AS t(i), unnest(['a']) AS u(x), generate_series(1, 2) AS s(n)",
    "SELECT key FROM json_each('{\"a\": 1}')",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r WHERE x < 3) SELECT sum(x) FROM r",
    "WITH Kept AS (SELECT type FROM Events), again AS (FROM KEPT) SELECT count(*) FROM AGAIN",
    "FROM events PIVOT (count(*) FOR type IN ('order.placed', 'email.sent'))",
    "SELECT type, row_number() OVER (ORDER BY position) AS n, median(amount_minor) OVER () AS m FROM events",
    "SELECT * FROM events POSITIONAL JOIN customer_360",
    "SELECT regexp_extract(type, '[a-z]+') AS t, list(DISTINCT market) AS m FROM events GROUP BY ALL",
    "VALUES (1, 'a')",
    "SELECT m.canonical FROM merged AS m JOIN joined USING (customer)",
    "SELECT formatReadableSize(1), age(TIMESTAMP '2020-01-01') > INTERVAL 1 YEAR, current_date > DATE '2020-01-01'",
    "SELECT 1 /* /* ; DROP TABLE events */ ; SELECT 2 */ -- ; SELECT 3",
])  # fmt: skip
def test_what_may_be_asked_is_answered(place: Place, sql: str) -> None:
    assert place.history(place.columns).sql(sql).num_columns > 0


def test_python_variables_are_no_tables(place: Place) -> None:
    xyzzy = pa.table({"secret": [SECRET]})
    with pytest.raises(NotFound):
        place.history(place.columns).sql("SELECT * FROM xyzzy")
    assert xyzzy.num_rows == 1


@pytest.mark.parametrize("sql", ["SELECT market::INT FROM events", "SELECT nosuch FROM events"])
def test_messages_do_not_tell_where_history_is(place: Place, sql: str) -> None:
    with pytest.raises(BadUsage, match=r"^the query failed: ") as refused:
        place.history(place.columns).sql(sql)
    assert str(place.folder) not in str(refused.value)


@pytest.mark.parametrize("then", ["laid out", "asked"])
@pytest.mark.parametrize("damage", ["removed", "cut off", "spoilt"])
def test_nor_do_those_of_files_that_cannot_be_read(
    damage: str, then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, bounds = tmp_path / "broken.parquet", cage._at_most
    pq.write_table(pa.table({"position": range(1_000)}), path)
    whole = path.read_bytes()

    def break_it() -> None:
        if damage == "removed":
            path.unlink()
        else:
            spoilt = whole[:100] + bytes(300) + whole[400:]
            path.write_bytes(whole[:50] if damage == "cut off" else spoilt)

    @contextmanager
    def scan(_connection: object, _columns: object) -> Iterator[str]:
        if then == "laid out":
            break_it()
        yield f"read_parquet('{path}')"

    @contextmanager
    def broken_before(memory_mb: int) -> Iterator[None]:
        with bounds(memory_mb):
            if then == "asked":
                break_it()
            yield

    monkeypatch.setattr(cage, "_at_most", broken_before)
    with pytest.raises((BadUsage, StoreUnavailable)) as refused:
        cage.run("SELECT sum(position) FROM events", {"events": cage.Scanned(scan)})
    assert str(tmp_path) not in str(refused.value)
    assert damage != "removed" or isinstance(refused.value, StoreUnavailable)


def test_history_in_a_folder_that_is_named_from_here(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    near = Columns(Path("history"), place.book, sizes=Sizes(group=32, small=64, large=128))
    asked = "SELECT count(*) AS n FROM events"
    assert place.history(near).sql(asked).to_pylist() == [{"n": place.book.head()}]


def test_what_is_read_is_what_is_named(place: Place) -> None:
    """Whoever asks for few columns of a long tail does not wait for the others."""
    read: list[Any] = []
    table = caged.events(place.book, None, None, ())
    assert not isinstance(table, cage.Scanned)

    def told(columns: frozenset[str] | None) -> pa.RecordBatchReader | pa.Table:
        read.append(columns)
        return table(columns)

    for sql in ("SELECT type FROM events", "SELECT e.type FROM events AS e", "SELECT count(*) FROM events",
                "SELECT * FROM events", "SELECT e FROM events AS e"):  # fmt: skip
        cage.run(sql, {"events": told})
    assert read == [{"type"}, {"e", "type"}, set(), None, None]


def limits() -> tuple[int, int]:
    return resource.getrlimit(resource.RLIMIT_DATA)


def test_everything_is_as_before_when_it_is_over(place: Place) -> None:
    history, before = place.history(place.columns), limits()
    fine, bad = "SELECT count(*) FROM events", "SELECT type::INT FROM events"
    outcomes: list[str] = []

    def several() -> None:
        for sql in (fine, bad, fine):
            try:
                history.sql(sql)
                outcomes.append("answered")
            except BadUsage:
                outcomes.append("refused")

    threads = [threading.Thread(target=several) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["answered"] * 6 + ["refused"] * 3
    assert limits() == before
    assert threading.active_count() == 1 + sum(t.daemon for t in threading.enumerate())
    assert not [path for path in files_open() if path.endswith(".parquet")]


def files_open() -> list[str]:
    found = []
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder's own
            found.append(str(one.readlink()))
    return found


def test_a_query_that_does_not_heed_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single step of a query may take for ever: whoever asked gets their answer, and what it holds stays held."""
    held: list[str] = []

    class Table:
        def __init__(self, connection: duckdb.DuckDBPyConnection, _columns: object) -> None:
            self._connection = connection

        def __enter__(self) -> str:
            held.append("held")
            return "(SELECT 1 AS a)"

        def __exit__(self, *_: object) -> None:
            held.append("let go")

    monkeypatch.setattr(cage, "_GRACE_S", 0.2)
    before = limits()
    endless = "SELECT levenshtein(repeat('ab', 16000), repeat('ba', 16000)) FROM events"
    with pytest.raises(BadUsage, match="expected an answer within"):
        cage.run(endless, {"events": cage.Scanned(Table)}, timeout_s=0.2)
    assert limits() == before
    assert held == ["held"]
    deadline = time.monotonic() + 60
    while held != ["held", "let go"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert held == ["held", "let go"], "it ended after all, and took what it held with it"
