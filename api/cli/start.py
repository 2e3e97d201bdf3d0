"""The way in. A command loads the file that it stands in: to load all takes longer than most need to run."""

import gc
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

ROOMS: Mapping[str, Sequence[str]] = {
    "access": ("access",),
    "account": ("knowing",),
    "begin": ("beginning",),
    "consent": ("consenting",),
    "consume": ("consuming",),
    "contracts": ("contracting",),
    "customer": ("looking",),
    "dead": ("taking_in",),
    "deal": ("selling",),
    "demo": ("demo",),
    "diff": ("comparing",),
    "erase": ("erasing",),
    "export": ("exporting",),
    "export-customer": ("archiving",),
    "goal": ("selling",),
    "history": ("keeping",),
    "import": ("taking_in",),
    "keys": ("proving",),
    "mapping": ("taking_in",),
    "merge": ("identifying",),
    "plot": ("plotting",),
    "privacy": (
        "answering",
        "archiving",
        "erasing",
        "rectifying",
        "redacting",
        "restricting",
        "retaining",
    ),
    "publish": ("streaming",),
    "recover": ("recovering",),
    "schema": ("knowing",),
    "serve": ("door",),
    "split": ("identifying",),
    "sql": ("looking",),
    "task": ("serving",),
    "ticket": ("serving",),
    "verify": ("proving",),
    "view": ("looking",),
    "views": ("looking",),
    "what-if": ("comparing",),
    "webhook": ("access",),
    "why": ("looking",),
}
"""The first word of a command, and the files in which what may follow it stands."""


def load(word: str = "") -> None:
    """Add the commands that begin with this word; all that there are, if it is none of theirs."""
    everything = sorted({room for rooms in ROOMS.values() for room in rooms})
    for room in ROOMS.get(word, everything):
        import_module(f"api.cli.{room}")


def main(user: str | None = None) -> NoReturn:
    """Run the command line; what stops it ends in one line on stderr and its exit code.

    A program that serves several people names the one who acts as `user`.
    """
    # A batch makes thousands of objects but hardly a cycle, and so does loading: looking for cycles
    # as often as usual costs an import a seventh of its time, and the loading a tenth.
    gc.set_threshold(100_000, 20, 100)
    _do_without_pandas()
    from api.cli.app import run

    load(*sys.argv[1:2])
    run(user)


class _WithoutPandas:
    """One of the ways to find a module; on this one pandas is not there."""

    @staticmethod
    def find_spec(fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError(name=fullname)


def _do_without_pandas() -> None:
    """Keep pyarrow from loading pandas, where it is installed, as it makes its first array.

    To load it takes as long as to load all of ours. Whoever asks for a data frame still gets one.
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _WithoutPandas)
    try:
        import pyarrow as pa

        pa.array([])  # looks for it, and looks again only for who asks for a data frame
    finally:
        sys.meta_path.remove(_WithoutPandas)
