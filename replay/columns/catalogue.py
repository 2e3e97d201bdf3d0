"""Which segments there are: one JSON file beside them, replaced whole.

A segment is in the catalogue once its file is on the disk for good, and a file is removed once no
catalogue names it. So whoever reads the catalogue finds what it names, whatever was killed and when.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import orjson

from ledger.whole_file import replace_whole

FORMAT = 1
NAME = "catalogue.json"
_PRIVATE_FILE = 0o600


@dataclass(frozen=True, slots=True)
class Segment:
    """One file: events `first` to `last`, all of them, and what its bytes are.

    `sha256` is of the whole file; `root` the RFC 6962 root over its leaves, which is a node of the
    book's own tree, since ranges are aligned; `last_leaf` that of its last event. All are hex.
    """

    file: str
    first: int
    last: int
    bytes: int
    sha256: str
    root: str
    last_leaf: str
    shape: str
    """Which of the catalogue's shapes it has."""

    @property
    def rows(self) -> int:
        """How many events."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Retired:
    """A file that a larger one has replaced at a moment (µs), for whoever may still be reading it."""

    file: str
    since_us: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Segments in order of position, none of which overlap, of one ledger.

    `shapes` says of each shape by which definition every column was read; `redacted_upto` is the last
    `event.redacted` that every segment follows.
    """

    ledger_id: UUID | None = None
    segments: tuple[Segment, ...] = ()
    retired: tuple[Retired, ...] = ()
    shapes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    redacted_upto: int = 0

    @property
    def files(self) -> set[str]:
        """Every file that it names."""
        return {one.file for one in self.segments} | {one.file for one in self.retired}

    def has(self, segment: Segment, columns: Iterable[str], today: Mapping[str, str]) -> bool:
        """Whether a segment holds these columns as they are read today."""
        shape = self.shapes[segment.shape]
        return all(shape.get(name) == today[name] for name in columns)

    def within(self, first: int, last: int) -> list[Segment]:
        """The segments that hold any event from `first` to `last`."""
        return [one for one in self.segments if one.last >= first and one.first <= last]

    def with_segment(self, segment: Segment, shape: Mapping[str, str], now_us: int | None) -> Self:
        """The same with a segment in place of all that it covers; those are retired, or dropped if
        nobody is to read them any longer (`now_us` is None).
        """
        gone = self.within(segment.first, segment.last)
        stay = [one for one in self.segments if one not in gone]
        retired = [] if now_us is None else [Retired(one.file, now_us) for one in gone]
        return replace(
            self,
            segments=tuple(sorted([*stay, segment], key=lambda one: one.first)),
            retired=(*self.retired, *retired),
            shapes={**self.shapes, segment.shape: shape},
        )

    def without_retired(self, files: Iterable[str]) -> Self:
        """The same without these retired files."""
        gone = set(files)
        return replace(self, retired=tuple(one for one in self.retired if one.file not in gone))

    def gaps(self, after: int, upto: int) -> Iterator[tuple[int, int]]:
        """The ranges (after, upto) of positions that no segment holds."""
        for one in self.within(after + 1, upto):
            if one.first > after + 1:
                yield after, one.first - 1
            after = one.last
        if after < upto:
            yield after, upto


def read(folder: Path) -> Catalogue:
    """The catalogue of a folder; an empty one if there is none, or none that can be read."""
    try:
        return _parsed((folder / NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Catalogue()
    except (KeyError, TypeError, ValueError):  # as a later version of ours would have it
        return Catalogue()


def write(folder: Path, catalogue: Catalogue) -> None:
    """Replace the catalogue in one step. Called by whoever holds the folder's writing lock."""
    used = {one.shape for one in catalogue.segments}
    content = {
        "format": FORMAT,
        "ledger_id": None if catalogue.ledger_id is None else str(catalogue.ledger_id),
        "segments": [asdict(one) | {"rows": one.rows} for one in catalogue.segments],
        "retired": [asdict(one) for one in catalogue.retired],
        "shapes": {name: dict(catalogue.shapes[name]) for name in sorted(used)},
        "redacted_upto": catalogue.redacted_upto,
    }
    text = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    replace_whole(folder / NAME, text, _PRIVATE_FILE)


def _parsed(content: bytes) -> Catalogue:
    told = orjson.loads(content)
    if told["format"] != FORMAT:
        raise ValueError("of another format")
    ledger_id, segments = told["ledger_id"], tuple(_segment(one) for one in told["segments"])
    # An event that two of them have would be counted twice.
    if any(later.first <= one.last for one, later in pairwise(segments)):
        raise ValueError("not in order")
    return Catalogue(
        ledger_id=None if ledger_id is None else UUID(ledger_id),
        segments=segments,
        retired=tuple(Retired(**one) for one in told["retired"]),
        shapes={one.shape: told["shapes"][one.shape] for one in segments},
        redacted_upto=told["redacted_upto"],
    )


def _segment(told: dict[str, Any]) -> Segment:
    rows = told.pop("rows")
    segment = Segment(**told)  # other names, or fewer, are refused
    if rows != segment.rows or "/" in segment.file:
        raise ValueError("no segment")
    return segment
