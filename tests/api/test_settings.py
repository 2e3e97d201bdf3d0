"""Settings: from the environment or as arguments; what is wrong is named by its variable."""

from datetime import timedelta
from pathlib import Path

import pytest

from ledger.errors import BadUsage
from ledger.naming import LIMITS, Limits
from ledger.settings import Settings, read_settings
from tests.api.doors import here, shop

NAMES = [
    "HOME",
    "LEDGER",
    "VAULT",
    "KEYRING",
    "VIEWS",
    "FUTURE_TOLERANCE_S",
    "REGION",
    "UNIQUE_KINDS",
]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"BAHI_{name}", raising=False)


def test_without_a_word_everything_is_below_one_folder() -> None:
    given = read_settings()
    assert given.ledger_address == "sqlite:///.bahi/book"
    assert given.vault_address == ".bahi/vault/vault.db"
    assert given.keyring_file == Path(".bahi/keyring/keyring.json")
    assert (given.views, given.region, given.future_tolerance) == ((), None, timedelta(days=1))
    assert given.limits == LIMITS


def test_each_is_moved_by_its_own_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.setenv("BAHI_HOME", "/h")
    monkeypatch.setenv("BAHI_LEDGER", "sqlite:////l/book")
    monkeypatch.setenv("BAHI_VAULT", "/v/vault.db")
    monkeypatch.setenv("BAHI_KEYRING", "/k/keyring.json")
    monkeypatch.setenv("BAHI_VIEWS", f"{tmp_path}/a:{tmp_path}/b")
    monkeypatch.setenv("BAHI_FUTURE_TOLERANCE_S", "60")
    monkeypatch.setenv("BAHI_REGION", "IN")
    monkeypatch.setenv("BAHI_UNIQUE_KINDS", "user, crm")
    given = read_settings()
    assert given.ledger_address == "sqlite:////l/book"
    assert (given.vault_address, given.keyring_file) == ("/v/vault.db", Path("/k/keyring.json"))
    assert given.views == (tmp_path / "a", tmp_path / "b")
    assert (given.future_tolerance, given.region) == (timedelta(seconds=60), "IN")
    assert given.limits == Limits(unique=frozenset({"user", "crm"}))


def test_the_three_follow_home_where_they_have_no_word_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BAHI_HOME", "/h")
    monkeypatch.setenv("BAHI_VAULT", "/v/vault.db")
    given = read_settings()
    assert given.ledger_address == "sqlite:////h/book"
    assert given.keyring_file == Path("/h/keyring/keyring.json")
    assert given.vault_address == "/v/vault.db"


def test_an_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAHI_HOME", "/h")
    monkeypatch.setenv("BAHI_LEDGER", "sqlite:////l")
    given = Settings(home=Path("/other"), ledger="")
    assert given.ledger_address == "sqlite:////other/book"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(f"BAHI_{name}", "")
    assert read_settings() == Settings()
    assert read_settings().home == Path(".bahi")


def test_a_vault_is_a_file_at_home_also_where_the_book_is_on_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = "postgresql://me:secret@host/db"
    monkeypatch.setenv("BAHI_LEDGER", server)
    assert read_settings().vault_address == ".bahi/vault/vault.db"
    monkeypatch.setenv("BAHI_VAULT", server)
    assert read_settings().vault_address == server


SERVER = "expected an address such as postgresql://user:password@host/database, "
VAULT = "expected a file or an address such as postgresql://user:password@host/database, "
ADDRESS = "expected a ledger address such as sqlite:///folder, came "


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("LEDGER", "nonsense", ADDRESS + "text of 8 characters"),
        ("LEDGER", "sqlite:///", ADDRESS + "one of sqlite://"),
        ("LEDGER", "mysql://me:secret@host/db", ADDRESS + "one of mysql://"),
        ("VAULT", "mysql://me:secret@host/db", VAULT + "came one of mysql://"),
        (
            "VAULT",
            "postgresql://me:sec/ret@host/db",
            SERVER + "with %40 %2F %3F %23 for @ / ? # in a password",
        ),
        ("VIEWS", "nowhere", "Path does not point to a directory"),
        ("VIEWS", "[", "Path does not point to a directory"),
        ("REGION", "de", "an ISO 3166 country code such as DE"),
        ("REGION", "Germany", "an ISO 3166 country code such as DE"),
        ("UNIQUE_KINDS", "User", "String should match pattern '^[a-z][a-z0-9_]*$'"),
        ("UNIQUE_KINDS", "user,", "String should match pattern '^[a-z][a-z0-9_]*$'"),
        ("FUTURE_TOLERANCE_S", "-1", "Input should be greater than or equal to 0"),
        ("FUTURE_TOLERANCE_S", "9" * 30, "Input should be less than or equal to 31622400"),
        (
            "FUTURE_TOLERANCE_S",
            "a day",
            "Input should be a valid integer, unable to parse string as an integer",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(f"BAHI_{name}", value)
    with pytest.raises(BadUsage) as refused:
        read_settings()
    assert str(refused.value) == f"BAHI_{name}: {message}"


@pytest.mark.parametrize(("kinds", "code"), [("user", 0), ("user,email", 2), ("email", 2)])
def test_of_a_unique_kind_one_person_has_one(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kinds: str,
    code: int,
) -> None:
    """A second address is theirs, or nobody's: where a person has one, the more trusted name counts."""
    shop(tmp_path)
    row = "{},u1,{}@example.com,2026-01-02T03:04:05Z,12.50,EUR,\n"
    head = "no,who,mail,when,total,currency,note\n"
    (tmp_path / "shop.csv").write_text(head + row.format(1, "zoe") + row.format(2, "zoe2"))
    monkeypatch.setenv("BAHI_UNIQUE_KINDS", kinds)
    here(capsys, monkeypatch, tmp_path, "import", "shop.csv", "--mapping", "shop.toml")
    asked = here(capsys, monkeypatch, tmp_path, "customer", "email:zoe2@example.com", "--json")
    assert asked.code == code, asked
