"""The notebook in the docs runs from end to end, and what stands in it is what comes out of it."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.system.cli import ROOT
from tests.system.told import copied

PAGE = ROOT / "docs" / "replay.ipynb"
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def cells(page: Path) -> Iterator[Mapping[str, Any]]:
    yield from json.loads(page.read_text(encoding="utf-8"))["cells"]


def outputs(page: Path) -> list[list[Any]]:
    """Return what each cell shows, without the ids, which are random; of a picture only that it is one."""
    shown = []
    for cell in cells(page):
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            texts = {
                kind: UUID_TEXT.sub("an id", "".join(text))
                for kind, text in data.items()
                if kind.startswith("text/")
            }
            shown.append([output["output_type"], texts, sorted(data)])
    return shown


@pytest.mark.timeout(300)
def test_it_runs_and_says_what_stands_in_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    scratch = copied(tmp_path_factory, "notebook")
    scratch.home.rename(scratch.folder / ".demo")
    out = scratch.folder / "docs" / "replay.ipynb"
    out.parent.mkdir()
    folders = {
        "IPYTHONDIR": "ipython",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_RUNTIME_DIR": "run",
    }
    mine = [f"{name}={scratch.folder / folder}" for name, folder in folders.items()]
    mine += [f"HOME={os.environ.get('HOME', scratch.folder)}", "PYTHONWARNINGS="]
    run = [sys.executable, "-m", "tests.system.notebook", str(PAGE), str(out)]
    done = scratch.run_command(["env", "-u", "COLUMNS", *mine, *run])
    assert done.code == 0, done.err
    assert outputs(out) == outputs(PAGE)
    pictures = [kinds for _, _, kinds in outputs(out) if "image/png" in kinds]
    assert len(pictures) == 3


def test_it_stands_there_as_it_was_run_in_order_without_an_error() -> None:
    code = [cell for cell in cells(PAGE) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds == {"execute_result"}
    assert "Traceback" not in PAGE.read_text(encoding="utf-8")
