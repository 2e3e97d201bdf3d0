"""What was: history in columns; time travel, SQL, verification. `History` is for notebooks.

`opening` says what can be read of a ledger and `history` reads it, as of any day; `columns` keeps the book in Parquet,
`verify` shows that nothing was altered. `cage` runs somebody's SQL, `comparing` holds looks against each other,
`notebook` and `plots` are for Python, `rows` writes answers down.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replay.notebook.history import History

__all__ = ["History"]


def __getattr__(name: str) -> object:
    """`History`, loaded by whoever wants it: a command that is over soon does not."""
    if name != "History":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from replay.notebook.history import History

    return History
