"""The composition root: the only place where the parts of Bahi are put together."""

import os
import pwd
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from api.staging import Staging
from commands.deciding import Desk
from commands.privacy.erasing import Office, resume
from commands.privacy.recovering import Recovered, recover
from ledger.clock import Clock, Ids, random_ids, system_clock
from ledger.errors import BahiError, FoldFailed
from ledger.opening import Ledger, Standing, open_ledger, open_restored, remember
from ledger.settings import Settings
from ledger.stores import open_book
from projections import Progress, Views
from projections.arenas import keep_few_arenas
from replay.columns import Columns
from replay.history import Past
from replay.opening import Reading

if TYPE_CHECKING:
    from streams.imports import Intake

_HOUR = timedelta(hours=1)
_STAFF = "os:"
"""What the vault knows a member of staff by, before the name that their machine has for them."""


@dataclass(slots=True)
class Bahi:
    """One open ledger with its views. Close it: that is when the keyring remembers how far it got."""

    settings: Settings
    clock: Clock
    ids: Ids
    ledger: Ledger
    user: str | None = None
    """Who acts; None for whoever runs this process. There is no setting of it and no variable."""
    unfinished: Exception | None = field(default=None, init=False)
    """Why an erasure that had begun could not be carried on when this was opened."""
    overdue: Exception | None = field(default=None, init=False)
    """Why the vault, whose epoch is over, could not be wrapped anew."""
    reading: Reading = field(init=False)
    """What can be read of it, as notebooks read it too."""
    _renewed_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.reading = Reading.of(self.ledger, self.settings, self.clock)

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Clock = system_clock,
        ids: Ids = random_ids,
        wrapping: Progress | None = None,
        user: str | None = None,
    ) -> Self:
        """Open the ledger that the settings name, or begin it.

        Where its epoch is over, everything in the vault is wrapped anew; `wrapping` is told how far that is.
        """
        keep_few_arenas()
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
            Staging(settings.staging_folder).clear()
        except BaseException:
            ledger.close()
            raise
        bahi = cls(settings, clock, ids, ledger, user)
        try:
            ledger.vault.expire_suppressions(clock())
            resume(bahi.office)
        except (BahiError, OSError, sqlite3.Error) as error:
            # Whose erasure has begun is gone for everybody already: what cannot be carried on now, such
            # as while somebody reads the vault without end, keeps nobody else from their work.
            bahi.unfinished = error
        bahi.renew(wrapping)
        return bahi

    @classmethod
    def open_restored(
        cls,
        settings: Settings,
        clock: Clock = system_clock,
        ids: Ids = random_ids,
        user: str | None = None,
    ) -> tuple[Self, Standing]:
        """Open stores that may be older than is remembered, for `recover` and nothing else."""
        keep_few_arenas()
        book = open_book(settings.ledger_address, clock)
        try:
            ledger, standing = open_restored(
                book, settings.vault_address, settings.keyring_file, clock=clock, ids=ids
            )
        except BaseException:
            book.close()
            raise
        return cls(settings, clock, ids, ledger, user), standing

    def recover(self, standing: Standing) -> Recovered:
        """Make restored stores fit to be opened; see `commands.privacy.recovering`."""
        if standing.book_is_older:
            self.views.clear()
            self.columns.clear()
        recovered = recover(self.office, standing, self.actor)
        self.catch_up()
        return recovered

    def renew(self, wrapping: Progress | None = None) -> None:
        """Begin the vault's next epoch if this one is over; `overdue` says why that could not be done."""
        self._renewed_at = self.clock()
        try:
            self.ledger.vault.renew(self.ledger.keyring, self._renewed_at, wrapping)
            self.overdue = None
        except (BahiError, OSError, sqlite3.Error) as error:
            self.overdue = error

    def renew_at_rest(self) -> None:
        """The same, once an hour at most: for what runs for weeks, to be called whenever it has a moment."""
        if self.clock() - self._renewed_at >= _HOUR:
            self.renew()

    @property
    def views(self) -> Views:
        """The views; see `Reading`."""
        return self.reading.views

    @property
    def columns(self) -> Columns:
        """Past in columns; see `Reading`."""
        return self.reading.columns

    @property
    def history(self) -> Past:
        """What was, through the views, as everybody sees it: without the erased and the restricted."""
        return self.history_for("")

    def history_for(self, purpose: str) -> Past:
        """The same for a purpose; see `Reading`."""
        return self.reading.history_for(purpose)

    @property
    def intake(self) -> "Intake":
        """How doors take items in."""
        from streams.imports import Intake  # slow to load, and not for who looks

        given = self.settings
        return Intake(self.clock, self.ids, given.future_tolerance, given.region, given.limits)

    @property
    def desk(self) -> Desk:
        """Where guarded commands are carried out."""
        given = self.settings
        tolerance = given.future_tolerance
        return Desk(self.ledger, self.clock, self.ids, tolerance, given.region, given.limits)

    @property
    def staging(self) -> Staging:
        """Where files about people are made before they are handed over."""
        return Staging(self.settings.staging_folder)

    @property
    def office(self) -> Office:
        """Where people are erased, and what else of ours forgets them."""
        return Office(self.desk, (_ForgettingViews(self), self.staging))

    def actor(self) -> UUID:
        """The random id of whoever acts, by their name on this machine."""
        return self.staff(self.user or _user())

    def staff(self, name: str) -> UUID:
        """The random id of a member of staff, by their name on this machine; made if it is new."""
        return self.ledger.vault.staff(f"{_STAFF}{name}")

    def staff_name(self, actor: UUID) -> str | None:
        """Who that is, by their name on their machine; None for somebody else than staff."""
        name = self.ledger.vault.staff_name(actor)
        return None if name is None else name.removeprefix(_STAFF)

    def catch_up(self, progress: Progress | None = None) -> list[FoldFailed]:
        """Bring every fold up to the book's head; those that stopped, alone, are returned."""
        return self.reading.catch_up(progress)

    def close(self, *, in_order: bool = True) -> None:
        """Close everything; if all went well, write a tree head that the keyring remembers."""
        try:
            if in_order:
                self.ledger.book.checkpoint()
                remember(self.ledger)
        finally:
            self.reading.close_views()
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


def _user() -> str:
    """Whose process this is, by its real user id: what the environment says of it, anybody can set."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user often has a number and no name
        return f"uid-{number}"


class _ForgettingViews:
    """The views: brought past the erasing, at which they drop whom it is about, and swept besides of
    tables that have stopped before it, or are being filled.
    """

    def __init__(self, bahi: Bahi) -> None:
        self._bahi = bahi

    def forget(self, customers: Collection[UUID]) -> None:
        """See `Forgetting.forget`."""
        self._bahi.catch_up()
        self._bahi.views.forget(customers)
