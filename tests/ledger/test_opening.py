"""Opening a ledger: what was lost is never made anew, and what is older than it was is not served."""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from ledger.catalogue import Retention
from ledger.errors import (
    KeyringForeign,
    KeyringMissing,
    KeysUnavailable,
    StoreRolledBack,
)
from ledger.event import Event
from ledger.identifiers import Identifier
from ledger.keyring import HighWater, Keyring
from ledger.opening import Ledger, open_ledger, remember
from ledger.sqlite.book import SqliteBook
from ledger.stores import open_vault, vault_exists, vault_file, vault_name
from tests.ledger.conftest import MakeAddress
from tests.ledger.processes import CUE, DIE, race, run_until_killed, start
from tests.ledger.vault_samples import TABLES, copy_vault, customers, sql

ANNA = Identifier("email", "anna@example.com")
RECOVER = "bring back the newest copy"


@dataclass(frozen=True)
class Places:
    """Where the three stores of one ledger are kept: the vault in a file of the folder, or on a server."""

    root: Path
    vault: str
    backup: str

    @property
    def book(self) -> Path:
        return self.root / "book"

    @property
    def keyring(self) -> Path:
        return self.root / "keyring" / "keyring.json"

    def open(self) -> Ledger:
        book = SqliteBook(self.book)
        try:
            return open_ledger(book, self.vault, self.keyring)
        except BaseException:
            book.close()
            raise

    def try_open(self) -> None:
        self.open().close()

    def copy(self, name: str) -> None:
        """Make a backup of one store, while nothing is open."""
        self._copy(name, self.root, self.vault, self.root / "backup", self.backup)

    def restore(self, name: str) -> None:
        self._copy(name, self.root / "backup", self.backup, self.root, self.vault)

    def take(self, name: str, other: "Places") -> None:
        """Put another ledger's store in the place of ours."""
        self._copy(name, other.root, other.vault, self.root, self.vault)

    def _copy(self, name: str, source: Path, vault: str, target: Path, to_vault: str) -> None:
        if name == "vault":
            copy_vault(vault, to_vault, Keyring.open(self.keyring))
        else:
            shutil.rmtree(target / name, ignore_errors=True)
            shutil.copytree(source / name, target / name)

    def lose_vault(self) -> None:
        if file := vault_file(self.vault):
            shutil.rmtree(file.parent)
        else:
            sql(self.vault, f"DROP SCHEMA {self.vault.partition('schema=')[2]} CASCADE")

    def everything(self) -> dict[str, object]:
        """What is kept, without the files that come and go with a connection."""
        found: dict[str, object] = {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.suffix in {".db", ".json"}
        }
        if not vault_file(self.vault) and vault_exists(self.vault):
            found["vault/vault.db"] = [sql(self.vault, f"SELECT * FROM {name}") for name in TABLES]
        return found


@pytest.fixture
def new_places(new_vault_address: MakeAddress) -> Callable[[Path], Places]:
    def make(root: Path) -> Places:
        backup = root / "backup"
        backup.mkdir()
        return Places(root, new_vault_address(root / "vault"), new_vault_address(backup))

    return make


@pytest.fixture
def places(tmp_path: Path, new_places: Callable[[Path], Places]) -> Places:
    return new_places(tmp_path)


@pytest.fixture
def begun(places: Places) -> Places:
    """A ledger with three events, a person and a mark."""
    with places.open() as ledger:
        append(ledger, 3)
        know_anna(ledger)
        remember(ledger)
    return places


def append(ledger: Ledger, events: int, source: str = "shop") -> None:
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    ledger.book.append([
        Event(uuid4(), "order.placed", 1, "touchpoint", moment, source) for _ in range(events)
    ])  # fmt: skip


def know_anna(ledger: Ledger) -> UUID:
    (anna,) = customers(ledger.vault, [[ANNA]])
    assert isinstance(anna, UUID)
    ledger.vault.subject_keys([(anna, Retention.IDENTITY)])
    return anna


def test_an_empty_book_is_given_a_keyring_and_a_vault_of_one_ledger(places: Places) -> None:
    with places.open() as ledger:
        ids = {ledger.book.ledger_id, ledger.vault.ledger_id, ledger.keyring.ledger_id}
        assert len(ids - {None}) == 1
        assert ledger.keyring.high_water == HighWater(0, b"", 0)


def test_opened_again_it_is_the_same_ledger(begun: Places) -> None:
    with begun.open() as ledger:
        anna = know_anna(ledger)
    with begun.open() as ledger:
        assert ledger.vault.look_up(ANNA) == anna
        assert ledger.book.ledger_id == ledger.keyring.ledger_id


OPENING = (
    "import sys; from pathlib import Path\n"
    "from ledger import opening; from ledger.keyring import Keyring\n"
    "from ledger.sqlite.book import SqliteBook; from ledger.vault import Vault\n"
    "root = Path(sys.argv[1])\n"
    "def open_it():\n"
    "    return opening.open_ledger(SqliteBook(root / 'book'), sys.argv[2],\n"
    "                               root / 'keyring' / 'keyring.json')\n"
    "def die(*_, **__):\n    " + DIE
)


@pytest.mark.parametrize(
    ("killed_before", "stands"),
    [
        ("Path.replace", set()),
        ("opening.open_vault", {"keyring/keyring.json"}),
        ("Vault.adopt", {"keyring/keyring.json", "vault/vault.db"}),
        ("SqliteBook.adopt", {"keyring/keyring.json", "vault/vault.db"}),
    ],
)
def test_killed_between_any_two_steps_it_is_continued(
    places: Places, killed_before: str, stands: set[str]
) -> None:
    run_until_killed(OPENING + f"{killed_before} = die\nopen_it()\n", places.root, places.vault)
    made = {name for name in places.everything() if not name.startswith("book")}
    assert made == stands
    with places.open() as ledger:
        assert ledger.book.ledger_id == ledger.vault.ledger_id == ledger.keyring.ledger_id
        know_anna(ledger)
    places.try_open()


def test_processes_that_start_at_once_open_one_ledger(places: Places) -> None:
    code = OPENING + CUE + "with open_it() as ledger: print(ledger.vault.ledger_id)\n"
    printed = race(*(start(code, places.root, places.vault) for _ in range(4)))
    assert len(set(printed)) == 1
    assert UUID(printed[0].strip()) == Keyring.open(places.keyring).ledger_id


def refused(places: Places, error: type[KeysUnavailable], *said: str) -> None:
    """Opening fails with this error, which says these things, and changes nothing."""
    before = places.everything()
    with pytest.raises(error) as raised:
        places.try_open()
    assert type(raised.value) is error
    for part in said:
        assert part in str(raised.value)
    assert places.everything() == before


@pytest.mark.parametrize("events", [0, 3])
@pytest.mark.parametrize("vault", ["with its vault", "without its vault"])
def test_a_lost_keyring_is_never_made_anew(places: Places, events: int, vault: str) -> None:
    with places.open() as ledger:
        append(ledger, events)
    places.keyring.unlink()
    if vault == "without its vault":
        places.lose_vault()
    refused(places, KeyringMissing, f"at {places.keyring}", "restore it from its backup")


def test_a_vault_without_a_keyring_is_proof_that_there_was_one(begun: Places) -> None:
    begun.keyring.unlink()
    shutil.rmtree(begun.book)
    SqliteBook(begun.book).close()
    refused(begun, KeyringMissing, "expected the keyring of this book")


def test_a_book_without_identity_that_has_events_is_given_no_keyring(places: Places) -> None:
    with closing(SqliteBook(places.book)) as book:
        book.append([Event(uuid4(), "a.b", 1, "audit", datetime.now(UTC), "shop")])
    refused(places, KeyringMissing)


def test_a_lost_vault_is_never_made_anew(begun: Places) -> None:
    begun.lose_vault()
    expected = f"vault: expected a vault at {vault_name(begun.vault)}"
    refused(begun, StoreRolledBack, expected, "none", RECOVER)


def test_an_emptied_vault_is_not_taken_for_a_new_one(begun: Places) -> None:
    keyring = Keyring.open(begun.keyring)
    begun.lose_vault()
    open_vault(begun.vault, keyring).close()
    refused(begun, StoreRolledBack, "vault: expected generation", "found a new vault", RECOVER)


@pytest.mark.parametrize("store", ["book", "vault", "keyring"])
def test_stores_of_different_ledgers_are_not_served(
    begun: Places,
    new_places: Callable[[Path], Places],
    tmp_path_factory: pytest.TempPathFactory,
    store: str,
) -> None:
    other = new_places(tmp_path_factory.mktemp("other"))
    with other.open() as ledger:
        append(ledger, 9)
    begun.take(store, other)
    refused(begun, KeyringForeign, "expected the", str(Keyring.open(begun.keyring).ledger_id))


def test_an_older_book_is_not_served(begun: Places) -> None:
    begun.copy("book")
    with begun.open() as ledger:
        append(ledger, 2)
        remember(ledger)
    begun.restore("book")
    refused(
        begun,
        StoreRolledBack,
        "book: expected at least 5 events, as the keyring remembers, found 3",
    )


def test_an_older_book_that_was_written_on_is_not_served(begun: Places) -> None:
    begun.copy("book")
    with begun.open() as ledger:
        append(ledger, 2)
        remember(ledger)
    mark = Keyring.open(begun.keyring).high_water
    begun.restore("book")
    with closing(SqliteBook(begun.book)) as book:
        book.append([
            Event(uuid4(), "a.b", 1, "audit", datetime.now(UTC), "shop") for _ in range(4)
        ])  # fmt: skip
    refused(
        begun,
        StoreRolledBack,
        f"book: expected root {mark.root.hex()} over the first 5 events",
        RECOVER,
    )


def test_an_emptied_book_is_not_taken_for_a_new_one(begun: Places) -> None:
    shutil.rmtree(begun.book)
    SqliteBook(begun.book).close()
    refused(begun, StoreRolledBack, "book: expected at least 3 events", "found 0", RECOVER)


def test_an_older_vault_is_not_served(begun: Places) -> None:
    begun.copy("vault")
    with begun.open() as ledger:
        ledger.vault.staff("Mika")
        generation = ledger.vault.generation()
        remember(ledger)
    begun.restore("vault")
    refused(
        begun,
        StoreRolledBack,
        f"vault: expected generation {generation} or later, as the keyring remembers, "
        f"found {generation - 1}",
        RECOVER,
    )


def test_a_vault_that_holds_somebody_erased_is_not_served(begun: Places) -> None:
    with begun.open() as ledger:
        anna = know_anna(ledger)
    Keyring.open(begun.keyring).add_tombstone(anna)
    refused(begun, StoreRolledBack, "vault: expected no key of anybody erased", RECOVER)


def test_stores_that_are_ahead_of_the_mark_are_served(begun: Places) -> None:
    with begun.open() as ledger:
        append(ledger, 4)
        ledger.vault.staff("Mika")
    begun.try_open()


def test_the_mark_is_what_the_stores_hold(begun: Places) -> None:
    with begun.open() as ledger:
        append(ledger, 4)
        remember(ledger)
        mark = ledger.keyring.high_water
        assert mark == HighWater(7, ledger.book.root_at(7), ledger.vault.generation())
        remember(ledger)
        assert ledger.keyring.high_water == mark
