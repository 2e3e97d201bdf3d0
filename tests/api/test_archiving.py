"""`bahi export-customer` and `bahi privacy opened` as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.api.archives import Archive
from tests.api.doors import Ended, here, shop

Run = Callable[..., Ended]
ZOE = "email:zoe@example.com"
BY_LETTER = ("--reason", "she wrote: Zanna")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run `bahi` in the scratch folder of a shop with its orders; it has to end with `code` (0)."""
    for name in ("BAHI_HOME", "BAHI_LEDGER", "BAHI_OFFICE_COUNTRY", "BAHI_OFFICE_ZONE"):
        monkeypatch.delenv(name, raising=False)
    shop(tmp_path)

    def run_(*command: str, code: int = 0, by: str = "mia") -> Ended:
        ended = here(capsys, monkeypatch, tmp_path, *command, by=by)
        assert ended.code == code, ended
        return ended

    run_("import", "shop.csv", "-m", "shop.toml", code=3)
    return run_


def asked(run: Run, right: str, name: str, *steps: str) -> None:
    """A request of Zoë's, taken as far as that."""
    run("privacy", "receive", ZOE, right, "--law", "gdpr", "--id", name)
    for step in steps:
        run("privacy", step, name)


def told(run: Run, *command: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("privacy", "opened", *command, "--json").out)
    return rows


def test_an_archive_that_answers_a_request(run: Run, tmp_path: Path) -> None:
    asked(run, "access", "letter", "verify")
    ended = run("export-customer", ZOE, "--out", "zoe.zip", "--request", "letter")
    first, second = ended.out.splitlines()
    assert first == "4 events on 5 pages are in zoe.zip."
    assert second.startswith("Its SHA-256, which is on record, is ")
    assert ended.err == ""
    archive = Archive.read(tmp_path / "zoe.zip")
    assert [line["type"] for line in archive.lines("events")] == [
        "order.placed", "privacy.requested", "privacy.verified", "personal_data.opened",
    ]  # fmt: skip
    assert [line["name"] for line in archive.lines("openings")] == ["mia"]
    request = archive.json()["request"]
    assert archive.lines("openings")[0]["reason"] == f"request {request}"
    assert list((tmp_path / ".bahi" / "staging").iterdir()) == []


def test_an_archive_to_take_along(run: Run, tmp_path: Path) -> None:
    asked(run, "portability", "letter", "verify")
    ended = run("export-customer", ZOE, "--out", "zoe.zip", "--request", "letter", "--json")
    shown = json.loads(ended.out)
    assert (shown["file"], shown["events"], shown["pages"], shown["missing"]) == (
        "zoe.zip",
        1,
        0,
        {},
    )
    archive = Archive.read(tmp_path / "zoe.zip")
    assert "mia" not in archive
    assert [line["type"] for line in archive.lines("events")] == ["order.placed"]


def test_without_a_request_it_takes_a_reason(run: Run, tmp_path: Path) -> None:
    out = ("export-customer", ZOE, "--out", "zoe.zip")
    run(*out, *BY_LETTER, "--portability", "--recipient", "other-shop", "--language", "fr")
    readme = Archive.read(tmp_path / "zoe.zip").files["README.txt"].decode()
    assert readme.startswith("Vos données, à emporter")
    (row,) = (row for row in told(run, ZOE) if row["exported"])
    assert (row["purpose"], row["last_recipient"]) == ("portability", "other-shop")
    run("export-customer", ZOE, "--out", "without.zip", *BY_LETTER, "--no-staff-names")
    assert "mia" not in Archive.read(tmp_path / "without.zip")


REFUSED = {
    (): "expected --request or --reason, came neither",
    ("--request", "access", *BY_LETTER): "expected --request or --reason, came both",
    ("--request", "unknown"): "no request ",
    ("--request", "erasure"): "--request: expected one for access or portability, came one for erasure",
    ("--request", "open"): "--request: expected one that is verified, came one that was requested on",
    ("--request", "access", "--portability"): "--portability: expected a request for that, came one for access",
    ("--recipient", "two words", *BY_LETTER): "recipient: expected one word",
}  # fmt: skip


def test_what_makes_no_sense_is_refused(run: Run, tmp_path: Path) -> None:
    asked(run, "access", "access", "verify")
    asked(run, "erasure", "erasure", "verify")
    asked(run, "access", "open")
    for command, message in REFUSED.items():
        ended = run("export-customer", ZOE, "--out", "zoe.zip", *command, code=2)
        assert ended.err.startswith(f"bahi: {message}"), ended.err
    assert list(tmp_path.glob("*.zip")) == []
    assert told(run) == []


def test_somebody_elses_request_and_a_name_that_is_taken(run: Run, tmp_path: Path) -> None:
    asked(run, "access", "letter", "verify")
    ended = run("export-customer", "user:u2", "--out", "a.zip", "--request", "letter", code=2)
    assert ended.err == "bahi: --request: expected one of this person, came one of somebody else\n"
    (tmp_path / "a.zip").write_bytes(b"mine")
    for out in ("a.zip", "nowhere/a.zip"):
        run("export-customer", ZOE, "--out", out, *BY_LETTER, code=2)
    assert (tmp_path / "a.zip").read_bytes() == b"mine"
    run("export-customer", "user:nobody", "--out", "b.zip", *BY_LETTER, code=2)
    assert told(run) == []


def test_a_restriction_does_not_stand_against_whoever_asks_for_themselves(run: Run) -> None:
    run("privacy", "restrict", ZOE, "--ground", "contested")
    run("export-customer", ZOE, "--out", "zoe.zip", *BY_LETTER)
    assert sum(row["openings"] for row in told(run, ZOE)) == 1


def test_who_looked_at_whom(run: Run) -> None:
    assert run("privacy", "opened").out == "Nobody has opened anything.\n"
    look = ("customer", ZOE, "--open", "--reason", "they called")
    for _ in range(3):
        run(*look)
    run(*look, "--purpose", "sales", by="noor")
    run("customer", "user:u2", "--open", "--reason", "they wrote", by="noor")
    both = told(run, ZOE)
    assert [(row["who"], row["purpose"], row["openings"]) for row in both] == [
        ("noor", "sales", 1), ("mia", "service", 1),
    ]  # fmt: skip
    assert sorted((row["who"], row["openings"]) for row in told(run)) == [
        ("mia", 1), ("noor", 1), ("noor", 1),
    ]  # fmt: skip
    assert sorted((row["purpose"], row["openings"]) for row in told(run, "--by", "noor")) == [
        ("sales", 1), ("service", 1),
    ]  # fmt: skip
    assert [row["who"] for row in told(run, ZOE, "--by", "noor")] == ["noor"]
    assert told(run, ZOE, "--by", "nobody") == told(run, "--since", "2999-01-01") == []
    assert len(told(run, "--since", both[0]["day"])) == 3
    shown = run("privacy", "opened", ZOE).out
    assert "mia" in shown
    assert "zoe@" not in shown
    assert run("privacy", "opened", "--since", "soon", code=2).err == (
        "bahi: --since: expected a day such as 2026-01-31\n"
    )


def test_letters_count_for_whoever_opened_them_and_all_whom_they_name(run: Run) -> None:
    for letter in json.loads(run("dead", "list", "--json").out):
        run("dead", "show", letter["id"], "--reason", "mending")
    (row,) = told(run, "--by", "mia")
    assert (row["purpose"], row["openings"], row["of_nobody_known"]) == ("mending", 2, 0)
    assert [row["openings"] for row in told(run, ZOE)] == [2]


def test_the_erased_have_no_archive_and_nobody_is_told_who_looked_at_them(
    run: Run, tmp_path: Path
) -> None:
    run("export-customer", ZOE, "--out", "zoe.zip", *BY_LETTER)
    (before,) = [row for row in told(run, ZOE) if row["openings"]]
    planned = ("erase", ZOE, "--basis", "gdpr-17-1-b")
    shown = json.loads(run(*planned, "--dry-run", "--json").out)
    run(*planned, "--yes", shown["digits"])
    customer = before["customer"]
    for command in (
        ("export-customer", customer, "--out", "again.zip", *BY_LETTER),
        ("privacy", "opened", customer),
    ):
        assert run(*command, code=4).err == f"bahi: customer {customer} is erased\n"
    assert not (tmp_path / "again.zip").exists()
    assert told(run) == []
    assert sum(row["openings"] for row in told(run, "--by", "mia")) == 1


def test_a_class_that_was_erased_is_said_to_be_and_the_rest_is_there(
    run: Run, tmp_path: Path
) -> None:
    planned = ("erase", ZOE, "--basis", "gdpr-17-1-b", "--class", "content")
    shown = json.loads(run(*planned, "--dry-run", "--json").out)
    run(*planned, "--yes", shown["digits"])
    ended = run("export-customer", ZOE, "--out", "zoe.zip", *BY_LETTER, "--language", "de")
    assert ended.err == "1 sealed parts were erased for good\n"
    archive = Archive.read(tmp_path / "zoe.zip")
    order = archive.lines("events")[0]
    assert (order["erased"], "unavailable" in order) == (["content"], False)
    assert order["personal"].keys() == {"identity"}
    assert "endgültig gelöscht" in archive.page("events-1.html").texts
    assert "hello" not in archive
