"""The command line: what is printed where, how it ends, and hostile arguments without a traceback."""

import csv
import json
import os
import re
import resource
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from api import render
from tests.api.doors import Ended, clean, here, newborn, process, shop

ANSI = "\x1b"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with its file imported."""
    made = shop(tmp_path_factory.mktemp("shop"))
    ended = newborn(made, "import", "shop.csv", "-m", "shop.toml", "--json")
    assert ended.code == 3
    assert json.loads(ended.out) == {
        "read": 4, "appended": 2, "duplicates": 0, "refused": 2, "customers": 2,
    }  # fmt: skip
    assert ended.err == (
        "row 3 (line 4): occurred_at: expected a time in ISO 8601, came text of 4 characters\n"
        "row 4 (line 5): identifiers.email: expected an e-mail address, came text of 8 characters\n"
    )
    return made


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> "Run":
    for name in os.environ:
        if name.startswith("BAHI_"):
            monkeypatch.delenv(name)
    return Run(folder, capsys, monkeypatch)


class Run:
    """Commands on the shop's book, in this process."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._given = (capsys, patch, folder)

    def __call__(self, *command: str) -> Ended:
        return here(*self._given, *command)


def test_a_pipe_gets_plain_whole_lines(folder: Path) -> None:
    ended = process(folder, "view", "customer_360")
    assert (ended.code, ended.err) == (0, "")
    assert ANSI not in ended.out
    lines = [line for line in ended.out.splitlines() if line.strip()]
    assert len(lines) == 4
    assert re.match(r" customer +touchpoints +first_seen +last_seen +first_source", lines[0])


def test_a_hundred_columns_hold_every_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render.out, "width", 100)
    for command in (
        ["view", "customer_360"],
        ["views", "list"],
        ["dead", "list"],
        ["customer", "user:u1"],
    ):
        ended = run(*command)
        assert ended.code == 0
        assert max(map(len, ended.out.splitlines())) <= 100
        ids = re.findall(r"[0-9a-f]{8}-[0-9a-f-]+", ended.out)
        assert {len(found) for found in ids} <= {36}


def test_whoever_stops_reading_is_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m tests.api view events --format csv | head -c 1 >/dev/null"
    ended = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    shop(tmp_path)
    rows = "".join(
        f"{n},u{n},,2026-01-02T03:04:05Z,1.00,EUR,{'x' * 900}\n" for n in range(1, 2_001)
    )
    (tmp_path / "many.csv").write_text("no,who,mail,when,total,currency,note\n" + rows)
    command = [sys.executable, "-m", "tests.api", "import", "many.csv", "-m", "shop.toml"]
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2])},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert re.fullmatch(r"bahi: a store cannot be read or written: .*\n", ended.stderr)
    again = newborn(tmp_path, "import", "many.csv", "-m", "shop.toml", "--json")
    counts = json.loads(again.out)
    assert (again.code, counts["read"], counts["customers"]) == (0, 2_000, 2_000)
    assert counts["appended"] + counts["duplicates"] == 2_000


def test_nothing_but_data_is_on_stdout(run: Run) -> None:
    for command in (
        ["customer", "user:u1", "--json"],
        ["customer", "user:u1", "--json", "--known-at", "2020-01-01"],
        ["customer", "user:u1", "--json", "--open", "--reason", "they called"],
        ["view", "customer_money", "--format", "json", "--as-of", "2026-01-02"],
        ["views", "list", "--json"],
        ["why", "customer_money.orders", "user:u1", "EUR", "--json"],
        ["sql", "SELECT count(*) FROM events", "--format", "json"],
        ["dead", "list", "--json"],
        ["import", "shop.csv", "-m", "shop.toml", "--json"],
        ["import", "shop.csv", "-m", "shop.toml", "--json", "--dry-run"],
        ["dead", "replay", "-m", "shop.toml", "--json"],
        ["verify", "--json"],
        ["keys", "show", "--json"],
    ):
        ended = run(*command)
        assert ended.code in {0, 3}, ended
        json.loads(ended.out)


def test_formats_agree_on_a_view(run: Run) -> None:
    found = json.loads(run("view", "customer_money", "--format", "json").out)
    assert [(row["currency"], row["ordered"]) for row in found] != []
    read = csv.DictReader(StringIO(run("view", "customer_money", "--format", "csv").out))
    assert [(row["customer"], int(row["ordered"])) for row in read] == [
        (row["customer"], row["ordered"]) for row in found
    ]


def test_personal_data_is_shown_only_when_opened(run: Run) -> None:
    opened = run("customer", "user:u1", "--open", "--reason", "they called")
    assert "zoe@example.com" in opened.out
    for command in (
        ["customer", "user:u1"],
        ["dead", "list"],
        ["customer", "email:no@example.com"],
    ):
        ended = run(*command)
        assert not re.search("zoe|zanna|u1|bad-mail|no@", ended.out + ended.err)


def test_an_identifier_can_be_kept_out_of_the_shells_history(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = json.loads(run("customer", "user:u1", "--json").out)
    monkeypatch.setattr(sys, "stdin", StringIO("email:Zoe@example.com\n"))
    assert json.loads(run("customer", "-", "--json").out) == asked
    monkeypatch.setattr(sys, "stdin", StringIO("SELECT 7 AS n"))
    assert run("sql", "-", "--format", "json").out == '[{"n":7}]\n'


WRONG: list[tuple[list[str], str]] = [
    (["view", "nope"], "bahi: no view nope; there are "),
    (["view", "daily", "--where", "1=1; drop"], "bahi: where: expected one condition"),
    (["view", "daily", "--where", "x ="], "bahi: where: expected one condition"),
    (["view", "daily", "--where", "nothing > 1"], "bahi: "),
    (["view", "daily", "--as-of", "soon"], "bahi: --as-of: expected a date or a time"),
    (["view", "daily", "--as-of", "2026-01-01T00:00"], "bahi: --as-of: expected a zone"),
    (["view", "daily", "--known-at", "0001-01-01T00:00+14:00"], "bahi: --known-at: expected a"),
    (["view", "daily", "--format", "xml"], "Usage: bahi view"),
    (["view", "daily", "--format", "csv", "--out", "no/where.csv"], "bahi: --out: no/where.csv"),
    (["view", "events", "--as-of", "2026-01-01"], "bahi: events: expected no moment"),
    (["import", ".", "-m", "shop.toml"], "bahi: .: expected a file, came a folder or device"),
    (["import", "nowhere.csv", "-m", "shop.toml"], "bahi: no file nowhere.csv"),
    (["import", "shop.csv", "-m", "names.txt"], "bahi: names.txt: line 1, column 5: not TOML"),
    (["import", "shop.csv", "-m", "."], "bahi: no mapping file ."),
    (["import", "shop.csv"], "Usage: bahi import"),
    (["import", "shop.csv", "-m", "shop.toml", "--id-columns", "nope"], "bahi: shop.toml names"),
    (["mapping", "."], "bahi: .: expected a file"),
    (["customer", "u1"], "bahi: identifiers: expected kind:value"),
    (["customer", "email:u1"], "bahi: identifiers.email: expected an e-mail address"),
    (["customer", "order:A-1042"], "bahi: identifiers: expected what names a person, came 'order'"),
    (["customer", "user:null"], "bahi: no customer with that user;"),
    (["customer", "user:u9"], "bahi: no customer with that user;"),
    (["customer", NOBODY], f"bahi: no customer {NOBODY};"),
    (["customer", NOBODY, "--open", "--reason", "x"], f"bahi: no customer {NOBODY};"),
    (["customer", "user:u1", "--open"], "bahi: --open: expected --reason, came none"),
    (["customer", "user:u1", "--open", "--reason", " "], "bahi: --open: expected --reason"),
    (["customer", "user:u1", "--open", "--reason", "x", "--purpose", "a b"], "bahi: purpose: "),
    (["why", "daily"], "Usage: bahi why"),
    (["why", "daily", "x"], "bahi: expected VIEW.COLUMN"),
    (["why", "customer_money.nope", "user:u1", "EUR"], "bahi: no column customer_money.nope"),
    (["why", "customer_money.orders", "user:u1"], "bahi: "),
    (["why", "kpi.value", "x"], "bahi: kpi is a question"),
    (["sql", "DELETE FROM events"], "bahi: expected one SELECT"),
    (["sql", "SELECT * FROM read_csv('shop.csv')"], "bahi: expected one of generate_series"),
    (["sql", "SELECT [1][:"], "bahi: the query cannot be read"),
    (["views", "check", "nope.sql"], "Usage: bahi views check"),
    (["views", "check", "."], "Usage: bahi views check"),
    (["views", "check", "names.txt"], "bahi: "),
    (["views", "explain", "nope"], "bahi: no view nope"),
    (["views", "rebuild", "kpi"], "bahi: kpi is a question"),
    (["dead", "show", NOBODY, "--reason", "x"], f"bahi: no dead letter {NOBODY}"),
    (["dead", "show", "seven", "--reason", "x"], "Usage: bahi dead show"),
    (["dead", "replay", NOBODY, "-m", "shop.toml"], f"bahi: no dead letter {NOBODY}"),
    (["dead", "replay", "-m", "shop.toml", "--set", "no=1"], "bahi: --set: expected exactly one"),
    (["nonsense"], "Usage: bahi"),
]


@pytest.mark.parametrize(("command", "said"), WRONG, ids=[" ".join(c) for c, _ in WRONG])
def test_wrong_usage_ends_in_two_and_a_helpful_line(
    run: Run, folder: Path, command: list[str], said: str
) -> None:
    before = sorted(path.name for path in folder.iterdir())
    ended = run(*command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(said)
    assert sorted(path.name for path in folder.iterdir()) == before


PLACES: list[tuple[str, str, int, str]] = [
    ("LEDGER", "nonsense", 2, "bahi: BAHI_LEDGER: expected a ledger address"),
    ("LEDGER", "mysql://me:secret@nowhere/db", 2, "bahi: BAHI_LEDGER: expected a ledger"),
    (
        "LEDGER",
        "postgresql://me:secret@127.0.0.1:1/db",
        1,
        "bahi: postgresql://127.0.0.1:1/db?schema=",
    ),
    ("LEDGER", "postgresql://me:a/secret@nowhere/db", 2, "bahi: BAHI_LEDGER: expected an address"),
    ("LEDGER", "sqlite:///shop.csv", 2, "bahi: shop.csv/book.db: expected a file to read"),
    ("HOME", "shop.csv", 2, "bahi: no book shop.csv/book; `bahi import` begins one"),
    ("VIEWS", "nowhere", 2, "bahi: BAHI_VIEWS: "),
    ("REGION", "Europe", 2, "bahi: BAHI_REGION: an ISO 3166 country code"),
    ("KEYRING", "shop.csv", 1, "bahi: keyring shop.csv: expected mode 0600"),
    ("KEYRING", "no/keyring", 1, "bahi: expected the keyring of this book at no/keyring"),
    ("VAULT", "no/vault.db", 1, "bahi: vault: expected "),
]


@pytest.mark.parametrize(("name", "value", "code", "said"), PLACES)
def test_a_wrong_place_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str, code: int, said: str
) -> None:
    monkeypatch.setenv(f"BAHI_{name}", value)
    ended = run("views", "list")
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.startswith(said)
    assert "secret" not in ended.err


def test_a_keyring_that_others_can_read_is_not_used(run: Run, folder: Path) -> None:
    keyring = folder / ".bahi" / "keyring" / "keyring.json"
    keyring.chmod(0o644)
    try:
        ended = run("views", "list")
    finally:
        keyring.chmod(0o600)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("bahi: keyring .bahi/keyring/keyring.json: expected mode 0600")


def test_help_names_every_command_in_whole_sentences(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    ended = run("--help")
    assert ended.code == 0
    assert "..." not in ended.out.partition("Commands:")[2]
