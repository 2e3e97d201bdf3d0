"""The composition root: the only place where the parts of Bahi are put together."""

import getpass
import os
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import FoldFailed
from ledger.opening import Ledger, open_ledger, remember
from ledger.settings import Settings
from ledger.stores import book_folder, open_book
from projections import Progress, Views
from replay.history import History
from streams.imports import Intake

VIEWS_FILE = "views.db"


@dataclass(slots=True)
class Bahi:
    """One open ledger with its views. Close it: that is when the keyring remembers how far it got."""

    settings: Settings
    clock: Clock
    ids: Ids
    ledger: Ledger
    views: Views
    history: History

    @classmethod
    def open(cls, settings: Settings, clock: Clock = system_clock, ids: Ids = random_ids) -> Self:
        """Open the ledger that the settings name, or begin it."""
        book = open_book(settings.ledger_address, clock)
        try:
            ledger = open_ledger(
                book, settings.vault_file, settings.keyring_file, clock=clock, ids=ids
            )
        except BaseException:
            book.close()
            raise
        try:
            folder = book_folder(settings.ledger_address)
            views = Views.open(folder / VIEWS_FILE, settings.views, clock)
            ledger.vault.expire(clock())
        except BaseException:
            ledger.close()
            raise
        return cls(settings, clock, ids, ledger, views, History(book, views))

    @property
    def intake(self) -> Intake:
        """How doors take items in."""
        tolerance, region = self.settings.future_tolerance, self.settings.region
        return Intake(self.clock, self.ids, tolerance, region)

    def actor(self) -> UUID:
        """The random id of whoever runs this process, by their name on this machine."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container's user often has a number and no name
            name = f"uid-{os.getuid()}"
        return self.ledger.vault.staff(f"os:{name}")

    def catch_up(self, progress: Progress | None = None) -> list[FoldFailed]:
        """Bring every fold up to the book's head; those that stopped, alone, are returned."""
        self.views.catch_up(self.ledger.book, progress)
        listed = self.views.list(self.ledger.book.head())
        return [line.failure for line in listed if line.failure is not None]

    def close(self, *, in_order: bool = True) -> None:
        """Close everything; if all went well, write a tree head that the keyring remembers."""
        try:
            if in_order:
                self.ledger.book.checkpoint()
                remember(self.ledger)
        finally:
            self.views.close()
            self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(in_order=kind is None)
