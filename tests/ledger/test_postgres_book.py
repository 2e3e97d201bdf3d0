"""The PostgreSQL store keeps the book's promises, and those that only a server can make."""

import re
import threading
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from ledger.book import Condition, Match, Member, Receipt, Status
from ledger.errors import BadField, BadUsage, BahiError, ConditionFailed, StoreUnavailable
from ledger.event import encode_body
from ledger.postgres.address import Address
from ledger.postgres.book import PostgresBook
from ledger.postgres.listener import Listener
from ledger.stores import book_exists, book_folder, book_name, open_book
from tests.ledger.book_contract import A_WHILE_S, BookContract
from tests.ledger.book_contract.base import appended
from tests.ledger.proxy import Proxy
from tests.ledger.samples import an_event, event_id, some_events
from tests.servers import Postgres


class TestPostgresBook(BookContract):
    @pytest.fixture
    def address(self, postgres_url: str) -> str:
        return f"{postgres_url}?schema=book_{uuid4().hex}"

    def only_poll(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            Listener, "wait", lambda listener, seen, timeout_s: time.sleep(timeout_s)
        )

    def only_listen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ledger.postgres.book._POLL_S", 10 * A_WHILE_S)


@pytest.fixture
def address(postgres_url: str) -> str:
    return f"{postgres_url}?schema=book_{uuid4().hex}"


def plain(address: str) -> psycopg.Connection:
    """Connect to the book's schema as anybody could, in autocommit."""
    url, _, schema = address.partition("?schema=")
    return psycopg.connect(url, options=f'-c search_path="{schema}"', autocommit=True)


# ---- what the server's settings may not undo


def test_a_role_that_defaults_to_other_settings_changes_no_promise(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{address}&options=-c%20synchronous_commit%3Doff%20-c%20default_transaction_isolation%3Dserializable"
    monkeypatch.setenv("PGOPTIONS", "-c default_transaction_isolation=serializable")
    with open_book(url) as book:
        book.append(some_events(1, 2))
        assert isinstance(book, PostgresBook)
        told = book._connections.patiently(
            lambda c: c.execute(
                "SELECT current_setting('transaction_isolation'), current_setting('search_path')"
            ).fetchone()
        )
    assert told == ("read committed", f'"{address.partition("schema=")[2]}"')


CALL = b"""
SELECT current_setting('synchronous_commit') FROM append_events(
    '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', NULL
)
"""


def test_an_append_is_flushed_before_it_is_answered_whatever_the_session_says(address: str) -> None:
    open_book(address).close()
    with plain(address) as session:
        session.execute("SET synchronous_commit = off")
        assert session.execute(CALL).fetchall() == [("on",)]
        session.execute("SET synchronous_commit = remote_apply")  # more than we ask for
        assert session.execute(CALL).fetchall() == [("remote_apply",)]


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_an_append_that_would_not_see_what_came_before_its_lock_is_refused(
    address: str, level: str
) -> None:
    open_book(address).close()
    with plain(address) as session:
        session.execute(f"BEGIN ISOLATION LEVEL {level}".encode())
        with pytest.raises(psycopg.Error, match="expected isolation level"):
            session.execute(CALL)


def test_events_are_recorded_at_the_servers_time(address: str) -> None:
    with open_book(address) as book, plain(address) as session:
        (before,) = session.execute("SELECT clock_timestamp()").fetchone() or ()
        book.append(some_events(1, 2))
        (after,) = session.execute("SELECT clock_timestamp()").fetchone() or ()
        times = [recorded.recorded_at for recorded in book.read()]
        shown = session.execute("SELECT recorded_at, body ->> 'source' FROM readable").fetchall()
    assert before <= times[0] == times[1] <= after
    assert shown == [(times[0], "shop")] * 2


def test_text_that_postgresql_cannot_keep_is_refused_before_it_is_asked(address: str) -> None:
    with open_book(address) as book:
        for bad in (an_event(1, tags=("market:\0",)), an_event(1, "x\0.y")):
            with pytest.raises(BadField, match=r"^type, tags: expected text without U\+0000, came"):
                book.append([bad])
        assert list(book.read(matching=[Match(tags=("market:\0",))])) == []
        book.append([an_event(1)], Condition((Match(tags=("\0",)), Match(types=("\0",)))))


# ---- every walk is served by an index, whatever the planner thinks


ASKED = [Match(("deal.won",), ("market:IN", "deal:1")), Match(("deal.won", "x.y")), Match()]


def test_plans_made_while_the_book_was_empty_still_walk_the_narrowest_index(address: str) -> None:
    me = f"book_{uuid4().hex}"
    with open_book(f"{address}&application_name={me}") as book:
        with plain(address) as session:
            session.execute("ANALYZE")  # the planner is sure: there is nothing in it
        condition = Condition(tuple(ASKED[:2]))
        book.append(some_events(1, 1), condition)
        assert list(book.read(1, matching=ASKED)) == []
        deal_1 = [n for n in range(2, 10_001) if n % 100 == 0]
        for first in range(2, 10_001, 3_333):
            batch = range(first, min(first + 3_333, 10_001))
            tags = {n: ("market:IN", *["deal:1"] * (n in deal_1)) for n in batch}
            book.append([an_event(n, tags=tags[n]) for n in batch])
        book.append(some_events(10_001, 10_001), condition)
        assert [*book.known([an_event(7).id])] == [an_event(7).id]
        assert len(list(book.read(9_990, matching=ASKED))) == 11
    with plain(address) as session:
        there = "SELECT FROM pg_stat_activity WHERE application_name = %s"
        while session.execute(there, (me,)).fetchone() is not None:
            time.sleep(0.01)  # a session hands in its counts as it ends
        ((whole,),) = session.execute(
            "SELECT sum(seq_tup_read)::int FROM pg_stat_user_tables"
            " WHERE schemaname = current_schema AND relname LIKE 'event%'"
        ).fetchall()
        walked: dict[str, int] = dict(
            session.execute(
                "SELECT indexrelname::text, idx_tup_read::int FROM pg_stat_user_indexes"
                " WHERE schemaname = current_schema AND relname LIKE 'event%'"
            ).fetchall()
        )
    assert whole == 0
    # To tell the tags apart a thousand of the wider one are counted, a hundred of the other; then
    # those hundred are walked.
    assert 100 <= walked.pop("event_tag_stretch") < 2_000
    assert walked == {
        "event_id": 1,
        "event_pkey": walked["event_pkey"],
        "event_tag_position": 0,
        "event_type": 0,
    }
    assert walked["event_pkey"] < 1_000


@pytest.mark.parametrize(
    "wanted",
    [
        '{"types": [], "tags": ["deal:none"]}',
        '{"types": ["x.y"], "tags": ["deal:none"]}',
        '{"types": [], "tags": ["market:IN", "deal:none"]}',
        '{"types": ["x.y"], "tags": []}',
    ],
)
def test_a_condition_that_nothing_meets_looks_at_few_pages(address: str, wanted: str) -> None:
    with open_book(address) as book, plain(address) as session:
        for name in ("seqscan", "bitmapscan"):  # as every connection of ours has it
            session.execute(f"SET enable_{name} = off".encode())
        session.execute("SET plan_cache_mode = force_generic_plan")
        ask = (
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            f" SELECT * FROM positions_of('[{wanted}]', 8000, 9000, 1)"
        )
        session.execute(ask.encode())  # plans are made while the book is empty
        book.append(some_events(1, 9_000, ("market:IN", "market:JP", "zone:1")))
        for _ in range(2):
            ((told,),) = session.execute(ask.encode())
        assert told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"] < 40


def test_a_walk_goes_from_stretch_to_stretch(address: str) -> None:
    edge = 2**20
    open_book(address).close()
    with plain(address) as session:
        # As if the book had grown so far; nobody could append that much in a test.
        session.execute("ALTER TABLE event DISABLE TRIGGER event_next_position")
        before = [(5, "market:IN"), (edge - 3, "deal:1"), (edge - 3, "market:IN")]
        for position in (5, edge - 3):
            body = encode_body(an_event(position))
            session.execute(
                "INSERT INTO event VALUES (%s, 0, %s, 'order.placed', 0, %s, '', '')",
                (position, event_id(position), body),
            )
        for position, tag in before:
            session.execute("INSERT INTO event_tag VALUES (%s, %s)", (tag, position))
        session.execute("ALTER TABLE event ENABLE ALWAYS TRIGGER event_next_position")
    with open_book(address) as book:
        new = [an_event(n, "deal.moved", ("deal:1", "market:IN")) for n in range(100, 106)]
        assert book.append(new)[0].position == edge - 2
        both, market = Match(tags=("market:IN", "deal:1")), Match(tags=("market:IN",))

        def found(*given: Match, **bounds: int) -> list[int]:
            return [r.position - edge for r in book.read(matching=given, **bounds)]

        assert found(both) == [*range(-3, 4)]
        assert found(both, after=edge - 2) == [*range(-1, 4)]
        assert found(both, after=edge - 1, upto=edge) == [0]
        assert found(both, after=edge, upto=2**62) == [1, 2, 3]
        assert found(both, limit=4) == [-3, -2, -1, 0]
        assert found(market) == [5 - edge, *range(-3, 4)]
        assert found(Match(("deal.moved",), ("market:IN",))) == [*range(-2, 4)]
        for after, first in ((0, -3), (edge - 1, 0), (edge, 1), (edge + 2, 3)):
            with pytest.raises(ConditionFailed) as failure:
                book.append([an_event(99)], Condition((both,), after))
            assert failure.value.position == edge + first
        book.append([an_event(99)], Condition((both,), edge + 3))


# ---- a server that goes away


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def test_a_book_outlives_its_server(server: Postgres) -> None:
    last = 12_000
    with open_book(server.url) as book:
        long = {"note": "n" * 4_000}  # more than is on its way while nobody reads
        for first in range(1, last, 1_000):
            book.append([an_event(n, data=long) for n in range(first, first + 1_000)])
        reading, columns = book.read(), book.batches(0, ["position"], size=500)
        read, folded = [next(reading).position], next(columns)["position"].to_pylist()
        heads: list[int] = []
        waiting = threading.Thread(target=lambda: heads.append(book.wait(last, A_WHILE_S)))
        waiting.start()
        server.kill()
        back = threading.Thread(target=server.start)
        back.start()
        assert book.append(some_events(last + 1, last + 1)) == appended(last + 1, last + 1)
        back.join()
        waiting.join()
        assert heads == [last + 1]
        read += [recorded.position for recorded in reading]
        folded += [position for batch in columns for position in batch["position"].to_pylist()]
        assert read == folded == list(range(1, last + 1))


def test_connections_that_are_cut_in_the_middle_cost_nothing_and_double_nothing(
    server: Postgres,
) -> None:
    url = f"{server.url}?schema=cut"
    open_book(url).close()
    done = threading.Event()

    def cut() -> None:
        pauses = (0.03 * 1.1**n for n in count())  # a busy machine may need more to get anywhere
        with psycopg.connect(server.url, autocommit=True) as admin:
            while not done.wait(next(pauses)):
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = 'bahi'"
                )

    with open_book(url) as book:
        (cutter := threading.Thread(target=cut)).start()
        try:
            for n in range(40):
                receipts = book.append(some_events(5 * n + 1, 5 * n + 5), Condition((), 0))
                assert [r.position for r in receipts] == [*range(5 * n + 1, 5 * n + 6)]
        finally:
            done.set()
            cutter.join()
        assert [r.event for r in book.read()] == some_events(1, 200)


@pytest.mark.parametrize("done", [True, False])
def test_a_group_whose_answer_was_lost_is_told_what_became_of_it(
    server: Postgres, done: bool
) -> None:
    unopened = Condition((Match(tags=("deal:1",)),))
    members = [
        Member(some_events(1, 2)),
        Member([an_event(3, "deal.opened", ("deal:1",))], unopened),
        Member([an_event(4, "deal.opened", ("deal:1",))], unopened),
        Member([an_event(5)]),
    ]
    written = Status.DUPLICATE if done else Status.APPENDED
    with (
        Proxy(server.url) as proxy,
        open_book(f"{proxy.address}?schema=lost_{uuid4().hex}&sslmode=disable") as book,
    ):
        proxy.cut(b"deal.opened", done=done)
        first, second, refused, last = book.append_group(members)
        assert proxy.cuts == 1
        # Whoever was refused is refused again; what was written is not judged anew.
        assert [first, second, last] == [
            [Receipt(written, 1), Receipt(written, 2)],
            [Receipt(written, 3)],
            [Receipt(written, 4)],
        ]
        assert isinstance(refused, ConditionFailed)
        assert refused.position == 3
        assert [r.event.id for r in book.read()] == [event_id(n) for n in (1, 2, 3, 5)]


def test_a_server_that_stays_away_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.postgres.connection._PATIENCE_S", 0.3)
    with Postgres({"fsync": "off"}) as server, open_book(server.url) as book:
        book.append(some_events(1, 1))
        server.kill()
        name = f"postgresql://127.0.0.1:{server.port}/postgres?schema=book: "
        for act in (book.head, lambda: list(book.batches(0, ["position"], upto=1))):
            with pytest.raises(StoreUnavailable, match=f"^{re.escape(name)}"):
                act()
        with pytest.raises(StoreUnavailable, match="refused"):
            open_book(server.url)


# ---- addresses and what is said of them

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("postgresql://anna:hunter2@127.0.0.1:1/nowhere", StoreUnavailable),
        ("postgres://anna@127.0.0.1:1/nowhere?password=hunter2", StoreUnavailable),
        ("postgresql://anna:x/hunter2@127.0.0.1/db", BadUsage),
        ("postgresql://anna:x@hunter2@127.0.0.1/db", BadUsage),
        ("postgresql://anna:x?hunter2@127.0.0.1/db", BadUsage),
        ("postgresql://anna:x#hunter2@127.0.0.1/db", BadUsage),
        ("postgresql://127.0.0.1/db?pasword=hunter2", BadUsage),
        ("postgresql://127.0.0.1/db?hunter2", BadUsage),
        ("postgresql://127.0.0.1/db?schema=Hunter2%20hunter2", BadUsage),
        ("postgresql://anna:hunter2@[127.0.0.1/db", BadUsage),
    ],
)
def test_no_password_is_told(address: str, error: type[BahiError]) -> None:
    with pytest.raises(error) as refused:
        open_book(address)
    told: BaseException | None = refused.value
    while told is not None:
        assert SECRET not in f"{told} {told!r} {told.args}"
        told = told.__cause__
    assert SECRET not in repr(refused.value.args)


def test_a_name_shows_neither_user_nor_password() -> None:
    address = "postgresql://anna:hunter2@db.example:5433/crm?schema=ours&sslmode=require"
    assert book_name(address) == "postgresql://db.example:5433/crm?schema=ours"
    assert (book_folder(address), book_folder("sqlite:///here")) == (None, Path("here"))
    assert SECRET not in repr(Address.parse(address, "book"))


def test_a_schema_that_is_no_book_is_refused_and_left_alone(address: str) -> None:
    with plain(address) as session:
        schema = address.partition("=")[2]
        session.execute(f'CREATE SCHEMA "{schema}" CREATE TABLE invoice (n int)'.encode())
    assert not book_exists(address)
    with pytest.raises(
        BadUsage,
        match=r"expected a book of this version or an empty schema, came one with invoice$",
    ):
        open_book(address)
    with plain(address) as session:
        session.execute("DROP TABLE invoice")
    open_book(address).close()
    assert book_exists(address)
    with plain(address) as session:
        session.execute("INSERT INTO migration VALUES ('0099_from_the_future.sql')")
    with pytest.raises(BadUsage, match=r"came one with 0099_from_the_future\.sql$"):
        open_book(address)


def test_a_role_that_may_not_is_told_so(postgres_url: str, address: str) -> None:
    role = f"clerk_{uuid4().hex}"
    open_book(address).close()
    with plain(address) as session:
        session.execute(f"CREATE ROLE {role} LOGIN".encode())
        session.execute(f"GRANT USAGE ON SCHEMA {address.partition('=')[2]} TO {role}".encode())
    with pytest.raises(
        BadUsage, match=r"permission denied for table migration \(SQLSTATE 42501\)$"
    ):
        open_book(address.replace("bahi@", f"{role}@"))
