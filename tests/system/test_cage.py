"""`bahi sql` as an attacker would use it: nothing is read but the tables, nothing is written at all."""

import pyarrow as pa
import pytest

from ledger.errors import BadUsage
from replay import cage
from tests.system.cli import CDNOW_MAPPING, Scratch, bytes_of, first_purchases

ONE_SELECT = "bahi: expected one SELECT, came something else\n"
NO_FILES = "bahi: the query failed: Permission Error: "
LOCKED = "the configuration has been locked"
UNREAD = "bahi: the query cannot be read: "
ABSENT = "does not exist"

REFUSED = [
    ("SELECT * FROM '{secret}'", "bahi: no table {secret}; there are "),
    ("SELECT * FROM read_csv('{secret}')", NO_FILES),
    ("SELECT * FROM read_text('{secret}')", NO_FILES),
    ("SELECT * FROM read_blob('{secret}')", NO_FILES),
    ("SELECT * FROM read_json('{secret}')", NO_FILES),
    ("SELECT * FROM read_parquet('{secret}')", NO_FILES),
    ("SELECT * FROM sniff_csv('{secret}')", NO_FILES),
    ("SELECT * FROM parquet_metadata('{secret}')", NO_FILES),
    ("SELECT * FROM read_duckdb('{secret}')", NO_FILES),
    ("SELECT * FROM glob('{home}/*')", NO_FILES),
    ("SELECT * FROM daily, LATERAL (SELECT * FROM read_text('{secret}'))", NO_FILES),
    ("SELECT (SELECT content FROM read_text('{secret}'))", NO_FILES),
    ("SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')", NO_FILES),
    ("SELECT * FROM query('SELECT * FROM \"{secret}\"')", NO_FILES),
    ("SELECT * FROM query('COPY (SELECT 1) TO ''{target}''')", "bahi: the query failed: "),
    ("SELECT * FROM query_table('{secret}')", NO_FILES),
    ("SELECT * FROM query_table('connection')", ABSENT),
    (
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM read_text(''{secret}'')'))",
        NO_FILES,
    ),
    ("SELECT * FROM sqlite_scan('{vault}', 'vault')", "not in the catalog"),
    ("SELECT * FROM duckdb_secrets()", NO_FILES),
    ("SELECT getenv('HOME')", ABSENT),
    ("SELECT * FROM connection", "bahi: no table connection; there are "),
    ("SELECT * FROM query('SELECT * FROM tables')", ABSENT),
    ("SELECT * FROM enable_logging(storage='file', storage_config={{'path': '{target}'}})", LOCKED),
    ("SELECT * FROM enable_profiling(save_location='{target}')", LOCKED),
    ("SELECT * FROM force_checkpoint()", "bahi: the query failed: "),
    ("COPY (SELECT 1) TO '{target}'", ONE_SELECT),
    ("COPY daily FROM '{secret}'", ONE_SELECT),
    ("EXPORT DATABASE '{target}'", ONE_SELECT),
    ("IMPORT DATABASE '{home}'", ONE_SELECT),
    ("ATTACH '{target}'", ONE_SELECT),
    ("ATTACH '{vault}' (TYPE sqlite)", ONE_SELECT),
    ("INSTALL httpfs", ONE_SELECT),
    ("LOAD '{target}'", ONE_SELECT),
    ("PRAGMA database_list", ONE_SELECT),
    ("SET memory_limit = '9GB'", ONE_SELECT),
    ("RESET lock_configuration", ONE_SELECT),
    ("CALL pragma_version()", ONE_SELECT),
    ("CREATE TABLE mine AS SELECT 1", ONE_SELECT),
    ("DROP TABLE events", ONE_SELECT),
    ("PREPARE p AS SELECT 1", ONE_SELECT),
    ("EXPLAIN ANALYZE SELECT 1", ONE_SELECT),
    ("SUMMARIZE daily", ONE_SELECT),
    ("SELECT 1; SELECT 2", ONE_SELECT),
    ("SELECT 1; COPY (SELECT 1) TO '{target}'", ONE_SELECT),
    ("SELECT 1; SET enable_external_access = true", ONE_SELECT),
    ("SELECT 1 -- \r\n; COPY (SELECT 1) TO '{target}'", ONE_SELECT),
    ("SELECT $$ ; $$; COPY (SELECT 1) TO '{target}'", ONE_SELECT),
    ("WITH \"{secret}\" AS (SELECT * FROM '{secret}') SELECT * FROM '{secret}'", NO_FILES),
    ("WITH events AS (SELECT * FROM read_text('{secret}')) SELECT * FROM events", NO_FILES),
    ("", ONE_SELECT),
    ("-- nothing", ONE_SELECT),
    ("SELEC 1", UNREAD),
    ("SELECT 'never closed", UNREAD),
]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    scratch = Scratch(tmp_path_factory.mktemp("cage"))
    scratch.run("import", first_purchases(scratch.folder, 50), "-m", CDNOW_MAPPING)
    (scratch.folder / "secret.csv").write_text("xyzzy,plugh\n1,2\n")
    return scratch


CAGED = """
import sys
from api.cli.app import opened
from ledger.errors import BahiError
queries = sys.stdin.read().split("\\0")
with opened() as bahi:
    for query in queries:
        try:
            bahi.history.sql(query)
            print("answered", end="\\0")
        except BahiError as error:
            print(f"bahi: {error}\\n", end="\\0")
"""


def test_nothing_is_read_or_written_beyond_the_tables(scratch: Scratch) -> None:
    """All in one process, as `bahi sql` opens it; the next test asks the command line itself."""
    places = {
        "secret": scratch.folder / "secret.csv",
        "target": scratch.folder / "target",
        "home": scratch.home,
        "vault": scratch.vault,
    }
    queries = [query.format(**places) for query, _ in REFUSED]
    stood = bytes_of(scratch.folder)
    done = scratch.run_python(CAGED, stdin="\0".join(queries))
    assert (done.code, done.err) == (0, "")
    answers = done.out.split("\0")[:-1]
    for query, (_, expected), answer in zip(queries, REFUSED, answers, strict=True):
        assert expected.format(**places) in answer, query
        assert "xyzzy" not in answer
    assert bytes_of(scratch.folder).keys() == stood.keys()
    assert "answered" not in answers


def test_the_command_line_refuses_with_wrong_usage(scratch: Scratch) -> None:
    target = scratch.folder / "target"
    done = scratch.run("sql", "-", stdin=f"COPY (SELECT 1) TO '{target}'", code=2)
    assert (done.out, done.err) == ("", ONE_SELECT)
    done = scratch.run("sql", "SELECT * FROM read_text('secret.csv')", code=2)
    assert done.err.startswith(NO_FILES)
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
    with pytest.raises(BadUsage, match="Circular reference"):
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
    "SELECT pg_sleep(1000)",
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


def test_python_variables_are_no_tables(scratch: Scratch) -> None:
    code = """
    import pyarrow as pa
    from replay import cage
    xyzzy = pa.table({"secret": [1]})
    tables = {"events": lambda columns: pa.table({"position": [1]})}
    for query in ("SELECT * FROM xyzzy", "SELECT * FROM query('SELECT * FROM xyzzy')"):
        try:
            print(cage.run(query, tables))
        except Exception as error:
            print(type(error).__name__)
    """
    assert scratch.run_python(code).out.split() == ["NotFound", "BadUsage"]
