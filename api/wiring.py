"""The composition root: the only place where the parts of Bahi are put together."""

import getpass
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from uuid import UUID

from ledger.clock import Clock, Ids, random_ids, system_clock
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
        return self.ledger.vault.staff(f"os:{getpass.getuser()}")

    def catch_up(self, progress: Progress | None = None) -> None:
        """Bring every fold up to the book's head; one that cannot go on stops alone."""
        self.views.catch_up(self.ledger.book, progress)

    def close(self) -> None:
        """Write a tree head, let the keyring remember it, and close everything."""
        try:
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
        self.close()
