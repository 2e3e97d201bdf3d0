"""Fifty of the demo's people are erased: nobody can be read in any file, and nothing else has changed.

The search is proven first, on texts planted in each kind of file that the store makes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from api.cli.looking import find_customer
from api.demo import STAR, tell
from api.demo.world import Person, people
from api.wiring import Bahi
from commands.privacy.erasing import erase
from commands.profile import open_profile
from ledger.errors import Erased, KeysUnavailable
from ledger.event import Event
from ledger.keyring import Wrapped
from ledger.sealing import Blob, blobs
from ledger.settings import Settings
from ledger.vault.person_keys import opened_key
from ledger.vault.places import key_context
from ledger.vault.store import Row
from replay.columns import Columns
from replay.columns.proving import verify_segments
from replay.columns.writing import Sizes
from replay.history import Clocks
from replay.verify import verify_book, verify_views
from tests.servers.postgres import Postgres
from tests.system.leaks import SHORTEST_BYTES, Search
from tests.system.office import Clock
from tests.system.people import Person as Made
from tests.system.people import made
from tests.system.sameness import demand_same
from tests.system.told import copied

pytestmark = pytest.mark.timeout(300)

ERASED = 50
UNCHANGED = ("pipeline", "daily", "campaign")
TODAY = datetime(2026, 7, 1, tzinfo=UTC)
OF_ERASING = {"customer.erasing", "customer.erased"}
DAYS = [datetime(*day, tzinfo=UTC) for day in ((2025, 6, 1), (2026, 1, 31), (2030, 1, 1))]
TRIED = 40
"""Sealed parts on which every key that is left is tried."""


@dataclass(frozen=True)
class Place:
    """Where a ledger is kept: its settings, the folders of its files, and its server if it has one."""

    settings: Settings
    folders: Sequence[Path]
    server: str | None = None

    def found(self, search: Search) -> set[str]:
        """Return the texts that can be read in any file, or in any table as it is unpacked."""
        leaks = [leak for folder in self.folders for leak in search.in_folder(folder)]
        if self.server is not None:
            with psycopg.connect(self.server) as connection:
                connection.execute("CHECKPOINT")
                for table in _tables(connection):
                    leaks += search.in_bytes(_unpacked(connection, table), table)
        return {leak.text for leak in leaks}

    def plant(self, person: Made) -> None:
        """Put a text of theirs into a file of its own, one into a table, one into a long packed value."""
        (self.folders[0] / "planted.log").write_text(f"refused: {person.mail}")
        told = pa.table({"n": [1, 2], "b": [None, person.phone.encode() * 9]})
        pq.write_table(told, self.folders[0] / "planted.parquet", compression="zstd")
        packed = (person.message + "\n") * 200
        if self.server is None:
            with closing(sqlite3.connect(self.folders[0] / "planted.db")) as connection:
                connection.execute("CREATE TABLE planted (a TEXT, b TEXT)")
                connection.execute("INSERT INTO planted VALUES (?, ?)", (person.name, packed))
                connection.commit()
            return
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute("CREATE TABLE planted (a text, b text)")
            connection.execute("INSERT INTO planted VALUES (%s, %s)", (person.name, packed))


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where `bahi demo` told it."""
    home = copied(tmp_path_factory, "erased").home
    return Place(Settings(home=home, ledger="", vault="", keyring=None), [home])


@pytest.fixture(scope="module")
def served(embedded: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A server with nothing on it but the same story."""
    home, clock = tmp_path_factory.mktemp("served"), Clock()
    with Postgres({"fsync": "off"}) as server:
        settings = Settings(home=home, ledger=server.url, vault=server.url, keyring=None)
        with Bahi.open(embedded.settings) as bahi:
            *_, look = bahi.ledger.book.read(bahi.ledger.book.head() - 1)
        with Bahi.open(settings, clock) as bahi:
            clock.now = TODAY
            tell(bahi.desk)
            clock.now = look.event.occurred_at
            members = bahi.history.persons().members(find_customer(bahi, STAR))
            open_profile(
                bahi.ledger, members, actor=bahi.actor(), purpose="demo", reason="-", clock=clock
            )
        yield Place(settings, [home, server.folder], server.url)


def test_every_view_of_the_demo_reads_the_same_on_either_store(
    embedded: Place, served: Place
) -> None:
    with (
        Bahi.open(served.settings, lambda: TODAY) as one,
        Bahi.open(embedded.settings, lambda: TODAY) as other,
    ):
        assert one.catch_up() == []
        assert demand_same(one, other) > 20_000
        head = Clocks(known_upto=one.ledger.book.head())
        for name in one.views.folds:
            assert one.history.view(name, head).equals(one.history.view(name)), name


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    found = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    return [table for (table,) in found]


def _unpacked(connection: psycopg.Connection[Any], table: str) -> bytes:
    """Return every value as it is when it is read: in its file a long one is compressed."""
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as rows:
        return b"".join(rows)


def _texts(person: Person) -> list[str]:
    texts = [f"{person.given} {person.family}", person.email, person.phone, person.login]
    return [text for text in texts if len(text.encode()) >= SHORTEST_BYTES]


def _customers(bahi: Bahi, chosen: Sequence[Person]) -> list[UUID]:
    """Return every customer who is any of these people."""
    persons = bahi.ledger.people.now()
    named = [bahi.ledger.vault.look_up(person.user) for person in chosen]
    return sorted({m for one in named if one is not None for m in persons.members(one)})


def _keys(bahi: Bahi, customers: Sequence[UUID]) -> list[Row]:
    asked = [(customer.bytes,) for customer in customers]
    return bahi.ledger.vault._ask(lambda rows, _: rows.find("keys_of_subjects", asked))


def _sealed(bahi: Bahi, customers: Sequence[UUID]) -> list[tuple[Event, Blob]]:
    return [
        (recorded.event, part)
        for recorded in bahi.ledger.book.timeline(customers)
        for part in blobs(recorded.event.personal)
        if isinstance(part, Blob) and part.subject in customers
    ]


def _views(bahi: Bahi) -> dict[str, list[dict[str, Any]]]:
    return {
        name: sorted(bahi.history.view(name).to_pylist(), key=repr) for name in UNCHANGED
    }  # fmt: skip


def _opens(bahi: Bahi, event: Event, blob: Blob, keys: Sequence[bytes]) -> bool:
    bound = bahi.ledger.sealer._bound_to(event, blob.subject, blob.retention, blob.key_version)
    for key in keys:
        try:
            AESGCM(key).decrypt(blob.nonce, blob.ciphertext, bound)
        except InvalidTag:
            continue
        return True
    return False


@pytest.mark.parametrize("kind", ["embedded", "served"])
def test_fifty_people_are_gone_from_everywhere_and_nothing_else_is(
    kind: str, request: pytest.FixtureRequest
) -> None:
    place: Place = request.getfixturevalue(kind)
    world = people()
    chosen = world[7 :: len(world) // ERASED][:ERASED]
    planted = made(1, seed=11)[0]
    search = Search([*(text for person in chosen for text in _texts(person)), *planted.texts()])
    with Bahi.open(place.settings) as bahi:
        assert bahi.catch_up() == []
        book, vault, keyring = bahi.ledger.book, bahi.ledger.vault, bahi.ledger.keyring
        customers = _customers(bahi, chosen)
        assert len(customers) >= ERASED
        leaves = [(row.position, row.leaf) for row in book.rows()]
        views, sealed, keys = _views(bahi), _sealed(bahi, customers), _keys(bahi, customers)
        others = _keys(bahi, _customers(bahi, [p for p in world if p not in chosen]))
        secrets = [opened_key(keyring.keys(), UUID(bytes=row[0]), row[1], row) for row in keys]
        assert len(keys) >= ERASED
        columns = Columns(place.settings.history_folder, book, sizes=Sizes(4_096, 4_096, 16_384))
        in_segments = columns.keep()
        assert in_segments > book.head() - 4_096
        place.plant(planted)
        proven = {planted.mail, planted.name, planted.message, planted.phone}
        assert place.found(search) == proven
        parts = sealed[:: max(1, len(sealed) // TRIED)]
        by_name = {(s.subject, s.retention, s.version): s.encryption for s in secrets}
        for event, blob in parts:  # the trial can succeed
            key = by_name[blob.subject, blob.retention, blob.key_version]
            assert _opens(bahi, event, blob, [bytes(32), key])

        certificates = erase(
            bahi.office, customers, legal_basis="gdpr-17-1-b", actor=bahi.staff("eraser")
        )
        assert len(certificates) >= ERASED

        # Every leaf is what it was, and what was counted is what it was.
        kept = [(row.position, row.leaf) for row in book.rows()][: len(leaves)]
        assert kept == leaves
        assert bahi.catch_up() == []
        now = _views(bahi)
        new = [row for row in now["daily"] if row["type"] in OF_ERASING]
        assert sum(row["events"] for row in new) == 2 * len(customers)
        now["daily"] = [row for row in now["daily"] if row not in new]
        assert now == views
        assert all(views.values())
        assert verify_book(book).events == book.head()
        assert set(verify_views(book, bahi.views).values()) == {None}

        # They are in every segment as ciphertext, and in no answer of any day.
        proved = verify_segments(place.settings.history_folder, book)
        assert (proved.events, proved.foreign) == (in_segments, False)
        assert bahi.columns.catalogue().segments != ()
        for day in (None, *DAYS):
            at = bahi.history.clocks(as_of=day)
            named = bahi.history.view("customer_360", at).column("customer").to_pylist()
            assert named
            assert not {*customers}.intersection(named)
            told = bahi.history.sql(
                "SELECT DISTINCT customer FROM events WHERE domain <> 'privacy'", at
            )
            assert not {*customers}.intersection(told.column("customer").to_pylist())

        # No key that is left opens anything of theirs.
        assert _keys(bahi, customers) == []
        assert _customers(bahi, chosen) == []
        left = [opened_key(keyring.keys(), UUID(bytes=row[0]), row[1], row) for row in others]
        assert not any(_opens(bahi, *part, [one.encryption for one in left]) for part in parts)
        for row in keys:
            with pytest.raises(Erased):
                vault.key(UUID(bytes=row[0]), row[1], row[2])
        bahi.catch_up()

    # Nor could one be had from what the store has not overwritten, once its epoch is over.
    with Bahi.open(place.settings) as bahi:
        keyring = bahi.ledger.keyring
        keyring.begin_epoch()
        bahi.ledger.vault.rewrap(keyring)
        for subject, retention, version, epoch, wrapped, _ in keys:
            with pytest.raises(KeysUnavailable):
                keyring.keys().unwrap(
                    Wrapped(epoch, wrapped), key_context(subject, retention, version)
                )
    if place.server is None:
        files = b"".join(p.read_bytes() for p in place.folders[0].rglob("*") if p.is_file())
        assert not any(row[4] in files for row in keys)

    assert place.found(search) == proven
