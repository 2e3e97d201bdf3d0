"""What the pages tell a reader to type is typed here, in order, as they would.

Those of the README are run in `test_cdnow`, which looks at what they have made, those for a server in
`test_operations`, and those for topics in `tests/streams/kafka/test_subscribe`.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from api.cli.app import app
from api.cli.start import load
from tests.system.cli import ROOT, Scratch
from tests.system.pages import OPERATIONS, PAGES, README, SUBSCRIBE, lines, run_page

OTHERS = [page for page in PAGES if page not in {README, OPERATIONS, SUBSCRIBE}]


def commands(group: typer.Typer, before: str = "bahi") -> Iterator[str]:
    """Yield every command of the command line, as it is typed."""
    for command in group.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        yield f"{before} {name.replace('_', '-')}"
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(
            inner.typer_instance, f"{before} {inner.name or inner.typer_instance.info.name}"
        )


@pytest.mark.parametrize("page", OTHERS, ids=[page.name for page in OTHERS])
def test_every_line_of_bahi_runs_as_it_stands(tmp_path: Path, page: Path) -> None:
    run_page(page, Scratch(tmp_path))


def targets() -> dict[str, str]:
    """Return the recipe of each target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z]+):.*\n((?:\t.*\n)*)", makefile, re.MULTILINE))


def named_targets() -> set[str]:
    return {
        word
        for page in PAGES
        for line in lines(page)
        if line.startswith("make ")
        for word in shlex.split(line, comments=True)[1:]
        if "=" not in word
    }


def test_every_target_that_is_named_is_one_of_the_makefile() -> None:
    assert named_targets() <= targets().keys()


def test_every_command_stands_in_the_pages() -> None:
    """By its own name, or as what a target does that they name."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    text += "".join(recipe for name, recipe in targets().items() if name in named_targets())
    load()
    missing = [name for name in commands(app) if not re.search(rf"\b{name}\b", text)]
    assert missing == []
