"""Nothing that is sealed is opened but in a few places, each of which is on record before: by the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ["ledger", "commands", "projections", "streams", "replay", "api"]

PLACES = {
    "OnRecord": {"commands/on_record.py"},
    "decrypt": {"ledger/keyring.py", "ledger/sealing.py", "ledger/vault/letters.py"},
    "letter_again": {"streams/imports.py"},
    "open_letter": {"commands/dead_letters.py"},
    "sealer.opening": {
        "api/archive/account.py",
        "commands/privacy/doing.py",
        "commands/profile.py",
    },
    "unseal": {"ledger/sealing.py"},
    "vault.key": {"commands/privacy/checking.py"},
    "_vault.key": {"ledger/sealing.py"},
}
"""What opens, or is needed to open, and who calls it.

`unseal` is called by `Opening` alone, which demands an `OnRecord`; that is read off the book. A letter is
taken again by a door that shows it to nobody, and opened by its id if that is on record. To see that a key
is destroyed, it is asked for.
"""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                yield called.attr
                yield f"{ast.unparse(called.value).rpartition('.')[2]}.{called.attr}"
            elif isinstance(called, ast.Name):
                yield called.id


def test_sealed_data_is_opened_where_it_is_on_record_and_nowhere_else() -> None:
    found: dict[str, set[str]] = {name: set() for name in PLACES}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for name in PLACES.keys() & set(calls(path)):
                found[name].add(path.relative_to(ROOT).as_posix())
    assert found == PLACES
