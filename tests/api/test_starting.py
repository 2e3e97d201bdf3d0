"""A command loads what it needs: its own file of commands, and no library that it has no use for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from api.cli.app import app
from api.cli.start import ROOMS, load
from tests.api.doors import MAPPING, clean

SLOW = {
    "adbc_driver_postgresql", "babel", "email_validator", "holidays", "iso4217", "jsonschema",
    "kafka", "matplotlib", "pandas", "phonenumbers", "polars", "psycopg", "pyarrow.csv", "pyarrow.parquet",
    "pycountry", "rich.progress",
    "api.archive", "api.demo", "commands.privacy.retention",
}  # fmt: skip
"""What takes its time to load, and few commands need."""

OF_FILES = "streams.files"

RUN = """
import sys
from api.cli import main
sys.argv = ["bahi", *sys.argv[1:]]
try:
    main()
finally:
    print(*sys.modules, sep="\\n", file=sys.stderr)
"""

ROWS = "no,who,mail,when,total,currency,note\n1,u1,,2026-01-02T03:04:05Z,12.50,EUR,hello\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledger of a small shop, looked at once."""
    folder = tmp_path_factory.mktemp("starting")
    (folder / "shop.toml").write_text(MAPPING)
    (folder / "shop.csv").write_text(ROWS)
    loaded(folder, "import", "shop.csv", "-m", "shop.toml")
    loaded(folder, "customer", "user:u1")
    return folder


def loaded(folder: Path, *command: str) -> set[str]:
    """What a process has loaded that ran this command."""
    ended = subprocess.run(
        [sys.executable, "-c", RUN, *command],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2]), "BAHI_HOME": "home"},
        capture_output=True,
        check=False,
    )
    told = ended.stderr.decode()
    assert ended.returncode == 0, told
    assert "leaked" not in told  # as DuckDB says of connections that nobody has closed
    return set(told.split())


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        (("deal", "--help"), SLOW),
        (("customer", "user:u1"), {*SLOW, OF_FILES} - {"iso4217"}),
        (("view", "customer_360", "--format", "json"), {*SLOW, OF_FILES}),
        (("sql", "FROM events", "--format", "json"), {*SLOW, OF_FILES}),
        (("import", "shop.csv", "-m", "shop.toml"), SLOW - {"iso4217"}),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else "",
)
def test_what_a_command_does_not_need_is_not_loaded(
    folder: Path, command: tuple[str, ...], unneeded: set[str]
) -> None:
    assert loaded(folder, *command) & unneeded == set()


def test_whoever_wants_pandas_still_gets_it() -> None:
    code = (
        "from api.cli.start import _do_without_pandas\n_do_without_pandas()\n"
        "import sys, pyarrow as pa\nassert 'pandas' not in sys.modules\n"
        "assert pa.table({'a': [1]}).to_pandas().a.tolist() == [1]"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)


def words(group: typer.Typer, before: str = "") -> Iterator[tuple[str, str]]:
    """Yield the first word of every command, and the file that it stands in."""
    for command in group.registered_commands:
        assert command.callback is not None
        name = (command.name or command.callback.__name__).replace("_", "-")
        yield before or name, command.callback.__module__.removeprefix("api.cli.")
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from words(inner.typer_instance, before or inner.name or "")


def test_every_command_is_found_in_its_file() -> None:
    load()
    found: dict[str, set[str]] = {}
    for word, room in words(app):
        found.setdefault(word, set()).add(room)
    assert {word: set(rooms) for word, rooms in ROOMS.items()} == found
    folder = Path(__file__).parents[2] / "api" / "cli"
    with_commands = {
        path.stem for path in folder.glob("*.py") if ".command(" in path.read_text(encoding="utf-8")
    }
    assert with_commands == {room for rooms in ROOMS.values() for room in rooms}


@pytest.mark.parametrize("word", ["begin", "import", "no-such"])
def test_a_command_that_is_loaded_alone_is_one_of_many(folder: Path, word: str) -> None:
    code = "import sys; from api.cli import main; sys.argv = ['bahi', *sys.argv[1:]]; main()"
    ended = subprocess.run(
        [sys.executable, "-c", code, word, "--help"],
        cwd=folder,
        env={**clean(), "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        check=False,
    )
    told = ended.stdout.decode() + ended.stderr.decode()
    wanted = "No such command 'no-such'" if word == "no-such" else f"Usage: bahi {word}"
    assert wanted in told
