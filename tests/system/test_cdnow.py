"""The purchases of CDNOW from the command line, against a few lines that know nothing of Bahi."""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.system.cli import CDNOW as FILE
from tests.system.cli import CDNOW_MAPPING as MAPPING
from tests.system.cli import Scratch, bytes_of, first_purchases
from tests.system.told import purchases as purchases_of
from tests.system.told import readme


def plainly() -> list[tuple[str, int]]:
    """Return day (YYYYMMDD) and cents of every purchase, in the order of the file."""
    rows = (line.split() for line in gzip.decompress(FILE.read_bytes()).decode().splitlines()[1:])
    return [(row[1], int(row[3].replace(".", ""))) for row in rows if row]


def total(rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
    return sum(row["orders"] for row in rows), sum(row["ordered"] or 0 for row in rows)


def money(scratch: Scratch, *given: str, code: int = 0) -> tuple[int, int]:
    rows = scratch.run("view", "customer_money", "--format", "json", *given, code=code).json
    assert isinstance(rows, list)
    return total(rows)


def test_the_readme_runs_and_every_purchase_is_in_once_and_seen_as_of_any_day(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    ran, scratch = readme(tmp_path_factory), purchases_of(tmp_path_factory, "cdnow")
    purchases = plainly()
    counts = {"read": 69_659, "duplicates": 0, "refused": 0, "customers": 23_570}

    (first,) = [done for line, done in ran.items() if line.endswith("cdnow.toml --json")]
    assert first.json == {**counts, "appended": 69_659}
    assert "name the columns that tell a row from all others, with --id-columns" in first.err
    assert len(purchases) == 69_659
    assert money(scratch) == (69_659, 250_031_563) == (69_659, sum(c for _, c in purchases))

    then = [cents for day, cents in purchases if day <= "19970930"]
    assert (len(then), sum(then)) == (49_086, 172_335_450)
    assert money(scratch, "--as-of", "1997-09-30T00:00:00Z") == (49_086, 172_335_450)

    again = scratch.run("import", FILE, "--mapping", MAPPING, "--json")
    assert again.json == {**counts, "appended": 0, "duplicates": 69_659}
    assert money(scratch) == (69_659, 250_031_563)
    assert list((scratch.folder / "tmp").iterdir()) == []


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    part = first_purchases(tmp_path, 200)
    dry = scratch.run("import", part, "-m", MAPPING, "--dry-run", "--json")
    assert dry.json == {"read": 200, "refused": 0, "dry_run": True}
    assert not scratch.home.exists()
    scratch.run("import", part, "-m", MAPPING)
    stood = bytes_of(scratch.home)
    dry = scratch.run("import", part, "-m", MAPPING, "--dry-run", "--json")
    assert dry.json == {"read": 200, "refused": 0, "dry_run": True}
    assert bytes_of(scratch.home) == stood


def test_exit_codes_and_messages_say_what_went_wrong(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    part = first_purchases(tmp_path, 20)
    scratch.run("import", part, "-m", MAPPING)
    failed: list[tuple[int, str, tuple[object, ...]]] = [
        (2, "bahi: no customer with that email; ", ("customer", "email:nobody@example.com")),
        (2, "bahi: --known-at: expected a zone, such as", ("view", "daily", "--known-at", "1997-01-01T00:00")),
        (2, "bahi: no mapping file no-such.toml", ("import", part, "-m", "no-such.toml")),
    ]  # fmt: skip
    for code, message, given in failed:
        done = scratch.run(*given, code=code)
        assert message in done.err
        assert "Traceback" not in done.err
        assert done.out == ""


def test_one_customer_by_any_name_on_any_day(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)
    scratch.run("import", first_purchases(tmp_path, 200), "-m", MAPPING)
    page = scratch.run("customer", "user:00004", "--json").json
    assert [event["occurred_at"][:10] for event in page["timeline"]] == [
        "1997-01-01", "1997-01-18", "1997-08-02", "1997-12-12",
    ]  # fmt: skip
    (figures,) = page["views"]["customer_money"]
    assert (figures["orders"], figures["ordered"]) == (4, 2933 + 2973 + 1496 + 2648)
    then = scratch.run("customer", "-", "--as-of", "1997-01-31", "--json", stdin="user:00004\n")
    (figures,) = then.json["views"]["customer_money"]
    assert (figures["orders"], figures["ordered"]) == (2, 2933 + 2973)
    assert len(then.json["timeline"]) == 2
    assert "profile" not in page
    opened = scratch.run(
        "customer", page["customer"], "--open", "--reason", "they called", "--json"
    )
    assert opened.json["profile"]["identifiers"] == ["user:00004"]
    looked = scratch.run(
        "sql", "SELECT position, customer FROM events WHERE type = 'personal_data.opened'",
        "--format", "json",
    ).json  # fmt: skip
    assert looked == [{"position": 201, "customer": page["customer"]}]
