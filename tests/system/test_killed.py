"""Imports killed with SIGKILL at any moment, and run again: the same book and the same views."""

import gzip
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.system.cli import CDNOW, CDNOW_MAPPING, Scratch, first_purchases

ROWS = 4_000
CHAIN = 3

EVERYTHING = """
SELECT 'events' AS name, to_json({'id': id, 'type': type, 'occurred_at': occurred_at, 'data': data,
                                  'customer': customer, 'position': position}) AS row FROM events
UNION ALL SELECT 'customer_360', to_json(v) FROM customer_360 v
UNION ALL SELECT 'customer_money', to_json(v) FROM customer_money v
UNION ALL SELECT 'customer_channel', to_json(v) FROM customer_channel v
UNION ALL SELECT 'daily', to_json(v) FROM daily v
"""

MAKING = [
    "pathlib:Path.replace",  # the keyring, written beside and not yet in its place
    "ledger.opening:open_vault",
    "ledger.sqlite.vault:SqliteVault.adopt",
    "ledger.sqlite.book:SqliteBook.adopt",
]
"""What a first import does before it reads, in order; a process dies in each."""

TAKING_IN = [
    ("ledger.sqlite.vault:SqliteVault.resolve", 1),
    ("ledger.sqlite.vault:SqliteVault.subject_keys", 1),
    ("ledger.sqlite.book:SqliteBook.append", 2),  # between vault and book
    ("ledger.sqlite.vault:SqliteVault.mark_logged", 2),  # between book and vault
    ("projections:Views.open", 1),  # between book and views
    ("projections:Views.catch_up", 1),
    ("projections.sqlite.store:_merged", 4),  # three folds merged, the others not
    ("ledger.sqlite.book:SqliteBook.checkpoint", 1),
    ("ledger.keyring:Keyring.raise_high_water", 1),
]
"""Where later ones die, each further on than the one before; the number counts the calls."""


def state(scratch: Scratch, file: Path) -> dict[str, list[Any]]:
    """Return events in order and rows of every view, customers called by their name in the file."""
    rows: dict[str, list[Any]] = {}
    for line in scratch.run("sql", EVERYTHING, "--format", "json").json:
        rows.setdefault(line["name"], []).append(line["row"])
    return named(rows, [line.split()[0] for line in file.read_text().splitlines()[1:]])


def named(rows: dict[str, list[Any]], users: list[str]) -> dict[str, list[Any]]:
    parsed = {name: [json.loads(row) for row in of] for name, of in rows.items()}
    events = sorted(parsed["events"], key=lambda event: event["position"])
    assert [event["position"] for event in events] == list(range(1, len(users) + 1))
    user_of: dict[str, str] = {}
    for event, user in zip(events, users, strict=True):
        assert user_of.setdefault(event["customer"], user) == user
    assert len(set(user_of.values())) == len(user_of)
    for of in parsed.values():
        for row in of:
            if "customer" in row:
                row["customer"] = user_of[row["customer"]]
    order = {name: sorted(of, key=json.dumps) for name, of in parsed.items() if name != "events"}
    return {"events": events, **order}


def without_ids(state: dict[str, list[Any]]) -> dict[str, list[Any]]:
    events = [{k: v for k, v in event.items() if k != "id"} for event in state["events"]]
    return {**state, "events": events}


def keyed(folder: Path, keyring: bytes | None) -> Scratch:
    """Return a scratch folder without a book, whose keyring is made or copied there."""
    scratch = Scratch(folder)
    scratch.keyring.parent.mkdir(parents=True)
    if keyring is None:
        code = "import sys, pathlib; from ledger.keyring import Keyring;"
        made = scratch.run_python(
            f"{code} Keyring.create(pathlib.Path(sys.argv[1]))", scratch.keyring
        )
        assert made.code == 0, made.err
    else:
        scratch.keyring.write_bytes(keyring)
        scratch.keyring.chmod(0o600)
    return scratch


def written(scratch: Scratch) -> int:
    """Return how many bytes there are in the home by now."""
    total = 0
    for path in scratch.home.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # a journal that has just gone
            continue
    return total


def kill_after(scratch: Scratch, size: int, *given: object) -> bool:
    """Kill an import as soon as the home holds so many bytes; whether it was still running."""
    process = scratch.start(*given)
    while process.poll() is None and written(scratch) < size:
        time.sleep(0.001)
    process.kill()
    return process.wait() < 0


def test_killed_while_the_ledger_is_first_made(tmp_path: Path) -> None:
    file = first_purchases(tmp_path, 200)
    command = ("import", file, "-m", CDNOW_MAPPING)
    whole = Scratch(tmp_path / "whole")
    whole.run(*command)
    killed = Scratch(tmp_path / "killed")
    for method in MAKING:
        killed.die_in(method, *command)
    assert killed.run(*command, "--json").json["appended"] == 200
    assert without_ids(state(killed, file)) == without_ids(state(whole, file))
    assert killed.run("verify", "--json").json["ok"]


def test_killed_between_vault_book_and_views(tmp_path: Path) -> None:
    file = first_purchases(tmp_path, 2_500)
    command = ("import", file, "-m", CDNOW_MAPPING)
    whole = keyed(tmp_path / "whole", None)
    killed = keyed(tmp_path / "killed", whole.keyring.read_bytes())
    whole.run(*command)
    for method, call in TAKING_IN:
        killed.die_in(method, *command, call=call)
    again = killed.run(*command, "--json").json
    assert (again["appended"], again["duplicates"]) == (0, 2_500)
    assert state(killed, file) == state(whole, file)
    assert killed.run("verify", "--json").json["ok"]


def killed_at_random(folder: Path, file: Path, seed: int, kills: int) -> None:
    """Kill one import again and again as it grows; in the end it equals one that nobody disturbed."""
    command = ("import", file, "-m", CDNOW_MAPPING)
    whole = keyed(folder / "whole", None)
    killed = keyed(folder / "killed", whole.keyring.read_bytes())
    whole.run(*command)
    size = written(whole)
    moments = sorted(random.Random(seed).randrange(size) for _ in range(kills))
    died = sum(kill_after(killed, moment, *command) for moment in moments)
    assert died >= kills / 2
    killed.run(*command)
    assert state(killed, file) == state(whole, file)
    assert killed.run("verify", "--json").json["ok"]


def test_killed_at_random_moments(tmp_path: Path) -> None:
    killed_at_random(tmp_path, first_purchases(tmp_path, ROWS), 1, CHAIN)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 20))
def test_the_whole_file_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "all.txt"
    file.write_bytes(gzip.decompress(CDNOW.read_bytes()))
    killed_at_random(tmp_path, file, seed, 20)
