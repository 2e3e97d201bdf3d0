"""What the vault asks of the store that keeps its rows: one snapshot, one write lock, many rows at once.

A question costs SQLite a few microseconds and a server a trip over the network. So everything is
asked for many rows in one go, and a thousand touchpoints cost no more trips than one.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from typing import Any, TypeVar

T = TypeVar("T")

Row = tuple[Any, ...]
"""Values in the order of the statement; ids and digests are bytes."""


class Questions(ABC):
    """What can be asked of the rows of a vault.

    `name` is that of a statement, which each store has in SQL of its own.
    """

    @abstractmethod
    def ask(self, name: str, *given: object) -> list[Row]:
        """The rows of one statement."""

    @abstractmethod
    def find(self, name: str, wanted: Collection[Row]) -> list[Row]:
        """The rows of a query for each of the wanted, in any order."""


class Rows(Questions):
    """The rows of a vault within one transaction."""

    @abstractmethod
    def put(self, name: str, rows: Collection[Row]) -> None:
        """Do a statement for each of these rows, no two of which are of the same key."""


class Store(Questions):
    """Where the rows of one vault are. A question to itself is a snapshot of its own."""

    @abstractmethod
    def read(self, work: Callable[[Questions], T]) -> T:
        """What `work` reads, all of it from one state of the vault. It may be begun again."""

    @abstractmethod
    def write(self, work: Callable[[Rows], T]) -> T:
        """What `work` does under the write lock, committed; or as if it had never begun.

        On a server it is done again if the connection is lost, also where nobody can tell whether it
        had been committed. So `work` looks under the lock for what it is about to write, and brings
        nothing with it from a time before.
        """

    @abstractmethod
    def scrub(self) -> None:
        """Overwrite what was deleted before, if the store can. Raises `StoreUnavailable` while a reader
        keeps it from that.
        """

    @abstractmethod
    def write_anew(self) -> None:
        """Leave behind what copies of deleted rows the store itself has made, where it can and nobody is
        in the way.
        """

    @abstractmethod
    def close(self) -> None:
        """Give back what is held open."""
