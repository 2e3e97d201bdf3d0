"""What can be read of a ledger: its book, through its views. Shared by the doors and by notebooks.

A door has a whole ledger open, with vault and keys, and reads through the same. Who only reads needs
no key: what is sealed stays sealed, and who is gone is told by the book, and by the keyring where it is
at hand.
"""

from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from ledger.book import CUSTOMER_TAG, Book, Match
from ledger.clock import Clock, system_clock
from ledger.errors import BahiError, Erased, FoldFailed, NotFound, StoreUnavailable, Withheld
from ledger.gone import Gone
from ledger.opening import Ledger, gone_from
from ledger.people import People
from ledger.restricted import DESPITE, Restricted
from ledger.settings import Settings
from ledger.stores import book_exists, book_name, open_book
from projections import Progress, Views
from projections.arenas import keep_few_arenas
from replay.columns import Columns
from replay.counting import Counted
from replay.history import Past


@dataclass(slots=True)
class Reading:
    """A book with its views and its people. Whoever opened it closes it."""

    settings: Settings
    clock: Clock
    book: Book
    people: People
    gone: Gone
    restricted: Restricted
    columns: Columns = field(init=False)
    """History in columns: what of the past is read from, and what the views are folded from."""
    unkept: Exception | None = field(default=None, init=False)
    """Why the history could not be kept when the views were last brought up."""
    read: Counted = field(init=False)
    """The same, to tell how much of it an answer took."""
    _views: Views | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.columns = Columns(self.settings.history_folder, self.book, clock=self.clock)
        self.read = Counted(self.columns)

    @classmethod
    def of(cls, ledger: Ledger, settings: Settings, clock: Clock) -> Self:
        """What can be read of a ledger that is open; it stays with whoever opened it."""
        return cls(settings, clock, ledger.book, ledger.people, ledger.gone, ledger.restricted)

    @classmethod
    def open(cls, settings: Settings, clock: Clock = system_clock) -> Self:
        """The book that the settings name, without its vault; nothing is begun where none is.

        Raises `NotFound` where there is none. Where the keyring is at hand, raises `KeyringForeign` and
        `StoreRolledBack` as an opening of the whole ledger does.
        """
        address = settings.ledger_address
        if not book_exists(address):
            raise NotFound("book", book_name(address), "name its folder or its address")
        keep_few_arenas()
        book = open_book(address, clock)
        try:
            gone = gone_from(book, settings.keyring_file, clock=clock)
            people = People(book)
            return cls(settings, clock, book, people, gone, Restricted(book, people))
        except BaseException:
            book.close()
            raise

    @property
    def views(self) -> Views:
        """The views; read from their files for whoever asks first, since that takes a second."""
        if self._views is None:
            given = self.settings
            self._views = Views.open(given.views_at, given.views, self.clock, self.gone)
        return self._views

    def history_for(self, purpose: str) -> Past:
        """What was, as it is seen for a purpose: without the erased, and but for those of `DESPITE`
        without those whose data is restricted.
        """
        return Past(self.book, self.views, self.people, lambda: self.hidden(purpose), self.read)

    def hidden(self, purpose: str = "") -> frozenset[UUID]:
        """Whom the views for a purpose leave out; for none, those for everybody."""
        gone = self.gone.now()
        return gone if purpose in DESPITE else gone | self.restricted.now()

    def demand_heard_of(self, customer: UUID) -> None:
        """Raises `NotFound` for a customer of whom the book has no event."""
        tagged = Match(tags=(f"{CUSTOMER_TAG}{customer}",))
        if not any(self.book.read(matching=[tagged], limit=1)):
            raise NotFound("customer", str(customer), "the book has no event of theirs")

    def demand_seen(self, customer: UUID, purpose: str) -> None:
        """Whether they may be looked at for this purpose. Raises `Erased`, `Withheld`."""
        if customer in self.gone.now():
            raise Erased(f"customer {customer} is erased")
        if purpose not in DESPITE and customer in self.restricted.now():
            raise Withheld(
                f"customer {customer}: their data is restricted, and is shown for the purposes "
                f"{', '.join(sorted(DESPITE))} alone"
            )

    def hide(self) -> None:
        """Have everybody whom our own views do not show hidden from a server's SQL too."""
        self.views.hide(self.hidden())

    def catch_up(self, progress: Progress | None = None) -> list[FoldFailed]:
        """Bring history and every fold up to the book's head; folds that stopped, alone, are returned."""
        self.keep(progress)
        return self.fold(progress)

    def fold(self, progress: Progress | None = None) -> list[FoldFailed]:
        """Bring every fold up to the book's head; those that stopped, alone, are returned."""
        self.views.catch_up(self.columns, progress)
        self.hide()
        return list(self.views.failures())

    def keep(self, progress: Progress | None = None) -> None:
        """Keep what history is missing. That it cannot be kept now, as where the disk is full, stops
        nobody: the book has it all. What another ledger keeps in the folder is left to it.
        """
        try:
            if self.columns.catalogue().ledger_id not in (None, self.book.ledger_id):
                what = f"{self.columns.folder} has another ledger's, which `bahi history keep` replaces"
                raise StoreUnavailable("history", what)
            self.columns.keep(progress)
            self.unkept = None
        except (BahiError, OSError) as error:
            self.unkept = error

    def close_views(self) -> None:
        """Close the views, if anybody has read them."""
        if self._views is not None:
            self._views.close()

    def close(self) -> None:
        """Close views and book, for whoever opened no more than these."""
        self.close_views()
        self.book.close()
