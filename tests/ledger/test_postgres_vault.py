"""The vault on a server: what only a server can fail at, and what only a server can give away."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from ledger.catalogue import Retention
from ledger.errors import BadUsage, BahiError, StoreUnavailable
from ledger.identifiers import Identifier
from ledger.keyring import Keyring
from ledger.postgres.vault import PostgresVault
from ledger.stores import book_exists, open_book, open_vault, vault_exists, vault_file, vault_name
from ledger.vault import SubjectKey, Vault
from tests.ledger.processes import CUE, start
from tests.ledger.proxy import Proxy
from tests.ledger.vault_samples import (
    ANNA,
    ANNAS_PHONE,
    LETTER,
    NOON,
    OPEN_VAULT,
    ORDER,
    PRIYA,
    SOMEBODY,
    TABLES,
    customers,
    people,
    sql,
)
from tests.servers import Postgres


@pytest.fixture
def vault_address(postgres_url: str) -> str:
    return f"{postgres_url}?schema=vault_{uuid4().hex}"


@pytest.fixture
def proxy(vault_address: str, vault: Vault) -> Iterator[Proxy]:
    with Proxy(vault_address) as proxy:
        yield proxy


# ---- one answer, however often a connection is lost


Work = Callable[[Vault], object]
NAMED = (SOMEBODY, Retention.LEGAL)


def key_of(vault: Vault) -> SubjectKey:
    return vault.subject_keys([NAMED])[NAMED]


WRITES: dict[str, Work] = {
    "resolve": lambda vault: customers(vault, [[ANNA], [ANNAS_PHONE, ANNA], [PRIYA]]),
    "references": lambda vault: vault.references([ORDER, ORDER]),
    "subject_keys": key_of,
    "mark_logged": lambda vault: vault.mark_logged([key_of(vault)]),
    "staff": lambda vault: vault.staff("Mika"),
    "keep": lambda vault: vault.keep([LETTER, replace(LETTER, id=uuid4())]),
    "remove": lambda vault: vault.remove([LETTER.id]),
    "rewrap": lambda vault: vault.rewrap(vault._keyring),
}


@pytest.mark.parametrize("done", [True, False], ids=["before the answer", "before the commit"])
@pytest.mark.parametrize("write", WRITES)
def test_a_write_whose_connection_is_cut_at_the_commit_is_done_once(
    vault: Vault, keyring: Keyring, proxy: Proxy, vault_address: str, write: str, done: bool
) -> None:
    if write == "mark_logged":
        key_of(vault)
    if write in {"remove", "rewrap"}:
        vault.keep([LETTER])
        keyring.begin_epoch()
    # What is read before is committed, too; wrapping anew first waits for those who write.
    passing = int(write in {"resolve", "subject_keys", "mark_logged", "rewrap"})
    with open_vault(proxy.address, keyring) as cut:
        proxy.cut(b"COMMIT\0", done=done, passing=passing)
        answer = WRITES[write](cut)
        assert proxy.cuts == 1
    assert WRITES[write](vault) == (0 if write == "rewrap" else answer)
    rows = {name: counted(vault_address, name) for name in TABLES if name != "migration"}
    assert {name: count for name, count in rows.items() if count} == {
        "vault": 1, "generation": 1,
        **{
            "resolve": {"identifier": 3},
            "references": {"identifier": 1},
            "subject_keys": {"subject_key": 1},
            "mark_logged": {"subject_key": 1},
            "staff": {"staff": 1},
            "keep": {"dead_letter": 1, "dead_letter_identifier": 2},
            "rewrap": {"dead_letter": 1, "dead_letter_identifier": 2},
        }.get(write, {}),
    }  # fmt: skip
    if write == "mark_logged":
        assert key_of(vault).logged
    if write == "rewrap":
        assert (keyring.keys().epochs, vault.letter_again(LETTER.id)) == ((2,), LETTER)


def counted(address: str, table: str) -> int:
    ((rows,),) = sql(address, f"SELECT count(*) FROM {table}")
    return int(rows)


def test_a_new_vault_whose_adoption_is_cut_is_adopted(proxy: Proxy, keyring: Keyring) -> None:
    address = f"{proxy.address}_2"
    with open_vault(address, keyring) as vault:
        proxy.cut(b"COMMIT\0", done=True)
        vault.adopt(keyring.ledger_id)
        assert (proxy.cuts, vault.ledger_id) == (1, keyring.ledger_id)


def test_connections_that_are_ended_again_and_again_cost_nothing_and_double_nothing(
    vault: Vault, keyring: Keyring, vault_address: str
) -> None:
    done = threading.Event()

    def end_them() -> None:
        with psycopg.connect(vault_address.partition("?")[0], autocommit=True) as admin:
            while not done.wait(0.06):
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name = %s",
                    (me,),
                )

    me = f"bahi_{uuid4().hex}"
    ending = threading.Thread(target=end_them)
    with open_vault(f"{vault_address}&application_name={me}", keyring) as ended:
        ending.start()
        try:
            told = []
            for n in range(15):
                (customer,) = customers(ended, people(n, n + 1))
                assert isinstance(customer, UUID)
                key = ended.subject_keys([(customer, Retention.CONTENT)])
                ended.mark_logged(key.values())
                told.append((customer, [replace(one, logged=True) for one in key.values()]))
        finally:
            done.set()
            ending.join()
    assert customers(vault, people(0, 15)) == [customer for customer, _ in told]
    for customer, keys in told:
        assert [*vault.subject_keys([(customer, Retention.CONTENT)]).values()] == keys
    assert [counted(vault_address, name) for name in ("identifier", "subject_key")] == [15, 15]


def test_a_writer_that_is_stopped_loses_the_lock_and_writes_when_it_wakes(
    vault: Vault, vault_address: str, tmp_path: Path
) -> None:
    stopped = start(
        OPEN_VAULT + "from ledger.postgres import vault as store\nfrom ledger.vault import links\n"
        "text, named = store.statement, links._link\n"
        "store.statement = lambda name: text(name).replace(\"'10s'\", \"'200ms'\")\n"
        "def slow(*given):\n"
        "    links._link = named\n    " + CUE.replace("\n", "\n    ") + "return named(*given)\n"
        "links._link = slow\n"
        "print(*customers(vault, [[Identifier('user', 'u1')]]))\n",
        vault_address,
        tmp_path,
    )
    (customer,) = customers(vault, people(1, 2))  # waits for the lock, and gets it
    stopped.tell()
    assert stopped.end() == (0, f"{customer}\n")


# ---- a server that goes away


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def test_writers_outlive_their_server(server: Postgres, keyring: Keyring) -> None:
    with open_vault(server.url, keyring) as vault:
        told: dict[int, list[object]] = {}

        def work(first: int) -> None:
            told[first] = [*customers(vault, people(first, first + 40))]
            for n in range(first, first + 40):
                told[first].append(vault.staff(f"clerk {n}"))

        writers = [threading.Thread(target=work, args=(n,)) for n in (0, 40)]
        for writer in writers:
            writer.start()
        while 40 not in told:
            time.sleep(0.001)
        server.kill()
        server.start()
        for writer in writers:
            writer.join()
        for n in (0, 40):
            clerks = [vault.staff(f"clerk {m}") for m in range(n, n + 40)]
            assert [*customers(vault, people(n, n + 40)), *clerks] == told[n]


def test_nothing_in_the_servers_files_can_be_read(server: Postgres, keyring: Keyring) -> None:
    with open_vault(f"{server.url}?schema=closed", keyring) as vault:
        (anna,) = customers(vault, [[ANNA, ANNAS_PHONE]])
        assert isinstance(anna, UUID)
        vault.references([ORDER])
        clerk = vault.staff("Mika Kanerva")
        vault.keep([LETTER])
        with psycopg.connect(server.url, autocommit=True) as session:
            session.execute("CHECKPOINT")
        found = everything_in(server._data)
        assert LETTER.reason.encode() in found  # the search finds what is there to be found
        assert clerk.bytes in found
        assert anna.bytes not in found  # until they have a key
        key = vault.subject_keys([(anna, Retention.IDENTITY)])[anna, Retention.IDENTITY]
        with psycopg.connect(server.url, autocommit=True) as session:
            session.execute("CHECKPOINT")
        found = everything_in(server._data)
    assert anna.bytes in found
    secrets = [i.value.encode() for i in (ANNA, ANNAS_PHONE, ORDER)]
    secrets += [b"Mika Kanerva", LETTER.content, b"letters-from-anna", "लिखा".encode()]
    secrets += [key.encryption, key.commitment]
    assert [secret for secret in secrets if secret in found] == []


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_server_that_stays_away_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, keyring: Keyring
) -> None:
    monkeypatch.setattr("ledger.postgres.connection._PATIENCE_S", 0.3)
    with Postgres({"fsync": "off"}) as server, open_vault(server.url, keyring) as vault:
        server.kill()
        name = f"^postgresql://127.0.0.1:{server.port}/postgres\\?schema=vault: "
        for act in (
            vault.generation,
            lambda: vault.staff("Mika"),
            lambda: vault_exists(server.url),
        ):
            with pytest.raises(StoreUnavailable, match=name):
                act()


# ---- what the server's settings may not undo, and what it costs


def test_a_write_is_flushed_whatever_the_session_says(vault_address: str, keyring: Keyring) -> None:
    options = (
        "&options=-c%20synchronous_commit%3Doff%20-c%20default_transaction_isolation%3Dserializable"
    )
    asked = [b"synchronous_commit", b"transaction_isolation"]
    with open_vault(vault_address + options, keyring) as vault:
        assert isinstance(vault, PostgresVault)

        def settings(rows: Any) -> list[tuple[object, ...]]:
            return [rows._connection.execute(b"SHOW " + name).fetchone() for name in asked]

        assert vault._store.write(settings) == [("on",), ("read committed",)]
        assert vault._store.read(settings)[1] == ("repeatable read",)


def test_a_thousand_touchpoints_take_a_handful_of_trips(vault: Vault, proxy: Proxy) -> None:
    def take(far: Vault, first: int, brought: str) -> int:
        given = [
            (*one, Identifier("device", f"{brought} {one}")) for one in people(first, first + 1_000)
        ]
        before = proxy.trips
        named = customers(far, given)
        wanted = [(one, Retention.IDENTITY) for one in named if isinstance(one, UUID)]
        far.mark_logged(far.subject_keys(wanted).values())
        assert len(wanted) == 1_000
        return proxy.trips - before

    with open_vault(proxy.address, vault._keyring) as far:
        take(far, 0, "a phone")  # on a new connection, to prepare each statement is a trip more
        trips = [take(far, 0, "a phone"), take(far, 0, "a browser"), take(far, 1_000, "a phone")]
    assert max(trips) <= 30  # 13, 18 and 23, but for long messages that come in pieces


def test_plans_made_while_the_vault_was_empty_still_walk_its_indexes(
    vault: Vault, vault_address: str, keyring: Keyring
) -> None:
    each_once: list[Work] = [
        *WRITES.values(),
        lambda vault: vault.fenced([SOMEBODY]),
        lambda vault: vault.holding([SOMEBODY]),
        lambda vault: vault.kinds([SOMEBODY]),
        lambda vault: vault.identifier_digests(SOMEBODY),
        lambda vault: vault.suppressed([ANNA], NOON),
        lambda vault: vault.staff_name(vault.staff("Mika")),
        lambda vault: vault.key(SOMEBODY, Retention.LEGAL, 1),
        lambda vault: next(vault.letters()),
        lambda vault: vault.keep([LETTER]),
        lambda vault: vault.letter_again(LETTER.id),
        lambda vault: vault.named_in(LETTER.id),
        lambda vault: vault.expire(NOON),
    ]
    vault.keep([replace(LETTER, id=uuid4(), content=b"another")])
    with a_session(vault_address, keyring) as asked:
        sql(vault_address, "ANALYZE")  # the planner is sure: there is next to nothing in it
        keyring.begin_epoch()
        for work in each_once:
            work(asked)
        with a_session(vault_address, keyring) as filling:
            known = customers(filling, people(0, 3_000))
            filling.subject_keys([(c, Retention.LEGAL) for c in known if isinstance(c, UUID)])
            filling.keep([replace(LETTER, id=uuid4(), content=b"%d" % n) for n in range(3_000)])
            for n in range(100):
                filling.staff(f"clerk {n}")
        before = walked(vault_address)
        keyring.begin_epoch()
        for work in each_once:
            work(asked)
    after = walked(vault_address)
    rows = {name: after[name] - before[name] for name in after}
    # A page of letters; and what is of an older epoch, walked to, and looked up to be wrapped anew.
    walks = ["dead_letter_kept_at", "dead_letter_pkey", "identifier_pkey"]
    walks += ["staff_pkey", "subject_key_pkey"]
    assert {name for name, count in rows.items() if count > 200} == {*walks}
    assert max(rows.values()) < 10_000
    assert rows.pop("vault") <= 50  # its one row
    assert [name for name in rows if name in TABLES and rows[name]] == []


@contextmanager
def a_session(address: str, keyring: Keyring) -> Iterator[Vault]:
    """Open a vault, which hands in its counts as it is closed."""
    me = f"bahi_{uuid4().hex}"
    with open_vault(f"{address}&application_name={me}", keyring) as vault:
        yield vault
    while sql(address, f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{me}'"):
        time.sleep(0.01)


def walked(address: str) -> dict[str, int]:
    """How many rows were read by each index, and of each table without one."""
    found = sql(
        address,
        "SELECT indexrelname::text, idx_tup_read::int FROM pg_stat_user_indexes"
        " WHERE schemaname = current_schema"
        " UNION ALL SELECT relname::text, seq_tup_read::int FROM pg_stat_user_tables"
        " WHERE schemaname = current_schema",
    )
    return dict(found)


# ---- addresses and what is said of them

SECRET = "hunter2"


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("postgresql://anna:hunter2@127.0.0.1:1/nowhere", StoreUnavailable),
        ("postgresql://anna:x@hunter2@127.0.0.1/db", BadUsage),
        ("postgresql://127.0.0.1/db?schema=Hunter2%20hunter2", BadUsage),
        ("postgre://anna:hunter2@127.0.0.1/db", BadUsage),
    ],
)
def test_no_password_is_told(address: str, error: type[BahiError], keyring: Keyring) -> None:
    for act in (vault_exists, partial(open_vault, keyring=keyring)):
        with pytest.raises(error) as refused:
            act(address)
        told: BaseException | None = refused.value
        while told is not None:
            assert SECRET not in f"{told} {told!r} {told.args}"
            told = told.__cause__


def test_a_name_shows_neither_user_nor_password() -> None:
    address = "postgresql://anna:hunter2@db.example:5433/crm?sslmode=require"
    assert vault_name(address) == "postgresql://db.example:5433/crm?schema=vault"
    assert (vault_file(address), vault_file("here/vault.db")) == (None, Path("here/vault.db"))
    assert vault_name("here/vault.db") == "here/vault.db"


def test_a_book_is_not_taken_for_a_vault_nor_a_vault_for_a_book(
    vault: Vault, vault_address: str, postgres_url: str, keyring: Keyring
) -> None:
    book_address = f"{postgres_url}?schema=book_{uuid4().hex}"
    open_book(book_address).close()
    message = "expected a {} of this version or an empty schema, came one with 0001_{}"
    with pytest.raises(BadUsage, match=message.format("vault", r"event\.sql")):
        open_vault(book_address, keyring)
    with pytest.raises(BadUsage, match=message.format("book", r"vault\.sql")):
        open_book(vault_address)
    there = [vault_exists(book_address), book_exists(vault_address), vault_exists(vault_address)]
    assert there == [False, False, True]
