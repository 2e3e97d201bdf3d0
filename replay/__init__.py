"""What was: history in columns; time travel, SQL, verification. `History` is for notebooks."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replay.notebook import History

__all__ = ["History"]


def __getattr__(name: str) -> object:
    """`History`, loaded by whoever wants it: a command that is over soon does not."""
    if name != "History":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from replay.notebook import History

    return History
