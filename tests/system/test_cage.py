"""`bahi sql` as it is typed, and the bounds of memory and time; what is let in at all is in tests/replay/test_cage.py."""

import pyarrow as pa
import pytest

from ledger.errors import NotFound
from replay import cage
from tests.system.cli import CDNOW_MAPPING, Scratch, first_purchases

ONE_SELECT = "bahi: expected one SELECT, came something else\n"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    scratch = Scratch(tmp_path_factory.mktemp("cage"))
    scratch.run("import", first_purchases(scratch.folder, 50), "-m", CDNOW_MAPPING)
    (scratch.folder / "secret.csv").write_text("xyzzy,plugh\n1,2\n")
    return scratch


def test_the_command_line_refuses_with_wrong_usage(scratch: Scratch) -> None:
    target = scratch.folder / "target"
    done = scratch.run("sql", "-", stdin=f"COPY (SELECT 1) TO '{target}'", code=2)
    assert (done.out, done.err) == ("", ONE_SELECT)
    done = scratch.run("sql", "SELECT * FROM read_text('secret.csv')", code=2)
    assert done.err.startswith("bahi: expected one of generate_series, ")
    assert not target.exists()


def test_what_may_be_asked_is_answered(scratch: Scratch) -> None:
    query = """
    WITH busy AS (FROM customer_360 SELECT customer, touchpoints)
    SELECT e.TYPE AS type, count(*)::BIGINT AS events, max(busy.touchpoints) AS most, any_value(p) IS NOT NULL AS p
    FROM events e JOIN busy USING (customer) JOIN (SELECT p.position, p FROM events p) USING (position)
    GROUP BY ALL
    """
    done = scratch.run("sql", query, "--format", "json")
    assert done.json == [{"type": "order.placed", "events": 50, "most": 11, "p": True}]


def test_a_table_may_be_narrowed_under_its_own_name() -> None:
    tables: dict[str, cage.Table] = {"events": lambda _: pa.table({"position": range(10)})}
    for query in (
        "WITH events AS (SELECT * FROM events WHERE position < 3) SELECT count(*) AS n FROM events",
        "WITH Events(p) AS (SELECT position FROM EVENTS) SELECT max(p) - 6 AS n FROM events",
    ):
        assert cage.run(query, tables).to_pylist() == [{"n": 3}]
    with pytest.raises(NotFound):
        cage.run("WITH mine AS (SELECT * FROM mine) SELECT * FROM mine", tables)


BOUNDED = """
import sys, resource
import pyarrow as pa
from ledger.errors import BadUsage
from replay import cage
tables = {"events": lambda columns: pa.table({"position": pa.array(range(1000))})}
for query in sys.stdin.read().split("\\0"):
    try:
        cage.run(query, tables, memory_mb=64, timeout_s=0.5)
        print("answered")
    except BadUsage as error:
        print(error)
print(cage.run("SELECT sum(position)::BIGINT AS s FROM events", tables).to_pylist())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""
ENDLESS = [
    "SELECT count(*) FROM range(1000000000000)",
    "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r",
    "SELECT count(*) FROM events a, events b, events c, events d WHERE hash(a, b, c, d) = 1",
    "SELECT sum(regexp_matches(repeat('a', 500) || range, '^(a|aa)+$')::INT) FROM range(1000000000)",
]
HUGE = [
    "SELECT * FROM range(1000000000000)",
    "SELECT list(range) FROM range(10000000000)",
    "SELECT string_agg(range::TEXT) FROM range(1000000000)",
    "SELECT repeat('x', 1000000000)",
    "SELECT sum(length(repeat('x', 100000000 + range::INT))) FROM range(2000)",
    "SELECT len(range(1000000000))",
    "SELECT len([repeat('x', 10000000) FOR i IN range(1000)])",
    "SELECT * FROM events a, events b, events c, events d ORDER BY hash(a, b, c, d)",
]


def test_an_endless_query_and_a_huge_one_end_with_a_clear_message(scratch: Scratch) -> None:
    done = scratch.run_python(BOUNDED, stdin="\0".join([*ENDLESS, *HUGE]))
    assert done.code == 0, done.err
    *answers, after, peak_mb = done.out.splitlines()
    slow, large = answers[: len(ENDLESS)], answers[len(ENDLESS) :]
    assert slow == ["expected an answer within 0.5 s, came none"] * len(ENDLESS)
    assert large == ["expected a query that fits into 64 MB, came a larger one"] * len(HUGE)
    assert after == "[{'s': 499500}]"
    assert int(peak_mb) < 1_000
