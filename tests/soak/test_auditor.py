"""The auditor finds every kind of damage, and has nothing to say of what is sound."""

import hashlib
import json
import pickle
import shutil
import sqlite3
import struct
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.once import once
from tests.soak.auditor import CHECKS, Audit, audit
from tests.soak.rounds import Round, sqlite_round
from tests.soak.tables import PostgresStore, SqliteStore

Line = dict[str, Any]
Damage = Callable[[Path], None]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Round]:
    """A round in which nothing is done to anybody."""

    def make(folder: Path) -> None:
        round_ = sqlite_round(7, folder, quiet=True)
        folder.with_suffix(".round").write_bytes(pickle.dumps(round_))

    folder = once(tmp_path_factory, "quiet", make)
    return folder, pickle.loads(folder.with_suffix(".round").read_bytes())  # noqa: S301 - our own


@pytest.fixture
def folder(quiet: tuple[Path, Round], tmp_path: Path) -> Path:
    return shutil.copytree(quiet[0], tmp_path / "copy")


def book_of(folder: Path) -> Path:
    return folder / "home" / "book" / "book.db"


def audited(folder: Path) -> Audit:
    return audit(folder, SqliteStore(book_of(folder)))


# ---- ways to do damage


def sql(*statements: str) -> Damage:
    """Change the tables as if no constraint had ever been; each statement has to hit one row."""

    def damage(folder: Path) -> None:
        with closing(_bare(folder)) as book:
            for statement in statements:
                assert book.execute(statement).rowcount == 1, statement
            book.commit()

    return damage


def _bare(folder: Path) -> sqlite3.Connection:
    """Open the book with tables that are the same, and hold nobody to anything."""
    book = sqlite3.connect(book_of(folder))
    book.execute("PRAGMA legacy_alter_table = ON")  # views are not looked at amid this
    for table in ("event", "event_tag", "checkpoint"):
        book.execute(f"CREATE TABLE bare AS SELECT * FROM {table}")
        book.execute(f"DROP TABLE {table}")
        book.execute(f"ALTER TABLE bare RENAME TO {table}")
    return book


SEVENTH = "position = 7"
RECORDED = """position = (SELECT max(position) FROM event WHERE CAST(body AS TEXT) LIKE '%"source":"recorded"%')"""
GUARDED = (
    """position = (SELECT max(position) FROM event WHERE CAST(body AS TEXT) LIKE '%"saw":%')"""
)
LAST = "position = (SELECT max(position) FROM event)"


def retold(change: Callable[[Line], None], where: str = SEVENTH) -> Damage:
    """Change an envelope, and its leaf with it."""

    def damage(folder: Path) -> None:
        with closing(_bare(folder)) as book:
            row = f"SELECT position, recorded_at, body, personal FROM event WHERE {where}"
            position, recorded_at, body, personal = book.execute(row).fetchone()
            envelope = json.loads(body)
            change(envelope)
            body = json.dumps(envelope, separators=(",", ":"), sort_keys=True).encode()
            head = struct.pack(">BQI", 0, recorded_at, len(body))
            leaf = hashlib.sha256(head + body + personal).digest()
            change_row = "UPDATE event SET body = ?, leaf = ? WHERE position = ?"
            book.execute(change_row, (body, leaf, position))
            book.commit()

    return damage


def renoted(name: str, change: Callable[[list[Line]], object]) -> Damage:
    """Change somebody's notes."""

    def damage(folder: Path) -> None:
        path = folder / f"{name}.notes"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        change(lines)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return damage


def resaid(name: str, change: Callable[[Any], object]) -> Damage:
    """Change what a user was shown."""

    def damage(folder: Path) -> None:
        path = folder / f"{name}.said"
        said = json.loads(path.read_text())
        change(said)
        path.write_text(json.dumps(said))

    return damage


def more_of(view: str, column: str) -> Damage:
    """Count one more in a row of a view."""

    def of(line: Line) -> Any:
        return json.loads(line["row"])[column]

    def more(lines: list[Line]) -> None:
        line = next(line for line in lines if line["view"] == view and of(line) is not None)
        line["row"] = json.dumps(json.loads(line["row"]) | {column: of(line) + 1})

    return resaid("views", more)


def other_currency(envelope: Line) -> None:
    envelope["data"]["currency"] = "XXX"


def other_number(envelope: Line) -> None:
    envelope["data"]["amount_minor"] = 10**9


def as_the_first_of_single(envelope: Line) -> None:
    envelope["source"] = "single"
    envelope["data"]["amount_minor"] = 1


def other_customer(envelope: Line) -> None:
    envelope["customer"] = str(uuid4())


def saw_one_less(envelope: Line) -> None:
    envelope["data"]["saw"] -= 1


def answered_elsewhere(lines: list[Line]) -> None:
    next(line for line in lines if "acked" in line)["acked"][0] = [1, 10**6]


def by_another_name(lines: list[Line]) -> None:
    """Say that what one person did twice was done by two."""
    sent = [one for line in lines for one in line.get("sent", ())]
    often = Counter(one["person"] for one in sent).most_common(1)[0][0]
    again = next(one for one in reversed(sent) if one["person"] == often)
    again["person"] = "somebody.else@example.com"


def swapped(lines: list[Line]) -> None:
    lines[20], lines[21] = lines[21], lines[20]


LEAF = "leaves: position 7: its bytes are not those of its leaf"
COLUMN = "columns: position 7: a column is not what the envelope says"
TAGS = "tags: position 7: its tags are not those of the envelope"
CELLS = "recorded_at, id, type, occurred_at, body, personal, leaf"
EDITED = "CAST(replace(CAST(body AS TEXT), '\"type\"', ' \"type\"') AS BLOB)"

DAMAGES: dict[str, tuple[Damage, str]] = {
    # the rows
    "one missing": (sql(f"DELETE FROM event WHERE {SEVENTH}"), "positions: expected position 7, found 8"),
    "the last missing": (sql(f"DELETE FROM event WHERE {LAST}"), "acknowledged: the end is not at position"),
    "a gap": (sql(f"UPDATE event SET position = position + 1 WHERE {LAST}"), "positions: expected position"),
    "one twice": (
        sql(f"INSERT INTO event (position, {CELLS}) SELECT 1000000, {CELLS} FROM event WHERE {SEVENTH}"),
        "ids: ",
    ),
    "two that changed places": (
        sql(
            "UPDATE event SET position = -1 WHERE position = 7",
            "UPDATE event SET position = 7 WHERE position = 8",
            "UPDATE event SET position = 8 WHERE position = -1",
        ),
        "acknowledged: ",
    ),
    "a later time": (
        sql(f"UPDATE event SET recorded_at = recorded_at + 1000000000 WHERE {SEVENTH}"),
        "recorded_at: position 8 was recorded before position 7",
    ),
    "an earlier time": (sql(f"UPDATE event SET recorded_at = recorded_at - 1 WHERE {SEVENTH}"), LEAF),
    "a flipped byte": (
        sql(f"UPDATE event SET body = CAST(replace(CAST(body AS TEXT), '2026-', '2025-') AS BLOB) WHERE {SEVENTH}"),
        LEAF,
    ),
    "a sealed byte more": (
        sql(f"UPDATE event SET personal = CAST(personal || 'x' AS BLOB) WHERE {SEVENTH}"), LEAF,
    ),
    "another leaf": (sql(f"UPDATE event SET leaf = zeroblob(32) WHERE {SEVENTH}"), LEAF),
    "another id": (sql(f"UPDATE event SET id = randomblob(16) WHERE {SEVENTH}"), COLUMN),
    "another type": (sql(f"UPDATE event SET type = 'x' WHERE {SEVENTH}"), COLUMN),
    "another moment": (sql(f"UPDATE event SET occurred_at = 1 WHERE {SEVENTH}"), COLUMN),
    "a blank": (
        sql(f"UPDATE event SET body = {EDITED} WHERE {SEVENTH}"),
        "envelopes: position 7: the envelope is not canonical JSON",
    ),
    # what is beside them
    "a tag missing": (sql(f"DELETE FROM event_tag WHERE {SEVENTH} AND tag LIKE 'market:%'"), TAGS),
    "a customer missing": (sql(f"DELETE FROM event_tag WHERE {SEVENTH} AND tag LIKE 'customer:%'"), TAGS),
    "a tag too many": (sql("INSERT INTO event_tag (tag, position) VALUES ('market:XX', 7)"), TAGS),
    "a tag of nothing": (
        sql("INSERT INTO event_tag (tag, position) VALUES ('market:XX', 1000000)"),
        "tags: position 1000000: a tag is there, and no event",
    ),
    "another root": (
        sql("UPDATE checkpoint SET root = zeroblob(32) WHERE size = (SELECT max(size) FROM checkpoint)"),
        "tree heads: the tree head over ",
    ),
    "a root over more than there is": (
        sql("INSERT INTO checkpoint (size, root) VALUES (1000000, zeroblob(32))"),
        "tree heads: a tree head over 1000000 events, and there are ",
    ),
    # what was sent and answered
    "other words": (retold(other_currency), "sent: position 7 was sent in other words"),
    "what nobody sent": (retold(other_number), "sent: position 7 was not sent by anybody"),
    "sent once, there twice": (retold(as_the_first_of_single, GUARDED), "sent: single 1 is there 2 times"),
    "what was refused": (
        renoted("guarded", lambda lines: lines.append({"refused": [lines[0]["sent"][0]["n"]]})),
        "sent: position ",
    ),
    "answered elsewhere": (
        renoted("single", answered_elsewhere), "acknowledged: single 1 is not at position 1000000, as was answered",
    ),
    "answered twice": (
        renoted("single", lambda lines: lines.append({"acked": [[1, 10**6]]})),
        "acknowledged: single 1 was answered ",
    ),
    "one person, two customers": (retold(other_customer, RECORDED), "customers: position "),
    "two people, one customer": (renoted("recorded", by_another_name), "customers: two people are one customer"),
    "nothing sealed": (
        sql(f"UPDATE event SET personal = zeroblob(0) WHERE {RECORDED}"), "customers: position ",
    ),
    "a lost update": (retold(saw_one_less, GUARDED), "guarded: position "),
    # what was handed over
    "skipped": (renoted("poll", lambda lines: lines.pop(20)), "followers: poll was handed 22 where 21 was next"),
    "handed over twice": (
        renoted("wait", lambda lines: lines.insert(20, lines[20])), "followers: wait was handed 21 where 22 was next",
    ),
    "handed over out of order": (
        renoted("columns", swapped), "followers: columns was handed 22 where 21 was next",
    ),
    "other bytes": (
        renoted("subscribe", lambda lines: lines[20].update(hash=lines[21]["hash"])),
        "followers: subscribe was handed other bytes at position 21",
    ),
    "the end never": (renoted("poll", lambda lines: lines.pop()), "followers: poll was handed "),
    # what users are shown
    "not verified": (resaid("verify", lambda said: said.update(ok=False)), "verify: `bahi verify` said "),
    "half verified": (resaid("verify", lambda said: said.update(events=7)), "verify: `bahi verify` said "),
    "another root told": (
        resaid("verify", lambda said: said.update(root="00" * 32)), "verify: `bahi verify` found another root",
    ),
    "no fold compared": (
        resaid("verify", lambda said: said.update(folds=0)), "verify: `bahi verify` compared no fold",
    ),
    "one too many a day": (more_of("daily", "events"), "daily: daily: "),
    "one too many a customer": (more_of("customer_360", "touchpoints"), "customer_360: customer_360: "),
    "a cent too many": (more_of("customer_money", "ordered"), "customer_money: customer_money: "),
    "a row of a view missing": (resaid("views", lambda lines: lines.remove(next(row for row in lines if row["view"] == "daily"))), "daily: daily: "),
}  # fmt: skip


# ---- the tests


def test_a_round_in_which_nothing_happens_is_sound(quiet: tuple[Path, Round], folder: Path) -> None:
    _, round_ = quiet
    assert round_.wrong == []
    assert audited(folder) == round_.audit
    assert round_.audit.acknowledged == round_.audit.stored - 1  # the end has no writer
    assert round_.audit.handed == 4 * round_.audit.stored
    assert round_.audit.checkpoints > 0


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_found(kind: str, folder: Path) -> None:
    damage, expected = DAMAGES[kind]
    damage(folder)
    findings = audited(folder).findings
    assert any(finding.startswith(expected) for finding in findings), findings


def test_every_check_has_been_seen_to_fail() -> None:
    assert {expected.partition(":")[0] for _, expected in DAMAGES.values()} >= CHECKS.keys()


def test_a_line_that_was_cut_off_is_not_there(folder: Path, quiet: tuple[Path, Round]) -> None:
    with (folder / "poll.notes").open("a") as notes:
        notes.write('{"at": 7, "ha')
    assert audited(folder) == quiet[1].audit


def test_tables_in_postgresql_are_judged_the_same(
    folder: Path, quiet: tuple[Path, Round], postgres_url: str
) -> None:
    schema = f"audited_{uuid4().hex}"
    store = PostgresStore(postgres_url, schema)
    with (
        closing(sqlite3.connect(book_of(folder))) as book,
        psycopg.connect(postgres_url, autocommit=True) as admin,
    ):
        admin.execute(f"CREATE SCHEMA {schema}".encode())
        admin.execute(f"SET search_path = {schema}".encode())
        for table, columns in TABLES.items():
            shape = ", ".join(f"{name} {kind}" for name, kind in columns.items())
            admin.execute(f"CREATE TABLE {table} ({shape})".encode())
            rows = book.execute(f"SELECT {', '.join(columns)} FROM {table}")
            marks = ", ".join(f"%s::{kind}" for kind in columns.values())
            with admin.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO {table} VALUES ({marks})".encode(),
                    [
                        [
                            UUID(bytes=v) if c == "id" else v
                            for c, v in zip(columns, row, strict=True)
                        ]
                        for row in rows
                    ],
                )
        assert audit(folder, store) == quiet[1].audit
        admin.execute("DELETE FROM event WHERE position = 7")
        assert "positions: expected position 7, found 8" in audit(folder, store).findings


TABLES = {
    "event": {
        "position": "bigint", "recorded_at": "bigint", "id": "uuid", "type": "text",
        "occurred_at": "bigint", "body": "bytea", "personal": "bytea", "leaf": "bytea",
    },
    "event_tag": {"tag": "text", "position": "bigint"},
    "checkpoint": {"size": "bigint", "root": "bytea"},
}  # fmt: skip
