"""What the pages tell a reader to type is typed here, in order, as they would."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from api.cli import app
from tests.system.cli import BAHI, ROOT, Scratch

PAGES = sorted(
    page for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if page.is_file()
)
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^(?:\$ )?((?:BAHI_\w+=\S+ )*)((?:bahi|make)\b.*)$")


def lines(page: Path) -> Iterator[str]:
    """Yield each line of the page's `sh` blocks that is a command of ours; a comment behind it goes."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if LINE.match(line.strip()):
                yield line.strip().removeprefix("$ ")


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


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_every_line_of_bahi_runs_as_it_stands(tmp_path: Path, page: Path) -> None:
    scratch = Scratch(tmp_path)
    checkout = tmp_path / "checkout"  # what a line writes does not belong into ours
    checkout.mkdir()
    for name in ("tests", "projections", "docs"):
        (checkout / name).symlink_to(ROOT / name)
    for line in lines(page):
        if line.startswith("make "):
            continue
        done = scratch.run_command(["sh", "-ec", on_path(line)], cwd=checkout)
        assert done.code == 0, f"{line}\nexit {done.code}\n{done.err}"


def on_path(line: str) -> str:
    """Let `bahi` mean the one under test, wherever in the line it stands."""
    return f"PATH={shlex.quote(str(BAHI.parent))}:$PATH; export PATH; {line}"


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
    missing = [name for name in commands(app) if not re.search(rf"\b{name}\b", text)]
    assert missing == []
