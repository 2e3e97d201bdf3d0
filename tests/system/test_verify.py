"""A book that somebody altered: `bahi verify` names the first wrong position, and nobody serves it."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ledger.event import leaf_hash
from ledger.tree import Tree
from tests.api.doors import Ended, here
from tests.system.cli import Done, Scratch

MAPPING = """
source = "shop"
[event]
type = "order.placed"
occurred_at = "when"
message_id = ["no"]
[identifiers]
email = "mail"
[tags]
campaign = "campaign"
[fields]
amount_minor = { column = "total", money = {} }
currency = { value = "EUR" }
note = "note"
"""
HEADER = "no,mail,when,total,campaign,note"
FIRST, ALL = 20, 30
"""Events of the first import and after the second; each ends with a tree head."""


def import_orders(scratch: Scratch, start: int, stop: int) -> None:
    lines = [
        f"{n},somebody{n % 24}@example.com,2026-01-02T03:04:{n:02}Z,{n}.50,spring,hello"
        for n in range(start, stop)
    ]
    file, mapping = scratch.folder / "orders.csv", scratch.folder / "shop.toml"
    file.write_text("\n".join([HEADER, *lines]) + "\n")
    mapping.write_text(MAPPING)
    scratch.run("import", file, "-m", mapping)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """Make a book of two imports, and in `older` what it was after the first."""
    scratch = Scratch(tmp_path_factory.mktemp("original"))
    import_orders(scratch, 0, FIRST)
    shutil.copytree(scratch.home, scratch.folder / "older")
    import_orders(scratch, FIRST, ALL)
    return scratch


@pytest.fixture
def scratch(original: Scratch, tmp_path: Path) -> Scratch:
    shutil.copytree(original.home, tmp_path / "home")
    return Scratch(tmp_path)


@contextmanager
def unlocked(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file as its owner can: every trigger gone."""
    with closing(sqlite3.connect(path)) as connection:
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        connection.commit()


def flipped(column: str, at: int = 5) -> Callable[[Scratch], None]:
    """Flip one bit of a blob in the event at position 7."""

    def alter(scratch: Scratch) -> None:
        with unlocked(scratch.book) as book:
            (value,) = book.execute(f"SELECT {column} FROM event WHERE position = 7").fetchone()
            value = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
            book.execute(f"UPDATE event SET {column} = ? WHERE position = 7", (value,))

    return alter


def executed(*statements: str) -> Callable[[Scratch], None]:
    def alter(scratch: Scratch) -> None:
        with unlocked(scratch.book) as book:
            for statement in statements:
                assert book.execute(statement).rowcount == 1, statement

    return alter


def flipped_on_the_disk(scratch: Scratch) -> None:
    """Flip a byte of the file itself, SQLite not asked."""
    with closing(sqlite3.connect(scratch.book)) as book:
        (body,) = book.execute("SELECT body FROM event WHERE position = 7").fetchone()
    raw = bytearray(scratch.book.read_bytes())
    at = raw.find(body)
    assert at > 0
    raw[at + 20] ^= 1
    scratch.book.write_bytes(raw)


def dearer(book: sqlite3.Connection) -> None:
    """Give the event at position 7 another amount, and the leaf that goes with it."""
    row = "SELECT recorded_at, body, personal FROM event WHERE position = 7"
    recorded_at, body, personal = book.execute(row).fetchone()
    altered = body.replace(b'"amount_minor":650', b'"amount_minor":950')
    assert altered != body
    leaf = leaf_hash(recorded_at, altered, personal)
    book.execute("UPDATE event SET body = ?, leaf = ? WHERE position = 7", (altered, leaf))


def with_its_leaf(scratch: Scratch) -> None:
    with unlocked(scratch.book) as book:
        dearer(book)


def with_every_tree_head(scratch: Scratch) -> None:
    """Alter an event, its leaf and all that the book itself says of its tree."""
    with unlocked(scratch.book) as book:
        dearer(book)
        tree = Tree()
        heads = {size for (size,) in book.execute("SELECT size FROM checkpoint")}
        for (leaf,) in book.execute("SELECT leaf FROM event ORDER BY position").fetchall():
            tree.add(leaf)
            if tree.size in heads:
                given = (tree.root(), tree.pack(), tree.size)
                book.execute("UPDATE checkpoint SET root = ?, peaks = ? WHERE size = ?", given)


def cut_off_with_its_tree_head(scratch: Scratch) -> None:
    """Take the second import back as if it had never been."""
    with unlocked(scratch.book) as book:
        for table in ("event", "event_tag"):
            book.execute(f"DELETE FROM {table} WHERE position > {FIRST}")
        book.execute(f"DELETE FROM checkpoint WHERE size > {FIRST}")


NEWEST = "bring back the newest copy"
LEAF = "its bytes are not those of its leaf"
HEAD = f"the events 1 to {FIRST} are not those of the tree head written at {FIRST}"
KEPT = f"the events {FIRST + 1} to {ALL} are not those of the tree head written at {ALL}"
ALTERED: dict[str, tuple[Callable[[Scratch], None], int, str]] = {
    "body": (flipped("body"), 7, LEAF),
    "body on the disk": (flipped_on_the_disk, 7, LEAF),
    "personal": (flipped("personal"), 7, LEAF),
    "leaf": (flipped("leaf"), 7, LEAF),
    "id": (flipped("id"), 7, "the column id differs from the envelope"),
    "recorded_at": (
        executed("UPDATE event SET recorded_at = recorded_at + 1 WHERE position = 7"), 7, LEAF,
    ),
    "type": (
        executed("UPDATE event SET type = 'order.refunded' WHERE position = 7"),
        7, "the column type differs from the envelope",
    ),
    "occurred_at": (
        executed("UPDATE event SET occurred_at = occurred_at - 1 WHERE position = 7"),
        7, "the column occurred_us differs from the envelope",
    ),
    "removed tag": (
        executed("DELETE FROM event_tag WHERE position = 7 AND tag LIKE 'customer:%'"),
        7, "the column tags differs from the envelope",
    ),
    "added tag": (
        executed("INSERT INTO event_tag VALUES ('market:DE', 7)"),
        7, "the column tags differs from the envelope",
    ),
    "tag of an event to come": (
        executed(f"INSERT INTO event_tag VALUES ('market:DE', {ALL + 5})"),
        ALL + 5, "a tag is here, and no event",
    ),
    "removed in the middle": (
        executed("DELETE FROM event WHERE position = 7"), 7, "missing; the next event is at 8",
    ),
    "removed at the end": (
        executed(
            f"DELETE FROM event WHERE position = {ALL}",
            f"DELETE FROM event_tag WHERE position = {ALL} AND tag LIKE 'customer:%'",
            f"DELETE FROM event_tag WHERE position = {ALL}",
        ),
        ALL, f"missing; a tree head was written over {ALL} events",
    ),
    "removed at the end, its tags forgotten": (
        executed(f"DELETE FROM event WHERE position = {ALL}"), ALL, "a tag is here, and no event",
    ),
    "two places changed": (
        executed(
            "UPDATE event SET position = 1000 WHERE position = 7",
            "UPDATE event SET position = 7 WHERE position = 8",
            "UPDATE event SET position = 8 WHERE position = 1000",
        ),
        7, "the column tags differs from the envelope",
    ),
    "with its leaf": (with_its_leaf, 1, HEAD),
    "with every tree head": (with_every_tree_head, FIRST + 1, KEPT),
    "cut off with its tree head": (
        cut_off_with_its_tree_head,
        FIRST + 1, f"missing; a tree head was written over {ALL} events",
    ),
    "a tree head": (
        executed(f"UPDATE checkpoint SET root = zeroblob(32) WHERE size = {FIRST}"), 1, HEAD,
    ),
}  # fmt: skip


AS_A_USER = {"body on the disk", "type", "removed in the middle", "with every tree head"}
"""Those that are found by a process of its own; the rest, for speed, by the command in this one."""


@pytest.mark.parametrize("altered", ALTERED)
def test_verify_names_the_first_wrong_position(
    scratch: Scratch,
    altered: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alter, position, what = ALTERED[altered]
    alter(scratch)
    if altered in AS_A_USER:
        done: Done | Ended = scratch.run("verify", "--json", code=1)
    else:
        monkeypatch.setenv("BAHI_HOME", str(scratch.home))
        done = here(capsys, monkeypatch, scratch.folder, "verify", "--json")
    assert done.code == 1
    assert json.loads(done.out) == {"ok": False, "position": position, "what": what}
    assert done.err == f"bahi: position {position}: {what}\n"


def test_verify_says_what_is_sound_and_writes_nothing(scratch: Scratch) -> None:
    stood = scratch.book.read_bytes()
    done = scratch.run("verify")
    assert done.out.startswith(
        f"{ALL} events, gapless and as they were written; 3 tree heads agree"
    )
    assert scratch.book.read_bytes() == stood


def test_verify_names_a_fold_whose_rows_were_altered(scratch: Scratch) -> None:
    views = scratch.book.with_name("views.db")
    with unlocked(views) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_schema WHERE name LIKE 'customer_money_%' AND type = 'table'"
        ).fetchone()
        connection.execute(f'UPDATE "{table}" SET ordered = ordered + 1 WHERE orders = 2')
    found = scratch.run("verify", "--json", code=1)
    assert (found.json["ok"], found.json["events"]) == (False, ALL)
    assert list(found.json["wrong_folds"]) == ["customer_money"]
    assert "rows differ from a fresh fold; `bahi views rebuild customer_money`" in found.err
    scratch.run("views", "rebuild", "customer_money")
    assert scratch.run("verify", "--json").json["ok"]


def test_verify_says_so_when_the_file_is_no_longer_a_database(scratch: Scratch) -> None:
    raw = bytearray(scratch.book.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 100] = bytes(100)
    scratch.book.write_bytes(raw)
    done = scratch.run("verify", code=1)
    assert "Traceback" not in done.err
    assert done.err.startswith("bahi: ")


@contextmanager
def refused(scratch: Scratch, *messages: str) -> Iterator[None]:
    """Whoever would serve or change it says why not, and leaves the files as they are."""
    yield
    stood = scratch.book.read_bytes()
    done = scratch.run("keys", "rotate", code=1)
    assert done.err.startswith("bahi: ")
    assert "Traceback" not in done.err
    for message in messages:
        assert message in done.err
    assert scratch.book.read_bytes() == stood


def test_an_older_book_is_not_served(original: Scratch, scratch: Scratch) -> None:
    with refused(scratch, "book: expected at least 30 events", "found 20", NEWEST):
        shutil.copy(original.folder / "older/book/book.db", scratch.book)
    done = scratch.run("verify", "--json", code=1)
    assert done.json["position"] == FIRST + 1


def test_an_older_vault_is_not_served(original: Scratch, scratch: Scratch) -> None:
    with refused(scratch, "vault: expected generation ", NEWEST):
        shutil.copy(original.folder / "older/vault/vault.db", scratch.vault)


@pytest.mark.parametrize("given", [(), ("--json",)])
def test_a_lost_book_is_missed_and_not_made_anew(scratch: Scratch, given: tuple[str, ...]) -> None:
    scratch.book.unlink()
    done = scratch.run("verify", *given, code=1)
    what = f"missing; the keyring remembers {ALL} events"
    assert done.err == f"bahi: position 1: {what}\n"
    if given:
        assert done.json == {"ok": False, "position": 1, "what": what}
    assert not scratch.book.exists()


def test_a_missing_vault_is_not_made_anew(scratch: Scratch) -> None:
    with refused(scratch, "vault: expected a vault at"):
        scratch.vault.unlink()
    assert not scratch.vault.exists()


def test_a_missing_keyring_is_not_made_anew(scratch: Scratch) -> None:
    with refused(scratch, "keyring", "found none"):
        scratch.keyring.unlink()
    assert not scratch.keyring.exists()
    done = scratch.run("verify", "--json")
    assert done.err == "no keyring here: the book is compared with its own tree heads only\n"


def test_a_foreign_keyring_opens_nothing(scratch: Scratch, tmp_path: Path) -> None:
    other = Scratch(tmp_path / "other")
    other.folder.mkdir()
    import_orders(other, 0, 1)
    with refused(scratch, "expected the book of ledger"):
        shutil.copy(other.keyring, scratch.keyring)


def test_a_keyring_that_others_can_read_is_not_used(scratch: Scratch) -> None:
    with refused(scratch, "expected mode 0600, came 0644"):
        scratch.keyring.chmod(0o644)


def test_a_rewritten_past_is_not_served(scratch: Scratch) -> None:
    with refused(scratch, "book: expected root ", "over the first 30 events"):
        with_every_tree_head(scratch)
