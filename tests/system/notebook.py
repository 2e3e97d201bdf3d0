"""Runs a notebook in a kernel of its own, and writes it with what came out but for what differs from run to run.

    python -m tests.system.notebook PAGE OUT

The kernel works in the folder of OUT, which may be PAGE itself: so the page in the docs is written, after
`make demo`.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_TIMEOUT_S = 60


def run_notebook(page: Path, out: Path) -> None:
    """Run every cell in order. Raises what a cell raises."""
    notebook = nbformat.read(page, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=_TIMEOUT_S,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(out.parent)}},
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # not which version it was
    nbformat.write(notebook, out)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    run_notebook(Path(sys.argv[1]), Path(sys.argv[2]))
