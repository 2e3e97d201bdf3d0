"""What may be believed of a catalogue: its files are there, of this very book, and follow what was removed from it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ledger.book import Book, Match
from ledger.event import Recorded
from replay.columns.catalogue import Catalogue, Segment

_REDACTED = "event.redacted"


def is_of(catalogue: Catalogue, book: Book, head: int) -> bool:
    """Whether the segments are copies of this book, and not of another, or of what it once was.

    A book that was restored from an older copy has fewer events, or others at the same place.
    """
    if not catalogue.segments:
        return True
    last = catalogue.segments[-1]
    if catalogue.ledger_id != book.ledger_id or last.last > head:
        return False
    (row,) = book.stored(last.last - 1, upto=last.last)
    found: bytes = row["leaf"][0].as_py()
    return found.hex() == last.last_leaf


def redactions(catalogue: Catalogue, book: Book) -> Iterator[Recorded]:
    """The redactions that the segments do not follow yet, in order."""
    return book.read(catalogue.redacted_upto, matching=[Match(types=(_REDACTED,))])


def touched(catalogue: Catalogue, told: Sequence[Recorded]) -> list[Segment]:
    """The segments that hold an event which one of these redactions is about."""
    places = {one.event.data["redacted_position"] for one in told}
    return [s for s in catalogue.segments if any(s.first <= at <= s.last for at in places)]


def present(catalogue: Catalogue, folder: Path) -> Catalogue:
    """The same without the segments whose file is gone, or is not as long as it was written."""
    stay = tuple(one for one in catalogue.segments if _is_whole(folder / one.file, one.bytes))
    return catalogue if stay == catalogue.segments else replace(catalogue, segments=stay)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def believed(catalogue: Catalogue, book: Book, folder: Path) -> Catalogue:
    """What of a catalogue may be read from: all of it, nothing, or all but what is missing or what a
    redaction touched.
    """
    catalogue = present(catalogue, folder)
    if not catalogue.segments or not is_of(catalogue, book, book.head()):
        return Catalogue()
    gone = touched(catalogue, [*redactions(catalogue, book)])
    stay = tuple(one for one in catalogue.segments if one not in gone)
    return catalogue if not gone else replace(catalogue, segments=stay)
