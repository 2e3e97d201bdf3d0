"""Style that matters, as tests: what a reader of the tree relies on, and what must never get into it."""

import logging
import re
import subprocess
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGES = ["ledger", "commands", "projections", "streams", "replay", "api"]
TOP_LEVEL = [*PACKAGES, "tests", "docs", "README.md", "CHANGELOG.md"]
TOP_LEVEL += ["pyproject.toml", "requirements.lock", "Makefile"]

LONGEST_FILE = 400
LONGER_FOR_A_REASON: dict[str, str] = {}
"""Paths of files with more lines than that, each with why it is still one room."""

# Every word stands here in two pieces, or this file would be the first to contain it.
REGISTRY_HOSTS = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "pypi.python" + ".org",
    "crates" + ".io",
]
REGISTRY_HOSTS += ["repo.maven" + ".apache.org", "repo1.maven" + ".org", "npm" + "js.org"]
REGISTRY_HOSTS += ["proxy.go" + "lang.org", "deb.deb" + "ian.org"]
MACHINE_FOLDERS = ["/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/"]
SKIPS = ["pytest.sk" + "ip", "mark.sk" + "ip", "import" + "orskip", "xf" + "ail", "Skip" + "Test"]


def tracked_text() -> dict[str, str]:
    """Return path and text of every file that git has, or would have with the next commit."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    texts = {}
    for name in sorted(set(listed.split("\0")) - {""}):
        if (path := ROOT / name).is_file():  # removed, but not yet from git's index
            texts[name] = path.read_bytes().decode(errors="replace")
    return texts


def found(pattern: str, texts: dict[str, str]) -> list[str]:
    """Return ``path:line: text`` of every line that the pattern matches."""
    return [
        f"{name}:{number}: {line.strip()}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def any_of(words: list[str]) -> str:
    return "|".join(map(re.escape, words))


def test_no_file_names_a_package_registry() -> None:
    assert found(any_of(REGISTRY_HOSTS), tracked_text()) == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    start_of_a_path = rf"(?<![\w.])({any_of([*MACHINE_FOLDERS, str(ROOT)])})"
    assert found(start_of_a_path, tracked_text()) == []


def test_lock_files_hold_names_versions_and_hashes_only() -> None:
    locks = {name: text for name, text in tracked_text().items() if name.endswith(".lock")}
    assert len(locks) == 3
    pin = r"[a-z0-9._-]+==[\w.+]+( ; [\w.'<>=!() ]+)? \\"
    digest = r"    --hash=sha256:[0-9a-f]{64}( \\)?"
    assert found(rf"^(?!({pin}|{digest})$)", locks) == []


def test_imports_run_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would set up logging anew, and so silence every logger of this process, for all tests to come.
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    others = logging.getLogger("of others")
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True) == 0
    assert not others.disabled


def test_nothing_else_stands_at_the_top_level() -> None:
    names = {name.split("/")[0] for name in tracked_text()}
    assert {name for name in names if not name.startswith(".")} - set(TOP_LEVEL) == set()


def test_files_are_small_rooms() -> None:
    rooms = {name: text for name, text in tracked_text().items() if name.endswith((".py", ".sql"))}
    long = {name for name, text in rooms.items() if len(text.splitlines()) > LONGEST_FILE}
    assert long == set(LONGER_FOR_A_REASON)


def test_no_test_is_passed_over() -> None:
    code = {name: text for name, text in tracked_text().items() if name.endswith(".py")}
    assert found(any_of(SKIPS), code) == []
