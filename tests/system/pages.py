"""The pages of the project, and what they tell a reader to type, typed as they would."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.system.cli import ROOT, Done, Scratch
from tests.system.nursery import bahi

README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
SUBSCRIBE = ROOT / "docs" / "subscribe.md"
PAGES = sorted(page for page in (README, *(ROOT / "docs").glob("*.md")) if page.is_file())
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINE = re.compile(r"^(?:\$ )?((?:BAHI_\w+=\S+ )*)((?:bahi|make)\b.*)$")


def lines(page: Path) -> Iterator[str]:
    """Yield each line of the page's `sh` blocks that is a command of ours; a comment behind it goes."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            if LINE.match(line.strip()):
                yield line.strip().removeprefix("$ ")


def run_page(page: Path, scratch: Scratch) -> dict[str, Done]:
    """Run each line of `bahi` in a copy of the checkout; it has to end well."""
    checkout = scratch.folder / "checkout"  # what a line writes does not belong into ours
    checkout.mkdir()
    for name in ("tests", "projections", "docs"):
        (checkout / name).symlink_to(ROOT / name)
    ran = {}
    for line in lines(page):
        if line.startswith("make "):
            continue
        done = scratch.run_command(["sh", "-ec", on_path(line)], cwd=checkout)
        assert done.code == 0, f"{line}\nexit {done.code}\n{done.err}"
        ran[line] = done
    return ran


def on_path(line: str) -> str:
    """Let `bahi` mean one from the nursery, wherever in the line it stands."""
    return f"PATH={shlex.quote(str(bahi().parent))}:$PATH; export PATH; {line}"
