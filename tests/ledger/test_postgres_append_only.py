"""PostgreSQL itself refuses to change or remove anything, whoever asks: here, a superuser."""

import re
from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.stores import open_book
from tests.ledger.samples import an_event

CHANGED = "the book is append-only: an event cannot be changed"
REMOVED = "the book is append-only: an event cannot be removed"
MISPLACED = "the book is append-only: an event goes to the next position"
TAG_CHANGED = "the book is append-only: a tag cannot be changed"
TAG_REMOVED = "the book is append-only: a tag cannot be removed"
HEAD_CHANGED = "the book is append-only: a checkpoint cannot be changed"
HEAD_REMOVED = "the book is append-only: a checkpoint cannot be removed"
OWNED = "a book belongs to one ledger"
TAKEN = 'duplicate key value violates unique constraint "{}"'


def rows(*positions: object, event_id: str = "gen_random_uuid()") -> str:
    values = (f"({p}, 0, {event_id}, 'x.y', 0, '', '', '')" for p in positions)
    return f"INSERT INTO event VALUES {', '.join(values)}"


FIRST = "(SELECT id FROM event WHERE position = 1)"
SAME = "ON CONFLICT (position) DO UPDATE SET body = ''"

REFUSED = [
    ("UPDATE event SET body = '' WHERE position = 2", CHANGED),
    ("UPDATE event SET body = body WHERE false", CHANGED),
    ("SELECT FROM event FOR UPDATE; UPDATE ONLY event SET position = 7", CHANGED),
    (f"{rows(2)} {SAME}", CHANGED),
    ("MERGE INTO event USING (VALUES (1)) AS v (n) ON position = n WHEN MATCHED THEN DELETE", REMOVED),
    ("DELETE FROM event WHERE position = 3", REMOVED),
    ("WITH gone AS (DELETE FROM event RETURNING *) SELECT count(*) FROM gone", REMOVED),
    ("TRUNCATE event", REMOVED),
    ("TRUNCATE event, event_tag CASCADE", REMOVED),
    (rows(5), MISPLACED),
    (rows(0), MISPLACED),
    (rows(-1), MISPLACED),
    (rows(4, 6), MISPLACED),
    (rows(5, 4, 7), MISPLACED),
    (rows(3), TAKEN.format("event_pkey")),
    (rows(4, event_id=FIRST), TAKEN.format("event_id")),
    ("UPDATE event_tag SET tag = 'market:DE'", TAG_CHANGED),
    ("DELETE FROM event_tag", TAG_REMOVED),
    ("TRUNCATE event_tag", TAG_REMOVED),
    ("INSERT INTO event_tag VALUES ('market:IN', 1)", TAKEN.format("event_tag_stretch")),
    ("UPDATE checkpoint SET root = ''", HEAD_CHANGED),
    ("DELETE FROM checkpoint", HEAD_REMOVED),
    ("TRUNCATE checkpoint", HEAD_REMOVED),
    ("INSERT INTO checkpoint VALUES (3, '', '')", TAKEN.format("checkpoint_pkey")),
    ("UPDATE identity SET ledger_id = gen_random_uuid()", OWNED),
    ("DELETE FROM identity", OWNED),
    ("TRUNCATE identity", OWNED),
    ("INSERT INTO identity VALUES (true, gen_random_uuid())", TAKEN.format("identity_pkey")),
    ("INSERT INTO identity VALUES (false, gen_random_uuid())", 'new row for relation "identity" violates check constraint "identity_one_check"'),
]  # fmt: skip


@pytest.fixture(scope="module")
def schema(postgres_url: str) -> str:
    """Make a book of three events, a tag, a tree head and an identity; refusals leave it as it is."""
    schema = f"book_{uuid4().hex}"
    with open_book(f"{postgres_url}?schema={schema}") as book:
        book.append([an_event(1, tags=("market:IN",)), an_event(2, about=1), an_event(3)])
        book.checkpoint()
        book.adopt(UUID(int=1))
    return schema


@pytest.fixture
def plain(postgres_url: str, schema: str) -> Iterator[psycopg.Connection]:
    """Connect as anybody could, with nothing of ours set but the schema."""
    with psycopg.connect(postgres_url, options=f"-c search_path={schema}") as connection:
        yield connection
        connection.rollback()


def everything(connection: psycopg.Connection) -> list[list[tuple[object, ...]]]:
    tables = ("event", "event_tag", "checkpoint", "identity")
    return [connection.execute(f"SELECT * FROM {t} ORDER BY 1".encode()).fetchall() for t in tables]


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(("statement", "message"), REFUSED, ids=[s for s, _ in REFUSED])
def test_it_is_refused_in_these_words_and_nothing_has_changed(
    plain: psycopg.Connection, statement: str, message: str, role: str
) -> None:
    if "MERGE" in statement and plain.info.server_version < 150_000:
        statement = "DELETE FROM event"
    before = everything(plain)
    plain.commit()
    plain.execute(f"SET session_replication_role = {role}".encode())
    with pytest.raises(psycopg.IntegrityError, match=f"^{re.escape(message)}\n") as refused:
        plain.execute(statement.encode())
    assert refused.value.diag.message_primary == message
    plain.rollback()
    assert everything(plain) == before
    assert [len(rows) for rows in before] == [3, 2, 1, 1]


def test_what_comes_next_may_be_appended(plain: psycopg.Connection) -> None:
    plain.execute(rows(6, 4, 5).encode())
    plain.execute(rows(7).encode())
    plain.execute(b"INSERT INTO event_tag VALUES ('market:IN', 4)")
    plain.execute(b"INSERT INTO checkpoint VALUES (4, '', '')")
    assert [len(rows) for rows in everything(plain)] == [7, 3, 2, 1]
