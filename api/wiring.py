"""The composition root: the only place where the parts of Bahi are put together."""

import getpass
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID

from commands.deciding import Desk
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import FoldFailed
from ledger.opening import Ledger, open_ledger, remember
from ledger.settings import Settings
from ledger.stores import open_book
from projections import Progress, Views
from replay.history import History
from streams.imports import Intake


@dataclass(slots=True)
class Bahi:
    """One open ledger with its views. Close it: that is when the keyring remembers how far it got."""

    settings: Settings
    clock: Clock
    ids: Ids
    ledger: Ledger
    _views: Views | None = field(default=None, init=False)

    @classmethod
    def open(cls, settings: Settings, clock: Clock = system_clock, ids: Ids = random_ids) -> Self:
        """Open the ledger that the settings name, or begin it."""
        book = open_book(settings.ledger_address, clock)
        try:
            ledger = open_ledger(
                book, settings.vault_address, settings.keyring_file, clock=clock, ids=ids
            )
        except BaseException:
            book.close()
            raise
        try:
            ledger.vault.expire(clock())
        except BaseException:
            ledger.close()
            raise
        return cls(settings, clock, ids, ledger)

    @property
    def views(self) -> Views:
        """The views; read from their files for whoever asks first, since that takes a second."""
        if self._views is None:
            given = self.settings
            self._views = Views.open(given.views_at, given.views, self.clock)
        return self._views

    @property
    def history(self) -> History:
        """What was, through the views."""
        return History(self.ledger.book, self.views, self.ledger.people)

    @property
    def intake(self) -> Intake:
        """How doors take items in."""
        given = self.settings
        return Intake(self.clock, self.ids, given.future_tolerance, given.region, given.limits)

    @property
    def desk(self) -> Desk:
        """Where guarded commands are carried out."""
        given = self.settings
        tolerance = given.future_tolerance
        return Desk(self.ledger, self.clock, self.ids, tolerance, given.region, given.limits)

    def actor(self) -> UUID:
        """The random id of whoever runs this process, by their name on this machine."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):  # a container's user often has a number and no name
            name = f"uid-{os.getuid()}"
        return self.staff(name)

    def staff(self, name: str) -> UUID:
        """The random id of a member of staff, by their name on this machine; made if it is new."""
        return self.ledger.vault.staff(f"os:{name}")

    def catch_up(self, progress: Progress | None = None) -> list[FoldFailed]:
        """Bring every fold up to the book's head; those that stopped, alone, are returned."""
        self.views.catch_up(self.ledger.book, progress)
        return list(self.views.failures())

    def close(self, *, in_order: bool = True) -> None:
        """Close everything; if all went well, write a tree head that the keyring remembers."""
        try:
            if in_order:
                self.ledger.book.checkpoint()
                remember(self.ledger)
        finally:
            if self._views is not None:
                self._views.close()
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
