"""`bahi erase` as it is typed: what it shows, what it asks for, and what it leaves to be shown."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from api.cli import erasing as cli
from api.wiring import Bahi
from commands.privacy.erasing import Step, erase
from ledger.identifiers import Identifier
from ledger.settings import read_settings
from tests.api.doors import Ended, here, shop

Run = Callable[..., Ended]
BASIS = ("--basis", "gdpr-17-1-b")
BOTH_STORES = pytest.mark.parametrize("run", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Run `bahi` in a shop of two people, as Leo; it has to end with `code` (0)."""
    for name in ("BAHI_HOME", "BAHI_LEDGER", "BAHI_VAULT"):
        monkeypatch.delenv(name, raising=False)
    if getattr(request, "param", "") == "postgres":
        url, schema = request.getfixturevalue("postgres_url"), uuid4().hex
        monkeypatch.setenv("BAHI_LEDGER", f"{url}?schema=book_{schema}")
        monkeypatch.setenv("BAHI_VAULT", f"{url}?schema=vault_{schema}")

    def run_(*command: str, code: int = 0, by: str = "leo", typed: str = "") -> Ended:
        monkeypatch.setattr("sys.stdin", StringIO(typed))
        ended = here(capsys, monkeypatch, tmp_path, *command, by=by)
        assert ended.code == code, ended
        return ended

    shop(tmp_path)
    run_("import", "shop.csv", "--mapping", "shop.toml", code=3)
    return run_


def digits(run: Run, *command: str) -> str:
    planned = json.loads(run("erase", *command, "--dry-run", "--json").out)
    assert planned["against"] is None
    return str(planned["digits"])


def rows(run: Run, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("sql", query, "--format", "json").out)
    return found


def test_it_shows_what_would_go_and_erases_nothing(run: Run) -> None:
    planned = json.loads(run("erase", "user:u1", *BASIS, "--dry-run", "--json").out)
    assert len(planned.pop("customers")) == 1
    assert len(planned.pop("digits")) == 6
    views = planned.pop("rows_in_views")
    assert (views["customer_360"], views["customer_money"]) == (1, 1)
    assert planned == {
        "events": {"order.placed": 1},
        "sealed_parts": 2,
        "keys": {"content": 1, "identity": 1},
        "identifiers": {"email": 1, "user": 1},
        "dead_letters": 2,
        "holds": [],
        "requests": [],
        "against": None,
    }
    page = run("erase", "user:u1", *BASIS, "--dry-run").out
    assert "keys           content 1, identity 1" in page
    assert "unreadable     2 sealed parts of events, which stay as they are" in page
    assert page.splitlines()[-1].startswith("Nothing was erased. --yes ")
    assert rows(run, "SELECT type FROM events WHERE domain = 'privacy'") == []


def test_whoever_types_other_digits_erases_nobody(run: Run) -> None:
    ended = run("erase", "user:u1", *BASIS, code=4, typed="yes\n")
    assert ended.err.splitlines()[-2].startswith("This cannot be undone. Type ")
    assert ended.err.splitlines()[-1].startswith("Nothing was erased: expected ")
    other = digits(run, "user:u2", *BASIS)
    run("erase", "user:u1", *BASIS, "--yes", other, code=4)
    run("erase", "user:u1", "--basis", "other", "--yes", digits(run, "user:u1", *BASIS), code=4)
    only = digits(run, "user:u1", *BASIS, "--class", "content")
    run("erase", "user:u1", *BASIS, "--yes", only, code=4)
    assert rows(run, "SELECT type FROM events WHERE domain = 'privacy'") == []


@BOTH_STORES
def test_from_the_request_to_the_certificate(run: Run) -> None:
    asked = run("privacy", "receive", "user:u1", "erasure", "--law", "gdpr", "--id", "letter",
                "--contact", "Zoe, Ulm", "--json", by="mia")  # fmt: skip
    token = json.loads(asked.out)["token"]
    run("privacy", "verify", "letter", by="mia")
    same = run("erase", "user:u1", *BASIS, "--request", "letter", code=1, by="mia")
    assert same.err.startswith("bahi: actor: expected somebody else than ")
    yes = digits(run, "user:u1", *BASIS, "--request", "letter")
    ended = run("erase", "user:u1", *BASIS, "--request", "letter", typed=f"{yes}\n")
    assert "Certificate of erasure" in ended.out
    assert "NO " not in ended.out
    request = json.loads(asked.out)["request"]
    assert ended.out.splitlines()[-1] == (
        f"Tell them; then `bahi privacy close {request}` destroys where that went."
    )
    by_name = json.loads(run("privacy", "certificate", "letter", "--json").out)
    by_token = json.loads(run("privacy", "certificate", "--token", "-", "--json", typed=token).out)
    by_place = json.loads(run("privacy", "certificate", "6", "--json").out)
    assert by_name["events"] == by_token["events"] == by_place["events"]
    assert [event["type"] for event in by_name["events"]] == [
        "privacy.requested", "privacy.verified", "customer.erasing", "customer.erased",
    ]  # fmt: skip
    assert {check["ok"] for check in by_name["checks"]} == {True}
    assert by_name["destroyed"]["dead_letters"] == 2
    assert by_name["tree_head"]["size"] >= 6
    opened = run("privacy", "show", "letter", "--open", "--reason", "to tell them", "--json").out
    assert json.loads(opened)["opened"] == {"contact": "Zoe, Ulm"}
    closed = [run("privacy", "close", "letter", "--json").out for _ in "ab"]
    assert [json.loads(one)["new"] for one in closed] == [True, False]
    opened = run("privacy", "show", "letter", "--open", "--reason", "to look", "--json").out
    assert (json.loads(opened)["opened"], json.loads(opened)["erased"]) == ({}, 1)
    (shown,) = json.loads(run("privacy", "list", "--all", "--json").out)
    assert shown["state"] == "customer.erased"
    run("privacy", "certificate", "user:u2", code=2)
    run("privacy", "certificate", "--token", "no", code=2)


@BOTH_STORES
def test_the_erased_are_gone_from_what_is_read(run: Run) -> None:
    before = rows(run, "SELECT * FROM daily")
    run("erase", "user:u1", *BASIS, "--yes", digits(run, "user:u1", *BASIS))
    assert len(json.loads(run("view", "customer_360", "--format", "json").out)) == 1
    assert [
        row for row in rows(run, "SELECT * FROM daily") if row["type"] == "order.placed"
    ] == before
    run("customer", "user:u1", code=2)
    assert (
        run("dead", "list").out.count("shop.csv") == run("dead", "list").out.count("bad-mail") == 0
    )
    run("verify")


def test_a_hold_stops_it_by_its_name(run: Run) -> None:
    run("privacy", "hold", "user:u1", "claim-7", "--ground", "litigation")
    ended = run("erase", "user:u1", *BASIS, code=1)
    assert "hold: expected none on this person, came claim-7 (litigation)" in ended.err
    assert "claim-7 (litigation), placed on " in ended.out
    planned = json.loads(run("erase", "user:u1", *BASIS, "--dry-run", "--json").out)
    assert (planned["digits"], len(planned["holds"])) == (None, 1)


def test_one_class_goes_and_the_customer_stays(run: Run) -> None:
    yes = digits(run, "user:u1", *BASIS, "--class", "content")
    ended = run("erase", "user:u1", *BASIS, "--class", "content", "--yes", yes, "--json")
    assert json.loads(ended.out)["classes"] == ["content"]
    run("customer", "user:u1")
    assert len(json.loads(run("view", "customer_360", "--format", "json").out)) == 2


def test_many_go_at_once_and_who_may_not_is_named(run: Run, tmp_path: Path) -> None:
    run("privacy", "hold", "user:u2", "claim-7", "--ground", "litigation")
    (tmp_path / "ids.txt").write_text("user:u1\n\nemail:zoe@example.com\nuser:nobody\nuser:u2\n")
    planned = run("erase", "--file", "ids.txt", *BASIS, "--dry-run", "--json", code=3)
    assert "1 to be erased, known as 1 customers, with 2 keys, 2 identifiers" in planned.err
    found = json.loads(planned.out)
    assert found["erased"] == {}
    assert sorted(why.partition(":")[0] for why in found["refused"].values()) == [
        "hold", "no customer with that user; what stands before the colon is the kind as the mapping names it, here user",
    ]  # fmt: skip
    text = (tmp_path / "ids.txt").read_text()
    ended = run(
        "erase", "--file", "-", *BASIS, "--yes", found["digits"], "--json", code=3, typed=text
    )
    assert len(json.loads(ended.out)["erased"]) == 1
    assert rows(run, "SELECT count(*) AS n FROM events WHERE type = 'customer.erased'") == [
        {"n": 1}
    ]
    run("erase", *BASIS, code=2)
    run("erase", "user:u1", "--file", "ids.txt", *BASIS, code=2)


@pytest.mark.parametrize("how", ["one", "many"])
def test_a_certificate_that_contradicts_itself_is_no_success(
    run: Run, tmp_path: Path, how: str
) -> None:
    """A key of theirs is gone from the vault, and nobody can say that it was on purpose."""
    with closing(sqlite3.connect(tmp_path / ".bahi" / "vault" / "vault.db")) as vault, vault:
        vault.execute("DELETE FROM subject_key WHERE retention = 'content'")
    if how == "one":
        yes = digits(run, "user:u1", *BASIS)
        ended = run("erase", "user:u1", *BASIS, "--yes", yes, code=1)
        assert "NO   every key that the book knows of is among the destroyed: 1 of 2" in ended.out
    else:
        (tmp_path / "ids.txt").write_text("user:u1\n")
        found = json.loads(run("erase", "--file", "ids.txt", *BASIS, "--dry-run", "--json").out)
        ended = run("erase", "--file", "ids.txt", *BASIS, "--yes", found["digits"], code=1)
        assert "1 erasures are contradicted by what is left" in ended.err


def test_nobody_goes_who_was_merged_behind_the_prompt(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = cli._demand_confirmed

    def merged_meanwhile(*given: Any) -> None:
        ask(*given)
        run("merge", "user:u1", "user:u2", "--reason", "one desk", "--despite-identifiers")

    yes = digits(run, "user:u1", *BASIS)
    monkeypatch.setattr(cli, "_demand_confirmed", merged_meanwhile)
    ended = run("erase", "user:u1", *BASIS, "--yes", yes, code=1)
    assert "expected the person that was shown, known as 1 customers" in ended.err
    assert rows(run, "SELECT type FROM events WHERE domain = 'privacy'") == []


def test_a_position_that_there_is_not_has_no_certificate(run: Run) -> None:
    for position in ("0", "99", f"{10**20 - 1}"):
        ended = run("privacy", "certificate", position, code=2)
        assert "no certificate at position" in ended.err


def test_what_was_begun_is_carried_on_by_the_next_command(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where it cannot be, that is said, and keeps nobody from their work."""

    def stop(step: Step) -> None:
        raise KeyboardInterrupt(step)

    with Bahi.open(read_settings()) as bahi:
        anna = bahi.ledger.vault.look_up(Identifier("user", "u1"))
        assert anna is not None
        with pytest.raises(KeyboardInterrupt):
            erase(replace(bahi.office, told=stop), [anna], legal_basis="x", actor=bahi.actor())
    monkeypatch.setattr("ledger.sqlite.connection._BUSY_MS", 100)
    with closing(sqlite3.connect(tmp_path / ".bahi" / "vault" / "vault.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM subject_key").fetchone()
        ended = run("view", "customer_360", "--format", "json")
        assert ended.err.startswith(
            "warning: an erasure has begun and is not done yet: vault.db: its log"
        )
        assert len(json.loads(ended.out)) == 1  # whoever is begun with is gone already
        ended_types = "SELECT type FROM events WHERE type = 'customer.erased'"
        assert rows(run, ended_types) == []
    assert run("view", "customer_360", "--format", "json").err == ""
    assert rows(run, ended_types) == [{"type": "customer.erased"}]


FORGED = """
source = "forger"
[event]
type = "{type}"
occurred_at = "when"
message_id = ["no"]
[identifiers]
user = "who"
[fields]
"""


@pytest.mark.parametrize("type_", ["customer.erasing", "customer.erased"])
def test_a_file_cannot_say_that_somebody_is_erased(run: Run, tmp_path: Path, type_: str) -> None:
    (tmp_path / "forged.toml").write_text(FORGED.format(type=type_))
    (tmp_path / "forged.csv").write_text("no,who,when\n1,u1,2026-01-02T03:04:05Z\n")
    ended = run("import", "forged.csv", "--mapping", "forged.toml", code=2)
    assert "a type that a door may append" in ended.err or type_ in ended.err
    assert rows(run, f"SELECT type FROM events WHERE type = '{type_}'") == []
    planned = json.loads(run("erase", "user:u1", *BASIS, "--dry-run", "--json").out)
    assert planned["keys"] == {"content": 1, "identity": 1}
